"""How a clip came to be: each draw with the number it drew and the setting of the recipe that it was drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from synth.draws import ClipDraws, clip_draws
from synth.dsp.effects.effect import effect_to_json
from synth.plan.build import Builder
from synth.plan.clip_spec import ClipSpec
from synth.plan.plan import Plan
from synth.recipe.load import resolved_dict

Draw = tuple[str, float, Any]
"""(key, number in [0, 1), the recipe's setting at that key or None)."""


def explained_draws(plan: Plan, index: int) -> tuple[ClipSpec, tuple[Draw, ...]]:
    """The spec of a clip and all its keyed draws, in the order of their keys."""
    recording = plan.speech[int(plan.clips["recording"][index])]
    draw = clip_draws(plan.recipe.seed, plan.clip_id(index))
    heard: dict[str, float] = {}

    def listening(key: str) -> float:
        heard[key] = draw(key)
        return heard[key]

    Builder(plan.recipe, plan.speech, plan.pools).lengths(recording, listening)
    spec = plan.spec(index, listening)
    _layer_draws(plan, spec, listening)
    recipe = resolved_dict(plan.recipe)
    return spec, tuple((key, heard[key], setting_at(recipe, key)) for key in sorted(heard))


def _layer_draws(plan: Plan, spec: ClipSpec, draws: ClipDraws) -> None:
    """The draws of which noise a clip has: those of the first pass, which the spec does not repeat."""
    if plan.recipe.noise is None or draws("noise.probability") >= plan.recipe.noise.probability:
        return
    there = {piece.layer for piece in spec.noise}
    for layer in plan.recipe.noise.layers:
        if layer.probability < 1:
            draws(layer.key + ".probability")
        if layer.name in there:
            draws(layer.key + ".recordings")


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
    found = [item for item in here if isinstance(item, Mapping) and (item.get("name") == name or name in item)]
    number = int(occurrence or 1) - 1
    return _unfolded(found[number], name) if number < len(found) else None


def _unfolded(item: Mapping[str, Any], name: str) -> Any:
    """A layer as it is; an effect's parameters together with the `probability` beside them."""
    if item.get("name") == name:
        return item
    beside = {key: value for key, value in item.items() if key != name}
    return {**beside, **item[name]} if isinstance(item[name], Mapping) else item[name]


def spec_to_json(spec: ClipSpec) -> dict[str, Any]:
    """A clip's plan as JSON values."""
    fields = asdict(replace(spec, speech_effects=(), channel_effects=(), noise=()))
    fields["speech_effects"] = [effect_to_json(effect) for effect in spec.speech_effects]
    fields["channel_effects"] = [effect_to_json(effect) for effect in spec.channel_effects]
    fields["noise"] = [
        {**asdict(replace(piece, effects=())), "effects": [effect_to_json(effect) for effect in piece.effects]}
        for piece in spec.noise
    ]
    return fields


def same_clip(one: ClipSpec, other: ClipSpec) -> bool:
    """Whether two plans make the same clip; places in catalogs and in the plan do not count."""
    return _without_places(one) == _without_places(other)


def _without_places(spec: ClipSpec) -> ClipSpec:
    noise = tuple(replace(piece, recording=0) for piece in spec.noise)
    return replace(spec, index=0, recording=0, room=None, noise=noise)
