"""Change of the sample rate, with soxr."""

from __future__ import annotations

import math

import numpy as np

from synth.dsp.arrays import Samples


def fit_length(samples: Samples, num_samples: int) -> Samples:
    """Cut samples of shape (n,) at the end, or fill them up with zeros, to shape (num_samples,)."""
    if len(samples) >= num_samples:
        return samples[:num_samples]
    return np.concatenate([samples, np.zeros(num_samples - len(samples))])


def resample(samples: Samples, *, rate_in: float, rate_out: float, num_samples: int | None = None) -> Samples:
    """Resample from `rate_in` to `rate_out`, band-limited and without delay.

    Uses soxr's HQ: 20 bits, pass band up to 0.91 of the lower Nyquist frequency.

    Args:
        samples: float64, shape (n,), full scale 1.0.
        rate_in: above 0, in any unit: only its ratio to `rate_out` counts.
        rate_out: above 0.
        num_samples: length of the result; None: n * rate_out / rate_in, rounded half up.
    """
    if num_samples is None:
        num_samples = int(len(samples) * rate_out / rate_in + 0.5)
    if rate_in == rate_out:
        return fit_length(samples, num_samples)
    if not len(samples) or not num_samples:
        return np.zeros(num_samples)
    import soxr  # an extension module: loaded only where it is used

    return fit_length(soxr.resample(samples, rate_in, rate_out, quality="HQ"), num_samples)


def simple_fraction(ratio: float, tolerance: float) -> tuple[int, int]:
    """Return the fraction with the smallest denominator within a relative tolerance of a ratio.

    soxr takes up to twice as long for an arbitrary ratio: it interpolates its filter, and prepares more of it.

    Args:
        ratio: above 0.
        tolerance: above 0, relative; 0.00006 is 0.1 cent, and gives denominators of about 120, up to 1000 near 1.
    """
    return _simplest_between(ratio * (1 - tolerance), ratio * (1 + tolerance))


def _simplest_between(low: float, high: float) -> tuple[int, int]:
    """The simplest fraction of 0 < low < high, by their common beginning as continued fractions."""
    number = math.ceil(low)
    if number <= high:
        return number, 1
    under, over = _simplest_between(1 / (high - (number - 1)), 1 / (low - (number - 1)))
    return (number - 1) * under + over, under
