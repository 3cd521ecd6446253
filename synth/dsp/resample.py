"""Change of the sample rate, with soxr."""

from __future__ import annotations

import numpy as np

from synth.dsp.arrays import Samples


def fit_length(samples: Samples, num_samples: int) -> Samples:
    """Cut or filled up with zeros at the end, shape (num_samples,)."""
    if len(samples) >= num_samples:
        return samples[:num_samples]
    return np.concatenate([samples, np.zeros(num_samples - len(samples))])


def resample(samples: Samples, *, rate_in: float, rate_out: float, num_samples: int | None = None) -> Samples:
    """From `rate_in` to `rate_out` (any unit: only their ratio counts), band-limited, without delay.

    Parameters
    ----------
    samples: shape (n,).
    rate_in, rate_out: > 0.
    num_samples: length of the result; None is n * rate_out / rate_in rounded half up.

    soxr's HQ (20 bits, pass band to 0.91 of the lower Nyquist); the result is independent of everything but its input.
    """
    if num_samples is None:
        num_samples = int(len(samples) * rate_out / rate_in + 0.5)
    if rate_in == rate_out:
        return fit_length(samples, num_samples)
    if not len(samples) or not num_samples:
        return np.zeros(num_samples)
    import soxr  # an extension module: only where it is used

    return fit_length(soxr.resample(samples, rate_in, rate_out, quality="HQ"), num_samples)
