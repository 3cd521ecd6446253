"""The ways in which a layer's noise is grown: `grow: {quilt: 0.5, shaped: {share: 0.2, departure_db: [0, 3]}}`.

Each is a generator (dsp/noise) with the share of the layer's clips that get it: a number alone, or `share` beside the
generator's own parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from synth.dsp.generators import GENERATORS
from synth.errors import RecipeError
from synth.recipe.effect_choice import EffectChoice
from synth.recipe.kinds import (
    WRONG,
    KeyPath,
    Kind,
    Number,
    Range,
    Reading,
    bare_number,
    number_text,
    plain_number,
    read_with,
)
from synth.recipe.model import GrowMethod
from synth.recipe.parameters import parameters_schema, read_settings, write_settings
from synth.recipe.yaml_text import BROKEN, Node, Position, did_you_mean, parse, shortened, source_text

_SHARE = Number(Range(0, 1))
_CARS = Number(Range(2, 10_000, whole=True))
DEFAULT_CARS = 100


class GrowTable(Kind):
    """A mapping of generators to their shares and parameters, which sum to 1 at most."""

    def read(self, node: Node, at: KeyPath, reading: Reading) -> Any:
        """A tuple of GrowMethod in the order of GENERATORS, or WRONG."""
        if not isinstance(node.value, dict):
            known = ", ".join(GENERATORS)
            return reading.wrong(
                node, at, f"{node.describe()} is not a mapping; give the share of each way to grow noise: {known}"
            )
        found = {name: self._one(name, node, at, reading) for name in node.value}
        if any(growth is WRONG for growth in found.values()):
            return WRONG
        total = sum(growth.share for growth in found.values())
        if total > 1 + 1e-9:
            return reading.wrong(node, at, f"the shares of grown noise sum to {number_text(total)}, which is above 1")
        return tuple(found[name] for name in GENERATORS if name in found)

    def _one(self, name: str, node: Node, at: KeyPath, reading: Reading) -> Any:
        kind, child = GENERATORS.get(name), node.value[name]
        if kind is None:
            hint = did_you_mean(name, GENERATORS) or f"; known here: {', '.join(GENERATORS)}"
            return reading.wrong(node.keys[name], at, f"{shortened(name)!r} is not a way to grow noise{hint}")
        if child.value is BROKEN:
            return WRONG
        here = at.child(name)
        if bare_number(child, whole=False) is not None:
            child = Node({"share": child}, child.position, keys={"share": child.position})
        if not isinstance(child.value, dict):
            return reading.wrong(
                child, here, f"{child.describe()} is not a share; give a number from 0 to 1, or a mapping with `share`"
            )
        share = self._share(child, here, reading)
        cars = self._cars(child, here, reading) if name == "cabin" else 0
        own = {key: value for key, value in child.value.items() if key not in self._beside(name)}
        item = Node({name: Node(own, child.position, keys=child.keys)}, child.position, keys=node.keys)
        settings = read_settings(name, kind, item, here, reading)
        if WRONG in (share, cars) or settings is WRONG:
            return WRONG
        return GrowMethod(share, EffectChoice(name, here.key, kind, settings), cars)

    @staticmethod
    def _beside(name: str) -> tuple[str, ...]:
        """The keys that stand beside the generator's own parameters."""
        return ("share", "cars") if name == "cabin" else ("share",)

    def _share(self, node: Node, at: KeyPath, reading: Reading) -> Any:
        share = node.value.get("share")
        if share is None or share.value is None:
            return reading.wrong(node, at.child("share"), "this key must be given (share of the clips)")
        return read_with(_SHARE, share, at.child("share"), reading)

    def _cars(self, node: Node, at: KeyPath, reading: Reading) -> Any:
        cars = node.value.get("cars")
        return DEFAULT_CARS if cars is None or cars.value is None else read_with(_CARS, cars, at.child("cars"), reading)

    def write(self, value: tuple[GrowMethod, ...]) -> Any:
        return {growth.name: _written(growth) for growth in value}

    def schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {name: _schema_of(name) for name in GENERATORS},
            "additionalProperties": False,
        }


def _written(growth: GrowMethod) -> dict[str, Any]:
    cars = {"cars": growth.cars} if growth.name == "cabin" else {}
    settings = write_settings(GENERATORS[growth.name].parameters, growth.choice.parameters)
    return {"share": plain_number(growth.share), **cars, **settings}


def _schema_of(name: str) -> dict[str, Any]:
    schema = parameters_schema(GENERATORS[name])
    (own,) = [form for form in schema["anyOf"] if form.get("type") == "object"]
    own["properties"] = {"share": _SHARE.schema() | {"description": "share of the clips"}} | own["properties"]
    if name == "cabin":
        cars = {"anyOf": [_CARS.schema(), {"type": "null"}]}
        own["properties"]["cars"] = cars | {"description": "how many virtual cars", "default": DEFAULT_CARS}
    own["required"] = ["share", *own["required"]]
    return {"anyOf": [_SHARE.schema(), own], "description": schema["description"]}


def read_growth(name: str, settings: Sequence[str]) -> GrowMethod:
    """One way to grow noise, its parameters as `KEY=VALUE` texts in the recipe's notation.

    Raises RecipeError with all mistakes.
    """
    reading = Reading(Path())
    own, places = {}, {}
    for text in settings:
        key, equals, value = text.partition("=")
        source = source_text("--set", text, Path())
        places[key] = Position(source, 0, 0)
        if not equals:
            reading.wrong(places[key], KeyPath(), "give KEY=VALUE, such as segment_ms='[30, 120]'")
            continue
        # as many blanks as there were characters: columns stay those of the text
        node = parse(" " * len(key + equals) + value, source, reading.mistakes)
        own[key] = node or Node(None, Position(source, 0, len(key) + 1))
    here = Position(source_text("--method", name, Path()), 0, 0)
    table = Node(
        {name: Node({"share": Node(1, here)} | own, here, keys={"share": here} | places)}, here, keys={name: here}
    )
    growth = GrowTable().read(table, KeyPath("", "grow"), reading)
    if reading.mistakes:
        raise RecipeError([str(mistake) for mistake in reading.mistakes])
    found: tuple[GrowMethod, ...] = growth
    return found[0]
