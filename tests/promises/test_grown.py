"""All promises of a data set with noise of every generator, with events and with raised voices: bytes, levels, ledger, memory.

A new generator is tested at once: everything here goes over GENERATORS.
"""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from synth.dsp.generators import GENERATORS
from tests import oracles
from tests.grown_set import CAR, FROM_RECORDINGS, KINDS, NAMES, cabin_layer, grown_recipe
from tests.helpers import FIXTURES, ROOT, rows_of, run_synth
from tests.promises.test_same_bytes import cpu_features
from tests.small_set import tree

Tree = dict[str, str]
POOL_OF = {"train": "train", "train-dev": "train", "train-dev-noise": "held_out"}


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some 40 clips in 5 shards, in both pools: noise of every kind, with effects, under rain now and then, with every event."""
    rain = f"\n    - name: rain\n      probability: 0.3\n      relative_db: -6\n      sources: [{{name: rain, path: '{FIXTURES}/noise/rain'}}]\n      min_recordings: 3\n      grow: {{quilt: 0.5}}"
    layers = cabin_layer(
        recordings="{choice: [1, 2]}",
        effects="[{speed: {log_uniform: [0.9, 1.1]}}, {equalizer: {bands_db: {normal: [0, 3]}}}]",
    )
    return grown_recipe(
        tmp_path_factory.mktemp("grown"),
        head="seed: 11\nsample_rate: 8000\nhours: 0.033",
        layers=layers + rain,
        splits="splits: {by: [speaker], train: 0.7, train-dev-noise: 0.3}",
        output="output: {stems: true, shard_size: 8}",
    )


def made(recipe: Path, name: str, *words: str, **env: str) -> Tree:
    run = run_synth("-q", "generate", recipe, "--out", recipe.parent / name, *words, env=env, cwd=recipe.parent)
    assert run.returncode == 0, run.stderr
    return tree(recipe.parent / name)


@pytest.fixture(scope="module")
def golden(recipe: Path) -> Tree:
    return made(recipe, "golden")


@pytest.fixture(scope="module")
def out(recipe: Path, golden: Tree) -> Path:
    assert golden
    return recipe.parent / "golden"


@pytest.fixture(scope="module")
def rows(out: Path) -> list[dict[str, Any]]:
    return rows_of(out / "manifest.jsonl")


def kind_of(row: dict[str, Any]) -> str:
    return str(next(piece["kind"] for piece in row["noise"] if piece["layer"] == "cabin"))


def test_the_set_holds_all_that_is_tested(rows: list[dict[str, Any]]) -> None:
    kinds = [kind_of(row) for row in rows]
    assert 36 < len(rows) < 48
    assert {kind: kinds.count(kind) for kind in KINDS if kinds.count(kind) < 4} == {}
    assert any(
        len(piece["synthesis"]["materials"]) == 2 for row in rows for piece in row["noise"] if piece["synthesis"]
    )
    assert any(piece["track"] == 1 for row in rows for piece in row["noise"] if piece["synthesis"])
    assert any(piece["layer"] == "rain" for row in rows for piece in row["noise"])
    assert sum(len(row["events"]) for row in rows) > 20
    assert 5 < sum(row["speech"]["lombard"] is not None for row in rows) < 35
    assert {row["split"] for row in rows} == {"train", "train-dev-noise"}


# Bytes


def in_parts(recipe: Path, name: str) -> Tree:
    """Two parts, the last first."""
    for part in (1, 0):
        assert "dataset.json" not in made(recipe, name, "--jobs", "1", "--part", f"{part}/2")
    assert run_synth("finish", recipe.parent / name).returncode == 0
    return tree(recipe.parent / name)


def killed(recipe: Path, name: str) -> Tree:
    """Killed as soon as the plan is there, again after the second shard, and then run to its end."""
    out = recipe.parent / name
    command = [sys.executable, "-c", "from synth.cli import main; main()", "generate", str(recipe), "--out", str(out)]
    for wanted in ((out / ".synth" / "plan.json").exists, lambda: len(parts(out)) >= 2):
        process = subprocess.Popen(
            [*command, "--jobs", "1"],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while process.poll() is None and not wanted():
            time.sleep(0.002)
        assert process.poll() is None, "it ended before it was killed"
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert not (out / "dataset.json").exists()
    return made(recipe, name, "--jobs", "1")


def parts(out: Path) -> list[Path]:
    return sorted((out / ".synth" / "parts").glob("*.jsonl"))


def on_an_old_processor(recipe: Path, name: str) -> Tree:
    """No AVX for numpy, the linear algebra of a Nehalem; the noise is decoded anew."""
    env = {"NPY_DISABLE_CPU_FEATURES": cpu_features(), "OPENBLAS_CORETYPE": "Nehalem"}
    return made(recipe, name, SYNTH_CACHE=str(recipe.parent / "cache"), **env)


VARIANTS: dict[str, Callable[[Path, str], Tree]] = {
    "one job, hash seed 0": lambda r, n: made(r, n, "--jobs", "1", PYTHONHASHSEED="0", LC_ALL="C"),
    "three jobs, hash seed 1": lambda r, n: made(r, n, "--jobs", "3", PYTHONHASHSEED="1", TZ="Pacific/Chatham"),
    "parts": in_parts,
    "killed twice": killed,
    "old processor": on_an_old_processor,
}


@pytest.fixture(scope="module", params=VARIANTS)
def variant(request: pytest.FixtureRequest, recipe: Path) -> Tree:
    return VARIANTS[request.param](recipe, request.param.replace(" ", "-").replace(",", ""))


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_bytes(kind: str, variant: Tree, golden: Tree, rows: list[dict[str, Any]]) -> None:
    """Clips and both stems, generator by generator."""
    for row in rows:
        if kind_of(row) == kind:
            for path in (row["audio_filepath"], row["stems"]["speech"], row["stems"]["noise"]):
                assert variant[path] == golden[path]


def test_the_same_tree(variant: Tree, golden: Tree) -> None:
    """Manifest, ledger and the rest."""
    assert variant == golden


def test_another_seed_gives_other_bytes(recipe: Path, golden: Tree) -> None:
    """The control, on one shard."""
    other = made(recipe, "seed", "--set", "seed=12", "--part", "0/9", "--jobs", "1")
    audio = {name for name in other if name.startswith("audio/")}
    assert len(audio) == 8
    assert not {name for name in audio if other[name] in golden.values()}


@pytest.mark.parametrize("kind", KINDS)
def test_one_clip_is_made_again(kind: str, out: Path, rows: list[dict[str, Any]], tmp_path: Path) -> None:
    """`synth replay`, in this process."""
    from synth.commands.replay import replay

    mine = [row for row in rows if kind_of(row) == kind]
    for row in (mine[0], mine[-1]):
        again = replay(out, row["id"], tmp_path / f"{row['id']}.flac")
        assert again.same is True
        assert again.path.read_bytes() == (out / row["audio_filepath"]).read_bytes()


def test_replay_and_verify_from_the_shell(out: Path, rows: list[dict[str, Any]], tmp_path: Path) -> None:
    clip = next(row["id"] for row in rows if row["events"] and row["speech"]["lombard"])
    assert run_synth("replay", out, clip, "--out", tmp_path / "clip.flac").returncode == 0
    verified = run_synth("verify", out, "--json")
    assert verified.returncode == 0, verified.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_explain_tells_how_the_noise_was_made(kind: str, out: Path, rows: list[dict[str, Any]]) -> None:
    from synth.cli.show.explain import explanation_text
    from synth.commands.explain import explain

    told = explain(out, next(row["id"] for row in rows if kind_of(row) == kind))
    assert "noise.layers.cabin.grow" in {draw.key for draw in told.draws}
    assert all(draw.setting is not None for draw in told.draws if draw.key != "noise.probability"), told.draws
    assert kind == "recording" or kind in explanation_text(told)
    json.dumps(told.to_json(), allow_nan=False)


# Levels


def stems(out: Path, row: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    found = [soundfile.read(out / row["stems"][name], dtype="float64")[0] for name in ("speech", "noise")]
    return found[0], found[1]


def span_of(row: dict[str, Any]) -> slice:
    return slice(row["speech"]["onset"], row["speech"]["onset"] + row["speech"]["num_samples"])


@pytest.mark.parametrize("kind", KINDS)
def test_the_snr_is_the_one_asked_for(kind: str, out: Path, rows: list[dict[str, Any]]) -> None:
    """From the written stems, events in the noise, by code that shares nothing with synth."""
    for row in rows:
        if kind_of(row) == kind:
            speech, noise = stems(out, row)
            found = oracles.snr_db(speech, noise, 8000, span=span_of(row), measure="active", weighting="band")
            assert found == pytest.approx(row["snr_db"]["requested"], abs=0.1)
            assert row["snr_db"]["measured"] == pytest.approx(found, abs=0.1)


def test_stems_sum_to_the_clip(out: Path, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        speech, noise = stems(out, row)
        mix = soundfile.read(out / row["audio_filepath"], dtype="float64")[0]
        assert np.abs(mix - speech - noise).max() <= 1 / 32768


@pytest.mark.parametrize("measure", ["rms", "lufs"])
def test_all_reported_levels_are_true(measure: str, tmp_path: Path) -> None:
    """`band`, `a` and `broadband` can be checked alone where the measure has no activity of its own."""
    recipe = grown_recipe(
        tmp_path,
        head="seed: 3\nsample_rate: 16000\ncopies: 1",
        speech=f"speech:\n  sources: [{{name: spoken, path: '{FIXTURES}/speech', glob: '*/*_1.flac'}}]",
        noise=f"noise:\n  snr_db: [-5, 25]\n  measure: {measure}\n  weighting: none",
        output="output: {stems: true}",
    )
    run = run_synth("-q", "generate", recipe, "--out", tmp_path / "out")
    assert run.returncode == 0, run.stderr
    rows = rows_of(tmp_path / "out" / "manifest.jsonl")
    assert len({kind_of(row) for row in rows}) >= 4
    for row in rows:
        speech, noise = stems(tmp_path / "out", row)
        asked = oracles.snr_db(speech, noise, 16000, span=span_of(row), measure=measure, weighting="none")
        assert asked == pytest.approx(row["snr_db"]["requested"], abs=0.05 if measure == "rms" else 0.1)
        for key, weighting in (("band", "band"), ("a", "a"), ("broadband", "none")):
            found = oracles.snr_db(speech, noise, 16000, span=span_of(row), measure="rms", weighting=weighting)
            assert row["snr_db"][key] == pytest.approx(found, abs=0.1)


# Ledger


Counts = dict[tuple[str, str], dict[str, dict[str, int]]]


@pytest.fixture(scope="module")
def counted(rows: list[dict[str, Any]]) -> Counts:
    """Samples of noise by layer and pool, kind, and source: from the rows alone."""
    found: Counts = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))
    for row in rows:
        for piece in row["noise"]:
            key = piece["layer"], POOL_OF[row["split"]]
            found[key][piece["kind"]][piece["recording"]] += piece["source_num_samples"]
        for event in row["events"]:
            if event["source"]:
                place = event["source"]
                key = place["layer"], POOL_OF[row["split"]]
                found[key]["recording"][place["recording"]] += place["num_samples"]
    return found


@pytest.fixture(scope="module")
def ledgers(out: Path) -> dict[str, dict[tuple[str, str], dict[str, Any]]]:
    content = json.loads((out / "dataset.json").read_text())["ledger"]
    return {which: {(p["layer"], p["pool"]): p for p in content[which]["pools"]} for which in ("planned", "rendered")}


def test_planned_is_made(ledgers: dict[str, Any]) -> None:
    assert ledgers["planned"] == ledgers["rendered"]
    layers = {layer for layer, _ in ledgers["rendered"]}
    assert layers == {"cabin", "rain", "events.klaxon"}


def test_the_ledger_tells_real_from_grown(counted: Counts, ledgers: dict[str, Any]) -> None:
    for key, pool in ledgers["rendered"].items():
        by_kind = {kind: sum(sources.values()) / 8000 for kind, sources in counted[key].items()}
        total = sum(by_kind.values())
        models = sum(seconds for kind, seconds in by_kind.items() if kind != "recording" and GENERATORS[kind].is_model)
        assert pool["recorded_share"] == pytest.approx(by_kind.get("recording", 0) / total, abs=1e-6)
        assert pool["synthesized_share"] == pytest.approx(models / total, abs=1e-6)
        assert pool["used_s"] == pytest.approx(by_kind.get("recording", 0), abs=0.001)
        assert set(pool["by_method"]) == set(by_kind) - {"recording"}
        for kind, told in pool["by_method"].items():
            used = counted[key][kind]
            assert told["is_model"] is GENERATORS[kind].is_model
            assert told["used_s"] == pytest.approx(by_kind[kind], abs=0.001)
            assert told["share"] == pytest.approx(by_kind[kind] / total, abs=1e-6)
            assert told["sources"] == len(used)
            assert told["effective_sources"] == pytest.approx(effective(used.values()), abs=0.001)


def effective(amounts: Any) -> float:
    shares = [amount / sum(amounts) for amount in amounts]
    return math.exp(-sum(share * math.log(share) for share in shares))


def test_reuse_counts_only_what_is_as_recorded(counted: Counts, ledgers: dict[str, Any]) -> None:
    for key, pool in ledgers["rendered"].items():
        recorded = counted[key]["recording"]
        for name, use in pool["by_recording"].items():
            assert use["used_s"] == pytest.approx(recorded.get(name, 0) / 8000, abs=0.001)
        assert pool["reuse_mean"] == pytest.approx(sum(recorded.values()) / 8000 / pool["unique_s"], abs=0.001)


def test_what_is_grown_from_a_recording_counts_as_its_own(counted: Counts, ledgers: dict[str, Any]) -> None:
    """For the number of effective recordings and the largest share; segments of one car are one recording."""
    pool, counts = ledgers["rendered"]["cabin", "train"], counted["cabin", "train"]
    groups: dict[str, int] = defaultdict(int)
    for kind, sources in counts.items():
        for name, samples in sources.items():
            if not name.startswith("car-"):
                assert kind in (*FROM_RECORDINGS, "recording")
                groups[car_number(name)] += samples
    # two files may be one car: by `recording_column`
    assert pool["recordings"] < len(pool["by_recording"])
    assert pool["effective_recordings"] == pytest.approx(effective(groups.values()), abs=0.002)
    assert pool["largest_share"] == pytest.approx(max(groups.values()) / sum(groups.values()), abs=1e-6)


def car_number(recording: str) -> str:
    """`old_sedan_080_1a2b3c4d` is a recording of the old sedan."""
    return recording.rsplit("_", 2)[0]


def test_plan_names_real_and_grown_shares(recipe: Path, ledgers: dict[str, Any]) -> None:
    run = run_synth("plan", recipe)
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("where noise comes from"))
    assert lines[start].split() == [
        "where",
        "noise",
        "comes",
        "from",
        "share",
        "used",
        "sources",
        "effective",
        "sources",
    ]
    pool = ledgers["planned"]["cabin", "train"]
    told = {line.split("  ")[0]: line.split() for line in lines[start + 1 :] if line.startswith("cabin/train")}
    assert f"{pool['recorded_share']:.1%}" in told["cabin/train recorded"]
    for name in NAMES:
        mine = told[f"cabin/train {name}" + (" (a model)" if GENERATORS[name].is_model else "")]
        assert f"{pool['by_method'][name]['share']:.1%}" in mine
        assert str(pool["by_method"][name]["sources"]) in mine


def test_max_synthesized_refuses_with_exit_code_2(tmp_path: Path) -> None:
    layers = f"  layers:\n    - {{name: cabin, sources: [{CAR}], grow: {{quilt: 0.3, cabin: 0.55}}}}"
    run = run_synth("plan", grown_recipe(tmp_path, layers=layers))
    assert run.returncode == 2
    assert run.stdout == ""
    assert run.stderr == (
        "synth: noise.layers.cabin: cabin would make the noise of 55% of the clips (max_synthesized: 50%). A model of noise has errors of "
        "its own, and whoever trains on it alone learns them. Leave more to the recordings, or to quilt and separate, which are "
        "made of recorded sound; or raise noise.layers.cabin.max_synthesized if you accept that risk\n"
    )
