"""What happens over the noise: `events: [{indicator: {seconds: [2, 8]}, probability: 0.1}, ...]`.

An item is a mapping with the event's name and, beside it, how often and how loud. The sound is made (dsp/events), or
`recorded: SOURCE` takes it from recordings, with a `label` for the manifest.
"""

from __future__ import annotations

from collections.abc import Mapping
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
from synth.recipe.parameters import parameters_schema, read_settings, write_settings
from synth.recipe.stages import MAKES_UNKNOWN
from synth.recipe.yaml_text import BROKEN, Node, did_you_mean, shortened

RECORDED = "recorded"

_BESIDE = (
    Field("probability", Number(Range(0, 1)), 0.1, "share of the noisy clips in which it happens"),
    Field("count", DrawnNumber(Range(1, 100, whole=True)), Constant(1), "how often it happens in such a clip"),
    Field(
        "relative_db",
        DrawnNumber(Range(-60, 60, "dB")),
        Uniform(-3.0, 9.0),
        "its loudest 50 ms against the other noise",
    ),
    MAKES_UNKNOWN,
)
_BESIDE_RECORDED = (
    Field("label", NAME, REQUIRED, "its name in the manifest"),
    Field("seconds", DrawnNumber(Range(0.05, 3600, "s")), Constant(30.0), "how much of a recording is taken at most"),
)


@dataclass(frozen=True, slots=True)
class EventList(Kind):
    """The events of the noise; `sources` reads those of recorded ones."""

    sources: Kind

    def read(self, node: Node, at: KeyPath, reading: Reading) -> Any:
        """A tuple of EventChoice, or WRONG."""
        if not isinstance(node.value, list):
            return reading.wrong(node, at, f"{node.describe()} is not a list; begin each event with '- '")
        seen: dict[str, int] = {}
        events = [self._item(item, at.child(str(i)), at.key, seen, reading) for i, item in enumerate(node.value)]
        return WRONG if any(event is WRONG for event in events) else tuple(events)

    def _item(self, node: Node, at: KeyPath, key: str, seen: dict[str, int], reading: Reading) -> Any:
        if node.value is BROKEN:
            return WRONG
        if isinstance(node.value, str):
            node = Node({node.value: Node(None, node.position)}, node.position, keys={node.value: node.position})
        name = self._name(node, at, reading)
        if name is None:
            return WRONG
        fields = (*_BESIDE, *_BESIDE_RECORDED) if name == RECORDED else _BESIDE
        beside = {f.key: _beside(f, node, at, reading) for f in fields}
        if name == RECORDED and beside["label"] is REQUIRED:
            beside["label"] = reading.wrong(
                node, at.child("label"), f"this key must be given ({_BESIDE_RECORDED[0].help})"
            )
        label = beside.get("label", name)
        label = name if label is WRONG else label
        seen[label] = seen.get(label, 0) + 1
        here = KeyPath(f"{at.shown}.{name}", f"{key}.{label}" + (f"#{seen[label]}" if seen[label] > 1 else ""))
        return self._event(name, label, node, here, beside, reading)

    def _event(
        self, name: str, label: str, node: Node, here: KeyPath, beside: Mapping[str, Any], reading: Reading
    ) -> Any:
        rest = {key: value for key, value in beside.items() if key != "label"}
        if name == RECORDED:
            sources = read_with(self.sources, node.value[name], here, reading)
            reading.keep(here, sources, node.keys[name])
            wrong = sources is WRONG or WRONG in beside.values()
            return WRONG if wrong else EventChoice(label, here.key, None, sources, **rest)
        settings = read_settings(name, EVENTS[name], node, here, reading)
        if settings is WRONG or WRONG in beside.values():
            return WRONG
        return EventChoice(label, here.key, EffectChoice(name, here.key, EVENTS[name], settings), **rest)

    def _name(self, node: Node, at: KeyPath, reading: Reading) -> str | None:
        """The event that an item names, or None after noting what is wrong."""
        known = (*EVENTS, RECORDED)
        if not isinstance(node.value, dict):
            reading.wrong(node, at, f"{node.describe()} is not an event; events are {', '.join(known)}")
            return None
        names = [key for key in node.value if key in known]
        fields = (*_BESIDE, *_BESIDE_RECORDED) if RECORDED in names else _BESIDE
        others = [key for key in node.value if key not in known and key not in {f.key for f in fields}]
        for key in others:
            hint = did_you_mean(key, (*known, *(f.key for f in fields))) or f"; events are {', '.join(known)}"
            reading.wrong(
                node.keys[key], at.child(shortened(key)), f"{shortened(key)!r} is not an event, nor a key{hint}"
            )
        if len(names) == 1:
            return None if others else names[0]
        if names:
            reading.wrong(node, at, f"{', '.join(names)} stand in one item; begin each event with '- '")
        elif not others:
            reading.wrong(node, at, f"the name of the event is missing; events are {', '.join(known)}")
        return None

    def write(self, value: tuple[EventChoice, ...]) -> Any:
        return [self._written(event) for event in value]

    def _written(self, event: EventChoice) -> dict[str, Any]:
        beside = {f.key: f.kind.write(getattr(event, f.key)) for f in _BESIDE}
        if event.choice is None:
            beside |= {f.key: f.kind.write(getattr(event, f.key)) for f in _BESIDE_RECORDED}
            return {RECORDED: self.sources.write(event.sources), **beside}
        known = EVENTS[event.choice.name].parameters
        return {event.choice.name: write_settings(known, event.choice.parameters), **beside}

    def schema(self) -> dict[str, Any]:
        made = [_item_schema(name, parameters_schema(kind), _BESIDE) for name, kind in EVENTS.items()]
        recorded = _item_schema(RECORDED, self.sources.schema(), (*_BESIDE, *_BESIDE_RECORDED))
        return {"type": "array", "items": {"anyOf": [*made, recorded, {"enum": list(EVENTS)}]}}


def _item_schema(name: str, schema: dict[str, Any], fields: tuple[Field, ...]) -> dict[str, Any]:
    required = [name, *(f.key for f in fields if f.default is REQUIRED)]
    properties = {name: schema, **{f.key: field_schema(f) for f in fields}}
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _beside(known: Field, node: Node, at: KeyPath, reading: Reading) -> Any:
    child = node.value.get(known.key)
    if child is None or child.value is None:
        return known.default
    return read_with(known.kind, child, at.child(known.key), reading)
