"""Wrong labels that were put in on purpose are found, by a model that has not seen the clip."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from synth.commands.errors import find_mislabeled
from synth.diagnose.review.confident_joint import confident_joint
from synth.errors import UsageError
from tests.helpers import run_synth

CLASSES = ("street", "home", "radio", "stop")


def noisy_labels(
    count: int = 1200, noise: float = 0.1, spread: float = 0.6, seed: int = 2
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(out-of-fold probabilities, labels, true classes): four Gaussians of SD `spread`, 2.8 apart; `noise` of the
    labels are another class at random. The model knows the means of the other folds' labelled clips."""
    rng = np.random.Generator(np.random.Philox(key=[seed, 79]))
    true = rng.integers(0, 4, size=count)
    angle = true * np.pi / 2
    x = 2.0 * np.stack([np.cos(angle), np.sin(angle)], axis=1) + spread * rng.normal(size=(count, 2))
    labels = np.where(rng.random(count) < noise, (true + rng.integers(1, 4, size=count)) % 4, true)
    p = np.zeros((count, 4))
    for fold in range(5):
        held = np.arange(count) % 5 == fold
        means = np.stack([x[~held & (labels == k)].mean(axis=0) for k in range(4)])
        score = -((x[held, None] - means[None]) ** 2).sum(axis=2)
        p[held] = np.exp(score - score.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True), labels, true


@pytest.mark.parametrize(("spread", "recall", "precision"), [(0.6, 0.9, 0.85), (0.8, 0.78, 0.68)])
def test_made_up_label_noise_is_found(spread: float, recall: float, precision: float) -> None:
    """Of classes that hardly overlap, and of those of which one in thirteen clips lies nearer to another class."""
    p, labels, true = noisy_labels(spread=spread)
    found = confident_joint(p, labels)
    suggested = dict(found.off_diagonal)
    candidates = list(suggested)
    wrong = set(np.flatnonzero(labels != true).tolist())
    hit = wrong & set(candidates)
    assert len(hit) / len(wrong) >= recall
    assert len(hit) / len(candidates) >= precision  # by chance it would be 0.1
    assert len(wrong & set(candidates[: len(candidates) // 2])) / (len(candidates) // 2) >= 0.95  # ranked
    assert np.mean([suggested[clip] == true[clip] for clip in hit]) > 0.95
    noise = float(found.joint.sum() - np.trace(found.joint))
    assert noise == pytest.approx(np.mean(labels != true), abs=0.035)
    assert found.joint.sum() == pytest.approx(1)
    assert found.joint.sum(axis=1) == pytest.approx(np.bincount(labels) / len(labels))


def test_clean_labels_give_few_candidates() -> None:
    p, labels, _ = noisy_labels(noise=0.0)
    assert len(confident_joint(p, labels).off_diagonal) < 0.03 * len(labels)


def test_the_threshold_of_each_class_is_its_own() -> None:
    """A class of which the model is never sure is found by its own mean, not by the largest p."""
    p = np.array([[0.9, 0.1]] * 8 + [[0.6, 0.4]] * 8 + [[0.6, 0.4]])
    labels = np.array([0] * 8 + [1] * 8 + [0])
    found = confident_joint(p, labels)
    assert found.thresholds == pytest.approx([(8 * 0.9 + 0.6) / 9, 0.4])
    assert found.off_diagonal == ((16, 1),)


def written(folder: Path, classes: tuple[str, ...] = CLASSES) -> tuple[Path, np.ndarray, np.ndarray]:
    p, labels, true = noisy_labels(count=400)
    path = folder / "out_of_fold.csv"
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["id", "reference", *(f"p_{name}" for name in classes)])
        out.writerows([f"c{k}", classes[labels[k]], *(f"{v:.9f}" for v in p[k])] for k in range(len(p)))
    return path, labels, true


def test_the_command_writes_candidates_to_correct(tmp_path: Path) -> None:
    path, labels, true = written(tmp_path)
    done = run_synth("errors", "mislabeled", path, "--out", tmp_path / "candidates.csv", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    with (tmp_path / "candidates.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [c["id"] for c in told["candidates"]]
    margins = [float(row["margin"]) for row in rows]
    assert margins == sorted(margins, reverse=True)
    found = {int(row["id"][1:]) for row in rows}
    wrong = set(np.flatnonzero(labels != true).tolist())
    assert len(found & wrong) >= 0.85 * len(wrong)
    assert {row["correction"] for row in rows} == {""}
    assert told["estimated_noise"] == pytest.approx(len(wrong) / 400, abs=0.04)


def test_labels_come_from_the_manifest_too(tmp_path: Path) -> None:
    path, labels, _ = written(tmp_path, ("false", "true", "x", "y"))
    rows = list(csv.reader(path.read_text().splitlines()))
    path.write_text("\n".join(",".join([row[0], *row[2:]]) for row in rows))
    manifest = tmp_path / "dev.jsonl"
    values = [False, True, "x", "y"]
    manifest.write_text(
        "".join(
            json.dumps(
                {"id": f"c{k}", "audio_filepath": f"{k}.wav", "duration": 1, "labels": {"street": values[label]}}
            )
            + "\n"
            for k, label in enumerate(labels)
        )
    )
    found = find_mislabeled(path, manifest, label="street")
    assert len(found.candidates) > 20
    assert found.candidates[0].audio == f"{found.candidates[0].id[1:]}.wav"
    with pytest.raises(UsageError, match=r"out_of_fold.csv:2: no rain; add the column"):
        find_mislabeled(path, manifest, label="rain")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "id,reference,hypothesis\na,x,x\n",
            "a.csv:2: at least 2 columns p_<class> with the probability of a class are needed",
        ),
        ("id,reference,p_x,p_y\na,z,0.5,0.5\n", "a.csv:2: the label 'z' is none of the classes x, y"),
        ("id,reference,p_x,p_y\na,x,0.5,0.9\n", "a.csv:2: the sum of the probabilities is 1.4; it must be 1"),
        ("id,reference,p_x,p_y\na,x,high,0.9\n", "a.csv:2: p_x is 'high'; a number from 0 to 1"),
        ("id,p_x,p_y\na,0.1,0.9\n", "a.csv:2: no reference; add the column to the file"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(UsageError, match=said):
        find_mislabeled(tmp_path / "a.csv")
