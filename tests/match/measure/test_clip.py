"""Features of clips whose truth is known, and of clips that have none."""

from __future__ import annotations

import time

import numpy as np
import pytest
import soundfile
from scipy.signal import butter, sosfilt

from benchmarks.snr_mixes import calibration_mixes
from synth.dsp.analysis.bands import band_levels, normalize_levels
from synth.dsp.arrays import Samples
from synth.dsp.resample import resample
from synth.match.measure.clip import FLAGS, VERSION, ClipMeasurement, measure_clip
from synth.match.measure.features import FEATURES
from synth.match.measure.pitch import pitch_hz
from tests.helpers import FIXTURES, needs_real_audio, real_audio

RATE = 16_000


def rng(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=[seed, 2]))


def pulses(hz: float, seconds: float, *, rate: int = RATE) -> Samples:
    """Harmonics that fall by 6 dB an octave, in syllables of 4 Hz."""
    t = np.arange(int(seconds * rate)) / rate
    voice = sum(np.cos(2 * np.pi * k * hz * t) / k for k in range(1, int(0.4 * rate / hz)))
    return np.asarray(0.1 * voice * np.clip(np.sin(2 * np.pi * 4 * t) + 0.3, 0, None))


def spoken(*, noise: float = 0.003, hz: float = 140.0, margin: float = 0.3, rate: int = RATE, seed: int = 1) -> Samples:
    speech = pulses(hz, 2.0, rate=rate)
    edge = np.zeros(int(margin * rate))
    clip = np.concatenate([edge, speech, edge])
    return clip + noise * rng(seed).normal(size=len(clip))


def well_formed(found: ClipMeasurement) -> None:
    assert set(found.features) == {f.name for f in FEATURES}
    assert all(value is None or np.isfinite(value) for value in found.features.values())
    assert list(found.flags) == [flag for flag in FLAGS if flag in found.flags]
    assert np.isfinite(found.noise_power).all()


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.1, 0.3, 1.0])
def test_any_clip_can_be_measured(rate: int, seconds: float) -> None:
    size = int(rate * seconds)
    odd = 0.1 * rng(3).normal(size=size)
    odd[: size // 3] = np.nan
    constant, click = np.full(size, 0.3), np.zeros(size)
    click[size // 2 : size // 2 + 1] = 1.0
    for samples in (np.zeros(size), 0.1 * rng(2).normal(size=size), odd, constant, click, 1e-9 * odd):
        well_formed(measure_clip(samples, sample_rate=rate))
    silent = measure_clip(np.zeros(size), sample_rate=rate)
    assert "no_speech" in silent.flags and silent.features["snr_db"] is None and not silent.raw


def test_speech_between_digital_silence_is_clean() -> None:
    clip = np.concatenate([np.zeros(4800), pulses(150, 1.5), np.zeros(4800)])
    found = measure_clip(clip, sample_rate=RATE)
    well_formed(found)
    assert "clean" in found.flags and (found.features["snr_db"] or 0) > 25


def test_noise_alone_has_no_speech() -> None:
    for seed in range(5):
        assert "no_speech" in measure_clip(0.1 * rng(seed).normal(size=48_000), sample_rate=RATE).flags


def test_levels_follow_the_gain_and_nothing_else_does() -> None:
    once, quieter = (measure_clip(gain * spoken(), sample_rate=RATE).features for gain in (1.0, 0.1))
    for name in once:
        a, b = once[name], quieter[name]
        assert (a is None) == (b is None)
        if a is not None and b is not None:
            assert b == pytest.approx(a - 20 if name in ("speech_dbfs", "noise_dbfs") else a, abs=0.02 * max(1, abs(a)))


def test_colour_and_level_of_the_noise_are_those_of_the_noise() -> None:
    """Against the noise alone; one of its bands within 2.5 dB, its level within 1.5 dB."""
    rumble = sosfilt(butter(2, 400, fs=RATE, output="sos"), rng(5).normal(size=8 * RATE)) + 0.01 * rng(6).normal(
        size=8 * RATE
    )
    speech = pulses(130, 2.0)
    colours, errors = [], []
    for mix in calibration_mixes([speech], [rumble], count=12, sample_rate=RATE, seed=4, snr_db=(0, 15)):
        found = measure_clip(mix.samples, sample_rate=RATE)
        colours.append([found.features[f"noise_band_{k}"] for k in range(1, 13)])
        errors.append((found.features["noise_dbfs"] or 0) - mix.noise_db)
    power = (np.abs(np.fft.rfft(rumble[: 62 * 2048].reshape(-1, 2048), axis=1)) ** 2).mean(axis=0)
    true = normalize_levels(band_levels(power, sample_rate=RATE))
    assert np.abs(np.mean(np.array(colours, float), axis=0) - true).max() < 2.5
    assert abs(np.mean(errors)) < 1.5


def test_a_rate_without_the_upper_bands_leaves_them_out() -> None:
    found = measure_clip(spoken(rate=8000), sample_rate=8000).features
    assert found["noise_band_10"] is not None and found["noise_band_11"] is None and found["noise_band_12"] is None


def test_unsteady_noise_is_flagged_and_steady_noise_is_not() -> None:
    steady = [measure_clip(spoken(noise=0.01, seed=k), sample_rate=RATE) for k in range(10)]
    assert sum("non_stationary" in found.flags for found in steady) <= 1
    assert np.median([found.features["fluctuation_db"] or 0 for found in steady]) < 1
    flagged = 0
    for seed in range(10):
        t = np.arange(int(2.6 * RATE)) / RATE
        moving = 10 ** (0.6 * np.sin(2 * np.pi * (2.3 * t + rng(seed).uniform())))  # SD of the level: 8.5 dB
        clip = np.concatenate([np.zeros(4800), pulses(140, 2.0), np.zeros(4800)])[: len(t)]
        found = measure_clip(clip + 0.01 * moving * rng(seed + 50).normal(size=len(t)), sample_rate=RATE)
        flagged += bool({"non_stationary", "trimmed"} & set(found.flags))
    assert flagged >= 9


def test_a_clip_without_margins_is_trimmed() -> None:
    t = np.arange(RATE) / RATE
    voice = sum(np.cos(2 * np.pi * 150 * k * t) / k for k in range(1, 30))
    whole = 0.1 * voice * (0.05 + np.cos(2 * np.pi * 2 * t) ** 2) + 0.001 * rng(7).normal(size=RATE)
    assert "trimmed" in measure_clip(whole, sample_rate=RATE).flags
    assert "trimmed" not in measure_clip(spoken(), sample_rate=RATE).flags


def test_the_share_without_speech_grows_with_the_margins() -> None:
    shares = [
        measure_clip(spoken(margin=m), sample_rate=RATE).features["nonspeech_share"] or 0 for m in (0.2, 0.6, 1.2)
    ]
    assert shares[0] < shares[1] < shares[2]
    assert shares[2] - shares[0] == pytest.approx(2.4 / 4.4 - 0.4 / 2.4, abs=0.1)


@pytest.mark.parametrize("edges", [(300.0, 3400.0), (120.0, 5000.0)])
def test_the_band_is_where_filters_put_it(edges: tuple[float, float]) -> None:
    clip = spoken(noise=0.05)
    narrow = sosfilt(butter(8, edges, "bandpass", fs=RATE, output="sos"), clip) + 1e-5 * rng(8).normal(size=len(clip))
    found = measure_clip(narrow, sample_rate=RATE)
    assert found.features["low_hz"] == pytest.approx(edges[0], rel=0.25)
    assert found.features["high_hz"] == pytest.approx(edges[1], rel=0.12)
    assert "lowpass" in found.flags and ("telephone" in found.flags) == (edges[0] == 300)


def test_upsampled_audio_shows_the_rate_it_had() -> None:
    clip = resample(spoken(noise=0.02, rate=8000), rate_in=8000, rate_out=RATE)
    found = measure_clip(clip, sample_rate=RATE)
    assert "lowpass" in found.flags
    assert found.features["high_hz"] == pytest.approx(3800, rel=0.08)
    assert "lowpass" not in measure_clip(spoken(noise=0.02), sample_rate=RATE).flags


def test_clipping_is_counted_in_runs() -> None:
    loud = np.clip(3 * spoken(), -0.2, 0.2)
    found = measure_clip(loud, sample_rate=RATE)
    assert "clipped" in found.flags
    assert found.features["clipped_share"] == pytest.approx(float(np.mean(np.abs(loud) >= 0.1999)), rel=0.3)
    whole = measure_clip(spoken(), sample_rate=RATE)
    assert "clipped" not in whole.flags and (whole.features["clipped_share"] or 0) < 1e-4


@pytest.mark.parametrize("hz", [90.0, 140.0, 230.0, 310.0])
def test_pitch(hz: float) -> None:
    for rate in (8000, 16000, 44100):
        found = measure_clip(spoken(hz=hz, rate=rate), sample_rate=rate).features["f0_hz"]
        assert found == pytest.approx(hz, rel=0.03)


def test_noise_has_no_pitch_and_an_engine_below_is_not_a_voice() -> None:
    always = np.ones(200, bool)
    assert pitch_hz(rng(1).normal(size=2 * RATE), always, sample_rate=RATE, hop_seconds=0.016) is None
    t = np.arange(int(2.6 * RATE)) / RATE
    with_engine = spoken(hz=200) + 0.2 * np.sin(2 * np.pi * 65 * t[: len(spoken())])
    assert measure_clip(with_engine, sample_rate=RATE).features["f0_hz"] == pytest.approx(200, rel=0.03)


def test_tilt_moves_with_a_shelf_and_modulation_with_syllables() -> None:
    clip = spoken(noise=1e-4)
    spectrum, hz = np.fft.rfft(clip), np.fft.rfftfreq(len(clip), 1 / RATE)
    bright = np.fft.irfft(spectrum * np.where(hz >= 1000, 2.0, 1.0), len(clip))
    tilts = [measure_clip(x, sample_rate=RATE).features["speech_tilt_db"] for x in (clip, bright)]
    assert tilts[0] is not None and tilts[1] is not None
    assert tilts[1] - tilts[0] == pytest.approx(6.02, abs=0.4)
    flat = measure_clip(0.1 * rng(4).normal(size=3 * RATE), sample_rate=RATE).features["modulation_4hz"]
    moving = measure_clip(clip, sample_rate=RATE).features["modulation_4hz"]
    assert flat is not None and moving is not None and moving > flat


def test_it_is_the_same_twice_and_the_input_is_left_alone() -> None:
    clip = spoken()
    kept = clip.copy()
    assert measure_clip(clip, sample_rate=RATE).features == measure_clip(clip, sample_rate=RATE).features
    assert np.array_equal(clip, kept)


def test_it_runs_at_a_hundred_times_real_time() -> None:
    clips = [resample(spoken(margin=1.0), rate_in=RATE, rate_out=rate) for rate in (RATE, 48_000)]
    for clip, rate in zip(clips, (RATE, 48_000), strict=True):
        measure_clip(clip, sample_rate=rate)
        start = time.process_time()
        for _ in range(5):
            measure_clip(clip, sample_rate=rate)
        assert (time.process_time() - start) / 5 < len(clip) / rate / 100


@needs_real_audio
def test_real_speech_in_real_car_noise() -> None:
    """Ten utterances in three recordings that wave at most 2 dB: mean error within 1.2 dB, each noise's own colour."""
    import soundfile

    folder = real_audio()
    speech = []
    for path in sorted((folder / "speech" / "vctk").glob("*.flac"))[:20:2]:
        samples, rate = soundfile.read(path)
        speech.append(resample(samples, rate_in=rate, rate_out=RATE)[: 4 * RATE])
    errors = []
    for name in ("nastar_car_train.wav", "noice_bmw_i3_driving_1.mp3"):
        samples, rate = soundfile.read(folder / "noise" / "car" / name, always_2d=True)
        noise = resample(samples.mean(axis=1), rate_in=rate, rate_out=RATE)
        mixes = calibration_mixes(speech, [noise], count=20, sample_rate=RATE, seed=6, snr_db=(-3, 18))
        errors += [(measure_clip(m.samples, sample_rate=RATE).features["snr_db"] or 0) - m.snr_db for m in mixes]
    assert abs(np.mean(errors)) < 1.2
    assert np.std(errors) < 2.0


# Features of a spoken word in the noise of a car. If this test fails, the measurement has changed: raise VERSION in
# synth/match/measure/clip.py, so that caches do not answer with the values of before, and pin the new ones here.
PINNED_VERSION = 1
PINNED = {
    "snr_db": 15.18,
    "speech_dbfs": -25.695,
    "noise_dbfs": -40.234,
    "noise_band_1": 3.2,
    "noise_band_2": 8.437,
    "noise_band_3": 10.024,
    "noise_band_4": 7.98,
    "noise_band_5": 1.265,
    "noise_band_6": 0.219,
    "noise_band_7": 1.185,
    "noise_band_8": -0.907,
    "noise_band_9": -4.379,
    "noise_band_10": -7.676,
    "noise_band_11": -8.982,
    "noise_band_12": -10.366,
    "rumble_1": -16.535,
    "rumble_2": -12.866,
    "fluctuation_db": 1.876,
    "low_hz": 91.084,
    "high_hz": 4901.684,
    "speech_tilt_db": -8.32,
    "modulation_4hz": 0.661,
    "duration_s": 2.102,
    "nonspeech_share": 0.338,
    "clipped_share": 0.0,
    "f0_hz": 191.724,
}


def test_a_changed_measurement_has_a_new_version() -> None:
    speech, rate = soundfile.read(FIXTURES / "speech" / "ada" / "ada_1.flac")
    noise, _ = soundfile.read(FIXTURES / "noise" / "car" / "camper_085.flac")
    clip = noise[: len(speech) + 9600].copy()
    clip[4800 : 4800 + len(speech)] += speech
    measured = measure_clip(clip, sample_rate=rate)
    assert VERSION == PINNED_VERSION
    assert measured.features == {name: pytest.approx(value, abs=2e-3) for name, value in PINNED.items()}
    assert measured.flags == ()
