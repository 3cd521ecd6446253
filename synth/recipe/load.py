"""A recipe from its file, and back: `load_recipe`, `dump_resolved`, `resolved_dict`.

Reading never runs code, never looks at the environment, and never opens a file but recipes. All mistakes come together
in one RecipeError, each with file, line, column, the line and a caret.
"""

from __future__ import annotations

import dataclasses
import os.path
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from synth.errors import RecipeError, UsageError
from synth.recipe.checks import check_all
from synth.recipe.drawn import is_distribution
from synth.recipe.fields import RECIPE
from synth.recipe.kinds import WRONG, At, Reading, item_name
from synth.recipe.model import Recipe
from synth.recipe.saved_recipe import check_paths_known, folder_of_paths
from synth.recipe.yaml_text import (
    MAX_BYTES,
    MAX_DEPTH,
    Mistake,
    Node,
    Place,
    SourceText,
    did_you_mean,
    parse,
    plain_value,
    shortened,
    source_text,
)

_MAX_EXTENDS = 10
_MAX_SHOWN = 50
_SET = "--set"
_BY_NAME_ALONE = ("effects", "channel", "events")  # lists whose items may be a name and nothing else
_BESIDE = (
    ("probability",),
    ("count",),
    ("relative_db",),
    ("makes_unknown",),
)  # keys that stand beside the name of an effect or event


def load_recipe(path: str | Path, overrides: Sequence[str] = (), *, folder: str | Path | None = None) -> Recipe:
    """The recipe in `path`, with `overrides` such as `noise.snr_db=[0, 15]` applied.

    A key of an override may step into a list by position (`speech.effects.0`), by the item's name (`noise.layers.rain`)
    or by the effect's name (`speech.effects.speed`). `path` may be a folder with a `recipe.yaml`. `folder` is what
    relative paths start from: if left out, the recipe's own, or that of the original of a recipe that lies in a data
    set.

    Raises RecipeError with all mistakes; UsageError where there is no such file, or a saved recipe whose paths cannot
    be followed.
    """
    path = recipe_file(Path(path))
    home = folder_of_paths(path) if folder is None else Path(os.path.realpath(folder))
    reading = Reading(home)
    root = _read_file(path, home, reading)
    for override in overrides:
        root = _overridden(root, override, reading)
    recipe = _read_recipe(root, reading)
    if reading.mistakes or recipe is WRONG:
        raise RecipeError(_texts(reading.mistakes, str(path)))
    found: Recipe = dataclasses.replace(recipe, folder=home)
    if folder is None:
        check_paths_known(path, found)
    return found


def recipe_file(path: Path) -> Path:
    """The recipe that a path names: the file itself, or `recipe.yaml` in a folder. Raises UsageError."""
    if not os.path.isdir(path):  # noqa: PTH112 - a name that is too long is no error here
        return path
    inside = path / "recipe.yaml"
    if not inside.is_file():
        raise UsageError(f"{path}: this folder has no recipe.yaml; name a recipe, or run `synth init {path}`")
    return inside


def _read_recipe(root: Node | None, reading: Reading) -> Any:
    if root is None:  # no YAML: that was said already
        return WRONG
    recipe = RECIPE.read(root, At(), reading)
    check_all(reading)
    return recipe


def _texts(mistakes: list[Mistake], first: str) -> list[str]:
    """The mistakes in the order of the text, file after file, each once."""
    files = list(dict.fromkeys([first, *(m.place.source.name for m in mistakes if m.place.source.name != _SET), _SET]))
    ordered = sorted(mistakes, key=lambda m: (files.index(m.place.source.name), m.place.line, m.place.column))
    texts = list(dict.fromkeys(str(m) for m in ordered))
    more = [f"and {len(texts) - _MAX_SHOWN} mistakes more"] if len(texts) > _MAX_SHOWN else []
    return texts[:_MAX_SHOWN] + more


# Files and `extends`


def _read_file(path: Path, home: Path, reading: Reading) -> Node | None:
    """The main recipe as nodes, with what it extends below it."""
    try:
        data = _bytes_of(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read ({_reason(error)}); `synth init DIR` writes a recipe") from error
    return _nodes(path, data, home, reading, (os.path.realpath(path),))


def _bytes_of(path: Path) -> bytes:
    """The file's first bytes, one more than a recipe may have. OSError where it is no regular file."""
    if path.exists() and not path.is_file():
        raise OSError("not a regular file")
    if path.stat().st_size == 0:
        return b""  # nothing is read: a file of /proc, which is regular and says 0, may block for ever
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _text_of(path: Path, data: bytes, home: Path, reading: Reading) -> str | None:
    """The text; None after noting that it is too big or not UTF-8."""
    problem, end = f"a recipe has at most {MAX_BYTES:,} bytes", 0
    if len(data) <= MAX_BYTES:
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            problem, end = "this is not text in UTF-8", error.start
    source = source_text(str(path), data[: end + 200].decode(errors="replace"), home)
    before = source_text("", data[:end].decode(errors="replace"), home).lines
    reading.wrong(Place(source, len(before) - 1, len(before[-1])), "", problem)
    return None


def _nodes(path: Path, data: bytes, home: Path, reading: Reading, chain: tuple[str, ...]) -> Node | None:
    text = _text_of(path, data, home, reading)
    if text is None:
        return None
    source = source_text(str(path), text, home)
    before = len(reading.mistakes)
    root = parse(text, source, reading.mistakes)
    if root is None and len(reading.mistakes) == before:
        reading.wrong(Place(source, 0, 0), "", "the recipe is empty; `synth init DIR` writes one to begin with")
    if root is None or not isinstance(root.value, dict) or "extends" not in root.value:
        return root
    return _extended(root, path, reading, chain)


def _extended(root: Node, path: Path, reading: Reading, chain: tuple[str, ...]) -> Node:
    """The recipe laid over the one that it extends."""
    said = root.value["extends"]
    child = Node({k: v for k, v in root.value.items() if k != "extends"}, root.place, keys=dict(root.keys))
    del child.keys["extends"]
    if said.value is None:
        return child
    base = _base(said, path, reading, chain)
    reading.incomplete = reading.incomplete or base is None
    return child if base is None else merged(base, child)


def _base(said: Node, path: Path, reading: Reading, chain: tuple[str, ...]) -> Node | None:
    if not isinstance(said.value, str) or "\0" in said.value:
        reading.wrong(said, "extends", f"{said.describe()} is not the path of a recipe")
        return None
    target = Path(os.path.normpath(path.parent / said.value))
    real = os.path.realpath(target)
    if real in chain or len(chain) > _MAX_EXTENDS:
        names = " -> ".join(Path(link).name for link in chain)
        how = "extends itself" if real in chain else "makes the chain too long"
        reading.wrong(said, "extends", f"{said.describe()} {how}: {names}")
        return None
    try:
        data = _bytes_of(target)
    except (OSError, ValueError) as error:
        reading.wrong(said, "extends", f"{said.describe()} cannot be read ({_reason(error)})")
        return None
    return _nodes(target, data, folder_of_paths(target), reading, (*chain, real))


def merged(base: Node, child: Node) -> Node:
    """Sections are merged key by key; everything else (numbers, words, lists, distributions) is replaced."""
    both = isinstance(base.value, dict) and isinstance(child.value, dict)
    if not both or is_distribution(base) or is_distribution(child):
        return child
    over = {key: merged(base.value[key], v) if key in base.value else v for key, v in child.value.items()}
    return Node(base.value | over, child.place, keys=base.keys | child.keys)


# --set


@dataclass(frozen=True, slots=True)
class _Override:
    """`KEY=VALUE` of the command line: the parts of the key, and the value as a node."""

    source: SourceText
    parts: tuple[str, ...]
    value: Node
    reading: Reading

    def place(self, depth: int) -> Place:
        """Where part `depth` of the key stands."""
        return Place(self.source, 0, sum(len(part) + 1 for part in self.parts[:depth]))

    def applied(self, node: Node | None, depth: int = 0) -> Node:
        """A copy of the node with the value at its place; sections on the way are made."""
        if depth == len(self.parts):
            return self.value
        if node is None or node.value is None:
            node = Node({}, self.place(depth))
        if isinstance(node.value, list):
            return self._in_list(node, depth)
        if isinstance(node.value, dict):
            return self._in_mapping(node, self.parts[depth], depth)
        return self._refused(node, depth, f"{node.describe()} has no keys")

    def _in_mapping(self, node: Node, key: str, depth: int) -> Node:
        child = self.applied(node.value.get(key), depth + 1)
        return Node(node.value | {key: child}, node.place, keys=node.keys | {key: self.place(depth)})

    def _in_list(self, node: Node, depth: int) -> Node:
        head = self.parts[depth]
        position = _position(node, head)
        if position is None:
            hint = did_you_mean(head, _names_in(node)) or f"; it has {len(node.value)}, counted from 0"
            return self._refused(node, depth, f"the list has no item {shortened(head)!r}{hint}")
        item = node.value[position]
        if item.value == head and self.parts[depth - 1] in _BY_NAME_ALONE:
            item = Node({head: Node(None, item.place)}, item.place, keys={head: item.place})
        # the name of an effect or event is a key of its item as well, beside `probability`
        is_key = (
            isinstance(item.value, dict) and head in item.value and self.parts[depth + 1 : depth + 2] not in _BESIDE
        )
        changed = self._in_mapping(item, head, depth) if is_key else self.applied(item, depth + 1)
        return Node([*node.value[:position], changed, *node.value[position + 1 :]], node.place)

    def _refused(self, node: Node, depth: int, text: str) -> Node:
        self.reading.wrong(self.place(depth), ".".join(self.parts[:depth]), text)
        return node


def _overridden(root: Node | None, override: str, reading: Reading) -> Node | None:
    source = source_text(_SET, override, reading.folder)
    key, equals, value = override.partition("=")
    parts = tuple(key.split("."))
    if not equals or not all(parts) or len(parts) > MAX_DEPTH:
        reading.wrong(Place(source, 0, 0), "", "give KEY=VALUE, such as noise.snr_db='[0, 15]'")
        return root
    if parts == ("extends",):
        reading.wrong(Place(source, 0, 0), "extends", "extends stands in a file alone; --set cannot give it")
        return root
    before = len(reading.mistakes)
    # as many blanks as there were characters: columns stay those of the text
    node = parse(" " * len(key + equals) + value, source, reading.mistakes)
    if len(reading.mistakes) > before or root is None:
        return root
    return _Override(source, parts, node or Node(None, Place(source, 0, len(key) + 1)), reading).applied(root)


def _names(item: Node) -> list[str]:
    """What an item of a list may be called: its `name` or `label`, else its effect or event."""
    if isinstance(item.value, str):
        return [item.value]
    named = item_name(item) or item_name(item, "label")
    keys = list(item.value) if isinstance(item.value, dict) else []
    return [named] if named is not None else [key for key in keys if (key,) not in _BESIDE]


def _names_in(node: Node) -> list[str]:
    return [name for item in node.value for name in _names(item)]


def _position(node: Node, head: str) -> int | None:
    if head.isascii() and head.isdigit():
        return int(head) if len(head) < 9 and int(head) < len(node.value) else None
    return next((i for i, item in enumerate(node.value) if head in _names(item)), None)


# Writing


class PlainYaml(yaml.SafeDumper):
    """Plain YAML that means the same in YAML 1.1 and in 1.2."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # PyYAML quotes what is no word in YAML 1.1; `1e3` or `0o17` are no words in 1.2
    style = None if isinstance(plain_value(text), str) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


PlainYaml.add_representer(str, _represent_text)
PlainYaml.ignore_aliases = lambda self, data: True  # type: ignore[method-assign]


def resolved_dict(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain JSON with every default filled in: equal for recipes that mean the same.

    Paths are as the recipe has them; the recipe's folder is not in it.
    """
    plain = RECIPE.write(recipe)
    assert isinstance(plain, dict)
    return plain


def dump_resolved(recipe: Recipe) -> str:
    """The recipe as YAML with every default filled in; `load_recipe` reads an equal recipe from it."""
    body = yaml.dump(
        resolved_dict(recipe), Dumper=PlainYaml, sort_keys=False, allow_unicode=True, default_flow_style=None, width=100
    )
    return f"# The recipe as it was run, with every default filled in.\n{body}"
