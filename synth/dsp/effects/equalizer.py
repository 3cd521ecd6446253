"""equalizer: change the spectrum by smooth octave bands and a tilt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt

from synth.dsp.arrays import Samples
from synth.dsp.convolve import convolve
from synth.dsp.effects.effect import Effect
from synth.dsp.parameters import Parameter
from synth.dsp.windows import periodic_hann

BANDS_HZ = (62.5, 125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0)
"""Octave bands (the nominal 63 Hz to 8 kHz of IEC 61260). Their geometric mean, 707 Hz, is where the tilt pivots."""

LARGEST_DB = 30.0
"""No frequency is changed by more than this."""

_FILTER_SECONDS = 0.25  # long enough that the lowest band, half of its neighbor, keeps its shape


@dataclass(frozen=True, slots=True)
class Equalizer(Effect):
    """Gains in dB at BANDS_HZ, smooth between them, constant outside, plus a tilt around 707 Hz; at most 30 dB in all.

    Zero phase: nothing moves in time. Bands above half the sample rate do nothing.
    """

    name = "equalizer"
    main = "bands_db"

    bands_db: Annotated[
        tuple[float, ...],
        Parameter(
            "gain of each octave band from 63 Hz to 8 kHz, drawn for each",
            low=-LARGEST_DB,
            high=LARGEST_DB,
            unit="dB",
            count=len(BANDS_HZ),
        ),
    ] = (0.0,) * len(BANDS_HZ)
    tilt_db_per_octave: Annotated[
        float,
        Parameter(
            "more treble, or more bass where negative; pivots at 707 Hz",
            low=-12,
            high=12,
            unit="dB/octave",
        ),
    ] = 0.0

    def gain_db(self, frequencies_hz: npt.ArrayLike) -> Samples:
        """Return the gain in dB at each frequency: raised-cosine steps between the bands on an octave scale.

        Args:
            frequencies_hz: Hz, at least 0, any shape; the result has the same.
        """
        lowest, top = BANDS_HZ[0], len(BANDS_HZ) - 1
        octaves = np.log2(np.maximum(np.asarray(frequencies_hz, dtype=np.float64), lowest / 2) / lowest)
        position = np.clip(octaves, 0, top)
        band = np.minimum(position.astype(np.int64), top - 1)
        step = 0.5 - 0.5 * np.cos(np.pi * (position - band))
        bands = np.asarray(self.bands_db)
        smooth = bands[band] * (1 - step) + bands[band + 1] * step
        tilt = self.tilt_db_per_octave * (octaves - top / 2)
        gain: Samples = np.clip(smooth + tilt, -LARGEST_DB, LARGEST_DB)
        return gain

    def __call__(self, samples: Samples, *, sample_rate: int) -> Samples:
        """Apply the effect to samples of shape (n,), full scale 1.0."""
        size = 2 * int(_FILTER_SECONDS * sample_rate / 2)
        gain = 10.0 ** (self.gain_db(np.fft.rfftfreq(size, 1 / sample_rate)) / 20)
        taps = np.fft.fftshift(np.fft.irfft(gain, size)) * periodic_hann(size)
        return convolve(samples, taps)[size // 2 : size // 2 + len(samples)]
