"""One data set for all readers: real speech of the fixtures with texts that break formats, in stages, weights and labels."""

from __future__ import annotations

import csv
import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from synth.commands.generate import generate
from tests.helpers import FIXTURES, rows_of, run_synth

TEXTS = (
    'she said "turn left" twice',
    "costs $5, or ${HOME}, or {data_root} and {}",
    "grüße 🚗 ça va, 東京",
    "two\nlines\tand a tab",
    None,
    "back\\slash, 'quote' and 100 %",
    "#comment, key: value | pipe \u2028 separator",
    "<unk> a,b;c",
    " spaces  inside ",
    "turn right",
    "null",  # what pandas takes for an unknown value
)
"""Texts of the utterances, in turn."""


@dataclass(frozen=True)
class MadeSet:
    """A data set and its rows."""

    path: Path
    rows: list[dict[str, Any]]

    def of(self, *splits: str) -> list[dict[str, Any]]:
        """The rows of some splits, in the order of their manifests."""
        return [row for split in splits for row in self.rows if row["split"] == split]


def speech_list(folder: Path, speaker: str | None = None) -> Path:
    """A list of the speech of the fixtures, or of a speaker, with awkward texts, and labels that may be unknown."""
    lines = []
    with (FIXTURES / "speech" / "metadata.csv").open(encoding="utf-8", newline="") as file:
        for k, row in enumerate(csv.DictReader(file)):
            if speaker not in (None, row["speaker"]):
                continue
            lines.append(
                {
                    "audio_filepath": str(FIXTURES / "speech" / row["path"]),
                    "text": TEXTS[(7 * k + k // 10) % len(TEXTS)],
                    "speaker": row["speaker"],
                    "labels": {"accent": row["accent"], "street": [True, False, None][k % 3]},
                    "alignment": json.loads(row["alignment"]) if row["alignment"] else None,
                }
            )
    path = folder / f"{speaker}.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def make_set(folder: Path, output: str) -> MadeSet:
    """Make a data set of 72 clips: two splits, two stages with weights 1 and 4, shards of 16 clips."""
    folder.mkdir(parents=True, exist_ok=True)
    recipe = folder / "recipe.yaml"
    recipe.write_text(
        f"""
schema: 1
seed: 5
sample_rate: 16000
stages: [wide, fine-tune]
stage: wide
speech:
  sources:
    - {{name: spoken, path: '{FIXTURES}/speech', manifest: '{speech_list(folder)}'}}
    - name: real
      path: '{FIXTURES}/speech/jon'
      manifest: '{speech_list(folder, "jon")}'
      unchanged: true
      stage: fine-tune
      loss_weight: 4
      split: train
    - {{name: bare, path: '{FIXTURES}/speech/iris', stage: fine-tune, split: train}}
  effects: [{{speed: {{choice: [0.9, 1.0, 1.1]}}}}]
margins_s: [0.2, 0.5]
noise:
  snr_db: [0, 20]
  layers:
    - {{name: cabin, sources: [{{name: car, path: '{FIXTURES}/noise/car'}}]}}
level_dbfs: [-32, -18]
splits: {{by: [speaker], train: 0.7, train-dev: 0.3}}
output: {{stems: true, shard_size: 16, {output}}}
""",
        encoding="utf-8",
    )
    generate(recipe, folder / "set", jobs=2)
    return MadeSet(folder / "set", rows_of(folder / "set" / "manifest.jsonl"))


@pytest.fixture(scope="session")
def made_set(tmp_path_factory: pytest.TempPathFactory) -> MadeSet:
    """The data set as files."""
    return make_set(tmp_path_factory.mktemp("consumers"), "format: flac")


@pytest.fixture(scope="session")
def export(made_set: MadeSet) -> Callable[..., Path]:
    """Exports of the data set, each made once: `export("shar")`, `export("kaldi", "--cut-margins")`."""
    return exporter(made_set)


def exporter(data: MadeSet) -> Callable[..., Path]:
    @functools.cache
    def exported(name: str, *options: str) -> Path:
        out = data.path.parent / "-".join([name, *(word.strip("-") for word in options)])
        done = run_synth("export", data.path, "--to", name, "--out", out, *options)
        assert done.returncode == 0, done.stderr
        return out

    return exported


@pytest.fixture(scope="session")
def tar_set(tmp_path_factory: pytest.TempPathFactory) -> MadeSet:
    """The same data set, whose clips `generate` wrote into tar files."""
    return make_set(tmp_path_factory.mktemp("consumers-tar"), "format: flac, layout: tar")


@pytest.fixture(scope="session")
def export_of_tars(tar_set: MadeSet) -> Callable[..., Path]:
    """Exports of the data set of tar files."""
    return exporter(tar_set)
