"""Stages, loss weights, speech taken as it is, and labels made unknown: from the recipe to the written data set."""

from __future__ import annotations

import csv
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from synth.commands.explain import explain
from synth.commands.plan import make_plan
from synth.commands.replay import replay
from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.verify import verify
from synth.errors import GuardError
from synth.plan.checks import refuse_short_clips
from synth.render.clip_renderer import ClipRenderer
from synth.render.progress import NoProgress
from tests.helpers import FIXTURES, fixture_recipe, rows_of, run_synth

RATE = 16000
SPEECH = f"""speech:
  sources:
    - {{name: spoken, path: '{FIXTURES}/speech', manifest: spoken.csv}}
    - {{name: real, path: real, manifest: real/list.csv, unchanged: true, stage: fine-tune, loss_weight: 4}}
    - {{name: own, path: own, stage: own-stage, loss_weight: 0.5}}"""
EFFECTS = """  effects:
    - speed: {choice: [0.9, 1.0, 1.1]}
      makes_unknown: [accent]
    - polarity: {}
      probability: 0.5
      makes_unknown: street"""
LAYERS = f"""  probability: 0.8
  layers:
    - {{name: cabin, sources: [{{name: car, path: '{FIXTURES}/noise/car'}}], makes_unknown: [quiet]}}
  events:
    - siren: {{}}
      probability: 0.5"""
REST = """conditions:
  - {name: a, stage: matched, loss_weight: 3}
  - {name: b}
stage: wide
splits: {by: [speaker], train: 0.5, train-dev: 0.5}"""
HEAD = "schema: 1\nseed: 23\ncopies: 3\nstages: [wide, own-stage, matched, fine-tune]"


def square(count: int, period: int) -> np.ndarray:
    return np.where(np.arange(count) % period < period // 2, 32767, -32768).astype(np.int16)


def make_inputs(folder: Path) -> None:
    """Ten spoken utterances with labels; real audio at full scale, at two rates, with what is known of it."""
    (folder / "real").mkdir(parents=True)
    (folder / "own").mkdir()
    rng = np.random.default_rng(5)
    noise = np.clip(rng.standard_normal(RATE) * 3000, -32768, 32767).astype(np.int16)
    for name, samples, rate in (
        ("loud", square(8000, 40), RATE),
        ("quiet", (noise // 50).astype(np.int16), RATE),
        ("narrow", square(4000, 20), 8000),
        ("short", noise[:1600], RATE),
    ):
        soundfile.write(folder / "real" / f"{name}.wav", samples, rate, subtype="PCM_16")
    soundfile.write(folder / "own" / "one.wav", noise, RATE, subtype="PCM_16")
    said = "path,speaker,accent,siren\nloud.wav,r1,x,true\nquiet.wav,r2,x,FALSE\nnarrow.wav,r1,x,\nshort.wav,r2,x,unknown\n"
    (folder / "real" / "list.csv").write_text(said)
    with (FIXTURES / "speech" / "metadata.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[:10]
    lines = [f"{r['path']},{r['speaker']}{k % 5},{r['accent'] or 'x'},true,true" for k, r in enumerate(rows)]
    (folder / "spoken.csv").write_text("\n".join(["path,speaker,accent,street,quiet", *lines]) + "\n")


def recipe(folder: Path, **changes: str) -> Path:
    if not (folder / "real").exists():
        make_inputs(folder)
    blocks = {
        "head": HEAD,
        "speech": SPEECH,
        "effects": EFFECTS,
        "layers": LAYERS,
        "splits": REST,
        "level": "level_dbfs: -30",
    }
    return fixture_recipe(
        folder, **{**blocks, "output": "output: {format: wav, stems: true, shard_size: 7}", **changes}
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stages")
    done = run_synth("generate", recipe(folder), "--out", folder / "set")
    assert done.returncode == 0, done.stderr
    return folder / "set"


def rows_by_source(made: Path, name: str) -> list[dict[str, Any]]:
    return [row for row in rows_of(made / "manifest.jsonl") if row["source"]["name"] == name]


def test_what_is_taken_as_it_is_has_the_samples_of_its_source(made: Path) -> None:
    rows = {row["source"]["path"]: row for row in rows_by_source(made, "real")}
    assert len(rows) == len(rows_by_source(made, "real")) == 4  # one copy each
    for name in ("loud.wav", "quiet.wav", "short.wav"):
        row = rows[name]
        written, _ = soundfile.read(made / row["audio_filepath"], dtype="int16")
        assert np.array_equal(written, soundfile.read(made.parent / "real" / name, dtype="int16")[0])
        assert row["headroom_gain_db"] == 0 and row["speech"]["onset"] == 0
    for row in rows.values():
        assert row["noise"] == row["channel"] == row["events"] == row["speech"]["effects"] == []
        assert (row["room"], row["snr_db"], row["condition"], row["level_dbfs"]["requested"]) == (None,) * 4
        assert row["speech"]["unchanged"] and row["num_samples"] == row["speech"]["num_samples"]
    assert not any(row["speech"]["unchanged"] for row in rows_by_source(made, "spoken"))


def test_another_rate_is_resampled_and_turned_down_only_where_it_would_clip(made: Path) -> None:
    (row,) = (row for row in rows_by_source(made, "real") if row["source"]["path"] == "narrow.wav")
    assert row["num_samples"] == 8000 and row["sampling_rate"] == RATE
    assert -3 < row["headroom_gain_db"] < -0.1  # a square wave overshoots when its band is limited
    assert -0.01 < row["peak_dbfs"] <= 0.0


def test_the_data_set_keeps_all_its_promises(made: Path, tmp_path: Path) -> None:
    assert not verify(DatasetDir(made)).findings
    clip = next(row["id"] for row in rows_by_source(made, "real"))
    assert replay(made, clip, tmp_path / "clip.wav").same
    assert explain(made, clip).draws == ()
    content = json.loads((made / "dataset.json").read_text())
    planned, remade = content["ledger"]["planned"], content["ledger"]["rendered"]
    assert planned == remade
    again = tmp_path / "again"
    assert run_synth("generate", recipe(tmp_path / "in"), "--out", again, "--jobs", "2").returncode == 0
    for name in ("manifest.jsonl", "dataset.json", "stage-fine-tune.jsonl", "stage-wide.jsonl"):
        assert (again / name).read_bytes() == (made / name).read_bytes()


def test_a_source_goes_before_a_condition_and_that_before_the_recipe(made: Path) -> None:
    found = Counter(
        (r["source"]["name"], r["condition"], r["stage"], r["weight"]) for r in rows_of(made / "manifest.jsonl")
    )
    assert {key for key, _ in found.items()} == {
        ("real", None, "fine-tune", 4),
        ("own", "a", "own-stage", 0.5),
        ("own", "b", "own-stage", 0.5),
        ("spoken", "a", "matched", 3),
        ("spoken", "b", "wide", 1),
    }


def test_the_list_of_a_stage_has_its_clips_that_are_trained_on_and_no_others(made: Path) -> None:
    rows = rows_of(made / "manifest.jsonl")
    content = json.loads((made / "dataset.json").read_text())
    assert [stage["stage"] for stage in content["stages"]] == ["wide", "own-stage", "matched", "fine-tune"]
    assert {row["split"] for row in rows} == {"train", "train-dev"}
    for told in content["stages"]:
        mine = [r for r in rows if r["stage"] == told["stage"] and r["split"] == "train"]
        assert rows_of(made / f"stage-{told['stage']}.jsonl") == mine
        assert told["clips"] == len(mine)
        assert told["hours"] == pytest.approx(sum(r["duration"] for r in mine) / 3600, abs=1e-6)
        assert told["weight"] == pytest.approx(sum(r["weight"] for r in mine))
        assert told["real"]["clips"] == sum(r["speech"]["unchanged"] for r in mine)
        assert f"stage-{told['stage']}.jsonl" in content["files"]


def test_groups_are_not_torn_apart_by_what_is_unchanged(made: Path) -> None:
    splits: dict[str, set[str]] = {}
    for row in rows_by_source(made, "real"):
        splits.setdefault(row["speaker"], set()).add(row["split"])
    assert all(len(found) == 1 for found in splits.values())


def test_all_of_a_source_is_in_the_split_that_it_says(tmp_path: Path) -> None:
    """With the other clips of its speakers; the rest stays where it was."""
    before = {spec.clip_id: spec for spec in make_plan(recipe(tmp_path), check=False).plan}
    speech = SPEECH.replace("unchanged: true", "unchanged: true, split: train-dev")
    plan = make_plan(recipe(tmp_path, speech=speech), check=False).plan
    assert {spec.split for spec in plan if spec.unchanged} == {"train-dev"}
    assert all(spec == replace(before[spec.clip_id], split=spec.split) for spec in plan if spec.unchanged)
    assert all(spec.split == before[spec.clip_id].split for spec in plan if not spec.unchanged)
    lines = (tmp_path / "spoken.csv").read_text().splitlines()
    (tmp_path / "spoken.csv").write_text(
        "\n".join([*lines[:-1], lines[-1].replace(lines[-1].split(",")[1], "r1")]) + "\n"
    )
    plan = make_plan(recipe(tmp_path, speech=speech), check=False).plan
    assert {spec.split for spec in plan if plan.speech[spec.recording].speaker in ("r1", "r2")} == {"train-dev"}
    torn = speech.replace("manifest: spoken.csv", "manifest: spoken.csv, split: train")
    with pytest.raises(GuardError, match="a group is in one split"):
        make_plan(recipe(tmp_path, speech=torn), check=False)


def test_labels_are_null_exactly_where_what_was_done_makes_them_unknown(made: Path) -> None:
    seen: Counter[tuple[str, bool]] = Counter()
    for row in rows_by_source(made, "spoken"):
        factor = next(e["factor"] for e in row["speech"]["effects"] if e["name"] == "speed")
        done = {
            "accent": factor != 1,  # at 1 nothing was done
            "street": any(e["name"] == "polarity" for e in row["speech"]["effects"]),
            "quiet": row["noise"] != [],
        }
        for name, unknown in done.items():
            seen[name, unknown] += 1
            assert (row["labels"][name] is None) is unknown, (row["id"], name)
    assert all(seen[name, unknown] for name in ("accent", "street", "quiet") for unknown in (True, False))


def test_of_what_is_unchanged_only_its_list_says_what_happens_in_it(made: Path) -> None:
    said = {row["source"]["path"]: row["labels"]["siren"] for row in rows_by_source(made, "real")}
    assert said == {"loud.wav": True, "quiet.wav": False, "narrow.wav": None, "short.wav": None}
    assert {row["labels"]["siren"] for row in rows_by_source(made, "spoken")} >= {True, False}


def test_counts_of_labels_are_those_of_the_rows(made: Path) -> None:
    told = json.loads((made / "dataset.json").read_text())["labels"]
    rows = rows_of(made / "manifest.jsonl")
    for name, splits in told.items():
        for split, states in splits.items():
            values = [row["labels"].get(name) for row in rows if row["split"] == split]
            assert states["unknown"] == values.count(None)
            assert (states["present"], states["absent"]) == (values.count(True), values.count(False))
            assert sum(states.values()) == len(values)


def test_adding_unchanged_speech_changes_no_other_clip(tmp_path: Path) -> None:
    with_real = make_plan(recipe(tmp_path), check=False).plan
    lines = [line for line in SPEECH.splitlines() if "name: real" not in line]
    without = make_plan(recipe(tmp_path, speech="\n".join(lines)), check=False).plan
    kept = [spec for spec in with_real if not spec.unchanged]
    assert len(kept) == len(without) == len(with_real) - 4
    for one, other in zip(kept, without, strict=True):
        assert (one.clip_id, one.noise, one.snr_db, one.speech_effects) == (
            other.clip_id, other.noise, other.snr_db, other.speech_effects,
        )  # fmt: skip


def test_hours_count_what_is_unchanged_once(tmp_path: Path) -> None:
    plan = make_plan(recipe(tmp_path, head="schema: 1\nseed: 23\nhours: 0.03"), check=False).plan
    specs = list(plan)
    assert sum(spec.unchanged for spec in specs) == 4
    assert plan.seconds == pytest.approx(0.03 * 3600, abs=5)
    with pytest.raises(GuardError, match="recordings of unchanged sources alone have"):
        make_plan(recipe(tmp_path, head="schema: 1\nseed: 23\nhours: 0.0003"), check=False)


def test_short_unchanged_speech_is_no_matter_for_the_measure_of_the_snr(tmp_path: Path) -> None:
    path = recipe(tmp_path, noise="noise:\n  snr_db: 5\n  measure: lufs")
    planned = make_plan(path, check=False)  # 0.1 s is too short for lufs, where it gets noise
    refuse_short_clips(planned.plan)
    (index,) = (i for i, spec in enumerate(planned.plan) if spec.source_id.startswith("short"))
    rendered = ClipRenderer(planned.plan, planned.noise).render(index, NoProgress()).rendered
    assert len(rendered.samples) == 1600


def test_a_recipe_of_unchanged_speech_alone_needs_nothing_else(tmp_path: Path) -> None:
    make_inputs(tmp_path)
    path = tmp_path / "plain.yaml"
    path.write_text(
        "copies: 5\nspeech: {sources: {path: real, unchanged: true}, effects: [{speed: 0.5}]}\nlevel_dbfs: -20\n"
    )
    plan = make_plan(path).plan
    assert len(plan) == 4 and all(spec.unchanged and spec.stage is None for spec in plan)


def test_a_label_that_nobody_has_is_warned_of(tmp_path: Path) -> None:
    effects = EFFECTS.replace("[accent]", "[acent, siren]")
    warnings = make_plan(recipe(tmp_path, effects=effects), check=False).warnings
    assert [text for text in warnings if "makes_unknown" in text] == [
        "makes_unknown: no recording that was looked at, and no event, has a label 'acent'; did you mean 'accent'?"
    ]
