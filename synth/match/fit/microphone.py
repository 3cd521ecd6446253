"""Band limits of cases: the microphone that makes simulated clips as narrow as dev.

They are compared once simulated noise has the spectrum of dev: what the clips then have too much at the ends of the
band is speech, or noise of its recording, and a microphone removes both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from synth.dsp.analysis.bands import CENTERS_HZ, RUMBLE_CENTERS_HZ
from synth.dsp.arrays import Vector
from synth.lists.cases import Case
from synth.match.measure.features import BAND_NAMES, RUMBLE_NAMES
from synth.match.measure.profile import ClipProfile

_NARROWER_OCTAVES, _NARROWER_DB = 0.2, 6.0  # what counts as clearly narrower: twice the tolerance, and 6 tolerances
# Speech has little rumble, so what is too much shows weakly, in few clips, and takes several rounds.
_LOUD_RUMBLE, _RUMBLE_NARROWER_DB = 0.9, 3.0
_LOWEST_UPPER_HZ, _HIGHEST_LOWER_HZ = 1500.0, 400.0  # limits beyond these would take away speech itself
_LEAST_HIGH_HZ = 1000.0  # range of a case
_ORDER = 4  # of the microphone that synth/plan/conditions.py makes of a case
_MAX_BAND_LIFT_DB, _MAX_RUMBLE_LIFT_DB = 20.0, 40.0


def quantile_of(clips: Sequence[ClipProfile], name: str, probability: float = 0.5) -> float | None:
    """A quantile (default: the median) of a feature in its unit, over the clips that have it."""
    values = [v for clip in clips if (v := clip.features.get(name)) is not None and math.isfinite(v)]
    return float(np.quantile(values, probability)) if values else None


def is_narrower(dev: Sequence[ClipProfile], simulated: Sequence[ClipProfile]) -> bool:
    """Whether the upper end of dev's band is clearly lower than that of the simulated clips."""
    theirs, ours = quantile_of(dev, "high_hz"), quantile_of(simulated, "high_hz")
    return bool(theirs and ours and math.log2(ours / theirs) > _NARROWER_OCTAVES)


def lower_limit(
    dev: Sequence[ClipProfile], simulated: Sequence[ClipProfile], *, sample_rate: int, current: float | None = None
) -> float | None:
    """The lower limit (-3 dB) of the microphone, from what simulated clips have too much at the lowest frequencies.

    The rumble of the noise is that of dev already. What is too much comes with the recordings of speech, and not with
    all of them: the tenth of the clips that has most of it is compared.

    Args:
        dev: clips of dev.
        simulated: simulated clips.
        sample_rate: Hz.
        current: the lower limit that the simulated clips have, Hz.

    Returns:
        Hz; None if nothing is too much.
    """
    limits = []
    for name, hz in zip((*RUMBLE_NAMES, *BAND_NAMES), (*RUMBLE_CENTERS_HZ, *CENTERS_HZ), strict=True):
        theirs, ours = (quantile_of(side, name, _LOUD_RUMBLE) for side in (dev, simulated))
        if theirs is None or ours is None:
            continue
        if hz > _HIGHEST_LOWER_HZ:
            break
        if ours - theirs > (_RUMBLE_NARROWER_DB if name in RUMBLE_NAMES else _NARROWER_DB):
            loss = 10 ** ((ours - theirs + _loss_db(hz, current, None, sample_rate)) / 10)
            warped = _warped(hz, sample_rate) * (loss - 1) ** (1 / (2 * _ORDER))
            limits.append(sample_rate / math.pi * math.atan(warped))
    return min(max(limits), _HIGHEST_LOWER_HZ) if limits else None


def upper_limit(
    dev: Sequence[ClipProfile], simulated: Sequence[ClipProfile], *, sample_rate: int, current: float | None = None
) -> float | None:
    """The upper limit (-3 dB) of the microphone, from what simulated clips have too much in the upper bands.

    It is the lowest limit that any of the bands asks for, from the top down as long as a band has 6 dB too much, by the
    loss of a digital Butterworth filter at the center of the band. What can be seen of the excess is bounded by the
    noise floor up there, so it may take several rounds.

    Args:
        dev: clips of dev.
        simulated: simulated clips.
        sample_rate: Hz.
        current: the upper limit that the simulated clips have, Hz; the new loss comes on top of its loss.

    Returns:
        Hz; None if nothing is too much.
    """
    limits = []
    for name, hz in zip(reversed(BAND_NAMES), reversed(CENTERS_HZ), strict=True):
        theirs, ours = quantile_of(dev, name), quantile_of(simulated, name)
        if theirs is None or ours is None or hz >= 0.45 * sample_rate:
            continue
        if ours - theirs <= _NARROWER_DB or hz < _LOWEST_UPPER_HZ:
            break
        loss = 10 ** ((ours - theirs + _loss_db(hz, None, current, sample_rate)) / 10)
        warped = _warped(hz, sample_rate) / (loss - 1) ** (1 / (2 * _ORDER))
        limits.append(sample_rate / math.pi * math.atan(warped))
    return max(min(limits), _LOWEST_UPPER_HZ) if limits else None


def with_limits(case: Case, clip: ClipProfile, *, low: float | None, high: float | None, own_high: bool) -> Case:
    """The case with the limits (Hz) of all cases, if any; with `own_high` the upper one is that of its clip."""
    measured = clip.features.get("high_hz") if own_high else None
    if high is None:
        high = max(measured, _LEAST_HIGH_HZ) if measured else case.high_hz
    return replace(case, low_hz=case.low_hz if low is None else low, high_hz=high)


def through_microphone(case: Case, before: Case, *, sample_rate: int) -> Case:
    """The case with the noise spectrum that sounds behind its microphone as that of `before` does behind its own.

    Args:
        case: the case with new limits.
        before: the same case with the limits that it had, or none.
        sample_rate: Hz.
    """
    if case.bands_db is None:
        return case

    def lift(centers_hz: Sequence[float], most_db: float) -> Vector:
        new, old = (
            np.minimum([_loss_db(hz, each.low_hz, each.high_hz, sample_rate) for hz in centers_hz], most_db)
            for each in (case, before)
        )
        return new - old

    bands = np.array(case.bands_db) + lift(CENTERS_HZ[: len(case.bands_db)], _MAX_BAND_LIFT_DB)
    rumble = None
    if case.rumble_db is not None:
        rumble = tuple((case.rumble_db + lift(RUMBLE_CENTERS_HZ, _MAX_RUMBLE_LIFT_DB) - bands.mean()).tolist())
    return replace(case, bands_db=tuple((bands - bands.mean()).tolist()), rumble_db=rumble)


def _warped(hz: float, sample_rate: int) -> float:
    """The frequency of the analog filter that a digital one follows at `hz` (bilinear transform)."""
    return math.tan(math.pi * min(hz, 0.49 * sample_rate) / sample_rate)


def _loss_db(hz: float, low: float | None, high: float | None, sample_rate: int) -> float:
    """Loss in dB at a frequency in a microphone with these limits (Hz)."""
    loss = 0.0
    if low:
        ratio = _warped(low, sample_rate) / _warped(hz, sample_rate)
        loss += 10 * math.log10(1 + ratio ** (2 * _ORDER))
    if high and high < 0.5 * sample_rate:
        ratio = _warped(hz, sample_rate) / _warped(high, sample_rate)
        loss += 10 * math.log10(1 + ratio ** (2 * _ORDER))
    return loss
