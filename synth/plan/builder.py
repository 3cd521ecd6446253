"""The first pass of planning: the lengths of all clips, and the noise that each one uses, in clip order.

It keeps a few integers per clip and segment. All else that a clip draws (plan/spec.py) is drawn when the clip is made.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from synth.catalog.catalog import Catalog
from synth.catalog.recording import Recording
from synth.draws import ClipDraws, clip_draws, uniform01
from synth.dsp.effects.chain import planned_length
from synth.dsp.effects.effect import Effect
from synth.dsp.effects.trim import Trim
from synth.errors import GuardError
from synth.plan.conditions import CasesByCondition, draw_condition
from synth.plan.noise_choice import (
    NAMES,
    car_number,
    draw_event_start,
    draw_grow_method,
    draw_layers,
    draw_occurrences,
    draw_track_count,
)
from synth.plan.pools import POOLS, Pools
from synth.plan.schedule import NoiseRecording, Rotation
from synth.plan.speaking import draw_lombard, lombard_effects, speaker_draws
from synth.plan.splits import HELD_OUT_SPLIT, SplitOf, pinned_groups
from synth.plan.tables import CLIP_COLUMNS, RECORDED, SEGMENT_COLUMNS, ColumnBuilder, Columns
from synth.plan.unchanged import unchanged_recordings, unchanged_sources
from synth.recipe.distributions import draw_from
from synth.recipe.effect_choice import EffectChoice
from synth.recipe.model import SPLITS, GrowMethod, Layer, Recipe
from synth.units import seconds_to_samples

LENGTH_EFFECTS = ("trim", "speed", "tempo")
"""The effects of ours that change a length. Transforms of audiomentations that do are mapped to these, or refused."""


def clip_id_of(source_id: str, copy: int) -> str:
    """The id of the clip that is copy number `copy` of a speech recording."""
    return f"{source_id}-v{copy}"


def pool_of(split: int) -> str:
    """Which noise recordings a split (its number in SPLITS) may use."""
    return POOLS[SPLITS[split] == HELD_OUT_SPLIT]


def draw_speech_effects(
    choices: tuple[EffectChoice, ...], draws: ClipDraws, trim: tuple[int, int] | None
) -> tuple[Effect, ...]:
    """Draw the speech effects of one clip; `trim` is where the sound of its recording was measured to be."""
    if not choices:
        return ()
    effects: list[Effect] = []
    for choice in choices:
        effect = choice.draw(draws)
        if isinstance(effect, Trim) and trim is not None:
            start, end = trim
            effect = replace(effect, start=start, num_samples=end - start)
        if effect is not None:
            effects.append(effect)
    return tuple(effects)


def segment_key(layer: Layer, choice: EffectChoice, track: int, number: int) -> str | None:
    """Return the key of the draws of an effect in segment `number` of a track.

    The first segment of the first track has the effect's own key (None); others have one that names both.
    """
    if track == 0 and number == 0:
        return None
    return f"{layer.key}.{track}.{number}{choice.key[len(layer.key) :]}"


def draw_segment_effects(
    layer: Layer, choices: tuple[EffectChoice, ...], draws: ClipDraws, track: int, number: int
) -> tuple[Effect, ...]:
    """Draw the effects of segment `number` of a track."""
    if not choices:
        return ()
    drawn = (choice.draw(draws, segment_key(layer, choice, track, number)) for choice in choices)
    return tuple(effect for effect in drawn if effect is not None)


class ClipLengths(NamedTuple):
    """Lengths in samples at the data set's rate."""

    onset: int  #: first sample of the speech
    speech: int  #: of the speech after its effects
    clip: int


class PlanBuilder:
    """Walks through all clips once and keeps of each what its successors depend on."""

    def __init__(
        self,
        recipe: Recipe,
        speech: Catalog,
        pools: Pools,
        cases: CasesByCondition,
        *,
        wrap_draws: Callable[[ClipDraws], ClipDraws] = lambda draws: draws,
    ) -> None:
        """`wrap_draws` wraps every function that draws; `synth explain` records the draws with it."""
        self._recipe = recipe
        self._speech = speech
        self._pools = pools
        self._cases = cases
        self._wrap_draws = wrap_draws
        self._unchanged = unchanged_sources(recipe)
        self._speech_choices = _length_choices(recipe.speech.effects)
        layers = recipe.noise.layers if recipe.noise else ()
        self._noise_choices = [_length_choices(layer.effects) for layer in layers]
        self._rotations: dict[tuple[str, str, str], Rotation] = {}  # by layer, pool and purpose
        recorded_events = [event for event in recipe.noise.events if event.choice is None] if recipe.noise else []
        self._event_numbers = {event.key: number for number, event in enumerate(recorded_events, start=len(layers))}
        self._event_lengths = {
            (layer, r.index): r.circle.circumference
            for (layer, _), members in pools.items()
            for r in members
            if layer.startswith("events.")
        }
        # by layer: the recordings that copies of the present utterance have, which its next copies avoid
        self._used: list[set[int]] = [set() for _ in layers]
        self._clips, self._segments = ColumnBuilder(CLIP_COLUMNS), ColumnBuilder(SEGMENT_COLUMNS)

    def build(self, copies: Iterator[tuple[int, int]]) -> tuple[Columns, Columns]:
        """Plan all clips; `copies` has (recording, number of its copies) in catalog order.

        Returns:
            The columns of the clips and of the segments.
        """
        split_of = SplitOf(self._recipe.splits, self._recipe.seed, pinned_groups(self._recipe, self._speech))
        for index, count in copies:
            recording = self._speech[index]
            split = split_of(recording)
            for used in self._used:
                used.clear()
            for copy in range(count):
                self.add(index, recording, copy, split)
        split_of.refuse_empty()
        clips = self._clips.columns()
        clips["first_segment"] = np.append(clips["first_segment"], len(self._segments))
        return clips, self._segments.columns()

    def add(self, index: int, recording: Recording, copy: int, split: int) -> None:
        """Plan one clip: its lengths, and its noise, which the schedule hands out."""
        draws = self._wrap_draws(clip_draws(self._recipe.seed, clip_id_of(recording.id, copy)))
        lengths = self.lengths(recording, draws)
        first = len(self._segments)
        layers = () if recording.source in self._unchanged else draw_layers(self._recipe, draws)
        for number, layer in layers:
            self._add_layer(number, layer, pool_of(split), lengths.clip, draws)
        if len(self._segments) > first and self._event_numbers:
            self._add_events(pool_of(split), lengths.clip, draws)
        self._clips.append(index, copy, split, *lengths, first)

    def lengths(self, recording: Recording, draws: ClipDraws) -> ClipLengths:
        """The lengths of a clip of a recording."""
        recipe, rate = self._recipe, self._recipe.sample_rate
        if recording.source in self._unchanged:
            length = planned_length(recording.num_samples, recording.sample_rate, rate, ())
            return ClipLengths(0, length, length)
        effects = draw_speech_effects(self._speech_choices, draws, recording.trim)
        values = draw_condition(recipe, self._cases, draws)
        if recipe.speech.lombard is not None:
            speaker = self._wrap_draws(speaker_draws(recipe, recording))
            effects += lombard_effects(draw_lombard(recipe, draws, speaker, values))
        speech = planned_length(recording.num_samples, recording.sample_rate, rate, effects)
        before_s, after_s = values.before_s, values.after_s
        if before_s is None:
            before_s = float(draw_from(recipe.margins_s, draws, "margins_s.before"))
        if after_s is None:
            after_s = float(draw_from(recipe.margins_s, draws, "margins_s.after"))
        onset = seconds_to_samples(before_s, rate)
        return ClipLengths(onset, speech, onset + speech + seconds_to_samples(after_s, rate))

    def _rotation(self, layer: Layer, pool: str, purpose: str = "") -> Rotation:
        """The recordings of a layer in turn; what is grown from them has a turn of its own."""
        key = layer.name, pool, purpose
        rotation = self._rotations.get(key)
        if rotation is None:
            name = f"noise.layers.{layer.name}.{pool}{purpose}"
            members = [NoiseRecording(r.index, r.id, r.circle.circumference) for r in self._pools[layer.name, pool]]
            rotation = self._rotations[key] = Rotation(
                members, balance=layer.balance, sample_rate=self._recipe.sample_rate, seed=self._recipe.seed, name=name
            )
        return rotation

    def _add_layer(self, number: int, layer: Layer, pool: str, total: int, draws: ClipDraws) -> None:
        method = draw_grow_method(layer, draws)
        for track in range(draw_track_count(layer, method, draws)):
            if method is None:
                self._add_track(number, layer, self._rotation(layer, pool), track, total, draws)
            else:
                self._add_grown(number, layer, method, pool, track, total, draws)

    def _add_grown(
        self, number: int, layer: Layer, method: GrowMethod, pool: str, track: int, total: int, draws: ClipDraws
    ) -> None:
        """One segment as long as the clip: what it is grown from, and by which generator."""
        used = self._used[number]
        effects = draw_segment_effects(layer, self._noise_choices[number], draws, track, 0)
        count = source_samples(total, self._recipe.sample_rate, effects)
        if method.choice.kind().sources():
            rotation = self._rotation(layer, pool, ".grown")
            if len(used) >= len(rotation):
                used.clear()
            source, offset, _ = rotation.next_use(count, used, endless=True)
            used.add(source)
        else:
            source, offset = car_number(method, self._recipe, pool, draws(layer.key + ".grow.cabin.car")), 0
        self._segments.append(number, track, 1 + NAMES.index(method.name), source, offset, count, 0, total, 0)

    def _add_events(self, pool: str, total: int, draws: ClipDraws) -> None:
        """The events that are taken from recordings, each from the beginning of one."""
        for track, occurrence in enumerate(draw_occurrences(self._recipe, draws)):
            event = occurrence.event
            if event.choice is not None:
                continue
            seconds = float(draw_from(event.seconds, draws, occurrence.key + ".seconds"))
            longest = min(seconds_to_samples(seconds, self._recipe.sample_rate), total)
            recording = self._rotation(event.layer, pool).next_use(longest, endless=True).recording
            count = min(longest, self._event_lengths[event.layer.name, recording])
            at = draw_event_start(occurrence, count, total, draws)
            number = self._event_numbers[event.key]
            self._segments.append(number, track, RECORDED, recording, 0, count, at, count, 0)

    def _add_track(
        self, number: int, layer: Layer, rotation: Rotation, track: int, total: int, draws: ClipDraws
    ) -> None:
        """Fill `total` samples: one segment if the recording is long enough, else several, crossfaded."""
        rate, used = self._recipe.sample_rate, self._used[number]
        crossfade = seconds_to_samples(layer.crossfade_s, rate)
        at = fade = segment = 0
        while at + fade < total:
            if len(used) >= len(rotation):
                used.clear()
            effects = draw_segment_effects(layer, self._noise_choices[number], draws, track, segment)
            needed = source_samples(total - at, rate, effects)
            recording, offset, count = rotation.next_use(needed, used)
            used.add(recording)
            length = total - at if count == needed else min(total - at, planned_length(count, rate, rate, effects))
            fade = min(fade, length // 2)
            self._segments.append(number, track, RECORDED, recording, offset, count, at, length, fade)
            at, fade, segment = at + length, min(crossfade, length // 4), segment + 1
            at -= fade


def _length_choices(effects: tuple[EffectChoice, ...]) -> tuple[EffectChoice, ...]:
    return tuple(choice for choice in effects if choice.name in LENGTH_EFFECTS)


def source_samples(num_samples: int, sample_rate: int, effects: Collection[Effect]) -> int:
    """The fewest samples that the effects turn into at least `num_samples`."""
    if not effects:
        return num_samples
    chain = tuple(effects)
    count = num_samples * 1_000_000 // planned_length(1_000_000, sample_rate, sample_rate, chain)
    while planned_length(count, sample_rate, sample_rate, chain) < num_samples:
        count += 1
    return count


def copies_of(recipe: Recipe, speech: Catalog, builder: PlanBuilder) -> Iterator[tuple[int, int]]:
    """Yield (recording, number of its copies) in catalog order: `copies`, or as many as reach `hours`.

    A recording that is taken as it is has one.
    """
    if recipe.copies is not None:
        unchanged, copies = unchanged_recordings(recipe, speech), recipe.copies
        return ((i, 1 if unchanged[i] else copies) for i in range(len(speech)))
    counts = _copies_for_hours(recipe, speech, builder)
    return ((i, int(count)) for i, count in enumerate(counts) if count)


def _copies_for_hours(recipe: Recipe, speech: Catalog, builder: PlanBuilder) -> npt.NDArray[np.int64]:
    """Whole rounds of copies while they fit; of the last round the recordings with the smallest hash."""

    def clip_length(index: int, copy: int) -> int:
        recording = speech[index]
        return builder.lengths(recording, clip_draws(recipe.seed, clip_id_of(recording.id, copy))).clip

    hours, unchanged = recipe.hours or 0, unchanged_recordings(recipe, speech)
    counts = unchanged.astype(np.int64)
    taken = sum(clip_length(int(i), 0) for i in np.flatnonzero(unchanged))
    missing = round(hours * 3600 * recipe.sample_rate) - taken
    changed = np.flatnonzero(~unchanged)
    if missing <= 0 and len(changed):
        raise GuardError(
            f"hours: the recipe asks for {hours:g} h, but the recordings of unchanged sources alone have "
            f"{taken / recipe.sample_rate / 3600:.3g} h, so nothing would be made of the others; ask for more hours, "
            "or for copies"
        )
    copy = 0
    while missing > 0 and len(changed):
        lengths = np.fromiter((clip_length(int(i), copy) for i in changed), np.int64)
        if lengths.sum() == 0:
            raise GuardError("hours: the speech has no samples")
        if lengths.sum() > missing:
            # the last round: which recordings get one more copy depends on their ids alone, not on their order
            ids = (clip_id_of(speech.id(int(i)), copy) for i in changed)
            order = np.argsort(np.fromiter((uniform01(recipe.seed, i, "hours") for i in ids), float), kind="stable")
            last = int(np.searchsorted(np.cumsum(lengths[order]), missing))
            counts[changed[order[: last + 1]]] += 1
            break
        counts[changed] += 1
        missing -= int(lengths.sum())
        copy += 1
    return counts
