"""Mixing at true levels: speech against the sum of all noise layers, at a stated SNR under a stated measure and weighting.

The levels are taken on the *span*, the speech inside its margins; margins are noise only. The weighting filter runs over
each stem from its start, so that the span hears what went before it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from synth.dsp import levels
from synth.dsp.effects.effect import Samples
from synth.units import power_to_db

MEASURES = ("active", "rms", "lufs")
REPORTED = ("band", "a", "none")


@dataclass(frozen=True, slots=True)
class SpeechLevel:
    """Levels of the speech in its span, as mean powers.

    `power` is the level as asked for; `activity` the share of time in which speech is active (1 for `rms` and `lufs`);
    `weighted` the plain mean power under each of REPORTED.
    """

    power: float
    activity: float
    weighted: Mapping[str, float]


def speech_level(stem: Samples, span: slice, *, measure: str, weighting: str, sample_rate: int) -> SpeechLevel:
    """Levels of speech that is silent outside its span (but for a reverberant tail).

    Raises:
        SilentError: no speech.
        ValueError: `lufs` of less than 0.4 s.
    """
    # Before the span the stem is zero, so filtering from there on is filtering the whole stem.
    heard = levels.weight(stem[span], weighting=weighting if measure != "lufs" else "none", sample_rate=sample_rate)
    if measure == "lufs":
        power, activity = levels.loudness_power(heard, sample_rate=sample_rate), 1.0
    elif measure == "active":
        power, activity = levels.active_power(heard, sample_rate=sample_rate)
    else:
        power, activity = levels.mean_power(heard), 1.0
    if power < levels.SILENCE:
        raise levels.SilentError("no signal")
    weighted = levels.spectral_power(stem[span], REPORTED, sample_rate=sample_rate)
    if measure != "lufs":
        weighted[weighting] = levels.mean_power(heard)
    return SpeechLevel(power, activity, weighted)


def noise_powers(stem: Samples, span: slice, *, sample_rate: int) -> dict[str, float]:
    """Mean power of the noise in the span under each of REPORTED."""
    return {w: levels.mean_power(levels.weight(stem, weighting=w, sample_rate=sample_rate)[span]) for w in REPORTED}


def noise_gain(
    speech: SpeechLevel, noise: Samples, powers: Mapping[str, float], span: slice, *, snr_db: float, measure: str,
    weighting: str, sample_rate: int,
) -> float:  # fmt: skip
    """The factor for the noise stem that makes the SNR `snr_db`.

    Raises:
        SilentError: no noise in the span.
    """
    target = speech.power / 10 ** (snr_db / 10)
    power = levels.loudness_power(noise[span], sample_rate=sample_rate) if measure == "lufs" else powers[weighting]
    if power < levels.SILENCE:
        raise levels.SilentError("the noise is silent under the speech")
    gain = math.sqrt(target / power)
    return _loud_gain(noise[span], gain, target, sample_rate) if measure == "lufs" else steady(gain)


def _loud_gain(noise: Samples, gain: float, target: float, sample_rate: int) -> float:
    """Loudness has an absolute gate: after the gain other blocks may count, so measure again until it holds."""
    for _ in range(8):
        found = levels.loudness_power(noise * gain, sample_rate=sample_rate)
        if abs(power_to_db(found / target)) < 1e-6:
            break
        gain *= math.sqrt(target / found)
    return steady(gain)


def steady(gain: float) -> float:
    """A gain to 10 digits: what another processor adds up in another order gives the same samples."""
    return float(f"{gain:.10g}")


@dataclass(frozen=True, slots=True)
class MeasuredSnr:
    """SNR in dB as mixed: as asked for, and band-limited, A-weighted and broadband with the same speech activity."""

    measured: float
    band: float
    a: float
    broadband: float


def measured_snr(
    speech: SpeechLevel, noise: Samples, powers: Mapping[str, float], span: slice, *, gain: float, measure: str,
    weighting: str, sample_rate: int,
) -> MeasuredSnr:  # fmt: skip
    """The SNR after the noise stem was multiplied by `gain`."""
    reported = {w: power_to_db(speech.weighted[w] / speech.activity) - power_to_db(powers[w] * gain**2) for w in REPORTED}
    if measure == "lufs":
        asked = power_to_db(speech.power) - power_to_db(levels.loudness_power(noise[span] * gain, sample_rate=sample_rate))
    else:
        asked = power_to_db(speech.power) - power_to_db(powers[weighting] * gain**2)
        reported[weighting] = asked
    return MeasuredSnr(asked, reported["band"], reported["a"], reported["none"])
