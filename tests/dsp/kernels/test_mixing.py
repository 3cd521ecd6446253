"""The fused sums give what numpy gives for the stored sum: sample for sample, and in every position of the speech."""

from __future__ import annotations

import numpy as np
import pytest

from synth.audio.encode import quantize
from synth.dsp.kernels import mixing, native
from synth.render import mixture

energy_and_peak, round_sum = (native.load("mixing", name) for name in ("energy_and_peak", "round_sum"))
NOTHING = np.zeros(0)
SCRATCH = np.full(mixture._SCRATCH, np.nan)


def white(count: int, seed: int, rms: float = 0.1) -> np.ndarray:
    return np.random.RandomState(seed).standard_normal(count) * rms


def plain_sum(speech: np.ndarray, onset: int, noise: np.ndarray, noise_gain: float, num_samples: int) -> np.ndarray:
    total = noise_gain * noise if noise.size else np.zeros(num_samples)
    total[onset : onset + speech.size] += speech
    return total


# lengths around the size of a block, speech that begins and ends inside of blocks, at their edges, and nowhere
PLACES = [
    (num_samples, onset, count)
    for num_samples in (1, 511, 512, 513, 5000)
    for onset in (0, 1, 300, 512, 1100)
    for count in (0, 1, 511, 512, 700, 3900)
    if onset + count <= num_samples
]


@pytest.mark.parametrize("with_noise", [True, False])
@pytest.mark.parametrize(("num_samples", "onset", "count"), PLACES)
def test_the_sum_is_that_of_numpy(num_samples: int, onset: int, count: int, with_noise: bool) -> None:
    speech, noise = white(count, 1), white(num_samples, 2) if with_noise else NOTHING
    total = plain_sum(speech, onset, noise, 0.37, num_samples)
    energy, peak = energy_and_peak(speech, onset, noise, 0.37, num_samples, SCRATCH)
    assert energy == pytest.approx(float(np.dot(total, total)), rel=1e-12)
    assert peak == np.abs(total).max()
    pcm = np.empty(num_samples, np.int16)
    steps = round_sum(pcm, speech, onset, noise, 0.37, 0.8, SCRATCH)
    assert np.array_equal(pcm, quantize(total * 0.8))
    exact = [int(step) for step in pcm]
    assert steps == (sum(step * step for step in exact), max(abs(step) for step in exact))


def test_samples_are_rounded_half_to_even_and_cut_at_full_scale() -> None:
    speech = np.array([0.5, 1.5, -0.5, -1.5, 2.5, 40000.0, -40000.0, 32767.5, -32768.5]) / 32768
    pcm = np.empty(len(speech), np.int16)
    energy, peak = round_sum(pcm, speech, 0, NOTHING, 0.0, 1.0, SCRATCH)
    assert pcm.tolist() == [0, 2, 0, -2, 2, 32767, -32768, 32767, -32768]
    assert energy == 3 * 4 + 2 * (32767**2 + 32768**2)
    assert peak == 32768


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("at", [0, 600, 999])
def test_the_energy_shows_a_sample_that_is_no_number(value: float, at: int) -> None:
    noise = white(1000, 3)
    noise[at] = value
    energy, _ = energy_and_peak(white(400, 4), 300, noise, 0.5, 1000, SCRATCH)
    assert not np.isfinite(energy)


def test_inputs_that_are_only_to_be_read_are_taken_and_left_as_they_are() -> None:
    speech, noise = white(400, 5), white(1000, 6)
    before = speech.copy(), noise.copy()
    for array in (speech, noise):
        array.flags.writeable = False
    energy_and_peak(speech, 10, noise, 0.5, 1000, SCRATCH)
    round_sum(np.empty(1000, np.int16), speech, 10, noise, 0.5, 1.0, SCRATCH)
    assert np.array_equal(speech, before[0])
    assert np.array_equal(noise, before[1])


def test_the_scratch_memory_is_as_large_as_the_kernels_use_it() -> None:
    assert mixture._SCRATCH == (3, mixing.BLOCK)
