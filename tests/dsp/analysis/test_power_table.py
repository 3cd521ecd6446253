"""The table gives what filtering the recording gives."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import signal

from synth.dsp import levels
from synth.dsp.analysis.power_table import HOP, WEIGHTINGS, energy_between, energy_rows


def rumble(n: int, rate: int) -> np.ndarray:
    """Noise with 40 dB more below 100 Hz than in the band, and a thump."""
    random = np.random.RandomState(3)
    low = signal.sosfilt(signal.butter(4, 80, fs=rate, output="sos"), random.standard_normal(n))
    samples = 3000 * low + 20 * random.standard_normal(n)
    samples[n // 2 : n // 2 + rate // 50] += 4000
    return np.rint(samples)


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
@pytest.mark.parametrize("pieces", [1, 7])
def test_any_stretch_has_the_power_of_the_filtered_recording(rate: int, pieces: int) -> None:
    samples = rumble(9 * rate + 17, rate)
    table = np.concatenate(list(energy_rows(np.array_split(samples, pieces), sample_rate=rate)))
    assert len(table) == -(-samples.size // HOP) + 1
    random = np.random.RandomState(1)
    for column, weighting in enumerate(WEIGHTINGS):
        filtered = levels.weight(samples, weighting=weighting, sample_rate=rate)
        for _ in range(40):
            start = random.randint(rate // 5, 6 * rate)
            stop = start + random.randint(rate // 2, 3 * rate)
            expected = levels.mean_power(filtered[start:stop])
            found = energy_between(table, start, stop, num_samples=samples.size)[column] / (stop - start)
            assert 10 * math.log10(found / expected) == pytest.approx(0, abs=0.05)


def test_whole_recording_to_the_last_sample() -> None:
    samples = np.arange(1000.0)
    table = np.concatenate(list(energy_rows([samples], sample_rate=16000)))
    assert energy_between(table, 0, 1000, num_samples=1000)[2] == pytest.approx(np.sum(samples**2), rel=1e-12)
