import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.dsp.effects import Pitch, stretch
from synth.dsp.effects.stretch import ENGINES
from tests.dsp.effects.known_signals import cents_off, clicks, harmonics, noise

SEMITONES = [-12, -5.3, -2, -0.25, 0.25, 1, 3, 7.7, 12]


@pytest.mark.parametrize("fundamental", [95.0, 150.0, 240.0])
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("semitones", SEMITONES)
def test_every_partial_is_within_a_cent(semitones, engine, fundamental) -> None:
    out = Pitch(semitones, engine)(harmonics(fundamental), sample_rate=16000)
    assert cents_off(out, fundamental * 2 ** (semitones / 12)) < 1


@pytest.mark.parametrize("semitones", SEMITONES)
def test_the_dear_stretch_runs_where_the_sound_is_shortest(semitones, monkeypatch) -> None:
    lengths = []

    def recorded(samples, *, num_samples, **_):
        lengths.extend([len(samples), num_samples])
        return np.zeros(num_samples)

    monkeypatch.setattr(stretch, "stretch", recorded)
    Pitch(semitones)(noise(16000), sample_rate=16000)
    assert max(lengths) <= 16000


def test_audiomentations_own_shift_would_fail_that_test() -> None:
    """Why PitchShift stands among the refusals."""
    import audiomentations

    shift = audiomentations.PitchShift(min_semitones=3, max_semitones=3, p=1.0)
    out = shift(harmonics(150).astype(np.float32), 16000)
    assert cents_off(out, 150 * 2**0.25) > 5


@pytest.mark.parametrize("semitones", SEMITONES)
@pytest.mark.parametrize("engine", ["wsola", "signalsmith"])
def test_clicks_stay_within_a_millisecond(semitones, engine) -> None:
    positions = [400, 8000, 24000, 31600]
    out = Pitch(semitones, engine)(clicks(positions, 32000), sample_rate=16000)
    for position in positions:
        start = position - 150
        assert start + int(np.argmax(np.abs(out[start : position + 150]))) == pytest.approx(position, abs=16)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2000), st.floats(-12, 12), st.sampled_from(ENGINES))
def test_length_stays_however_short(num_samples, semitones, engine) -> None:
    pitch = Pitch(semitones, engine)
    assert pitch.output_length(num_samples, 16000) == num_samples
    out = pitch(noise(num_samples), sample_rate=16000)
    assert out.shape == (num_samples,)
    assert np.isfinite(out).all()
