"""Mix speech with the sum of all noise layers at a given SNR, under a given measure and weighting.

Levels are measured in the *span*, which is the speech without its margins; margins hold noise only. The weighting
filter runs over each stem from its start, so that its memory at the span is right.
See docs/science.md, "Signal-to-noise ratio".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from synth.dsp import levels
from synth.dsp.arrays import Samples
from synth.units import power_to_db

MEASURES = ("active", "rms", "lufs")
REPORTED = ("band", "a", "none")


@dataclass(frozen=True, slots=True)
class Scale:
    """What an SNR is measured in."""

    measure: str  # of the speech level: one of MEASURES
    weighting: str  # of both stems: one of REPORTED; `none` for `lufs`
    sample_rate: int  # Hz


@dataclass(frozen=True, slots=True)
class SpeechLevel:
    """Levels of the speech in its span, as mean powers (full scale 1.0)."""

    power: Callable[[float], float]
    """The level under the scale's measure, of the speech after a gain, divided by the gain squared. P.56 and BS.1770
    have thresholds in full scale, so it moves a little with the gain."""
    activity: Callable[[float], float]  # share of active time (0 to 1) for such a power
    weighted: Mapping[str, float]  # plain mean power under each of REPORTED
    moves: bool  # whether `power` depends on the gain


def speech_level(stem: Samples, span: slice, *, scale: Scale) -> SpeechLevel:
    """Measure the levels of speech that is silent outside its span (except for a reverberant tail).

    Args:
        stem: float64, shape (n,), full scale 1.0.
        span: where the speech is (samples).
        scale: measure, weighting and rate.

    Raises:
        SilentError: no speech.
        ValueError: `lufs` of less than 0.4 s.
    """
    # before the span the stem is zero, so filtering from there on is the same as filtering the complete stem
    speech, rate = stem[span], scale.sample_rate
    active = None
    if scale.measure == "active":
        active = levels.active_level(speech, weighting=scale.weighting, sample_rate=rate)
    weighted = {
        w: levels.weighted_power(speech, weighting=w, sample_rate=rate)
        for w in REPORTED
        if active is None or w != scale.weighting
    }
    if active is not None:
        weighted[scale.weighting] = active.energy / active.num_samples
        return SpeechLevel(lru_cache(maxsize=8)(active.power), active.activity, weighted, moves=True)
    plain = weighted[scale.weighting]
    if plain < levels.SILENCE:
        raise levels.SilentError("no signal")
    if scale.measure == "lufs":
        loudness = levels.loudness(speech, sample_rate=rate)
        loudness.power()  # an error if there is none
        return SpeechLevel(loudness.power, lambda power: 1.0, weighted, moves=True)
    return SpeechLevel(lambda gain: plain, lambda power: 1.0, weighted, moves=False)


def noise_powers(stem: Samples, span: slice, *, sample_rate: int) -> dict[str, float]:
    """Measure the mean power of the noise in the span under each of REPORTED.

    Args:
        stem: float64, shape (n,), full scale 1.0.
        span: where the speech is (samples).
        sample_rate: Hz.
    """
    return {w: levels.weighted_power(stem, weighting=w, sample_rate=sample_rate, span=span) for w in REPORTED}


@dataclass(frozen=True, slots=True)
class NoiseLevel:
    """Levels of the noise in the span."""

    powers: Mapping[str, float]  # mean power under each of REPORTED
    loudness: levels.Loudness | None  # for the measure `lufs`

    def power(self, gain: float, scale: Scale) -> float:
        """Return the level under the scale, after `gain`, divided by gain squared.

        Raises:
            SilentError: for `lufs`, all of it is below -70 LUFS.
        """
        return self.powers[scale.weighting] if self.loudness is None else self.loudness.power(gain)


def noise_level(stem: Samples, span: slice, powers: Mapping[str, float], *, scale: Scale) -> NoiseLevel:
    """Measure what else is needed of the levels of the noise, whose powers are known.

    Args:
        stem: float64, shape (n,), full scale 1.0.
        span: where the speech is (samples).
        powers: mean power in the span under each of REPORTED.
        scale: measure, weighting and rate.
    """
    is_loudness = scale.measure == "lufs"
    return NoiseLevel(powers, levels.loudness(stem[span], sample_rate=scale.sample_rate) if is_loudness else None)


def noise_gain(speech: SpeechLevel, noise: NoiseLevel, *, snr_db: float, clip_gain: float, scale: Scale) -> float:
    """Return the factor on the noise stem that gives a clip an SNR.

    Args:
        speech: its levels.
        noise: its levels.
        snr_db: the SNR, dB.
        clip_gain: factor on the finished clip: levels with thresholds in full scale depend on it.
        scale: measure and weighting of the SNR.

    Raises:
        SilentError: no noise in the span.
    """
    target = speech.power(clip_gain) / 10 ** (snr_db / 10)
    plain = noise.powers[scale.weighting]
    if plain < levels.SILENCE:
        raise levels.SilentError("the noise is silent under the speech")
    gain = math.sqrt(target / plain)
    for _ in range(8 if scale.measure == "lufs" else 0):  # in rounds: after a gain other blocks pass the absolute gate
        power = noise.power(gain * clip_gain, scale) * gain**2
        if abs(power_to_db(power / target)) < 1e-6:
            break
        gain *= math.sqrt(target / power)
    return round_gain(gain)


def round_gain(gain: float) -> float:
    """Round a gain to 10 digits, so that sums in another order, on another processor, give the same samples."""
    return float(f"{gain:.10g}")


@dataclass(frozen=True, slots=True)
class MeasuredSnr:
    """SNR of a mix in dB; all but the first have the same speech activity and a plain mean power."""

    measured: float  # under the scale's own measure and weighting
    band: float  # 200 to 7000 Hz
    a: float  # A-weighted
    broadband: float


def measured_snr(speech: SpeechLevel, noise: NoiseLevel, *, gain: float, clip_gain: float, scale: Scale) -> MeasuredSnr:
    """Measure the SNR of a clip whose noise stem was multiplied by `gain`, and which then gets `clip_gain`."""
    power = speech.power(clip_gain)
    activity = speech.activity(power)
    reported = {
        w: power_to_db(speech.weighted[w] / activity) - power_to_db(noise.powers[w] * gain**2) for w in REPORTED
    }
    as_scaled = power_to_db(power) - power_to_db(noise.power(gain * clip_gain, scale) * gain**2)
    if scale.measure != "lufs":
        reported[scale.weighting] = as_scaled
    return MeasuredSnr(as_scaled, reported["band"], reported["a"], reported["none"])
