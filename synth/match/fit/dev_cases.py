"""Cases for a recipe from the clips of a dev set: values, weights, jitter, tails (science.md 3.1, steps 5 and 6)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synth.dsp.analysis.bands import EDGES_HZ
from synth.lists.cases import BAND_COLUMNS, COLUMNS, RUMBLE_COLUMNS, Case
from synth.match.measure.features import BAND_NAMES, RUMBLE_NAMES, FeatureValues
from synth.match.measure.profile import ClipProfile
from synth.recipe.model import Jitter

Numbers = npt.NDArray[np.float64]

KNOTS = 25
"""Quantiles in a distribution without cases: at n = 100 the median itself is known to 0.12 SD (science.md 3.1)."""
BAND_JITTER_DB, LEVEL_JITTER_DB, LEAST_SNR_JITTER_DB = 0.5, 1.0, 1.0
EDGE_DB = 3.0
"""The condition `edge` reaches this far beyond the tails of dev."""
_HEAVIEST = 5.0  # times the mean weight
_MOSTLY = 0.5
_BELOW_BAND = sum(edge < 199 for edge in EDGES_HZ[1:])  # noise bands that end below the band of the SNR
_DISTRUSTED = ("trimmed", "non_stationary")


@dataclass(frozen=True, slots=True)
class Trust:
    """What of a dev set can be believed: shares of its clips that are flagged, and whether its SNR and the colour of
    its noise are matched at all."""

    non_stationary: float
    trimmed: float
    without_snr: float

    @property
    def snr(self) -> bool:
        return max(self.non_stationary, self.trimmed, self.without_snr) <= _MOSTLY

    @property
    def spectrum(self) -> bool:
        """The spectrum of what is mostly events is that of the gaps between them."""
        return self.non_stationary <= _MOSTLY


def trust_in(clips: Sequence[ClipProfile]) -> Trust:
    """Shares of the clips with the flags `non_stationary` and `trimmed`, and without an SNR that can be used."""
    count = max(1, len(clips))
    return Trust(
        non_stationary=sum("non_stationary" in clip.flags for clip in clips) / count,
        trimmed=sum("trimmed" in clip.flags for clip in clips) / count,
        without_snr=sum(snr_of(clip) is None for clip in clips) / count,
    )


def snr_of(clip: ClipProfile) -> float | None:
    """The SNR in dB where it is known and not flagged."""
    value = clip.features.get("snr_db")
    if value is None or not math.isfinite(value) or any(flag in _DISTRUSTED for flag in clip.flags):
        return None
    return float(value)


def told_snr(clip: ClipProfile) -> float | None:
    """The SNR in dB as measured, flagged or not."""
    value = clip.features.get("snr_db")
    return float(value) if value is not None and math.isfinite(value) else None


def balanced_weights(groups: Sequence[str]) -> Numbers:
    """A weight a clip, shape (n,), sum 1: groups count alike, but no clip more than 5 times the mean weight."""
    sizes = Counter(groups)
    weights = np.array([1 / sizes[group] for group in groups], np.float64)
    weights /= weights.sum()
    limit = _HEAVIEST / len(groups)
    for _ in range(50):  # what is taken from the heaviest goes to the others, which may pass the limit in turn
        heavy = weights >= limit - 1e-12
        rest = weights[~heavy].sum()
        weights[heavy] = limit
        if rest <= 0 or abs(weights.sum() - 1) < 1e-9:
            break
        weights[~heavy] *= (1 - limit * heavy.sum()) / rest
    return np.asarray(weights / weights.sum())


def weighted_quantiles(values: npt.ArrayLike, weights: npt.ArrayLike, probabilities: npt.ArrayLike) -> Numbers:
    """Quantiles of values of which each stands for its weight; linear between the middles of their shares."""
    numbers, shares = np.asarray(values, np.float64), np.asarray(weights, np.float64)
    order = np.argsort(numbers, kind="stable")
    sums = np.cumsum(shares[order])
    return np.asarray(
        np.interp(np.asarray(probabilities, np.float64), (sums - shares[order] / 2) / sums[-1], numbers[order])
    )


def jitter_sd(values: Sequence[float], *, uncertainty: float, least: float) -> float:
    """Kernel width for values that were measured with an error of SD `uncertainty` already, at least 0.5.

    Silverman's rule, 0.9 min(sd, IQR / 1.34) n**-0.2, at least `least`; less the variance that the error brought in.
    """
    if len(values) < 2:
        return least
    numbers = np.asarray(values, np.float64)
    low, high = np.quantile(numbers, [0.25, 0.75])
    width = max(0.9 * min(float(numbers.std()), float(high - low) / 1.34) * len(numbers) ** -0.2, least)
    return math.sqrt(max(0.25, width**2 - uncertainty**2))


def clip_level(features: FeatureValues) -> float | None:
    """Level of the whole clip in dBFS (unweighted RMS): as measured where its profile has `level_dbfs`, else estimated.

    The estimate is speech in its share of the time, and noise. Both are levels within the SNR's band (from 200 Hz on);
    what the noise has below it, down to 60 Hz, is told by its colour. Speech below 200 Hz and noise below 60 Hz are
    missed.
    """
    known = features.get("level_dbfs")
    if known is not None:
        return float(known)
    speech, noise = features.get("speech_dbfs"), features.get("noise_dbfs")
    if speech is None or noise is None:
        return None
    active = 1 - (features.get("nonspeech_share") or 0.0)
    whole = noise + _below_band_db(colour_of(features) or ())
    return 10 * math.log10(max(active, 0.05) * 10 ** (speech / 10) + 10 ** (whole / 10))


def _below_band_db(colour: Sequence[float]) -> float:
    """By how many dB noise is louder with its bands below 200 Hz than without them."""
    power = np.power(10.0, np.asarray(colour, np.float64) / 10)
    inside = power[_BELOW_BAND:].sum()
    return 10 * math.log10(power.sum() / inside) if inside > 0 else 0.0


def colour_of(features: FeatureValues) -> tuple[float, ...] | None:
    """The noise bands that were measured, from the lowest on, without their mean; None where the lowest was not."""
    known: list[float] = []
    for name in BAND_NAMES:
        value = features.get(name)
        if value is None:
            break
        known.append(float(value))
    mean = sum(known) / max(1, len(known))
    return tuple(value - mean for value in known) if known else None


def rumble_of(features: FeatureValues) -> tuple[float, ...] | None:
    """What lies below the bands, against their mean; None where it was not measured."""
    known = [float(v) for name in RUMBLE_NAMES if (v := features.get(name)) is not None]
    return tuple(known) if len(known) == len(RUMBLE_NAMES) else None


def steady_wavering(clip: ClipProfile) -> float | None:
    """SD in dB of the 100-ms levels of a clip's noise; None where it is non_stationary, or was not measured."""
    value = None if "non_stationary" in clip.flags else clip.features.get("fluctuation_db")
    return None if value is None else min(float(value), 30.0)


def whole_colours(clips: Sequence[ClipProfile]) -> list[tuple[float, ...] | None]:
    """Bands and rumble of the noise of each clip, side by side; None where it is not steady enough to be known.

    All that are known are of the same kind: where any clip has its rumble, one without (shorter than its measurement)
    is not known; where none has (an older profile) they are bands alone.
    """
    rumbles = [rumble_of(clip.features) for clip in clips]
    wanted = any(rumble is not None for rumble in rumbles)
    found: list[tuple[float, ...] | None] = []
    for clip, rumble in zip(clips, rumbles, strict=True):
        bands = None if "non_stationary" in clip.flags or (wanted and rumble is None) else colour_of(clip.features)
        found.append(None if bands is None else (*bands, *(rumble or ())))
    return found


def cases_of(clips: Sequence[ClipProfile], *, trust: Trust) -> list[Case]:
    """A case a clip: weight, SNR, level, colour; what is not to be trusted is left out of it.

    A clip whose colour is not known gets that of another one: of its group, if one there is known, and as loud as it
    if possible. Noise that nobody equalised would give it away.
    """
    weights = balanced_weights([clip.group for clip in clips])
    colours = whole_colours(clips) if trust.spectrum else [None] * len(clips)
    known = [clip for clip, colour in zip(clips, colours, strict=True) if colour is not None]
    like = [_like(clip, known) if colour is None else clip for clip, colour in zip(clips, colours, strict=True)]
    return [_case(clip, float(w) * len(clips), trust, one) for clip, w, one in zip(clips, weights, like, strict=True)]


def _case(clip: ClipProfile, weight: float, trust: Trust, like: ClipProfile | None) -> Case:
    """`like`: the clip whose noise it is given."""
    level = clip_level(clip.features)
    return Case(
        weight=weight,
        snr_db=snr_of(clip) if trust.snr else None,
        level_dbfs=None if level is None else min(max(level, -90.0), 0.0),
        bands_db=colour_of(like.features) if like else None,
        rumble_db=rumble_of(like.features) if like else None,
        fluctuation_db=steady_wavering(like) if like else None,
    )


def _like(clip: ClipProfile, known: Sequence[ClipProfile]) -> ClipProfile | None:
    """The one of those whose colour is known that stands in for the clip; None where there is none."""
    near = [one for one in known if one.group == clip.group] or known
    loud = clip.features.get("noise_dbfs") or 0.0
    return min(near, key=lambda one: (abs((one.features.get("noise_dbfs") or 0.0) - loud), one.path), default=None)


def jitter_of(cases: Sequence[Case], *, uncertainty: float) -> Jitter:
    """Jitter around the cases; `uncertainty` is the SD of the error of their SNR, in dB.

    Level and bands: Silverman's rule, at most 1 and 0.5 dB (science.md has 1 and 2; around a dev set of one car
    they would be wider than all of it, and a classifier sees it).
    """
    known = [case.snr_db for case in cases if case.snr_db is not None]
    levels = [case.level_dbfs for case in cases if case.level_dbfs is not None]
    colours = [case.bands_db for case in cases if case.bands_db is not None]
    snr = jitter_sd(known, uncertainty=uncertainty, least=LEAST_SNR_JITTER_DB) if known else 0.0
    level = min(LEVEL_JITTER_DB, jitter_sd(levels, uncertainty=0.0, least=0.0)) if levels else 0.0
    size = min((len(colour) for colour in colours), default=0)
    widths = [jitter_sd([colour[b] for colour in colours], uncertainty=0.0, least=0.0) for b in range(size)]
    bands = min(BAND_JITTER_DB, float(np.median(widths))) if widths else 0.0
    return Jitter(snr_db=round(snr, 2), level_dbfs=round(level, 2), bands_db=round(bands, 2))


def knots_of(values: Sequence[float], weights: Sequence[float], *, jitter: float = 0.0) -> tuple[float, ...]:
    """25 quantiles from 0 to 1 that rise; `jitter` widens them as that of cases would (about their median)."""
    numbers = np.asarray(values, np.float64)
    spread = float(numbers.std())
    if jitter and spread:
        middle = float(weighted_quantiles(numbers, weights, 0.5))
        numbers = middle + (numbers - middle) * math.hypot(spread, jitter) / spread
    knots = weighted_quantiles(numbers, weights, np.linspace(0, 1, KNOTS))
    return tuple(np.round(np.maximum.accumulate(knots), 2).tolist())


def tails_of(values: Sequence[float], weights: Sequence[float]) -> tuple[float, ...]:
    """Four numbers for the quantiles 0, 0.45, 0.55, 1 of the condition `edge`: the tails of dev and 3 dB beyond."""
    low, lower, upper, high = weighted_quantiles(values, weights, [0.02, 0.1, 0.9, 0.98]).tolist()
    return (round(low - EDGE_DB, 2), round(lower, 2), round(upper, 2), round(high + EDGE_DB, 2))


def case_text(cases: Sequence[Case]) -> str:
    """The cases as CSV (catalog/case_list.py), without columns that no case fills. No name of a clip is in it."""
    rows = [_cells(case) for case in cases]
    filled = [name for name in COLUMNS if any(row.get(name) for row in rows)]
    lines = [",".join(filled), *(",".join(row.get(name, "") for name in filled) for row in rows)]
    return "\n".join(lines) + "\n"


def _cells(case: Case) -> dict[str, str]:
    said: dict[str, float | None] = {name: getattr(case, name) for name in COLUMNS if hasattr(case, name)}
    said.update(zip(BAND_COLUMNS, case.bands_db or (), strict=False))
    said.update(zip(RUMBLE_COLUMNS, case.rumble_db or (), strict=False))
    return {
        name: f"{round(value, 3):g}" if abs(value) < 1000 else f"{value:.0f}"
        for name, value in said.items()
        if value is not None
    }
