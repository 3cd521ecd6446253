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
"""The distributions by name, each with the key that may stand beside it."""

WHOLE = ("uniform", "choice")
"""The distributions of whole numbers; `uniform` then means every whole number equally often."""

EXAMPLE = "give a number, [low, high], or a distribution such as {normal: [8, 5], clip: [-5, 25]}"
_WHOLE_EXAMPLE = "give a whole number, [low, high], or {choice: [1, 2, 3]}"


def is_distribution(node: Node) -> bool:
    """True for a mapping that names a distribution."""
    return isinstance(node.value, dict) and any(key in COMPANIONS for key in node.value)


def _numbers(node: Node | None, at: KeyPath, reading: Reading, *, whole: bool, keep_type: bool = False) -> Any:
    """The numbers of a list; WRONG where it is none or one of its items is no number."""
    if node is None or node.value is BROKEN:
        return WRONG
    if not isinstance(node.value, list):
        return reading.wrong(node, at, f"{node.describe()} is not a list of numbers")
    found = [_number(item, at, reading, whole=whole, keep_type=keep_type) for item in node.value]
    return WRONG if any(x is WRONG for x in found) else tuple(found)


def _number(node: Node, at: KeyPath, reading: Reading, *, whole: bool, keep_type: bool) -> Any:
    if node.value is BROKEN:
        return WRONG
    number = bare_number(node, whole=whole)
    if number is None:
        return reading.wrong(node, at, f"{node.describe()} is not a {'whole ' if whole else ''}number")
    return node.value if keep_type else number


def _pair(numbers: tuple[float, ...], what: str) -> tuple[float, float]:
    if len(numbers) != 2:
        raise ValueError(f"give two numbers, {what}, not {len(numbers)}")
    return numbers[0], numbers[1]


def _uniform(numbers: tuple[float, ...], whole: bool) -> Distribution:
    low, high = _pair(numbers, "[low, high]")
    return Integers(int(low), int(high)) if whole else Uniform(low, high)


def _normal(numbers: tuple[float, ...], clip: tuple[float, ...] | None) -> Distribution:
    centre, sd = _pair(numbers, "[mean, standard deviation]")
    return Normal(centre, sd, None if clip is None else _pair(clip, "clip: [low, high]"))


def _make(name: str, numbers: tuple[float, ...], beside: tuple[float, ...] | None, whole: bool) -> Distribution:
    makers: dict[str, Callable[[], Distribution]] = {
        "uniform": lambda: _uniform(numbers, whole),
        "log_uniform": lambda: LogUniform(*_pair(numbers, "[low, high]")),
        "normal": lambda: _normal(numbers, beside),
        "choice": lambda: Choice(numbers, beside),
        "quantiles": lambda: Quantiles(numbers, beside),
    }
    return makers[name]()


def _name_of(node: Node, at: KeyPath, reading: Reading, allowed: tuple[str, ...]) -> str | None:
    """The one distribution that the mapping names; None after noting what else is there."""
    names = [key for key in node.value if key in COMPANIONS]
    if len(names) != 1:
        known = ", ".join(allowed)
        hint = "" if names else next((h for key in node.value if (h := did_you_mean(key, COMPANIONS))), "")
        found = f"{' and '.join(names)} together are" if names else "this mapping is"
        reading.wrong(node, at, f"{found} not a distribution; give exactly one of {known}{hint}")
        return None
    (name,) = names
    others = [key for key in node.value if key not in (name, COMPANIONS[name])]
    for key in others:
        only = COMPANIONS[name] or "nothing"
        reading.wrong(node.keys[key], at.child(shortened(key)), f"unknown key; beside {name} there may be {only}")
    if name not in allowed:
        reading.wrong(node, at, f"{name} does not draw whole numbers; {_WHOLE_EXAMPLE}")
    return None if others or name not in allowed else name


def _try(make: Callable[[], Distribution | WordChoice], node: Node, at: KeyPath, reading: Reading) -> Any:
    """What `make` makes; WRONG after noting what it complains about."""
    try:
        return make()
    except ValueError as error:
        return reading.wrong(node, at, str(error))


@dataclass(frozen=True, slots=True)
class Drawn(Kind):
    """A number that is drawn for each clip, all of whose values must lie in `range`.

    `keep_type`: a `choice` keeps 8 apart from 8.0, for library arguments that must be whole. `constant`: one number for
    the whole recipe is asked for, because the plan needs it before any clip.
    """

    range: Range = ANY_NUMBER
    keep_type: bool = False
    constant: bool = False

    def read(self, node: Node, at: KeyPath, reading: Reading) -> Any:
        """The Distribution, or WRONG."""
        drawn = self._distribution(node, at, reading)
        if drawn is WRONG:
            return WRONG
        if self.constant and not isinstance(drawn, Constant):
            return reading.wrong(node, at, f"this cannot be drawn for each clip; give {self.range.text()}")
        complaint = self.range.complaint(drawn.low, drawn.high)
        if complaint is None:
            return drawn
        if isinstance(drawn, Normal) and drawn.clip is None:
            limits = (self.range.low, self.range.high)
            ends = ", ".join(plain_text(x, end) for x, end in zip(limits, (drawn.low, drawn.high), strict=True))
            complaint = f"without clip this normal distribution {complaint}, or add clip: [{ends}]"
        return reading.wrong(node, at, complaint)

    def _distribution(self, node: Node, at: KeyPath, reading: Reading) -> Any:
        whole = self.range.whole
        number = bare_number(node, whole=whole)
        if number is not None:
            return Constant(number)
        if isinstance(node.value, dict):
            return self._mapping(node, at, reading)
        if isinstance(node.value, list):
            numbers = _numbers(node, at, reading, whole=whole)
            return WRONG if numbers is WRONG else _try(lambda: _uniform(numbers, whole), node, at, reading)
        if node.value is BROKEN:
            return WRONG
        noun, example = ("a whole number", _WHOLE_EXAMPLE) if whole else ("a number", EXAMPLE)
        return reading.wrong(node, at, f"{node.describe()} is not {noun}; {example}")

    def _mapping(self, node: Node, at: KeyPath, reading: Reading) -> Any:
        whole = self.range.whole
        name = _name_of(node, at, reading, WHOLE if whole else tuple(COMPANIONS))
        if name is None:
            return WRONG
        keep_type = self.keep_type and name == "choice"
        numbers = _numbers(node.value[name], at.child(name), reading, whole=whole, keep_type=keep_type)
        beside, key = None, COMPANIONS[name]
        if key is not None and key in node.value and node.value[key].value is not None:
            beside = _numbers(node.value[key], at.child(key), reading, whole=False)
        if numbers is WRONG or beside is WRONG:
            return WRONG
        return _try(lambda: _make(name, numbers, beside, whole), node, at, reading)

    def write(self, value: Distribution) -> Any:
        return write_distribution(value)

    def schema(self) -> dict[str, Any]:
        one = self.range.schema()
        if self.constant:
            return one
        pair = {"type": "array", "items": one, "minItems": 2, "maxItems": 2}
        return {"anyOf": [one, pair, {"$ref": f"#/$defs/{'whole' if self.range.whole else 'distribution'}"}]}


def plain_distribution(plain: Mapping[str, Any], *, whole: bool = False) -> Distribution | WordChoice:
    """The distribution of a default in the recipe's notation, such as {"normal": [8, 5], "clip": [-5, 25]}."""
    name = next(key for key in plain if key in COMPANIONS)
    beside = plain.get(COMPANIONS[name] or "")
    if isinstance(plain[name][0], str):
        return WordChoice(tuple(plain[name]), None if beside is None else tuple(beside))
    numbers = tuple(plain[name]) if whole else tuple(float(x) for x in plain[name])
    return _make(name, numbers, None if beside is None else tuple(map(float, beside)), whole)


def plain_text(limit: float, end: float) -> str:
    """The limit of a range; where it has none, the end that the distribution has anyway."""
    return f"{plain_number(end if math.isinf(limit) else limit):g}"


def _list(numbers: tuple[float, ...]) -> list[float]:
    return [plain_number(x) for x in numbers]


def _with(plain: dict[str, Any], key: str, numbers: tuple[float, ...] | None) -> dict[str, Any]:
    return plain if numbers is None else plain | {key: _list(numbers)}


def write_distribution(value: Distribution | WordChoice) -> Any:
    """The distribution as plain JSON, always spelled in the same way."""
    match value:
        case Constant(number):
            return plain_number(number)
        case Uniform(low, high) | Integers(low, high):
            return _list((low, high))
        case LogUniform(low, high):
            return {"log_uniform": _list((low, high))}
        case Normal(centre, sd, clip):
            return _with({"normal": _list((centre, sd))}, "clip", clip)
        case Choice(values, weights):
            return _with({"choice": [x if isinstance(x, int) else plain_number(x) for x in values]}, "weights", weights)
        case WordChoice(words, weights):
            return _with({"choice": list(words)}, "weights", weights)
        case Quantiles(values, probabilities):
            return _with({"quantiles": _list(values)}, "probabilities", probabilities)


@dataclass(frozen=True, slots=True)
class DrawnWord(Kind):
    """A word, or a choice of words that is drawn for each clip."""

    words: tuple[str, ...]

    def read(self, node: Node, at: KeyPath, reading: Reading) -> Any:
        """A str, or WordChoice."""
        if isinstance(node.value, str) and node.value in self.words:
            return node.value
        if is_distribution(node):
            return self._choice(node, at, reading)
        hint = did_you_mean(node.value, self.words) if isinstance(node.value, str) else ""
        known = ", ".join(self.words)
        return reading.wrong(node, at, f"{node.describe()} is not one of {known}, nor a choice of them{hint}")

    def _choice(self, node: Node, at: KeyPath, reading: Reading) -> Any:
        if _name_of(node, at, reading, tuple(COMPANIONS)) != "choice":
            return reading.wrong(node, at, f"only a choice draws words; give {{choice: [{', '.join(self.words)}]}}")
        listed, weights = node.value["choice"], None
        if not isinstance(listed.value, list) or not all(item.value in self.words for item in listed.value):
            return reading.wrong(listed, at, f"the choice must be a list of words from: {', '.join(self.words)}")
        if "weights" in node.value:
            weights = _numbers(node.value["weights"], at.child("weights"), reading, whole=False)
        if weights is WRONG:
            return WRONG
        return _try(lambda: WordChoice(tuple(item.value for item in listed.value), weights), node, at, reading)

    def write(self, value: str | WordChoice) -> Any:
        return value if isinstance(value, str) else write_distribution(value)

    def schema(self) -> dict[str, Any]:
        one = {"enum": list(self.words)}
        properties = {
            "choice": {"type": "array", "items": one, "minItems": 1},
            "weights": {"type": "array", "items": {"type": "number", "minimum": 0}},
        }
        many = {"type": "object", "properties": properties, "required": ["choice"], "additionalProperties": False}
        return {"anyOf": [one, many]}
