"""The levels of a manifest row, measured on the samples as they are written: after rounding to 16 and 24 bits.

The same functions measure when a row is made and when `synth verify` looks at it, so fresh rows are true at any level.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from synth.dsp import levels, mix
from synth.dsp.arrays import Samples
from synth.errors import BadInput
from synth.plan.clip_spec import ClipSpec
from synth.render.clip import RenderedAudio
from synth.render.played_speech import snr_scale
from synth.units import power_to_db

#: Below this level of a stem the rounding to 24 bits (noise at -149 dBFS) may change an SNR; above, by 1e-6 dB.
_QUIET_DBFS: Final = -80.0
_FULL_SCALE_24: Final = 1 << 23


def measure_as_written(spec: ClipSpec, rendered: RenderedAudio) -> RenderedAudio:
    """Replace the levels of a rendered clip by those of its files.

    Args:
        spec: the plan of the clip.
        rendered: the clip as rendered.

    Raises:
        BadInput: `silent` if nothing is left of the clip in 16 bits.
    """
    level = rendered.pcm_level
    if not math.isfinite(level.level_dbfs):
        raise BadInput("silent", spec.source_id, "every sample of the clip is 0 after rounding to 16 bits")
    measured = dataclasses.replace(rendered.measurements, level_dbfs=level.level_dbfs, peak_dbfs=level.peak_dbfs)
    if rendered.stems is not None and measured.snr is not None:
        ratios = dataclasses.astuple(measured.snr)
        if all(map(math.isfinite, ratios)) and is_quiet(measured.active_level_dbfs, max(ratios)):
            span = slice(spec.onset, spec.onset + spec.speech_num_samples)
            speech, noise = (
                np.rint(stem * _FULL_SCALE_24).clip(-_FULL_SCALE_24, _FULL_SCALE_24 - 1) / _FULL_SCALE_24
                for stem in rendered.stems
            )
            try:
                scale = snr_scale(spec.measure, spec.weighting, spec.sample_rate)
                active, snr = measure_stems(speech, noise, span, scale)
                measured = dataclasses.replace(measured, active_level_dbfs=active, snr=snr)
            except (levels.SilentError, ValueError):
                pass  # nothing of a stem is left in 24 bits; what was mixed is all that can be reported
    return dataclasses.replace(rendered, measurements=measured)


def is_quiet(speech_dbfs: float, snr_db: float) -> bool:
    """Whether the speech, or the noise at this SNR, is so quiet that the rounding of its stem may count."""
    return min(speech_dbfs, speech_dbfs - snr_db) < _QUIET_DBFS


def snr_scale_of(row: Mapping[str, Any]) -> mix.Scale:
    """What the SNR of a manifest row with noise is counted in."""
    return snr_scale(row["snr_db"]["measure"], row["snr_db"]["weighting"], row["sampling_rate"])


def measure_stems(speech: Samples, noise: Samples, span: slice, scale: mix.Scale) -> tuple[float, mix.MeasuredSnr]:
    """Measure two stems at the gain at which they enter the channel.

    Args:
        speech: float64, shape (n,), full scale 1.0.
        noise: float64, shape (n,), full scale 1.0.
        span: where the speech is (samples).
        scale: what the SNR is counted in.

    Returns:
        The active level of the speech (dBFS) and the SNR (dB).

    Raises:
        ValueError: a stem is silent in the span (SilentError), or the span is too short for the measure.
    """
    speech_level = mix.speech_level(speech, span, scale=scale)
    powers = mix.noise_powers(noise, span, sample_rate=scale.sample_rate)
    if min(powers.values()) <= levels.SILENCE:
        raise levels.SilentError("no noise")
    noise_level = mix.noise_level(noise, span, powers, scale=scale)
    snr = mix.measured_snr(speech_level, noise_level, gain=1.0, clip_gain=1.0, scale=scale)
    return power_to_db(speech_level.power(1.0)), snr
