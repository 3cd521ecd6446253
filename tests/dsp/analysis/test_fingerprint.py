"""The fingerprint stays what it is under all that leaves a recording the same, and is like chance for any other."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import soxr
from scipy import signal

from synth.dsp.analysis import fingerprint as prints
from synth.dsp.analysis.fingerprint import (
    BLOCK,
    FRAME_SECONDS,
    HOP_SECONDS,
    RATE,
    compare_at_lag,
    count_words,
    is_same_recording,
    seconds_of,
)


def noise(seconds: float, *, seed: int = 0, rate: int = 16000) -> np.ndarray:
    return np.random.RandomState(seed).standard_normal(round(seconds * rate))


def words_of(samples: np.ndarray, rate: int = 16000, *, pieces: int = 1) -> np.ndarray:
    steps = np.rint(samples / max(np.abs(samples).max(), 1e-9) * 32767)
    found = prints.compute_fingerprint(np.array_split(steps, pieces), sample_rate=rate)
    return np.concatenate([np.zeros(0, np.uint32), *found])


def errors(one: np.ndarray, other: np.ndarray) -> float:
    count = min(len(one), len(other))
    return float(np.bitwise_count(one[:count] ^ other[:count]).mean()) / 32


def equalised(samples: np.ndarray, db: float) -> np.ndarray:
    """Gains of +db and -db in turn, from octave to octave."""
    hz = np.fft.rfftfreq(len(samples), 1 / 16000)
    curve = np.interp(np.log2(np.maximum(hz, 1) / 50), np.arange(8), db * (-1.0) ** np.arange(8))
    return np.fft.irfft(np.fft.rfft(samples) * 10 ** (curve / 20), len(samples))


def test_bits_are_the_signs_of_the_double_difference_of_33_logarithmic_bands() -> None:
    """Against scipy's spectrogram and bands told apart by their edges in Hz."""
    samples = np.rint(3000 * noise(4.0, rate=RATE))
    hz, _, power = signal.spectrogram(
        samples, RATE, "hann", nperseg=1856, noverlap=1856 - 58, nfft=2048, detrend=False, scaling="spectrum"
    )
    edges = 300 * (2000 / 300) ** (np.arange(34) / 33)
    nearest = np.array([hz[np.argmin(np.abs(hz - edge))] for edge in edges])
    bands = np.log([power[(hz >= low) & (hz < high)].sum(axis=0) for low, high in itertools.pairwise(nearest)])
    bits = np.diff(np.diff(bands, axis=0), axis=1) > 0
    expected = (bits * (1 << np.arange(32))[:, None]).sum(axis=0)
    found = np.concatenate(list(prints.compute_fingerprint([samples], sample_rate=RATE)))
    assert errors(found, expected[: len(found)].astype(np.uint32)) < 1e-3
    assert pytest.approx(HOP_SECONDS) == 58 / 5000
    assert pytest.approx(FRAME_SECONDS) == 1856 / 5000


@pytest.mark.parametrize("rate", [4000, 8000, 11127, 16000, 48000])
@pytest.mark.parametrize("seconds", [0.01, 0.37, 0.383, 0.4, 3.0, 17.777])
def test_the_number_of_words_follows_from_the_length(rate: int, seconds: float) -> None:
    samples = noise(seconds, rate=rate)
    words = words_of(samples, rate, pieces=3)
    assert len(words) == count_words(len(samples), rate)
    assert len(words) == pytest.approx(max(0, (seconds - FRAME_SECONDS) / HOP_SECONDS), abs=1.0)


def test_pieces_do_not_matter() -> None:
    samples = noise(20.0)
    assert np.array_equal(words_of(samples, pieces=1), words_of(samples, pieces=57))


@pytest.mark.parametrize(
    ("rate", "most"), [(4000, 0.02), (8000, 0.005), (11025, 0.005), (44100, 0.005), (48000, 0.005)]
)
def test_the_rate_of_the_samples_does_not_matter(rate: int, most: float) -> None:
    samples = noise(10.0)
    assert errors(words_of(soxr.resample(samples, 16000, rate), rate), words_of(samples)) < most


def test_gain_and_equaliser_change_few_bits() -> None:
    samples = noise(10.0)
    words = words_of(samples)
    quiet = np.concatenate(list(prints.compute_fingerprint([np.rint(30 * samples)], sample_rate=16000)))
    assert errors(quiet, words) < 0.01
    assert errors(words_of(equalised(samples, 12)), words) < 0.1


def test_other_noise_is_chance() -> None:
    found = [errors(words_of(noise(10.0, seed=k)), words_of(noise(10.0, seed=50 + k))) for k in range(8)]
    assert np.mean(found) == pytest.approx(0.5, abs=0.01)
    assert min(found) > 0.46


def test_silence_says_nothing() -> None:
    samples = noise(8.0)
    samples[3 * 16000 : 5 * 16000] = 0
    words = words_of(samples)
    at = np.flatnonzero(words == 0) * HOP_SECONDS
    assert at.min() == pytest.approx(3.0, abs=0.05)
    assert at.max() == pytest.approx(5.0 - FRAME_SECONDS, abs=0.05)
    assert not words_of(np.zeros(8 * 16000)).any()
    assert compare_at_lag(words_of(np.zeros(8 * 16000)), words_of(np.zeros(8 * 16000)), 0) is None


def test_what_two_recordings_share_is_found_with_its_place() -> None:
    common = noise(5.0, seed=1)
    first = words_of(np.concatenate([noise(4.0, seed=2), common, noise(3.0, seed=3)]))
    second = words_of(np.concatenate([noise(1.0, seed=4), common, noise(7.0, seed=5)]))
    lag = round(3.0 / HOP_SECONDS)
    found = min(
        (one for k in (-1, 0, 1) if (one := compare_at_lag(first, second, lag + k))), key=lambda one: one.error_rate
    )
    assert found.start * HOP_SECONDS == pytest.approx(4.0, abs=0.4)
    assert seconds_of(found.common) == pytest.approx(5.0, abs=0.7)
    assert found.error_rate < 0.1
    assert compare_at_lag(first, second, lag + 40) is None
    assert compare_at_lag(first[: BLOCK - 1], first[: BLOCK - 1], 0) is None, "too short to be compared"


def test_a_likeness_tells_nothing_where_the_sound_is_as_like_itself_at_another_time() -> None:
    words = words_of(np.tile(noise(2.0), 5))
    likeness = compare_at_lag(words, words, 0)
    assert likeness is not None
    assert is_same_recording(likeness, words, words_of(noise(10.0))) is True
    shifted = compare_at_lag(words, words, round(2.0 / HOP_SECONDS))
    assert shifted is not None
    assert is_same_recording(shifted, words, words) is False
