import numpy as np
import pytest

from synth.dsp.effects import Shelf
from tests.dsp.effects.known_signals import clicks, gain_at, noise, tone


@pytest.mark.parametrize("sample_rate", [16000, 24000, 48000])
@pytest.mark.parametrize("db", [-20.0, -3.0, 6.0, 20.0])
def test_nothing_below_half_at_its_frequency_and_all_of_it_above(db, sample_rate) -> None:
    def gain(hz):
        before = tone(hz, 2, sample_rate)
        return gain_at(before, Shelf(db)(before, sample_rate=sample_rate))

    assert gain(100) == pytest.approx(0, abs=0.1)
    assert gain(1000) == pytest.approx(db / 2, abs=0.01)
    assert gain(0.45 * sample_rate) == pytest.approx(db, abs=0.3)


@pytest.mark.parametrize("db", [-12.0, 12.0])
def test_gain_follows_the_analogue_prototype(db) -> None:
    """H(s) = A (A s^2 + sqrt(2A) s + 1) / (s^2 + sqrt(2A) s + A) at s = j tan(w/2) / tan(w0/2)."""
    a = 10 ** (db / 40)
    for hz in (250.0, 700.0, 1500.0, 3000.0, 6000.0):
        s = 1j * np.tan(np.pi * hz / 16000) / np.tan(np.pi * 800 / 16000)
        wanted = 20 * np.log10(abs(a * (a * s * s + np.sqrt(2 * a) * s + 1) / (s * s + np.sqrt(2 * a) * s + a)))
        out = Shelf(db, 800.0)(tone(hz), sample_rate=16000)
        assert gain_at(tone(hz), out) == pytest.approx(wanted, abs=0.01)


def test_up_and_down_again_is_where_it_was() -> None:
    back = Shelf(-9.0)(Shelf(9.0)(noise(8000), sample_rate=16000), sample_rate=16000)
    np.testing.assert_allclose(back, noise(8000), atol=1e-12)


@pytest.mark.parametrize("db", [-12.0, 12.0])
def test_a_click_stays_at_its_place_with_nothing_before_it(db) -> None:
    out = Shelf(db)(clicks([5000], 10000), sample_rate=16000)
    assert int(np.argmax(np.abs(out))) == 5000
    assert not out[:5000].any()


@pytest.mark.parametrize("shelf", [Shelf(0.0), Shelf(6.0, 4000.0), Shelf(6.0, 20000.0)])
def test_no_gain_or_nothing_above_changes_nothing(shelf) -> None:
    np.testing.assert_array_equal(shelf(noise(500), sample_rate=8000), noise(500))


@pytest.mark.parametrize("num_samples", [0, 1, 2, 7])
def test_any_length(num_samples) -> None:
    assert Shelf(3.0)(noise(num_samples), sample_rate=16000).shape == (num_samples,)
