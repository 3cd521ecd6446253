"""Speech in noise: made voices and made engines, and real ones where there are any."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import soxr
from scipy.signal import butter, sosfilt

from synth.dsp import levels
from synth.dsp.analysis.speech_in_noise import find_speech, find_voiced_runs
from tests.helpers import needs_real_audio, real_audio

RATE = 16000


def red(seconds: float, *, rate: int = RATE, seed: int = 1) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal(round(seconds * rate))
    made = sosfilt(butter(1, (60, 500), "bandpass", fs=rate, output="sos"), noise)
    return np.asarray(made / made.std())


def harmonics(f0: np.ndarray, rate: int = RATE) -> np.ndarray:
    phase = 2 * np.pi * np.cumsum(f0) / rate
    return np.asarray(sum(np.cos(k * phase + k * k) / k for k in range(1, 20)))


def voice(seconds: float, *, f0: float, rate: int = RATE) -> np.ndarray:
    """Syllables of 0.2 s, two a second, each of a pitch of its own and gliding down by a tone."""
    t = np.arange(round(seconds * rate)) / rate
    number, within = np.divmod(t * 2, 1)
    gate = np.clip(np.minimum(within, 0.4 - within) * 20, 0, 1)
    return 3 * gate * harmonics(f0 * (1 + 0.2 * np.sin(number * 2.4)) * (1.05 - 0.3 * within), rate)


def found(samples: np.ndarray, rate: int = RATE) -> bool:
    packed = np.rint(samples / np.abs(samples).max() * 32767).astype(np.int16)
    return find_speech(packed, [(0, len(packed))], sample_rate=rate).is_speech


@pytest.mark.parametrize("f0", [100.0, 150.0, 220.0])
@pytest.mark.parametrize("rate", [8000, 16000, 48000])
def test_a_voice_in_noise_is_found(f0: float, rate: int) -> None:
    assert found(red(10, rate=rate) + voice(10, f0=f0, rate=rate), rate)


def test_where_it_is_and_how_much_of_it() -> None:
    noise = red(40)
    noise[20 * RATE : 30 * RATE] += voice(10, f0=150)
    packed = np.rint(noise / np.abs(noise).max() * 32767).astype(np.int16)
    speech = find_speech(packed, [(0, len(packed))], sample_rate=RATE)
    assert speech.is_speech
    assert speech.at_s == pytest.approx(20)
    assert 1.5 < speech.seconds < 4.5  # 20 syllables, voiced for 0.2 s


T = np.arange(20 * RATE) / RATE


@pytest.mark.parametrize(
    "sound",
    [
        0 * T,
        harmonics(100 + 0 * T),  # an engine at rest
        harmonics(60 + 120 * ((T % 8) / 8)),  # and one that goes through its gears
        harmonics(430 + 0 * T) * ((T % 2) < 0.7),  # a horn
        3 * harmonics(250 + 0 * T) * ((T % 1.3) < 0.4),  # short ones of a deeper horn: their pitch stands still
        harmonics(np.where((T % 1) < 0.5, 440, 585)),  # a siren of two tones
        3 * red(20, seed=2) * (1 + np.sin(2 * np.pi * 4 * T)),  # noise in the rhythm of syllables
        np.sin(2 * np.pi * 1000 * T) * ((T % 0.7) < 0.35),  # a warning tone
    ],
    ids=["nothing", "idle", "gears", "horn", "deep horn", "siren", "rhythm", "beeps"],
)
def test_what_is_no_voice_is_not_called_one(sound: np.ndarray) -> None:
    assert not found(red(20) + sound)


def test_too_short_for_speech() -> None:
    assert find_voiced_runs(red(0.1), sample_rate=RATE) == []
    assert not found(voice(0.2, f0=150))


def read(path: Path) -> np.ndarray:
    samples, rate = sf.read(path, always_2d=True)
    return soxr.resample(samples.mean(axis=1), rate, RATE)


def mixed(speech: np.ndarray, noise: np.ndarray, snr_db: float) -> np.ndarray:
    """SNR of the active level between 200 and 7000 Hz."""
    under = np.resize(noise, len(speech))
    band = {"weighting": "band", "sample_rate": RATE}
    active = levels.active_level(levels.weight(speech, **band), sample_rate=RATE).power()
    power = levels.mean_power(levels.weight(under, **band))
    return speech + under * np.sqrt(active / power / 10 ** (snr_db / 10))


@needs_real_audio
@pytest.mark.parametrize(("snr_db", "least"), [(10, 0.95), (5, 0.9), (0, 0.75)])
def test_real_speech_in_real_car_noise_is_found(snr_db: float, least: float) -> None:
    cars = [read(path) for path in sorted((real_audio() / "noise" / "car").iterdir())]
    voices = [read(path) for path in sorted((real_audio() / "speech" / "librispeech").rglob("*.flac"))[2::4]]
    hits = [found(mixed(v, cars[i % len(cars)], snr_db)) for i, v in enumerate(voices)]
    assert len(hits) > 20
    assert np.mean(hits) >= least


@needs_real_audio
def test_real_noise_is_not_called_speech_but_for_two_recordings_of_people() -> None:
    noises = sorted((real_audio() / "noise").rglob("*.*"))
    called = [path.name for path in noises if path.is_file() and found(read(path))]
    assert called == ["moodist_busy-street.mp3", "nastar_babble_test.wav"]
