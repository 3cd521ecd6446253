"""Mixing at true levels: speech against the sum of all noise layers, at a stated SNR under a stated measure and
weighting.

The levels are taken on the *span*, the speech inside its margins; margins are noise only. The weighting filter runs
over each stem from its start, so that the span hears what went before it.
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
    """What an SNR is counted in: a measure of the speech, a weighting of both stems (`none` for `lufs`), the rate in
    Hz."""

    measure: str
    weighting: str
    sample_rate: int


@dataclass(frozen=True, slots=True)
class SpeechLevel:
    """Levels of the speech in its span, as mean powers.

    `power(gain)` is the level as asked for, of the speech as it is heard after `gain`, divided by gain squared: P.56
    and BS.1770 have thresholds in full scale, so that it moves a little with the gain. `weighted` is the plain mean
    power under each of REPORTED.
    """

    power: Callable[[float], float]
    activity: Callable[[float], float]
    weighted: Mapping[str, float]
    moves: bool
    """Whether `power` depends on the gain at all."""


def speech_level(stem: Samples, span: slice, *, scale: Scale) -> SpeechLevel:
    """Levels of speech that is silent outside its span (but for a reverberant tail).

    Raises:
        SilentError: no speech.
        ValueError: `lufs` of less than 0.4 s.
    """
    # Before the span the stem is zero, so filtering from there on is filtering the whole stem.
    heard = levels.weight(stem[span], weighting=scale.weighting, sample_rate=scale.sample_rate)
    plain = levels.mean_power(heard)
    if plain < levels.SILENCE:
        raise levels.SilentError("no signal")
    weighted = levels.spectral_power(stem[span], REPORTED, sample_rate=scale.sample_rate)
    weighted[scale.weighting] = plain
    if scale.measure == "lufs":
        levels.loudness_power(heard, sample_rate=scale.sample_rate)
        return SpeechLevel(lambda gain: loudness(heard, gain, scale), lambda power: 1.0, weighted, moves=True)
    if scale.measure == "active":
        active = levels.active_level(heard, sample_rate=scale.sample_rate)
        return SpeechLevel(lru_cache(maxsize=8)(active.power), active.activity, weighted, moves=True)
    return SpeechLevel(lambda gain: plain, lambda power: 1.0, weighted, moves=False)


def loudness(samples: Samples, gain: float, scale: Scale) -> float:
    """BS.1770 loudness as a mean power, as it is heard after `gain`, divided by gain squared."""
    return levels.loudness_power(samples * gain, sample_rate=scale.sample_rate) / gain**2


def noise_powers(stem: Samples, span: slice, *, sample_rate: int) -> dict[str, float]:
    """Mean power of the noise in the span under each of REPORTED."""
    return {w: levels.mean_power(levels.weight(stem, weighting=w, sample_rate=sample_rate)[span]) for w in REPORTED}


@dataclass(frozen=True, slots=True)
class NoiseLevel:
    """Levels of the noise in the span: its mean power under each of REPORTED, and its samples for `lufs`."""

    samples: Samples
    powers: Mapping[str, float]

    def power(self, gain: float, scale: Scale) -> float:
        """The level as asked for, as it is heard after `gain`, divided by gain squared.

        Raises SilentError for `lufs` where all of it is below -70 LUFS.
        """
        return loudness(self.samples, gain, scale) if scale.measure == "lufs" else self.powers[scale.weighting]


def noise_gain(speech: SpeechLevel, noise: NoiseLevel, *, snr_db: float, heard: float, scale: Scale) -> float:
    """The factor for the noise stem that makes the SNR `snr_db` in a clip that is heard after the gain `heard`.

    Raises:
        SilentError: no noise in the span.
    """
    target = speech.power(heard) / 10 ** (snr_db / 10)
    plain = noise.powers[scale.weighting]
    if plain < levels.SILENCE:
        raise levels.SilentError("the noise is silent under the speech")
    gain = math.sqrt(target / plain)
    for _ in range(8 if scale.measure == "lufs" else 0):  # after the gain other blocks may pass the absolute gate
        found = noise.power(gain * heard, scale) * gain**2
        if abs(power_to_db(found / target)) < 1e-6:
            break
        gain *= math.sqrt(target / found)
    return round_gain(gain)


def round_gain(gain: float) -> float:
    """A gain to 10 digits: what another processor adds up in another order gives the same samples."""
    return float(f"{gain:.10g}")


@dataclass(frozen=True, slots=True)
class MeasuredSnr:
    """SNR in dB as mixed: as asked for, and band-limited, A-weighted and broadband with the same speech activity."""

    measured: float
    band: float
    a: float
    broadband: float


def measured_snr(speech: SpeechLevel, noise: NoiseLevel, *, gain: float, heard: float, scale: Scale) -> MeasuredSnr:
    """The SNR of a clip that is heard after the gain `heard`, its noise stem multiplied by `gain` before."""
    power = speech.power(heard)
    activity = speech.activity(power)
    reported = {
        w: power_to_db(speech.weighted[w] / activity) - power_to_db(noise.powers[w] * gain**2) for w in REPORTED
    }
    asked = power_to_db(power) - power_to_db(noise.power(gain * heard, scale) * gain**2)
    if scale.measure != "lufs":
        reported[scale.weighting] = asked
    return MeasuredSnr(asked, reported["band"], reported["a"], reported["none"])
