"""The kinds of values that a recipe is made of. Each reads a node, writes its value back, and knows its JSON Schema.

A kind never stops at a mistake: it notes it in the Reading and returns WRONG, so that all mistakes come together.
null stands for "left out" wherever a key may be left out.
"""

from __future__ import annotations

import math
import os.path
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from synth.recipe.renamed import renamed_text
from synth.recipe.yaml_text import BROKEN, KeyPosition, Mistake, Node, Place, did_you_mean, shortened

WRONG: Any = type("Wrong", (), {"__repr__": lambda self: "WRONG", "__bool__": lambda self: False})()
"""What reading returns where there was a mistake."""

REQUIRED: Any = type("Required", (), {"__repr__": lambda self: "REQUIRED"})()
"""The default of a key that has none."""


_HINTS = 10  # unknown keys of one section that get a suggestion


@dataclass(frozen=True, slots=True)
class At:
    """Where in the recipe: `shown` with list positions, for messages; `key` with names, for the keys of draws."""

    shown: str = ""
    key: str = ""

    def child(self, part: str, name: str | None = None) -> At:
        dot = "." if self.shown else ""
        return At(f"{self.shown}{dot}{part}", f"{self.key}{dot}{part if name is None else name}")


@dataclass(slots=True)
class Reading:
    """One reading of one recipe: its mistakes, and everything that was read, for the checks across sections.

    `incomplete`: a recipe that this one extends could not be read, so that a missing key is no mistake of its own.
    """

    folder: Path
    incomplete: bool = False
    mistakes: list[Mistake] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)

    def wrong(self, place: Place | Node, at: At | str, text: str) -> Any:
        where = place.place if isinstance(place, Node) else place
        self.mistakes.append(Mistake(where, at if isinstance(at, str) else at.shown, text))
        return WRONG

    def keep(self, at: At, value: Any, place: Place) -> None:
        self.places[at.shown] = place
        if value is not WRONG:
            self.values[at.shown] = value


class Kind(Protocol):
    def read(self, node: Node, at: At, reading: Reading) -> Any:
        """The value, or WRONG after noting what is wrong."""
        ...

    def write(self, value: Any) -> Any:
        """The value as plain JSON; reading that gives an equal value."""
        ...

    def schema(self) -> dict[str, Any]:
        """JSON Schema of what may be written."""
        ...


def read_with(kind: Kind, node: Node, at: At, reading: Reading) -> Any:
    """`kind.read`, but silent about a node whose mistake has been reported already."""
    return WRONG if node.value is BROKEN else kind.read(node, at, reading)


def number_text(x: float) -> str:
    """A number as people write it: 8 for 8.0, 100000 for 1e5."""
    whole = isinstance(x, int) or (x.is_integer() and abs(x) < 1e15)
    return str(int(x)) if whole else f"{x:.12g}"


def plain_number(x: float) -> float:
    """8 for 8.0: the same number is written in the same way, however the recipe had it."""
    return int(x) if isinstance(x, int) or (x.is_integer() and abs(x) < 1e15) else x


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from low to high, both included; `unit` says of what."""

    low: float = -math.inf
    high: float = math.inf
    unit: str = ""
    whole: bool = False

    def text(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        noun = "whole number" if self.whole else "number"
        if math.isinf(self.low) and math.isinf(self.high):
            return f"a {noun}{unit}"
        if math.isinf(self.high):
            return f"a {noun} of {number_text(self.low)}{unit} or more"
        return f"a {noun} from {number_text(self.low)} to {number_text(self.high)}{unit}"

    def complaint(self, low: float, high: float) -> str | None:
        """What to say of values from low to high that leave the range; None where they do not."""
        if self.low <= low and high <= self.high:
            return None
        given = number_text(low) if low == high else f"{number_text(low)} to {number_text(high)}"
        verb = "is" if low == high else "goes"
        return f"{given} {verb} outside the range; give {self.text()}"

    def schema(self) -> dict[str, Any]:
        limits = {"minimum": self.low, "maximum": self.high}
        kind = "integer" if self.whole else "number"
        return {"type": kind} | {key: plain_number(x) for key, x in limits.items() if math.isfinite(x)}


ANY_NUMBER = Range()


def bare_number(node: Node, *, whole: bool) -> float | None:
    """The node's number (an int where `whole`), or None where it is none."""
    value = node.value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if whole:
        return int(value) if float(value).is_integer() else None
    return float(value)


@dataclass(frozen=True, slots=True)
class Number:
    """One number, the same for the whole recipe."""

    range: Range

    def read(self, node: Node, at: At, reading: Reading) -> Any:
        number = bare_number(node, whole=self.range.whole)
        if number is None:
            noun = "a whole number" if self.range.whole else "a number"
            return reading.wrong(node, at, f"{node.describe()} is not {noun}; give {self.range.text()}")
        complaint = self.range.complaint(number, number)
        return number if complaint is None else reading.wrong(node, at, complaint)

    def write(self, value: float) -> Any:
        return plain_number(value)

    def schema(self) -> dict[str, Any]:
        return self.range.schema()


@dataclass(frozen=True, slots=True)
class Flag:
    """true or false."""

    def read(self, node: Node, at: At, reading: Reading) -> Any:
        if isinstance(node.value, bool):
            return node.value
        return reading.wrong(node, at, f"{node.describe()} is neither true nor false; write one of these")

    def write(self, value: bool) -> Any:
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Word:
    """One of some words."""

    words: tuple[str, ...]

    def read(self, node: Node, at: At, reading: Reading) -> Any:
        if isinstance(node.value, str) and node.value in self.words:
            return node.value
        hint = did_you_mean(node.value, self.words) if isinstance(node.value, str) else ""
        return reading.wrong(node, at, f"{node.describe()} is not one of {', '.join(self.words)}{hint}")

    def write(self, value: str) -> Any:
        return value

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.words)}


@dataclass(frozen=True, slots=True)
class Text:
    """A text that matches `pattern`; `what` says so in words."""

    pattern: str = r"[^\x00]+"
    what: str = "a text that is not empty"

    def read(self, node: Node, at: At, reading: Reading) -> Any:
        if not isinstance(node.value, str):
            hint = f"; put quotes around it: {shortened(node.raw)!r}" if node.raw else ""
            return reading.wrong(node, at, f"{node.describe()} is not a text{hint}")
        if re.fullmatch(self.pattern, node.value, re.DOTALL) is None:
            return reading.wrong(node, at, f"{node.describe()} is not {self.what}")
        return node.value

    def write(self, value: str) -> Any:
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{self.pattern}$"}


NAME = Text(r"[A-Za-z0-9_-]{1,64}", "a name: letters, digits, - and _ only, at most 64")


@dataclass(frozen=True, slots=True)
class PathText:
    """A path as text, relative to the folder of the recipe that it stands in."""

    def read(self, node: Node, at: At, reading: Reading) -> Any:
        text = Text(r"[^\x00]{1,4000}", "a path").read(node, at, reading)
        if text is WRONG or node.place.source.folder == reading.folder or Path(text).is_absolute():
            return text
        # from a recipe in another folder that this one extends
        moved = os.path.relpath(node.place.source.folder / text, reading.folder)
        return moved.replace(os.sep, "/")

    def write(self, value: str) -> Any:
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1}


@dataclass(frozen=True, slots=True)
class TextMap:
    """A mapping of texts to texts."""

    what: str

    def read(self, node: Node, at: At, reading: Reading) -> Any:
        if not isinstance(node.value, dict):
            return reading.wrong(node, at, f"{node.describe()} is not a mapping; give {self.what}")
        texts = {key: read_with(Text(), child, at.child(key), reading) for key, child in node.value.items()}
        return WRONG if WRONG in texts.values() else texts

    def write(self, value: Mapping[str, str] | None) -> Any:
        return dict(value or {})

    def schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": {"type": "string"}}


def item_name(node: Node, key: str = "name") -> str | None:
    """The name by which an item of a list is known: its key `name`."""
    named = node.value.get(key) if isinstance(node.value, dict) else None
    return named.value if named is not None and isinstance(named.value, str) else None


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of at least one item; `what` names an item. A single item may stand without the list where `alone`."""

    item: Kind
    what: str
    alone: bool = False
    may_be_empty: bool = False

    def read(self, node: Node, at: At, reading: Reading) -> Any:
        if self.alone and not isinstance(node.value, list):
            node = Node([node], node.place)
        if not isinstance(node.value, list):
            return reading.wrong(node, at, f"{node.describe()} is not a list; begin each {self.what} with '- '")
        if not node.value and not self.may_be_empty:
            return reading.wrong(node, at, f"the list is empty; give at least one {self.what}")
        places = [at.child(str(i), item_name(child)) for i, child in enumerate(node.value)]
        items = [read_with(self.item, child, here, reading) for child, here in zip(node.value, places, strict=True)]
        return WRONG if any(item is WRONG for item in items) else tuple(items)

    def write(self, value: Sequence[Any]) -> Any:
        return [self.item.write(item) for item in value]

    def schema(self) -> dict[str, Any]:
        many = {"type": "array", "items": self.item.schema(), "minItems": 0 if self.may_be_empty else 1}
        return {"anyOf": [self.item.schema(), many]} if self.alone else many


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a record. `default` is a value of the model (None: optional), `help` stands in the schema."""

    key: str
    kind: Kind
    default: Any = REQUIRED
    help: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """What was read of one record, for its own checks: `get` gives None where a value is missing or wrong."""

    values: Mapping[str, Any]
    node: Node
    at: At
    reading: Reading

    def get(self, key: str) -> Any:
        value = self.values.get(key)
        return None if value is WRONG else value

    def gives(self, key: str) -> bool:
        """True where the recipe itself has this key."""
        child = self.node.value.get(key)
        return child is not None and child.value is not None

    def wrong(self, text: str, key: str = "") -> None:
        child = self.node.value.get(key)
        self.reading.wrong(child or self.node, self.at.child(key) if key else self.at, text)


@dataclass(frozen=True, slots=True)
class Record:
    """A mapping with known keys. `build` makes the value from the fields' values, `parts` takes it apart again.

    `short` is the one field that may stand alone in place of the whole mapping. `placed`: the value is a dataclass with
    a field `places`, for the places of the keys that are given, and of the mapping as "".
    """

    what: str
    fields: tuple[Field, ...]
    build: Callable[..., Any]
    parts: Callable[[Any], Mapping[str, Any]] | None = None
    checks: tuple[Callable[[Section], None], ...] = ()
    short: str | None = None
    placed: bool = False

    def read(self, node: Node, at: At, reading: Reading) -> Any:
        if node.value is BROKEN:
            return WRONG
        if self.short is not None and isinstance(node.value, str):
            node = Node({self.short: node}, node.place, keys={self.short: node.place})
        if not isinstance(node.value, dict):
            keys = ", ".join(f.key for f in self.fields)
            return reading.wrong(
                node, at, f"{node.describe()} stands where {self.what} should; give a mapping with keys from: {keys}"
            )
        before = len(reading.mistakes)
        values = {f.key: self._field(f, node, at, reading) for f in self.fields}
        self._unknown_keys(node, at, reading)
        section = Section(values, node, at, reading)
        for check in self.checks:
            check(section)
        if len(reading.mistakes) > before or WRONG in values.values():
            return WRONG
        built = self.build(**{key.replace("-", "_"): value for key, value in values.items()})
        return replace(built, places=_places(node, at)) if self.placed else built

    def _field(self, known: Field, node: Node, at: At, reading: Reading) -> Any:
        child, here = node.value.get(known.key), at.child(known.key)
        if child is not None and child.value is not None:
            value = read_with(known.kind, child, here, reading)
            reading.keep(here, value, child.place)
            return value
        if known.default is not REQUIRED:
            reading.keep(here, known.default, node.place)
            return known.default
        if reading.incomplete:
            return WRONG
        about = f" ({known.help})" if known.help else ""
        return reading.wrong(node.keys.get(known.key, node.place), here, f"this key must be given{about}")

    def _unknown_keys(self, node: Node, at: At, reading: Reading) -> None:
        known = [f.key for f in self.fields]
        unknown = [key for key in node.keys if key not in known]
        for number, key in enumerate(unknown):
            if renamed := renamed_text(at.shown, key):
                reading.wrong(node.keys[key], "", renamed)
                continue
            hint = ""
            if number < _HINTS:  # a file of thousands of keys is another kind of file, and a search for each is slow
                hint = did_you_mean(key, known) or f"; known here: {', '.join(known)}"
            reading.wrong(node.keys[key], at.child(shortened(key)), f"unknown key{hint}")

    def write(self, value: Any) -> Any:
        parts = self.parts(value) if self.parts else {f.key: getattr(value, f.key) for f in self.fields}
        return {f.key: None if parts[f.key] is None else f.kind.write(parts[f.key]) for f in self.fields}

    def schema(self) -> dict[str, Any]:
        properties = {f.key: field_schema(f) for f in self.fields}
        required = [f.key for f in self.fields if f.default is REQUIRED]
        whole = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
        short = next((f.kind for f in self.fields if f.key == self.short), None)
        return {"anyOf": [short.schema(), whole]} if short else whole


def _places(node: Node, at: At) -> dict[str, KeyPosition]:
    given = {key: KeyPosition(child.place, at.child(key).shown) for key, child in node.value.items()}
    return {"": KeyPosition(node.place, at.shown), **given}


def field_schema(known: Field) -> dict[str, Any]:
    """JSON Schema of a key's value, with its default and help; null where it may be left out."""
    schema = known.kind.schema()
    if known.default is not REQUIRED:
        schema = {"anyOf": [*schema.get("anyOf", [schema]), {"type": "null"}]}
        if known.default is not None:
            schema["default"] = known.kind.write(known.default)
    return schema | ({"description": known.help} if known.help else {})
