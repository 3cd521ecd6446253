import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.dsp.resample import fit_length, resample, simple_fraction


def tone(frequency: float, sample_rate: int) -> np.ndarray:
    return np.sin(2 * np.pi * frequency * np.arange(sample_rate) / sample_rate)


@pytest.mark.parametrize("rate_in", [8000, 22050, 44100, 48000])
def test_a_tone_is_the_same_tone_at_another_rate(rate_in) -> None:
    out = resample(tone(1000, rate_in), rate_in=rate_in, rate_out=16000)
    np.testing.assert_allclose(out[200:-200], tone(1000, 16000)[200:-200], atol=1e-5)


def test_what_the_new_rate_cannot_hold_is_gone() -> None:
    assert np.abs(resample(tone(10000, 48000), rate_in=48000, rate_out=16000)[200:-200]).max() < 1e-5


@given(st.integers(0, 2000), st.sampled_from([8000, 11025, 44100]), st.sampled_from([8000, 16000]))
def test_length_is_rounded_half_up_or_as_asked(num_samples, rate_in, rate_out) -> None:
    samples = np.ones(num_samples)
    out = resample(samples, rate_in=rate_in, rate_out=rate_out)
    assert len(out) == int(num_samples * rate_out / rate_in + 0.5)
    assert len(resample(samples, rate_in=rate_in, rate_out=rate_out, num_samples=77)) == 77


def test_same_rate_is_the_same_samples() -> None:
    samples = np.random.default_rng(0).standard_normal(50)
    np.testing.assert_array_equal(resample(samples, rate_in=7, rate_out=7), samples)


def test_fit_length_cuts_or_fills_with_zeros() -> None:
    np.testing.assert_array_equal(fit_length(np.array([1.0, 2, 3]), 2), [1, 2])
    np.testing.assert_array_equal(fit_length(np.array([1.0, 2, 3]), 5), [1, 2, 3, 0, 0])


@given(st.floats(-36, 36), st.integers(250, 4000), st.sampled_from([8000, 16000, 22050, 44100, 48000]))
def test_a_simple_fraction_is_near_and_simple(semitones, thousandths, source_rate) -> None:
    ratio = 2 ** (semitones / 12) * thousandths / 1000 * source_rate / 16000
    over, under = simple_fraction(ratio, 0.000057)
    assert abs(1200 * np.log2(over / under / ratio)) < 0.1
    assert not any(abs(round(ratio * k) / k / ratio - 1) < 0.0000569 for k in range(1, under))


def test_a_ratio_that_is_simple_is_kept() -> None:
    assert [simple_fraction(ratio, 0.000057) for ratio in (1.0, 0.9, 1.1, 48000 / 16000)] == [
        (1, 1),
        (9, 10),
        (11, 10),
        (3, 1),
    ]
