"""The bar on editing: one key of the recipe changes, in the plan, only what that key decides.

Each edit is planned before and after, and the ClipSpecs are compared field by field. What an edit may move, and nothing else,
stands in a table; it must move something there as well, or the edit would have been ignored.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from synth.commands.generate import generate
from synth.commands.plan import changed_clips, make_plan
from synth.dsp.effects.effect import Effect
from synth.plan.clip_spec import ClipSpec, NoiseSegment
from synth.plan.explain import explained_draws
from synth.plan.plan import Plan
from tests.helpers import FIXTURES, fixture_recipe

EFFECTS = f"""  effects:
    - speed: {{choice: [0.9, 1.0, 1.1]}}
    - pitch: {{normal: [0, 1], clip: [-3, 3]}}
      probability: 0.5
    - gain: {{db: [-3, 3]}}
  room: {{probability: 0.3, sources: [{{name: room, path: '{FIXTURES}/room'}}]}}"""
CABIN = f"""    - name: cabin
      sources: [{{name: car, path: '{FIXTURES}/noise/car'}}]
      recordings: {{choice: [1, 2]}}
      relative_db: [-2, 2]
      effects:
        - speed: {{log_uniform: [0.85, 1.18]}}
        - equalizer: {{bands_db: {{normal: [0, 3]}}, tilt_db_per_octave: [-6, 6]}}
        - polarity: {{}}
          probability: 0.5"""
RAIN = f"""    - name: rain
      probability: 0.4
      relative_db: [-12, 0]
      sources: [{{name: rain, path: '{FIXTURES}/noise/rain'}}]
      max_reuse: 10000"""
HORNS = f"""    - name: horns
      probability: 0.3
      sources: [{{name: horns, path: '{FIXTURES}/noise/horns'}}]
      max_reuse: 10000"""
BLOCKS = {
    "effects": EFFECTS,
    "noise": "noise:\n  probability: 0.9\n  snr_db: [0, 20]",
    "layers": f"  layers:\n{CABIN}\n{RAIN}",
    "splits": "splits: {by: [speaker], train: 0.6, train-dev: 0.2, train-dev-noise: 0.2}",
}
CHANNEL = "channel: [{microphone: {low_hz: [60, 150], high_hz: [6000, 7800]}}]"

SCHEDULE = ("recording", "recording_id", "offset", "source_num_samples", "at", "num_samples", "fade_in", "pieces")


def schedule_of(*layers: str) -> set[str]:
    """Where the noise comes from: all that may move when clips or noise get other lengths."""
    return {f"noise.{layer}.{field}" for layer in layers for field in SCHEDULE}


MOVED = schedule_of("cabin", "rain")
LENGTHS = {"num_samples", *MOVED}

Edit = tuple[list[str], set[str], str]
EDITS: dict[str, Edit] = {  # overrides; what may change; what must
    "nothing": ([], set(), ""),
    "snr_db": (["noise.snr_db=[5, 6]"], {"snr_db"}, "snr_db"),
    "snr_db to a constant": (["noise.snr_db=7"], {"snr_db"}, "snr_db"),
    "level_dbfs": (["level_dbfs=-20"], {"level_dbfs"}, "level_dbfs"),
    "measure": (["noise.measure=rms"], {"measure"}, "measure"),
    "weighting": (["noise.weighting=a"], {"weighting"}, "weighting"),
    "equalizer of a layer": (
        ["noise.layers.0.effects.1.equalizer.tilt_db_per_octave=[-1, 1]"],
        {"noise.cabin.effects.equalizer"},
        "noise.cabin.effects.equalizer",
    ),
    "probability of a noise effect": (
        ["noise.layers.0.effects.2.probability=0.8"],
        {"noise.cabin.effects.polarity"},
        "noise.cabin.effects.polarity",
    ),
    "relative_db": (["noise.layers.1.relative_db=[-6, 0]"], {"noise.rain.relative_db"}, "noise.rain.relative_db"),
    "speed of a layer": (
        ["noise.layers.0.effects.0.speed={log_uniform: [0.9, 1.1]}"],
        {"noise.cabin.effects.speed", *schedule_of("cabin")},
        "noise.cabin.effects.speed",
    ),
    "recordings of a layer": (["noise.layers.0.recordings=[1, 3]"], schedule_of("cabin"), "noise.cabin.pieces"),
    "probability of a layer": (
        ["noise.layers.1.probability=0.7"],
        {"snr_db", *schedule_of("rain")},
        "noise.rain.pieces",
    ),
    "balance of a layer": (["noise.layers.0.balance=recordings"], schedule_of("cabin"), "noise.cabin.offset"),
    "crossfade of a layer": (["noise.layers.0.crossfade_s=0.02"], schedule_of("cabin"), ""),
    "guards": (["noise.layers.0.max_reuse=5000", "noise.layers.0.min_recordings=2"], set(), ""),
    "noise.probability": (["noise.probability=0.5"], {"snr_db", *MOVED}, "snr_db"),
    "held_out": (["noise.held_out=0.3"], MOVED, "noise.cabin.recording"),
    "pitch": (
        ["speech.effects.1.pitch={normal: [0, 2], clip: [-4, 4]}"],
        {"speech_effects.pitch"},
        "speech_effects.pitch",
    ),
    "probability of a speech effect": (
        ["speech.effects.1.probability=0.8"],
        {"speech_effects.pitch"},
        "speech_effects.pitch",
    ),
    "speed": (
        ["speech.effects.0.speed={choice: [0.8, 1.0]}"],
        {"speech_effects.speed", "speech_num_samples", *LENGTHS},
        "speech_effects.speed",
    ),
    "margins_s": (["margins_s=[0.1, 0.9]"], {"onset", *LENGTHS}, "onset"),
    "room": (["speech.room.probability=0.6"], {"room", "room_id"}, "room_id"),
    "channel": (
        ["channel=[{gain: {db: 1}}]"],
        {"channel_effects.gain", "channel_effects.order"},
        "channel_effects.gain",
    ),
    "shares of the splits": (["splits.train=0.5", "splits.train-dev=0.3"], {"split", "pool", *MOVED}, "split"),
    "max_peak_dbfs": (["max_peak_dbfs=-3"], set(), ""),
    "on_clipping": (["on_clipping=refuse"], set(), ""),
    "limits": (["limits.max_bad=0.5", "limits.timeout_s=10"], set(), ""),
    "output": (["output.stems=true", "output.shard_size=7", "output.format=wav"], set(), ""),
}


def planned(recipe: Path, *overrides: str) -> Plan:
    return make_plan(recipe, overrides=overrides, check=False).plan


def specs(plan: Plan) -> dict[str, ClipSpec]:
    return {spec.clip_id: spec for spec in plan}


def differences(before: ClipSpec, after: ClipSpec) -> set[str]:
    """The names of the fields that differ; an effect by its name, a noise piece's field by its layer's."""
    lists = ("speech_effects", "channel_effects", "noise")
    found = {
        f.name for f in fields(ClipSpec) if f.name not in lists and getattr(before, f.name) != getattr(after, f.name)
    }
    for name in lists[:2]:
        found |= {f"{name}.{each}" for each in effect_differences(getattr(before, name), getattr(after, name))}
    return found | noise_differences(pieces_of(before), pieces_of(after))


def effect_differences(before: tuple[Effect, ...], after: tuple[Effect, ...]) -> set[str]:
    one, two = {e.name: e for e in before}, {e.name: e for e in after}
    found = {name for name in one.keys() | two.keys() if one.get(name) != two.get(name)}
    return found | (
        {"order"} if [e.name for e in before if e.name in two] != [e.name for e in after if e.name in one] else set()
    )


def pieces_of(spec: ClipSpec) -> dict[tuple[str, int, int], NoiseSegment]:
    """Noise pieces by layer, track, and number on the track."""
    found: dict[tuple[str, int, int], NoiseSegment] = {}
    for piece in spec.noise:
        number = sum(key[:2] == (piece.layer, piece.track) for key in found)
        found[piece.layer, piece.track, number] = piece
    return found


def noise_differences(before: Mapping[Any, NoiseSegment], after: Mapping[Any, NoiseSegment]) -> set[str]:
    found = {f"noise.{key[0]}.pieces" for key in before.keys() ^ after.keys()}
    for key in before.keys() & after.keys():
        one, two = before[key], after[key]
        plain = (f.name for f in fields(NoiseSegment) if f.name != "effects")
        found |= {f"noise.{key[0]}.{name}" for name in plain if getattr(one, name) != getattr(two, name)}
        found |= {f"noise.{key[0]}.effects.{name}" for name in effect_differences(one.effects, two.effects)}
    return found


def changed(before: Plan, after: Plan) -> set[str]:
    one, two = specs(before), specs(after)
    return set().union(*(differences(one[clip], two[clip]) for clip in one.keys() & two.keys()))


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fixture_recipe(tmp_path_factory.mktemp("editing"), **BLOCKS)


@pytest.fixture(scope="module")
def base(recipe: Path) -> Plan:
    return planned(recipe)


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_changes_only_what_its_key_decides(edit: str, recipe: Path, base: Plan) -> None:
    overrides, may, must = EDITS[edit]
    after = planned(recipe, *overrides)
    assert specs(after).keys() == specs(base).keys()
    found = changed(base, after)
    assert found <= may
    assert not must or must in found


def test_another_seed_changes_everything(recipe: Path, base: Plan) -> None:
    """The control: the comparison sees every field that a draw decides."""
    found = changed(base, planned(recipe, "seed=26"))
    draws = {"split", "pool", "onset", "snr_db", "level_dbfs", "room_id", "speech_effects.speed", "speech_effects.gain"}
    noise = {
        "noise.cabin.effects.equalizer",
        "noise.cabin.effects.speed",
        "noise.rain.relative_db",
        "noise.cabin.offset",
    }
    assert draws | noise <= found


def test_a_raised_probability_keeps_what_was_drawn_and_adds(recipe: Path, base: Plan) -> None:
    """Which clips get the effect is a threshold on one draw: whoever had it keeps it, with the same value."""
    before, after = specs(base), specs(planned(recipe, "speech.effects.1.probability=0.8"))
    had = {clip: e for clip, spec in before.items() for e in spec.speech_effects if e.name == "pitch"}
    has = {clip: e for clip, spec in after.items() for e in spec.speech_effects if e.name == "pitch"}
    assert had.items() < has.items()


def test_lowered_noise_probability_keeps_the_snr_of_the_clips_still_noisy(recipe: Path, base: Plan) -> None:
    before, after = specs(base), specs(planned(recipe, "noise.probability=0.5"))
    noisy = {clip: spec.snr_db for clip, spec in after.items() if spec.noise}
    assert 10 < len(noisy) < len(after)
    assert all(before[clip].snr_db == snr for clip, snr in noisy.items())


def test_more_recordings_keep_the_effects_of_the_first(recipe: Path, base: Plan) -> None:
    before, after = specs(base), specs(planned(recipe, "noise.layers.0.recordings=3"))
    assert any(len(pieces_of(after[clip])) > len(pieces_of(spec)) for clip, spec in before.items())
    assert not any(".effects." in name for clip in before for name in differences(before[clip], after[clip]))


def replaced(recipe: Path, folder: Path, old: str, new: str) -> Plan:
    """The plan of the recipe with a part of its text replaced."""
    text = recipe.read_text()
    assert text.count(old) == 1
    folder.mkdir(exist_ok=True)
    (folder / "recipe.yaml").write_text(text.replace(old, new))
    return planned(folder / "recipe.yaml")


def test_an_effect_added_at_the_end_changes_no_other(recipe: Path, base: Plan, tmp_path: Path) -> None:
    gain = "    - gain: {db: [-3, 3]}"
    assert changed(base, replaced(recipe, tmp_path, gain, f"{gain}\n    - drift: {{depth_db: [0, 2]}}")) == {
        "speech_effects.drift"
    }


def test_an_effect_added_in_front_changes_no_other(recipe: Path, base: Plan, tmp_path: Path) -> None:
    found = changed(
        base, replaced(recipe, tmp_path, "    - gain:", "    - equalizer: {tilt_db_per_octave: [-1, 1]}\n    - gain:")
    )
    assert found == {"speech_effects.equalizer"}


def test_the_second_of_a_name_is_drawn_apart_from_the_first(recipe: Path, base: Plan, tmp_path: Path) -> None:
    gain = "    - gain: {db: [-3, 3]}"
    after = specs(replaced(recipe, tmp_path, gain, f"{gain}\n{gain}"))
    for clip, spec in specs(base).items():
        *same, second = after[clip].speech_effects
        assert tuple(same) == spec.speech_effects
        assert second.name == "gain"
        assert second != same[-1]


def test_reordered_effects_keep_their_values(recipe: Path, base: Plan, tmp_path: Path) -> None:
    gain, speed = "    - gain: {db: [-3, 3]}\n", "    - speed: {choice: [0.9, 1.0, 1.1]}\n"
    text = recipe.read_text().replace(gain, "").replace(speed, gain + speed)
    (tmp_path / "recipe.yaml").write_text(text)
    assert changed(base, planned(tmp_path / "recipe.yaml")) == {"speech_effects.order"}


def test_a_layer_added_at_the_end_changes_no_other(recipe: Path, base: Plan, tmp_path: Path) -> None:
    after = replaced(recipe, tmp_path, RAIN, f"{RAIN}\n{HORNS}")
    assert changed(base, after) == {"noise.horns.pieces"}


def test_a_layer_added_in_front_moves_only_places_in_the_catalog(recipe: Path, base: Plan, tmp_path: Path) -> None:
    after = replaced(recipe, tmp_path, CABIN, f"{HORNS}\n      min_recordings: 1\n{CABIN}\n      min_recordings: 8")
    assert changed(base, after) == {"noise.horns.pieces", "noise.cabin.recording", "noise.rain.recording"}


def test_a_renamed_layer_draws_anew(recipe: Path, base: Plan, tmp_path: Path) -> None:
    """The name is the key: this is what an edit is supposed to change."""
    found = changed(base, replaced(recipe, tmp_path, "name: rain\n", "name: shower\n"))
    assert found == {"noise.rain.pieces", "noise.shower.pieces"}


def test_a_channel_changes_nothing_before_it(recipe: Path, base: Plan, tmp_path: Path) -> None:
    after = replaced(recipe, tmp_path, "level_dbfs:", f"{CHANNEL}\nlevel_dbfs:")
    assert changed(base, after) == {"channel_effects.microphone"}


def test_a_second_copy_leaves_the_first_as_it_was(recipe: Path, base: Plan) -> None:
    """But for the noise schedule, which serves twice as many clips, and the place in the plan."""
    after = planned(recipe, "copies=2")
    assert len(after) == 2 * len(base)
    assert changed(base, after) <= {"index", *MOVED}


def test_hours_and_copies_draw_alike(recipe: Path, base: Plan) -> None:
    """`hours` only decides how many copies there are."""
    text = recipe.read_text().replace("copies: 1", "hours: 0.07")
    (recipe.parent / "hours.yaml").write_text(text)
    after = planned(recipe.parent / "hours.yaml")
    assert len(after) > len(base)
    assert changed(base, after) <= {"index", *MOVED}


PLACES = {"index", "recording"}


@pytest.fixture
def grown(tmp_path: Path) -> Path:
    """Speech and noise of our own, with a plan, that a test adds to."""
    shutil.copytree(FIXTURES / "noise" / "car", tmp_path / "car")
    for speaker in ("ada", "fay", "jon"):
        shutil.copytree(FIXTURES / "speech" / speaker, tmp_path / "speech" / speaker)
    layers = CABIN.replace(f"{FIXTURES}/noise/car", "car")
    return fixture_recipe(
        tmp_path,
        effects=EFFECTS,
        speech="speech:\n  sources: [{name: spoken, path: speech}]",
        layers=f"  layers:\n{layers}",
    )


def heard(plan: Plan) -> dict[str, dict[str, float]]:
    """Every keyed draw of every clip."""
    return {plan.clip_id(i): {draw.key: draw.u for draw in explained_draws(plan, i)[1]} for i in range(len(plan))}


def test_added_speech_leaves_the_draws_of_the_others(grown: Path) -> None:
    before = planned(grown)
    shutil.copytree(FIXTURES / "speech" / "dev", grown.parent / "speech" / "dev")
    shutil.copytree(FIXTURES / "speech" / "ada", grown.parent / "speech" / "a")
    after = planned(grown)
    assert len(after) == len(before) + 12
    assert changed(before, after) <= {*PLACES, *schedule_of("cabin")}
    drawn = heard(after)
    assert all(
        drawn[clip][key] == u for clip, draws in heard(before).items() for key, u in draws.items() if key in drawn[clip]
    )


def test_removed_speech_leaves_the_draws_of_the_others(grown: Path) -> None:
    before = planned(grown)
    shutil.rmtree(grown.parent / "speech" / "fay")
    after = planned(grown)
    assert len(after) == len(before) - 6
    assert changed(before, after) <= {*PLACES, *schedule_of("cabin")}


def test_added_noise_moves_only_the_schedule(grown: Path) -> None:
    before = planned(grown, "copies=3")
    noise = np.random.RandomState(1).standard_normal(5 * 16000) * 0.1
    soundfile.write(grown.parent / "car" / "another.wav", noise, 16000)
    found = changed(before, planned(grown, "copies=3"))
    assert "noise.cabin.recording_id" in found
    assert found <= schedule_of("cabin")


def test_what_changed_is_counted_as_synth_plan_counts_it(grown: Path) -> None:
    """`synth plan --against`: by its own comparison, the number that this file's comparison gives."""
    out, cheap = grown.parent / "out", ["noise.measure=rms", "noise.weighting=none", "speech.effects=[]"]
    generate(grown, out, overrides=cheap)
    before = specs(planned(grown, *cheap))
    shutil.copytree(FIXTURES / "speech" / "dev", grown.parent / "speech" / "dev")
    shutil.rmtree(grown.parent / "speech" / "fay")
    later = make_plan(grown, overrides=[*cheap, "noise.probability=0.5"], check=False)
    after = specs(later.plan)
    differ = [
        differences(before[clip], after[clip]) - {*PLACES, "noise.cabin.recording"} for clip in before.keys() & after
    ]
    assert changed_clips(later, out) == (sum(map(bool, differ)), 6, 6)
    assert any(differ)


# Synthesis noise

GROWN = f"""  layers:
    - name: cabin
      sources: [{{name: car, path: '{FIXTURES}/noise/car'}}]
      recordings: {{choice: [1, 2]}}
      grow: {{quilt: {{share: 0.3, segment_ms: [30, 90]}}, shaped: {{share: 0.2, departure_db: [0, 3]}}, cabin: {{share: 0.3, cars: 30}}}}
      effects:
        - speed: {{log_uniform: [0.85, 1.18]}}
{RAIN}
  events:
    - horn: {{}}
      probability: 0.3"""

GROWN_EDITS: dict[str, tuple[str, str | None, set[str]]] = {  # override; whose clips may change, None for all; which fields
    "segment_ms": ("noise.layers.cabin.grow.quilt.segment_ms=[100, 200]", "quilt", {"noise.cabin.synthesis"}),
    "departure_db": ("noise.layers.cabin.grow.shaped.departure_db=5", "shaped", {"noise.cabin.synthesis"}),
    "road": ("noise.layers.cabin.grow.cabin.road=cobbles", "cabin", {"noise.cabin.synthesis"}),
    "cars": (
        "noise.layers.cabin.grow.cabin.cars=60",
        "cabin",
        {"noise.cabin.synthesis", "noise.cabin.recording", "noise.cabin.recording_id"},
    ),
    "max_synthesized": ("noise.layers.cabin.max_synthesized=0.9", None, set()),
    "level_dbfs": ("level_dbfs=-20", None, {"level_dbfs"}),
    "share": ("noise.layers.cabin.grow.cabin.share=0.2", None, {*schedule_of("cabin"), "noise.cabin.synthesis", "noise.cabin.effects.speed", "event_labels"}),
    "events": ("noise.events.horn.probability=0.6", None, {"events", "event_labels"}),
    "seconds of an event": ("noise.events.horn.seconds=0.5", None, {"events"}),
    "relative_db of an event": ("noise.events.horn.relative_db=2", None, {"events"}),
    "lombard": ("speech.lombard.probability=0", None, {"lombard", "speech_effects.tempo", "speech_effects.pitch", "speech_effects.shelf", "speech_effects.gain", "speech_effects.order", "speech_num_samples", *LENGTHS, "noise.cabin.synthesis", "events"}),
}  # fmt: skip


@pytest.fixture(scope="module")
def with_growth(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Plan]:
    effects = EFFECTS.replace("    - gain: {db: [-3, 3]}\n", "") + "\n  lombard: {probability: 0.5}"
    path = fixture_recipe(tmp_path_factory.mktemp("growth"), **{**BLOCKS, "layers": GROWN, "effects": effects})
    return path, planned(path)


@pytest.mark.parametrize("name", GROWN_EDITS)
def test_an_edit_of_grown_noise_changes_only_what_it_decides(name: str, with_growth: tuple[Path, Plan]) -> None:
    """And only in the clips that have it: a quilt's segments are no concern of a virtual car."""
    path, base = with_growth
    override, kind, allowed = GROWN_EDITS[name]
    before, after = specs(base), specs(planned(path, override))
    moved = {clip: differences(spec, after[clip]) for clip, spec in before.items()}
    assert set().union(*moved.values()) <= allowed
    kinds = {clip: {piece.kind for piece in spec.noise if piece.layer == "cabin"} for clip, spec in before.items()}
    touched = {clip for clip, found in moved.items() if found}
    if kind is None:
        assert bool(touched) is bool(allowed)
    else:
        assert touched
        assert touched <= {clip for clip, found in kinds.items() if found == {kind}}


def test_a_way_to_grow_that_nothing_uses_changes_nothing(with_growth: tuple[Path, Plan]) -> None:
    path, base = with_growth
    assert changed(base, planned(path, "noise.layers.cabin.grow.separate=0")) == set()


def test_grown_noise_leaves_the_other_layers_alone(with_growth: tuple[Path, Plan], tmp_path: Path) -> None:
    """Without `grow` all draws of the rest are the same: rain, levels, events, voices."""
    path, base = with_growth
    text = "\n".join(line for line in path.read_text().split("\n") if not line.startswith("      grow:"))
    (tmp_path / "recipe.yaml").write_text(text)
    allowed = {*schedule_of("cabin"), "noise.cabin.synthesis", "noise.cabin.effects.speed", "event_labels"}
    assert changed(base, planned(tmp_path / "recipe.yaml")) <= allowed
