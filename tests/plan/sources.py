"""Small sources and recipes for the tests of planning: lists whose files need not be there, and noise that is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from synth.commands.plan import make_plan
from synth.plan.plan import Plan

RATE = 8000


def noise_file(path: Path, seconds: float, *, seed: int = 0, rate: int = RATE) -> Path:
    """White noise; another seed, other samples."""
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.random.RandomState(seed).standard_normal(round(seconds * rate)) * 0.1
    soundfile.write(path, samples, rate, subtype="PCM_16")
    return path


def noise_folder(folder: Path, lengths: Sequence[float], *, first_seed: int = 0) -> Path:
    for k, seconds in enumerate(lengths):
        noise_file(folder / f"{k:02}.wav", seconds, seed=first_seed + k)
    return folder


def listed(path: Path, seconds: Sequence[float], *, speakers: int = 5, rate: int = RATE) -> Path:
    """A list that says all, so that the files are not opened by a plan (and are not there)."""
    lines = ["path,duration,sampling_rate,speaker"]
    lines += [f"{k:05}.wav,{s},{rate},s{k % speakers}" for k, s in enumerate(seconds)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def recipe(
    folder: Path,
    *,
    noise: str,
    head: str = "copies: 1",
    speech: str = "",
    tail: str = "splits: {by: [speaker], train: 1.0}",
) -> Path:
    """A recipe on `speech.csv`; `noise` and the others are its text."""
    text = f"seed: 4\nsample_rate: {RATE}\n{head}\nspeech:\n  sources: [{{name: spoken, path: ., manifest: speech.csv}}]\n{speech}\n"
    text += f"margins_s: [0.1, 0.4]\n{noise}\n{tail}\n"
    (folder / "recipe.yaml").write_text(text)
    return folder / "recipe.yaml"


def layer(name: str, *sources: str, **settings: object) -> str:
    """A layer's text: `sources` are folders, or the braces of a source."""
    given = ", ".join(s if s.startswith("{") else f"{{name: {name}{k}, path: '{s}'}}" for k, s in enumerate(sources))
    rest = "".join(f", {key}: {value}" for key, value in settings.items())
    return f"    - {{name: {name}, sources: [{given}]{rest}}}"


def noise_text(*layers: str, settings: str = "") -> str:
    return "\n".join(["noise:\n  snr_db: 5\n  measure: rms", settings, "  layers:", *layers])


def planned(path: Path, *overrides: str) -> Plan:
    return make_plan(path, overrides=overrides, check=False).plan
