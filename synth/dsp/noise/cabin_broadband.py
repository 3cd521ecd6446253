"""Gaussian noise of any length in bounded memory, from a few spectra whose levels run over time."""

from __future__ import annotations

import numpy as np

from synth.dsp.effects.effect import Samples
from synth.dsp.noise.gaussian import Power, frame_count, frame_size, gaussian_noise

_BLOCK_FRAMES = 320
"""Frames made at a time: 20 s at 16 kHz."""


def blended_noise(
    gains: Samples, spectra: Power, *, num_samples: int, sample_rate: int, random: np.random.Generator
) -> Samples:
    """Noise, shape (num_samples,), whose power around frame k is `gains[k] @ spectra`.

    gains: shape (frame_count(num_samples, sample_rate), parts); spectra: shape (parts, bins). Independent Gaussian
    noises add up in power, so one noise stands for the sum of all parts. Blocks of 20 s are made apart and joined by an
    equal-power crossfade of one frame step.
    """
    step, frames = frame_size(sample_rate) // 2, frame_count(num_samples, sample_rate)
    if frames <= _BLOCK_FRAMES + 2:
        return gaussian_noise(gains @ spectra, num_samples=num_samples, sample_rate=sample_rate, random=random)
    out = np.zeros(num_samples)
    fade = np.sin(np.pi / 2 * (np.arange(step) + 0.5) / step)
    for first in range(0, frames - 1, _BLOCK_FRAMES):
        start = first * step
        count = min((_BLOCK_FRAMES + 1) * step, num_samples - start)
        power = gains[first : first + frame_count(count, sample_rate)] @ spectra
        block = gaussian_noise(power, num_samples=count, sample_rate=sample_rate, random=random)
        if first > 0:
            head = min(step, count)
            block[:head] *= fade[:head]
        if count == (_BLOCK_FRAMES + 1) * step:
            block[-step:] *= fade[::-1]
        out[start : start + count] += block
    return out
