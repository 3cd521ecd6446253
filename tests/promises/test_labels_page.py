"""docs/labels_and_stages.md, run: its commands and its Python on recipes/stages.yaml, its recipes as far as they load."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from synth.recipe.load import load_recipe
from synth.recipe.stages import stages_of
from tests.helpers import ROOT, rows_of, run_synth

PAGE = (ROOT / "docs" / "labels_and_stages.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the page's commands were run, each with the exit code 0."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "recipes").symlink_to(ROOT / "recipes")
    (folder / "more.jsonl").write_text('{"audio_filepath": "real.wav", "duration": 2.5}\n')
    lines = "".join(blocks("sh")).splitlines()
    assert len(lines) == 5
    for line in lines:
        if "predictions.csv" in line:
            ids = [row["id"] for row in rows_of(folder / "data/stages/manifest.jsonl")]
            (folder / "predictions.csv").write_text("id,street\n" + "".join(f"{name},0.7\n" for name in ids))
        done = run_synth(*line.split()[1:], cwd=folder)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return folder


def test_the_example_has_every_stage_and_labels_that_became_unknown(folder: Path) -> None:
    rows = rows_of(folder / "data/stages/manifest.jsonl")
    for stage in ("pre-train", "wide", "matched", "fine-tune"):
        assert (
            rows_of(folder / f"data/stages/stage-{stage}.jsonl") == [row for row in rows if row["stage"] == stage] != []
        )
    spoken = [row for row in rows if row["source"]["name"] == "spoken"]
    pitched = [any(e["name"] == "pitch" and e["semitones"] for e in row["speech"]["effects"]) for row in spoken]
    assert {row["labels"]["accent"] for row, high in zip(spoken, pitched, strict=True) if high} == {None}
    known = [row["labels"]["accent"] is not None for row, high in zip(spoken, pitched, strict=True) if not high]
    assert sum(known) > len(known) / 2


def test_the_python_of_the_page_works(folder: Path) -> None:
    (program,) = blocks("python")
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, cwd=folder, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    known, clips = (int(word) for word in re.findall(r"\d+", done.stdout))
    assert 0 < known < clips == len(rows_of(folder / "data/stages/train.jsonl"))


def test_the_recipes_of_the_page_load(tmp_path: Path) -> None:
    one, two = blocks("yaml")
    (tmp_path / "one.yaml").write_text(one.replace("speech:\n", "speech:\n  sources: x\n"))
    (tmp_path / "two.yaml").write_text(two + "noise: {snr_db: 5, layers: [{name: a, sources: n}]}\n")
    assert load_recipe(tmp_path / "one.yaml").speech.effects[0].makes_unknown == ("accent",)
    assert stages_of(load_recipe(tmp_path / "two.yaml")) == ("pre-train", "wide", "matched", "fine-tune")


def test_every_check_stands_on_the_page() -> None:
    text = (ROOT / "synth" / "diagnose" / "stages.py").read_text(encoding="utf-8")
    assert set(re.findall(r'StageCheck\("(\w+)"', text)) == set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
