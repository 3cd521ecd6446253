import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.dsp.effects import Gain, Pitch, Shelf, Tempo
from synth.dsp.effects.chain import planned_length, run_chain
from synth.dsp.lombard import PARAMETERS, Lombard, lombard_effects, noise_level_dba, speak_in_noise
from tests.dsp.effects.known_signals import gain_at, harmonics, noise, partials

STEEP = {"pitch_per_db": 0.2, "shelf_per_db": 0.5, "duration_per_db": 0.01}


def test_a_talker_in_noise_speaks_by_these_slopes() -> None:
    made = speak_in_noise(noise_dba=63.3, slope=0.5, pitch_per_db=0.1, shelf_per_db=0.5, duration_per_db=0.01)
    assert made == Lombard(63.3, 0.5, level_db=10.0, pitch_semitones=1.0, shelf_db=5.0, tempo=0.909)
    assert lombard_effects(made) == (Tempo(0.909), Pitch(1.0), Shelf(5.0, 1000.0), Gain(10.0))


@pytest.mark.parametrize("noise_dba", [30.0, 40.0, 43.3])
def test_below_the_change_point_nothing_happens(noise_dba) -> None:
    made = speak_in_noise(noise_dba=noise_dba, slope=0.6, **STEEP)
    assert (made.level_db, made.pitch_semitones, made.shelf_db, made.tempo) == (0, 0, 0, 1)
    assert lombard_effects(made) == ()


def test_what_a_speaker_does_not_do_is_left_out() -> None:
    still = {"pitch_per_db": 0.0, "shelf_per_db": 0.0, "duration_per_db": 0.0}
    assert lombard_effects(speak_in_noise(noise_dba=60.0, slope=0.5, **still)) == (Gain(8.35),)


def test_pitch_treble_and_duration_stay_within_what_is_reported() -> None:
    made = speak_in_noise(noise_dba=95.0, slope=0.7, **STEEP)
    assert made.level_db == 18.0
    assert (made.pitch_semitones, made.shelf_db, made.tempo) == (2.0, 9.0, 0.87)
    assert speak_in_noise(noise_dba=95.0, slope=0.7, **STEEP | {"shelf_per_db": 0.9}).shelf_db == 12.0


@given(
    st.floats(30, 95).map(lambda x: round(x, 1)),
    st.integers(0, 900).map(lambda x: x / 1000),
    st.integers(0, 60),
)
def test_the_noise_level_gives_back_the_snr_from_which_it_follows(noise_dba, slope, quiet_snr_db) -> None:
    above = max(0.0, noise_dba - 43.3)
    snr_db = quiet_snr_db - (noise_dba - 43.3) + min(slope * above, 18.0)
    assert noise_level_dba(snr_db, quiet_snr_db=quiet_snr_db, slope=slope) == pytest.approx(noise_dba, abs=0.0501)
    louder = speak_in_noise(noise_dba=noise_dba, slope=slope, **STEEP).level_db
    assert quiet_snr_db - (noise_dba - 43.3) + louder == pytest.approx(snr_db, abs=0.0051)


def test_noise_levels_by_hand() -> None:
    assert noise_level_dba(8.0, quiet_snr_db=20.0, slope=0.4) == 63.3
    assert noise_level_dba(20.0, quiet_snr_db=20.0, slope=0.4) == 43.3
    assert noise_level_dba(25.0, quiet_snr_db=20.0, slope=0.4) == 38.3
    assert noise_level_dba(-30.0, quiet_snr_db=20.0, slope=0.7) == 95.0
    assert noise_level_dba(60.0, quiet_snr_db=20.0, slope=0.7) == 30.0


@pytest.mark.parametrize("slope", [-0.1, 1.0])
def test_a_slope_that_cannot_be_is_named(slope) -> None:
    with pytest.raises(ValueError, match=rf"^slope={slope} is not within 0 and 1, 1 excluded$"):
        noise_level_dba(8.0, quiet_snr_db=20.0, slope=slope)


def test_parameters_fit_the_functions() -> None:
    assert set(PARAMETERS) == {"slope", "quiet_snr_db", "pitch_per_db", "shelf_per_db", "duration_per_db"}
    for parameter in PARAMETERS.values():
        ((kind, values),) = [item for item in parameter.default.items() if item[0] != "clip"]
        low, high = values if kind == "uniform" else parameter.default["clip"]
        assert parameter.low <= low < high <= parameter.high
    assert PARAMETERS["slope"].high < 1


@settings(max_examples=40, deadline=None)
@given(
    st.floats(30, 95).map(lambda x: round(x, 1)),
    st.sampled_from([8000, 16000, 44100]),
    st.integers(1, 9000),
)
def test_length_through_the_chain_is_the_planned_one(noise_dba, source_rate, num_samples) -> None:
    chain = lombard_effects(speak_in_noise(noise_dba=noise_dba, slope=0.5, **STEEP))
    out, _ = run_chain(noise(num_samples), source_rate=source_rate, sample_rate=16000, effects=chain)
    assert out.shape == (planned_length(num_samples, source_rate, 16000, chain),)


def test_the_voice_gets_louder_higher_brighter_and_longer() -> None:
    """A harmonic tone at 200 Hz shows all four: 10 dB, 1 semitone, 6 dB above 1 kHz, 10 % longer."""
    made = speak_in_noise(noise_dba=63.3, slope=0.5, pitch_per_db=0.1, shelf_per_db=0.6, duration_per_db=0.01)
    voice = harmonics(200.0)
    out, _ = run_chain(voice, source_rate=16000, sample_rate=16000, effects=lombard_effects(made))
    assert len(out) == pytest.approx(1.1 * len(voice), rel=1e-3)
    found = partials(out)
    assert found[0] == pytest.approx(200 * 2 ** (1 / 12), rel=1e-3)
    flat = dataclasses.replace(made, shelf_db=0.0)
    unshelved, _ = run_chain(voice, source_rate=16000, sample_rate=16000, effects=lombard_effects(flat))
    assert gain_at(voice, unshelved) == pytest.approx(10, abs=0.2)
    spectrum = [20 * np.log10(np.abs(np.fft.rfft(x * np.hanning(len(x))))) for x in (unshelved, out)]
    hz = np.fft.rfftfreq(len(out), 1 / 16000)
    for partial, gain in [(1, 0.0), (10, 6.0)]:
        near = np.abs(hz - partial * 200 * 2 ** (1 / 12)) < 20
        assert spectrum[1][near].max() - spectrum[0][near].max() == pytest.approx(gain, abs=0.9)
