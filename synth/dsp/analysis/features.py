"""What can be said of one noise recording by itself: level, stationarity, spectrum, lines, bandwidth, speech."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synth.dsp.analysis.spectrum import (
    Bandwidth,
    Power,
    Readable,
    Stretch,
    TonalLine,
    find_bandwidth,
    find_lines,
    measure_spectrum,
    third_octave_levels,
)
from synth.dsp.analysis.speech_in_noise import SpeechFinding, find_speech
from synth.units import power_to_db

VERSION = 3
"""Goes up when any of these measurements changes: remembered ones are then made anew."""

LEVEL_SECONDS = 0.1
_BLOCK_SECONDS = 20
_LOWEST_DB = -200.0


@dataclass(frozen=True, slots=True)
class NoiseFeatures:
    """Measurements of the usable part of a recording.

    level_dbfs: mean power, unweighted, full-scale sine -3.01. level_sd_db: SD of the levels of frames of 100 ms; None
    where there are fewer than two. bands_dbfs: level of each third octave (noise_spectrum.third_octaves), dB.
    """

    level_dbfs: float
    level_sd_db: float | None
    bands_dbfs: tuple[float, ...]
    lines: tuple[TonalLine, ...]
    bandwidth: Bandwidth
    speech: SpeechFinding


def measure_recording(
    samples: Readable, stretches: Sequence[Stretch], *, scale: float, sample_rate: int
) -> NoiseFeatures:
    """Measure the stretches (start, length) of a recording of int16 samples; `scale` brings them to full scale 1.0.

    Reads it in blocks: an hour takes no more memory than a minute.
    """
    spectrum = measure_spectrum(samples, stretches, scale=scale, sample_rate=sample_rate)
    power, levels = _levels(samples, stretches, scale=scale, sample_rate=sample_rate)
    return NoiseFeatures(
        level_dbfs=max(power_to_db(power), _LOWEST_DB),
        level_sd_db=float(levels.std()) if len(levels) > 1 else None,
        bands_dbfs=tuple(third_octave_levels(spectrum, sample_rate=sample_rate).tolist()),
        lines=find_lines(spectrum),
        bandwidth=find_bandwidth(spectrum),
        speech=find_speech(samples, stretches, sample_rate=sample_rate),
    )


def _levels(samples: Readable, stretches: Sequence[Stretch], *, scale: float, sample_rate: int) -> tuple[float, Power]:
    """(mean power, level in dB of each whole frame of 100 ms)."""
    frame = max(1, round(LEVEL_SECONDS * sample_rate))
    total, seen, levels = 0.0, 0, [np.zeros(0)]
    for start, length in stretches:
        for first in range(0, length, _BLOCK_SECONDS * 10 * frame):
            count = min(_BLOCK_SECONDS * 10 * frame, length - first)
            heard = samples[start + first : start + first + count] * scale
            total += float(heard @ heard)
            seen += count
            frames = heard[: count // frame * frame].reshape(-1, frame)
            levels.append(10 * np.log10(np.maximum((frames**2).mean(axis=1), 10 ** (_LOWEST_DB / 10))))
    return total / max(1, seen), np.concatenate(levels)


def describe_stationarity(level_sd_db: float | None) -> str:
    """What the SD of the level means for estimates that take noise as steady, in a word.

    Up to 3 dB they hold; above 5 dB they do not (measured: the error of blind SNR estimates, 1-2 dB for car noise with
    an SD of 1.6 dB, 9-15 dB for a recording with one of 7 dB).
    """
    if level_sd_db is None:
        return "unknown"
    return "steady" if level_sd_db <= 3 else "wavering" if level_sd_db <= 5 else "unsteady"
