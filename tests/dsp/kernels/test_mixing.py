"""The fused sums give what numpy gives for the stored sum: sample for sample, and in every position of the speech."""

from __future__ import annotations

import numpy as np
import pytest

from synth.audio.encode import quantize
from synth.dsp.kernels import mixing, native
from synth.render import mixture

KERNELS = ("energy_and_peak", "round_sum", "energy_of_steps")
energy_and_peak, round_sum, energy_of_steps = (native.load("mixing", name) for name in KERNELS)
NOTHING, NO_STEPS = np.zeros(0), np.zeros(0, np.int16)
SCALE = 1.234e-5
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


@pytest.mark.parametrize("kind", ["floats", "stored", "none"])
@pytest.mark.parametrize(("num_samples", "onset", "count"), PLACES)
def test_the_sum_is_that_of_numpy(num_samples: int, onset: int, count: int, kind: str) -> None:
    speech, noise, steps = white(count, 1), NOTHING, NO_STEPS
    if kind == "floats":
        noise = white(num_samples, 2)
    elif kind == "stored":
        steps = (white(num_samples, 2) * 32767).astype(np.int16)
    total = plain_sum(speech, onset, noise if kind == "floats" else steps * SCALE, 0.37, num_samples)
    parts = speech, onset, noise, steps, SCALE, 0.37
    energy, peak = energy_and_peak(*parts, num_samples, SCRATCH)
    assert energy == pytest.approx(float(np.dot(total, total)), rel=1e-12)
    assert peak == np.abs(total).max()
    pcm = np.empty(num_samples, np.int16)
    results = round_sum(pcm, *parts, 0.8, SCRATCH)
    assert np.array_equal(pcm, quantize(total * 0.8))
    exact = [int(step) for step in pcm]
    assert results == (energy, peak, sum(step * step for step in exact), max(abs(step) for step in exact))
    assert energy_of_steps(pcm) == results[2]


def test_samples_are_rounded_half_to_even_and_cut_at_full_scale() -> None:
    speech = np.array([0.5, 1.5, -0.5, -1.5, 2.5, 40000.0, -40000.0, 32767.5, -32768.5]) / 32768
    pcm = np.empty(len(speech), np.int16)
    _, _, energy, peak = round_sum(pcm, speech, 0, NOTHING, NO_STEPS, 1.0, 0.0, 1.0, SCRATCH)
    assert pcm.tolist() == [0, 2, 0, -2, 2, 32767, -32768, 32767, -32768]
    assert energy == 3 * 4 + 2 * (32767**2 + 32768**2)
    assert peak == 32768


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("at", [0, 600, 999])
def test_the_energy_shows_a_sample_that_is_no_number(value: float, at: int) -> None:
    noise = white(1000, 3)
    noise[at] = value
    energy, _ = energy_and_peak(white(400, 4), 300, noise, NO_STEPS, 1.0, 0.5, 1000, SCRATCH)
    assert not np.isfinite(energy)


def test_inputs_that_are_only_to_be_read_are_taken_and_left_as_they_are() -> None:
    speech, noise, steps = white(400, 5), white(1000, 6), np.arange(1000, dtype=np.int16)
    before = speech.copy(), noise.copy()
    for array in (speech, noise, steps):
        array.flags.writeable = False
    for parts in ((speech, 10, noise, NO_STEPS, 1.0, 0.5), (speech, 10, NOTHING, steps, 1e-5, 0.5)):
        energy_and_peak(*parts, 1000, SCRATCH)
        round_sum(np.empty(1000, np.int16), *parts, 1.0, SCRATCH)
    energy_of_steps(steps)
    assert np.array_equal(speech, before[0])
    assert np.array_equal(noise, before[1])
    assert np.array_equal(steps, np.arange(1000))


def test_the_scratch_memory_is_as_large_as_the_kernels_use_it() -> None:
    assert mixture._SCRATCH == (3, mixing.BLOCK)
