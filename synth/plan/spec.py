"""The second pass of planning: the spec of one clip, from the columns of the first pass and the clip's draws."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from synth.catalog.catalog import Catalog
from synth.draws import ClipDraws, clip_draws, integer_seed
from synth.dsp.effects.effect import Effect
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
from synth.recipe.distributions import draw_from
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
        self._clips, self._segments = parts.clips, parts.segments
        self._recordings = {r.index: r for members in parts.pools.values() for r in members}
        sources = {source.name: source for source in recipe.speech.sources}
        self._sources = [sources[source.name] for source in parts.speech.sources]  # by their number in the catalog
        self._conditions: dict[str | None, Condition] = {condition.name: condition for condition in recipe.conditions}
        self._makes_unknown = bool(labels_made_unknown(recipe))
        noise = recipe.noise
        self._event_names = tuple(dict.fromkeys(event.label for event in noise.events)) if noise else ()
        self._measure = noise.measure if noise else "active", noise.weighting if noise else "band"
        self._needs_details = recipe.speech.lombard is not None or any(
            choice.name == "trim" for choice in recipe.speech.effects
        )

    def spec(self, index: int, wrap_draws: Callable[[ClipDraws], ClipDraws] = lambda draws: draws) -> ClipSpec:
        """The spec of a clip. `wrap_draws` wraps every function that draws (see `PlanBuilder`)."""
        parts, recipe = self.parts, self.parts.recipe
        number = self._clips["recording"].item(index)
        source = self._sources[parts.speech.source_indices.item(number)]
        planned = self._planned(index, parts.speech.id(number))
        if source.unchanged:
            return self._unchanged_spec(planned, source)
        draws = wrap_draws(clip_draws(recipe.seed, planned["clip_id"]))
        noise, event_spans = self._noise(index, planned["pool"], draws)
        events = self._events(planned["num_samples"], event_spans, draws) if noise and self._event_names else ()
        values = draw_condition(recipe, parts.cases, draws)
        condition = self._conditions.get(values.condition)
        recording = parts.speech[number] if self._needs_details else None
        lombard = None
        if recipe.speech.lombard is not None and recording is not None:
            lombard = draw_lombard(recipe, draws, wrap_draws(speaker_draws(recipe, recording)), values)
        trim = None if recording is None else recording.trim
        room = self._room(draws)
        unknown_labels: tuple[str, ...] = ()
        if self._makes_unknown:
            unknown_labels = made_unknown(
                recipe, draws, noise, events, has_room=room is not None, has_lombard=lombard is not None
            )
        measure, weighting = self._measure
        return ClipSpec(
            **planned,
            speech_effects=draw_speech_effects(recipe.speech.effects, draws, trim) + lombard_effects(lombard),
            room=room,
            room_id=None if room is None else parts.rooms.id(room),
            noise=noise,
            events=events,
            event_labels=self._event_labels(noise, events),
            lombard=lombard,
            snr_db=draw_snr(recipe, draws, values) if noise else None,
            measure=measure,
            weighting=weighting,
            channel_effects=self._channel_effects(draws, values),
            level_dbfs=self._level(draws, values),
            condition=values.condition,
            case=values.case,
            target_spectrum=values.target_spectrum if noise else None,
            fluctuation_db=values.fluctuation_db if noise else None,
            stage=stage_of(recipe, source, condition),
            loss_weight=loss_weight_of(recipe, source, condition),
            unknown_labels=unknown_labels,
        )

    def _channel_effects(self, draws: ClipDraws, values: ConditionValues) -> tuple[Effect, ...]:
        channel = self.parts.recipe.channel
        if not channel and values.microphone is None:
            return ()
        drawn = (choice.draw(draws) for choice in channel)
        return tuple(effect for effect in (*drawn, values.microphone) if effect is not None)

    def _planned(self, index: int, recording_id: str) -> dict[str, Any]:
        """What the first pass decided about a clip, by the names of ClipSpec."""
        clips = self._clips
        copy, split = clips["copy"].item(index), clips["split"].item(index)
        return {
            "index": index,
            "clip_id": clip_id_of(recording_id, copy),
            "source_id": recording_id,
            "recording": clips["recording"].item(index),
            "copy": copy,
            "split": SPLITS[split],
            "pool": pool_of(split),
            "sample_rate": self.parts.recipe.sample_rate,
            "onset": clips["onset"].item(index),
            "speech_num_samples": clips["speech_num_samples"].item(index),
            "num_samples": clips["num_samples"].item(index),
        }

    def _unchanged_spec(self, planned: Mapping[str, Any], source: Source) -> ClipSpec:
        """The spec of a clip that is its recording. Only the recording's list can say which events happen in it."""
        noise = self.parts.recipe.noise
        return ClipSpec(
            **planned,
            speech_effects=(),
            room=None,
            room_id=None,
            noise=(),
            events=(),
            event_labels=tuple((label, None) for label in self._event_names),
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
        return round(float(draw_from(level, draws, "level_dbfs")), 3)

    def _room(self, draws: ClipDraws) -> int | None:
        room = self.parts.recipe.speech.room
        if room is None or not (count := len(self.parts.rooms)) or draws("speech.room.probability") >= room.probability:
            return None
        return int(draws("speech.room.response") * count)

    def _noise(
        self, index: int, pool: str, draws: ClipDraws
    ) -> tuple[tuple[NoiseSegment, ...], dict[int, RecordingSpan]]:
        """The noise of a clip, and by the number of an occurrence the recording that its event is taken from."""
        noise, columns = self.parts.recipe.noise, self._segments
        first, stop = self._clips["first_segment"].item(index), self._clips["first_segment"].item(index + 1)
        segments: list[NoiseSegment] = []
        event_spans: dict[int, RecordingSpan] = {}
        if first == stop:
            return (), event_spans
        assert noise is not None
        layers, before, number = noise.layers, (-1, -1), 0
        for row in range(first, stop):
            layer, track = columns["layer"].item(row), columns["track"].item(row)
            if layer >= len(layers):  # events follow the layers, and their "track" is the number of the occurrence
                event_spans[track] = self._span(row)
                continue
            number = number + 1 if (layer, track) == before else 0
            before = layer, track
            segments.append(self._segment(row, layers[layer], number, pool, draws))
        return tuple(segments), event_spans

    def _span(self, row: int) -> RecordingSpan:
        recording, offset, count = (
            self._segments[name].item(row) for name in ("recording", "offset", "source_num_samples")
        )
        return RecordingSpan(recording, self._recordings[recording].id, offset, count)

    def _segment(self, row: int, layer: Layer, number: int, pool: str, draws: ClipDraws) -> NoiseSegment:
        values = {name: column.item(row) for name, column in self._segments.items()}
        del values["layer"]
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
            relative_db=round(float(draw_from(layer.relative_db, draws, layer.key + ".relative_db")), 3),
            synthesis=synthesis,
            grown_file=grown_file,
        )

    def _synthesis(self, row: int, layer: Layer, name: str, pool: str, draws: ClipDraws) -> Synthesis:
        """The generator of a segment with its values, and what it works from."""
        source, offset, track = (self._segments[key].item(row) for key in ("recording", "offset", "track"))
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
            relative_db = round(float(draw_from(event.relative_db, draws, occurrence.key + ".relative_db")), 3)
            events.append(PlannedEvent(event.label, event.layer.name, at, count, relative_db, sound, span))
        return tuple(sorted(events, key=lambda event: (event.at, event.label)))

    def _event_labels(
        self, noise: tuple[NoiseSegment, ...], events: tuple[PlannedEvent, ...]
    ) -> tuple[tuple[str, bool | None], ...]:
        """Whether each event of the recipe happens in a clip; None if nobody knows."""
        if not self._event_names:
            return ()
        planned = {event.label for event in events}
        return tuple((label, label in planned or self._in_recordings(label, noise)) for label in self._event_names)

    def _in_recordings(self, label: str, noise: tuple[NoiseSegment, ...]) -> bool | None:
        # The speech counts as clean, but a noise recording may hold events that its list does not mention.
        recordings = (self.parts.noise[span.recording] for segment in noise for span in recording_spans(segment))
        truths = [label_truth(recording.labels, label) for recording in recordings]
        if True in truths:
            return True
        return None if None in truths else False
