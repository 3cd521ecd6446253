"""The second pass of planning: the spec of one clip, from the columns of the first pass and the clip's draws."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from synth.catalog.catalog import Catalog
from synth.catalog.recording import Recording
from synth.draws import ClipDraws, clip_draws, integer_seed
from synth.plan.builder import clip_id_of, draw_segment_effects, draw_speech_effects, pool_of, segment_key
from synth.plan.clip_spec import ClipSpec, NoiseSegment, PlannedEvent, RecordingSpan, Synthesis
from synth.plan.conditions import CasesByCondition, ConditionValues, draw_condition
from synth.plan.noise_choice import (
    NAMES,
    car_name,
    draw_event_start,
    draw_occurrences,
    label_truth,
    material_span,
    recording_spans,
)
from synth.plan.pools import PoolRecording, Pools
from synth.plan.speaking import draw_lombard, draw_snr, lombard_effects, speaker_draws
from synth.plan.tables import RECORDED, Columns
from synth.plan.unknown_labels import labels_made_unknown, made_unknown
from synth.recipe.model import SPLITS, Condition, Layer, Recipe, Source
from synth.recipe.stages import loss_weight_of, stage_of
from synth.units import seconds_to_samples


@dataclass(eq=False, repr=False)
class PlanParts:
    """What a plan is made of."""

    recipe: Recipe
    speech: Catalog  #: speech recordings
    noise: Catalog  #: noise recordings, of layers and events
    rooms: Catalog  #: impulse responses
    pools: Pools
    clips: Columns  #: CLIP_COLUMNS of the first pass
    segments: Columns  #: SEGMENT_COLUMNS of the first pass
    cases: CasesByCondition


class SpecBuilder:
    """Builds the spec of any clip of a plan, in any order."""

    def __init__(self, parts: PlanParts) -> None:
        recipe = parts.recipe
        self.parts = parts
        self._recordings = {r.index: r for members in parts.pools.values() for r in members}
        self._sources = {source.name: source for source in recipe.speech.sources}
        self._conditions: dict[str | None, Condition] = {condition.name: condition for condition in recipe.conditions}
        self._makes_unknown = bool(labels_made_unknown(recipe))

    def spec(self, index: int, wrap_draws: Callable[[ClipDraws], ClipDraws] = lambda draws: draws) -> ClipSpec:
        """The spec of a clip. `wrap_draws` wraps every function that draws (see `PlanBuilder`)."""
        parts, recipe = self.parts, self.parts.recipe
        recording = parts.speech[int(parts.clips["recording"][index])]
        source = self._sources[recording.source]
        planned = self._planned(index, recording)
        if source.unchanged:
            return self._unchanged_spec(planned, source)
        draws = wrap_draws(clip_draws(recipe.seed, planned["clip_id"]))
        noise, event_spans = self._noise(index, planned["pool"], draws)
        events = self._events(planned["num_samples"], event_spans, draws) if noise else ()
        values = draw_condition(recipe, parts.cases, draws)
        condition = self._conditions.get(values.condition)
        lombard = None
        if recipe.speech.lombard is not None:
            lombard = draw_lombard(recipe, draws, wrap_draws(speaker_draws(recipe, recording)), values)
        room = self._room(draws)
        channel = (choice.draw(draws) for choice in recipe.channel)
        unknown_labels: tuple[str, ...] = ()
        if self._makes_unknown:
            unknown_labels = made_unknown(
                recipe, draws, noise, events, has_room=room is not None, has_lombard=lombard is not None
            )
        return ClipSpec(
            **planned,
            speech_effects=draw_speech_effects(recipe.speech.effects, draws, recording) + lombard_effects(lombard),
            room=room,
            room_id=None if room is None else parts.rooms.id(room),
            noise=noise,
            events=events,
            event_labels=self._event_labels(noise, events),
            lombard=lombard,
            snr_db=draw_snr(recipe, draws, values) if noise else None,
            measure=recipe.noise.measure if recipe.noise else "active",
            weighting=recipe.noise.weighting if recipe.noise else "band",
            channel_effects=tuple(effect for effect in (*channel, values.microphone) if effect is not None),
            level_dbfs=self._level(draws, values),
            condition=values.condition,
            case=values.case,
            target_spectrum=values.target_spectrum if noise else None,
            fluctuation_db=values.fluctuation_db if noise else None,
            stage=stage_of(recipe, source, condition),
            loss_weight=loss_weight_of(recipe, source, condition),
            unknown_labels=unknown_labels,
        )

    def _planned(self, index: int, recording: Recording) -> dict[str, Any]:
        """What the first pass decided about a clip, by the names of ClipSpec."""
        clips = self.parts.clips
        copy, split = int(clips["copy"][index]), int(clips["split"][index])
        return {
            "index": index,
            "clip_id": clip_id_of(recording.id, copy),
            "source_id": recording.id,
            "copy": copy,
            "split": SPLITS[split],
            "pool": pool_of(split),
            "sample_rate": self.parts.recipe.sample_rate,
            **{name: int(clips[name][index]) for name in ("recording", "onset", "speech_num_samples", "num_samples")},
        }

    def _unchanged_spec(self, planned: Mapping[str, Any], source: Source) -> ClipSpec:
        """The spec of a clip that is its recording. Only the recording's list can say which events happen in it."""
        noise = self.parts.recipe.noise
        labels = dict.fromkeys(event.label for event in noise.events) if noise else {}
        return ClipSpec(
            **planned,
            speech_effects=(),
            room=None,
            room_id=None,
            noise=(),
            events=(),
            event_labels=tuple((label, None) for label in labels),
            lombard=None,
            snr_db=None,
            measure="active",
            weighting=noise.weighting if noise and noise.measure != "lufs" else "band",
            channel_effects=(),
            level_dbfs=None,
            stage=stage_of(self.parts.recipe, source, None),
            loss_weight=loss_weight_of(self.parts.recipe, source, None),
            unchanged=True,
        )

    def _level(self, draws: ClipDraws, values: ConditionValues) -> float | None:
        level = self.parts.recipe.level_dbfs
        if values.level_dbfs is not None or level is None:
            return values.level_dbfs
        return round(float(level.value(draws("level_dbfs"))), 3)

    def _room(self, draws: ClipDraws) -> int | None:
        room, count = self.parts.recipe.speech.room, len(self.parts.rooms)
        if room is None or not count or draws("speech.room.probability") >= room.probability:
            return None
        return int(draws("speech.room.response") * count)

    def _noise(
        self, index: int, pool: str, draws: ClipDraws
    ) -> tuple[tuple[NoiseSegment, ...], dict[int, RecordingSpan]]:
        """The noise of a clip, and by the number of an occurrence the recording that its event is taken from."""
        parts = self.parts
        first, stop = (int(row) for row in parts.clips["first_segment"][index : index + 2])
        segments: list[NoiseSegment] = []
        event_spans: dict[int, RecordingSpan] = {}
        if first == stop:
            return (), event_spans
        assert parts.recipe.noise is not None
        layers, before, number = parts.recipe.noise.layers, (-1, -1), 0
        for row in range(first, stop):
            layer, track = int(parts.segments["layer"][row]), int(parts.segments["track"][row])
            if layer >= len(layers):  # events follow the layers, and their "track" is the number of the occurrence
                event_spans[track] = self._span(row)
                continue
            number = number + 1 if (layer, track) == before else 0
            before = layer, track
            segments.append(self._segment(row, layers[layer], number, pool, draws))
        return tuple(segments), event_spans

    def _span(self, row: int) -> RecordingSpan:
        columns = self.parts.segments
        recording = int(columns["recording"][row])
        offset, count = int(columns["offset"][row]), int(columns["source_num_samples"][row])
        return RecordingSpan(recording, self._recordings[recording].id, offset, count)

    def _segment(self, row: int, layer: Layer, number: int, pool: str, draws: ClipDraws) -> NoiseSegment:
        values = {name: int(column[row]) for name, column in self.parts.segments.items() if name != "layer"}
        kind = values.pop("kind")
        synthesis, grown_file, name = None, None, ""
        if kind == RECORDED:
            recording = self._recordings[values["recording"]]
            grown_file, name = recording.grown_file, recording.id
        else:
            synthesis = self._synthesis(row, layer, NAMES[kind - 1], pool, draws)
            values["offset"] = 0
            name = synthesis.materials[0].recording_id if synthesis.materials else car_name(values["recording"])
        return NoiseSegment(
            **values,
            layer=layer.name,
            recording_id=name,
            effects=draw_segment_effects(layer, layer.effects, draws, values["track"], number),
            relative_db=round(float(layer.relative_db.value(draws(layer.key + ".relative_db"))), 3),
            synthesis=synthesis,
            grown_file=grown_file,
        )

    def _synthesis(self, row: int, layer: Layer, name: str, pool: str, draws: ClipDraws) -> Synthesis:
        """The generator of a segment with its values, and what it works from."""
        columns = self.parts.segments
        source, offset, track = (int(columns[key][row]) for key in ("recording", "offset", "track"))
        choice = next(method.choice for method in layer.grow if method.name == name)
        key = segment_key(layer, choice, track, 0) or choice.key
        generator: Any = choice.draw(draws, key)
        if not generator.sources():
            cars = integer_seed(self.parts.recipe.seed, choice.key, "cars")
            return Synthesis(replace(generator, car=source, car_seed=cars), ())
        spans = [self._material(self._recordings_of(layer, pool)[source], offset)]
        if generator.sources() > 1:
            members = self._recordings_of(layer, pool)
            others = [r for r in members.values() if r.index != source] or [members[source]]
            second = others[int(draws(key + ".other") * len(others))]
            spans.append(self._material(second, int(draws(key + ".other_at") * second.circle.circumference)))
        return Synthesis(generator, tuple(spans))

    def _recordings_of(self, layer: Layer, pool: str) -> dict[int, PoolRecording]:
        return {r.index: r for r in self.parts.pools[layer.name, pool]}

    def _material(self, recording: PoolRecording, offset: int) -> RecordingSpan:
        start, count = material_span(recording.circle, offset, self.parts.recipe.sample_rate)
        return RecordingSpan(recording.index, recording.id, start, count)

    def _events(self, total: int, spans: Mapping[int, RecordingSpan], draws: ClipDraws) -> tuple[PlannedEvent, ...]:
        """The events of a clip of `total` samples, in the order in which they begin."""
        events = []
        for number, occurrence in enumerate(draw_occurrences(self.parts.recipe, draws)):
            event, span = occurrence.event, spans.get(number)
            sound: Any = None if event.choice is None else event.choice.draw(draws, occurrence.key)
            length = span.num_samples if span else seconds_to_samples(sound.seconds, self.parts.recipe.sample_rate)
            count = min(length, total)
            at = draw_event_start(occurrence, count, total, draws)
            relative_db = round(float(event.relative_db.value(draws(occurrence.key + ".relative_db"))), 3)
            events.append(PlannedEvent(event.label, event.layer.name, at, count, relative_db, sound, span))
        return tuple(sorted(events, key=lambda event: (event.at, event.label)))

    def _event_labels(
        self, noise: tuple[NoiseSegment, ...], events: tuple[PlannedEvent, ...]
    ) -> tuple[tuple[str, bool | None], ...]:
        """Whether each event of the recipe happens in a clip; None if nobody knows."""
        if self.parts.recipe.noise is None:
            return ()
        planned = {event.label for event in events}
        labels = dict.fromkeys(event.label for event in self.parts.recipe.noise.events)
        return tuple((label, label in planned or self._in_recordings(label, noise)) for label in labels)

    def _in_recordings(self, label: str, noise: tuple[NoiseSegment, ...]) -> bool | None:
        # The speech counts as clean, but a noise recording may hold events that its list does not mention.
        recordings = (self.parts.noise[span.recording] for segment in noise for span in recording_spans(segment))
        truths = [label_truth(recording.labels, label) for recording in recordings]
        if True in truths:
            return True
        return None if None in truths else False
