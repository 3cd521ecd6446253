"""Calibrate the SNR of a profile on mixes of the user's own speech and noise.

A profile holds one SNR per clip, calibrated on assorted noise. Mixes of known SNR show how far that is off for this
speech and this noise, and a rising curve corrects it. It is one curve for the answer of all estimators, not one for
each, so that a profile is enough and the audio is not needed. See docs/science.md, "Calibration of the blind SNR".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from synth.dsp.arrays import Vector
from synth.match.measure.profile import ClipProfile
from synth.match.measure.trust import trusted_snr

LEAST_MIXES = 40
_KNOTS = 12  # of a curve: the steps of single mixes are noise


@dataclass(frozen=True, slots=True)
class SnrCurve:
    """Measured SNR -> true SNR in dB, linear between knots, of slope 1 outside them.

    The errors are those of mixes whose measured SNR is in the range of dev's.
    """

    measured: tuple[float, ...] = ()  # knots, dB, rising
    true: tuple[float, ...] = ()  # at the knots, dB
    bias_db: float = 0.0  # median error before
    error_db: float = 0.0  # SD of the error before
    uncertainty_db: float = 0.0  # SD of the error after, on mixes that the curve was not fitted to
    mixes: int = 0  # that it was fitted to; 0 for the curve that changes nothing

    def __call__(self, value: float) -> float:
        """The true SNR for a measured one, dB."""
        if not self.measured:
            return value
        inside = min(max(value, self.measured[0]), self.measured[-1])
        return float(np.interp(inside, self.measured, self.true)) + value - inside

    def apply(self, clips: Sequence[ClipProfile]) -> list[ClipProfile]:
        """The clips with their SNR corrected."""
        corrected = []
        for clip in clips:
            snr = clip.features.get("snr_db")
            features = clip.features if snr is None else {**clip.features, "snr_db": self(float(snr))}
            corrected.append(replace(clip, features=features))
        return corrected


def fit_curve(mixes: Sequence[ClipProfile], *, within: tuple[float, float] = (-99.0, 99.0)) -> SnrCurve:
    """Fit the curve to mixes whose `truth` has `snr_db`.

    Args:
        mixes: measured mixes.
        within: range of measured SNR in dB in which errors count; at its ends only noise or only speech is audible.

    Returns:
        The curve that changes nothing if fewer than 40 mixes can be used.
    """
    pairs = [(snr, clip.truth["snr_db"]) for clip in mixes if (snr := trusted_snr(clip)) is not None and clip.truth]
    if len(pairs) < LEAST_MIXES:
        return SnrCurve()
    measured, true = (np.array(column, np.float64) for column in zip(*pairs, strict=True))
    is_odd = np.arange(len(pairs)) % 2 == 1
    remaining = np.empty(len(pairs))
    for test in (is_odd, ~is_odd):
        half = _fit(measured[~test], true[~test])
        remaining[test] = true[test] - [half(value) for value in measured[test]]
    near = (measured >= within[0]) & (measured <= within[1])
    if near.sum() < LEAST_MIXES / 4:
        near[:] = True
    return replace(
        _fit(measured, true),
        bias_db=float(np.median((measured - true)[near])),
        error_db=_robust_sd((measured - true)[near]),
        uncertainty_db=_robust_sd(remaining[near]),
        mixes=len(pairs),
    )


def _robust_sd(errors: Vector) -> float:
    """Half of P16 to P84: an SD that does not move if a few pauses are taken for speech."""
    low, high = np.quantile(errors, [0.16, 0.84])
    return float(high - low) / 2


def _fit(measured: Vector, true: Vector) -> SnrCurve:
    """Isotonic regression, then its means in twelve bins of equal size."""
    from scipy.optimize import isotonic_regression

    order = np.argsort(measured, kind="stable")
    # Equal measured values get one value, as a function must; weights stand for how many there are.
    _, first, counts = np.unique(measured[order], return_index=True, return_counts=True)
    means = np.add.reduceat(true[order], first) / counts
    rising = np.repeat(isotonic_regression(means, weights=counts).x, counts)
    bins = np.array_split(np.arange(len(order)), min(_KNOTS, len(order)))
    knots = [float(measured[order][each].mean()) for each in bins]
    levels = [float(rising[each].mean()) for each in bins]
    return SnrCurve(tuple(knots), tuple(np.maximum.accumulate(levels).tolist()))
