import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.dsp.effects import Tempo
from synth.dsp.effects.stretch import ENGINES
from tests.dsp.effects.known_signals import cents_off, clicks, gain_at, harmonics, noise, rms_db

FACTORS = [0.5, 0.8, 0.95, 1.1, 1.25, 2.0]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("factor", FACTORS)
def test_pitch_stays_and_length_changes(factor, engine) -> None:
    out = Tempo(factor, engine)(harmonics(150), sample_rate=16000)
    assert len(out) == round(32000 / factor)
    assert cents_off(out, 150) < 1


@pytest.mark.parametrize("position", [5, 400, 8000, 24000, 31990])
@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("engine", ["wsola", "signalsmith"])
def test_a_click_stays_within_a_millisecond_of_its_planned_place(factor, position, engine) -> None:
    out = Tempo(factor, engine)(clicks([position], 32000), sample_rate=16000)
    assert int(np.argmax(np.abs(out))) == pytest.approx(Tempo(factor).map_position(position, 32000, 16000), abs=16)


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_a_burst_stays_within_sixteen_milliseconds_with_librosa(factor) -> None:
    burst = np.zeros(32000)
    burst[12000:14000] = noise(2000)
    power = Tempo(factor, "librosa")(burst, sample_rate=16000) ** 2
    centre = np.sum(power * np.arange(len(power))) / np.sum(power)
    assert centre == pytest.approx(13000 / factor, abs=256)


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("engine", ["wsola", "signalsmith"])
def test_the_ends_are_as_loud_as_the_middle(factor, engine) -> None:
    """The ends are where pieces of noise are joined. The whole may change by 2 dB: phases do not add up in noise."""
    ends = []
    for seed in range(10):
        out = Tempo(factor, engine)(noise(32000, seed), sample_rate=16000)
        assert gain_at(noise(32000, seed), out) == pytest.approx(0, abs=2)
        ends.append([rms_db(out[:800]) - rms_db(out), rms_db(out[-800:]) - rms_db(out)])
    assert np.abs(np.mean(ends, axis=0)).max() < 1.0


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2000), st.integers(500, 2000), st.sampled_from(ENGINES))
def test_length_is_planned_exactly_however_short(num_samples, thousandths, engine) -> None:
    tempo = Tempo(thousandths / 1000, engine)
    planned = tempo.output_length(num_samples, 16000)
    assert abs(planned - num_samples * 1000 / thousandths) <= 0.5
    out = tempo(noise(num_samples), sample_rate=16000)
    assert out.shape == (planned,)
    assert np.isfinite(out).all()


def test_unknown_engine_is_named() -> None:
    with pytest.raises(ValueError, match=r"^engine='sox' is not one of wsola, signalsmith, librosa$"):
        Tempo(1.1, "sox")(noise(100), sample_rate=16000)
