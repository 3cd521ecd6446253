"""Overrides of a recipe from the command line: `--set noise.snr_db='[0, 15]'`."""

from __future__ import annotations

from dataclasses import dataclass

from synth.recipe.kinds import Reading, item_name
from synth.recipe.yaml_text import (
    MAX_DEPTH,
    Node,
    Position,
    SourceText,
    did_you_mean,
    parse,
    shortened,
    source_text,
)

SET = "--set"
"""What messages call the text of an override."""

_LISTS_OF_NAMES = ("effects", "channel", "events")  # lists whose items may be a name and nothing else
_BESIDE_NAME = ("probability", "count", "relative_db", "makes_unknown")  # keys beside the name of an effect or event


def apply_override(root: Node | None, override: str, reading: Reading) -> Node | None:
    """A copy of a recipe with one value replaced; the recipe itself after noting a mistake.

    Args:
        root: the recipe; None if it is not YAML.
        override: `KEY=VALUE`. The key may step into a list by position, or by the name of an item or effect.
        reading: takes the mistakes.
    """
    source = source_text(SET, override, reading.folder)
    key, equals, value = override.partition("=")
    parts = tuple(key.split("."))
    if not equals or not all(parts) or len(parts) > MAX_DEPTH:
        reading.wrong(Position(source, 0, 0), "", "give KEY=VALUE, such as noise.snr_db='[0, 15]'")
        return root
    if parts == ("extends",):
        reading.wrong(Position(source, 0, 0), "extends", "--set cannot give `extends`; write it in a file")
        return root
    before = len(reading.mistakes)
    # as many blanks as there were characters: columns stay those of the text
    node = parse(" " * len(key + equals) + value, source, reading.mistakes)
    if len(reading.mistakes) > before or root is None:
        return root
    return _Override(source, parts, node or Node(None, Position(source, 0, len(key) + 1)), reading).applied(root)


@dataclass(frozen=True, slots=True)
class _Override:
    """The parts of the key, and the value as a node."""

    source: SourceText
    parts: tuple[str, ...]
    value: Node
    reading: Reading

    def position(self, depth: int) -> Position:
        """Where part `depth` of the key is."""
        return Position(self.source, 0, sum(len(part) + 1 for part in self.parts[:depth]))

    def applied(self, node: Node | None, depth: int = 0) -> Node:
        """A copy of the node with the value in it; missing sections on the way are added."""
        if depth == len(self.parts):
            return self.value
        if node is None or node.value is None:
            node = Node({}, self.position(depth))
        if isinstance(node.value, list):
            return self._in_list(node, depth)
        if isinstance(node.value, dict):
            return self._in_mapping(node, self.parts[depth], depth)
        return self._refuse(node, depth, f"{node.describe()} has no keys")

    def _in_mapping(self, node: Node, key: str, depth: int) -> Node:
        child = self.applied(node.value.get(key), depth + 1)
        return Node(node.value | {key: child}, node.position, keys=node.keys | {key: self.position(depth)})

    def _in_list(self, node: Node, depth: int) -> Node:
        name, items = self.parts[depth], node.value
        if name.isascii() and name.isdigit():
            index = int(name) if len(name) < 9 and int(name) < len(items) else None
        else:
            index = next((i for i, item in enumerate(items) if name in _names(item)), None)
        if index is None:
            names = [each for item in items for each in _names(item)]
            hint = did_you_mean(name, names) or f"; it has {len(items)}, counted from 0"
            return self._refuse(node, depth, f"the list has no item {shortened(name)!r}{hint}")
        item = items[index]
        if item.value == name and self.parts[depth - 1] in _LISTS_OF_NAMES:
            item = Node({name: Node(None, item.position)}, item.position, keys={name: item.position})
        # The name of an effect or event is a key of its item as well, beside `probability`: `speed.factor` goes below
        # that key, `speed.probability` beside it.
        below = self.parts[depth + 1] if depth + 1 < len(self.parts) else ""
        is_key = isinstance(item.value, dict) and name in item.value and below not in _BESIDE_NAME
        changed = self._in_mapping(item, name, depth) if is_key else self.applied(item, depth + 1)
        return Node([*items[:index], changed, *items[index + 1 :]], node.position)

    def _refuse(self, node: Node, depth: int, text: str) -> Node:
        self.reading.wrong(self.position(depth), ".".join(self.parts[:depth]), text)
        return node


def _names(item: Node) -> list[str]:
    """What an item of a list may be called: its `name` or `label`, else its effect or event."""
    if isinstance(item.value, str):
        return [item.value]
    name = item_name(item) or item_name(item, "label")
    keys = list(item.value) if isinstance(item.value, dict) else []
    return [name] if name is not None else [key for key in keys if key not in _BESIDE_NAME]
