import numpy as np
import pytest

from synth.dsp.effects import Microphone
from tests.dsp.effects.known_signals import clicks, gain_at, noise, tone


@pytest.mark.parametrize("frequency", [50, 100, 200, 400, 1000, 3000, 5000])
@pytest.mark.parametrize("order", [1, 2, 4])
def test_response_is_butterworths(frequency, order) -> None:
    """|H|^2 = 1 / (1 + (low / f)^2n) / (1 + (f / high)^2n), with the frequencies of the bilinear transform."""
    microphone = Microphone(200, 3000, order)
    f, low, high = (np.tan(np.pi * hz / 16000) for hz in (frequency, 200, 3000))
    expected = -10 * np.log10((1 + (low / f) ** (2 * order)) * (1 + (f / high) ** (2 * order)))
    out = microphone(tone(frequency, 4), sample_rate=16000)
    assert gain_at(tone(frequency, 4), out) == pytest.approx(expected, abs=0.05)


def test_limits_outside_the_band_do_nothing() -> None:
    np.testing.assert_array_equal(Microphone(0, 8000)(noise(1000), sample_rate=16000), noise(1000))


def test_an_onset_stays_within_a_millisecond() -> None:
    out = Microphone(100, 3400, 4)(clicks([5000], 10000), sample_rate=16000)
    assert np.abs(out[:5000]).max() == 0
    assert int(np.argmax(np.abs(out))) == pytest.approx(5000, abs=16)


@pytest.mark.parametrize("num_samples", [0, 1, 1000])
def test_any_length(num_samples) -> None:
    assert Microphone()(noise(num_samples), sample_rate=16000).shape == (num_samples,)
