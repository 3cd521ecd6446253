"""The ways to grow a layer's noise: `grow: {quilt: 0.5, shaped: {share: 0.2, departure_db: [0, 3]}}`.

Each is a generator (dsp/generators) with the share of the layer's clips that get it: a number alone, or `share` beside
the generator's own parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from synth.dsp.generators import GENERATORS
from synth.errors import RecipeError
from synth.recipe.effect_choice import EffectChoice
from synth.recipe.kinds import WRONG, Field, KeyPath, Kind, Number, Range, Reading, bare_number, number_text
from synth.recipe.model import GrowMethod
from synth.recipe.parameters import parameters_schema, read_beside, read_settings, write_settings
from synth.recipe.yaml_text import BROKEN, Node, Position, did_you_mean, parse, shortened, source_text

_SHARE = Field("share", Number(Range(0, 1)), help="share of the clips")
_CARS = Field("cars", Number(Range(2, 10_000, integer=True)), 100, "number of virtual cars")
_ROUNDING = 1e-9  # shares that sum to 1 may do so but for rounding


def _beside(name: str) -> tuple[Field, ...]:
    """The keys that are beside the generator's own parameters."""
    return (_SHARE, _CARS) if name == "cabin" else (_SHARE,)


class GrowTable(Kind):
    """A mapping of generators to their shares and parameters. The shares sum to at most 1."""

    def read(self, node: Node, at: KeyPath, reading: Reading) -> Any:
        """A tuple of GrowMethod in the order of GENERATORS."""
        if not isinstance(node.value, dict):
            text = f"give the share of each way to grow noise: {', '.join(GENERATORS)}"
            return reading.wrong(node, at, f"{node.describe()} is not a mapping; {text}")
        methods = {name: self._read_method(name, node, at, reading) for name in node.value}
        if any(method is WRONG for method in methods.values()):
            return WRONG
        total = sum(method.share for method in methods.values())
        if total > 1 + _ROUNDING:
            return reading.wrong(node, at, f"the shares of grown noise sum to {number_text(total)}, which is above 1")
        return tuple(methods[name] for name in GENERATORS if name in methods)

    def _read_method(self, name: str, node: Node, at: KeyPath, reading: Reading) -> Any:
        generator, child, path = GENERATORS.get(name), node.value[name], at.child(name)
        if generator is None:
            hint = did_you_mean(name, GENERATORS) or f"; known here: {', '.join(GENERATORS)}"
            return reading.wrong(node.keys[name], at, f"{shortened(name)!r} is not a way to grow noise{hint}")
        if child.value is BROKEN:
            return WRONG
        if bare_number(child, integer=False) is not None:
            child = Node({"share": child}, child.position, keys={"share": child.position})
        if not isinstance(child.value, dict):
            text = f"{child.describe()} is not a share; give a number from 0 to 1, or a mapping with `share`"
            return reading.wrong(child, path, text)
        beside = read_beside(_beside(name), child, path, reading)
        own = {key: value for key, value in child.value.items() if key not in beside}
        item = Node({name: Node(own, child.position, keys=child.keys)}, child.position, keys=node.keys)
        settings = read_settings(name, generator, item, path, reading)
        if settings is WRONG or WRONG in beside.values():
            return WRONG
        choice = EffectChoice(name, path.key, generator, settings)
        return GrowMethod(beside["share"], choice, beside.get("cars", 0))

    def write(self, value: tuple[GrowMethod, ...]) -> Any:
        """A dict with all parameters of each method."""
        written = {}
        for method in value:
            beside = {field.key: field.kind.write(getattr(method, field.key)) for field in _beside(method.name)}
            settings = write_settings(GENERATORS[method.name].parameters, method.choice.parameters)
            written[method.name] = beside | settings
        return written

    def schema(self) -> dict[str, Any]:
        """An object with a share, or a share and parameters, for each generator."""
        properties = {name: _method_schema(name) for name in GENERATORS}
        return {"type": "object", "properties": properties, "additionalProperties": False}


def _method_schema(name: str) -> dict[str, Any]:
    schema = parameters_schema(GENERATORS[name])
    (mapping,) = [form for form in schema["anyOf"] if form.get("type") == "object"]
    share = _SHARE.kind.schema()
    mapping["properties"] = {"share": share | {"description": _SHARE.help}} | mapping["properties"]
    if name == "cabin":
        cars = {"anyOf": [_CARS.kind.schema(), {"type": "null"}]}
        mapping["properties"]["cars"] = cars | {"description": _CARS.help, "default": _CARS.default}
    mapping["required"] = ["share", *mapping["required"]]
    return {"anyOf": [share, mapping], "description": schema["description"]}


def read_grow_method(name: str, settings: Sequence[str]) -> GrowMethod:
    """Read one way to grow noise from the command line.

    Args:
        name: the generator, a key of GENERATORS.
        settings: its parameters as `KEY=VALUE`, in the recipe's notation.

    Raises:
        RecipeError: with all mistakes.
    """
    reading = Reading(Path())
    position = Position(source_text("--method", name, Path()), 0, 0)
    values, positions = {"share": Node(1, position)}, {"share": position}
    for text in settings:
        key, equals, value = text.partition("=")
        source = source_text("--set", text, Path())
        positions[key] = Position(source, 0, 0)
        if not equals:
            reading.wrong(positions[key], KeyPath(), "give KEY=VALUE, such as segment_ms='[30, 120]'")
            continue
        # as many blanks as there were characters: columns stay those of the text
        node = parse(" " * len(key + equals) + value, source, reading.mistakes)
        values[key] = node or Node(None, Position(source, 0, len(key) + 1))
    table = Node({name: Node(values, position, keys=positions)}, position, keys={name: position})
    methods = GrowTable().read(table, KeyPath("", "grow"), reading)
    if reading.mistakes:
        raise RecipeError([str(mistake) for mistake in reading.mistakes])
    method: GrowMethod = methods[0]
    return method
