"""Time stretching by joining similar parts of a sound (WSOLA): the kernel and the memory that it works in."""

from __future__ import annotations

from math import frexp, ldexp

import numpy as np

from synth.dsp.arrays import Samples
from synth.dsp.stretch_sizes import Sizes

_LEAST_EXPONENT = -1000  # of a peak; what is smaller would need a scale that float64 does not have


def time_stretch(samples: Samples, *, num_samples: int, sample_rate: int) -> Samples:
    """Stretch a sound to a length, at the same pitch.

    Position j of the result plays what is at j * n / num_samples in the sound, within 10 ms where it can. An onset
    after a pause is in its place within 1 ms. A sound of under 16 ms is played as it is, and cut or filled with zeros.

    Args:
        samples: float64, shape (n,), finite; n > 0.
        num_samples: length of the result, above 0.
        sample_rate: Hz, 4000 or more.

    Returns:
        float64, shape (num_samples,).
    """
    from synth.dsp.kernels import native

    sizes = Sizes.at(sample_rate)
    peak = max(float(samples.max()), -float(samples.min()))
    scale = ldexp(1.0, sizes.bits - max(frexp(peak)[1], _LEAST_EXPONENT))
    num_fine = len(samples) + 2 * sizes.lead
    num_coarse = num_fine // sizes.factor
    out = np.empty(num_samples)
    stretch_into = native.load("wsola", "stretch_into")
    stretch_into(
        np.ascontiguousarray(samples),
        scale,
        np.array(sizes),
        np.empty(num_fine, dtype=np.int16),
        np.empty(num_fine + 1, dtype=np.int64),
        np.empty(num_coarse, dtype=np.int16),
        np.empty(num_coarse + 1, dtype=np.int64),
        np.empty((2, len(samples) // sizes.block // 6 + 2), dtype=np.int64),
        np.empty(6 * sizes.drift // sizes.factor + 2 * sizes.factor + 8),
        out,
    )
    return out
