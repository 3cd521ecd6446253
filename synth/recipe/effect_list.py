"""Reading and writing the lists of effects.

An item is a mapping with the effect's name and, beside it, perhaps `probability` and `makes_unknown`:
`speed: {choice: [0.9, 1.1]}` sets the main parameter alone, `equalizer: {bands_db: ..., tilt_db_per_octave: ...}` sets
them by name, `polarity` alone sets none. A name that begins with a capital is a transform of audiomentations with its
own arguments.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from synth.dsp.effects import EFFECTS, audiomentations
from synth.dsp.effects.audiomentations import Audiomentations
from synth.dsp.effects.stretch import NOISE_ENGINE
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
from synth.recipe.parameters import parameters_schema, read_beside, read_settings, write_settings
from synth.recipe.stages import MAKES_UNKNOWN
from synth.recipe.yaml_text import BROKEN, Node, Position, did_you_mean, shortened

PROBABILITY = Number(Range(0, 1))
_BESIDE = (Field("probability", PROBABILITY, 1.0), MAKES_UNKNOWN)
_BESIDE_KEYS = tuple(field.key for field in _BESIDE)
_LIBRARY_NAME = re.compile(r"[A-Z][A-Za-z0-9]*\Z")
_FORM = "an effect is written as `name: value` or `name: {parameter: value}`"


class LibraryArgument(Kind):
    """An argument of a library transform, as it is; a mapping with exactly one distribution is drawn by us."""

    def read(self, node: Node, at: KeyPath, reading: Reading) -> Any:
        """A distribution, a WordChoice, or a plain value."""
        if isinstance(node.value, dict):
            choice = node.value.get("choice")
            words = choice.value if choice is not None and isinstance(choice.value, list) else []
            if words and all(isinstance(word.value, str) for word in words):
                return DrawnWord(tuple(word.value for word in words)).read(node, at, reading)
            return DrawnNumber(keep_type=True).read(node, at, reading)
        if isinstance(node.value, list):
            items = [read_with(self, item, at.child(str(i)), reading) for i, item in enumerate(node.value)]
            return WRONG if any(item is WRONG for item in items) else tuple(items)
        return node.value

    def write(self, value: Any) -> Any:
        """The value as plain JSON."""
        if isinstance(value, Choice) and value.weights is None:
            return {"choice": list(value.values)}  # 8 and 8.0 are not the same to a library
        if isinstance(value, DRAWN):
            return write_distribution(value)
        return [self.write(item) for item in value] if isinstance(value, tuple) else value

    def schema(self) -> dict[str, Any]:
        """Anything."""
        return {}


@dataclass(frozen=True, slots=True)
class EffectList(Kind):
    """Effects in the order in which they are applied."""

    target: Literal["speech", "noise", "channel"]  #: what they are applied to

    def read(self, node: Node, at: KeyPath, reading: Reading) -> Any:
        """A tuple of EffectChoice."""
        if not isinstance(node.value, list):
            return reading.wrong(node, at, f"{node.describe()} is not a list; begin each effect with '- '")
        seen: dict[str, int] = {}
        choices = [self._read_item(item, at.child(str(i)), at.key, seen, reading) for i, item in enumerate(node.value)]
        return WRONG if any(choice is WRONG for choice in choices) else tuple(choices)

    def _read_item(self, node: Node, at: KeyPath, key: str, seen: dict[str, int], reading: Reading) -> Any:
        item = _as_mapping(node, at, reading)
        if item is WRONG:
            return WRONG
        name = next(key for key in item.value if key not in _BESIDE_KEYS)
        is_first = not seen
        seen[name] = seen.get(name, 0) + 1
        beside = read_beside(_BESIDE, item, at, reading)
        kind = self._read_kind(name, item.keys[name], at, is_first, reading)
        if kind is WRONG:
            return WRONG
        number = f"#{seen[name]}" if seen[name] > 1 else ""
        path = KeyPath(f"{at.shown}.{name}", f"{key}.{name}{number}")
        if kind is Audiomentations:
            settings = _read_library_settings(name, item, path, reading)
        else:
            defaults = {"engine": NOISE_ENGINE} if self.target == "noise" else {}
            settings = read_settings(name, kind, item, path, reading, defaults=defaults)
        if settings is WRONG or WRONG in beside.values():
            return WRONG
        choice = EffectChoice(name, path.key, kind, settings, **beside)
        reading.keep(path, choice, item.keys[name])
        return choice

    def _read_kind(self, name: str, position: Position, at: KeyPath, is_first: bool, reading: Reading) -> Any:
        """The class of the effect, if it is allowed here."""
        if _LIBRARY_NAME.match(name):
            return Audiomentations
        kind = EFFECTS.get(name)
        if kind is None:
            names = f"; effects are {', '.join(EFFECTS)}, and audiomentations' own by their CamelCase names"
            hint = did_you_mean(name, EFFECTS) or names
            return reading.wrong(position, at, f"{shortened(name)!r} is not an effect{hint}")
        if name == "trim" and self.target != "speech":
            return reading.wrong(position, at, "trim is for speech alone; move it to speech.effects")
        if name == "trim" and not is_first:
            text = "trim must be the first effect, because it is measured on the recording as it is"
            return reading.wrong(position, at, text)
        if self.target == "channel" and not kind.keeps_length:
            text = f"{name} changes the length, which a channel cannot; move it to speech.effects"
            return reading.wrong(position, at, text)
        return kind

    def write(self, value: tuple[EffectChoice, ...]) -> Any:
        """A list of dicts."""
        items = []
        for choice in value:
            if choice.is_library:
                settings = {key: LibraryArgument().write(setting) for key, setting in choice.parameters.items()}
            else:
                settings = write_settings(EFFECTS[choice.name].parameters, choice.parameters)
            item = {choice.name: settings, "probability": plain_number(choice.probability)}
            items.append(item | ({"makes_unknown": list(choice.makes_unknown)} if choice.makes_unknown else {}))
        return items

    def schema(self) -> dict[str, Any]:
        """An array of effects."""
        return {"type": "array", "items": {"$ref": "#/$defs/effect"}}


def _as_mapping(node: Node, at: KeyPath, reading: Reading) -> Any:
    """The item as a mapping with exactly one key besides those of _BESIDE."""
    if node.value is BROKEN:
        return WRONG
    if isinstance(node.value, str):
        return Node({node.value: Node(None, node.position)}, node.position, keys={node.value: node.position})
    if not isinstance(node.value, dict):
        return reading.wrong(node, at, f"{node.describe()} is not an effect; {_FORM}")
    names = [key for key in node.value if key not in _BESIDE_KEYS]
    if len(names) == 1:
        return node
    if not names:
        return reading.wrong(node, at, f"the name of the effect is missing; {_FORM}")
    for name in names:
        if hint := did_you_mean(name, _BESIDE_KEYS):
            return reading.wrong(node.keys[name], at, f"unknown key {name!r}{hint}")
    shown = ", ".join(shortened(name) for name in names[:5])
    return reading.wrong(node, at, f"{shown} are in one item; begin each effect with '- ', and {_FORM}")


def _read_library_settings(name: str, item: Node, at: KeyPath, reading: Reading) -> Any:
    """The arguments of a library transform, checked with the least, the middle and the greatest values drawn."""
    node = item.value[name]
    if node.value is BROKEN:
        return WRONG
    if node.value is not None and not (isinstance(node.value, dict) and not any(k in COMPANIONS for k in node.value)):
        return reading.wrong(node, at, f"give the arguments of {name} by name: {{argument: value}}")
    children = node.value or {}
    if "p" in children:
        return reading.wrong(node.keys["p"], at.child("p"), "write probability beside the name of the effect instead")
    arguments = {key: read_with(LibraryArgument(), child, at.child(key), reading) for key, child in children.items()}
    if any(value is WRONG for value in arguments.values()):
        return WRONG
    for u in (0.5, 0.0, 1 - 2**-53):
        kwargs = {key: value.value(u) if isinstance(value, DRAWN) else value for key, value in arguments.items()}
        if problem := audiomentations.check(name, kwargs):
            return reading.wrong(item.keys[name], at, problem)
    return arguments


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
