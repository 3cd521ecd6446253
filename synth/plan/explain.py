"""How a clip came to be: each draw with the number it drew and the setting of the recipe that it was drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from synth.draws import ClipDraws, clip_draws
from synth.dsp.effects.effect import effect_to_json
from synth.plan.build import PlanBuilder
from synth.plan.clip_spec import ClipSpec, NoiseSegment, PlannedEvent
from synth.plan.conditions import draw_condition
from synth.plan.noise_choice import draw_grow_method, draw_occurrences, draw_track_count
from synth.plan.plan import Plan
from synth.plan.speaking import lombard_of, person_draws
from synth.plan.unchanged import unchanged_sources
from synth.recipe.drawn import COMPANIONS, plain_distribution
from synth.recipe.load import resolved_dict
from synth.recipe.renamed import present_key

Draw = tuple[str, float, Any]
"""(key, number in [0, 1), the recipe's setting at that key or None)."""


def explained_draws(plan: Plan, index: int) -> tuple[ClipSpec, tuple[Draw, ...]]:
    """The spec of a clip and all its keyed draws, in the order of their keys."""
    recording = plan.speech[int(plan.clips["recording"][index])]
    if recording.source in unchanged_sources(plan.recipe):
        return plan.spec(index), ()  # nothing is drawn for it
    draw = clip_draws(plan.recipe.seed, plan.clip_id(index))
    heard: dict[str, float] = {}

    def listening(key: str) -> float:
        heard[key] = draw(key)
        return heard[key]

    person = person_draws(plan.recipe, recording)

    def listening_to_person(key: str) -> float:
        heard[key] = person(key)
        return heard[key]

    PlanBuilder(plan.recipe, plan.speech, plan.pools, plan.cases).lengths(recording, listening)
    spec = plan.spec(index, listening)
    situation = draw_condition(plan.recipe, plan.cases, listening)
    lombard_of(plan.recipe, listening, recording, situation, listening_to_person)
    _layer_draws(plan, spec, listening)
    recipe = resolved_dict(plan.recipe)
    keys = {present_key(key): key for key in heard}
    return spec, tuple((key, heard[keys[key]], setting_at(recipe, key)) for key in sorted(keys))


def _layer_draws(plan: Plan, spec: ClipSpec, draws: ClipDraws) -> None:
    """The draws of which noise a clip has: those of the first pass, which the spec does not repeat."""
    if plan.recipe.noise is None or draws("noise.probability") >= plan.recipe.noise.probability:
        return
    there = {piece.layer for piece in spec.noise}
    for layer in plan.recipe.noise.layers:
        if layer.probability < 1:
            draws(layer.key + ".probability")
        if layer.name in there:
            growth = draw_grow_method(layer, draws)
            draw_track_count(layer, growth, draws)
            if growth is not None and growth.cars:
                draws(layer.key + ".grow.cabin.car")
    for happening in draw_occurrences(plan.recipe, draws):
        if happening.event.choice is None:
            draws(happening.key + ".seconds")


_WHOLE_NUMBERS = ("recordings", "count")  # keys whose `[low, high]` means whole numbers


def drawn_value(key: str, u: float, setting: Any) -> float | str | bool | None:
    """What a draw came to: a number in the setting's unit, a word, whether something happens; None for a place.

    Args:
        key: of the draw, such as `noise.snr_db`.
        u: the number in [0, 1) that was drawn.
        setting: of the recipe at that key, as `setting_at` returns it.
    """
    name = key.rpartition(".")[2]
    is_number = isinstance(setting, int | float)
    if name == "probability":
        return u < setting if is_number else None
    if is_number:
        return float(setting)
    if isinstance(setting, str):
        return setting
    if isinstance(setting, list) and len(setting) == 2:
        setting = {"uniform": setting}
    if not isinstance(setting, Mapping) or not COMPANIONS.keys() & setting.keys():
        return None
    value = plain_distribution(setting, whole=name in _WHOLE_NUMBERS and "choice" not in setting).value(u)
    return value if isinstance(value, str) else round(value, 6)


def setting_at(recipe: Mapping[str, Any], key: str) -> Any:
    """The part of a resolved recipe that a draw's key names; None where the key goes deeper than the recipe.

    Numbers in a key (track and piece of a layer, elements of a vector) share one setting.
    """
    here: Any = recipe
    for part in key.split("."):
        if part.isdigit():
            continue
        below = _step(here, part)
        if below is None:
            return None if here is recipe or _is_entries(here) else here
        here = below
    return here


def _is_entries(here: Any) -> bool:
    """Whether this is a list of layers or effects, not a pair of numbers."""
    return isinstance(here, Sequence) and any(isinstance(item, Mapping) for item in here)


def _step(here: Any, part: str) -> Any:
    if isinstance(here, Mapping):
        return here.get(part)
    if not isinstance(here, Sequence) or isinstance(here, str):
        return None
    name, _, occurrence = part.partition("#")
    found = [item for item in here if isinstance(item, Mapping) and (_is_named(item, name))]
    number = int(occurrence or 1) - 1
    return _unfolded(found[number], name) if number < len(found) else None


def _is_named(item: Mapping[str, Any], name: str) -> bool:
    return name in item or name in (item.get("name"), item.get("label"))


def _unfolded(item: Mapping[str, Any], name: str) -> Any:
    """A layer as it is; an effect's parameters together with the `probability` beside them."""
    if name not in item:
        return item
    beside = {key: value for key, value in item.items() if key != name}
    return {**beside, **item[name]} if isinstance(item[name], Mapping) else item[name]


def spec_to_json(spec: ClipSpec) -> dict[str, Any]:
    """A clip's plan as JSON values."""
    fields = asdict(replace(spec, speech_effects=(), channel_effects=(), noise=(), events=()))
    fields["speech_effects"] = [effect_to_json(effect) for effect in spec.speech_effects]
    fields["channel_effects"] = [effect_to_json(effect) for effect in spec.channel_effects]
    fields["noise"] = [_piece_to_json(piece) for piece in spec.noise]
    fields["events"] = [_event_to_json(event) for event in spec.events]
    return fields


def _piece_to_json(piece: NoiseSegment) -> dict[str, Any]:
    fields = asdict(replace(piece, effects=(), synthesis=None))
    fields["grown"] = fields.pop("synthesis")
    if piece.synthesis is not None:
        materials = [asdict(place) for place in piece.synthesis.materials]
        fields["grown"] = {"name": piece.kind, **asdict(piece.synthesis.generator), "materials": materials}  # type: ignore[call-overload]
    return {**fields, "effects": [effect_to_json(effect) for effect in piece.effects]}


def _event_to_json(event: PlannedEvent) -> dict[str, Any]:
    made = None if event.synthesized is None else {"name": event.synthesized.name, **asdict(event.synthesized)}  # type: ignore[call-overload]
    fields = asdict(replace(event, synthesized=None))
    del fields["synthesized"]
    return {**fields, "made": made}


def same_clip(one: ClipSpec, other: ClipSpec) -> bool:
    """Whether two plans make the same clip; places in catalogs and in the plan do not count."""
    return _without_places(one) == _without_places(other)


def _without_places(spec: ClipSpec) -> ClipSpec:
    noise = tuple(_piece_without_places(piece) for piece in spec.noise)
    events = tuple(
        event if event.recorded is None else replace(event, recorded=replace(event.recorded, recording=0))
        for event in spec.events
    )
    return replace(spec, index=0, recording=0, room=None, noise=noise, events=events)


def _piece_without_places(piece: NoiseSegment) -> NoiseSegment:
    if piece.synthesis is None:
        return replace(piece, recording=0)
    materials = tuple(replace(place, recording=0) for place in piece.synthesis.materials)
    return replace(piece, recording=0, synthesis=replace(piece.synthesis, materials=materials))
