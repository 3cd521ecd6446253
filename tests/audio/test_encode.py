"""Samples to integers by our own rounding, to bytes that are the same every time."""

from __future__ import annotations

import time
from typing import Literal

import numpy as np
import pytest

from synth.audio.encode import decode_float, decode_pcm, encode, pcm_bytes, quantize, quantize_24


def test_rounding_is_to_nearest_half_to_even_and_has_no_offset() -> None:
    steps = np.array([-1.5, -1.4, -0.5, 0.0, 0.4, 0.5, 0.6, 1.5, 2.5])
    assert quantize(steps / 32768).tolist() == [-2, -1, 0, 0, 0, 0, 1, 2, 2]


def test_full_scale_does_not_wrap() -> None:
    assert quantize(np.array([1.0, 32767.4 / 32768, -1.0, 3.0, -3.0])).tolist() == [32767, 32767, -32768, 32767, -32768]
    assert (quantize_24(np.array([1.0, -1.0])) >> 8).tolist() == [2**23 - 1, -(2**23)]


def test_every_int16_comes_back() -> None:
    every = np.arange(-32768, 32768)
    assert np.array_equal(quantize(every / 32768), every)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(bad: float) -> None:
    samples = np.zeros(100)
    samples[37] = bad
    for function in (quantize, quantize_24):
        with pytest.raises(ValueError, match="NaN or infinity"):
            function(samples)


def test_no_samples_are_no_error() -> None:
    assert quantize(np.zeros(0)).shape == (0,)


@pytest.mark.parametrize("file_format", ["flac", "wav"])
def test_the_same_samples_give_the_same_bytes_and_come_back(file_format: Literal["flac", "wav"]) -> None:
    samples = np.random.default_rng(1).integers(-32768, 32768, 5000).astype(np.int16)
    data = encode(samples, 16000, file_format)
    time.sleep(1.1)  # a header with the time in it would differ now
    assert encode(samples, 16000, file_format) == data
    back, rate = decode_pcm(data)
    assert rate == 16000
    assert np.array_equal(back, samples)


def test_24_bits_are_exact_to_their_step() -> None:
    samples = np.random.default_rng(2).uniform(-0.99, 0.99, 5000)
    back, _ = decode_float(encode(quantize_24(samples), 8000, "flac"))
    assert np.abs(back - samples).max() <= 0.5001 / 2**23


def test_the_hash_is_over_little_endian_samples() -> None:
    assert bytes(pcm_bytes(np.array([1, -2, 256], np.int16))) == bytes([1, 0, 0xFE, 0xFF, 0, 1])
    assert bytes(pcm_bytes(np.array([1, -2, 256], ">i2"))) == bytes([1, 0, 0xFE, 0xFF, 0, 1])
