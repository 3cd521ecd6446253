"""Seconds, samples, decibels: every conversion in one place, with its rounding."""

from __future__ import annotations

import math


def seconds_to_samples(seconds: float, sample_rate: int) -> int:
    """Seconds to samples at a rate in Hz, rounded half up."""
    # int() would lose a sample now and then: int(0.29 * 100) == 28
    return math.floor(seconds * sample_rate + 0.5)


def resampled_length(num_samples: int, rate_in: int, rate_out: int) -> int:
    """Length in samples after resampling from one rate (Hz) to another, rounded half up."""
    # in integers: with floats the length of an hour would depend on the rounding of a product
    return (2 * num_samples * rate_out + rate_in) // (2 * rate_in)


def thousandths(factor: float) -> int:
    """A factor as an integer number of thousandths (speed and tempo are drawn at that resolution)."""
    return math.floor(factor * 1000 + 0.5)


def scaled_length(num_samples: int, factor: float) -> int:
    """Length in samples after playing `factor` times as fast (at a resolution of 0.001), rounded half up."""
    return resampled_length(num_samples, thousandths(factor), 1000)


def db_to_gain(db: float) -> float:
    """Amplitude factor of a gain in dB."""
    return float(10.0 ** (db / 20.0))


def gain_to_db(gain: float) -> float:
    """Gain in dB of an amplitude factor > 0."""
    return 20.0 * math.log10(gain)


def power_to_db(power: float) -> float:
    """Level in dB of a mean power; -inf for 0."""
    return 10.0 * math.log10(power) if power > 0 else -math.inf


def size_text(num_bytes: float) -> str:
    """A size for people: `1.2 GB`, `34.5 MB`, `0.3 MB`."""
    return f"{num_bytes / 1e9:.1f} GB" if num_bytes >= 1e9 else f"{num_bytes / 1e6:.1f} MB"
