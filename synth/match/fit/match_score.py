"""How simulated clips stand against a part of dev: the few figures that a fit is judged by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synth.match.fit.dev_cases import Trust, clip_level, snr_of
from synth.match.measure.features import BAND_NAMES, FEATURES, TOLERANCES, matrix
from synth.match.measure.profile import ClipProfile
from synth.stats.coverage import measure_coverage
from synth.stats.two_sample import classify

_REPEATS = 3
_AT = np.linspace(0.005, 0.995, 100)
_MEDIAN_WEIGHT = 0.02
LEVEL = "level_dbfs"


@dataclass(frozen=True, slots=True)
class Distance:
    """One number of a clip in its unit: medians of dev and of the simulated clips, Wasserstein-1 on its scale."""

    dev: float
    simulated: float
    w1: float

    @property
    def shift(self) -> float:
        return self.simulated - self.dev


@dataclass(frozen=True, slots=True)
class Figures:
    """AUC of the two-sample test and coverage (None where dev is too small for them), distances by feature.

    `score`: what rounds are compared by, the smaller the better: the AUC and 0.02 times the mean of the median shifts
    of what is matched (SNR, level, bands), each over its tolerance; our own choice: an AUC over few clips has a
    standard error of 0.05, and the medians steady it.
    """

    auc: float | None
    coverage: float | None
    distances: Mapping[str, Distance]
    score: float

    @property
    def headline(self) -> str:
        """`AUC 0.72, coverage 0.83, SNR 4.6 dB too low, level 17.0 dB too high, noise bands within 3.2 dB`."""
        return self.words()

    def words(self, beside: str = "") -> str:
        """The headline, with a remark `beside` the AUC."""
        auc = "AUC not measured" if self.auc is None else f"AUC {self.auc:.2f}{beside}"
        cover = "coverage not measured" if self.coverage is None else f"coverage {self.coverage:.2f}"
        bands = [abs(d.shift) for name, d in self.distances.items() if name in BAND_NAMES]
        parts = [auc, cover]
        for name, shown in (("snr_db", "SNR"), (LEVEL, "level")):
            if name in self.distances:
                parts.append(f"{shown} {_off_text(self.distances[name].shift)}")
        parts += [f"noise bands within {max(bands):.1f} dB"] if bands else []
        return ", ".join(parts)


def _off_text(shift: float) -> str:
    """How far the median is from that of dev."""
    if round(shift, 1) == 0:
        return "as in dev"
    return f"{abs(shift):.1f} dB too {'high' if shift > 0 else 'low'}"


def figures_of(simulated: Sequence[ClipProfile], dev: Sequence[ClipProfile], *, trust: Trust, seed: int) -> Figures:
    """The figures of these clips; medians and distances only of what at least two clips of each side have."""
    a, b = (matrix([clip.features for clip in side]) for side in (simulated, dev))
    groups_a, groups_b = ([clip.group for clip in side] for side in (simulated, dev))
    told = classify(a, b, groups_a, groups_b, tolerances=TOLERANCES, seed=seed, repeats=_REPEATS)
    cover = measure_coverage(a, b, tolerances=TOLERANCES, groups=groups_b, seed=seed)
    distances = _distances(simulated, dev)
    auc = told.auc if told else None
    return Figures(
        auc, cover.share if cover else None, distances, (auc or 0.0) + _MEDIAN_WEIGHT * _off(distances, trust)
    )


def _off(distances: Mapping[str, Distance], trust: Trust) -> float:
    """Mean shift of what is matched, in tolerances (1 dB each). The bands together count as much as SNR or level."""
    bands = [abs(distances[name].shift) for name in BAND_NAMES if name in distances and trust.spectrum]
    parts = [float(np.mean(bands))] if bands else []
    parts += [abs(distances["snr_db"].shift)] if "snr_db" in distances and trust.snr else []
    parts += [abs(distances[LEVEL].shift)] if LEVEL in distances else []
    return float(np.mean(parts)) if parts else 0.0


def _distances(simulated: Sequence[ClipProfile], dev: Sequence[ClipProfile]) -> dict[str, Distance]:
    found = {f.name: _distance(*(_values(side, f.name) for side in (simulated, dev))) for f in FEATURES}
    found[LEVEL] = _distance(*(_levels(side) for side in (simulated, dev)))
    return {name: distance for name, distance in found.items() if distance is not None}


def _values(clips: Sequence[ClipProfile], name: str) -> list[float]:
    if name == "snr_db":
        return [snr for clip in clips if (snr := snr_of(clip)) is not None]
    return [float(v) for clip in clips if (v := clip.features.get(name)) is not None]


def _levels(clips: Sequence[ClipProfile]) -> list[float]:
    return [level for clip in clips if (level := clip_level(clip.features)) is not None]


def _distance(simulated: Sequence[float], dev: Sequence[float]) -> Distance | None:
    if min(len(simulated), len(dev)) < 2:
        return None
    w1 = float(np.abs(np.quantile(simulated, _AT) - np.quantile(dev, _AT)).mean())
    return Distance(float(np.median(dev)), float(np.median(simulated)), w1)
