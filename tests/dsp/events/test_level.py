import numpy as np
import pytest

from synth.dsp.events import loudness
from tests.dsp.effects.known_signals import noise, tone


def test_is_the_mean_power_of_the_loudest_fifty_milliseconds() -> None:
    sound = 0.01 * tone(1000, 2.0)
    sound[20003:20803] = tone(1000, 0.05)  # amplitude 0.5
    assert loudness(sound, sample_rate=16000, weighting="none") == pytest.approx(0.125, rel=1e-6)
    sound[20003:20403] = 0
    assert loudness(sound, sample_rate=16000, weighting="none") == pytest.approx(0.0625, rel=1e-3)


@pytest.mark.parametrize("num_samples", [1, 500, 800, 801])
def test_is_the_mean_of_all_of_what_is_shorter(num_samples) -> None:
    sound = noise(num_samples)
    wanted = (
        np.mean(sound[:800] ** 2) if num_samples <= 800 else max(np.mean(sound[:800] ** 2), np.mean(sound[1:] ** 2))
    )
    assert loudness(sound, sample_rate=16000, weighting="none") == pytest.approx(wanted)


def test_weighs_what_hides_speech() -> None:
    def db(hz, weighting):
        return 10 * np.log10(loudness(tone(hz), sample_rate=16000, weighting=weighting) / 0.125)

    assert db(1000, "band") == pytest.approx(0, abs=0.1)
    assert db(1000, "a") == pytest.approx(0, abs=0.1)
    # The beginning of a tone is a step for the filter, which is what is left of 50 Hz.
    assert db(50, "band") < -20
    assert db(100, "a") == pytest.approx(-19.1, abs=1.0)


@pytest.mark.parametrize("num_samples", [0, 10, 4000])
def test_silence_is_zero(num_samples) -> None:
    assert loudness(np.zeros(num_samples), sample_rate=16000, weighting="band") == 0.0
