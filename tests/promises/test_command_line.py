"""The command line as a person or a pipeline uses it: exit codes, what goes to stdout, what a mistake looks like."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from synth import cli
from synth.dataset import lock
from synth.dataset.dataset_dir import DatasetDir
from tests.helpers import FIXTURES, ROOT, fixture_recipe, rows_of, run_synth
from tests.small_set import tree

SPEECH = f"speech:\n  sources: [{{name: spoken, path: '{FIXTURES}/speech', glob: '[a-c]*/*_[1-2].flac'}}]"
Run = subprocess.CompletedProcess[str]


def small_recipe(folder: Path, **changes: str) -> Path:
    """12 clips in 3 shards."""
    blocks = {
        "head": "schema: 1\nseed: 23\nsample_rate: 16000\ncopies: 2",
        "speech": SPEECH,
        "noise": "noise:\n  snr_db: [0, 20]\n  measure: rms",
        "output": "output: {shard_size: 4}",
    }
    return fixture_recipe(folder, **{**blocks, **changes})


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_recipe(tmp_path_factory.mktemp("cli"))


@pytest.fixture(scope="module")
def generated(recipe: Path) -> Run:
    return run_synth("generate", recipe, "--out", recipe.parent / "out", "--json")


@pytest.fixture(scope="module")
def dataset(recipe: Path, generated: Run) -> Path:
    assert generated.returncode == 0, generated.stderr
    return recipe.parent / "out"


@pytest.fixture
def copy(dataset: Path, tmp_path: Path) -> Path:
    """The data set, to be spoiled."""
    return Path(shutil.copytree(dataset, tmp_path / "copy"))


def clip_of(dataset: Path, number: int = 0) -> str:
    return str(rows_of(dataset / "manifest.jsonl")[number]["id"])


def as_json(run: Run) -> dict[str, Any]:
    """The one object on stdout."""
    result = json.loads(run.stdout)
    assert isinstance(result, dict)
    assert result["schema_version"] == 1
    return result


def failed(run: Run, code: int) -> str:
    """What a failing command says: on stderr, without a traceback; nothing on stdout."""
    assert run.returncode == code, (run.stdout, run.stderr)
    assert "Traceback" not in run.stderr
    assert run.stdout == ""
    return run.stderr


# the commands, one after the other


def test_plan_shows_the_plan_and_writes_nothing(recipe: Path) -> None:
    before = sorted(recipe.parent.iterdir())
    run = run_synth("plan", recipe)
    assert run.returncode == 0
    note = "note: source 'car': 1 file skipped: 1 .csv"
    assert run.stderr == f"{note}\nnext: synth generate {recipe} --out DIR\n"
    assert "clips        12 (3 shards of up to 4)" in run.stdout
    assert "cabin/train" in run.stdout
    assert "first clips" in run.stdout
    assert sorted(recipe.parent.iterdir()) == before


def test_plan_as_json(recipe: Path) -> None:
    result = as_json(run_synth("plan", recipe, "--json", "--set", "copies=3"))
    assert (result["clips"], result["shards"], result["against"]) == (18, 5, None)
    assert result["splits"] == {"train": {"clips": 18, "hours": result["hours"]}}
    assert result["ledger"]["pools"][0]["layer"] == "cabin"


def test_plan_against_a_data_set(recipe: Path, dataset: Path) -> None:
    result = as_json(run_synth("plan", recipe, "--json", "--against", dataset, "--set", "noise.snr_db=3"))
    assert result["against"] == {"changed": 12, "new": 0, "removed": 0}
    assert as_json(run_synth("plan", recipe, "--json", "--against", dataset))["against"]["changed"] == 0


def test_generate_as_json_has_only_that_on_stdout(generated: Run, dataset: Path) -> None:
    result = as_json(generated)
    assert result["complete"] is True
    assert result["rendered"]["clips"] == result["dataset"]["clips"] == 12
    assert result["out"] == str(dataset)


def test_generate_again_does_nothing(recipe: Path, dataset: Path) -> None:
    before = tree(dataset)
    run = run_synth("generate", recipe, "--out", dataset)
    assert run.returncode == 0
    assert run.stdout.startswith("already complete: nothing to render\n")
    assert "3 of 3 shards are already done" in run.stderr
    assert tree(dataset) == before


def test_status_verify_and_finish_of_a_whole_data_set(dataset: Path) -> None:
    assert as_json(run_synth("status", dataset, "--json"))["complete"] is True
    assert run_synth("status", dataset).stdout.splitlines()[:2] == [
        f"{dataset}: complete (files not checked: `synth verify` does that)",
        "shards   3 of 3",
    ]
    verified = run_synth("verify", dataset, "--json")
    assert verified.returncode == 0
    assert as_json(verified)["clips"] == 12
    before = tree(dataset)
    assert as_json(run_synth("finish", dataset, "--json"))["clips"] == 12
    assert tree(dataset) == before


def test_explain_names_every_draw(dataset: Path) -> None:
    clip = clip_of(dataset)
    run = run_synth("explain", dataset, clip)
    assert run.returncode == 0
    assert run.stdout.startswith(f"{clip}  (clip 0, split train, noise pool train)\n")
    result = as_json(run_synth("explain", dataset, clip, "--json"))
    draws = {draw["key"]: draw for draw in result["draws"]}
    assert draws["noise.snr_db"]["setting"] == [0, 20]
    row = rows_of(dataset / "manifest.jsonl")[0]
    assert result["row"] == row
    assert 20 * draws["noise.snr_db"]["u"] == pytest.approx(row["snr_db"]["requested"], abs=0.001)
    assert "speech.effects.speed.factor" in draws


def test_replay_gives_the_same_bytes_and_leaves_the_data_set_alone(dataset: Path, tmp_path: Path) -> None:
    before = tree(dataset)
    row = rows_of(dataset / "manifest.jsonl")[5]
    run = run_synth("replay", dataset, row["id"], "--out", tmp_path / "clip.flac", "--json")
    assert run.returncode == 0
    assert as_json(run)["same"] is True
    assert (tmp_path / "clip.flac").read_bytes() == (dataset / row["audio_filepath"]).read_bytes()
    assert "this lies in the data set" in failed(
        run_synth("replay", dataset, row["id"], "--out", dataset / "x.flac"), 2
    )
    assert tree(dataset) == before


def test_schema_is_that_of_the_recipe() -> None:
    run = run_synth("schema")
    assert run.returncode == 0
    assert "noise" in json.loads(run.stdout)["properties"]


def test_version_and_help() -> None:
    assert run_synth("--version").stdout.strip().replace(".", "").isalnum()
    assert "Exit codes: 0 ok" in run_synth("--help").stdout


def test_init_without_folders_makes_a_set_that_works(tmp_path: Path) -> None:
    run = run_synth("init", tmp_path / "my")
    assert run.returncode == 0
    assert run.stdout == f"{tmp_path}/my/recipe.yaml\n"
    assert f"next: synth plan {tmp_path}/my/recipe.yaml" in run.stderr
    assert run_synth("plan", tmp_path / "my" / "recipe.yaml").returncode == 0
    assert run_synth("-q", "generate", tmp_path / "my" / "recipe.yaml", "-o", tmp_path / "out").returncode == 0
    assert run_synth("verify", tmp_path / "out").returncode == 0
    splits = {row["split"] for row in rows_of(tmp_path / "out" / "manifest.jsonl")}
    assert splits == {"train", "train-dev", "train-dev-noise"}
    with (tmp_path / "my" / "recipe.yaml").open("a") as file:
        file.write("# edited\n")
    assert "it is not an unchanged starter recipe that synth wrote" in failed(run_synth("init", tmp_path / "my"), 2)


def test_init_with_folders_finds_the_list_and_plans(tmp_path: Path) -> None:
    words = ("--speech", FIXTURES / "speech", "--noise", FIXTURES / "noise" / "car")
    run = run_synth("-q", "init", "my", *words, cwd=tmp_path)
    assert (run.returncode, run.stdout, run.stderr) == (0, "my/recipe.yaml\n", "")
    assert "metadata.csv" in (tmp_path / "my" / "recipe.yaml").read_text()
    result = as_json(run_synth("plan", "my/recipe.yaml", "--json", cwd=tmp_path))
    assert result["clips"] == 60
    assert len(result["splits"]) == 3


# options


def test_set_overrides_a_key_also_from_the_environment(recipe: Path) -> None:
    first = as_json(run_synth("plan", recipe, "--json", "--set", "copies=1", "--set", "noise.snr_db=[0, 15]"))
    second = as_json(run_synth("plan", recipe, "--json", env={"SYNTH_PLAN_SET": "copies=1"}))
    assert first["clips"] == second["clips"] == 6
    assert first["plan_digest"] != second["plan_digest"]


def test_parts_and_finish_make_the_whole(recipe: Path, dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "parts"
    first = run_synth("generate", recipe, "--out", out, "--part", "1/2", "--json")
    assert as_json(first)["part"] == {"index": 1, "count": 2}
    assert "part 1 of 2 (--part)" in first.stderr
    assert "2 of 3 shards are not done (0, 2): run generate again" in failed(run_synth("finish", out), 1)
    second = run_synth("generate", recipe, "--out", out, "--part", "0/2")
    assert f"part 0 of 2 is complete; run `synth finish {out}` when all parts are" in second.stdout
    assert not (out / "dataset.json").exists()
    assert run_synth("finish", out).returncode == 0
    assert tree(out) == tree(dataset)


def test_quiet_says_nothing_but_the_result(recipe: Path, dataset: Path) -> None:
    run = run_synth("-q", "generate", recipe, "--out", dataset)
    assert run.stderr == ""
    assert run.stdout.startswith("already complete: nothing to render\n")


# what is wrong, and how it ends


USAGE: dict[str, tuple[list[str], str]] = {
    "no such command": (["generat"], "No such command 'generat'"),
    "no recipe": (["plan"], "Missing argument"),
    "no out": (["generate", "r.yaml"], "Missing option '--out'"),
    "no workers": (["plan", "r.yaml", "--jobs", "0"], "--jobs"),
    "no such file": (["plan", "nowhere.yaml"], "synth: nowhere.yaml"),
    "no data set": (["status", "nowhere"], "synth: nowhere"),
    "no data set to finish": (["finish", "nowhere"], "synth: nowhere"),
    "no data set to verify": (["verify", "nowhere"], "synth: nowhere"),
    "no data set to explain": (["explain", "nowhere", "x"], "synth: nowhere"),
    "no speech folder": (["init", "new", "--speech", "nowhere"], "there is no folder, list or file nowhere"),
}


@pytest.mark.parametrize("name", USAGE)
def test_wrong_usage_ends_with_2(name: str, tmp_path: Path) -> None:
    words, text = USAGE[name]
    assert text in failed(run_synth(*words, cwd=tmp_path), 2)
    assert list(tmp_path.iterdir()) == []


def test_a_broken_recipe_ends_with_2_and_all_its_mistakes(tmp_path: Path) -> None:
    path = small_recipe(tmp_path, noise="noise:\n  snr_db: loud\n  mesure: rms", level="level_dbfs: 10")
    text = failed(run_synth("plan", path), 2)
    assert "recipe.yaml:11:11: noise.snr_db - " in text
    assert "did you mean" in text
    assert "level_dbfs" in text
    assert "Traceback" in run_synth("--debug", "plan", path).stderr
    assert "--set" in failed(run_synth("plan", path, "--set", "seed=x"), 2)


def test_a_part_that_is_none_ends_with_2(recipe: Path, tmp_path: Path) -> None:
    assert "5/2" in failed(run_synth("generate", recipe, "--out", tmp_path / "out", "--part", "5/2"), 2)
    assert not (tmp_path / "out").exists()


def test_an_unknown_clip_ends_with_2_and_one_like_it(dataset: Path) -> None:
    clip = clip_of(dataset)
    assert clip in failed(run_synth("explain", dataset, clip.replace("ada", "adda")), 2)


def test_another_recipe_for_a_data_set_ends_with_2_and_a_diff(recipe: Path, dataset: Path) -> None:
    before = tree(dataset)
    text = failed(run_synth("generate", recipe, "--out", dataset, "--set", "noise.snr_db=[0, 15]"), 2)
    assert "noise.snr_db" in text
    assert "15" in text
    assert tree(dataset) == before


def test_a_folder_with_other_files_is_refused(recipe: Path, tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    failed(run_synth("generate", recipe, "--out", tmp_path), 2)
    assert (tmp_path / "precious.txt").read_text() == "mine"
    assert not (tmp_path / "audio").exists()


def test_too_many_bad_inputs_end_with_3(tmp_path: Path) -> None:
    shutil.copytree(FIXTURES / "speech" / "ada", tmp_path / "speech")
    soundfile.write(tmp_path / "speech" / "silence.wav", np.zeros(16000), 16000)
    path = small_recipe(tmp_path, speech="speech:\n  sources: [{name: spoken, path: speech}]")
    text = failed(run_synth("generate", path, "--out", tmp_path / "out"), 3)
    assert "1 of 35 inputs were refused (2.86%; limits.max_bad allows 1.00%): 2 silent" in text
    assert not (tmp_path / "out" / "dataset.json").exists()
    assert {row["code"] for row in rows_of(tmp_path / "out" / "quarantine.jsonl")} == {"silent"}


def test_a_flipped_byte_ends_verify_with_4(copy: Path) -> None:
    row = rows_of(copy / "manifest.jsonl")[3]
    file = copy / row["audio_filepath"]
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    run = run_synth("verify", copy, "--json")
    assert run.returncode == 4
    assert row["audio_filepath"] in json.dumps(as_json(run))
    assert "Traceback" not in run.stderr
    assert run_synth("verify", copy, "--quick").returncode == 0


def test_replay_of_a_changed_clip_ends_with_4(copy: Path, tmp_path: Path) -> None:
    """The part that made the clip says other bytes than are made now."""
    clip, parts = clip_of(copy), sorted((copy / ".synth" / "parts").iterdir())
    sha256 = rows_of(copy / "manifest.jsonl")[0]["sha256"]
    parts[0].write_text(parts[0].read_text().replace(sha256, "0" * 64))
    run = run_synth("replay", copy, clip, "--out", tmp_path / "clip.flac")
    assert run.returncode == 4
    assert "NOT the bytes of the data set" in run.stdout
    assert "the bytes differ" in run.stderr


def test_a_locked_data_set_ends_with_75(recipe: Path, copy: Path) -> None:
    with lock.hold_all(DatasetDir(copy)):
        text = failed(run_synth("generate", recipe, "--out", copy), 75)
    assert str(os.getpid()) in text


def test_a_bug_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], recipe: Path
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the sky fell")

    monkeypatch.setattr("synth.commands.plan.make_plan", broken)
    assert cli.run(["plan", str(recipe)]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("synth: RuntimeError: the sky fell\nsynth: This is a bug")
    assert "Traceback" not in output.err


# signals and pipes


def start(*words: str | Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "from synth.cli import main; main()", *map(str, words)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)


def test_an_interrupted_run_can_be_gone_on_with(tmp_path: Path) -> None:
    path = small_recipe(tmp_path, head="seed: 1\ncopies: 40", output="output: {shard_size: 4}")
    run = start("generate", path, "--out", tmp_path / "out", "--jobs", "2")
    parts = tmp_path / "out" / ".synth" / "parts"
    until = time.monotonic() + 60
    while not (parts.exists() and any(parts.iterdir())) and time.monotonic() < until:
        time.sleep(0.01)
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=300)
    assert run.returncode == 130, err
    assert "Traceback" not in err
    assert "run the same command again to resume" in err
    assert out == ""
    result = as_json(run_synth("status", tmp_path / "out", "--json"))
    assert 0 < result["clips"] < 240
    assert result["complete"] is False
    assert run_synth("-q", "generate", path, "--out", tmp_path / "out").returncode == 0
    assert run_synth("verify", "--quick", tmp_path / "out").returncode == 0


def run_without_reader(*words: str | Path) -> Run:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-c", "from synth.cli import main; main()", *map(str, words)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, env=env, timeout=300, check=False)
    os.close(writer)
    return run


@pytest.mark.parametrize("words", [["schema"], ["--help"]])
def test_a_reader_that_went_away_is_no_error(words: list[str]) -> None:
    run = run_without_reader(*words)
    assert (run.returncode, run.stderr) == (0, "")


def test_a_reader_that_went_away_does_not_hide_what_verify_found(copy: Path) -> None:
    (copy / rows_of(copy / "manifest.jsonl")[0]["audio_filepath"]).unlink()
    assert run_without_reader("verify", copy).returncode == 4


def test_help_imports_nothing_heavy() -> None:
    heavy = ("numpy", "scipy", "librosa", "audiomentations", "numba", "pydantic", "soundfile", "soxr", "yaml")
    code = (
        "import sys; sys.argv = ['synth', '--help']\nfrom synth.cli import main\n"
        "try: main()\nexcept SystemExit as end: assert end.code == 0\n"
        f"print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True, timeout=300)
    assert run.stderr.strip() == "[]"
