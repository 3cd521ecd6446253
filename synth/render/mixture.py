"""Speech and noise as the parts of one sound. It is summed only where its samples are needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from synth.audio.pcm_level import PcmLevel
from synth.dsp.arrays import Samples

_SCRATCH: Final = (3, 512)  # kernels.mixing: three blocks


@dataclass(frozen=True, slots=True)
class Mixture:
    """`gain` * (speech + `noise_gain` * noise)."""

    num_samples: int
    speech: Samples  # shape (m,), float64, full scale 1.0
    onset: int = 0  # sample at which the speech begins
    noise: Samples = field(
        default_factory=lambda: np.zeros(0)
    )  # shape (num_samples,), float64, full scale 1.0; or empty
    noise_gain: float = 0.0  # factor on the noise
    gain: float = 1.0  # factor on the sum

    def power_and_peak(self) -> tuple[float, float]:
        """Mean power and largest absolute sample, before `gain`. The power is not finite if a sample is not."""
        from synth.dsp.kernels import native

        energy_and_peak = native.load("mixing", "energy_and_peak")
        energy, peak = energy_and_peak(*self._parts(), self.num_samples, np.empty(_SCRATCH))
        return energy / self.num_samples, peak

    def rounded(self) -> tuple[npt.NDArray[np.int16], PcmLevel]:
        """The samples rounded to 16 bits, as `synth.audio.encode.quantize` does it, and their level.

        Returns:
            int16, shape (num_samples,), full scale 32768. All samples must be finite.
        """
        from synth.dsp.kernels import native

        round_sum = native.load("mixing", "round_sum")
        pcm = np.empty(self.num_samples, np.int16)
        energy, peak = round_sum(pcm, *self._parts(), self.gain, np.empty(_SCRATCH))
        return pcm, PcmLevel(self.num_samples, energy, peak)

    def samples(self) -> Samples:
        """The sound: float64, shape (num_samples,), full scale 1.0."""
        total = self.noise_gain * self.noise if self.noise.size else np.zeros(self.num_samples)
        total[self.onset : self.onset + self.speech.size] += self.speech
        return total * self.gain if self.gain != 1.0 else total

    def stems(self) -> tuple[Samples, Samples]:
        """Speech and noise as they are in the sound: float64, shape (num_samples,) each; they sum to the samples."""
        speech, noise = np.zeros(self.num_samples), np.zeros(self.num_samples)
        speech[self.onset : self.onset + self.speech.size] = self.speech * self.gain
        if self.noise.size:
            noise = self.noise * self.noise_gain * self.gain
        return speech, noise

    def _parts(self) -> tuple[Samples, int, Samples, float]:
        """What the kernels take. Effects of libraries may leave arrays with gaps."""
        speech, noise = (np.ascontiguousarray(part, np.float64) for part in (self.speech, self.noise))
        return speech, self.onset, noise, self.noise_gain
