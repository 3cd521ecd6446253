"""The error ladders of single models, as scores for `synth diagnose`, and what it says of them."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .experiment import Answers, command

RUNGS = ("train", "train-dev", "train-dev-noise", "dev", "test")


@dataclass(frozen=True)
class Told:
    """What `synth diagnose` said of one model: as text and as its JSON object."""

    recipe: str
    target: str
    scores: Path
    text: str
    report: dict[str, Any]

    @property
    def named(self) -> str:
        """The gap that it names, or its verdict where it names none."""
        return " and ".join(self.report["named"]) or str(self.report["verdict"])


def write_scores(found: Answers, recipe: str, model: str, path: Path) -> Path:
    """scores.csv: a line for each clip that the model of this recipe answered; `oracle` is the oracle's on dev."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as text:
        lines = csv.writer(text, lineterminator="\n")
        lines.writerow(["id", "split", "error", "speaker", "group"])
        for split in RUNGS:
            _write(lines, found, recipe, model, split, split)
        _write(lines, found, "oracle", model, "dev", "oracle")
    return path


def _write(lines: Any, found: Answers, recipe: str, model: str, split: str, called: str) -> None:
    wrong = found.wrong.get((recipe, model, split))
    if wrong is None:
        return
    names, words = found.clips.get((recipe, split)) or found.clips["", split]
    for name, word, one in zip(names, words, wrong, strict=True):
        lines.writerow([name, called, int(one), word.split("-")[0], word])


def diagnosed(found: Answers, recipe: str, model: str, folder: Path) -> Told:
    """Write the scores and ask `synth diagnose`. Raises Failed."""
    scores = write_scores(found, recipe, model, folder / f"{found.target}_{recipe}" / "scores.csv")
    text = command("diagnose", "--scores", scores)
    report = json.loads(command("diagnose", "--scores", scores, "--json"))
    return Told(recipe, found.target, scores, text, report)
