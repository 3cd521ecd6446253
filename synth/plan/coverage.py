"""The ledger: how often each second of noise is used, by layer, pool and recording. A pure function of the uses."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from synth.catalog.synthesized_noise import SynthesizedFile
from synth.dsp.generators import GENERATORS
from synth.plan.builder import pool_of
from synth.plan.noise_choice import car_name
from synth.plan.plan import Plan
from synth.plan.pools import PoolRecording
from synth.plan.tables import RECORDED

BIN_SECONDS = 0.1

Integers = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class RecordingUse:
    """Use of one recording in one layer and pool. Seconds are of its usable sound, as recorded. `grown`: how it came
    about, if it is a file of `synth grow`."""

    id: str
    group: str
    unique_s: float
    used_s: float
    uses: int
    reuse_max: float
    grown_file: SynthesizedFile | None = None


@dataclass(frozen=True, slots=True)
class GrownUse:
    """Noise that one generator made for one layer and pool: seconds by what it was grown from (or by virtual car)."""

    method: str
    is_model: bool
    sources: Mapping[str, float]

    @property
    def used_s(self) -> float:
        return sum(self.sources.values())

    @property
    def effective_sources(self) -> float:
        return hill_number(self.sources.values())


@dataclass(frozen=True, slots=True)
class PoolUse:
    """Use of all recordings of one layer in one pool.

    `used_s` is what is played from files; `reuse_mean` = used / unique; `reuse_max` the most of any 0.1-s bin;
    `effective_recordings` = exp(entropy of the recordings' shares of use, with what is grown from each);
    `largest_share` of one recording. For the last two, and `count`, all of one group (segments of one file, what the
    source's `recording_column` says, near-duplicates) are one recording; so is all that `synth grow`
    made of one recording. `grown`: the noise that is not as recorded, grown in the clips or before, to files.
    """

    layer: str
    pool: str
    recordings: tuple[RecordingUse, ...]
    grown: tuple[GrownUse, ...] = ()

    @classmethod
    def of(cls, layer: str, pool: str, recordings: Iterable[RecordingUse], grown: Iterable[GrownUse]) -> PoolUse:
        """The use of a pool. `grown`: what was grown in the clips; what comes from files of `synth grow` is added to
        it, under what it was grown from."""
        recordings = tuple(recordings)
        sources: dict[str, dict[str, float]] = {method: {} for method in GENERATORS}
        for use in grown:
            sources[use.method].update(use.sources)
        for r in recordings:
            if r.grown_file is not None and r.used_s:
                of_method = sources[r.grown_file.method]
                of_method[r.group] = of_method.get(r.group, 0.0) + r.used_s
        uses = (GrownUse(method, GENERATORS[method].is_model, used) for method, used in sources.items() if used)
        return cls(layer, pool, recordings, tuple(uses))

    @property
    def recorded_s(self) -> float:
        """Noise as recorded: what is played from files, without those of `synth grow`."""
        return sum(r.used_s for r in self.recordings if r.grown_file is None)

    @property
    def total_s(self) -> float:
        """All noise: as recorded, and grown."""
        return self.recorded_s + sum(g.used_s for g in self.grown)

    @property
    def recorded_share(self) -> float:
        return self.recorded_s / self.total_s if self.total_s else 1.0

    @property
    def synthesized_share(self) -> float:
        """Of noise that a model made, with no recorded sound in it, or that was grown from such noise."""
        modelled = {r.id for r in self.recordings if r.grown_file is not None and r.grown_file.is_model}
        seconds = sum(s for g in self.grown for source, s in g.sources.items() if g.is_model or source in modelled)
        return seconds / self.total_s if self.total_s else 0.0

    @property
    def synthesized_file_share(self) -> float:
        """Of what is played from files, the share of files of `synth grow` that a model made."""
        modelled = sum(r.used_s for r in self.recordings if r.grown_file is not None and r.grown_file.is_model)
        return modelled / self.used_s if self.used_s else 0.0

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
    def recorded_count(self) -> int:
        """`count` without what there is only as files of `synth grow`."""
        return len({r.group for r in self.recordings if r.grown_file is None})

    @property
    def effective_recordings(self) -> float:
        return hill_number(self._group_seconds())

    @property
    def largest_share(self) -> float:
        seconds = self._group_seconds()
        return max(seconds) / sum(seconds) if sum(seconds) else 0.0

    def _group_seconds(self) -> list[float]:
        """Seconds of noise that come from each group, as recorded or grown from it."""
        used = dict.fromkeys((r.group for r in self.recordings), 0.0)
        for r in self.recordings:
            used[r.group] += r.used_s + sum(g.sources.get(r.id, 0.0) for g in self.grown)
        return list(used.values())

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
            "recorded_share": round(self.recorded_share, 6),
            "synthesized_share": round(self.synthesized_share, 6),
            "grown": {
                g.method: {
                    "used_s": round(g.used_s, 3),
                    "share": round(g.used_s / self.total_s, 6) if self.total_s else 0.0,
                    "is_model": g.is_model,
                    "sources": len(g.sources),
                    "effective_sources": round(g.effective_sources, 3),
                }
                for g in self.grown
            },
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


def hill_number(amounts: Iterable[float]) -> float:
    """exp(entropy of the shares): how many equally used things would be as varied (Hill 1973); 0 for nothing."""
    some = [amount for amount in amounts if amount > 0]
    total = sum(some)
    return math.exp(-sum(a / total * math.log(a / total) for a in some)) if some else 0.0


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
        grown_file=recording.grown_file,
    )


def ledger(plan: Plan) -> tuple[PoolUse, ...]:
    """The ledger of a plan, in the order of its layers."""
    per_clip = np.diff(plan.clips["first_segment"])
    split_of_piece = np.repeat(np.asarray(plan.clips["split"]), per_clip)
    found = []
    for (layer, pool), members in plan.pools.items():
        number = [layer.name for layer in plan.recipe.noise.pooled_layers].index(layer) if plan.recipe.noise else 0
        splits = [split for split in range(3) if pool_of(split) == pool]
        mine = (np.asarray(plan.segments["layer"]) == number) & np.isin(split_of_piece, splits)
        if members:
            kind = np.asarray(plan.segments["kind"])
            recorded, grown = np.flatnonzero(mine & (kind == RECORDED)), np.flatnonzero(mine & (kind != RECORDED))
            found.append(PoolUse.of(layer, pool, _uses(plan, recorded, members), _grown(plan, grown, members)))
    return tuple(found)


def _grown(plan: Plan, rows: Integers, members: Sequence[PoolRecording]) -> tuple[GrownUse, ...]:
    kinds, sources = plan.segments["kind"][rows], plan.segments["recording"][rows]
    counts, names = plan.segments["source_num_samples"][rows], {m.index: m.id for m in members}
    found = []
    for number, (method, generator) in enumerate(GENERATORS.items(), start=1):
        mine = kinds == number
        if mine.any():
            which, at = np.unique(sources[mine], return_inverse=True)
            samples = np.bincount(at, weights=counts[mine])
            from_recordings = generator().sources() > 0
            labels = [names[int(s)] if from_recordings else car_name(int(s)) for s in which]
            rate = plan.recipe.sample_rate
            seconds = {label: float(n) / rate for label, n in zip(labels, samples, strict=True)}
            found.append(GrownUse(method, generator.is_model, seconds))
    return tuple(found)


def _uses(plan: Plan, rows: Integers, members: Sequence[PoolRecording]) -> tuple[RecordingUse, ...]:
    columns: Mapping[str, Integers] = plan.segments
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
