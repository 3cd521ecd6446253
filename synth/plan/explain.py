"""How a clip came to be: each draw with the number it drew and the setting of the recipe that it was drawn from.

Both passes of planning run again for the clip, with an ear on every draw.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from synth.draws import ClipDraws
from synth.dsp.effects.effect import effect_to_json
from synth.dsp.generators import GENERATORS
from synth.plan.builder import PlanBuilder
from synth.plan.clip_spec import ClipSpec, NoiseSegment, PlannedEvent
from synth.plan.noise_choice import NAMES
from synth.plan.plan import Plan
from synth.plan.schedule import NoiseUse
from synth.plan.tables import RECORDED
from synth.recipe.drawn import COMPANIONS, plain_distribution
from synth.recipe.model import Layer
from synth.recipe.renamed import present_key
from synth.recipe.resolved import resolved_dict

_WHOLE_NUMBERS = ("recordings", "count")  # keys whose `[low, high]` means whole numbers


@dataclass(frozen=True, slots=True)
class ExplainedDraw:
    """One draw of a clip."""

    key: str  #: what it depends on besides seed and clip, such as `noise.snr_db`
    u: float  #: the number drawn, in [0, 1)
    value: float | str | bool | None  #: what it came to (see `drawn_value`)
    setting: Any  #: of the recipe at that key; None if the key is finer than the recipe


def explained_draws(plan: Plan, index: int) -> tuple[ClipSpec, tuple[ExplainedDraw, ...]]:
    """The spec of a clip, and all its keyed draws in the order of their keys."""
    numbers: dict[str, float] = {}

    def recorded(draws: ClipDraws) -> ClipDraws:
        def draw(key: str) -> float:
            numbers[present_key(key)] = u = draws(key)
            return u

        return draw

    builder = _Replay(plan.recipe, plan.speech, plan.pools, plan.cases, wrap_draws=recorded)
    builder.repeat(plan, index)
    spec = plan.spec(index, recorded)
    recipe = resolved_dict(plan.recipe)
    explained = []
    for key in sorted(numbers):
        setting = setting_at(recipe, key)
        explained.append(ExplainedDraw(key, numbers[key], drawn_value(key, numbers[key], setting), setting))
    return spec, tuple(explained)


class _Replay(PlanBuilder):
    """The first pass for one clip. The schedule depends on all clips before, but its answers are in the plan."""

    def repeat(self, plan: Plan, index: int) -> None:
        first, stop = (int(row) for row in plan.clips["first_segment"][index : index + 2])
        scheduled = [kind for kind in (RECORDED, *range(1, 1 + len(NAMES))) if kind == RECORDED or _has_sources(kind)]
        rows = first + np.flatnonzero(np.isin(plan.segments["kind"][first:stop], scheduled))
        columns = (plan.segments[name][rows].tolist() for name in ("recording", "offset", "source_num_samples"))
        self._uses = _PlannedUses(NoiseUse(*use) for use in zip(*columns, strict=True))
        recording, copy, split = (int(plan.clips[name][index]) for name in ("recording", "copy", "split"))
        self.add(recording, plan.speech[recording], copy, split)

    def _rotation(self, layer: Layer, pool: str, purpose: str = "") -> Any:
        return self._uses


def _has_sources(kind: int) -> bool:
    """Whether this kind of segment is grown from recordings; a virtual car is not, and no schedule knows it."""
    return GENERATORS[NAMES[kind - 1]]().sources() > 0


class _PlannedUses:
    """Hands out the uses of noise that a clip has in the plan, in place of `Rotation`."""

    def __init__(self, uses: Iterable[NoiseUse]) -> None:
        self._uses = iter(uses)

    def __len__(self) -> int:
        return 1  # so that no recording is avoided for long

    def next_use(self, *_: Any, **__: Any) -> NoiseUse:
        return next(self._uses)


def drawn_value(key: str, u: float, setting: Any) -> float | str | bool | None:
    """What a draw came to: a number in the setting's unit, a word, or whether something happens.

    Args:
        key: of the draw, such as `noise.snr_db`.
        u: the number that was drawn, in [0, 1).
        setting: of the recipe at that key, as `setting_at` returns it.

    Returns:
        The value; None if the draw chooses something that has no setting, such as a recording.
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
    value = plain_distribution(setting, integer=name in _WHOLE_NUMBERS and "choice" not in setting).value(u)
    return value if isinstance(value, str) else round(value, 6)


def setting_at(recipe: Mapping[str, Any], key: str) -> Any:
    """The part of a resolved recipe that the key of a draw names; None if the key is finer than the recipe.

    Numbers in a key (track and segment of a layer, elements of a vector) share one setting.
    """
    setting: Any = recipe
    for part in key.split("."):
        if part.isdigit():
            continue
        below = _setting_below(setting, part)
        if below is None:
            is_list_of_items = isinstance(setting, Sequence) and any(isinstance(item, Mapping) for item in setting)
            return None if setting is recipe or is_list_of_items else setting
        setting = below
    return setting


def _setting_below(setting: Any, part: str) -> Any:
    """The setting under a key, or under the name of an item (`gain#2` is the second `gain`) of a list."""
    if isinstance(setting, Mapping):
        return setting.get(part)
    if not isinstance(setting, Sequence) or isinstance(setting, str):
        return None
    name, _, occurrence = part.partition("#")
    items = [item for item in setting if isinstance(item, Mapping)]
    named = [item for item in items if name in item or name in (item.get("name"), item.get("label"))]
    number = int(occurrence or 1) - 1
    if number >= len(named):
        return None
    item = named[number]
    if name not in item:
        return item
    # an effect: its parameters, together with the `probability` that is beside its name
    beside = {key: value for key, value in item.items() if key != name}
    return {**beside, **item[name]} if isinstance(item[name], Mapping) else item[name]


def spec_to_json(spec: ClipSpec) -> dict[str, Any]:
    """The plan of a clip as JSON values."""
    fields = asdict(replace(spec, speech_effects=(), channel_effects=(), noise=(), events=()))
    fields["speech_effects"] = [effect_to_json(effect) for effect in spec.speech_effects]
    fields["channel_effects"] = [effect_to_json(effect) for effect in spec.channel_effects]
    fields["noise"] = [_segment_to_json(segment) for segment in spec.noise]
    fields["events"] = [_event_to_json(event) for event in spec.events]
    return fields


def _segment_to_json(segment: NoiseSegment) -> dict[str, Any]:
    fields, synthesis = asdict(replace(segment, effects=(), synthesis=None)), segment.synthesis
    if synthesis is not None:
        materials = [asdict(span) for span in synthesis.materials]
        fields["synthesis"] = {"name": segment.kind, **asdict(synthesis.generator), "materials": materials}  # type: ignore[call-overload]
    return {**fields, "effects": [effect_to_json(effect) for effect in segment.effects]}


def _event_to_json(event: PlannedEvent) -> dict[str, Any]:
    fields, sound = asdict(replace(event, synthesized=None)), event.synthesized
    del fields["synthesized"]
    return {**fields, "synthesis": None if sound is None else {"name": sound.name, **asdict(sound)}}  # type: ignore[call-overload]


def is_same_clip(a: ClipSpec, b: ClipSpec) -> bool:
    """Whether two plans make the same clip; indices into catalogs and plan do not count."""
    return _without_indices(a) == _without_indices(b)


def _without_indices(spec: ClipSpec) -> ClipSpec:
    events = tuple(
        event if event.recorded is None else replace(event, recorded=replace(event.recorded, recording=0))
        for event in spec.events
    )
    noise = tuple(_segment_without_indices(segment) for segment in spec.noise)
    return replace(spec, index=0, recording=0, room=None, noise=noise, events=events)


def _segment_without_indices(segment: NoiseSegment) -> NoiseSegment:
    synthesis = segment.synthesis
    if synthesis is not None:
        synthesis = replace(synthesis, materials=tuple(replace(span, recording=0) for span in synthesis.materials))
    return replace(segment, recording=0, synthesis=synthesis)
