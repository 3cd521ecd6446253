"""The ledger: how often each second of noise is used, by layer, pool and recording. A pure function of the uses."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from synth.plan.build import pool_of
from synth.plan.plan import Plan
from synth.plan.pools import PoolRecording

BIN_SECONDS = 0.1

Integers = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class RecordingUse:
    """Use of one recording in one layer and pool. Seconds are of its usable sound, as recorded."""

    id: str
    group: str
    unique_s: float
    used_s: float
    uses: int
    reuse_max: float


@dataclass(frozen=True, slots=True)
class PoolUse:
    """Use of all recordings of one layer in one pool.

    `reuse_mean` = used / unique; `reuse_max` the most of any 0.1-s bin; `effective_recordings` = exp(entropy of the
    recordings' shares of use); `largest_share` of one recording. For the last two, and `count`, all of one group
    (segments of one file, or what the source's `recording_column` says) are one recording.
    """

    layer: str
    pool: str
    recordings: tuple[RecordingUse, ...]

    @property
    def unique_s(self) -> float:
        return sum(r.unique_s for r in self.recordings)

    @property
    def used_s(self) -> float:
        return sum(r.used_s for r in self.recordings)

    @property
    def reuse_mean(self) -> float:
        return self.used_s / self.unique_s if self.unique_s else 0.0

    @property
    def reuse_max(self) -> float:
        return max((r.reuse_max for r in self.recordings), default=0.0)

    @property
    def count(self) -> int:
        return len({r.group for r in self.recordings})

    @property
    def effective_recordings(self) -> float:
        shares = [share for share in self._shares() if share > 0]
        return math.exp(-sum(share * math.log(share) for share in shares)) if shares else 0.0

    @property
    def largest_share(self) -> float:
        return max(self._shares(), default=0.0)

    def _shares(self) -> list[float]:
        """The share of the use that each group has."""
        used = dict.fromkeys((r.group for r in self.recordings), 0.0)
        for r in self.recordings:
            used[r.group] += r.used_s
        return [seconds / self.used_s for seconds in used.values()] if self.used_s else []

    def to_json(self) -> dict[str, Any]:
        return {
            "layer": self.layer,
            "pool": self.pool,
            "recordings": self.count,
            "unique_s": round(self.unique_s, 3),
            "used_s": round(self.used_s, 3),
            "reuse_mean": round(self.reuse_mean, 3),
            "reuse_max": round(self.reuse_max, 3),
            "effective_recordings": round(self.effective_recordings, 3),
            "largest_share": round(self.largest_share, 6),
            "by_recording": {
                r.id: {
                    "unique_s": round(r.unique_s, 3),
                    "used_s": round(r.used_s, 3),
                    "uses": r.uses,
                    "reuse_max": round(r.reuse_max, 3),
                }
                for r in self.recordings
            },
        }


def bin_use(offsets: Integers, counts: Integers, *, circumference: int, bin_samples: int) -> npt.NDArray[np.float64]:
    """How often each bin of a circle is used: samples used in it / its samples.

    offsets, counts: shape (uses,), samples; a use may run over the end of the circle, and more than once round it.
    """
    bins = -(-circumference // bin_samples)
    edges = np.minimum(np.arange(bins + 1) * bin_samples, circumference)
    laps, rest = np.divmod(counts, circumference)
    starts = np.sort(offsets % circumference)
    ends = np.sort(offsets % circumference + rest)
    # A use that runs over the end covers the start of the next lap: count on two laps, then fold.
    both = np.concatenate([edges, edges[1:] + circumference])
    covered = np.diff(_ramp_sum(starts, both) - _ramp_sum(ends, both))
    return np.asarray((covered[:bins] + covered[bins:]) / np.diff(edges) + laps.sum())


def _ramp_sum(at: Integers, x: Integers) -> npt.NDArray[np.float64]:
    """For each x the sum of max(0, x - a) over all a; `at` is sorted."""
    below = np.searchsorted(at, x, side="right")
    sums = np.concatenate([[0], np.cumsum(at, dtype=np.int64)])
    return np.asarray(below * x - sums[below], dtype=np.float64)


def use_of(recording: PoolRecording, offsets: Integers, counts: Integers, sample_rate: int) -> RecordingUse:
    """The use of one recording, from where its uses start and how long they are."""
    circumference = recording.circle.circumference
    bins = bin_use(offsets, counts, circumference=circumference, bin_samples=round(BIN_SECONDS * sample_rate))
    return RecordingUse(
        id=recording.id,
        group=recording.group,
        unique_s=circumference / sample_rate,
        used_s=int(counts.sum()) / sample_rate,
        uses=len(counts),
        reuse_max=float(bins.max()),
    )


def ledger(plan: Plan) -> tuple[PoolUse, ...]:
    """The ledger of a plan, in the order of its layers."""
    per_clip = np.diff(plan.clips["first_piece"])
    split_of_piece = np.repeat(np.asarray(plan.clips["split"]), per_clip)
    found = []
    for (layer, pool), members in plan.pools.items():
        number = [layer.name for layer in plan.recipe.noise.layers].index(layer) if plan.recipe.noise else 0
        splits = [split for split in range(3) if pool_of(split) == pool]
        mine = (np.asarray(plan.pieces["layer"]) == number) & np.isin(split_of_piece, splits)
        if members:
            found.append(PoolUse(layer, pool, _uses(plan, np.flatnonzero(mine), members)))
    return tuple(found)


def _uses(plan: Plan, rows: Integers, members: Sequence[PoolRecording]) -> tuple[RecordingUse, ...]:
    columns: Mapping[str, Integers] = plan.pieces
    recording = columns["recording"][rows]
    order = np.argsort(recording, kind="stable")
    rows, recording = rows[order], recording[order]
    offsets, counts = columns["offset"][rows], columns["source_num_samples"][rows]
    rate = plan.recipe.sample_rate
    bounds = [np.searchsorted(recording, [m.index, m.index + 1]) for m in members]
    return tuple(
        use_of(m, offsets[first:stop], counts[first:stop], rate)
        for m, (first, stop) in zip(members, bounds, strict=True)
    )
