import numpy as np
import pytest

from synth.dsp.effects import Equalizer
from synth.dsp.effects.equalizer import BANDS_HZ
from tests.dsp.effects.known_signals import clicks, gain_at, noise, tone

BANDS = (6.0, -4.0, 3.0, -8.0, 0.0, 10.0, -6.0, 5.0)


@pytest.mark.parametrize(("band_hz", "band_db"), list(zip(BANDS_HZ, BANDS, strict=True))[:7])
def test_a_tone_in_the_middle_of_a_band_gets_its_gain(band_hz, band_db) -> None:
    out = Equalizer(BANDS)(tone(band_hz, 4), sample_rate=16000)
    assert gain_at(tone(band_hz, 4), out) == pytest.approx(band_db, abs=0.3)


def test_gain_is_half_way_between_neighbours_and_constant_outside() -> None:
    equalizer = Equalizer(BANDS)
    between = equalizer.gain_db(np.sqrt(np.multiply(BANDS_HZ[:-1], BANDS_HZ[1:])))
    np.testing.assert_allclose(between, (np.array(BANDS[:-1]) + BANDS[1:]) / 2)
    np.testing.assert_allclose(equalizer.gain_db([0, 10, 12000, 24000]), [6, 6, 5, 5])


def test_gain_never_leaves_the_bands_nor_thirty_db() -> None:
    frequencies = np.linspace(0, 24000, 10000)
    gain = Equalizer(BANDS).gain_db(frequencies)
    assert gain.min() == pytest.approx(min(BANDS), abs=0.01)
    assert gain.max() == pytest.approx(max(BANDS), abs=0.01)
    assert np.abs(Equalizer((30.0,) * 8, 12.0).gain_db(frequencies)).max() == 30


@pytest.mark.parametrize("frequency", [125, 500, 1000, 4000])
def test_tilt_pivots_at_the_middle_of_the_bands(frequency) -> None:
    out = Equalizer(tilt_db_per_octave=-3.0)(tone(frequency, 4), sample_rate=16000)
    assert gain_at(tone(frequency, 4), out) == pytest.approx(-3 * np.log2(frequency / 707.1), abs=0.1)


@pytest.mark.parametrize("sample_rate", [8000, 16000, 44100])
def test_nothing_moves_in_time(sample_rate) -> None:
    out = Equalizer(BANDS, 2.0)(clicks([5000], 10000), sample_rate=sample_rate)
    assert int(np.argmax(np.abs(out))) == 5000
    np.testing.assert_allclose(out[5000:9900], out[5000:100:-1], atol=1e-9)


@pytest.mark.parametrize("num_samples", [0, 1, 3, 100, 5000])
def test_flat_changes_nothing_at_any_length(num_samples) -> None:
    out = Equalizer()(noise(num_samples), sample_rate=16000)
    np.testing.assert_allclose(out, noise(num_samples), atol=1e-12)
