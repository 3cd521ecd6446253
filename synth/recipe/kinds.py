"""The kinds of values that a recipe is made of. Each reads a node, writes its value back, and knows its JSON Schema.

A kind never stops at a mistake: it notes the mistake in the Reading and returns WRONG, so that all mistakes of a recipe
are reported together. null means "omitted" for every key that may be omitted.
"""

from __future__ import annotations

import math
import os.path
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from synth.recipe.renamed import renamed_text
from synth.recipe.yaml_text import BROKEN, KeyPosition, Mistake, Node, Position, did_you_mean, shortened

WRONG: Any = type("Wrong", (), {"__repr__": lambda self: "WRONG", "__bool__": lambda self: False})()
"""What reading returns if there was a mistake."""

REQUIRED: Any = type("Required", (), {"__repr__": lambda self: "REQUIRED"})()
"""The default of a key that has none."""

_HINTS = 10  # unknown keys of one section that get a suggestion: a search for each of thousands would be slow


@dataclass(frozen=True, slots=True)
class KeyPath:
    """The path of a key in the recipe."""

    shown: str = ""  #: with positions in lists, for messages
    key: str = ""  #: with names instead, for the keys of draws

    def child(self, part: str, name: str | None = None) -> KeyPath:
        """The path of a key below; `name` is the name of a list item, in place of its position."""
        dot = "." if self.shown else ""
        return KeyPath(f"{self.shown}{dot}{part}", f"{self.key}{dot}{part if name is None else name}")


@dataclass(slots=True)
class Reading:
    """One reading of one recipe: its mistakes, and all values that were read, for the checks across sections."""

    folder: Path  #: what relative paths start from
    incomplete: bool = False  #: a recipe that this one extends cannot be read, so a missing key is no mistake
    mistakes: list[Mistake] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)  #: path of a key -> its value, unless that is WRONG
    positions: dict[str, Position] = field(default_factory=dict)  #: path of a key -> where it is

    def wrong(self, position: Position | Node, at: KeyPath | str, text: str) -> Any:
        """Note a mistake.

        Returns:
            WRONG.
        """
        where = position.position if isinstance(position, Node) else position
        self.mistakes.append(Mistake(where, at if isinstance(at, str) else at.shown, text))
        return WRONG

    def keep(self, at: KeyPath, value: Any, position: Position) -> None:
        """Keep the value of a key for later checks."""
        self.positions[at.shown] = position
        if value is not WRONG:
            self.values[at.shown] = value


class Kind:
    """A kind of value."""

    __slots__ = ()

    def read(self, node: Node, at: KeyPath, reading: Reading) -> Any:
        """The value of a node, or WRONG after noting what is wrong."""
        raise NotImplementedError

    def write(self, value: Any) -> Any:
        """The value as plain JSON; reading that gives an equal value."""
        return value

    def schema(self) -> dict[str, Any]:
        """JSON Schema of what may be written."""
        raise NotImplementedError


def read_with(kind: Kind, node: Node, at: KeyPath, reading: Reading) -> Any:
    """`kind.read`, but silent about a node whose mistake has been reported already."""
    return WRONG if node.value is BROKEN else kind.read(node, at, reading)


def plain_number(x: float) -> float:
    """8 for 8.0: the same number is written in the same way, however the recipe had it."""
    return int(x) if isinstance(x, int) or (x.is_integer() and abs(x) < 1e15) else x


def number_text(x: float) -> str:
    """A number as people write it: 8 for 8.0, 100000 for 1e5."""
    number = plain_number(x)
    return str(number) if isinstance(number, int) else f"{number:.12g}"


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from low to high, both included."""

    low: float = -math.inf
    high: float = math.inf
    unit: str = ""
    integer: bool = False  #: whole numbers only

    def text(self) -> str:
        """The range in words: `a number from 0 to 60 dB`."""
        unit = f" {self.unit}" if self.unit else ""
        noun = "whole number" if self.integer else "number"
        if math.isinf(self.low) and math.isinf(self.high):
            return f"a {noun}{unit}"
        if math.isinf(self.high):
            return f"a {noun} of {number_text(self.low)}{unit} or more"
        return f"a {noun} from {number_text(self.low)} to {number_text(self.high)}{unit}"

    def complaint(self, low: float, high: float) -> str | None:
        """What is wrong with values from low to high that leave the range; None if they do not."""
        if self.low <= low and high <= self.high:
            return None
        subject = f"{number_text(low)} is" if low == high else f"{number_text(low)} to {number_text(high)} goes"
        return f"{subject} outside the range; give {self.text()}"

    def schema(self) -> dict[str, Any]:
        """JSON Schema of a number in the range."""
        limits = {"minimum": self.low, "maximum": self.high}
        kind = "integer" if self.integer else "number"
        return {"type": kind} | {key: plain_number(x) for key, x in limits.items() if math.isfinite(x)}


ANY_NUMBER = Range()


def bare_number(node: Node, *, integer: bool) -> float | None:
    """The node's number (an int if `whole`), or None if it is none."""
    value = node.value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if integer:
        return int(value) if float(value).is_integer() else None
    return float(value)


@dataclass(frozen=True, slots=True)
class Number(Kind):
    """One number, the same for the whole recipe."""

    range: Range

    def read(self, node: Node, at: KeyPath, reading: Reading) -> Any:
        """A number of the range."""
        number = bare_number(node, integer=self.range.integer)
        if number is None:
            noun = "a whole number" if self.range.integer else "a number"
            return reading.wrong(node, at, f"{node.describe()} is not {noun}; give {self.range.text()}")
        complaint = self.range.complaint(number, number)
        return number if complaint is None else reading.wrong(node, at, complaint)

    def write(self, value: float) -> Any:
        """8 for 8.0."""
        return plain_number(value)

    def schema(self) -> dict[str, Any]:
        """That of the range."""
        return self.range.schema()


@dataclass(frozen=True, slots=True)
class Flag(Kind):
    """true or false."""

    def read(self, node: Node, at: KeyPath, reading: Reading) -> Any:
        """A bool."""
        if isinstance(node.value, bool):
            return node.value
        return reading.wrong(node, at, f"{node.describe()} is neither true nor false; write one of these")

    def schema(self) -> dict[str, Any]:
        """A boolean."""
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Keyword(Kind):
    """One of some words."""

    words: tuple[str, ...]

    def read(self, node: Node, at: KeyPath, reading: Reading) -> Any:
        """One of the words."""
        if isinstance(node.value, str) and node.value in self.words:
            return node.value
        hint = did_you_mean(node.value, self.words) if isinstance(node.value, str) else ""
        return reading.wrong(node, at, f"{node.describe()} is not one of {', '.join(self.words)}{hint}")

    def schema(self) -> dict[str, Any]:
        """An enum of the words."""
        return {"enum": list(self.words)}


@dataclass(frozen=True, slots=True)
class Text(Kind):
    """A text."""

    pattern: str = r"[^\x00]+"  #: regular expression that the whole text matches
    what: str = "a text that is not empty"  #: the pattern in words

    def read(self, node: Node, at: KeyPath, reading: Reading) -> Any:
        """A text that matches the pattern."""
        if not isinstance(node.value, str):
            hint = f"; put quotes around it: {shortened(node.raw)!r}" if node.raw else ""
            return reading.wrong(node, at, f"{node.describe()} is not a text{hint}")
        if re.fullmatch(self.pattern, node.value, re.DOTALL) is None:
            return reading.wrong(node, at, f"{node.describe()} is not {self.what}")
        return node.value

    def schema(self) -> dict[str, Any]:
        """A string with the pattern."""
        return {"type": "string", "pattern": f"^{self.pattern}$"}


NAME = Text(r"[A-Za-z0-9_-]{1,64}", "a name: letters, digits, - and _ only, at most 64")


@dataclass(frozen=True, slots=True)
class PathText(Kind):
    """A path as text, relative to the folder of the recipe that it is in."""

    def read(self, node: Node, at: KeyPath, reading: Reading) -> Any:
        """The path, relative to the folder of the reading."""
        text = Text(r"[^\x00]{1,4000}", "a path").read(node, at, reading)
        folder = node.position.source.folder
        if text is WRONG or folder == reading.folder or Path(text).is_absolute():
            return text
        # from a recipe in another folder that this one extends
        return os.path.relpath(folder / text, reading.folder).replace(os.sep, "/")

    def schema(self) -> dict[str, Any]:
        """A string that is not empty."""
        return {"type": "string", "minLength": 1}


@dataclass(frozen=True, slots=True)
class TextMap(Kind):
    """A mapping of texts to texts."""

    what: str  #: the mapping in words

    def read(self, node: Node, at: KeyPath, reading: Reading) -> Any:
        """A dict."""
        if not isinstance(node.value, dict):
            return reading.wrong(node, at, f"{node.describe()} is not a mapping; give {self.what}")
        texts = {key: read_with(Text(), child, at.child(key), reading) for key, child in node.value.items()}
        return WRONG if WRONG in texts.values() else texts

    def write(self, value: Mapping[str, str] | None) -> Any:
        """A dict."""
        return dict(value or {})

    def schema(self) -> dict[str, Any]:
        """An object of strings."""
        return {"type": "object", "additionalProperties": {"type": "string"}}


def item_name(node: Node, key: str = "name") -> str | None:
    """The name of an item of a list: the text of its key `name`."""
    child = node.value.get(key) if isinstance(node.value, dict) else None
    return child.value if child is not None and isinstance(child.value, str) else None


@dataclass(frozen=True, slots=True)
class ListOf(Kind):
    """A list of values of one kind."""

    item: Kind
    what: str  #: what an item is, in words
    alone: bool = False  #: a single item need not be in a list
    may_be_empty: bool = False

    def read(self, node: Node, at: KeyPath, reading: Reading) -> Any:
        """A tuple."""
        if self.alone and not isinstance(node.value, list):
            node = Node([node], node.position)
        if not isinstance(node.value, list):
            return reading.wrong(node, at, f"{node.describe()} is not a list; begin each {self.what} with '- '")
        if not node.value and not self.may_be_empty:
            return reading.wrong(node, at, f"the list is empty; give at least one {self.what}")
        paths = [at.child(str(i), item_name(child)) for i, child in enumerate(node.value)]
        items = [read_with(self.item, child, path, reading) for child, path in zip(node.value, paths, strict=True)]
        return WRONG if any(item is WRONG for item in items) else tuple(items)

    def write(self, value: Sequence[Any]) -> Any:
        """A list."""
        return [self.item.write(item) for item in value]

    def schema(self) -> dict[str, Any]:
        """An array, or also a single item."""
        many = {"type": "array", "items": self.item.schema(), "minItems": 0 if self.may_be_empty else 1}
        return {"anyOf": [self.item.schema(), many]} if self.alone else many


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a record."""

    key: str
    kind: Kind
    default: Any = REQUIRED  #: a value of the model; None if the key is optional
    help: str = ""  #: shown by editors, through the schema


@dataclass(frozen=True, slots=True)
class Section:
    """What was read of one record, for the checks of that record."""

    values: Mapping[str, Any]
    node: Node
    at: KeyPath
    reading: Reading

    def get(self, key: str) -> Any:
        """The value of a key; None if it is missing or wrong."""
        value = self.values.get(key)
        return None if value is WRONG else value

    def gives(self, key: str) -> bool:
        """Whether the recipe itself has this key."""
        child = self.node.value.get(key)
        return child is not None and child.value is not None

    def wrong(self, text: str, key: str = "") -> None:
        """Note a mistake of a key, or of the whole section."""
        child = self.node.value.get(key)
        self.reading.wrong(child or self.node, self.at.child(key) if key else self.at, text)


@dataclass(frozen=True, slots=True)
class Record(Kind):
    """A mapping with a fixed set of keys."""

    what: str  #: the mapping in words
    fields: tuple[Field, ...]
    build: Callable[..., Any]  #: makes the value from the fields' values
    parts: Callable[[Any], Mapping[str, Any]] | None = None  #: takes it apart again; None: its attributes
    checks: tuple[Callable[[Section], None], ...] = ()
    short: str | None = None  #: the field whose text may replace the whole mapping
    keeps_positions: bool = False  #: the value has an attribute `positions`, for those of its keys

    def read(self, node: Node, at: KeyPath, reading: Reading) -> Any:
        """What `build` makes of the fields."""
        if node.value is BROKEN:
            return WRONG
        if self.short is not None and isinstance(node.value, str):
            node = Node({self.short: node}, node.position, keys={self.short: node.position})
        if not isinstance(node.value, dict):
            keys = ", ".join(f.key for f in self.fields)
            expected = f"expected {self.what} (a mapping with keys from: {keys})"
            return reading.wrong(node, at, f"{expected}, got {node.describe()}")
        before = len(reading.mistakes)
        values = {f.key: self._read_field(f, node, at, reading) for f in self.fields}
        self._report_unknown_keys(node, at, reading)
        section = Section(values, node, at, reading)
        for check in self.checks:
            check(section)
        if len(reading.mistakes) > before or WRONG in values.values():
            return WRONG
        built = self.build(**{key.replace("-", "_"): value for key, value in values.items()})
        if not self.keeps_positions:
            return built
        positions = {key: KeyPosition(child.position, at.child(key).shown) for key, child in node.value.items()}
        return replace(built, positions={"": KeyPosition(node.position, at.shown), **positions})

    def _read_field(self, field: Field, node: Node, at: KeyPath, reading: Reading) -> Any:
        child, path = node.value.get(field.key), at.child(field.key)
        if child is not None and child.value is not None:
            value = read_with(field.kind, child, path, reading)
            reading.keep(path, value, child.position)
            return value
        if field.default is not REQUIRED:
            reading.keep(path, field.default, node.position)
            return field.default
        if reading.incomplete:
            return WRONG
        about = f" ({field.help})" if field.help else ""
        return reading.wrong(node.keys.get(field.key, node.position), path, f"this key must be given{about}")

    def _report_unknown_keys(self, node: Node, at: KeyPath, reading: Reading) -> None:
        keys = [f.key for f in self.fields]
        for number, key in enumerate(key for key in node.keys if key not in keys):
            if renamed := renamed_text(at.shown, key):
                reading.wrong(node.keys[key], "", renamed)
                continue
            hint = (did_you_mean(key, keys) or f"; known here: {', '.join(keys)}") if number < _HINTS else ""
            reading.wrong(node.keys[key], at.child(shortened(key)), f"unknown key{hint}")

    def write(self, value: Any) -> Any:
        """A dict with every key."""
        parts = self.parts(value) if self.parts else {f.key: getattr(value, f.key) for f in self.fields}
        return {f.key: None if parts[f.key] is None else f.kind.write(parts[f.key]) for f in self.fields}

    def schema(self) -> dict[str, Any]:
        """An object with these properties and no other."""
        properties = {f.key: field_schema(f) for f in self.fields}
        required = [f.key for f in self.fields if f.default is REQUIRED]
        mapping = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
        short = next((f.kind for f in self.fields if f.key == self.short), None)
        return {"anyOf": [short.schema(), mapping]} if short else mapping


def field_schema(field: Field) -> dict[str, Any]:
    """JSON Schema of a key's value, with its default and help; null if it may be omitted."""
    schema = field.kind.schema()
    if field.default is not REQUIRED:
        schema = {"anyOf": [*schema.get("anyOf", [schema]), {"type": "null"}]}
        if field.default is not None:
            schema["default"] = field.kind.write(field.default)
    return schema | ({"description": field.help} if field.help else {})
