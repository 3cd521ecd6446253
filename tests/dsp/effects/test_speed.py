import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.dsp.effects import Speed
from tests.dsp.effects.known_signals import cents_off, clicks, harmonics, noise


@pytest.mark.parametrize("factor", [0.25, 0.9, 0.937, 1.0, 1.1, 4.0])
def test_pitch_follows_the_factor_and_length_its_inverse(factor) -> None:
    fast = Speed(factor)(harmonics(150), sample_rate=16000)
    assert len(fast) == round(32000 / factor)
    assert cents_off(fast, 150 * factor) < 0.1


@pytest.mark.parametrize("factor", [0.5, 0.9, 1.1, 2.0])
def test_clicks_lie_where_map_position_says(factor) -> None:
    positions = [100, 7001, 20003, 31900]
    out = Speed(factor)(clicks(positions, 32000), sample_rate=16000)
    for position in positions:
        planned = Speed(factor).map_position(position, 32000, 16000)
        nearby = np.abs(out[max(planned - 50, 0) : planned + 50])
        assert int(np.argmax(nearby)) + max(planned - 50, 0) == pytest.approx(planned, abs=1)


@given(st.integers(0, 3000), st.integers(250, 4000))
def test_length_is_planned_exactly(num_samples, thousandths) -> None:
    speed = Speed(thousandths / 1000)
    exact = num_samples * 1000 / thousandths
    planned = speed.output_length(num_samples, 16000)
    assert abs(planned - exact) <= 0.5
    assert len(speed(noise(num_samples), sample_rate=16000)) == planned
    assert speed.map_position(num_samples, num_samples, 16000) == planned


def test_nothing_folds_back_when_played_faster() -> None:
    high = 0.5 * np.sin(2 * np.pi * 6000 * np.arange(16000) / 16000)
    assert np.abs(Speed(1.5)(high, sample_rate=16000)[500:-500]).max() < 1e-4
