"""Band limits, margins and wavering of cases: what can be compared once simulated noise is as that of dev."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from synth.catalog.case_list import Case
from synth.dsp.noise_bands import CENTRES_HZ
from synth.match.cases import Numbers
from synth.match.features import BAND_NAMES
from synth.match.profile import ClipProfile
from synth.recipe.model import Jitter

_NARROWER_OCTAVES, _NARROWER_DB = 0.2, 6.0
_LOWEST_CORNER_HZ = 1500.0
_MARGIN_SHARE = 0.05
_MIC_ORDER, _MIC_MOST_DB = 4, 20.0  # the order is that of the microphone that plan/conditions.py makes of a case


def median_of(clips: Sequence[ClipProfile], name: str) -> float | None:
    """The median of a feature in its unit, over the clips that have it."""
    values = [v for clip in clips if (v := clip.features.get(name)) is not None and math.isfinite(v)]
    return float(np.median(values)) if values else None


def limits_of(dev: Sequence[ClipProfile], before: Sequence[ClipProfile]) -> tuple[bool, bool]:
    """Whether the band of dev is clearly narrower, (below, above), than that of the recipe's clips."""
    low, our_low = median_of(dev, "low_hz"), median_of(before, "low_hz")
    high, our_high = median_of(dev, "high_hz"), median_of(before, "high_hz")
    below = bool(low and our_low and low > 120 and math.log2(low / our_low) > 2 * _NARROWER_OCTAVES)
    above = bool(high and our_high and math.log2(our_high / high) > _NARROWER_OCTAVES)
    return below, above


def upper_corner(
    dev: Sequence[ClipProfile], heard: Sequence[ClipProfile], *, sample_rate: int, now: float | None = None
) -> float | None:
    """The limit (-3 dB) of the microphone that takes from the upper bands what simulated clips have more there.

    The noise has dev's colour by then, so what is more is speech, or the noise of its own recording. From the loss of a
    digital Butterworth filter of fourth order at a band's centre; the least of the bands from the top down with 6 dB
    too much. `now`: the limit that the simulated clips have already; what is too much comes on top of its loss (the
    excess is bounded by what else is heard up there, so one step may not be enough). None where nothing is too much.
    """
    corners = []
    for name, hz in zip(reversed(BAND_NAMES), reversed(CENTRES_HZ), strict=True):
        theirs, ours = median_of(dev, name), median_of(heard, name)
        if theirs is None or ours is None or hz >= 0.45 * sample_rate:
            continue
        if ours - theirs <= _NARROWER_DB or hz < _LOWEST_CORNER_HZ:
            break
        loss = 10 ** ((ours - theirs + (_loss_above(hz, now, sample_rate) if now else 0.0)) / 10)
        warped = _warped(hz, sample_rate) / (loss - 1) ** (1 / (2 * _MIC_ORDER))
        corners.append(sample_rate / math.pi * math.atan(warped))
    return max(min(corners), _LOWEST_CORNER_HZ) if corners else None


def with_limits(case: Case, clip: ClipProfile, limits: tuple[bool, bool], corner: float | None) -> Case:
    """The case with the limits that its clip has; `corner` is the upper one of all cases."""
    low, high = clip.features.get("low_hz"), clip.features.get("high_hz")
    upper = corner if corner is not None else max(high, 1000.0) if limits[1] and high else case.high_hz
    return replace(case, low_hz=min(low, 2000.0) if limits[0] and low else case.low_hz, high_hz=upper)


def _warped(hz: float, sample_rate: int) -> float:
    """Frequencies of a digital filter lie as those of an analogue one do after this (bilinear transform)."""
    return math.tan(math.pi * min(hz, 0.49 * sample_rate) / sample_rate)


def _loss_above(hz: float, limit: float, sample_rate: int) -> float:
    """Loss in dB of the microphone of a case, whose upper limit this is."""
    if limit >= 0.5 * sample_rate:
        return 0.0
    return 10 * math.log10(1 + (_warped(hz, sample_rate) / _warped(limit, sample_rate)) ** (2 * _MIC_ORDER))


def _loss_below(hz: float, limit: float, sample_rate: int) -> float:
    return 10 * math.log10(1 + (_warped(limit, sample_rate) / _warped(hz, sample_rate)) ** (2 * _MIC_ORDER))


def _lift(case: Case, count: int, sample_rate: int) -> Numbers:
    """What the microphone of a case takes from each band, dB, at most 20."""
    below = [_loss_below(hz, case.low_hz, sample_rate) if case.low_hz else 0.0 for hz in CENTRES_HZ[:count]]
    above = [_loss_above(hz, case.high_hz, sample_rate) if case.high_hz else 0.0 for hz in CENTRES_HZ[:count]]
    return np.minimum(np.add(below, above), _MIC_MOST_DB)


def through_microphone(case: Case, before: Case, *, sample_rate: int) -> Case:
    """The case with the colour that noise must have before its microphone to sound behind it as that of `before` (the
    same case with other limits, or none) does behind its own."""
    if case.bands_db is None:
        return case
    count = len(case.bands_db)
    bands = np.array(case.bands_db) + _lift(case, count, sample_rate) - _lift(before, count, sample_rate)
    return replace(case, bands_db=tuple((bands - bands.mean()).tolist()))


def with_margins(cases: Sequence[Case], dev: Sequence[ClipProfile], before: Sequence[ClipProfile]) -> list[Case]:
    """Margins from the share without speech, where dev clearly has another than the recipe's clips.

    The pauses inside the speech are taken to be as those of the recipe's speech; both margins are taken to be alike.
    """
    pairs = [(clip.features.get("nonspeech_share"), clip.features.get("duration_s"), clip.truth) for clip in before]
    pauses = [
        (share * length - truth["margins_s"]) / (length - truth["margins_s"])
        for share, length, truth in pairs
        if share is not None and length and truth and length > truth["margins_s"]
    ]
    share, ours = median_of(dev, "nonspeech_share"), median_of(before, "nonspeech_share")
    if not pauses or share is None or ours is None or abs(share - ours) <= _MARGIN_SHARE:
        return list(cases)
    pause = min(max(float(np.median(pauses)), 0.0), 0.9)
    return [_with_margin(case, clip, pause) for case, clip in zip(cases, dev, strict=True)]


def _with_margin(case: Case, clip: ClipProfile, pause: float) -> Case:
    share, length = clip.features.get("nonspeech_share"), clip.features.get("duration_s")
    if share is None or length is None:
        return case
    each = round(min(max(length * (share - pause) / (1 - pause) / 2, 0.0), 60.0), 3)
    return replace(case, before_s=each, after_s=each)


def wavering(jitter: Jitter, clips: Sequence[ClipProfile]) -> Jitter:
    """Noise that wavers by 3 to 5 dB widens the SNR by as much (science.md 1.3)."""
    sd = median_of(clips, "level_sd_db")
    if sd is None or sd <= 3 or not jitter.snr_db:
        return jitter
    return replace(jitter, snr_db=round(math.hypot(jitter.snr_db, min(sd, 5.0)), 2))


def refined_notes(limits: tuple[bool, bool], cases: Sequence[Case]) -> list[str]:
    """What was taken over, in words."""
    notes = []
    if any(limits):
        ends = " and ".join(end for end, there in zip(("lower", "upper"), limits, strict=True) if there)
        notes.append(f"the {ends} end of dev's band is taken over as a microphone of each case")
    if any(case.before_s is not None for case in cases):
        notes.append("the margins of the cases follow the share without speech of dev")
    return notes
