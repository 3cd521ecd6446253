"""The joints of WSOLA: where they are, what they spare, and that they are the same on every processor."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.dsp.effects.wsola import time_stretch
from synth.dsp.stretch_sizes import Sizes
from tests.dsp.effects.known_signals import cents_off, clicks, harmonics, noise, rms_db

RATES = [8000, 11025, 16000, 22050, 32000, 44100, 48000]
FACTORS = [0.5, 0.8, 0.95, 1.05, 1.25, 2.0]


def stretched(samples: np.ndarray, factor: float, sample_rate: int = 16000) -> np.ndarray:
    return time_stretch(samples, num_samples=round(len(samples) / factor), sample_rate=sample_rate)


def spoken(sample_rate: int = 16000) -> np.ndarray:
    """Vowels of several pitches with bursts of noise and pauses between them."""
    parts = []
    for number, pitch in enumerate([90, 130, 210, 110, 240]):
        vowel = harmonics(pitch, 0.3, sample_rate) * np.hanning(round(0.3 * sample_rate))
        parts += [vowel, np.zeros(sample_rate // 20), noise(sample_rate // 10, number), 0.01 * noise(sample_rate // 15)]
    return np.concatenate(parts)


def count_clicks(samples: np.ndarray, sample_rate: int = 16000) -> int:
    """Groups of loud samples at least 3 ms apart."""
    loud = np.flatnonzero(np.abs(samples) > 0.3)
    return int(len(loud) > 0) + int(np.sum(np.diff(loud) > 0.003 * sample_rate))


DIGESTS = """
import hashlib, sys
sys.path[:0] = sys.argv[1:]
from tests.dsp.kernels.test_wsola import spoken, stretched
from tests.dsp.effects.known_signals import noise
for factor in (0.5, 0.8, 1.1, 1.7):
    for sound in (spoken(), noise(20000)):
        print(hashlib.sha256(stretched(sound, factor).tobytes()).hexdigest())
"""


def test_the_bytes_are_the_same_on_a_processor_without_vector_units(tmp_path: Path) -> None:
    """Compiled for this processor, and for the least of its kind; each in a cache of its own."""
    variants = [{}, {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}]
    outputs = [
        subprocess.run(
            [sys.executable, "-c", DIGESTS, *sys.path],
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / str(number)), **variant},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for number, variant in enumerate(variants)
    ]
    assert outputs[0] == outputs[1]
    assert len(set(outputs[0].split())) == 8


@pytest.mark.parametrize("sample_rate", RATES)
def test_sums_of_products_cannot_overflow(sample_rate: int) -> None:
    sizes = Sizes.at(sample_rate)
    assert sizes.match * (1 << 2 * sizes.bits) < 1 << 31
    assert sizes.bits >= 10
    assert sizes.fade <= sizes.match


@pytest.mark.parametrize("sample_rate", RATES)
@pytest.mark.parametrize("factor", FACTORS)
def test_any_rate_keeps_pitch_clicks_and_length(factor: float, sample_rate: int) -> None:
    tone = stretched(harmonics(120, 2.0, sample_rate), factor, sample_rate)
    assert cents_off(tone * 1.0, 120 * 16000 / sample_rate) < 1
    places = [sample_rate // 4, sample_rate // 2, sample_rate * 4 // 5]
    out = stretched(clicks(places, sample_rate), factor, sample_rate)
    assert len(out) == round(sample_rate / factor)
    assert count_clicks(out, sample_rate) == 3
    for place in places:
        nearest = np.min(np.abs(np.flatnonzero(np.abs(out) > 0.3) - place / factor))
        assert nearest < 0.001 * sample_rate


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 3000), st.integers(1, 6000), st.sampled_from([4000, 8000, 16000, 48000]), st.integers(0, 3))
def test_any_length_to_any_other(num_samples: int, length: int, sample_rate: int, kind: int) -> None:
    """Also far outside of the range of the effects."""
    samples = [noise(num_samples), np.zeros(num_samples), np.full(num_samples, 0.7), clicks([0], num_samples)][kind]
    out = time_stretch(samples, num_samples=length, sample_rate=sample_rate)
    assert out.shape == (length,)
    assert np.isfinite(out).all()
    assert np.abs(out).max() <= 1.5 * np.abs(samples).max()


@pytest.mark.parametrize("factor", FACTORS)
def test_a_sound_shorter_than_a_joint_is_played_as_it_is(factor: float) -> None:
    samples = noise(100)
    out = stretched(samples, factor)
    played = min(len(out), 100)
    np.testing.assert_array_equal(out[:played], samples[:played])
    assert not out[played:].any()


@pytest.mark.parametrize("factor", [0.8, 0.9, 1.1, 1.25])
def test_no_click_of_a_train_is_doubled_or_dropped(factor: float) -> None:
    """With 25 ms or more between clicks, also over noise 40 dB below them."""
    draws = np.random.default_rng(1)
    places = np.cumsum(draws.integers(400, 1600, 200))
    train = clicks(places, places[-1] + 800) + 0.1 * noise(places[-1] + 800)
    out = stretched(train, factor)
    assert count_clicks(out) == 200
    loud = np.flatnonzero(np.abs(out) > 0.3)
    assert max(np.min(np.abs(loud - place / factor)) for place in places) < 0.004 * 16000


@pytest.mark.parametrize("gain", [1e-4, 1e-7, 1e-200])
def test_a_quiet_sound_is_stretched_as_a_loud_one(gain: float) -> None:
    """By a power of two, so that its samples are the same to the bit."""
    gain = 2.0 ** np.round(np.log2(gain))
    np.testing.assert_array_equal(stretched(spoken() * gain, 0.9), stretched(spoken(), 0.9) * gain)


def test_a_quiet_passage_is_joined_at_its_periods() -> None:
    """A vowel 50 dB below the loudest part of the sound keeps its pitch."""
    quiet = np.concatenate([harmonics(150, 0.3), np.zeros(800), 10 ** (-50 / 20) * harmonics(150, 3.0)])
    for factor in (0.8, 1.25):
        assert cents_off(stretched(quiet, factor)[round(6000 / factor) :], 150) < 5


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_power_stays_through_joints_of_noise(factor: float) -> None:
    """A fade that adds amplitudes would lose 3 dB in the middle of each joint."""
    out = stretched(noise(160000), factor)
    windows = out[: len(out) // 64 * 64].reshape(-1, 64)
    before = noise(160000).reshape(-1, 64)
    assert rms_db(out) == pytest.approx(rms_db(noise(160000)), abs=0.1)
    spread = [np.std(10 * np.log10(np.mean(np.square(part), axis=1))) for part in (windows, before)]
    assert spread[0] == pytest.approx(spread[1], rel=0.08)


@pytest.mark.parametrize("factor", FACTORS)
def test_the_sound_never_drifts_far_from_its_place(factor: float) -> None:
    """A slow chirp says for each place in the result from which place of the sound it comes."""
    seconds = 6
    time = np.arange(seconds * 16000) / 16000
    chirp = 0.5 * np.sin(2 * np.pi * (200 * time + 0.5 * 400 * time**2))  # 200 to 2600 Hz
    out = stretched(chirp, factor)
    size = 1024
    window = np.hanning(size)
    for start in range(size, len(out) - 2 * size, 2000):
        power = np.abs(np.fft.rfft(out[start : start + size] * window, 16 * size))
        frequency = np.argmax(power) * 16000 / (16 * size)
        source = (frequency - 200) / 400
        assert source == pytest.approx((start + size / 2) / 16000 * factor, abs=0.03)


def test_a_sound_is_copied_between_few_joints() -> None:
    """At 0.95, a joint for each 2.5 ms that are made up for would be 40 in these 2.5 s."""
    samples = spoken()
    out = stretched(samples, 0.95)
    chunks = {samples[k : k + 8].tobytes() for k in range(len(samples) - 8)}
    copied = np.array([out[k : k + 8].tobytes() in chunks for k in range(len(out) - 8)])
    assert np.mean(copied) > 0.8
