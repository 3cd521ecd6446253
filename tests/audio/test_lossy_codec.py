"""Opus and MP3: the same bytes every time, as many samples as went in, no delay, and an error that falls with the bit rate."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from synth.audio.formats import LOSSY_FORMATS
from synth.audio.lossy_codec import decode_lossy, decoded_pcm, encode_lossy
from synth.audio.read import count_samples, read_samples
from tests.helpers import FIXTURES

FORMATS = sorted(LOSSY_FORMATS)
SPEECH = sorted((FIXTURES / "speech").rglob("*.flac"))[0]


def speech(sample_rate: int = 16000, seconds: float = 2.0) -> npt.NDArray[np.int16]:
    """Speech with some noise. At another rate than its own it plays faster or slower, which does not matter here."""
    samples = np.resize(soundfile.read(SPEECH, dtype="int16")[0], round(seconds * sample_rate)).astype(np.float64)
    samples += np.random.default_rng(2).standard_normal(samples.size) * 200
    return np.rint(samples).astype(np.int16)


def coded(samples: npt.NDArray[np.int16], sample_rate: int, name: str, bit_rate: float = 64.0) -> bytes:
    return encode_lossy(samples, sample_rate, name, bit_rate_kbps=bit_rate, name="clip-7-v0")


@pytest.mark.parametrize("name", FORMATS)
def test_every_sample_rate_and_bit_rate_gives_the_length_back(name: str) -> None:
    lossy = LOSSY_FORMATS[name]
    rng = np.random.default_rng(1)
    for sample_rate in lossy.sample_rates:
        low, high = lossy.bit_rate_range(sample_rate)
        for bit_rate in (low, 64.0, high):
            for count in (1, 313, 575, 1153, sample_rate // 3 + 1):
                samples = (rng.standard_normal(count) * 3000).astype(np.int16)
                data = coded(samples, sample_rate, name, bit_rate)
                assert decode_lossy(data).shape == (count,), (sample_rate, bit_rate, count)


@pytest.mark.parametrize("name", FORMATS)
def test_the_bit_rate_is_the_one_that_was_asked_for(name: str) -> None:
    samples = speech(seconds=20.0)
    for bit_rate in (24.0, 48.0, 80.0):
        achieved = len(coded(samples, 16000, name, bit_rate)) * 8 / 20.0 / 1000
        assert abs(achieved / bit_rate - 1) < 0.25, (bit_rate, achieved)


@pytest.mark.parametrize("name", FORMATS)
def test_the_sound_is_not_delayed_and_its_error_falls_with_the_bit_rate(name: str) -> None:
    samples = speech()
    before, errors = samples / 32768.0, []
    for bit_rate in (16.0, 32.0, 64.0, 128.0):
        after = decode_lossy(coded(samples, 16000, name, bit_rate)).astype(np.float64)
        errors.append(10 * np.log10(np.sum((after - before) ** 2) / np.sum(before**2)))
        middle = before[1000:-1000]
        best = max(range(-40, 41), key=lambda lag: float(middle @ after[1000 + lag : after.size - 1000 + lag]))
        assert best == 0, bit_rate
    assert errors == sorted(errors, reverse=True)
    assert errors[0] < -4 and errors[2] < -12, errors


@pytest.mark.parametrize("name", FORMATS)
def test_another_process_writes_the_same_bytes(name: str) -> None:
    samples = speech(seconds=0.5)
    program = (
        "import hashlib, sys, numpy as np; from synth.audio.lossy_codec import encode_lossy;"
        "x = np.frombuffer(sys.stdin.buffer.read(), np.int16);"
        f"print(hashlib.sha256(encode_lossy(x, 16000, {name!r}, bit_rate_kbps=64.0, name='clip-7-v0')).hexdigest())"
    )
    expected = hashlib.sha256(coded(samples, 16000, name)).hexdigest()
    for _ in range(2):
        ended = subprocess.run(
            [sys.executable, "-c", program], input=samples.tobytes(), capture_output=True, check=True
        )
        assert ended.stdout.decode().strip() == expected


def test_the_serial_number_comes_from_the_name() -> None:
    samples = speech(seconds=0.2)
    one, other = (encode_lossy(samples, 16000, "opus", bit_rate_kbps=64, name=name) for name in ("a-v0", "a-v1"))
    assert one != other
    np.testing.assert_array_equal(decode_lossy(one), decode_lossy(other))


@pytest.mark.parametrize("name", FORMATS)
def test_our_own_reader_gets_the_same_samples(name: str, tmp_path: Path) -> None:
    samples = speech(seconds=20.0)  # more than one block
    path = tmp_path / f"clip.{name}"
    path.write_bytes(coded(samples, 16000, name))
    assert count_samples(path).num_samples == samples.size
    read, _ = read_samples(path)
    np.testing.assert_array_equal(read, decode_lossy(path.read_bytes()).astype(np.float64))


def test_samples_beyond_full_scale_do_not_wrap() -> None:
    assert decoded_pcm(np.array([1.2, -1.2, 0.5], np.float32)).tolist() == [32767, -32768, 16384]
