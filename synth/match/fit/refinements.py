"""Band limits, margins and wavering of cases: what can be compared once simulated noise is as that of dev."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from synth.dsp.analysis.bands import CENTRES_HZ, RUMBLE_CENTRES_HZ
from synth.lists.cases import Case
from synth.match.fit.dev_cases import Numbers
from synth.match.measure.features import BAND_NAMES, RUMBLE_NAMES
from synth.match.measure.profile import ClipProfile
from synth.recipe.model import Jitter

_NARROWER_OCTAVES, _NARROWER_DB = 0.2, 6.0
_LOUD_RUMBLE, _RUMBLE_NARROWER_DB = 0.9, 3.0  # speech has little there: what is too much shows weakly, round by round
_LOWEST_CORNER_HZ, _HIGHEST_LOW_HZ = 1500.0, 400.0
_MARGIN_SHARE = 0.05
_MIC_ORDER = 4  # that of the microphone that plan/conditions.py makes of a case
_MIC_MOST_DB, _RUMBLE_MOST_DB = 20.0, 40.0


def median_of(clips: Sequence[ClipProfile], name: str) -> float | None:
    """The median of a feature in its unit, over the clips that have it."""
    return _quantile_of(clips, name, 0.5)


def _quantile_of(clips: Sequence[ClipProfile], name: str, probability: float) -> float | None:
    values = [v for clip in clips if (v := clip.features.get(name)) is not None and math.isfinite(v)]
    return float(np.quantile(values, probability)) if values else None


def narrower(dev: Sequence[ClipProfile], before: Sequence[ClipProfile]) -> bool:
    """Whether the upper end of dev's band is clearly lower than that of the recipe's clips."""
    high, our_high = median_of(dev, "high_hz"), median_of(before, "high_hz")
    return bool(high and our_high and math.log2(our_high / high) > _NARROWER_OCTAVES)


def lower_corner(
    dev: Sequence[ClipProfile], heard: Sequence[ClipProfile], *, sample_rate: int, now: float | None = None
) -> float | None:
    """The lower limit (-3 dB) of the microphone, from what simulated clips have too much of in the rumble and the
    lowest bands: as `upper_corner`, from the bottom up, of the tenth of the clips that has most of it. The noise's
    rumble is that of dev already; what is more comes with the recordings of speech, and not with all of them."""
    corners = []
    names, centres = (*RUMBLE_NAMES, *BAND_NAMES), (*RUMBLE_CENTRES_HZ, *CENTRES_HZ)
    for name, hz in zip(names, centres, strict=True):
        theirs, ours = (_quantile_of(side, name, _LOUD_RUMBLE) for side in (dev, heard))
        if theirs is None or ours is None:
            continue
        if hz > _HIGHEST_LOW_HZ:
            break
        if ours - theirs <= (_RUMBLE_NARROWER_DB if name in RUMBLE_NAMES else _NARROWER_DB):
            continue
        loss = 10 ** ((ours - theirs + (_loss_below(hz, now, sample_rate) if now else 0.0)) / 10)
        warped = _warped(hz, sample_rate) * (loss - 1) ** (1 / (2 * _MIC_ORDER))
        corners.append(sample_rate / math.pi * math.atan(warped))
    return min(max(corners), _HIGHEST_LOW_HZ) if corners else None


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


def with_limits(case: Case, clip: ClipProfile, *, low: float | None, high: float | None, own_high: bool) -> Case:
    """The case with the limits of the microphone of all cases; `own_high`: the upper one as its clip has it."""
    own = clip.features.get("high_hz") if own_high else None
    upper = high if high is not None else max(own, 1000.0) if own else case.high_hz
    return replace(case, low_hz=case.low_hz if low is None else low, high_hz=upper)


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


def _lift(case: Case, centres_hz: Sequence[float], most_db: float, sample_rate: int) -> Numbers:
    """What the microphone of a case takes at these frequencies, dB, at most so much."""
    below = [_loss_below(hz, case.low_hz, sample_rate) if case.low_hz else 0.0 for hz in centres_hz]
    above = [_loss_above(hz, case.high_hz, sample_rate) if case.high_hz else 0.0 for hz in centres_hz]
    return np.minimum(np.add(below, above), most_db)


def through_microphone(case: Case, before: Case, *, sample_rate: int) -> Case:
    """The case with the colour that noise must have before its microphone to sound behind it as that of `before` (the
    same case with other limits, or none) does behind its own."""
    if case.bands_db is None:
        return case

    def lift(centres_hz: Sequence[float], most_db: float) -> Numbers:
        return _lift(case, centres_hz, most_db, sample_rate) - _lift(before, centres_hz, most_db, sample_rate)

    bands = np.array(case.bands_db) + lift(CENTRES_HZ[: len(case.bands_db)], _MIC_MOST_DB)
    rumble = None
    if case.rumble_db is not None:
        rumble = tuple((case.rumble_db + lift(RUMBLE_CENTRES_HZ, _RUMBLE_MOST_DB) - bands.mean()).tolist())
    return replace(case, bands_db=tuple((bands - bands.mean()).tolist()), rumble_db=rumble)


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
    sd = median_of(clips, "fluctuation_db")
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
