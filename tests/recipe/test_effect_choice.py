"""What a clip gets depends on the seed, the clip and the key of each parameter alone."""

from __future__ import annotations

import pickle

import pytest

from synth.draws import clip_draws
from synth.dsp.effects import Drift, Equalizer, Gain, Microphone, Pitch, Polarity, Speed
from synth.dsp.effects.audiomentations import Audiomentations
from synth.recipe.distributions import Choice, Constant, Integers, LogUniform, Normal, Uniform, WordChoice
from synth.recipe.effect_choice import EffectChoice

SPEED = EffectChoice("speed", "speech.effects.speed", Speed, {"factor": Uniform(0.9, 1.1)})


def recorded(seen: list[str], seed: int = 1, clip: str = "a"):
    """Draws that note their keys."""
    draws = clip_draws(seed, clip)

    def draw(key: str) -> float:
        seen.append(key)
        return draws(key)

    return draw


def test_a_parameter_is_drawn_at_the_key_of_its_path() -> None:
    seen: list[str] = []
    effect = SPEED.draw(recorded(seen))
    assert seen == ["speech.effects.speed.factor"]
    u = clip_draws(1, "a")("speech.effects.speed.factor")
    assert effect == Speed(round(0.9 + 0.2 * u, 3))


def test_another_key_gives_another_draw_of_the_same_effect() -> None:
    seen: list[str] = []
    SPEED.draw(recorded(seen), "noise.layers.cabin.0.effects.speed")
    assert seen == ["noise.layers.cabin.0.effects.speed.factor"]


def test_every_kind_of_draw_has_its_own_key() -> None:
    seen: list[str] = []
    each = (Normal(0, 3),) * 8
    choice = EffectChoice(
        "equalizer", "e", Equalizer, {"bands_db": each, "tilt_db_per_octave": Constant(1.0)}, 0.999999
    )
    effect = choice.draw(recorded(seen))
    assert isinstance(effect, Equalizer)
    assert seen == ["e.probability", *(f"e.bands_db.{i}" for i in range(8))]
    assert len(set(effect.bands_db)) == 8
    assert effect.tilt_db_per_octave == 1.0


def test_values_lie_on_the_grid_of_their_resolution() -> None:
    draws = clip_draws(3, "grid")
    for i in range(200):
        effect = SPEED.draw(draws, str(i))
        assert isinstance(effect, Speed)
        assert repr(effect.factor) == f"{effect.factor:.3f}".rstrip("0").rstrip(".") or effect.factor == 1.0


def test_a_value_that_rounds_to_zero_is_not_minus_zero() -> None:
    effect = EffectChoice("gain", "g", Gain, {"db": Constant(-0.0001)}).draw(clip_draws(0, "x"))
    assert repr(effect) == "Gain(db=0.0)"


def test_probability_is_the_share_of_the_clips() -> None:
    choice = EffectChoice("polarity", "p", Polarity, {}, 0.25)
    got = [choice.draw(clip_draws(7, f"clip{i}")) for i in range(4000)]
    assert sum(effect is not None for effect in got) == pytest.approx(1000, abs=110)  # 4 standard deviations
    never = EffectChoice("polarity", "p", Polarity, {}, 0.0)
    assert not any(never.draw(clip_draws(7, f"clip{i}")) for i in range(100))


def test_editing_the_probability_leaves_the_parameters_of_those_that_stay() -> None:
    half, most = (EffectChoice("speed", "s", Speed, {"factor": Uniform(0.9, 1.1)}, p) for p in (0.5, 0.9))
    for i in range(300):
        first, second = (choice.draw(clip_draws(7, f"clip{i}")) for choice in (half, most))
        assert first is None or first == second


def test_an_effect_with_a_random_waveform_gets_an_integer_seed() -> None:
    choice = EffectChoice("drift", "d", Drift, {"depth_db": Constant(2.0), "rate_hz": Constant(0.2)})
    seeds = {choice.draw(clip_draws(1, clip)).seed for clip in ("a", "b", "c")}  # type: ignore[union-attr]
    assert len(seeds) == 3
    assert all(isinstance(seed, int) and 0 <= seed < 2**32 for seed in seeds)
    assert choice.draw(clip_draws(1, "a")) == choice.draw(clip_draws(1, "a"))


def test_counts_and_words_are_drawn_as_they_are() -> None:
    microphone = EffectChoice("microphone", "m", Microphone, {"low_hz": Constant(80.0), "order": Integers(2, 4)})
    assert {microphone.draw(clip_draws(0, f"c{i}")).order for i in range(60)} == {2, 3, 4}  # type: ignore[union-attr]
    pitch = EffectChoice(
        "pitch", "p", Pitch, {"semitones": Constant(1.0), "engine": WordChoice(("signalsmith", "librosa"))}
    )
    assert {pitch.draw(clip_draws(0, f"c{i}")).engine for i in range(60)} == {"signalsmith", "librosa"}  # type: ignore[union-attr]


def test_a_library_transform_is_built_from_its_arguments() -> None:
    parameters = {"b": Choice((8, 16)), "a": (1, 2), "c": Uniform(0, 1e-9)}
    choice = EffectChoice("SomeTransform", "channel.SomeTransform", Audiomentations, parameters)
    seen: list[str] = []
    effect = choice.draw(recorded(seen))
    assert seen == ["channel.SomeTransform.b", "channel.SomeTransform.c", "channel.SomeTransform.seed"]
    assert isinstance(effect, Audiomentations)
    assert effect.transform == "SomeTransform"
    arguments = dict(effect.kwargs)
    assert [name for name, _ in effect.kwargs] == ["a", "b", "c"]
    assert arguments["a"] == (1, 2)
    assert isinstance(arguments["b"], int)
    assert 0 < arguments["c"] < 1e-9  # not rounded away: the scale of a library's argument is unknown


def test_choices_can_be_sent_to_workers() -> None:
    choice = EffectChoice("speed", "s", Speed, {"factor": LogUniform(0.8, 1.25)}, 0.7)
    again = pickle.loads(pickle.dumps(choice))
    assert again == choice
    assert [again.draw(clip_draws(2, str(i))) for i in range(20)] == [
        choice.draw(clip_draws(2, str(i))) for i in range(20)
    ]


@pytest.mark.parametrize("setting", [Uniform(0.9, 1.1), Choice((0.9, 1.0, 1, 1.1)), Choice((1, 1.0)), Integers(1, 2)])
def test_an_effect_that_was_drawn_before_is_the_one_that_would_be_built(setting: Choice) -> None:
    """Effects of one parameter are remembered by its value; 1 and 1.0 are written differently."""
    choice = EffectChoice("speed", "s", Speed, {"factor": setting})
    for k in range(200):
        draws = clip_draws(1, f"clip {k}")
        assert repr(choice.draw(draws)) == repr(EffectChoice("speed", "s", Speed, {"factor": setting}).draw(draws))
