"""Strict YAML: text to nodes that know their place, with every mistake reported at its line and column.

Built on the events of PyYAML's pure parser (its C parser dies on deep nesting). Different from `yaml.safe_load`:
scalars follow the core schema of YAML 1.2 (`no` is a word, `1e3` a number, `017` is 17); numbers are finite; duplicate
keys, tags, several documents, nesting deeper than 40 and aliases that blow up are refused.
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
MAX_NODES = 20_000  # with every alias counted as often as it is used
"""The pure parser takes a second or two for so much. The reference recipe has 14 kB and 773 values."""
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
    """A text as the messages show it. `folder` is what its relative paths start from."""

    name: str
    lines: tuple[str, ...]
    folder: Path


@dataclass(frozen=True, slots=True)
class Place:
    """A position in a text: line and column from 0."""

    source: SourceText
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong, where, and what to do. `path` is the key (`noise.snr_db`), or empty."""

    place: Place
    path: str
    text: str

    def __str__(self) -> str:
        where = f"{self.place.source.name}:{self.place.line + 1}:{self.place.column + 1}"
        head = f"{where}: {self.path} - {self.text}" if self.path else f"{where}: {self.text}"
        return f"{head}\n{_excerpt(self.place)}"


@dataclass(frozen=True, slots=True)
class KeyPosition:
    """Where a value of a recipe is, for mistakes that are found after reading. `key` as in Mistake."""

    place: Place
    key: str

    def mistake(self, text: str) -> Mistake:
        return Mistake(self.place, self.key, text)


def _excerpt(place: Place) -> str:
    """The line, cut to a readable width around the column, and a caret below it."""
    lines = place.source.lines
    line = lines[place.line] if place.line < len(lines) else ""
    start = max(0, place.column - _SHOWN_WIDTH // 2) if len(line) > _SHOWN_WIDTH else 0
    shown = "".join(c if c.isprintable() else " " for c in line[start : start + _SHOWN_WIDTH])
    return f"  {shown.rstrip()}\n  {' ' * (place.column - start)}^"


@dataclass(slots=True)
class Node:
    """A value with its place: None, bool, int, float, str, a list of nodes, a mapping of nodes, or BROKEN."""

    value: Any
    place: Place
    raw: str = ""
    keys: dict[str, Place] = field(default_factory=dict)

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
    return text if len(text) <= width else text[: width - 3] + "..."


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?`, or nothing where no known word is close."""
    by_lower = {k.lower(): k for k in known}
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
        return int(text, 0 if text[:2] in ("0o", "0x") else 10) if len(text) <= _MAX_DIGITS else BROKEN
    if _FLOAT.match(text):
        number = float(text)
        return number if math.isfinite(number) else BROKEN
    return text


def source_text(name: str, text: str, folder: Path) -> SourceText:
    return SourceText(name, tuple(_LINE_END.split(text)), folder)


def parse(text: str, source: SourceText, mistakes: list[Mistake]) -> Node | None:
    """The document as nodes; None where it is empty or no YAML at all. Mistakes are added to `mistakes`."""
    try:
        return _Composer(source, mistakes).document(text)
    except _TooMuch:
        return None
    except yaml.YAMLError as error:
        mistakes.append(_syntax_mistake(error, text, source))
    except (ValueError, OverflowError):  # the parser's own slip: "\U99999999" reaches chr()
        mistakes.append(Mistake(Place(source, 0, 0), "", r"not YAML: an escape \U... is not a character"))
    return None


def _syntax_mistake(error: yaml.YAMLError, text: str, source: SourceText) -> Mistake:
    if isinstance(error, yaml.reader.ReaderError):
        before = text[: error.position]
        place = Place(source, before.count("\n"), len(before) - before.rfind("\n") - 1)
        return Mistake(place, "", f"not YAML: the character #x{ord(text[error.position]):04x} is not allowed")
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    place = Place(source, mark.line, mark.column) if mark else Place(source, 0, 0)
    said = " ".join(s for s in (getattr(error, "context", None), getattr(error, "problem", None)) if s)
    context = getattr(error, "context_mark", None)
    if context and mark and context.line != mark.line:
        said += f"; it begins in line {context.line + 1}"
    if r"'\t'" in said:
        said += "; indent with blanks, not tabs"
    return Mistake(place, "", f"not YAML: {said or error}")


class _TooMuch(Exception):
    """Nothing further can be read; the mistake has been reported."""


@dataclass(slots=True)
class _Anchored:
    node: Node
    size: int
    height: int


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

    def _place(self, event: Event) -> Place:
        mark = event.start_mark
        assert mark is not None  # every event that the parser makes has one
        return Place(self._source, mark.line, mark.column)

    def _wrong(self, event: Event, text: str) -> None:
        self._mistakes.append(Mistake(self._place(event), "", text))

    def _stop(self, event: Event, text: str) -> None:
        self._wrong(event, text)
        raise _TooMuch

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
        if (said := getattr(event, "tag", None)) is not None:
            tag = said.replace("tag:yaml.org,2002:", "!!")
            self._wrong(event, f"the tag {shortened(tag)} is not allowed; a recipe has no tags")
        before = self._size
        node, height = self._content(event, events, depth)
        built = _Anchored(node, 1 + self._size - before, height)
        if event.anchor is not None:
            self._anchors[event.anchor] = built
        return built

    def _content(self, event: NodeEvent, events: Iterator[Event], depth: int) -> tuple[Node, int]:
        if isinstance(event, SequenceStartEvent):
            return self._sequence(event, events, depth)
        if isinstance(event, MappingStartEvent):
            return self._mapping(event, events, depth)
        assert isinstance(event, ScalarEvent)
        return self._scalar(event), 0

    def _alias(self, event: AliasEvent, depth: int) -> _Anchored:
        if event.anchor not in self._anchors:
            self._wrong(event, f"the alias *{event.anchor} has no anchor before it")
            return _Anchored(Node(BROKEN, self._place(event)), 1, 0)
        known = self._anchors[event.anchor]
        if known is None:
            self._wrong(event, f"the alias *{event.anchor} stands inside its own anchor")
            return _Anchored(Node(BROKEN, self._place(event)), 1, 0)
        self._count(event, known.size, depth + known.height)
        return known

    def _scalar(self, event: ScalarEvent) -> Node:
        value = plain_value(event.value) if event.style is None else event.value
        if _SURROGATE.search(event.value):
            return self._joined(event)
        if value is BROKEN:
            self._wrong(event, f"{shortened(event.value)} is not a number that can be used; give a finite one")
        return Node(value, self._place(event), event.value)

    def _joined(self, event: ScalarEvent) -> Node:
        r"""A character beyond U+FFFF may be written as two halves, as JSON does: "\ud834\udd1e"."""
        try:
            text = event.value.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            self._wrong(event, "a text must be whole characters, not halves of one")
            return Node(BROKEN, self._place(event))
        return Node(text, self._place(event), text)

    def _sequence(self, event: Event, events: Iterator[Event], depth: int) -> tuple[Node, int]:
        items = [self._node(item, events, depth + 1) for item in self._until_end(events)]
        return Node([item.node for item in items], self._place(event)), 1 + max((i.height for i in items), default=0)

    def _mapping(self, event: Event, events: Iterator[Event], depth: int) -> tuple[Node, int]:
        node, height = Node({}, self._place(event)), 0
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
            self._wrong(event, f"the key {shortened(key.raw)!r} stands here again; it is already in line {line}")
        elif key.value is not BROKEN:
            mapping.value[key.raw] = value
            mapping.keys[key.raw] = self._place(event)

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
