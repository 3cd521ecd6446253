"""The first pass of planning: the lengths of all clips, and the noise that each one uses, in clip order."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

import numpy as np

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
from synth.plan.speaking import lombard_effects, lombard_of
from synth.plan.splits import HELD_OUT_SPLIT, SplitOf, pinned_groups
from synth.plan.tables import CLIP_COLUMNS, RECORDED, SEGMENT_COLUMNS, ColumnBuilder, Columns
from synth.plan.unchanged import unchanged_recordings, unchanged_sources
from synth.recipe.model import SPLITS, EffectChoice, GrowMethod, Layer, Recipe
from synth.units import seconds_to_samples

LENGTH_EFFECTS = ("trim", "speed", "tempo")
"""The effects of ours that change a length. Transforms of audiomentations that do are mapped to these, or refused."""


def clip_id_of(source_id: str, copy: int) -> str:
    return f"{source_id}-v{copy}"


def pool_of(split: int) -> str:
    """Which noise recordings a split may use."""
    return POOLS[SPLITS[split] == HELD_OUT_SPLIT]


def length_choices(effects: tuple[EffectChoice, ...]) -> tuple[EffectChoice, ...]:
    return tuple(choice for choice in effects if choice.name in LENGTH_EFFECTS)


def draw_speech_effects(
    choices: tuple[EffectChoice, ...], draws: ClipDraws, recording: Recording
) -> tuple[Effect, ...]:
    """The speech effects of one clip; the bounds of `trim` are the recording's measured ones."""
    effects = (choice.draw(draws) for choice in choices)
    return tuple(_with_bounds(effect, recording) for effect in effects if effect is not None)


def _with_bounds(effect: Effect, recording: Recording) -> Effect:
    if not isinstance(effect, Trim) or recording.trim is None:
        return effect
    start, end = recording.trim
    return replace(effect, start=start, num_samples=end - start)


def piece_key(layer: Layer, choice: EffectChoice, track: int, piece: int) -> str | None:
    """The key of an effect's draws: its own for the first piece of the first track, else one that names both."""
    if track == 0 and piece == 0:
        return None
    return f"{layer.key}.{track}.{piece}{choice.key[len(layer.key) :]}"


def draw_piece_effects(
    layer: Layer, choices: tuple[EffectChoice, ...], draws: ClipDraws, track: int, piece: int
) -> tuple[Effect, ...]:
    drawn = (choice.draw(draws, piece_key(layer, choice, track, piece)) for choice in choices)
    return tuple(effect for effect in drawn if effect is not None)


def numbers_of_events(recipe: Recipe) -> dict[str, int]:
    """Key of an event that is taken from recordings -> its number among `noise.pooled_layers`."""
    if recipe.noise is None:
        return {}
    recorded = (event for event in recipe.noise.events if event.choice is None)
    return {event.key: number for number, event in enumerate(recorded, start=len(recipe.noise.layers))}


class PlanBuilder:
    """Walks through all clips once. `clips` and `pieces` are the result."""

    def __init__(self, recipe: Recipe, speech: Catalog, pools: Pools, cases: CasesByCondition) -> None:
        self._recipe = recipe
        self._cases = cases
        self._speech = speech
        self._unchanged = unchanged_sources(recipe)
        self._pools = pools
        self._speech_choices = length_choices(recipe.speech.effects)
        self._noise_choices = [length_choices(layer.effects) for layer in self._layers]
        self._rotations: dict[str, Rotation] = {}
        self._recorded_events = numbers_of_events(recipe)
        self._lengths = {
            (layer, r.index): r.circle.circumference
            for (layer, _), members in pools.items()
            for r in members
            if layer.startswith("events.")
        }
        self._used: list[set[int]] = [set() for _ in self._layers]
        self.clips, self.pieces = ColumnBuilder(CLIP_COLUMNS), ColumnBuilder(SEGMENT_COLUMNS)

    @property
    def _layers(self) -> tuple[Layer, ...]:
        return self._recipe.noise.layers if self._recipe.noise else ()

    def build(self, copies: Iterator[tuple[int, int]]) -> tuple[Columns, Columns]:
        """`copies`: (recording, first copy number not made) in catalog order."""
        split_of = SplitOf(self._recipe.splits, self._recipe.seed, pinned_groups(self._recipe, self._speech))
        for index, count in copies:
            recording = self._speech[index]
            split = split_of(recording)
            for used in self._used:
                used.clear()
            for copy in range(count):
                self._add(index, recording, copy, split)
        split_of.refuse_empty()
        clips = self.clips.columns()
        clips["first_segment"] = np.append(clips["first_segment"], len(self.pieces))
        return clips, self.pieces.columns()

    def _add(self, index: int, recording: Recording, copy: int, split: int) -> None:
        draws = clip_draws(self._recipe.seed, clip_id_of(recording.id, copy))
        onset, speech, total = self.lengths(recording, draws)
        first = len(self.pieces)
        layers = () if recording.source in self._unchanged else draw_layers(self._recipe, draws)
        for number, layer in layers:
            self._add_layer(number, layer, pool_of(split), total, draws)
        if len(self.pieces) > first and self._recorded_events:
            self._add_events(pool_of(split), total, draws)
        self.clips.append(index, copy, split, onset, speech, total, first)

    def lengths(self, recording: Recording, draws: ClipDraws) -> tuple[int, int, int]:
        """(onset, length of the speech after its effects, length of the clip), in samples."""
        rate = self._recipe.sample_rate
        if recording.source in self._unchanged:
            length = planned_length(recording.num_samples, recording.sample_rate, rate, ())
            return 0, length, length
        effects = draw_speech_effects(self._speech_choices, draws, recording)
        situation = draw_condition(self._recipe, self._cases, draws)
        effects += lombard_effects(lombard_of(self._recipe, draws, recording, situation))
        speech = planned_length(recording.num_samples, recording.sample_rate, rate, effects)
        margins = self._recipe.margins_s
        before, behind = situation.before_s, situation.after_s
        if before is None:
            before = float(margins.value(draws("margins_s.before")))
        if behind is None:
            behind = float(margins.value(draws("margins_s.after")))
        onset, after = seconds_to_samples(before, rate), seconds_to_samples(behind, rate)
        return onset, speech, onset + speech + after

    def _rotation(self, layer: Layer, pool: str, purpose: str = "") -> Rotation:
        """The recordings of a layer in turn; what is grown from them has a turn of its own."""
        name = f"noise.layers.{layer.name}.{pool}{purpose}"
        if name not in self._rotations:
            members = [NoiseRecording(r.index, r.id, r.circle.circumference) for r in self._pools[layer.name, pool]]
            self._rotations[name] = Rotation(
                members, balance=layer.balance, sample_rate=self._recipe.sample_rate, seed=self._recipe.seed, name=name
            )
        return self._rotations[name]

    def _add_layer(self, number: int, layer: Layer, pool: str, total: int, draws: ClipDraws) -> None:
        growth = draw_grow_method(layer, draws)
        for track in range(draw_track_count(layer, growth, draws)):
            if growth is None:
                self._add_track(number, layer, self._rotation(layer, pool), track, total, draws)
            else:
                self._add_grown(number, layer, growth, pool, track, total, draws)

    def _add_grown(
        self, number: int, layer: Layer, growth: GrowMethod, pool: str, track: int, total: int, draws: ClipDraws
    ) -> None:
        """One piece as long as the clip: what it is grown from, and by which generator."""
        rate, used = self._recipe.sample_rate, self._used[number]
        effects = draw_piece_effects(layer, self._noise_choices[number], draws, track, 0)
        count = source_samples(total, rate, effects)
        source, offset = car_number(growth, self._recipe, pool, draws(layer.key + ".grow.cabin.car")), 0
        if growth.choice.kind().sources():
            rotation = self._rotation(layer, pool, ".grown")
            if len(used) >= len(rotation):
                used.clear()
            source, offset = rotation.turn(count, used)
            used.add(source)
        self.pieces.append(number, track, 1 + NAMES.index(growth.name), source, offset, count, 0, total, 0)

    def _add_events(self, pool: str, total: int, draws: ClipDraws) -> None:
        """The events that are taken from recordings, each from the beginning of one."""
        rate = self._recipe.sample_rate
        for track, happening in enumerate(draw_occurrences(self._recipe, draws)):
            if happening.event.choice is not None:
                continue
            layer = happening.event.layer
            longest = seconds_to_samples(float(happening.event.seconds.value(draws(happening.key + ".seconds"))), rate)
            recording, _ = self._rotation(layer, pool).turn(min(longest, total))
            count = min(longest, total, self._lengths[layer.name, recording])
            at = draw_event_start(happening, count, total, draws)
            number = self._recorded_events[happening.event.key]
            self.pieces.append(number, track, RECORDED, recording, 0, count, at, count, 0)

    def _add_track(
        self, number: int, layer: Layer, rotation: Rotation, track: int, total: int, draws: ClipDraws
    ) -> None:
        """Fill `total` samples: one use where the recording is long enough, else several, crossfaded."""
        rate, used = self._recipe.sample_rate, self._used[number]
        crossfade = seconds_to_samples(layer.crossfade_s, rate)
        at = fade = piece = 0
        while at + fade < total:
            if len(used) >= len(rotation):
                used.clear()
            effects = draw_piece_effects(layer, self._noise_choices[number], draws, track, piece)
            wanted = source_samples(total - at, rate, effects)
            recording, offset, count = rotation.next(wanted, used)
            used.add(recording)
            made = total - at if count == wanted else min(total - at, planned_length(count, rate, rate, effects))
            fade = min(fade, made // 2)
            self.pieces.append(number, track, RECORDED, recording, offset, count, at, made, fade)
            at, fade, piece = at + made, min(crossfade, made // 4), piece + 1
            at -= fade


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
    """(recording, number of its copies) in catalog order; by `copies`, or so many that `hours` are reached. There is
    one of each recording that is taken as it is."""
    if recipe.copies is not None:
        unchanged, copies = unchanged_recordings(recipe, speech), recipe.copies
        return ((i, 1 if unchanged[i] else copies) for i in range(len(speech)))
    counts = _copies_for_hours(recipe, speech, builder)
    return ((i, int(count)) for i, count in enumerate(counts) if count)


def _copies_for_hours(
    recipe: Recipe, speech: Catalog, builder: PlanBuilder
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Whole rounds of copies while they fit; of the last round the recordings with the smallest hash."""
    unchanged = unchanged_recordings(recipe, speech)
    counts = unchanged.astype(np.int64)
    left = _left_of_hours(recipe, speech, builder, np.flatnonzero(unchanged))
    others = np.flatnonzero(~unchanged)
    copy = 0
    while left > 0 and len(others):
        lengths = np.fromiter((_clip_length(builder, speech[int(i)], copy, recipe.seed) for i in others), np.int64)
        if lengths.sum() == 0:
            raise GuardError("hours: the speech has no samples")
        if lengths.sum() > left:
            keys = np.fromiter(
                (uniform01(recipe.seed, clip_id_of(speech.id(int(i)), copy), "hours") for i in others), float
            )
            order = np.argsort(keys, kind="stable")
            counts[others[order[: int(np.searchsorted(np.cumsum(lengths[order]), left)) + 1]]] += 1
            break
        counts[others] += 1
        left -= int(lengths.sum())
        copy += 1
    return counts


def _left_of_hours(
    recipe: Recipe, speech: Catalog, builder: PlanBuilder, unchanged: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> int:
    """Samples that are asked for beyond the recordings that are taken as they are, which are in whatever happens."""
    asked = recipe.hours or 0
    taken = sum(_clip_length(builder, speech[int(i)], 0, recipe.seed) for i in unchanged)
    left = round(asked * 3600 * recipe.sample_rate) - taken
    if left <= 0 and len(unchanged) < len(speech):
        hours = taken / recipe.sample_rate / 3600
        raise GuardError(
            f"hours: {asked:g} h are asked for, and the recordings of unchanged sources are {hours:.3g} h already, so "
            "that nothing would be made of the others; ask for more hours, or for copies"
        )
    return left


def _clip_length(builder: PlanBuilder, recording: Recording, copy: int, seed: int) -> int:
    return builder.lengths(recording, clip_draws(seed, clip_id_of(recording.id, copy)))[2]
