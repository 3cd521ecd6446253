"""The plan: a pure, random-access function from clip index to ClipSpec."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import cached_property

from synth.catalog.catalog import Catalog
from synth.draws import ClipDraws, clip_draws
from synth.dsp.segments import Circle
from synth.plan.build import Builder, clip_id_of, copies_of, draw_piece_effects, draw_speech_effects, pool_of
from synth.plan.clip_spec import ClipSpec, NoisePiece
from synth.plan.pools import Pools, Usable, make_pools
from synth.plan.tables import Columns
from synth.recipe.load import resolved_dict
from synth.recipe.model import SPLITS, Layer, Recipe

FORMAT_VERSION = 1
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
    ) -> None:
        self.recipe = recipe
        self.speech = speech
        self.noise = noise
        self.rooms = rooms
        self.pools = pools
        self.clips = clips
        self.pieces = pieces
        self._circles = {(layer, pool, r.index): r.circle for (layer, pool), members in pools.items() for r in members}
        self._ids = {r.index: r.id for members in pools.values() for r in members}

    @classmethod
    def make(cls, recipe: Recipe, speech: Catalog, noise: Catalog, rooms: Catalog, usable: Usable) -> Plan:
        """Plan every clip. Raises GuardError where the recipe cannot be carried out with this audio."""
        pools = make_pools(recipe, noise, usable)
        builder = Builder(recipe, speech, pools)
        clips, pieces = builder.build(copies_of(recipe, speech, builder))
        return cls(recipe, speech, noise, rooms, pools, clips, pieces)

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
        recipe, clips = self.recipe, self.clips
        number, copy, split = int(clips["recording"][index]), int(clips["copy"][index]), int(clips["split"][index])
        recording = self.speech[number]
        clip_id = clip_id_of(recording.id, copy)
        draws = draws or clip_draws(recipe.seed, clip_id)
        noise = self._noise(index, draws)
        room = self._room(draws)
        channel = (choice.draw(draws) for choice in recipe.channel)
        level = recipe.level_dbfs
        return ClipSpec(
            index=index,
            clip_id=clip_id,
            source_id=recording.id,
            recording=number,
            copy=copy,
            split=SPLITS[split],
            pool=pool_of(split),
            sample_rate=recipe.sample_rate,
            speech_effects=draw_speech_effects(recipe.speech.effects, draws, recording),
            onset=int(clips["onset"][index]),
            speech_num_samples=int(clips["speech_num_samples"][index]),
            num_samples=int(clips["num_samples"][index]),
            room=room,
            room_id=None if room is None else self.rooms.id(room),
            noise=noise,
            snr_db=round(float(recipe.noise.snr_db.value(draws("noise.snr_db"))), 3)
            if recipe.noise and noise
            else None,
            measure=recipe.noise.measure if recipe.noise else "active",
            weighting=recipe.noise.weighting if recipe.noise else "band",
            channel_effects=tuple(effect for effect in channel if effect is not None),
            level_dbfs=None if level is None else round(float(level.value(draws("level_dbfs"))), 3),
        )

    def _room(self, draws: ClipDraws) -> int | None:
        room = self.recipe.speech.room
        if room is None or not len(self.rooms) or draws("speech.room.probability") >= room.probability:
            return None
        return int(draws("speech.room.response") * len(self.rooms))

    def _noise(self, index: int, draws: ClipDraws) -> tuple[NoisePiece, ...]:
        first, stop = int(self.clips["first_piece"][index]), int(self.clips["first_piece"][index + 1])
        if first == stop:
            return ()
        assert self.recipe.noise is not None
        made: list[NoisePiece] = []
        place, number = (-1, -1), 0
        for row in range(first, stop):
            here = int(self.pieces["layer"][row]), int(self.pieces["track"][row])
            number = number + 1 if here == place else 0
            place = here
            made.append(self._piece(row, self.recipe.noise.layers[here[0]], number, draws))
        return tuple(made)

    def _piece(self, row: int, layer: Layer, number: int, draws: ClipDraws) -> NoisePiece:
        pieces = self.pieces
        track, recording = int(pieces["track"][row]), int(pieces["recording"][row])
        return NoisePiece(
            layer=layer.name,
            track=track,
            recording=recording,
            recording_id=self._ids[recording],
            offset=int(pieces["offset"][row]),
            source_num_samples=int(pieces["source_num_samples"][row]),
            at=int(pieces["at"][row]),
            num_samples=int(pieces["num_samples"][row]),
            fade_in=int(pieces["fade_in"][row]),
            effects=draw_piece_effects(layer, layer.effects, draws, track, number),
            relative_db=round(float(layer.relative_db.value(draws(layer.key + ".relative_db"))), 3),
        )

    def circle(self, spec: ClipSpec, piece: NoisePiece) -> Circle:
        """The circle of usable sound on which a piece's offset counts."""
        return self._circles[piece.layer, spec.pool, piece.recording]

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
            "noise_pools": _pools_digest(self.pools),
            "rooms": self.rooms.digest,
        }

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(json.dumps(self.fingerprints, sort_keys=True).encode()).hexdigest()


def _pools_digest(pools: Pools) -> str:
    parts = [
        (layer, pool, r.id, r.circle.stretches) for (layer, pool), members in sorted(pools.items()) for r in members
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
