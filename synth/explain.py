"""How a clip came to be: each draw with the number it drew and the setting of the recipe that it was drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from synth.draws import clip_draws
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

    if plan.recipe.noise:
        listening("noise.probability")
    Builder(plan.recipe, plan.speech, plan.pools).lengths(recording, listening)
    spec = plan.spec(index, listening)
    recipe = resolved_dict(plan.recipe)
    return spec, tuple((key, heard[key], setting_at(recipe, key)) for key in sorted(heard))


def setting_at(recipe: Mapping[str, Any], key: str) -> Any:
    """The part of a resolved recipe that a draw's key names; None where the key goes deeper than the recipe."""
    here: Any = recipe
    for part in key.split("."):
        below = _step(here, part)
        if below is None:
            return here if here is not recipe and not isinstance(here, Sequence) else None
        here = below
    return here


def _step(here: Any, part: str) -> Any:
    name = part.split("#", maxsplit=1)[0]
    if isinstance(here, Mapping):
        return here.get(part)
    if isinstance(here, Sequence) and not isinstance(here, str):
        for item in here:
            if isinstance(item, Mapping) and item.get("name") == name:
                return item
            if isinstance(item, Mapping) and name in item:
                return item[name]
    return None


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
