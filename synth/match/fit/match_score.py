"""How well simulated clips match a part of dev: the few numbers that a fit is judged by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synth.match.fit.dev_cases import clip_level
from synth.match.measure.features import BAND_NAMES, FEATURES, TOLERANCES, matrix
from synth.match.measure.profile import ClipProfile
from synth.match.measure.trust import Trust, trusted_snr
from synth.stats.coverage import measure_coverage
from synth.stats.two_sample import classify

LEVEL = "level_dbfs"
_REPEATS = 3  # of the classifier: over few clips a single AUC scatters by 0.05
_PROBABILITIES = np.linspace(0.005, 0.995, 100)
_MEDIAN_WEIGHT = 0.02


@dataclass(frozen=True, slots=True)
class MedianShift:
    """One feature in its unit."""

    dev: float  # median of dev
    simulated: float  # median of the simulated clips
    w1: float  # Wasserstein-1 distance

    @property
    def shift(self) -> float:
        """How far the median of the simulated clips is above that of dev."""
        return self.simulated - self.dev


@dataclass(frozen=True, slots=True)
class MatchScore:
    """The numbers of a match."""

    auc: float | None  # of the classifier test; None if dev is too small for it
    coverage: float | None  # None if dev is too small for it
    distances: Mapping[str, MedianShift]  # by feature
    # What rounds are compared by, the smaller the better: the AUC, and 0.02 times the mean shift of the medians of what
    # is matched (SNR, level, bands), in tolerances. An AUC over few clips has a standard error of 0.05; the medians
    # steady it.
    score: float

    @property
    def headline(self) -> str:
        """`AUC 0.72, coverage 0.83, SNR 4.6 dB too low, level 17.0 dB too high, noise bands within 3.2 dB`."""
        return self.words()

    def words(self, beside: str = "") -> str:
        """The headline, with a remark beside the AUC."""
        parts = [
            "AUC not measured" if self.auc is None else f"AUC {self.auc:.2f}{beside}",
            "coverage not measured" if self.coverage is None else f"coverage {self.coverage:.2f}",
        ]
        for name, shown in (("snr_db", "SNR"), (LEVEL, "level")):
            if name in self.distances:
                shift = self.distances[name].shift
                off = f"{abs(shift):.1f} dB too {'high' if shift > 0 else 'low'}"
                parts.append(f"{shown} {'as in dev' if round(shift, 1) == 0 else off}")
        if bands := [abs(d.shift) for name, d in self.distances.items() if name in BAND_NAMES]:
            parts.append(f"noise bands within {max(bands):.1f} dB")
        return ", ".join(parts)


def score_match(simulated: Sequence[ClipProfile], dev: Sequence[ClipProfile], *, trust: Trust, seed: int) -> MatchScore:
    """Score simulated clips against clips of dev.

    Args:
        simulated: simulated clips.
        dev: clips of dev.
        trust: what of dev is matched.
        seed: random seed of the classifier test.

    Returns:
        Distances only of features that at least two clips of each side have.
    """
    a, b = (matrix([clip.features for clip in side]) for side in (simulated, dev))
    groups_a, groups_b = ([clip.group for clip in side] for side in (simulated, dev))
    test = classify(a, b, groups_a, groups_b, tolerances=TOLERANCES, seed=seed, repeats=_REPEATS)
    cover = measure_coverage(a, b, tolerances=TOLERANCES, groups=groups_b, seed=seed)
    values = {f.name: [_values(side, f.name) for side in (simulated, dev)] for f in FEATURES}
    values[LEVEL] = [_values(side, LEVEL) for side in (simulated, dev)]
    distances = {}
    for name, (ours, theirs) in values.items():
        if min(len(ours), len(theirs)) >= 2:
            w1 = float(np.abs(np.quantile(ours, _PROBABILITIES) - np.quantile(theirs, _PROBABILITIES)).mean())
            distances[name] = MedianShift(float(np.median(theirs)), float(np.median(ours)), w1)
    auc = test.auc if test else None
    score = (auc or 0.0) + _MEDIAN_WEIGHT * _mean_shift(distances, trust)
    return MatchScore(auc, cover.share if cover else None, distances, score)


def _values(clips: Sequence[ClipProfile], name: str) -> list[float]:
    if name == "snr_db":
        values = [trusted_snr(clip) for clip in clips]
    elif name == LEVEL:
        values = [clip_level(clip.features) for clip in clips]
    else:
        values = [clip.features.get(name) for clip in clips]
    return [float(value) for value in values if value is not None]


def _mean_shift(distances: Mapping[str, MedianShift], trust: Trust) -> float:
    """Mean shift of what is matched, in dB, which are tolerances. All bands together count as much as the SNR."""
    shifts = {name: abs(distance.shift) for name, distance in distances.items()}
    bands = [shifts[name] for name in BAND_NAMES if name in shifts and trust.spectrum]
    parts = [float(np.mean(bands))] if bands else []
    parts += [shifts["snr_db"]] if "snr_db" in shifts and trust.snr else []
    parts += [shifts[LEVEL]] if LEVEL in shifts else []
    return float(np.mean(parts)) if parts else 0.0
