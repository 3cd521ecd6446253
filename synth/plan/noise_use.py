"""How often each second of noise is used, by layer, pool and recording: the ledger, a pure function of the uses."""

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
from synth.recipe.model import SPLITS

BIN_SECONDS = 0.1
"""Width of the bins in which reuse is counted."""

Integers = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class RecordingUse:
    """Use of one recording in one layer and pool."""

    id: str
    group: str  #: the recordings of one group count as one
    unique_s: float  #: usable sound
    used_s: float  #: sound taken from it, as recorded
    uses: int
    reuse_max: float  #: uses of the 0.1-s bin that is used most
    grown_file: SynthesizedFile | None = None  #: set if it is a file of `synth grow`


@dataclass(frozen=True, slots=True)
class GrownUse:
    """Noise that one generator grew for one layer and pool."""

    method: str  #: the generator: a key of GENERATORS
    is_model: bool  #: whether the sound is a model's; else it is recorded sound in another order
    sources: Mapping[str, float]  #: seconds by what it was grown from, or by virtual car

    @property
    def used_s(self) -> float:
        """Seconds of grown noise."""
        return sum(self.sources.values())

    @property
    def effective_sources(self) -> float:
        """How many equally used sources would be as varied."""
        return hill_number(self.sources.values())


@dataclass(frozen=True, slots=True)
class PoolUse:
    """Use of all recordings of one layer in one pool.

    All recordings of one group count as one: segments of one file, rows with one value of `recording_column`,
    near-duplicates, and all that `synth grow` made of one recording.
    """

    layer: str
    pool: str
    recordings: tuple[RecordingUse, ...]
    grown: tuple[GrownUse, ...] = ()  #: noise that is not as recorded: grown in the clips, or before, to files

    @classmethod
    def of(cls, layer: str, pool: str, recordings: Iterable[RecordingUse], grown: Iterable[GrownUse]) -> PoolUse:
        """The use of a pool.

        Args:
            layer: name of the layer.
            pool: "train" or "held_out".
            recordings: what is taken from files.
            grown: what is grown in the clips. What is taken from files of `synth grow` is added to it, under what it
                was grown from.
        """
        recordings = tuple(recordings)
        sources: dict[str, dict[str, float]] = {method: {} for method in GENERATORS}
        for use in grown:
            sources[use.method].update(use.sources)
        for r in recordings:
            if r.grown_file is not None and r.used_s:
                by_group = sources[r.grown_file.method]
                by_group[r.group] = by_group.get(r.group, 0.0) + r.used_s
        uses = (GrownUse(method, GENERATORS[method].is_model, used) for method, used in sources.items() if used)
        return cls(layer, pool, recordings, tuple(uses))

    @property
    def unique_s(self) -> float:
        """Seconds of usable sound."""
        return sum(r.unique_s for r in self.recordings)

    @property
    def used_s(self) -> float:
        """Seconds taken from files."""
        return sum(r.used_s for r in self.recordings)

    @property
    def recorded_s(self) -> float:
        """Seconds of noise as recorded: taken from files, without those of `synth grow`."""
        return sum(r.used_s for r in self.recordings if r.grown_file is None)

    @property
    def total_s(self) -> float:
        """Seconds of all noise: as recorded, and grown."""
        return self.recorded_s + sum(g.used_s for g in self.grown)

    @property
    def recorded_share(self) -> float:
        """Share of the noise that is as recorded."""
        return self.recorded_s / self.total_s if self.total_s else 1.0

    @property
    def synthesized_share(self) -> float:
        """Share of the noise that a model made, with no recorded sound in it, or that was grown from such noise."""
        of_models = {r.id for r in self.recordings if r.grown_file is not None and r.grown_file.is_model}
        seconds = sum(s for g in self.grown for source, s in g.sources.items() if g.is_model or source in of_models)
        return seconds / self.total_s if self.total_s else 0.0

    @property
    def synthesized_file_share(self) -> float:
        """Of what is taken from files, the share of files of `synth grow` that a model made."""
        of_models = sum(r.used_s for r in self.recordings if r.grown_file is not None and r.grown_file.is_model)
        return of_models / self.used_s if self.used_s else 0.0

    @property
    def reuse_mean(self) -> float:
        """How often each second is used on average."""
        return self.used_s / self.unique_s if self.unique_s else 0.0

    @property
    def reuse_max(self) -> float:
        """How often the bin that is used most is used."""
        return max((r.reuse_max for r in self.recordings), default=0.0)

    @property
    def count(self) -> int:
        """Number of recordings; a group counts as one."""
        return len({r.group for r in self.recordings})

    @property
    def recorded_count(self) -> int:
        """`count` without those of which there are only files of `synth grow`."""
        return len({r.group for r in self.recordings if r.grown_file is None})

    @property
    def effective_recordings(self) -> float:
        """How many equally used recordings would be as varied."""
        return hill_number(self._group_seconds())

    @property
    def largest_share(self) -> float:
        """Share of the use that the most used group has."""
        seconds = self._group_seconds()
        return max(seconds) / sum(seconds) if sum(seconds) else 0.0

    def _group_seconds(self) -> list[float]:
        """Seconds of noise that come from each group, as recorded or grown from it."""
        used = dict.fromkeys((r.group for r in self.recordings), 0.0)
        for r in self.recordings:
            used[r.group] += r.used_s + sum(g.sources.get(r.id, 0.0) for g in self.grown)
        return list(used.values())

    def to_json(self) -> dict[str, Any]:
        """The use as JSON values, as in dataset.json."""
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
            "by_method": {
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
    positive = [amount for amount in amounts if amount > 0]
    total = sum(positive)
    return math.exp(-sum(a / total * math.log(a / total) for a in positive)) if positive else 0.0


def bin_use(offsets: Integers, counts: Integers, *, circumference: int, bin_samples: int) -> npt.NDArray[np.float64]:
    """How often each bin of a circle is used: samples used in it / its samples.

    Args:
        offsets: where uses start on the circle (samples), int64, shape (uses,).
        counts: how long they are (samples), int64, shape (uses,). A use may run over the end of the circle, and more
            than once round it.
        circumference: of the circle (samples).
        bin_samples: width of a bin; the last bin may be narrower.

    Returns:
        float64, shape (bins,).
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


def recording_use(recording: PoolRecording, offsets: Integers, counts: Integers, sample_rate: int) -> RecordingUse:
    """The use of one recording.

    Args:
        recording: the recording.
        offsets: where its uses start on its circle (samples), int64, shape (uses,).
        counts: how long they are (samples), int64, shape (uses,).
        sample_rate: of the data set (Hz).
    """
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


def count_use(plan: Plan) -> tuple[PoolUse, ...]:
    """The use of noise in a plan, in the order of its layers."""
    layers = [layer.name for layer in plan.recipe.noise.pooled_layers] if plan.recipe.noise else []
    split_of_segment = np.repeat(np.asarray(plan.clips["split"]), np.diff(plan.clips["first_segment"]))
    kinds = np.asarray(plan.segments["kind"])
    uses = []
    for (layer, pool), members in plan.pools.items():
        if members:
            splits = [split for split in range(len(SPLITS)) if pool_of(split) == pool]
            in_pool = (plan.segments["layer"] == layers.index(layer)) & np.isin(split_of_segment, splits)
            recordings = _recording_uses(plan, np.flatnonzero(in_pool & (kinds == RECORDED)), members)
            grown = _grown_uses(plan, np.flatnonzero(in_pool & (kinds != RECORDED)), members)
            uses.append(PoolUse.of(layer, pool, recordings, grown))
    return tuple(uses)


def _recording_uses(plan: Plan, rows: Integers, members: Sequence[PoolRecording]) -> list[RecordingUse]:
    recordings = plan.segments["recording"][rows]
    order = np.argsort(recordings, kind="stable")
    rows, recordings = rows[order], recordings[order]
    del order  # of a million uses 8 MB
    offsets, counts = plan.segments["offset"][rows], plan.segments["source_num_samples"][rows]
    uses = []
    for member in members:
        first, stop = np.searchsorted(recordings, [member.index, member.index + 1])
        uses.append(recording_use(member, offsets[first:stop], counts[first:stop], plan.recipe.sample_rate))
    return uses


def _grown_uses(plan: Plan, rows: Integers, members: Sequence[PoolRecording]) -> list[GrownUse]:
    kinds, sources = plan.segments["kind"][rows], plan.segments["recording"][rows]
    counts, ids = plan.segments["source_num_samples"][rows], {member.index: member.id for member in members}
    uses = []
    for number, (method, generator) in enumerate(GENERATORS.items(), start=1):
        of_method = kinds == number
        if of_method.any():
            numbers, positions = np.unique(sources[of_method], return_inverse=True)
            samples = np.bincount(positions, weights=counts[of_method])
            has_recordings = generator().sources() > 0
            names = [ids[int(i)] if has_recordings else car_name(int(i)) for i in numbers]
            rate = plan.recipe.sample_rate
            seconds = {name: float(n) / rate for name, n in zip(names, samples, strict=True)}
            uses.append(GrownUse(method, generator.is_model, seconds))
    return uses
