"""What the manifest says of levels, measured on the samples as they are written: after rounding to 16 and 24 bits.

The same functions measure when a row is made and when `synth verify` looks at it, so fresh rows are true at any level.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from synth.dsp import levels, mix
from synth.errors import BadInput
from synth.plan.clip_spec import ClipSpec
from synth.render.clip import Measurements, RenderedAudio
from synth.units import gain_to_db, power_to_db

_QUIET_DBFS: Final = -80.0
"""Below this level of a stem the rounding to 24 bits (noise at -149 dBFS) may change an SNR; above, by 1e-6 dB."""


@dataclasses.dataclass(slots=True)
class PcmLevel:
    """Level and peak of int16 samples that come in blocks."""

    count: int = 0
    _energy: int = 0
    _peak: int = 0

    def add(self, samples: npt.NDArray[np.int16]) -> None:
        """Take the next samples, shape (n,)."""
        if len(samples):
            self.count += len(samples)
            full = samples.astype(np.float64)
            self._energy += int(np.dot(full, full))  # exact: 30 bits each, blocks of less than 8 million
            self._peak = max(self._peak, int(samples.max()), -int(samples.min()))

    @property
    def level_dbfs(self) -> float:
        """RMS, -inf for silence."""
        return power_to_db(self._energy / (max(1, self.count) << 30))

    @property
    def peak_dbfs(self) -> float:
        return gain_to_db(self._peak / 32768.0) if self._peak else -math.inf


def as_written(spec: ClipSpec, rendered: RenderedAudio, pcm: npt.NDArray[np.int16]) -> RenderedAudio:
    """The rendered clip with its level and peak as they are in its file, and what is quiet in its stems measured there.

    Raises BadInput (silent) where nothing is left of the clip in 16 bits.
    """
    level = PcmLevel()
    level.add(pcm)
    if not math.isfinite(level.level_dbfs):
        raise BadInput("silent", spec.source_id, "every sample of the clip is 0 after rounding to 16 bits")
    measured = dataclasses.replace(rendered.measurements, level_dbfs=level.level_dbfs, peak_dbfs=level.peak_dbfs)
    ratios = (measured.snr_measured, measured.snr_band, measured.snr_a, measured.snr_broadband)
    known = [ratio for ratio in ratios if ratio is not None and math.isfinite(ratio)]
    if rendered.stems is not None and len(known) == len(ratios) and is_quiet(measured.active_level_dbfs, max(known)):
        measured = _measured_again(spec, rendered, measured)
    return dataclasses.replace(rendered, measurements=measured)


def is_quiet(speech_dbfs: float, snr_db: float) -> bool:
    """Whether the speech, or the noise at this SNR, is so quiet that the rounding of its stem may count."""
    return min(speech_dbfs, speech_dbfs - snr_db) < _QUIET_DBFS


def _measured_again(spec: ClipSpec, rendered: RenderedAudio, measured: Measurements) -> Measurements:
    assert rendered.stems is not None
    span = slice(spec.onset, spec.onset + spec.speech_num_samples)
    scale = _scale(spec.measure, spec.weighting, spec.sample_rate)
    speech, noise = (_in_24_bits(stem) for stem in rendered.stems)
    try:
        active, snr = measure_stems(speech, noise, span, scale)
    except (levels.SilentError, ValueError):
        return measured  # nothing of a stem is left; what was mixed is all that can be said
    return dataclasses.replace(
        measured,
        active_level_dbfs=active,
        snr_measured=snr.measured,
        snr_band=snr.band,
        snr_a=snr.a,
        snr_broadband=snr.broadband,
    )


def _in_24_bits(stem: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.rint(stem * 8388608.0).clip(-8388608, 8388607) / 8388608.0


def _scale(measure: str, weighting: str, sample_rate: int) -> mix.Scale:
    return mix.Scale(measure, "none" if measure == "lufs" else weighting, sample_rate)


def scale_of(row: Mapping[str, Any]) -> mix.Scale:
    """In what the SNR of a manifest row with noise is counted."""
    return _scale(row["snr_db"]["measure"], row["snr_db"]["weighting"], row["sampling_rate"])


def measure_stems(
    speech: npt.NDArray[np.float64], noise: npt.NDArray[np.float64], span: slice, scale: mix.Scale
) -> tuple[float, mix.MeasuredSnr]:
    """(active level of the speech in dBFS, SNR in dB) of two stems at the gain at which they are heard.

    Raises ValueError (SilentError where a stem is silent in the span).
    """
    speech_level = mix.speech_level(speech, span, scale=scale)
    powers = mix.noise_powers(noise, span, sample_rate=scale.sample_rate)
    if min(powers.values()) <= levels.SILENCE:
        raise levels.SilentError("no noise")
    snr = mix.measured_snr(speech_level, mix.NoiseLevel(noise[span], powers), gain=1.0, heard=1.0, scale=scale)
    return power_to_db(speech_level.power(1.0)), snr
