"""The plan: a pure, random-access function from the index of a clip to its ClipSpec."""

from __future__ import annotations

import hashlib
import json
import weakref
from collections.abc import Callable, Iterator
from functools import cached_property

from synth.catalog.catalog import Catalog
from synth.draws import ClipDraws
from synth.dsp.segments import Circle
from synth.plan.builder import PlanBuilder, clip_id_of, copies_of
from synth.plan.clip_spec import ClipSpec
from synth.plan.conditions import CasesByCondition
from synth.plan.pool_division import make_pools
from synth.plan.pools import Pools
from synth.plan.recording_groups import UsableNoise
from synth.plan.spec import PlanParts, SpecBuilder
from synth.recipe.model import Recipe
from synth.recipe.resolved import resolved_dict

FORMAT_VERSION = 6
"""Of the plan and the data set: raised when the same recipe gives other clips, or the directory another layout, or the
resolved recipe, which is part of the digest of a plan, other keys."""


class Plan(PlanParts):
    """All clips of a recipe, planned. It has `len(plan)` clips; `plan[i]` is built on demand and always the same."""

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
        """Plan every clip.

        Raises:
            GuardError: the recipe cannot be carried out with this audio.
        """
        pools = make_pools(recipe, noise, usable)
        builder = PlanBuilder(recipe, speech, pools, cases)
        clips, segments = builder.build(copies_of(recipe, speech, builder))
        return cls(recipe, speech, noise, rooms, pools, clips, segments, cases)

    def __len__(self) -> int:
        return len(self.clips["num_samples"])

    def __iter__(self) -> Iterator[ClipSpec]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: int) -> ClipSpec:
        if not 0 <= index < len(self):
            raise IndexError(f"clip {index} of a plan of {len(self)} clips")
        return self._specs.spec(index)

    def spec(self, index: int, wrap_draws: Callable[[ClipDraws], ClipDraws]) -> ClipSpec:
        """Clip `index`, with every function that draws wrapped, as `synth explain` needs it."""
        return self._specs.spec(index, wrap_draws)

    @cached_property
    def _specs(self) -> SpecBuilder:
        # A proxy, so that there is no cycle: the files of a plan are closed when nobody has it any more.
        return SpecBuilder(weakref.proxy(self))

    def clip_id(self, index: int) -> str:
        """The id of a clip."""
        return clip_id_of(self.speech.id(int(self.clips["recording"][index])), int(self.clips["copy"][index]))

    def find(self, clip_id: str) -> int | None:
        """The index of the clip with this id; the ids of the recordings are compared, not those of all clips."""
        source_id, _, copy = clip_id.rpartition("-v")
        if not (copy.isascii() and copy.isdecimal()):
            return None
        recording = next((index for index in range(len(self.speech)) if self.speech.id(index) == source_id), None)
        if recording is None:
            return None
        of_recording = (self.clips["recording"] == recording).nonzero()[0].tolist()
        return next((index for index in of_recording if self.clip_id(index) == clip_id), None)

    @cached_property
    def _circles(self) -> dict[tuple[str, str, int], Circle]:
        return {(layer, pool, r.index): r.circle for (layer, pool), members in self.pools.items() for r in members}

    def circle(self, layer: str, pool: str, recording: int) -> Circle:
        """The circle of usable sound on which the offsets of a recording count."""
        return self._circles[layer, pool, recording]

    @property
    def shard_size(self) -> int:
        """Clips per shard."""
        return self.recipe.output.shard_size

    @property
    def num_shards(self) -> int:
        """Number of shards; the last one may be smaller."""
        return -(-len(self) // self.shard_size)

    def shard(self, number: int) -> range:
        """The clip indices of a shard."""
        if not 0 <= number < self.num_shards:
            raise IndexError(f"shard {number} of {self.num_shards}")
        return range(number * self.shard_size, min(len(self), (number + 1) * self.shard_size))

    @property
    def seconds(self) -> float:
        """Length of all clips together."""
        return float(self.clips["num_samples"].sum()) / self.recipe.sample_rate

    @cached_property
    def part_digests(self) -> dict[str, str]:
        """What decides the clips, each part with its digest: a data set is resumed only if all are equal."""
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
    def digest(self) -> str:
        """Digest of all that decides the clips; `plan_digest` in a data set."""
        return hashlib.sha256(json.dumps(self.part_digests, sort_keys=True).encode()).hexdigest()


def pools_digest(pools: Pools) -> str:
    """Digest of all that a plan takes from its pools."""
    recordings = [
        (layer, pool, r.id, r.circle.stretches) for (layer, pool), members in sorted(pools.items()) for r in members
    ]
    return hashlib.sha256(json.dumps(recordings).encode()).hexdigest()
