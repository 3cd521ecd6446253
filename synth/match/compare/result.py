"""A comparison of two sets: its numbers, its verdict, and both as words and as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synth.dsp.analysis.bands import CENTERS_HZ
from synth.errors import ThresholdNotMet
from synth.match.compare.advice import Verdict, amount, scale_unit, too_few
from synth.match.measure.features import BAND_NAMES, Feature

KNOTS = tuple(round(0.02 + 0.04 * k, 2) for k in range(25))
"""At which shares quantiles are held against each other."""
LIKELY = "likely, not proven"
"""The mark of a clear difference between sets that are too small for a verdict."""
_VERY_LARGE = 3.0  # excess
_MAIN = frozenset(("snr_db", "speech_dbfs", "noise_dbfs", *BAND_NAMES, "fluctuation_db", "high_hz"))
_GREEN_AUC, _AMBER_AUC, _GREEN_COVERAGE = 0.05, 0.15, 0.9


@dataclass(frozen=True, slots=True)
class Side:
    """One of the sets: how many clips were compared, of how many groups."""

    name: str
    clips: int
    groups: int

    @property
    def too_few(self) -> str | None:
        return too_few(self.clips, self.groups)


@dataclass(frozen=True, slots=True)
class FeatureComparison:
    """One feature. Quantiles in its unit (at P10, P50, P90; `knots` at KNOTS); `w1`, `null95`, `shift` and
    `tolerance` on the scale of comparison. None where it could not be measured, or there are too few clips."""

    feature: Feature
    training: tuple[float, ...] | None
    dev: tuple[float, ...] | None
    knots: tuple[tuple[float, ...], tuple[float, ...]] | None
    measured: tuple[float, float]
    shift: float | None
    w1: float | None
    null95: float | None
    p: float | None
    verdict: Verdict | None
    words: str
    likely: bool = False  # too few clips for a verdict, but it would be red
    size: str = ""  # how large and which way, in words

    @property
    def verdict_shown(self) -> str:
        """The verdict as people read it."""
        return self.verdict or (LIKELY if self.likely else "none")

    @property
    def excess(self) -> float:
        """W1 as a multiple of what matters: of the larger of tolerance and null95; 0 where there is none."""
        if self.w1 is None:
            return 0.0
        return self.w1 / max(self.feature.tolerance, self.null95 or 0.0)


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Mean and SD of a set's noise bands in dB, about the mean of the bands; None where a band was not measured."""

    mean: tuple[float | None, ...]
    sd: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class ClipOfNote:
    """A clip to listen to. `index`: its place in its profile; `score`: how synthetic it looks, or how far it lies from
    training; `odd`: the features in which it lies farthest from the other set, in words."""

    index: int
    path: str
    group: str
    score: float
    odd: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Training against dev.

    `auc`: can a classifier tell them apart (0.5 no, 1.0 always); `auc_dev`: the same of halves of dev, the mean of
    `auc_halves`; `auc_clean`: of the clean set, where one was given. `coverage`: share of dev that training reaches;
    `coverage_dev`: share of one half of dev that the other reaches. None where there are too few clips or groups.
    `spectra`: of the noise, training and dev.
    `histogram`: of the classifier's score in bins from 0 (dev) to 1 (training), shares of training and of dev.
    """

    training: Side
    dev: Side
    clean: Side | None
    auc: float | None
    auc_by: Mapping[str, float]
    auc_halves: tuple[float, ...]
    auc_clean: float | None
    coverage: float | None
    coverage_dev: float | None
    family: float
    features: tuple[FeatureComparison, ...]
    spectra: tuple[Spectrum, Spectrum]
    histogram: tuple[tuple[float, ...], tuple[float, ...]] | None
    synthetic: tuple[ClipOfNote, ...]
    uncovered: tuple[ClipOfNote, ...]
    notes: tuple[str, ...]

    @property
    def auc_dev(self) -> float | None:
        return float(np.mean(self.auc_halves)) if self.auc_halves else None

    @property
    def worst(self) -> FeatureComparison | None:
        """The feature that lies farthest apart, by what matters and what is more than chance."""
        return farthest(self.features)

    @property
    def limits(self) -> tuple[float, float] | None:
        """AUC up to which it is green, and amber: dev-vs-dev (at least 0.5) + 0.05 and + 0.15, or what chance reaches
        (1.64 and 3 SD of the halvings / sqrt 2, as halves have half the clips). Our own convention."""
        if self.auc_dev is None:
            return None
        base, chance = max(self.auc_dev, 0.5), float(np.std(self.auc_halves)) / math.sqrt(2)
        return base + max(_GREEN_AUC, 1.64 * chance), base + max(_AMBER_AUC, 3 * chance)

    @property
    def verdict(self) -> Verdict | None:
        """The traffic light; None where a set is too small for one."""
        limits = self.limits
        if self.auc is None or limits is None or self.training.too_few or self.dev.too_few:
            return None
        if self.auc > limits[1]:
            return "red"
        near = all(
            f.w1 is None or f.w1 <= max(f.feature.tolerance, self.family * (f.null95 or 0)) for f in self.features
        )
        covers = self.coverage is not None and self.coverage >= _GREEN_COVERAGE
        return "green" if self.auc <= limits[0] and covers and near else "amber"

    @property
    def headline(self) -> str:
        """How far the sets are apart, in three sentences: the classifier, the coverage, the largest difference."""
        parts = ["No classifier could be tried: a set has too few groups."]
        if self.auc is not None:
            beside = [f"two halves of dev: {_share(self.auc_dev)}", f"clean speech: {_share(self.auc_clean)}"]
            references = "; ".join(["50 % = same", *beside[: 2 if self.clean else 1]])
            parts = [f"A classifier tells training from dev in {_share(self.auc)} of pairs ({references})."]
        if self.coverage is not None:
            parts.append(f"Training covers {_share(self.coverage)} of dev.")
        return " ".join([*parts, self._largest])

    @property
    def _largest(self) -> str:
        worst = self.worst
        if worst is None or worst.excess <= 1:
            return "No feature differs by more than chance or by more than matters."
        sure = f" ({LIKELY})" if worst.likely else "" if worst.verdict else " (may be chance)"
        return f"Largest difference: {worst.size}{sure}."

    @property
    def advice(self) -> tuple[str, ...]:
        """What to change, the farthest first; of few clips, what to change if a difference proves true."""
        apart = [f for f in self.features if f.likely or f.verdict in ("red", "amber")]
        return tuple(f.words for f in sorted(apart, key=importance, reverse=True))

    @property
    def explained(self) -> tuple[str, ...]:
        """The verdict and what it was judged by, in words."""
        few = [f"{name}: {side.too_few}" for name, side in self._sides if side.too_few]
        if few:
            lines = [f"no verdict: {line}" for line in few]
            if any(f.likely for f in self.features):
                lines.append(f"{LIKELY}: above twice what matters and above chance, but of too few clips or groups")
            return tuple(lines)
        limits = self.limits
        if self.auc is None or limits is None:
            return ("no verdict: no classifier could be tried, a set has too few groups",)
        return (
            f"{self.verdict}, at {self.training.clips} training clips of {self.training.groups} groups and "
            f"{self.dev.clips} dev clips of {self.dev.groups}: AUC is green up to {limits[0]:.2f} and amber up to "
            f"{limits[1]:.2f} here, coverage is green from {_GREEN_COVERAGE:.1f} (halves of dev cover each other by "
            f"{_shown(self.coverage_dev)}); these cut-offs are a convention",
        )

    @property
    def _sides(self) -> tuple[tuple[str, Side], ...]:
        return (("training", self.training), ("dev", self.dev))

    def check(self, fail_above: float | None) -> None:
        """Raise ThresholdNotMet where the AUC is above, or could not be measured."""
        if fail_above is None:
            return
        if self.auc is None:
            raise ThresholdNotMet(f"there is no AUC to hold against {fail_above:g}: " + "; ".join(self.explained))
        if self.auc > fail_above:
            raise ThresholdNotMet(f"mismatch AUC {self.auc:.3f} is above {fail_above:g}")

    def to_json(self) -> dict[str, Any]:
        """As JSON values, rounded as they are shown; the page is made from these."""
        limits = self.limits
        return {
            "headline": self.headline,
            "verdict": self.verdict,
            "explained": list(self.explained),
            "advice": list(self.advice),
            "notes": list(self.notes),
            "training": _side_json(self.training),
            "dev": _side_json(self.dev),
            "clean": _side_json(self.clean) if self.clean else None,
            "auc": _rounded(self.auc, 3),
            "auc_by": {name: _rounded(auc, 3) for name, auc in self.auc_by.items()},
            "auc_dev": _rounded(self.auc_dev, 3),
            "auc_halves": [_rounded(auc, 3) for auc in self.auc_halves],
            "auc_clean": _rounded(self.auc_clean, 3),
            "auc_green": _rounded(limits[0] if limits else None, 3),
            "auc_amber": _rounded(limits[1] if limits else None, 3),
            "coverage": _rounded(self.coverage, 3),
            "coverage_dev": _rounded(self.coverage_dev, 3),
            "family_factor": _rounded(self.family, 3),
            "worst": self.worst.feature.name if self.worst else None,
            "features": [_feature_json(f) for f in sorted(self.features, key=importance, reverse=True)],
            "spectra": {
                "hz": list(CENTERS_HZ),
                "training": _spectrum_json(self.spectra[0]),
                "dev": _spectrum_json(self.spectra[1]),
            },
            "histogram": None if self.histogram is None else [list(side) for side in self.histogram],
            "most_synthetic": [_clip_json(clip) for clip in self.synthetic],
            "most_uncovered": [_clip_json(clip) for clip in self.uncovered],
        }


def farthest(features: Sequence[FeatureComparison]) -> FeatureComparison | None:
    """The most important difference, the first of equal ones; None if no feature was compared."""
    return max((f for f in features if f.w1 is not None), key=importance, default=None)


def importance(found: FeatureComparison) -> tuple[float, bool, float]:
    """By what differences are ordered: the excess, but of those that are all very large the main features first.

    From three times what matters on, a larger excess is no worse: a low cut-off that is an octave off matters less
    than a level that is 20 dB off. Both the number and the choice of features are our own convention.
    """
    return min(found.excess, _VERY_LARGE), found.feature.name in _MAIN, found.excess


# --- as JSON ----------------------------------------------------------------------------------------------------------


def _share(value: float | None) -> str:
    return "not measured" if value is None else f"{100 * value:.0f} %"


def _shown(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.2f}"


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _side_json(side: Side) -> dict[str, Any]:
    return {"name": side.name, "clips": side.clips, "groups": side.groups}


def _spectrum_json(found: Spectrum) -> dict[str, Any]:
    return {"mean": [_rounded(v, 2) for v in found.mean], "sd": [_rounded(v, 2) for v in found.sd]}


def _quantiles_json(feature: Feature, values: tuple[float, ...] | None) -> list[float] | None:
    """To a tenth of a dB, a Hz, a hundredth of a second, a thousandth of a share; clipping to a millionth."""
    digits = 6 if feature.scale == "logit" else {"Hz": 0, "s": 2, "": 3}.get(feature.unit, 1)
    return None if values is None else [round(value, digits) + 0.0 for value in values]


def _feature_json(found: FeatureComparison) -> dict[str, Any]:
    feature = found.feature
    return {
        "name": feature.name,
        "shown": feature.shown,
        "unit": feature.unit,
        "scale": feature.scale,
        "scale_unit": scale_unit(feature),
        "tolerance": round(feature.tolerance, 4),
        "training": _quantiles_json(feature, found.training),
        "dev": _quantiles_json(feature, found.dev),
        "knots": None if found.knots is None else [_quantiles_json(feature, side) for side in found.knots],
        "measured": [round(share, 3) for share in found.measured],
        "shift": _rounded(found.shift, 4),
        "w1": _rounded(found.w1, 4),
        "null95": _rounded(found.null95, 4),
        "w1_shown": None if found.w1 is None else amount(feature, found.w1),
        "null95_shown": None if found.null95 is None else amount(feature, found.null95),
        "excess": round(found.excess, 3),
        "p": _rounded(found.p, 4),
        "verdict": found.verdict,
        "verdict_shown": found.verdict_shown,
        "likely": found.likely,
        "size": found.size,
        "words": found.words,
    }


def _clip_json(clip: ClipOfNote) -> dict[str, Any]:
    return {
        "index": clip.index,
        "path": clip.path,
        "group": clip.group,
        "score": round(clip.score, 3),
        "odd": clip.odd,
    }
