"""Reading and writing the lists of effects.

An item is a mapping with the effect's name and, beside it, perhaps `probability` and `makes_unknown`:
`speed: {choice: [0.9, 1.1]}` sets the main parameter alone, `equalizer: {bands_db: ..., tilt_db_per_octave: ...}` sets
them by name, `polarity` alone sets none. A name that begins with a capital is a transform of audiomentations with its
own arguments.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from synth.dsp.effects import EFFECTS, audiomentations
from synth.dsp.effects.audiomentations import Audiomentations
from synth.dsp.effects.effect import Effect
from synth.recipe.distributions import Choice
from synth.recipe.drawn import COMPANIONS, DrawnNumber, DrawnWord, write_distribution
from synth.recipe.effect_choice import DRAWN, EffectChoice
from synth.recipe.kinds import (
    WRONG,
    Field,
    KeyPath,
    Kind,
    Number,
    Range,
    Reading,
    field_schema,
    plain_number,
    read_with,
)
from synth.recipe.parameters import parameters_schema, read_settings, write_settings
from synth.recipe.stages import MAKES_UNKNOWN
from synth.recipe.yaml_text import BROKEN, Node, did_you_mean, shortened

PROBABILITY = Number(Range(0, 1))
_PROBABILITY = Field("probability", PROBABILITY, 1.0)
_BESIDE = ("probability", MAKES_UNKNOWN.key)
_LIBRARY_NAME = re.compile(r"[A-Z][A-Za-z0-9]*\Z")
_FORM = "an effect is written as `name: value` or `name: {parameter: value}`"


class LibraryArgument(Kind):
    """An argument of a library transform, as it stands; a mapping with exactly one distribution is drawn by us."""

    def read(self, node: Node, at: KeyPath, reading: Reading) -> Any:
        if isinstance(node.value, dict):
            return self._drawn(node, at, reading)
        if isinstance(node.value, list):
            items = [read_with(self, item, at.child(str(i)), reading) for i, item in enumerate(node.value)]
            return WRONG if any(item is WRONG for item in items) else tuple(items)
        return node.value

    def _drawn(self, node: Node, at: KeyPath, reading: Reading) -> Any:
        choice = node.value.get("choice")
        words = choice.value if choice is not None and isinstance(choice.value, list) else []
        if words and all(isinstance(word.value, str) for word in words):
            return DrawnWord(tuple(word.value for word in words)).read(node, at, reading)
        return DrawnNumber(keep_type=True).read(node, at, reading)

    def write(self, value: Any) -> Any:
        if isinstance(value, Choice) and value.weights is None:
            return {"choice": list(value.values)}  # 8 and 8.0 are not the same to a library
        if isinstance(value, DRAWN):
            return write_distribution(value)
        return [self.write(item) for item in value] if isinstance(value, tuple) else value

    def schema(self) -> dict[str, Any]:
        return {}


@dataclass(frozen=True, slots=True)
class EffectList(Kind):
    """The effects of the speech, of a noise layer, or of the channel, in the order in which they are applied."""

    room: Literal["speech", "noise", "channel"]

    def read(self, node: Node, at: KeyPath, reading: Reading) -> Any:
        """A tuple of EffectChoice, or WRONG."""
        if not isinstance(node.value, list):
            return reading.wrong(node, at, f"{node.describe()} is not a list; begin each effect with '- '")
        seen: dict[str, int] = {}
        choices = [self._item(item, at.child(str(i)), at.key, seen, reading) for i, item in enumerate(node.value)]
        return WRONG if any(choice is WRONG for choice in choices) else tuple(choices)

    def _item(self, node: Node, at: KeyPath, key: str, seen: dict[str, int], reading: Reading) -> Any:
        item = _as_mapping(node, at, reading)
        if item is WRONG:
            return WRONG
        name = next(key for key in item.value if key not in _BESIDE)
        first = not seen
        seen[name] = seen.get(name, 0) + 1
        probability, unknown = (_beside(known, item, at, reading) for known in (_PROBABILITY, MAKES_UNKNOWN))
        kind = self._kind(name, item.keys[name], at, first, reading)
        if kind is WRONG:
            return WRONG
        here = KeyPath(f"{at.shown}.{name}", f"{key}.{name}" + (f"#{seen[name]}" if seen[name] > 1 else ""))
        reader = _library_settings if kind is Audiomentations else read_settings
        settings = reader(name, kind, item, here, reading)
        if WRONG in (settings, probability, unknown):
            return WRONG
        choice = EffectChoice(name, here.key, kind, settings, probability, unknown)
        reading.keep(here, choice, item.keys[name])
        return choice

    def _kind(self, name: str, place: Any, at: KeyPath, first: bool, reading: Reading) -> Any:
        """The effect's class, where it may stand here."""
        if _LIBRARY_NAME.match(name):
            return Audiomentations
        kind = EFFECTS.get(name)
        if kind is None:
            others = f"; effects are {', '.join(EFFECTS)}, and audiomentations' own by their CamelCase names"
            hint = did_you_mean(name, EFFECTS) or others
            return reading.wrong(place, at, f"{shortened(name)!r} is not an effect{hint}")
        problem = self._misplaced(name, kind, first)
        return kind if problem is None else reading.wrong(place, at, problem)

    def _misplaced(self, name: str, kind: type[Effect], first: bool) -> str | None:
        if name == "trim" and self.room != "speech":
            return "trim is for speech alone; move it to speech.effects"
        if name == "trim" and not first:
            return "trim must be the first effect, because it is measured on the recording as it is"
        if self.room == "channel" and not kind.keeps_length:
            return f"{name} changes the length, which a channel cannot; move it to speech.effects"
        return None

    def write(self, value: tuple[EffectChoice, ...]) -> Any:
        return [_written(choice) for choice in value]

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": {"$ref": "#/$defs/effect"}}


def _as_mapping(node: Node, at: KeyPath, reading: Reading) -> Any:
    """The item as a mapping with exactly one key besides those of _BESIDE."""
    if node.value is BROKEN:
        return WRONG
    if isinstance(node.value, str):
        return Node({node.value: Node(None, node.position)}, node.position, keys={node.value: node.position})
    if not isinstance(node.value, dict):
        return reading.wrong(node, at, f"{node.describe()} is not an effect; {_FORM}")
    names = [key for key in node.value if key not in _BESIDE]
    if len(names) == 1:
        return node
    close = [(name, hint) for name in names if (hint := did_you_mean(name, _BESIDE))]
    if not names:
        return reading.wrong(node, at, f"the name of the effect is missing; {_FORM}")
    if close:
        (name, hint) = close[0]
        return reading.wrong(node.keys[name], at, f"unknown key {name!r}{hint}")
    listed = ", ".join(shortened(name) for name in names[:5])
    return reading.wrong(node, at, f"{listed} stand in one item; begin each effect with '- ', and {_FORM}")


def _beside(known: Field, item: Node, at: KeyPath, reading: Reading) -> Any:
    node = item.value.get(known.key)
    if node is None or node.value is None:
        return known.default
    return read_with(known.kind, node, at.child(known.key), reading)


def _written(choice: EffectChoice) -> dict[str, Any]:
    fields = {choice.name: _write_settings(choice), "probability": plain_number(choice.probability)}
    return fields | ({"makes_unknown": list(choice.makes_unknown)} if choice.makes_unknown else {})


def _library_settings(name: str, kind: type[Effect], item: Node, at: KeyPath, reading: Reading) -> Any:
    """The arguments of a library transform, checked with the least, the middle and the greatest values drawn."""
    node = item.value[name]
    if node.value is BROKEN:
        return WRONG
    if node.value is not None and not (isinstance(node.value, dict) and not any(k in COMPANIONS for k in node.value)):
        return reading.wrong(node, at, f"give the arguments of {name} by name: {{argument: value}}")
    given = node.value or {}
    if "p" in given:
        return reading.wrong(node.keys["p"], at.child("p"), "write probability beside the name of the effect instead")
    arguments = {key: read_with(LibraryArgument(), child, at.child(key), reading) for key, child in given.items()}
    if any(value is WRONG for value in arguments.values()):
        return WRONG
    tried = [{key: _tried(value, u) for key, value in arguments.items()} for u in (0.5, 0.0, 1 - 2**-53)]
    problem = next((text for kwargs in tried if (text := audiomentations.check(name, kwargs))), None)
    return arguments if problem is None else reading.wrong(item.keys[name], at, problem)


def _tried(value: Any, u: float) -> Any:
    return value.value(u) if isinstance(value, DRAWN) else value


def _write_settings(choice: EffectChoice) -> Mapping[str, Any]:
    if choice.is_library:
        return {key: LibraryArgument().write(value) for key, value in choice.parameters.items()}
    return write_settings(EFFECTS[choice.name].parameters, choice.parameters)


def effect_schema() -> dict[str, Any]:
    """JSON Schema of one item of a list of effects."""
    properties: dict[str, Any] = {name: parameters_schema(kind) for name, kind in EFFECTS.items()}
    properties["probability"] = {"default": 1, "anyOf": [PROBABILITY.schema(), {"type": "null"}]}
    properties["makes_unknown"] = field_schema(MAKES_UNKNOWN)
    item = {
        "type": "object",
        "properties": properties,
        "patternProperties": {"^[A-Z][A-Za-z0-9]*$": {"type": ["object", "null"]}},
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 3,
    }
    alone = [name for name, kind in EFFECTS.items() if all(p.default is not None for p in kind.parameters.values())]
    return {"anyOf": [item, {"enum": alone}, {"type": "string", "pattern": "^[A-Z][A-Za-z0-9]*$"}]}
