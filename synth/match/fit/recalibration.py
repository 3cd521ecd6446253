"""Calibrating a profile's SNR on mixes of the user's own speech and noise (science.md 1.1 and 3.1: two rounds).

A profile holds one SNR a clip: the ensemble of estimators, calibrated on what `synth` knows. Mixes of known SNR tell
how far that is off for this speech and this noise; a rising curve takes it out. So a profile is enough, without the
audio. (Science calibrates each estimator by itself; of the ensemble it is one curve instead of three. Our own choice.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from synth.match.fit.dev_cases import Numbers, snr_of
from synth.match.measure.profile import ClipProfile

LEAST_MIXES = 40
_KNOTS = 12


@dataclass(frozen=True, slots=True)
class Curve:
    """Measured SNR -> true SNR, in dB: linear between knots, of slope 1 outside them.

    `bias_db`, `error_db`: median and SD of the error before; `uncertainty_db`: SD of what is left, on mixes that had no
    part in the fit; all of mixes whose measured SNR lies where dev's do. `mixes`: how many it was fitted on; 0 is the
    curve that changes nothing.
    """

    measured: tuple[float, ...] = ()
    true: tuple[float, ...] = ()
    bias_db: float = 0.0
    error_db: float = 0.0
    uncertainty_db: float = 0.0
    mixes: int = 0

    def __call__(self, value: float) -> float:
        if not self.measured:
            return value
        held = min(max(value, self.measured[0]), self.measured[-1])
        return float(np.interp(held, self.measured, self.true)) + value - held


def fitted_curve(mixes: Sequence[ClipProfile], *, within: tuple[float, float] = (-99.0, 99.0)) -> Curve:
    """The curve of mixes whose `truth` has `snr_db`; the one that changes nothing where fewer than 40 can be used.

    `within`: the range of measured SNR, dB, in which its errors count. Beyond what noise or speech can be heard there.
    """
    pairs = [(snr, clip.truth["snr_db"]) for clip in mixes if (snr := snr_of(clip)) is not None and clip.truth]
    if len(pairs) < LEAST_MIXES:
        return Curve()
    measured, true = (np.array(column, np.float64) for column in zip(*pairs, strict=True))
    odd = np.arange(len(pairs)) % 2 == 1
    left = np.empty(len(pairs))
    for test in (odd, ~odd):
        halved = _curve(measured[~test], true[~test])
        left[test] = true[test] - [halved(value) for value in measured[test]]
    near = (measured >= within[0]) & (measured <= within[1])
    if near.sum() < LEAST_MIXES / 4:
        near[:] = True
    return replace(
        _curve(measured, true),
        bias_db=float(np.median((measured - true)[near])),
        error_db=_spread((measured - true)[near]),
        uncertainty_db=_spread(left[near]),
        mixes=len(pairs),
    )


def _spread(errors: Numbers) -> float:
    """Half the way from the 16th to the 84th percentile: an SD that single pauses taken for speech do not move."""
    low, high = np.quantile(errors, [0.16, 0.84])
    return float(high - low) / 2


def _curve(measured: Numbers, true: Numbers) -> Curve:
    """Isotonic regression, then its means in twelve bins of equal size: steps of single mixes are noise."""
    from sklearn.isotonic import IsotonicRegression

    order = np.argsort(measured, kind="stable")
    rising = IsotonicRegression().fit_transform(measured[order], true[order])
    bins = np.array_split(np.arange(len(order)), min(_KNOTS, len(order)))
    knots = [float(measured[order][each].mean()) for each in bins]
    values = [float(rising[each].mean()) for each in bins]
    return Curve(tuple(knots), tuple(np.maximum.accumulate(values).tolist()))


def recalibrated(clips: Sequence[ClipProfile], curve: Curve) -> list[ClipProfile]:
    """The clips with their SNR through the curve; nothing else changes."""
    return [_with_snr(clip, curve) for clip in clips]


def _with_snr(clip: ClipProfile, curve: Curve) -> ClipProfile:
    value = clip.features.get("snr_db")
    if value is None:
        return clip
    return replace(clip, features={**clip.features, "snr_db": curve(float(value))})
