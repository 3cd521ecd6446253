"""The plan: a pure, random-access function from clip index to ClipSpec."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

from synth.catalog.catalog import Catalog
from synth.catalog.recording import Recording
from synth.draws import ClipDraws, clip_draws, integer_seed
from synth.dsp.segments import Circle
from synth.plan.build import (
    PlanBuilder,
    clip_id_of,
    copies_of,
    draw_piece_effects,
    draw_speech_effects,
    piece_key,
    pool_of,
)
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
from synth.plan.pools import PoolRecording, Pools, UsableNoise, make_pools
from synth.plan.speaking import lombard_effects, lombard_of, snr_of
from synth.plan.tables import RECORDED, Columns
from synth.plan.unknown_labels import labels_made_unknown, made_unknown
from synth.recipe.load import resolved_dict
from synth.recipe.model import SPLITS, Layer, Recipe, Source
from synth.recipe.stages import loss_weight_of, stage_of
from synth.units import seconds_to_samples

FORMAT_VERSION = 4
"""Of the plan and the data set: raised when the same recipe gives other clips, or the directory another layout."""


class Plan:
    """All clips of a recipe, planned. `len(plan)` clips; `plan[i]` is made on demand and always the same.

    `speech`, `noise` and `rooms` are catalogs; `clips` and `pieces` the columns of the first pass (plan/tables.py).
    """

    def __init__(
        self,
        recipe: Recipe,
        speech: Catalog,
        noise: Catalog,
        rooms: Catalog,
        pools: Pools,
        clips: Columns,
        pieces: Columns,
        cases: CasesByCondition,
    ) -> None:
        self.recipe = recipe
        self.speech = speech
        self.noise = noise
        self.rooms = rooms
        self.pools = pools
        self.clips = clips
        self.pieces = pieces
        self.cases = cases
        self._circles = {(layer, pool, r.index): r.circle for (layer, pool), members in pools.items() for r in members}
        self._ids = {r.index: r.id for members in pools.values() for r in members}
        self._grown_files = {r.index: r.grown for members in pools.values() for r in members if r.grown is not None}
        self._sources = {source.name: source for source in recipe.speech.sources}
        self._conditions = {condition.name: condition for condition in recipe.conditions}
        self._makes_unknown = bool(labels_made_unknown(recipe))

    @classmethod
    def make(
        cls,
        recipe: Recipe,
        speech: Catalog,
        noise: Catalog,
        rooms: Catalog,
        usable: UsableNoise,
        cases: CasesByCondition,
    ) -> Plan:
        """Plan every clip. Raises GuardError where the recipe cannot be carried out with this audio."""
        pools = make_pools(recipe, noise, usable)
        builder = PlanBuilder(recipe, speech, pools, cases)
        clips, pieces = builder.build(copies_of(recipe, speech, builder))
        return cls(recipe, speech, noise, rooms, pools, clips, pieces, cases)

    def __len__(self) -> int:
        return len(self.clips["num_samples"])

    def __iter__(self) -> Iterator[ClipSpec]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: int) -> ClipSpec:
        if not 0 <= index < len(self):
            raise IndexError(f"clip {index} of a plan of {len(self)} clips")
        return self.spec(index)

    def clip_id(self, index: int) -> str:
        return clip_id_of(self.speech.id(int(self.clips["recording"][index])), int(self.clips["copy"][index]))

    def spec(self, index: int, draws: ClipDraws | None = None) -> ClipSpec:
        """Clip `index`, drawn through `draws` where given (`synth explain` listens in that way)."""
        recipe = self.recipe
        recording = self.speech[int(self.clips["recording"][index])]
        source = self._sources[recording.source]
        frame = self._frame(index, recording)
        if source.unchanged:
            return self._as_it_is(frame, source)
        draws = draws or clip_draws(recipe.seed, frame["clip_id"])
        noise, recorded = self._noise(index, frame["pool"], draws)
        events = self._events(frame["num_samples"], recorded, draws) if noise else ()
        situation = draw_condition(recipe, self.cases, draws)
        condition = self._conditions[situation.condition] if situation.condition else None
        lombard = lombard_of(recipe, draws, recording, situation)
        room = self._room(draws)
        channel = (choice.draw(draws) for choice in recipe.channel)
        unknown: tuple[str, ...] = ()
        if self._makes_unknown:
            has = {"room": room is not None, "lombard": lombard is not None}
            unknown = made_unknown(recipe, draws, noise, events, **has)
        return ClipSpec(
            **frame,
            speech_effects=draw_speech_effects(recipe.speech.effects, draws, recording) + lombard_effects(lombard),
            room=room,
            room_id=None if room is None else self.rooms.id(room),
            noise=noise,
            events=events,
            event_labels=self._event_labels(noise, events),
            lombard=lombard,
            snr_db=snr_of(recipe, draws, situation) if noise else None,
            measure=recipe.noise.measure if recipe.noise else "active",
            weighting=recipe.noise.weighting if recipe.noise else "band",
            channel_effects=tuple(effect for effect in (*channel, situation.microphone) if effect is not None),
            level_dbfs=self._level(draws, situation),
            condition=situation.condition,
            case=situation.case,
            target_spectrum=situation.target_spectrum if noise else None,
            fluctuation_db=situation.fluctuation_db if noise else None,
            stage=stage_of(recipe, source, condition),
            loss_weight=loss_weight_of(recipe, source, condition),
            unknown_labels=unknown,
        )

    def _frame(self, index: int, recording: Recording) -> dict[str, Any]:
        """What the first pass has found of a clip, by the names of ClipSpec."""
        clips = self.clips
        copy, split = int(clips["copy"][index]), int(clips["split"][index])
        return {
            "index": index,
            "clip_id": clip_id_of(recording.id, copy),
            "source_id": recording.id,
            "recording": int(clips["recording"][index]),
            "copy": copy,
            "split": SPLITS[split],
            "pool": pool_of(split),
            "sample_rate": self.recipe.sample_rate,
            "onset": int(clips["onset"][index]),
            "speech_num_samples": int(clips["speech_num_samples"][index]),
            "num_samples": int(clips["num_samples"][index]),
        }

    def _as_it_is(self, frame: Mapping[str, Any], source: Source) -> ClipSpec:
        """The spec of a clip that is its recording. What happens in it, only the recording's list can say."""
        noise = self.recipe.noise
        events = dict.fromkeys(event.label for event in noise.events) if noise else {}
        return ClipSpec(
            **frame,
            speech_effects=(),
            room=None,
            room_id=None,
            noise=(),
            events=(),
            event_labels=tuple((label, None) for label in events),
            lombard=None,
            snr_db=None,
            measure="active",
            weighting=noise.weighting if noise and noise.measure != "lufs" else "band",
            channel_effects=(),
            level_dbfs=None,
            stage=stage_of(self.recipe, source, None),
            loss_weight=loss_weight_of(self.recipe, source, None),
            unchanged=True,
        )

    def _level(self, draws: ClipDraws, situation: ConditionValues) -> float | None:
        if situation.level_dbfs is not None or self.recipe.level_dbfs is None:
            return situation.level_dbfs
        return round(float(self.recipe.level_dbfs.value(draws("level_dbfs"))), 3)

    def _room(self, draws: ClipDraws) -> int | None:
        room = self.recipe.speech.room
        if room is None or not len(self.rooms) or draws("speech.room.probability") >= room.probability:
            return None
        return int(draws("speech.room.response") * len(self.rooms))

    def _noise(
        self, index: int, pool: str, draws: ClipDraws
    ) -> tuple[tuple[NoiseSegment, ...], dict[int, RecordingSpan]]:
        """The noise of a clip; and, by the number of the event among those of the clip, what is taken for it."""
        first, stop = int(self.clips["first_segment"][index]), int(self.clips["first_segment"][index + 1])
        if first == stop:
            return (), {}
        assert self.recipe.noise is not None
        made: list[NoiseSegment] = []
        recorded: dict[int, RecordingSpan] = {}
        place, number = (-1, -1), 0
        for row in range(first, stop):
            here = int(self.pieces["layer"][row]), int(self.pieces["track"][row])
            if here[0] >= len(self.recipe.noise.layers):
                recorded[here[1]] = self._place(row)
                continue
            number = number + 1 if here == place else 0
            place = here
            made.append(self._piece(row, self.recipe.noise.layers[here[0]], number, pool, draws))
        return tuple(made), recorded

    def _place(self, row: int) -> RecordingSpan:
        recording = int(self.pieces["recording"][row])
        return RecordingSpan(
            recording,
            self._ids[recording],
            int(self.pieces["offset"][row]),
            int(self.pieces["source_num_samples"][row]),
        )

    def _piece(self, row: int, layer: Layer, number: int, pool: str, draws: ClipDraws) -> NoiseSegment:
        pieces = self.pieces
        track, recording, kind = int(pieces["track"][row]), int(pieces["recording"][row]), int(pieces["kind"][row])
        grown = None if kind == RECORDED else self._grown(row, layer, NAMES[kind - 1], pool, draws)
        return NoiseSegment(
            layer=layer.name,
            track=track,
            recording=recording,
            recording_id=car_name(recording) if grown and not grown.materials else self._ids[recording],
            offset=0 if grown else int(pieces["offset"][row]),
            source_num_samples=int(pieces["source_num_samples"][row]),
            at=int(pieces["at"][row]),
            num_samples=int(pieces["num_samples"][row]),
            fade_in=int(pieces["fade_in"][row]),
            effects=draw_piece_effects(layer, layer.effects, draws, track, number),
            relative_db=round(float(layer.relative_db.value(draws(layer.key + ".relative_db"))), 3),
            synthesis=grown,
            grown_file=None if grown else self._grown_files.get(recording),
        )

    def _grown(self, row: int, layer: Layer, name: str, pool: str, draws: ClipDraws) -> Synthesis:
        """The generator of a piece with its values, and what it works from."""
        growth = next(growth for growth in layer.grow if growth.name == name)
        key = piece_key(layer, growth.choice, int(self.pieces["track"][row]), 0) or growth.choice.key
        generator: Any = growth.choice.draw(draws, key)
        source = int(self.pieces["recording"][row])
        if not generator.sources():
            cars = integer_seed(self.recipe.seed, growth.choice.key, "cars")
            return Synthesis(replace(generator, car=source, car_seed=cars), ())
        members = {r.index: r for r in self.pools[layer.name, pool]}
        places = [self._material(members[source], int(self.pieces["offset"][row]))]
        if generator.sources() > 1:
            others = [r for r in members.values() if r.index != source] or [members[source]]
            other = others[int(draws(key + ".other") * len(others))]
            places.append(self._material(other, int(draws(key + ".other_at") * other.circle.circumference)))
        return Synthesis(generator, tuple(places))

    def _material(self, recording: PoolRecording, offset: int) -> RecordingSpan:
        start, count = material_span(recording.circle, offset, self.recipe.sample_rate)
        return RecordingSpan(recording.index, recording.id, start, count)

    def _events(self, total: int, recorded: Mapping[int, RecordingSpan], draws: ClipDraws) -> tuple[PlannedEvent, ...]:
        """The events of a clip of `total` samples, in the order in which they begin."""
        found = []
        for number, happening in enumerate(draw_occurrences(self.recipe, draws)):
            event, place = happening.event, recorded.get(number)
            made: Any = None if event.choice is None else event.choice.draw(draws, happening.key)
            wanted = place.num_samples if place else seconds_to_samples(made.seconds, self.recipe.sample_rate)
            count = min(wanted, total)
            at = draw_event_start(happening, count, total, draws)
            relative = round(float(event.relative_db.value(draws(happening.key + ".relative_db"))), 3)
            found.append(PlannedEvent(event.label, event.layer.name, at, count, relative, made, place))
        return tuple(sorted(found, key=lambda event: (event.at, event.label)))

    def _event_labels(
        self, noise: tuple[NoiseSegment, ...], events: tuple[PlannedEvent, ...]
    ) -> tuple[tuple[str, bool | None], ...]:
        """Whether each event of the recipe is in a clip. The speech counts as clean; a noise recording may hold what
        its list does not tell."""
        if self.recipe.noise is None or not self.recipe.noise.events:
            return ()
        there = {event.label for event in events}
        labels = dict.fromkeys(event.label for event in self.recipe.noise.events)
        return tuple((label, True if label in there else self._happens(label, noise)) for label in labels)

    def _happens(self, label: str, noise: tuple[NoiseSegment, ...]) -> bool | None:
        said = [
            label_truth(self.noise[place.recording].labels, label)
            for piece in noise
            for place in recording_spans(piece)
        ]
        return True if True in said else None if None in said else False

    def circle(self, layer: str, pool: str, recording: int) -> Circle:
        """The circle of usable sound on which the offsets of a recording count."""
        return self._circles[layer, pool, recording]

    @property
    def shard_size(self) -> int:
        return self.recipe.output.shard_size

    @property
    def num_shards(self) -> int:
        return -(-len(self) // self.shard_size)

    def shard(self, number: int) -> range:
        """The clip indices of a shard."""
        if not 0 <= number < self.num_shards:
            raise IndexError(f"shard {number} of {self.num_shards}")
        return range(number * self.shard_size, min(len(self), (number + 1) * self.shard_size))

    @property
    def seconds(self) -> float:
        """Of all clips together."""
        return float(self.clips["num_samples"].sum()) / self.recipe.sample_rate

    @cached_property
    def fingerprints(self) -> dict[str, str]:
        """What decides the clips, each part with its digest: a data set is resumed only where all are equal."""
        recipe = json.dumps(resolved_dict(self.recipe), sort_keys=True, ensure_ascii=False)
        return {
            "format": str(FORMAT_VERSION),
            "recipe": hashlib.sha256(recipe.encode()).hexdigest(),
            "speech": self.speech.digest,
            "noise": self.noise.digest,
            "noise_pools": pools_digest(self.pools),
            "rooms": self.rooms.digest,
            "cases": json.dumps({name: cases.digest for name, cases in sorted(self.cases.items())}),
        }

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(json.dumps(self.fingerprints, sort_keys=True).encode()).hexdigest()


def pools_digest(pools: Pools) -> str:
    """Of all that a plan takes from its pools."""
    parts = [
        (layer, pool, r.id, r.circle.stretches) for (layer, pool), members in sorted(pools.items()) for r in members
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
