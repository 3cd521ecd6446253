"""A recipe from its file: `load_recipe`.

Reading never runs code, never looks at the environment, and never opens a file but recipes. All mistakes are reported
together in one RecipeError, each with file, line, column, the line and a caret.
"""

from __future__ import annotations

import dataclasses
import os.path
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from synth.errors import RecipeError, UsageError
from synth.recipe.checks import check_all
from synth.recipe.drawn import is_distribution
from synth.recipe.fields import RECIPE
from synth.recipe.kinds import WRONG, KeyPath, Reading
from synth.recipe.model import Recipe
from synth.recipe.overrides import SET, apply_override
from synth.recipe.saved_recipe import check_paths_known, folder_of_paths
from synth.recipe.yaml_text import MAX_BYTES, Mistake, Node, Position, parse, source_text

_MAX_EXTENDS = 10
_MAX_SHOWN = 50


def load_recipe(path: str | Path, overrides: Sequence[str] = (), *, folder: str | Path | None = None) -> Recipe:
    """Read a recipe.

    Args:
        path: the recipe, or a folder with a `recipe.yaml`.
        overrides: such as `noise.snr_db=[0, 15]`. A key may step into a list by position (`speech.effects.0`), by the
            item's name (`noise.layers.rain`) or by the effect's name (`speech.effects.speed`).
        folder: what relative paths start from. Default: the recipe's folder, or that of the original of a recipe that
            is in a data set.

    Raises:
        RecipeError: with all mistakes.
        UsageError: there is no such file, or the paths of a saved recipe cannot be followed.
    """
    path = recipe_file(Path(path))
    root_folder = folder_of_paths(path) if folder is None else Path(os.path.realpath(folder))
    reading = Reading(root_folder)
    try:
        data = _read_bytes(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read ({_reason(error)}); `synth init DIR` writes a recipe") from error
    root = _parse_file(path, data, root_folder, reading, (os.path.realpath(path),))
    for override in overrides:
        root = apply_override(root, override, reading)
    recipe: Any = WRONG
    if root is not None:
        recipe = RECIPE.read(root, KeyPath(), reading)
        check_all(reading)
    if reading.mistakes or recipe is WRONG:
        raise RecipeError(_mistake_texts(reading.mistakes, str(path)))
    loaded: Recipe = dataclasses.replace(recipe, folder=root_folder)
    if folder is None:
        check_paths_known(path, loaded)
    return loaded


def recipe_file(path: Path) -> Path:
    """The recipe that a path names: the file itself, or `recipe.yaml` in a folder.

    Raises:
        UsageError: the folder has none.
    """
    if not os.path.isdir(path):  # noqa: PTH112 - a name that is too long is no error here
        return path
    inside = path / "recipe.yaml"
    if not inside.is_file():
        raise UsageError(f"{path}: this folder has no recipe.yaml; name a recipe, or run `synth init {path}`")
    return inside


def _mistake_texts(mistakes: list[Mistake], first: str) -> list[str]:
    """The mistakes in the order of the text, file after file, each once; those of `--set` last."""
    names = [mistake.position.source.name for mistake in mistakes]
    files = list(dict.fromkeys([first, *(name for name in names if name != SET), SET]))

    def order(mistake: Mistake) -> tuple[int, int, int]:
        return files.index(mistake.position.source.name), mistake.position.line, mistake.position.column

    texts = list(dict.fromkeys(str(mistake) for mistake in sorted(mistakes, key=order)))
    hidden = [f"and {len(texts) - _MAX_SHOWN} more mistakes"] if len(texts) > _MAX_SHOWN else []
    return texts[:_MAX_SHOWN] + hidden


def _read_bytes(path: Path) -> bytes:
    """The file's first bytes, one more than a recipe may have."""
    if path.exists() and not path.is_file():
        raise OSError("not a regular file")
    if path.stat().st_size == 0:
        return b""  # not opened: a file of /proc, which is regular and has size 0, may block forever
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _parse_file(path: Path, data: bytes, folder: Path, reading: Reading, chain: tuple[str, ...]) -> Node | None:
    """A recipe as nodes, laid over the one that it extends.

    Args:
        path: the file.
        data: its bytes.
        folder: what its relative paths start from.
        reading: takes the mistakes.
        chain: the real paths of this file and of those that extend it.
    """
    problem, end = f"a recipe has at most {MAX_BYTES:,} bytes", 0
    text = None
    if len(data) <= MAX_BYTES:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            problem, end = "this is not text in UTF-8", error.start
    if text is None:
        source = source_text(str(path), data[: end + 200].decode(errors="replace"), folder)
        before = source_text("", data[:end].decode(errors="replace"), folder).lines
        reading.wrong(Position(source, len(before) - 1, len(before[-1])), "", problem)
        return None
    source = source_text(str(path), text, folder)
    count = len(reading.mistakes)
    root = parse(text, source, reading.mistakes)
    if root is None and len(reading.mistakes) == count:
        reading.wrong(Position(source, 0, 0), "", "the recipe is empty; `synth init DIR` writes one to begin with")
    if root is None or not isinstance(root.value, dict) or "extends" not in root.value:
        return root
    extends = root.value["extends"]
    child = Node(
        {key: value for key, value in root.value.items() if key != "extends"},
        root.position,
        keys={key: position for key, position in root.keys.items() if key != "extends"},
    )
    if extends.value is None:
        return child
    base = _parse_base(extends, path, reading, chain)
    if base is None:
        reading.incomplete = True
        return child
    return merged(base, child)


def _parse_base(extends: Node, path: Path, reading: Reading, chain: tuple[str, ...]) -> Node | None:
    """The recipe that `path` extends; None after noting why it cannot be read."""
    if not isinstance(extends.value, str) or "\0" in extends.value:
        reading.wrong(extends, "extends", f"{extends.describe()} is not the path of a recipe")
        return None
    target = Path(os.path.normpath(path.parent / extends.value))
    real = os.path.realpath(target)
    if real in chain or len(chain) > _MAX_EXTENDS:
        names = " -> ".join(Path(link).name for link in chain)
        problem = "extends itself" if real in chain else "makes the chain too long"
        reading.wrong(extends, "extends", f"{extends.describe()} {problem}: {names}")
        return None
    try:
        data = _read_bytes(target)
    except (OSError, ValueError) as error:
        reading.wrong(extends, "extends", f"{extends.describe()} cannot be read ({_reason(error)})")
        return None
    return _parse_file(target, data, folder_of_paths(target), reading, (*chain, real))


def merged(base: Node, child: Node) -> Node:
    """A recipe laid over another.

    Sections are merged key by key; all else (numbers, words, lists, distributions) is replaced.
    """
    are_mappings = isinstance(base.value, dict) and isinstance(child.value, dict)
    if not are_mappings or is_distribution(base) or is_distribution(child):
        return child
    replaced = {key: merged(base.value[key], v) if key in base.value else v for key, v in child.value.items()}
    return Node(base.value | replaced, child.position, keys=base.keys | child.keys)
