"""NeMo's own readers read what `synth export` writes for them, and the manifests of a data set."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.consumers.comparison import differing, same_audio
from tests.consumers.conftest import MadeSet
from tests.consumers.environments import run_reader
from tests.helpers import run_synth

MANIFESTS = ("train_wide.jsonl", "train_fine-tune.jsonl", "train-dev_wide.jsonl")


@pytest.fixture(scope="module")
def exported(made_set: MadeSet) -> Path:
    out = made_set.path.parent / "nemo"
    done = run_synth("export", made_set.path, "--to", "nemo", "--out", out)
    assert done.returncode == 0, done.stderr
    return out


def test_the_manifest_of_a_data_set(made_set: MadeSet) -> None:
    printed = run_reader("torch", "nemo_list", made_set.path / "manifest.jsonl")
    pairs = same_audio(printed["clips"], made_set.rows)
    assert differing(pairs, lambda clip: clip["text"], lambda row: row["text"]) == []
    assert differing(pairs, lambda clip: clip["duration"], lambda row: row["duration"]) == []
    assert differing(pairs, lambda clip: clip["declared_samples"], lambda row: row["num_samples"]) == []


def test_exported_manifests(made_set: MadeSet, exported: Path) -> None:
    printed = run_reader("torch", "nemo_list", *(exported / name for name in MANIFESTS))
    with_text = [row for row in made_set.rows if row["text"] is not None]
    assert len(with_text) < len(made_set.rows)  # the others are skipped
    pairs = same_audio(printed["clips"], with_text, in_order=False)
    for name in ("text", "duration"):
        assert differing(pairs, lambda clip, name=name: clip[name], lambda row, name=name: row[name]) == []
    for name in ("speaker", "labels", "weight", "split", "stage", "alignment", "source_id"):
        assert (
            differing(pairs, lambda clip, name=name: clip["custom"].get(name), lambda row, name=name: row[name]) == []
        )


def test_input_cfg_draws_by_weight(made_set: MadeSet, exported: Path) -> None:
    """Hours times weight decide how often a manifest is drawn; only clips to train on are drawn."""
    printed = run_reader("torch", "nemo_config", exported / "input_cfg.yaml", "4000")
    assert printed["is_tarred"] is False
    drawn = {tuple(key.rsplit(" ", 2)): count for key, count in printed["drawn"].items()}
    rows = [row for row in made_set.of("train") if row["text"] is not None]
    assert {key[0] for key in drawn} == {row["id"] for row in rows}
    seconds = {"wide": 0.0, "fine-tune": 0.0}
    for row in rows:  # a clip without a text is skipped, and weighs nothing
        seconds[row["stage"]] += row["duration"] * row["weight"]
    share = sum(count for key, count in drawn.items() if key[1] == "fine-tune") / 4000
    assert abs(share - seconds["fine-tune"] / sum(seconds.values())) < 0.04  # five standard deviations
