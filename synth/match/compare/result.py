"""The comparison of two sets: its numbers, its verdict, and both as sentences and as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from synth.dsp.analysis.bands import CENTERS_HZ
from synth.errors import ThresholdNotMet
from synth.match.compare.advice import Verdict, amount, reason_for_no_verdict, scale_unit
from synth.match.measure.features import BAND_NAMES, Feature

KNOTS = tuple(round(0.02 + 0.04 * k, 2) for k in range(25))
"""Probabilities at which quantiles are compared."""
LIKELY = "likely, not proven"
"""The mark of a clear difference between sets that are too small for a verdict."""

_VERY_LARGE = 3.0  # excess
_MAIN = frozenset(("snr_db", "speech_dbfs", "noise_dbfs", *BAND_NAMES, "fluctuation_db", "high_hz"))
# What the AUC may be above that of halves of dev, and what training must cover of dev. They are conventions of this
# project (docs/science.md, "Classifier test" and "Coverage").
_GREEN_AUC, _AMBER_AUC, _GREEN_COVERAGE = 0.05, 0.15, 0.9
_GREEN_SD, _AMBER_SD = 1.64, 3.0  # how far above it chance gets an AUC: 5 % and 0.1 % of equal sets


@dataclass(frozen=True, slots=True)
class SetSize:
    """How much of a set was compared."""

    name: str
    clips: int
    groups: int

    @property
    def too_few(self) -> str | None:
        """Why the set is too small for a verdict; None if it is not."""
        return reason_for_no_verdict(self.clips, self.groups)


@dataclass(frozen=True, slots=True)
class FeatureComparison:
    """Training against dev in one feature. None: not measured, or too few clips."""

    feature: Feature
    training: tuple[float, ...] | None  # P10, P50, P90, in the unit of the feature
    dev: tuple[float, ...] | None  # the same of dev
    measured: tuple[float, float]  # share of the clips of training and of dev that have the feature
    words: str  # what differs and what to change
    knots: tuple[tuple[float, ...], tuple[float, ...]] | None = None  # quantiles at KNOTS, in the unit of the feature
    shift: float | None = None  # median difference of the quantiles, on the scale of comparison
    w1: float | None = None  # Wasserstein-1 distance, on the scale of comparison
    null95: float | None = None  # what 95 % of equal sets stay below
    p: float | None = None  # by permutation of the groups
    verdict: Verdict | None = None
    likely: bool = False  # too few clips for a verdict, but it would be red
    size: str = ""  # how large and which way, in words

    @property
    def verdict_shown(self) -> str:
        """The verdict for people."""
        return self.verdict or (LIKELY if self.likely else "none")

    @property
    def excess(self) -> float:
        """W1 as a multiple of what matters, which is the larger of tolerance and null95; 0 if there is none."""
        if self.w1 is None:
            return 0.0
        return self.w1 / max(self.feature.tolerance, self.null95 or 0.0)


@dataclass(frozen=True, slots=True)
class NoiseSpectrum:
    """The noise of a set, in dB about the mean of the bands; None if a band was not measured."""

    mean: tuple[float | None, ...]  # of each band
    sd: tuple[float | None, ...]  # of each band


@dataclass(frozen=True, slots=True)
class NotableClip:
    """A clip to listen to."""

    index: int  # in its profile
    path: str
    group: str
    score: float  # how synthetic it looks (0 to 1), or its distance from training (above 1: not covered)
    odd: str  # the features in which it is farthest from the opposite set


@dataclass(frozen=True, slots=True)
class Comparison:
    """Training against dev. None: there are too few clips or groups."""

    training: SetSize
    dev: SetSize
    clean: SetSize | None
    auc: float | None  # of a classifier between training and dev: 0.5 cannot tell them apart, 1.0 always can
    auc_by: Mapping[str, float]  # by classifier
    auc_halves: tuple[float, ...]  # of halves of dev
    auc_clean: float | None  # of the clean set against dev
    coverage: float | None  # share of dev that training covers
    coverage_dev: float | None  # share of one half of dev that the second half covers
    family: float  # factor on null95 that equal sets stay below in all features
    features: tuple[FeatureComparison, ...]
    spectra: tuple[NoiseSpectrum, NoiseSpectrum]  # of training and dev
    histogram: tuple[tuple[float, ...], tuple[float, ...]] | None  # of the score: shares of training, of dev
    synthetic: tuple[NotableClip, ...]  # clips of training that are told from dev most clearly
    uncovered: tuple[NotableClip, ...]  # clips of dev that are farthest from training
    notes: tuple[str, ...]

    @property
    def auc_dev(self) -> float | None:
        """The mean AUC of halves of dev against each other."""
        return float(np.mean(self.auc_halves)) if self.auc_halves else None

    @property
    def worst(self) -> FeatureComparison | None:
        """The most important difference; None if no feature was compared."""
        return farthest(self.features)

    @property
    def limits(self) -> tuple[float, float] | None:
        """(AUC up to which the verdict is green, AUC up to which it is amber).

        They are that of halves of dev (at least 0.5) plus 0.05 and 0.15, or plus what chance reaches: 1.64 and 3 SD of
        the halvings, divided by the square root of 2, because halves have half the clips.
        """
        if self.auc_dev is None:
            return None
        base, sd = max(self.auc_dev, 0.5), float(np.std(self.auc_halves)) / math.sqrt(2)
        return base + max(_GREEN_AUC, _GREEN_SD * sd), base + max(_AMBER_AUC, _AMBER_SD * sd)

    @property
    def verdict(self) -> Verdict | None:
        """The traffic light; None if a set is too small for one."""
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
        """Three sentences: the classifier, the coverage, the largest difference."""
        parts = ["No classifier test was possible: a set has too few groups."]
        if self.auc is not None:
            beside = [f"two halves of dev: {_share(self.auc_dev)}", f"clean speech: {_share(self.auc_clean)}"]
            references = "; ".join(["50 % = same", *beside[: 2 if self.clean else 1]])
            parts = [f"A classifier tells training from dev in {_share(self.auc)} of pairs ({references})."]
        if self.coverage is not None:
            parts.append(f"Training covers {_share(self.coverage)} of dev.")
        worst = self.worst
        if worst is None or worst.excess <= 1:
            parts.append("No feature differs by more than chance or by more than matters.")
        else:
            doubt = "" if worst.verdict else " (may be chance)"
            parts.append(f"Largest difference: {worst.size}{f' ({LIKELY})' if worst.likely else doubt}.")
        return " ".join(parts)

    @property
    def advice(self) -> tuple[str, ...]:
        """What to change, the most important first; with few clips, what to change if the difference is confirmed."""
        apart = [f for f in self.features if f.likely or f.verdict in ("red", "amber")]
        return tuple(f.words for f in sorted(apart, key=importance, reverse=True))

    @property
    def explained(self) -> tuple[str, ...]:
        """The verdict and its limits, in sentences."""
        sizes = (("training", self.training), ("dev", self.dev))
        if too_few := [f"{name}: {size.too_few}" for name, size in sizes if size.too_few]:
            lines = [f"no verdict: {line}" for line in too_few]
            if any(f.likely for f in self.features):
                lines.append(f"{LIKELY}: above twice what matters and above chance, but of too few clips or groups")
            return tuple(lines)
        limits = self.limits
        if self.auc is None or limits is None:
            return ("no verdict: no classifier test was possible, a set has too few groups",)
        return (
            f"{self.verdict}, at {self.training.clips} training clips of {self.training.groups} groups and "
            f"{self.dev.clips} dev clips of {self.dev.groups}: AUC is green up to {limits[0]:.2f} and amber up to "
            f"{limits[1]:.2f} here, coverage is green from {_GREEN_COVERAGE:.1f} (halves of dev cover each other by "
            f"{_shown(self.coverage_dev)}); these cut-offs are a convention",
        )

    def check(self, fail_above: float | None) -> None:
        """Raise ThresholdNotMet if the AUC is above this value, or was not measured."""
        if fail_above is None:
            return
        if self.auc is None:
            raise ThresholdNotMet(f"there is no AUC to compare with {fail_above:g}: " + "; ".join(self.explained))
        if self.auc > fail_above:
            raise ThresholdNotMet(f"mismatch AUC {self.auc:.3f} is above {fail_above:g}")

    def to_json(self) -> dict[str, Any]:
        """As JSON values, rounded as they are shown; the page and the text are made from these."""
        limits = self.limits
        return {
            "headline": self.headline,
            "verdict": self.verdict,
            "explained": list(self.explained),
            "advice": list(self.advice),
            "notes": list(self.notes),
            "training": asdict(self.training),
            "dev": asdict(self.dev),
            "clean": asdict(self.clean) if self.clean else None,
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
                **{
                    name: {"mean": [_rounded(v, 2) for v in each.mean], "sd": [_rounded(v, 2) for v in each.sd]}
                    for name, each in zip(("training", "dev"), self.spectra, strict=True)
                },
            },
            "histogram": None if self.histogram is None else [list(shares) for shares in self.histogram],
            "most_synthetic": [{**asdict(clip), "score": round(clip.score, 3)} for clip in self.synthetic],
            "most_uncovered": [{**asdict(clip), "score": round(clip.score, 3)} for clip in self.uncovered],
        }


def farthest(features: Sequence[FeatureComparison]) -> FeatureComparison | None:
    """The most important difference, the first of equal ones; None if no feature was compared."""
    compared = [f for f in features if f.w1 is not None]
    return max(compared, key=importance, default=None)


def importance(difference: FeatureComparison) -> tuple[float, bool, float]:
    """The key by which differences are sorted: the excess, but among very large ones the main features first.

    From three times what matters on, a larger excess is no worse: a low cut-off that is an octave off matters less
    than a level that is 20 dB off.
    """
    is_main = difference.feature.name in _MAIN
    return min(difference.excess, _VERY_LARGE), is_main, difference.excess


def _share(value: float | None) -> str:
    return "not measured" if value is None else f"{100 * value:.0f} %"


def _shown(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.2f}"


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _quantiles_json(feature: Feature, values: tuple[float, ...] | None) -> list[float] | None:
    """Rounded to 0.1 dB, 1 Hz, 0.01 s, or 0.001 of a share (clipping: 0.000001)."""
    digits = 6 if feature.scale == "logit" else {"Hz": 0, "s": 2, "": 3}.get(feature.unit, 1)
    return None if values is None else [round(value, digits) + 0.0 for value in values]


def _feature_json(comparison: FeatureComparison) -> dict[str, Any]:
    feature = comparison.feature
    return {
        "name": feature.name,
        "shown": feature.shown,
        "unit": feature.unit,
        "scale": feature.scale,
        "scale_unit": scale_unit(feature),
        "tolerance": round(feature.tolerance, 4),
        "training": _quantiles_json(feature, comparison.training),
        "dev": _quantiles_json(feature, comparison.dev),
        "knots": None if comparison.knots is None else [_quantiles_json(feature, side) for side in comparison.knots],
        "measured": [round(share, 3) for share in comparison.measured],
        "shift": _rounded(comparison.shift, 4),
        "w1": _rounded(comparison.w1, 4),
        "null95": _rounded(comparison.null95, 4),
        "w1_shown": None if comparison.w1 is None else amount(feature, comparison.w1),
        "null95_shown": None if comparison.null95 is None else amount(feature, comparison.null95),
        "excess": round(comparison.excess, 3),
        "p": _rounded(comparison.p, 4),
        "verdict": comparison.verdict,
        "verdict_shown": comparison.verdict_shown,
        "likely": comparison.likely,
        "size": comparison.size,
        "words": comparison.words,
    }
