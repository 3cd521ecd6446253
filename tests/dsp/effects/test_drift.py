import numpy as np
import pytest

from synth.dsp.effects import Drift
from tests.dsp.effects.known_signals import noise

FLAT = np.ones(16000 * 60)


def curve_db(drift: Drift) -> np.ndarray:
    return 20 * np.log10(drift(FLAT, sample_rate=16000))


def test_depth_is_the_standard_deviation_of_the_level() -> None:
    curves = [curve_db(Drift(2.0, 0.5, seed))[::160] for seed in range(20)]
    assert np.std(curves) == pytest.approx(2.0, rel=0.1)
    assert np.mean(curves) == pytest.approx(0.0, abs=0.3)
    assert np.abs(curves).max() <= 6.0 + 1e-9


@pytest.mark.parametrize("rate_hz", [0.2, 2.0])
def test_nothing_moves_faster_than_the_rate(rate_hz) -> None:
    level = curve_db(Drift(3.0, rate_hz, 7))[::160]
    power = np.abs(np.fft.rfft(level * np.hanning(len(level)))) ** 2
    frequencies = np.fft.rfftfreq(len(level), 0.01)
    assert power[frequencies > rate_hz + 0.1].sum() < 0.01 * power.sum()
    assert power[frequencies > rate_hz / 2].sum() > 0.1 * power.sum()


def test_the_seed_alone_decides() -> None:
    np.testing.assert_array_equal(curve_db(Drift(2.0, 0.2, 5)), curve_db(Drift(2.0, 0.2, 5)))
    assert not np.allclose(curve_db(Drift(2.0, 0.2, 5)), curve_db(Drift(2.0, 0.2, 6)), atol=0.5)


@pytest.mark.parametrize("num_samples", [0, 1, 1000])
def test_any_length(num_samples) -> None:
    assert Drift(2.0)(noise(num_samples), sample_rate=16000).shape == (num_samples,)


def test_no_depth_changes_nothing() -> None:
    np.testing.assert_array_equal(Drift(0.0)(noise(1000), sample_rate=16000), noise(1000))
