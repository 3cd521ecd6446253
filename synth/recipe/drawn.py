"""Distributions in a recipe: a number, `[low, high]`, or a mapping such as `{normal: [8, 5], clip: [-5, 25]}`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from synth.recipe.distributions import (
    Choice,
    Constant,
    Distribution,
    Integers,
    LogUniform,
    Normal,
    Quantiles,
    Uniform,
    WordChoice,
)
from synth.recipe.kinds import ANY_NUMBER, WRONG, KeyPath, Kind, Range, Reading, bare_number, plain_number
from synth.recipe.yaml_text import BROKEN, Node, did_you_mean, shortened

COMPANIONS = {"uniform": None, "log_uniform": None, "normal": "clip", "choice": "weights", "quantiles": "probabilities"}
"""The distributions by name, each with the key that may be beside it."""

WHOLE = ("uniform", "choice")
"""The distributions of whole numbers; `uniform` then means every whole number equally often."""

EXAMPLE = "give a number, [low, high], or a distribution such as {normal: [8, 5], clip: [-5, 25]}"
_WHOLE_EXAMPLE = "give a whole number, [low, high], or {choice: [1, 2, 3]}"


def is_distribution(node: Node) -> bool:
    """Whether a node is a mapping that names a distribution."""
    return isinstance(node.value, dict) and any(key in COMPANIONS for key in node.value)


def _read_numbers(node: Node, at: KeyPath, reading: Reading, *, integer: bool, keep_type: bool = False) -> Any:
    """The numbers of a list; WRONG if it is none or one of its items is not a number."""
    if node.value is BROKEN:
        return WRONG
    if not isinstance(node.value, list):
        return reading.wrong(node, at, f"{node.describe()} is not a list of numbers")
    numbers: list[Any] = []
    for item in node.value:
        number = bare_number(item, integer=integer)
        if item.value is BROKEN:
            numbers.append(WRONG)
        elif number is None:
            text = f"{item.describe()} is not a {'whole ' if integer else ''}number"
            numbers.append(reading.wrong(item, at, text))
        else:
            numbers.append(item.value if keep_type else number)
    return WRONG if any(number is WRONG for number in numbers) else tuple(numbers)


def _pair(numbers: tuple[float, ...], what: str) -> tuple[float, float]:
    if len(numbers) != 2:
        raise ValueError(f"give two numbers, {what}, not {len(numbers)}")
    return numbers[0], numbers[1]


def _distribution(
    name: str, numbers: tuple[float, ...], beside: tuple[float, ...] | None, integer: bool
) -> Distribution:
    """The distribution of a name, its numbers and those of the key beside it. ValueError says what is wrong."""
    if name == "normal":
        mean, sd = _pair(numbers, "[mean, standard deviation]")
        return Normal(mean, sd, None if beside is None else _pair(beside, "clip: [low, high]"))
    if name == "choice":
        return Choice(numbers, beside)
    if name == "quantiles":
        return Quantiles(numbers, beside)
    low, high = _pair(numbers, "[low, high]")
    if name == "log_uniform":
        return LogUniform(low, high)
    return Integers(int(low), int(high)) if integer else Uniform(low, high)


def _name_of(node: Node, at: KeyPath, reading: Reading, allowed: tuple[str, ...]) -> str | None:
    """The one distribution that the mapping names; None after noting what is wrong."""
    names = [key for key in node.value if key in COMPANIONS]
    if len(names) != 1:
        hint = "" if names else next((h for key in node.value if (h := did_you_mean(key, COMPANIONS))), "")
        subject = f"{' and '.join(names)} together are" if names else "this mapping is"
        text = f"{subject} not a distribution; give exactly one of {', '.join(allowed)}{hint}"
        reading.wrong(node, at, text)
        return None
    (name,) = names
    unknown = [key for key in node.value if key not in (name, COMPANIONS[name])]
    for key in unknown:
        companion = COMPANIONS[name] or "nothing"
        reading.wrong(node.keys[key], at.child(shortened(key)), f"unknown key; beside {name} there may be {companion}")
    if name not in allowed:
        reading.wrong(node, at, f"{name} does not draw whole numbers; {_WHOLE_EXAMPLE}")
    return None if unknown or name not in allowed else name


def _try(make: Callable[[], Distribution | WordChoice], node: Node, at: KeyPath, reading: Reading) -> Any:
    """What `make` makes; WRONG after noting what it complains about."""
    try:
        return make()
    except ValueError as error:
        return reading.wrong(node, at, str(error))


@dataclass(frozen=True, slots=True)
class DrawnNumber(Kind):
    """A number that is drawn for each clip."""

    range: Range = ANY_NUMBER  #: all values are in it
    keep_type: bool = False  #: a `choice` keeps 8 apart from 8.0, for library arguments that must be whole
    constant: bool = False  #: one number for the whole recipe: the plan needs it before any clip

    def read(self, node: Node, at: KeyPath, reading: Reading) -> Any:
        """A Distribution."""
        drawn = self._read_distribution(node, at, reading)
        if drawn is WRONG:
            return WRONG
        if self.constant and not isinstance(drawn, Constant):
            return reading.wrong(node, at, f"this cannot be drawn for each clip; give {self.range.text()}")
        complaint = self.range.complaint(drawn.low, drawn.high)
        if complaint is None:
            return drawn
        if isinstance(drawn, Normal) and drawn.clip is None:
            low = drawn.low if math.isinf(self.range.low) else self.range.low
            high = drawn.high if math.isinf(self.range.high) else self.range.high
            clip = f"[{plain_number(low):g}, {plain_number(high):g}]"
            complaint = f"without clip this normal distribution {complaint}, or add clip: {clip}"
        return reading.wrong(node, at, complaint)

    def _read_distribution(self, node: Node, at: KeyPath, reading: Reading) -> Any:
        integer = self.range.integer
        number = bare_number(node, integer=integer)
        if number is not None:
            return Constant(number)
        if isinstance(node.value, dict):
            return self._read_mapping(node, at, reading)
        if isinstance(node.value, list):
            numbers = _read_numbers(node, at, reading, integer=integer)
            if numbers is WRONG:
                return WRONG
            return _try(lambda: _distribution("uniform", numbers, None, integer), node, at, reading)
        if node.value is BROKEN:
            return WRONG
        noun, example = ("a whole number", _WHOLE_EXAMPLE) if integer else ("a number", EXAMPLE)
        return reading.wrong(node, at, f"{node.describe()} is not {noun}; {example}")

    def _read_mapping(self, node: Node, at: KeyPath, reading: Reading) -> Any:
        integer = self.range.integer
        name = _name_of(node, at, reading, WHOLE if integer else tuple(COMPANIONS))
        if name is None:
            return WRONG
        keep_type = self.keep_type and name == "choice"
        numbers = _read_numbers(node.value[name], at.child(name), reading, integer=integer, keep_type=keep_type)
        beside, companion = None, COMPANIONS[name]
        if companion is not None and companion in node.value and node.value[companion].value is not None:
            beside = _read_numbers(node.value[companion], at.child(companion), reading, integer=False)
        if numbers is WRONG or beside is WRONG:
            return WRONG
        return _try(lambda: _distribution(name, numbers, beside, integer), node, at, reading)

    def write(self, value: Distribution) -> Any:
        """See `write_distribution`."""
        return write_distribution(value)

    def schema(self) -> dict[str, Any]:
        """A number, a pair, or a mapping that names a distribution."""
        number = self.range.schema()
        if self.constant:
            return number
        pair = {"type": "array", "items": number, "minItems": 2, "maxItems": 2}
        return {"anyOf": [number, pair, {"$ref": f"#/$defs/{'whole' if self.range.integer else 'distribution'}"}]}


def plain_distribution(plain: Mapping[str, Any], *, integer: bool = False) -> Distribution | WordChoice:
    """The distribution of a default in the recipe's notation, such as {"normal": [8, 5], "clip": [-5, 25]}."""
    name = next(key for key in plain if key in COMPANIONS)
    beside = plain.get(COMPANIONS[name] or "")
    if isinstance(plain[name][0], str):
        return WordChoice(tuple(plain[name]), None if beside is None else tuple(beside))
    numbers = tuple(plain[name]) if integer else tuple(float(x) for x in plain[name])
    return _distribution(name, numbers, None if beside is None else tuple(map(float, beside)), integer)


def write_distribution(value: Distribution | WordChoice) -> Any:
    """The distribution as plain JSON, always spelled in the same way."""
    values: tuple[float, ...]
    companions: tuple[float, ...] | None = None
    match value:
        case Constant(number):
            return plain_number(number)
        case Uniform(low, high) | Integers(low, high):
            return [plain_number(low), plain_number(high)]
        case LogUniform(low, high):
            name, values = "log_uniform", (low, high)
        case Normal(center, sd, companions):
            name, values = "normal", (center, sd)
        case Choice(numbers, companions):
            name, values = "choice", numbers
        case WordChoice(words, companions):
            written: dict[str, Any] = {"choice": list(words)}
            return written if companions is None else written | {"weights": [plain_number(x) for x in companions]}
        case Quantiles(numbers, companions):
            name, values = "quantiles", numbers
    written = {name: [plain_number(x) for x in values]}
    key = COMPANIONS[name]
    return written if companions is None or key is None else written | {key: [plain_number(x) for x in companions]}


@dataclass(frozen=True, slots=True)
class DrawnWord(Kind):
    """A word, or a choice of words that is drawn for each clip."""

    words: tuple[str, ...]

    def read(self, node: Node, at: KeyPath, reading: Reading) -> Any:
        """A str, or a WordChoice."""
        if isinstance(node.value, str) and node.value in self.words:
            return node.value
        if is_distribution(node):
            return self._read_choice(node, at, reading)
        hint = did_you_mean(node.value, self.words) if isinstance(node.value, str) else ""
        words = ", ".join(self.words)
        return reading.wrong(node, at, f"{node.describe()} is not one of {words}, nor a choice of them{hint}")

    def _read_choice(self, node: Node, at: KeyPath, reading: Reading) -> Any:
        if _name_of(node, at, reading, tuple(COMPANIONS)) != "choice":
            return reading.wrong(node, at, f"only a choice draws words; give {{choice: [{', '.join(self.words)}]}}")
        choice, weights = node.value["choice"], None
        if not isinstance(choice.value, list) or not all(item.value in self.words for item in choice.value):
            return reading.wrong(choice, at, f"the choice must be a list of words from: {', '.join(self.words)}")
        if "weights" in node.value:
            weights = _read_numbers(node.value["weights"], at.child("weights"), reading, integer=False)
        if weights is WRONG:
            return WRONG
        return _try(lambda: WordChoice(tuple(item.value for item in choice.value), weights), node, at, reading)

    def write(self, value: str | WordChoice) -> Any:
        """The word, or a mapping with the choice."""
        return value if isinstance(value, str) else write_distribution(value)

    def schema(self) -> dict[str, Any]:
        """A word, or a mapping with a choice of them."""
        word = {"enum": list(self.words)}
        properties = {
            "choice": {"type": "array", "items": word, "minItems": 1},
            "weights": {"type": "array", "items": {"type": "number", "minimum": 0}},
        }
        choice = {"type": "object", "properties": properties, "required": ["choice"], "additionalProperties": False}
        return {"anyOf": [word, choice]}
