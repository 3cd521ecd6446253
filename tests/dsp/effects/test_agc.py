import numpy as np
import pytest

from synth.dsp.effects import Agc
from tests.dsp.effects.known_signals import noise, rms_db


@pytest.mark.parametrize(("level_db", "expected"), [(-26, -26), (-32, -26), (-20, -26), (-60, -48), (-5, -17)])
def test_a_steady_sound_comes_to_the_target_as_far_as_the_range_goes(level_db, expected) -> None:
    steady = noise(64000) * 10 ** ((level_db + 20) / 20)
    out = Agc(-26.0, 12.0, 0.5)(steady, sample_rate=16000)
    assert rms_db(out) == pytest.approx(expected, abs=0.3)
    assert rms_db(out[:1600]) == pytest.approx(expected, abs=1.5)


def test_a_step_is_taken_back_with_the_time_constant() -> None:
    """A step up of 10 dB: the running power reaches 1 - 1/e of its way after one time constant."""
    step = np.concatenate([np.full(32000, 0.1), np.full(32000, 0.1 * 10**0.5)])
    out = Agc(-20.0, 40.0, 0.5)(step, sample_rate=16000)
    np.testing.assert_allclose(out[:32000], 0.1, rtol=1e-3)
    running = 0.01 + (0.1 - 0.01) * (1 - np.exp(-1))
    assert out[32000 + 8000] ** 2 == pytest.approx(0.1 * 0.01 / running, rel=0.01)
    assert out[-1] == pytest.approx(0.1, rel=0.1)


@pytest.mark.parametrize("num_samples", [0, 1, 1000])
def test_silence_stays_silent_at_any_length(num_samples) -> None:
    np.testing.assert_array_equal(Agc()(np.zeros(num_samples), sample_rate=16000), np.zeros(num_samples))
