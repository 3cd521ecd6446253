"""Strict YAML: text to nodes that know their position, with every mistake reported at its line and column.

It is built on the events of PyYAML's pure parser (its C parser crashes on deep nesting). It differs from
`yaml.safe_load`: scalars follow the core schema of YAML 1.2 (`no` is a word, `1e3` a number, `017` is 17); numbers are
finite; duplicate keys, tags, several documents, nesting deeper than 40 and aliases that blow up are refused.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
)

MAX_BYTES = 1 << 18
MAX_DEPTH = 40
MAX_NODES = 20_000
"""Every alias counts as often as it is used. The pure parser takes a second or two for this many values; the reference
recipe has 773."""
_MAX_DIGITS = 25
_SHOWN_WIDTH = 110

_LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # what the parser counts as one
_NULL = re.compile(r"(?:~|null|Null|NULL)?\Z")
_TRUE = re.compile(r"(?:true|True|TRUE)\Z")
_FALSE = re.compile(r"(?:false|False|FALSE)\Z")
_INTEGER = re.compile(r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z")

_SURROGATE = re.compile("[\ud800-\udfff]")

BROKEN = object()
"""The value of a node whose mistake has been reported already."""


@dataclass(frozen=True, slots=True)
class SourceText:
    """A text that messages quote."""

    name: str  #: path of the file, or `--set`
    lines: tuple[str, ...]
    folder: Path  #: what its relative paths start from


@dataclass(frozen=True, slots=True)
class Position:
    """A position in a text."""

    source: SourceText
    line: int  #: from 0
    column: int  #: from 0


@dataclass(frozen=True, slots=True)
class Mistake:
    """A mistake in a recipe: what is wrong, where, and what to do."""

    position: Position
    path: str  #: the key, such as `noise.snr_db`; may be empty
    text: str

    def __str__(self) -> str:
        lines, line, column = self.position.source.lines, self.position.line, self.position.column
        where = f"{self.position.source.name}:{line + 1}:{column + 1}"
        head = f"{where}: {self.path} - {self.text}" if self.path else f"{where}: {self.text}"
        # the line, cut to a readable width around the column, and a caret below it
        quoted = lines[line] if line < len(lines) else ""
        start = max(0, column - _SHOWN_WIDTH // 2) if len(quoted) > _SHOWN_WIDTH else 0
        shown = "".join(c if c.isprintable() else " " for c in quoted[start : start + _SHOWN_WIDTH])
        return f"{head}\n  {shown.rstrip()}\n  {' ' * (column - start)}^"


@dataclass(frozen=True, slots=True)
class KeyPosition:
    """Where the value of a key is, for mistakes that are found after reading."""

    position: Position
    key: str  #: path of the key, as in Mistake

    def mistake(self, text: str) -> Mistake:
        """A mistake of this key."""
        return Mistake(self.position, self.key, text)


@dataclass(slots=True)
class Node:
    """A value with its position."""

    value: Any  #: None, bool, int, float, str, a list of nodes, a dict of nodes, or BROKEN
    position: Position
    raw: str = ""  #: the text of a scalar
    keys: dict[str, Position] = field(default_factory=dict)  #: where the keys of a mapping are

    def describe(self) -> str:
        """The value as a message names it."""
        if isinstance(self.value, dict):
            return "a mapping"
        if isinstance(self.value, list):
            return "a list"
        if isinstance(self.value, str):
            return repr(shortened(self.value))
        return "null" if self.value is None else shortened(self.raw)


def shortened(text: str, width: int = 50) -> str:
    """The text, or its beginning if it is long."""
    return text if len(text) <= width else text[: width - 3] + "..."


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """`; did you mean 'x'?`, or nothing if no choice is close."""
    by_lower = {choice.lower(): choice for choice in choices}
    close = difflib.get_close_matches(word.lower()[:64], by_lower, n=1)
    return f"; did you mean {by_lower[close[0]]!r}?" if close else ""


def plain_value(text: str) -> Any:
    """What an unquoted scalar means in YAML 1.2; BROKEN for a number that is not finite or has absurdly many digits."""
    if _NULL.match(text):
        return None
    if _TRUE.match(text) or _FALSE.match(text):
        return bool(_TRUE.match(text))
    if _NOT_FINITE.match(text):
        return BROKEN
    if _INTEGER.match(text):
        base = 0 if text[:2] in ("0o", "0x") else 10
        return int(text, base) if len(text) <= _MAX_DIGITS else BROKEN
    if _FLOAT.match(text):
        number = float(text)
        return number if math.isfinite(number) else BROKEN
    return text


def source_text(name: str, text: str, folder: Path) -> SourceText:
    """A text in lines, as the parser counts them."""
    return SourceText(name, tuple(_LINE_END.split(text)), folder)


def parse(text: str, source: SourceText, mistakes: list[Mistake]) -> Node | None:
    """The document as nodes; None if it is empty or not YAML at all. Mistakes are added to `mistakes`."""
    try:
        return _Composer(source, mistakes).document(text)
    except _StopReading:
        return None
    except yaml.YAMLError as error:
        mistakes.append(_syntax_mistake(error, text, source))
    except (ValueError, OverflowError):  # a gap in the parser: "\U99999999" reaches chr()
        mistakes.append(Mistake(Position(source, 0, 0), "", r"not YAML: an escape \U... is not a character"))
    return None


def _syntax_mistake(error: yaml.YAMLError, text: str, source: SourceText) -> Mistake:
    if isinstance(error, yaml.reader.ReaderError):
        before = text[: error.position]
        position = Position(source, before.count("\n"), len(before) - before.rfind("\n") - 1)
        return Mistake(position, "", f"not YAML: the character #x{ord(text[error.position]):04x} is not allowed")
    context_mark = getattr(error, "context_mark", None)
    mark = getattr(error, "problem_mark", None) or context_mark
    position = Position(source, mark.line, mark.column) if mark else Position(source, 0, 0)
    texts = (getattr(error, "context", None), getattr(error, "problem", None))
    problem = " ".join(text for text in texts if text)
    if context_mark and mark and context_mark.line != mark.line:
        problem += f"; it begins in line {context_mark.line + 1}"
    if r"'\t'" in problem:
        problem += "; indent with blanks, not tabs"
    return Mistake(position, "", f"not YAML: {problem or error}")


class _StopReading(Exception):
    """Nothing further can be read; the mistake has been reported."""


@dataclass(slots=True)
class _Anchored:
    """A node with what an alias to it costs."""

    node: Node
    size: int  #: number of values in it
    height: int  #: depth of nesting in it


class _Composer:
    """Events to nodes. Counts what it builds, so that nothing is built that is too deep or too much."""

    def __init__(self, source: SourceText, mistakes: list[Mistake]) -> None:
        self._source = source
        self._mistakes = mistakes
        self._anchors: dict[str, _Anchored | None] = {}
        self._size = 0

    def document(self, text: str) -> Node | None:
        events = iter(yaml.parse(text, Loader=yaml.SafeLoader))
        root: Node | None = None
        for event in events:
            if isinstance(event, DocumentStartEvent) and root is not None:
                self._stop(event, "a second document begins here; a recipe is one document")
            if isinstance(event, NodeEvent):
                root = self._node(event, events, 0).node
        return root

    def _position(self, event: Event) -> Position:
        mark = event.start_mark
        assert mark is not None  # every event that the parser makes has one
        return Position(self._source, mark.line, mark.column)

    def _wrong(self, event: Event, text: str) -> None:
        self._mistakes.append(Mistake(self._position(event), "", text))

    def _stop(self, event: Event, text: str) -> None:
        self._wrong(event, text)
        raise _StopReading

    def _count(self, event: Event, size: int, depth: int) -> None:
        self._size += size
        if self._size > MAX_NODES:
            self._stop(event, f"more than {MAX_NODES:,} values, with aliases counted as often as they are used")
        if depth > MAX_DEPTH:
            self._stop(event, f"nested more than {MAX_DEPTH} deep")

    def _node(self, event: NodeEvent, events: Iterator[Event], depth: int) -> _Anchored:
        if isinstance(event, AliasEvent):
            return self._alias(event, depth)
        self._count(event, 1, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = None  # not complete yet: an alias to it in here would be endless
        if (tag := getattr(event, "tag", None)) is not None:
            tag = tag.replace("tag:yaml.org,2002:", "!!")
            self._wrong(event, f"the tag {shortened(tag)} is not allowed; a recipe has no tags")
        before = self._size
        if isinstance(event, SequenceStartEvent):
            node, height = self._sequence(event, events, depth)
        elif isinstance(event, MappingStartEvent):
            node, height = self._mapping(event, events, depth)
        else:
            assert isinstance(event, ScalarEvent)
            node, height = self._scalar(event), 0
        built = _Anchored(node, 1 + self._size - before, height)
        if event.anchor is not None:
            self._anchors[event.anchor] = built
        return built

    def _alias(self, event: AliasEvent, depth: int) -> _Anchored:
        anchored = self._anchors.get(event.anchor or "")
        if anchored is None:
            unfinished = event.anchor in self._anchors
            problem = "is inside its own anchor" if unfinished else "has no anchor before it"
            self._wrong(event, f"the alias *{event.anchor} {problem}")
            return _Anchored(Node(BROKEN, self._position(event)), 1, 0)
        self._count(event, anchored.size, depth + anchored.height)
        return anchored

    def _scalar(self, event: ScalarEvent) -> Node:
        text: str = event.value
        value: Any = text
        if _SURROGATE.search(text):
            # a character beyond U+FFFF may be written as two halves, as JSON does: "\ud834\udd1e"
            try:
                text = value = text.encode("utf-16", "surrogatepass").decode("utf-16")
            except UnicodeDecodeError:
                self._wrong(event, "a text must be whole characters, not halves of one")
                value = BROKEN
        elif event.style is None:
            value = plain_value(text)
            if value is BROKEN:
                self._wrong(event, f"{shortened(text)} is not a number that can be used; give a finite one")
        return Node(value, self._position(event), text)

    def _sequence(self, event: Event, events: Iterator[Event], depth: int) -> tuple[Node, int]:
        items = [self._node(item, events, depth + 1) for item in self._until_end(events)]
        return Node([item.node for item in items], self._position(event)), 1 + max((i.height for i in items), default=0)

    def _mapping(self, event: Event, events: Iterator[Event], depth: int) -> tuple[Node, int]:
        node, height = Node({}, self._position(event)), 0
        for key_event in self._until_end(events):
            key = self._node(key_event, events, depth + 1).node
            value = self._node(_next_node(events), events, depth + 1)
            height = max(height, value.height)
            self._entry(node, key, value.node, key_event)
        return node, 1 + height

    def _entry(self, mapping: Node, key: Node, value: Node, event: Event) -> None:
        if isinstance(key.value, (list, dict)):
            self._wrong(event, "a key must be a word, not " + key.describe())
        elif key.raw in mapping.keys:
            line = mapping.keys[key.raw].line + 1
            self._wrong(event, f"duplicate key {shortened(key.raw)!r} (first defined in line {line})")
        elif key.value is not BROKEN:
            mapping.value[key.raw] = value
            mapping.keys[key.raw] = self._position(event)

    def _until_end(self, events: Iterator[Event]) -> Iterator[NodeEvent]:
        for event in events:
            if isinstance(event, CollectionEndEvent):
                return
            assert isinstance(event, NodeEvent)
            yield event


def _next_node(events: Iterator[Event]) -> NodeEvent:
    event = next(events)
    assert isinstance(event, NodeEvent)
    return event
