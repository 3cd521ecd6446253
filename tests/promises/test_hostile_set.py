"""A journey through all commands with a set whose names, texts, speakers and labels are hostile (B9, B11)."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.helpers import FIXTURES, rows_of, run_synth

MARKS = ("esc\x1b[2J\x1b[31mRED\x07", "rlo\u202egnp", "c1\x9b31m", "line\u2028end", "=1+1", "@SUM(A1)")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
RECIPE = """\
seed: 3
sample_rate: 16000
copies: 1
speech: {sources: [{name: spoken, path: speech, manifest: speech/list.jsonl}]}
noise:
  snr_db: [0, 20]
  layers: [{name: cabin, sources: [{name: car, path: noise}], min_recordings: 1}]
splits: {by: [speaker], train: 1.0}
limits: {max_bad: 10}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "speech").mkdir()
    (folder / "noise").mkdir()
    speech, noise = sorted((FIXTURES / "speech" / "ada").glob("*.flac")), sorted((FIXTURES / "noise" / "car").glob("*"))
    rows = []
    for k, mark in enumerate(MARKS):
        shutil.copy(speech[k], folder / "speech" / f"{mark}{k}.flac")
        shutil.copy(noise[k], folder / "noise" / f"{mark}{k}{noise[k].suffix}")
        rows.append(
            {
                "path": f"{mark}{k}.flac",
                "text": f"{mark} text",
                "speaker": f"{mark} speaker",
                "labels": {f"{mark}": True},
            }
        )
    rows.append({"path": "missing\x1b[5m\r.flac", "text": "", "speaker": "x"})
    (folder / "speech" / "list.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "noise" / "broken\x1b[2J.wav").write_text("no audio")
    (folder / "recipe.yaml").write_text(RECIPE)
    (folder / "wrong.yaml").write_text('"\\e[2J\\e[31mevil": 1\nspeech: {"\\u202ex": 2}\n')
    run(folder, "generate", "recipe.yaml", "--out", "out", code=0)
    clips = rows_of(folder / "out" / "manifest.jsonl")
    (folder / "predictions.jsonl").write_text(
        "".join(json.dumps({"id": row["id"], "hypothesis": "=wrong \x1b[2J"}) + "\n" for row in clips)
    )
    (folder / "classes.jsonl").write_text(
        "".join(json.dumps({"id": row["id"], "reference": "=a", "p_=a": 0.01, "p_\x1bb": 0.99}) + "\n" for row in clips)
    )
    return folder


def run(folder: Path, *words: str, code: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command; what it prints is printable, and no bug."""
    ended = run_synth(*words, cwd=folder)
    for line in [*ended.stdout.split("\n"), *ended.stderr.split("\n")]:
        assert line.isprintable(), (words, line)
    assert "bug in synth" not in ended.stderr, ended.stderr
    assert code is None or ended.returncode == code, (words, ended.stderr)
    return ended


COMMANDS = {
    "init": ["init", "new-{mode}", "--speech", "speech", "--noise", "noise"],
    "plan": ["plan", "recipe.yaml"],
    "generate": ["generate", "recipe.yaml", "--out", "out"],
    "status": ["status", "out"],
    "verify": ["verify", "out"],
    "explain": ["explain", "out", "{clip}"],
    "replay": ["replay", "out", "{clip}", "--out", "clip{mode}.flac"],
    "labels": ["labels", "out"],
    "stages": ["stages", "out"],
    "noise": ["noise", "noise"],
    "grow": ["grow", "noise", "--method", "quilt", "--minutes", "0.02", "--out", "grown{mode}"],
    "profile": ["profile", "out", "--out", "out{mode}.profile"],
    "split": ["split", "speech/list.jsonl", "--dev", "2", "--test", "2", "--out", "splits{mode}"],
    "sample": ["errors", "sample", "predictions.jsonl", "-m", "out/manifest.jsonl", "--split", "train", "--n", "4", "--tag", "+tag", "--out", "review{mode}.csv"],
    "mislabelled": ["errors", "mislabeled", "classes.jsonl", "--out", "candidates{mode}.csv"],
    "diagnose": ["diagnose", "--scores", "predictions.jsonl", "--manifest", "out"],
    "mistake": ["plan", "wrong.yaml"],
}  # fmt: skip


NEXT = {
    "init": "next: synth plan new-",
    "plan": "next: synth generate recipe.yaml --out DIR",
    "generate": "next: synth verify out",
    "noise": "next: synth init DIR --speech SPEECH_DIR --noise noise",
    "grow": "next: synth noise grown",
    "profile": "next: synth compare TRAIN out.profile",
    "split": "next: synth profile splits/dev.jsonl --out dev.profile",
    "sample": "next: fill in review.csv, then: synth errors summary review.csv --manifest out/manifest.jsonl",
}

AS_JSON_TOO = ("status", "explain", "labels", "sample", "mistake")  # the others only take longer


@pytest.mark.parametrize("name", COMMANDS)
def test_hostile_texts_never_reach_the_terminal(name: str, folder: Path) -> None:
    """B9: names of files, texts, speakers, labels and keys of a recipe, in results and in errors, as text and JSON."""
    clip = rows_of(folder / "out" / "manifest.jsonl")[0]["id"]
    for mode in ("", "--json") if name in AS_JSON_TOO else ("",):
        words = [word.format(mode=mode, clip=clip) for word in COMMANDS[name]]
        ended = run(folder, *words, *([mode] if mode else []))
        assert ended.returncode == (2 if name == "mistake" else 0), (ended.stdout, ended.stderr)
        assert not mode or json.loads(ended.stdout)["schema_version"] == 1
        nexts = [line for line in ended.stderr.splitlines() if line.startswith("next: ")]
        assert len(nexts) == (name in NEXT and not mode), nexts
        assert not nexts or nexts[0].startswith(NEXT[name])


def test_the_names_are_shown_escaped(folder: Path) -> None:
    """B9: what is escaped can still be read."""
    assert "esc\\x1b[2J\\x1b[31mRED\\x070.flac" in run(folder, "explain", "out", "esc", code=0).stdout
    plan = run(folder, "plan", "recipe.yaml", code=0)
    assert "refused inputs: 2\n" in plan.stderr
    assert "  missing\\x1b[5m\\x0d.flac: " in plan.stderr
    assert "refused" not in plan.stdout
    text = run(folder, "plan", "wrong.yaml", code=2).stderr
    assert "\\x1b[2J\\x1b[31mevil" in text
    assert "\\u202ex" in text


def test_no_csv_that_we_write_holds_a_formula(folder: Path) -> None:
    """B11: review.csv, candidates, the list of grown files, with the header; and what is read back is what it was."""
    for name in ("sample", "mislabelled", "grow"):
        words = [word.format(mode="csv", clip="") for word in COMMANDS[name]]
        run(folder, *words, code=0)
    written = sorted(folder.rglob("*.csv"))
    assert {path.name for path in written} >= {"reviewcsv.csv", "candidatescsv.csv", "metadata.csv"}
    for path in written:
        with path.open(newline="", encoding="utf-8") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        assert [c for c in cells if c[:1] in ("=", "+", "-", "@", "\t", "\r") and not NUMBER.fullmatch(c)] == []
        if path.name == "reviewcsv.csv":
            assert {"'=wrong \x1b[2J", "'+tag"} <= set(cells)
    summary = run(folder, "errors", "summary", "reviewcsv.csv", "-m", "out/manifest.jsonl", "--json")
    assert summary.returncode == 2  # nothing is filled in yet
