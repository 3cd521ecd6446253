"""What happens over the noise: `events: [{indicator: {seconds: [2, 8]}, probability: 0.1}, ...]`.

An item is a mapping with the event's name and, beside it, how often and how loud. The sound is synthesized
(dsp/events), or `recorded: SOURCE` takes it from recordings, with a `label` for the manifest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from synth.dsp.events import EVENTS
from synth.recipe.distributions import Constant, Uniform
from synth.recipe.drawn import DrawnNumber
from synth.recipe.effect_choice import EffectChoice
from synth.recipe.kinds import (
    NAME,
    REQUIRED,
    WRONG,
    Field,
    KeyPath,
    Kind,
    Number,
    Range,
    Reading,
    field_schema,
    read_with,
)
from synth.recipe.model import EventChoice
from synth.recipe.parameters import parameters_schema, read_beside, read_settings, write_settings
from synth.recipe.stages import MAKES_UNKNOWN
from synth.recipe.yaml_text import BROKEN, Node, did_you_mean, shortened

RECORDED = "recorded"
"""The name of an event that is taken from recordings."""

_LOUDNESS = DrawnNumber(Range(-60, 60, "dB"))
_BESIDE = (
    Field("probability", Number(Range(0, 1)), 0.1, "share of the noisy clips in which it happens"),
    Field("count", DrawnNumber(Range(1, 100, integer=True)), Constant(1), "how often it happens in such a clip"),
    Field("relative_db", _LOUDNESS, Uniform(-3.0, 9.0), "its loudest 50 ms against the other noise"),
    MAKES_UNKNOWN,
)
_BESIDE_RECORDED = (
    *_BESIDE,
    Field("label", NAME, REQUIRED, "its name in the manifest"),
    Field("seconds", DrawnNumber(Range(0.05, 3600, "s")), Constant(30.0), "how much of a recording is taken at most"),
)


@dataclass(frozen=True, slots=True)
class EventList(Kind):
    """The events of the noise."""

    sources: Kind  #: reads the sources of recorded events

    def read(self, node: Node, at: KeyPath, reading: Reading) -> Any:
        """A tuple of EventChoice."""
        if not isinstance(node.value, list):
            return reading.wrong(node, at, f"{node.describe()} is not a list; begin each event with '- '")
        seen: dict[str, int] = {}
        events = [self._read_item(item, at.child(str(i)), at.key, seen, reading) for i, item in enumerate(node.value)]
        return WRONG if any(event is WRONG for event in events) else tuple(events)

    def _read_item(self, node: Node, at: KeyPath, key: str, seen: dict[str, int], reading: Reading) -> Any:
        if node.value is BROKEN:
            return WRONG
        if isinstance(node.value, str):
            node = Node({node.value: Node(None, node.position)}, node.position, keys={node.value: node.position})
        name = self._read_name(node, at, reading)
        if name is None:
            return WRONG
        beside = read_beside(_BESIDE_RECORDED if name == RECORDED else _BESIDE, node, at, reading)
        label = beside.pop("label", name)
        draw_name = name if label is WRONG else label
        seen[draw_name] = seen.get(draw_name, 0) + 1
        number = f"#{seen[draw_name]}" if seen[draw_name] > 1 else ""
        path = KeyPath(f"{at.shown}.{name}", f"{key}.{draw_name}{number}")
        if name == RECORDED:
            sources = read_with(self.sources, node.value[name], path, reading)
            reading.keep(path, sources, node.keys[name])
            if WRONG in (sources, label, *beside.values()):
                return WRONG
            return EventChoice(label, path.key, None, sources, **beside)
        settings = read_settings(name, EVENTS[name], node, path, reading)
        if settings is WRONG or WRONG in beside.values():
            return WRONG
        return EventChoice(label, path.key, EffectChoice(name, path.key, EVENTS[name], settings), **beside)

    def _read_name(self, node: Node, at: KeyPath, reading: Reading) -> str | None:
        """The event that an item names; None after noting what is wrong."""
        events = (*EVENTS, RECORDED)
        if not isinstance(node.value, dict):
            reading.wrong(node, at, f"{node.describe()} is not an event; events are {', '.join(events)}")
            return None
        names = [key for key in node.value if key in events]
        keys = [field.key for field in (_BESIDE_RECORDED if RECORDED in names else _BESIDE)]
        unknown = [key for key in node.value if key not in events and key not in keys]
        for key in unknown:
            hint = did_you_mean(key, (*events, *keys)) or f"; events are {', '.join(events)}"
            text = f"{shortened(key)!r} is not an event, nor a key{hint}"
            reading.wrong(node.keys[key], at.child(shortened(key)), text)
        if len(names) == 1:
            return None if unknown else names[0]
        if names:
            reading.wrong(node, at, f"{', '.join(names)} are in one item; begin each event with '- '")
        elif not unknown:
            reading.wrong(node, at, f"the name of the event is missing; events are {', '.join(events)}")
        return None

    def write(self, value: tuple[EventChoice, ...]) -> Any:
        """A list of dicts with every key."""
        items = []
        for event in value:
            fields = _BESIDE_RECORDED if event.choice is None else _BESIDE
            item = {field.key: field.kind.write(getattr(event, field.key)) for field in fields}
            if event.choice is None:
                items.append({RECORDED: self.sources.write(event.sources), **item})
            else:
                parameters = EVENTS[event.choice.name].parameters
                items.append({event.choice.name: write_settings(parameters, event.choice.parameters), **item})
        return items

    def schema(self) -> dict[str, Any]:
        """An array of events."""
        items = [_item_schema(name, parameters_schema(kind), _BESIDE) for name, kind in EVENTS.items()]
        items.append(_item_schema(RECORDED, self.sources.schema(), _BESIDE_RECORDED))
        return {"type": "array", "items": {"anyOf": [*items, {"enum": list(EVENTS)}]}}


def _item_schema(name: str, schema: dict[str, Any], fields: tuple[Field, ...]) -> dict[str, Any]:
    required = [name, *(field.key for field in fields if field.default is REQUIRED)]
    properties = {name: schema, **{field.key: field_schema(field) for field in fields}}
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
