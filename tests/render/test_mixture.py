"""A mixture: its samples, its stems, and the samples as they are written are all the same sound."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from synth.audio.encode import quantize
from synth.audio.pcm_level import PcmLevel
from synth.render.mixture import Mixture
from synth.render.stored_noise import StoredNoise


def white(count: int, seed: int) -> np.ndarray:
    return np.random.RandomState(seed).standard_normal(count) * 0.1


NOISY = Mixture(3000, white(1200, 1), 700, white(3000, 2), noise_gain=0.4, gain=1.3)
STORED = replace(NOISY, noise=StoredNoise((white(3000, 3) * 32767).astype(np.int16), 1.234e-5))
PLAIN = Mixture(1200, white(1200, 1))


@pytest.mark.parametrize("mixture", [NOISY, STORED, PLAIN])
def test_rounded_samples_are_those_of_the_sound(mixture: Mixture) -> None:
    rounded = mixture.rounded()
    assert np.array_equal(rounded.pcm, quantize(mixture.samples()))
    measured = PcmLevel()
    measured.add(rounded.pcm)
    assert rounded.level == measured
    assert (rounded.power, rounded.peak) == mixture.power_and_peak()


@pytest.mark.parametrize("mixture", [NOISY, STORED, PLAIN])
def test_power_and_peak_are_those_before_the_gain(mixture: Mixture) -> None:
    power, peak = mixture.power_and_peak()
    samples = mixture.samples() / mixture.gain
    assert power == pytest.approx(float(np.mean(samples**2)), rel=1e-12)
    assert peak == pytest.approx(float(np.abs(samples).max()), rel=1e-12)


@pytest.mark.parametrize("mixture", [NOISY, STORED, PLAIN])
def test_stems_sum_to_the_samples(mixture: Mixture) -> None:
    speech, noise = mixture.stems()
    assert speech.shape == noise.shape == (mixture.num_samples,)
    assert np.allclose(speech + noise, mixture.samples(), rtol=0, atol=1e-15)


def test_arrays_with_gaps_and_of_single_precision_are_taken() -> None:
    """Effects of libraries leave such arrays."""
    speech, noise = white(2400, 1), white(3000, 2)
    gaps = Mixture(3000, speech[::2], 700, noise.astype(np.float32), 0.4)
    plain = Mixture(3000, speech[::2].copy(), 700, noise.astype(np.float32).astype(np.float64), 0.4)
    assert gaps.power_and_peak() == plain.power_and_peak()
    assert np.array_equal(gaps.rounded()[0], plain.rounded()[0])


def test_samples_do_not_share_memory_with_the_parts() -> None:
    before = PLAIN.speech.copy()
    PLAIN.samples()[:] = 0.0
    assert np.array_equal(PLAIN.speech, before)
