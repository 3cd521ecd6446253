"""Recipes are read strictly, all their mistakes are told at once, and what is written back reads the same."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synth.draws import clip_draws
from synth.dsp.effects import Equalizer, Microphone, Trim
from synth.errors import RecipeError, UsageError
from synth.recipe.distributions import Choice, Constant, Integers, LogUniform, Normal, Quantiles, Uniform, WordChoice
from synth.recipe.load import load_recipe
from synth.recipe.model import Limits, Output, Recipe, Source, Splits
from synth.recipe.resolved import dump_resolved, resolved_dict

BROKEN = Path(__file__).parent / "broken"
BROKEN_NAMES = sorted(path.stem for path in BROKEN.glob("*.yaml"))
COMMITTED = sorted((Path(__file__).parents[2] / "recipes").glob("*.yaml"))

PLAIN = "speech: {sources: ../speech}\nnoise:\n  snr_db: 5\n  layers:\n    - {name: cabin, sources: ../noise}\n"

FULL = """
schema: 1
seed: 20
sample_rate: 8000
hours: 1e2
speech:
  sources:
    - {name: digits, path: ../speech, manifest: ../speech/list.csv, channels: 1, columns: {text: transcript}}
    - {path: more speech, glob: '**/*.wav', channels: first}
  effects:
    - trim
    - speed: {choice: [0.9, 1, 1.1], weights: [1, 2, 1]}
    - pitch: {normal: [0, 1], clip: [-3, 3]}
      probability: 0.5
    - pitch: {semitones: 1, engine: {choice: [signalsmith, librosa]}}
    - equalizer: {bands_db: [1, [0, 1], 2, 3, 4, 5, 6, 7], tilt_db_per_octave: [-6, 6]}
  room: {probability: 0.3, sources: rooms}
margins_s: {quantiles: [0.2, 0.3, 0.5], probabilities: [0, 0.9, 1]}
noise:
  probability: 0.95
  snr_db: {normal: [8, 5], clip: [-5, 25]}
  measure: lufs
  layers:
    - name: cabin
      sources: [{name: car, path: /data/car, pool: train}, {name: van, manifest: van/list.jsonl, recording_column: drive}]
      recordings: [1, 3]
      effects:
        - speed: {log_uniform: [0.85, 1.18]}
        - drift: {depth_db: 2}
        - polarity
      crossfade_s: 0.1
    - {name: rain, sources: rain, probability: 0.2, relative_db: [-12, 0], recordings: {choice: [1, 4]}}
channel:
  - microphone: {low_hz: [50, 120], order: {choice: [1, 2]}}
level_dbfs: {uniform: [-32, -18]}
on_clipping: refuse
splits: {by: [street, speaker], train: 0.8, train-dev: 0.1, train-dev-noise: 0.1}
limits: {max_bad: 3}
output: {format: wav, stems: true}
"""


def load(folder: Path, text: str, overrides: Sequence[str] = ()) -> Recipe:
    path = folder / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return load_recipe(path, overrides)


def mistakes(folder: Path, text: str, overrides: Sequence[str] = ()) -> list[str]:
    """The first line of each mistake, without the folder."""
    with pytest.raises(RecipeError) as caught:
        load(folder, text, overrides)
    return [mistake.split("\n")[0].replace(f"{folder}{os.sep}", "") for mistake in caught.value.mistakes]


# Values


def test_every_key_arrives_in_the_model(tmp_path: Path) -> None:
    recipe = load(tmp_path, FULL)
    assert (recipe.seed, recipe.sample_rate, recipe.copies, recipe.hours) == (20, 8000, None, 100.0)
    digits, more = recipe.speech.sources
    assert digits == Source("digits", "../speech", "../speech/list.csv", channels=1, columns={"text": "transcript"})
    assert more == Source("more_speech", "more speech", glob="**/*.wav", channels="first")
    assert [choice.key for choice in recipe.speech.effects] == [
        "speech.effects.trim",
        "speech.effects.speed",
        "speech.effects.pitch",
        "speech.effects.pitch#2",
        "speech.effects.equalizer",
    ]
    trim, speed, pitch, other, equalizer = recipe.speech.effects
    assert trim.parameters == {"top_db": Constant(40.0)}
    assert speed.parameters == {"factor": Choice((0.9, 1.0, 1.1), (1.0, 2.0, 1.0))}
    assert pitch.parameters == {"semitones": Normal(0.0, 1.0, (-3.0, 3.0)), "engine": "wsola"}
    assert (pitch.probability, other.probability) == (0.5, 1.0)
    assert other.parameters["engine"] == WordChoice(("signalsmith", "librosa"))
    assert equalizer.parameters["bands_db"][:3] == (Constant(1.0), Uniform(0.0, 1.0), Constant(2.0))
    assert recipe.speech.room is not None
    assert (recipe.speech.room.probability, recipe.speech.room.sources[0].path) == (0.3, "rooms")
    assert recipe.margins_s == Quantiles((0.2, 0.3, 0.5), (0.0, 0.9, 1.0))
    assert recipe.level_dbfs == Uniform(-32.0, -18.0)
    assert (recipe.max_peak_dbfs, recipe.on_clipping) == (-1.0, "refuse")
    assert recipe.splits == Splits(("street", "speaker"), {"train": 0.8, "train-dev": 0.1, "train-dev-noise": 0.1})
    assert recipe.limits == Limits(max_bad=3.0)
    assert recipe.output == Output("wav", True, 128)
    assert recipe.folder == tmp_path


def test_the_noise_arrives_in_the_model(tmp_path: Path) -> None:
    noise = load(tmp_path, FULL).noise
    assert noise is not None
    assert (noise.probability, noise.measure, noise.weighting, noise.held_out) == (0.95, "lufs", "none", 0.2)
    cabin, rain = noise.layers
    assert cabin.sources == (
        Source("car", "/data/car", pool="train"),
        Source("van", "van", "van/list.jsonl", recording_column="drive"),
    )
    assert cabin.recordings == Integers(1, 3)
    assert rain.recordings == Choice((1, 4))
    assert [choice.key for choice in cabin.effects] == [
        "noise.layers.cabin.effects.speed",
        "noise.layers.cabin.effects.drift",
        "noise.layers.cabin.effects.polarity",
    ]
    assert cabin.effects[0].parameters == {"factor": LogUniform(0.85, 1.18)}
    assert (cabin.min_recordings, rain.min_recordings) == (8, 1)
    assert (cabin.crossfade_s, rain.crossfade_s) == (0.1, 0.05)
    assert rain.relative_db == Uniform(-12.0, 0.0)


def test_the_effects_can_be_drawn(tmp_path: Path) -> None:
    recipe = load(tmp_path, FULL)
    draws = clip_draws(recipe.seed, "clip")
    trim, equalizer = (recipe.speech.effects[i].draw(draws) for i in (0, 4))
    assert trim == Trim(40.0)
    assert isinstance(equalizer, Equalizer)
    assert equalizer.bands_db[0] == 1.0
    assert isinstance(recipe.channel[0].draw(draws), Microphone)


def test_what_is_left_out_has_the_documented_defaults(tmp_path: Path) -> None:
    recipe = load(tmp_path, "speech: {sources: ../speech}\n")
    assert (recipe.seed, recipe.sample_rate, recipe.copies, recipe.hours) == (0, 16000, 1, None)
    assert (recipe.noise, recipe.channel, recipe.level_dbfs, recipe.speech.room) == (None, (), None, None)
    assert recipe.margins_s == Uniform(0.2, 0.5)
    assert recipe.splits == Splits(("speaker",), {"train": 1.0})
    assert (recipe.limits, recipe.output) == (Limits(0.01, 120, 14400, 60), Output("flac", False, 128))
    assert recipe.speech.sources == (Source("speech", "../speech"),)


def test_null_is_the_same_as_left_out(tmp_path: Path) -> None:
    with_nulls = PLAIN + "level_dbfs: null\ncopies: ~\noutput:\nsplits: {by: null, train: 1}\n"
    assert load(tmp_path, with_nulls) == load(tmp_path, PLAIN)


def test_a_list_of_a_layer_keeps_its_position_out_of_the_keys(tmp_path: Path) -> None:
    rain = "    - {name: rain, sources: ../rain, effects: [speed: 0.9]}\n"
    before = load(tmp_path, PLAIN + rain).noise
    after = load(tmp_path, PLAIN.replace("    - {name: cabin", rain + "    - {name: cabin")).noise
    assert before is not None and after is not None
    assert before.layers[1].effects[0].key == after.layers[0].effects[0].key == "noise.layers.rain.effects.speed"


# Writing back


@pytest.mark.parametrize("text", [PLAIN, FULL], ids=["plain", "full"])
def test_what_is_written_back_reads_the_same(tmp_path: Path, text: str) -> None:
    recipe = load(tmp_path, text)
    written = dump_resolved(recipe)
    again = load(tmp_path, written)
    assert again == recipe
    assert dump_resolved(again) == written
    assert json.loads(json.dumps(resolved_dict(recipe))) == resolved_dict(recipe)


def test_every_default_stands_in_what_is_written(tmp_path: Path) -> None:
    resolved = resolved_dict(load(tmp_path, PLAIN))
    assert resolved["limits"] == {"max_bad": 0.01, "max_speech_s": 120, "max_noise_s": 14400, "timeout_s": 60}
    assert resolved["noise"]["layers"][0]["min_recordings"] == 8
    assert resolved["splits"] == {"by": ["speaker"], "train": 1, "train-dev": 0, "train-dev-noise": 0}


def test_recipes_that_mean_the_same_resolve_to_the_same(tmp_path: Path) -> None:
    long = PLAIN.replace("snr_db: 5", "snr_db: {uniform: [0.0, 15]}") + "seed: 0x10\nmargins_s: 1e0\n"
    short = "margins_s: 1\nseed: 16\n" + PLAIN.replace("snr_db: 5", "snr_db: [0, 1.5e1]")
    assert json.dumps(resolved_dict(load(tmp_path, long))) == json.dumps(resolved_dict(load(tmp_path, short)))


@pytest.mark.parametrize(
    "word", ["no", "1e3", "0o17", "null", "2026-01-01", " x ", "a: b", "#", "ÄÖ 𝄞", "a\nb", "'", "*x", "12:30"]
)
def test_odd_words_survive_writing_back(tmp_path: Path, word: str) -> None:
    recipe = load(tmp_path, f"speech: {{sources: {{name: x, path: {json.dumps(word)}}}}}\n")
    assert recipe.speech.sources[0].path == word
    assert load(tmp_path, dump_resolved(recipe)) == recipe


def test_relative_paths_stay_as_they_are_written(tmp_path: Path) -> None:
    recipe = load(tmp_path, PLAIN)
    assert recipe.speech.sources[0].path == "../speech"
    assert str(tmp_path) not in dump_resolved(recipe)
    elsewhere = tmp_path / "out"
    elsewhere.mkdir()
    (elsewhere / "recipe.yaml").write_text(dump_resolved(recipe))
    assert load_recipe(elsewhere / "recipe.yaml", folder=tmp_path) == recipe


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.name)
def test_the_committed_recipes_read_the_same_from_the_data_set(path: Path, tmp_path: Path) -> None:
    recipe = load_recipe(path)
    assert recipe.folder == path.parent.resolve()
    (tmp_path / "recipe.yaml").write_text(dump_resolved(recipe), encoding="utf-8")
    assert load_recipe(tmp_path / "recipe.yaml", folder=path.parent) == recipe


# extends


def test_a_recipe_extends_another_key_by_key(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(PLAIN + "copies: 3\nlevel_dbfs: -20\noutput: {stems: true}\n")
    child = "extends: base.yaml\ncopies: null\nhours: 5\nnoise: {snr_db: {normal: [8, 5]}}\noutput: {format: wav}\n"
    recipe = load(tmp_path, child)
    assert (recipe.copies, recipe.hours, recipe.level_dbfs) == (None, 5.0, Constant(-20.0))
    assert recipe.output == Output("wav", True)
    assert recipe.noise is not None
    assert recipe.noise.snr_db == Normal(8.0, 5.0)
    assert recipe.noise.layers[0].name == "cabin"


def test_a_distribution_is_replaced_not_mixed(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("speech: {sources: x}\nlevel_dbfs: {normal: [-20, 3], clip: [-30, -10]}\n")
    recipe = load(tmp_path, "extends: base.yaml\nlevel_dbfs: {uniform: [-30, -20]}\n")
    assert recipe.level_dbfs == Uniform(-30.0, -20.0)


def test_paths_of_an_extended_recipe_keep_their_place(tmp_path: Path) -> None:
    (tmp_path / "shared" / "deep").mkdir(parents=True)
    (tmp_path / "shared" / "deep" / "base.yaml").write_text(
        "speech: {sources: {name: x, path: ../speech, manifest: /l.csv}}\n"
    )
    (tmp_path / "shared" / "mid.yaml").write_text("extends: deep/base.yaml\nspeech: {room: {sources: rooms}}\n")
    recipe = load(tmp_path, "extends: shared/mid.yaml\n")
    assert recipe.speech.sources[0] == Source("x", "shared/speech", "/l.csv")
    assert recipe.speech.room is not None
    assert recipe.speech.room.sources[0].path == "shared/rooms"
    assert load(tmp_path, dump_resolved(recipe)) == recipe


def test_a_chain_of_extends_ends(tmp_path: Path) -> None:
    for i in range(30):
        (tmp_path / f"r{i}.yaml").write_text(f"extends: r{i + 1}.yaml\n")
    (found,) = mistakes(tmp_path, "extends: r0.yaml\n")
    assert re.match(r"r9\.yaml:1:10: extends - 'r10\.yaml' makes the chain too long: ", found)


# --set


@pytest.mark.parametrize(
    ("override", "value"),
    [
        ("noise.snr_db=[0, 15]", Uniform(0.0, 15.0)),
        ("noise.snr_db={normal: [8, 5], clip: [0, 20]}", Normal(8.0, 5.0, (0.0, 20.0))),
        ("noise.snr_db=1e1", Constant(10.0)),
    ],
)
def test_set_overrides_one_key(tmp_path: Path, override: str, value: object) -> None:
    recipe, plain = load(tmp_path, FULL, [override]), load(tmp_path, FULL)
    assert recipe.noise is not None and plain.noise is not None
    assert recipe.noise.snr_db == value
    changed, before = resolved_dict(recipe), resolved_dict(plain)
    del changed["noise"]["snr_db"], before["noise"]["snr_db"]
    assert changed == before


def test_set_steps_into_lists_by_position_and_by_name(tmp_path: Path) -> None:
    overrides = [
        "noise.layers.rain.probability=0.4",
        "noise.layers.0.sources.1.path=vans",
        "speech.effects.pitch.semitones=2",
        "speech.effects.pitch.probability=0.25",
        "speech.effects.1.speed=0.95",
        "speech.effects.speed=1.05",
        "speech.room=",
        "noise.layers.cabin.effects.1.drift.rate_hz=1",
    ]
    text = FULL.replace("- pitch: {normal: [0, 1], clip: [-3, 3]}", "- pitch: {semitones: 0}")
    recipe = load(tmp_path, text, overrides)
    assert recipe.noise is not None
    assert recipe.noise.layers[1].probability == 0.4
    assert recipe.noise.layers[0].sources[1].path == "vans"
    assert recipe.noise.layers[0].effects[1].parameters["rate_hz"] == Constant(1.0)
    assert recipe.speech.effects[2].parameters["semitones"] == Constant(2.0)
    assert recipe.speech.effects[2].probability == 0.25
    assert recipe.speech.effects[1].parameters["factor"] == Constant(1.05)
    assert recipe.speech.room is None


def test_set_changes_one_use_of_an_alias_only(tmp_path: Path) -> None:
    text = "noise:\n  snr_db: 5\n  layers:\n    - &l {name: cabin, sources: a}\n    - {name: rain, sources: b, effects: &e [speed: 1]}\n    - {name: wind, sources: c, effects: *e}\nspeech: {sources: s}\n"
    recipe = load(tmp_path, text, ["noise.layers.wind.effects.speed=0.9"])
    assert recipe.noise is not None
    assert [layer.effects[0].parameters["factor"].number for layer in recipe.noise.layers[1:]] == [1.0, 0.9]


def test_set_makes_sections_that_are_not_there(tmp_path: Path) -> None:
    assert load(tmp_path, PLAIN, ["output.stems=true", "limits.max_bad=0"]).output.stems is True


def test_mistakes_of_set_are_shown_in_the_argument(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        load(tmp_path, PLAIN, ["noise.snr_db=loud"])
    example = "give a number, [low, high], or a distribution such as {normal: [8, 5], clip: [-5, 25]}"
    assert caught.value.mistakes == [
        f"--set:1:14: noise.snr_db - 'loud' is not a number; {example}\n  noise.snr_db=loud\n               ^"
    ]


@pytest.mark.parametrize(
    ("override", "text"),
    [
        ("noise.snr_db", "--set:1:1: give KEY=VALUE, such as noise.snr_db='[0, 15]'"),
        ("=3", "--set:1:1: give KEY=VALUE, such as noise.snr_db='[0, 15]'"),
        ("noise..snr_db=3", "--set:1:1: give KEY=VALUE, such as noise.snr_db='[0, 15]'"),
        (f"{'a.' * 2000}a=3", "--set:1:1: give KEY=VALUE, such as noise.snr_db='[0, 15]'"),
        ("noise.snr=3", "--set:1:7: noise.snr - unknown key; did you mean 'snr_db'?"),
        ("noise.layers.7.name=x", "--set:1:14: noise.layers - the list has no item '7'; it has 1, counted from 0"),
        ("noise.layers.cabn.name=x", "--set:1:14: noise.layers - the list has no item 'cabn'; did you mean 'cabin'?"),
        ("noise.snr_db.low=3", "--set:1:14: noise.snr_db - 5 has no keys"),
        ("extends=other.yaml", "--set:1:1: extends - --set cannot give `extends`; write it in a file"),
        (
            "noise.snr_db=[1, 2",
            "--set:1:19: not YAML: while parsing a flow sequence expected ',' or ']', but got '<stream end>'",
        ),
        ("seed=!!int 3", "--set:1:6: the tag !!int is not allowed; a recipe has no tags"),
    ],
)
def test_wrong_overrides_are_told(tmp_path: Path, override: str, text: str) -> None:
    assert mistakes(tmp_path, PLAIN, [override]) == [text]


# Mistakes


@pytest.mark.parametrize("name", BROKEN_NAMES)
def test_a_broken_recipe_gives_all_its_mistakes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BROKEN)
    with pytest.raises(RecipeError) as caught:
        load_recipe(f"{name}.yaml")
    assert "\n".join(caught.value.mistakes) + "\n" == Path(f"{name}.txt").read_text(encoding="utf-8")
    assert caught.value.exit_code == 2


def test_broken_recipes_are_of_many_kinds() -> None:
    counts = [len(re.findall(r"\.yaml:\d+:\d+: ", path.read_text())) for path in BROKEN.glob("*.txt")]
    assert len(counts) >= 40
    assert sum(count >= 3 for count in counts) >= 20


def test_the_caret_stands_below_what_is_wrong() -> None:
    for path in BROKEN.glob("*.txt"):
        for place, line, caret in re.findall(r"yaml:\d+:(\d+): .*\n  (.*)\n  ( *\^)", path.read_text()):
            if len(line) < 100:
                assert len(caret) == int(place), path.name


def test_many_mistakes_are_cut_short(tmp_path: Path) -> None:
    found = mistakes(tmp_path, PLAIN + "".join(f"x{i}: 1\n" for i in range(500)))
    assert len(found) == 51
    assert found[-1] == "and 450 more mistakes"


def test_thousands_of_unknown_keys_are_few_suggestions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """B14: a search for each of 20,000 keys took 5 s, and 27 kB were printed."""
    asked: list[str] = []
    monkeypatch.setattr("synth.recipe.kinds.did_you_mean", lambda word, known: asked.append(word) or "")
    found = mistakes(tmp_path, PLAIN + "".join(f"x{i}: 1\n" for i in range(9000)))
    assert asked == [f"x{i}" for i in range(10)]
    assert found[-1] == "and 8950 more mistakes"
    assert sum(map(len, found)) < 6000


def test_a_list_of_too_many_numbers_is_refused_early(tmp_path: Path) -> None:
    """B14: a megabyte of numbers took 8 s."""
    (found,) = mistakes(tmp_path, f"{PLAIN}x: [{'1,' * 100_000}]\n")
    assert found.endswith("more than 20,000 values, with aliases counted as often as they are used")


@pytest.mark.skipif(not Path("/proc/kmsg").exists(), reason="no /proc")
def test_a_file_of_proc_that_blocks_its_reader_is_not_opened(tmp_path: Path) -> None:
    """B14: `extends: /proc/kmsg` blocked for ever."""
    (tmp_path / "kmsg.yaml").symlink_to("/proc/kmsg")
    text = "the recipe is empty; `synth init DIR` writes one to begin with"
    assert mistakes(tmp_path, "extends: /proc/kmsg\nspeech: {sources: x}\n") == [f"/proc/kmsg:1:1: {text}"]
    assert mistakes(tmp_path, "extends: kmsg.yaml\nspeech: {sources: x}\n") == [f"kmsg.yaml:1:1: {text}"]


def test_a_library_transform_is_checked_when_the_recipe_is_read(tmp_path: Path) -> None:
    effects = "channel:\n  - NoSuchTransform\n  - LowPassFilter: {no_such_argument: 3}\n  - AddBackgroundNoise: {sounds_path: x}\n"
    first, second, third = mistakes(tmp_path, PLAIN + effects)
    assert first.startswith("recipe.yaml:7:5: channel.0.NoSuchTransform - ")
    assert second.startswith("recipe.yaml:8:5: channel.1.LowPassFilter - ")
    assert third.startswith("recipe.yaml:9:5: channel.2.AddBackgroundNoise - ")


def test_a_library_transform_keeps_its_arguments(tmp_path: Path) -> None:
    text = (
        PLAIN
        + "channel:\n  - LowPassFilter: {min_cutoff_freq: {choice: [2000, 2500.0]}, max_cutoff_freq: 3e3}\n    probability: 0.5\n"
    )
    recipe = load(tmp_path, text)
    (choice,) = recipe.channel
    assert choice.key == "channel.LowPassFilter"
    assert choice.parameters == {"min_cutoff_freq": Choice((2000, 2500.0)), "max_cutoff_freq": 3000.0}
    again = load(tmp_path, dump_resolved(recipe))
    assert again == recipe
    values = again.channel[0].parameters["min_cutoff_freq"].values
    assert [type(value) for value in values] == [int, float]  # a library may ask for whole numbers


@pytest.mark.parametrize("name", ["missing.yaml", "a\0b.yaml", "x" * 300])
def test_a_recipe_that_is_not_there_is_a_wrong_call(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load_recipe(tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(UsageError, match="not a regular file"):
        load_recipe(tmp_path / "pipe.yaml")
    (found,) = mistakes(tmp_path, "extends: pipe.yaml\nspeech: {sources: x}\n")
    assert found == "recipe.yaml:1:10: extends - 'pipe.yaml' cannot be read (not a regular file)"


def test_a_recipe_of_more_than_256_kibibytes_is_not_read(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "# x\n" * 300_000) == ["recipe.yaml:1:1: a recipe has at most 262,144 bytes"]


def test_reading_runs_no_code_and_opens_no_other_file(tmp_path: Path) -> None:
    """Under an audit hook: no process, no import of what the recipe names, no file but recipes."""
    (tmp_path / "recipe.yaml").write_text(
        "speech: {sources: !!python/object/apply:os.system ['touch hacked']}\nnoise: !!python/name:antigravity.x ''\n"
        "channel: ['$(touch hacked)', __import__]\nextends: base.yaml\nlevel_dbfs: ${HOME}\n"
    )
    (tmp_path / "base.yaml").write_text("margins_s: !!python/object/new:subprocess.Popen [[touch, hacked]]\n")
    script = (
        "import sys, synth.recipe.load as l; from synth.errors import RecipeError\n"
        "seen = []\n"
        "sys.addaudithook(lambda e, a: seen.append((e, str(a[0]))) if e in ('open', 'os.system', 'subprocess.Popen', 'exec', 'os.exec', 'import') else None)\n"
        "try: l.load_recipe('recipe.yaml')\n"
        "except RecipeError as error: print(len(error.mistakes))\n"
        "print(*{(e, n) for e, n in seen if not n.endswith('.py') and not n.endswith('.pyc')})\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    count, seen = done.stdout.strip().split("\n")
    assert int(count) >= 4
    assert not (tmp_path / "hacked").exists()
    assert "antigravity" not in seen and "subprocess" not in seen
    assert {name for _, name in re.findall(r"\('(open)', '([^']*)'\)", seen)} == {"recipe.yaml", "base.yaml"}


WORDS = st.sampled_from(
    [b"speech", b"sources", b"noise", b"layers", b"snr_db", b"effects", b"speed", b"normal", b"clip", b"choice", b"path",
     b"extends", b"recipe.yaml", b"name", b": ", b"- ", b"\n", b"\n  ", b"\n    ", b"{", b"}", b"[", b"]", b", ", b"&a ",
     b"*a", b"!x ", b"0.5", b"-1", b"1e999", b"null", b"true", b"'", b'"', b"\\U", b"#", b"|", b">", b"? ", b"---", b"%",
     b"probability", b"trim", b"bands_db", b"equalizer", b"by", b"train", b"splits", b"\xff", b"\x00", b"\t", b"\xe2\x80\xa8"]
)  # fmt: skip


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(max_size=200), st.lists(WORDS, max_size=40).map(b"".join)))
def test_any_bytes_are_a_recipe_or_a_recipe_error(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "recipe.yaml").write_bytes(data)
    try:
        load_recipe(tmp_path / "recipe.yaml")
    except RecipeError as error:
        assert error.mistakes


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["speed", "trim", "cabin"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["name", "path", "sources", "uniform", "normal", "clip", "choice", "weights", "quantiles", "speed", "probability", "bands_db"]
    ), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_value_at_any_key_is_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    keys = ["seed", "speech.sources.0.path", "speech.effects", "speech.effects.1", "speech.effects.equalizer", "margins_s",
            "noise", "noise.snr_db", "noise.layers", "noise.layers.0", "noise.layers.cabin.recordings", "channel.0",
            "level_dbfs", "splits", "splits.by", "limits.max_bad", "output", "speech.sources.0.columns", "schema"]  # fmt: skip
    key, value = data.draw(st.sampled_from(keys)), data.draw(JSON)
    try:
        recipe = load(tmp_path, FULL, [f"{key}={json.dumps(value)}"])
    except RecipeError as error:
        assert all(str(mistake).count("\n") == 2 for mistake in error.mistakes)
        return
    assert load(tmp_path, dump_resolved(recipe)) == recipe


def test_speech_and_noise_are_stretched_by_engines_of_their_own(tmp_path: Path) -> None:
    """wsola moves tones below 75 Hz, which noise has and speech has not; a recipe may choose otherwise."""
    effects = "effects: [{tempo: 0.9}, {pitch: {semitones: 1}}, {pitch: {semitones: 1, engine: librosa}}]"
    layer = f"{{name: car, sources: noise, {effects}}}"
    recipe = load(tmp_path, f"speech:\n  sources: s\n  {effects}\nnoise:\n  snr_db: 5\n  layers: [{layer}]\n")
    engines = [
        [choice.parameters["engine"] for choice in choices]
        for choices in (recipe.speech.effects, recipe.noise.layers[0].effects)
    ]
    assert engines == [["wsola", "wsola", "librosa"], ["signalsmith", "signalsmith", "librosa"]]
