import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.dsp.effects import Audiomentations, Drift, Equalizer, Gain, Pitch, Polarity, Speed, Tempo, Trim, wsola
from synth.dsp.effects import chain as chain_module
from synth.dsp.effects.chain import map_position, planned_length, run_chain
from synth.dsp.effects.stretch import ENGINES
from tests.dsp.effects.known_signals import cents_off, clicks, harmonics, noise

EFFECT = st.one_of(
    st.builds(Speed, st.integers(500, 2000).map(lambda n: n / 1000)),
    st.builds(Tempo, st.integers(700, 1500).map(lambda n: n / 1000), st.sampled_from(ENGINES)),
    st.builds(Pitch, st.floats(-6, 6), st.sampled_from(ENGINES)),
    st.builds(Gain, st.floats(-10, 10)),
    st.just(Equalizer((3.0,) * 8)),
    st.builds(Trim, st.just(40.0), st.integers(0, 300), st.one_of(st.none(), st.integers(0, 3000))),
)


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 4000),
    st.sampled_from([8000, 11025, 16000, 44100]),
    st.sampled_from([8000, 16000, 24000]),
    st.lists(EFFECT, max_size=4),
)
def test_length_is_planned_exactly(num_samples, source_rate, sample_rate, effects) -> None:
    out, drawn = run_chain(noise(num_samples), source_rate=source_rate, sample_rate=sample_rate, effects=effects)
    assert out.shape == (planned_length(num_samples, source_rate, sample_rate, effects),)
    assert drawn == [None] * len(effects)
    assert np.isfinite(out).all()
    assert map_position(num_samples, num_samples, source_rate, sample_rate, effects) == len(out)
    assert map_position(0, num_samples, source_rate, sample_rate, effects) == 0


CHAINS = [
    [],
    [Speed(0.9)],
    [Trim(40.0, 1000, None), Speed(1.1)],
    [Pitch(3.0)],
    [Speed(0.9), Pitch(-2.0), Tempo(1.15)],
    [Tempo(0.9), Gain(3.0), Speed(1.2), Polarity(), Pitch(1.0)],
    [Speed(1.1), Speed(0.9), Trim(40.0, 500, None)],
]


@pytest.mark.parametrize("source_rate", [8000, 16000, 44100])
@pytest.mark.parametrize("effects", CHAINS, ids=repr)
def test_clicks_stay_within_a_millisecond_of_their_planned_place(effects, source_rate) -> None:
    size = 3 * source_rate
    for position in (size // 4, size // 2):
        out, _ = run_chain(clicks([position], size), source_rate=source_rate, sample_rate=16000, effects=effects)
        planned = map_position(position, size, source_rate, 16000, effects)
        assert int(np.argmax(np.abs(out))) == pytest.approx(planned, abs=16)


def test_fused_pitch_is_exact() -> None:
    effects = [Speed(0.9), Pitch(2.0), Tempo(1.1), Speed(1.05)]
    out, _ = run_chain(harmonics(150, 3, 22050), source_rate=22050, sample_rate=16000, effects=effects)
    assert cents_off(out, 150 * 0.9 * 1.05 * 2 ** (2 / 12)) < 1


@pytest.fixture
def passes(monkeypatch):
    """Counts the real passes of soxr and of the stretches, as [soxr, stretch]."""
    import python_stretch
    import soxr

    count = [0, 0]

    def counted(number, function):
        def wrapper(*args, **kwargs):
            count[number] += 1
            return function(*args, **kwargs)

        return wrapper

    monkeypatch.setattr(soxr, "resample", counted(0, soxr.resample))
    monkeypatch.setattr(wsola, "time_stretch", counted(1, wsola.time_stretch))
    monkeypatch.setattr(python_stretch.Signalsmith, "Stretch", counted(1, python_stretch.Signalsmith.Stretch))
    return count


@pytest.mark.parametrize(
    ("source_rate", "effects", "expected"),
    [
        (16000, [], [0, 0]),
        (44100, [], [1, 0]),
        (44100, [Speed(0.9)], [1, 0]),
        (16000, [Speed(1.0)], [0, 0]),
        (16000, [Tempo(1.0)], [0, 0]),
        (16000, [Tempo(1.1)], [0, 1]),
        (44100, [Trim(40.0, 10, 9000), Speed(0.9), Pitch(2.0), Tempo(1.1)], [1, 1]),
        (44100, [Tempo(1.1, "signalsmith"), Pitch(2.0, "signalsmith")], [1, 1]),
        (44100, [Tempo(1.1), Pitch(2.0, "signalsmith")], [2, 2]),
        (44100, [Pitch(2.0), Gain(1.0), Pitch(2.0)], [2, 2]),
        (8000, [Speed(2.0)], [0, 0]),  # twice as many samples, twice as fast: nothing to do
    ],
)
def test_neighbours_cost_one_pass(passes, source_rate, effects, expected) -> None:
    run_chain(noise(10000), source_rate=source_rate, sample_rate=16000, effects=effects)
    assert passes == expected


def test_fused_sounds_as_one_by_one() -> None:
    """Pitch up and the same down again, by speed and tempo: the fused chain is the plain one."""
    effects = [Speed(1.25), Tempo(0.8)]
    fused, _ = run_chain(harmonics(200), source_rate=16000, sample_rate=16000, effects=effects)
    plain = Tempo(0.8)(Speed(1.25)(harmonics(200), sample_rate=16000), sample_rate=16000)
    np.testing.assert_allclose(fused, plain, atol=1e-6)


def test_order_counts_where_it_is_heard() -> None:
    """A gain before and after a distortion is not the same."""
    crush = Audiomentations.of("TanhDistortion", {"min_distortion": 0.5, "max_distortion": 0.5}, 1)
    run = lambda effects: run_chain(noise(4000), source_rate=16000, sample_rate=16000, effects=effects)[0]  # noqa: E731
    quiet = Drift(6.0, 5.0, 1)
    assert not np.allclose(run([quiet, crush]), run([crush, quiet]), atol=1e-3)


def test_what_a_library_drew_stands_at_its_effect() -> None:
    effects = [Trim(40.0, 0, 3000), Gain(1.0), Audiomentations.of("Gain", {}, 5), Speed(0.9)]
    _, drawn = run_chain(noise(4000), source_rate=16000, sample_rate=16000, effects=effects)
    assert [sorted(record or {}) for record in drawn] == [[], [], ["amplitude_ratio"], []]


def test_the_leading_trim_counts_in_samples_of_the_source() -> None:
    effects = [Trim(40.0, 4410, 44100)]
    assert planned_length(88200, 44100, 16000, effects) == 16000
    assert map_position(4410 + 22050, 88200, 44100, 16000, effects) == 8000
    assert chain_module.planned_length(88200, 44100, 16000, []) == 32000
