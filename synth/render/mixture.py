"""Speech and noise as the parts of one sound. It is summed only where its samples are needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from synth.audio.pcm_level import PcmLevel
from synth.dsp.arrays import Samples
from synth.render.stored_noise import Noise, StoredNoise, as_samples

_SCRATCH: Final = (3, 512)  # kernels.mixing: three blocks


_NO_NOISE: Final = np.zeros(0)
_NO_STEPS: Final = np.zeros(0, np.int16)


class Rounded(NamedTuple):
    """A mixture as its samples are written."""

    pcm: npt.NDArray[np.int16]  #: shape (num_samples,), full scale 32768
    level: PcmLevel  #: of `pcm`
    power: float  #: mean power before `gain` and rounding; not finite if a sample is not, and `pcm` is then worthless
    peak: float  #: largest absolute sample before `gain` and rounding


@dataclass(frozen=True, slots=True)
class Mixture:
    """`gain` * (speech + `noise_gain` * noise)."""

    num_samples: int
    speech: Samples  # shape (m,), float64, full scale 1.0
    onset: int = 0  # sample at which the speech begins
    noise: Noise | None = None  # shape (num_samples,), full scale 1.0
    noise_gain: float = 0.0  # factor on the noise
    gain: float = 1.0  # factor on the sum

    def power_and_peak(self) -> tuple[float, float]:
        """Mean power and largest absolute sample, before `gain`. The power is not finite if a sample is not."""
        from synth.dsp.kernels import native

        energy_and_peak = native.load("mixing", "energy_and_peak")
        energy, peak = energy_and_peak(*self._parts(), self.num_samples, np.empty(_SCRATCH))
        return energy / self.num_samples, peak

    def rounded(self) -> Rounded:
        """Round the samples to 16 bits, as `synth.audio.encode.quantize` does it."""
        from synth.dsp.kernels import native

        round_sum = native.load("mixing", "round_sum")
        pcm = np.empty(self.num_samples, np.int16)
        energy, peak, *exact = round_sum(pcm, *self._parts(), self.gain, np.empty(_SCRATCH))
        return Rounded(pcm, PcmLevel(self.num_samples, *exact), energy / self.num_samples, peak)

    def samples(self) -> Samples:
        """The sound: float64, shape (num_samples,), full scale 1.0."""
        total = np.zeros(self.num_samples) if self.noise is None else self.noise_gain * as_samples(self.noise)
        total[self.onset : self.onset + self.speech.size] += self.speech
        return total * self.gain if self.gain != 1.0 else total

    def stems(self) -> tuple[Samples, Samples]:
        """Speech and noise as they are in the sound: float64, shape (num_samples,) each; they sum to the samples."""
        speech, noise = np.zeros(self.num_samples), np.zeros(self.num_samples)
        speech[self.onset : self.onset + self.speech.size] = self.speech * self.gain
        if self.noise is not None:
            noise = as_samples(self.noise) * self.noise_gain * self.gain
        return speech, noise

    def _parts(self) -> tuple[Samples, int, Samples, npt.NDArray[np.int16], float, float]:
        """What the kernels take. Effects of libraries may leave arrays with gaps."""
        speech, noise, steps, scale = np.ascontiguousarray(self.speech, np.float64), _NO_NOISE, _NO_STEPS, 1.0
        if isinstance(self.noise, StoredNoise):
            steps, scale = self.noise.steps, self.noise.scale
        elif self.noise is not None:
            noise = np.ascontiguousarray(self.noise, np.float64)
        return speech, self.onset, noise, steps, scale, self.noise_gain
