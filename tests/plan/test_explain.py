"""What `synth explain` says of a clip is all that was drawn for it."""

from __future__ import annotations

import pytest

from synth.commands.plan import make_plan
from synth.draws import clip_draws
from synth.plan import builder, spec
from synth.plan.explain import drawn_value, explained_draws, setting_at, spec_to_json
from synth.plan.plan import Plan
from tests.helpers import FIXTURES, fixture_recipe

LAYERS = f"""  layers:
    - name: cabin
      sources: [{{name: car, path: '{FIXTURES}/noise/car'}}]
      recordings: {{choice: [1, 2]}}
      effects:
        - speed: {{log_uniform: [0.85, 1.18]}}
        - equalizer: {{bands_db: {{normal: [0, 3]}}, tilt_db_per_octave: [-6, 6]}}
    - name: rain
      probability: 0.4
      sources: [{{name: rain, path: '{FIXTURES}/noise/rain'}}]
      max_reuse: 1000"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    recipe = fixture_recipe(
        tmp_path_factory.mktemp("explain"),
        layers=LAYERS,
        noise="noise:\n  probability: 0.8\n  snr_db: [0, 20]",
        effects=f"  room: {{probability: 0.5, sources: [{{name: room, path: '{FIXTURES}/room'}}]}}\n  effects: [{{speed: [0.9, 1.1]}}, {{gain: [0, 3], probability: 0.5}}]",
    )
    return make_plan(recipe, check=False).plan


def test_every_draw_of_the_plan_is_told(made: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planned again with an ear on every draw: the keys heard for a clip are those that are explained."""
    heard: dict[str, dict[str, float]] = {}

    def listening(seed: int, clip_id: str):  # type: ignore[no-untyped-def]
        draw = clip_draws(seed, clip_id)

        def hear(key: str) -> float:
            u = draw(key)
            heard.setdefault(clip_id, {})[key] = u
            return u

        return hear

    told = {made.clip_id(i): {draw.key: draw.u for draw in explained_draws(made, i)[1]} for i in range(len(made))}
    monkeypatch.setattr(builder, "clip_draws", listening)
    monkeypatch.setattr(spec, "clip_draws", listening)
    again = Plan(made.recipe, made.speech, made.noise, made.rooms, made.pools, made.clips, made.segments, made.cases)
    builder.PlanBuilder(made.recipe, made.speech, made.pools, made.cases).build(
        builder.copies_of(made.recipe, made.speech, None)
    )  # type: ignore[arg-type]
    assert len(list(again)) == 60
    assert told == {clip: draws for clip, draws in heard.items() if clip in told}


def test_every_draw_stands_beside_its_setting(made: Plan) -> None:
    settings = {draw.key: draw.setting for i in range(len(made)) for draw in explained_draws(made, i)[1]}
    assert settings["noise.snr_db"] == [0, 20]
    assert settings["noise.layers.rain.probability"] == 0.4
    assert settings["noise.layers.cabin.recordings"] == {"choice": [1, 2]}
    assert settings["speech.effects.gain.probability"] == 0.5
    assert settings["noise.layers.cabin.effects.equalizer.tilt_db_per_octave"] == [-6, 6]
    assert settings["noise.layers.cabin.effects.equalizer.bands_db.3"] == {"normal": [0, 3]}
    assert settings["noise.layers.cabin.1.0.effects.speed.factor"] == {"log_uniform": [0.85, 1.18]}
    assert not [key for key, setting in settings.items() if setting is None]


def test_a_constant_is_not_drawn(made: Plan) -> None:
    """Nothing would depend on the number, and a plan of a million clips saves seconds."""
    keys = {draw.key for index in range(len(made)) for draw in explained_draws(made, index)[1]}
    assert "noise.probability" in keys, "a share of 0.8 is drawn"
    assert not keys & {
        "noise.layers.cabin.relative_db",
        "noise.layers.rain.relative_db",
        "noise.layers.rain.recordings",
    }


def test_a_key_that_is_nowhere_has_no_setting() -> None:
    assert setting_at({"noise": {"snr_db": 5}}, "speech.effects.speed.factor") is None
    assert setting_at({"a": [{"speed": {"factor": 1}}]}, "a.speed.factor") == 1
    assert setting_at({"a": [{"speed": {"factor": 1}}]}, "a.pitch.semitones") is None


def test_the_second_of_a_name_has_its_own_setting() -> None:
    effects = {"effects": [{"gain": {"db": 1}}, {"gain": {"db": 2}, "probability": 0.3}]}
    assert setting_at(effects, "effects.gain.db") == 1
    assert setting_at(effects, "effects.gain#2.db") == 2
    assert setting_at(effects, "effects.gain#2.probability") == 0.3


def test_a_spec_as_json_holds_every_field(made: Plan) -> None:
    spec = made[0]
    fields = spec_to_json(spec)
    assert fields["clip_id"] == spec.clip_id
    assert [e["name"] for e in fields["speech_effects"]] == [e.name for e in spec.speech_effects]
    assert [p["offset"] for p in fields["noise"]] == [p.offset for p in spec.noise]


def test_each_draw_has_the_value_that_the_clip_has(made: Plan) -> None:
    """D15: `explain` printed the number in [0, 1) in place of the value."""
    for index in range(len(made)):
        spec, draws = explained_draws(made, index)
        values = {draw.key: draw.value for draw in draws}
        if spec.snr_db is not None:
            assert values["noise.snr_db"] == pytest.approx(spec.snr_db, abs=6e-4)
        assert values["speech.effects.speed.factor"] == pytest.approx(spec.speech_effects[0].factor, abs=6e-4)  # type: ignore[attr-defined]
        names = [effect.name for effect in spec.speech_effects]
        assert values["speech.effects.gain.probability"] is ("gain" in names)
        if "noise.layers.cabin.recordings" in values:
            assert values["noise.layers.cabin.recordings"] == sum(s.layer == "cabin" for s in spec.noise)


@pytest.mark.parametrize(
    ("key", "setting", "value"),
    [
        ("noise.snr_db", [0, 20], 5.0),
        ("noise.snr_db", {"normal": [8, 5]}, pytest.approx(4.627551)),
        ("noise.snr_db", 7, 7.0),
        ("noise.layers.a.recordings", [1, 4], 2),
        ("noise.layers.a.recordings", {"choice": [1, 2]}, 1),
        ("channel.codec.name", {"choice": ["opus", "gsm"]}, "opus"),
        ("channel.codec.name", "opus", "opus"),
        ("noise.probability", 0.2, False),
        ("noise.probability", 0.3, True),
        ("noise.layers.a.grow.cabin.other_at", None, None),
        ("noise.layers.a.grow.cabin.other_at", {"segment_ms": [30, 120]}, None),
    ],
)
def test_the_value_of_a_draw(key: str, setting: object, value: object) -> None:
    assert drawn_value(key, 0.25, setting) == value
