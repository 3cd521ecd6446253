"""From folders to wrong answers: dev is made and fitted to, models are trained on what the recipes make, and answer."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .material import Audio, fixed_digest, lay_out
from .models import MODELS, Guess
from .sets import Clips, Names, rendered, stored

RECIPES = ("clean", "one_clip", "one_recording", "varied", "fitted", "oracle", "oracle_varied", "wrong_snr")
LADDERS = ("one_clip", "varied", "fitted", "wrong_snr")
"""What has a ladder, with the first seed."""
ALONE = ("one_clip", "varied", "fitted", "oracle")
"""What is trained without one speaker as well."""
DEV_SEED, TEST_SEED, TRAIN_SEED = 1000, 2000, 10
_SEEN_ENOUGH = 800  # train clips that the error on train is about taken from

ROOT = Path(__file__).resolve().parents[2]
Wrong = npt.NDArray[np.bool_]


class Failed(Exception):
    """A command of `synth` ended with an error."""


@dataclass(frozen=True)
class Size:
    """How much of it is done. `share`: every so many-th take. `copies`: clips a take. `alone`: seeds of the
    second table. `fit_clips`: clips simulated in each round of `synth fit`. `test`: False while developing."""

    seeds: tuple[int, ...] = (1, 2, 3, 4, 5)
    alone: int = 2
    share: int = 1
    copies: int = 2
    fit_clips: int = 500
    recipes: tuple[str, ...] = RECIPES
    test: bool = True

    @property
    def judged_on(self) -> str:
        return "test" if self.test else "dev"


@dataclass(frozen=True)
class Answers:
    """Wrong answers of one seed on one target, by (recipe, model, split); those of left-out speakers have the split
    `alone`. `clips`: (names, clusters) of each split's clips, by recipe where it has its own."""

    target: str
    seed: int
    wrong: dict[tuple[str, str, str], Wrong] = field(default_factory=dict)
    clips: dict[tuple[str, str], tuple[Names, Names]] = field(default_factory=dict)


def command(*words: object) -> str:
    """Run `synth` as a person does, and say so on stderr. Returns its stdout. Raises Failed."""
    print("  synth", *words, file=sys.stderr)
    start = "from synth.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", start, "--quiet", *map(str, words)],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])},
    )
    if done.returncode:
        last = (done.stderr or done.stdout).splitlines()[-10:]
        raise Failed("\n".join([f"synth {' '.join(map(str, words))}", *last]))
    return done.stdout


def make_dev(audio: Audio, work: Path, target: str, size: Size) -> Path:
    """Dev of a target, and the recipe fitted to its audio alone. Returns the target's folder."""
    folder = lay_out(audio, work / target / "dev_and_fit", target, seed=0, share=size.share)
    for name in ("dev_set", "fitted"):
        shutil.rmtree(folder / name, ignore_errors=True)
    sets = ["--set", f"seed={DEV_SEED}", "--set", f"copies={size.copies}"]
    command("generate", folder / "target.yaml", "--out", folder / "dev_set", *sets, "--jobs", 1)
    _plain_list(folder)
    command("profile", folder / "dev.csv", "--out", folder / "dev.profile", "--jobs", 1)
    fitting = ["fit", folder / "varied.yaml", "--to", folder / "dev.profile", "--out", folder / "fitted"]
    told = command(*fitting, "--clips", size.fit_clips, "--jobs", 1, "--json")
    (folder / "fit.json").write_text(told)
    return folder


def _plain_list(folder: Path) -> None:
    """dev.csv: the audio files of dev and which drive they are of, and nothing else that its manifest knows."""
    rows = [json.loads(line) for line in (folder / "dev_set" / "manifest.jsonl").read_text().splitlines()]
    with (folder / "dev.csv").open("w", newline="") as text:
        lines = csv.writer(text, lineterminator="\n")
        lines.writerow(["path", "session"])
        lines.writerows([f"dev_set/{row['audio_filepath']}", _session(row)] for row in rows)


def _session(row: Mapping[str, object]) -> str:
    labels = row["labels"]
    assert isinstance(labels, dict)
    return f"{row['speaker']}_{labels['take']}"


def make_test(work: Path, target: str) -> None:
    """The test set of a target: takes and a stretch of noise that nothing else has."""
    folder = work / target / "dev_and_fit"
    out = work / target / "test_set"
    shutil.rmtree(out, ignore_errors=True)
    changes = [f"seed={TEST_SEED}", *_speech("test"), "noise.layers.noise.sources.target.manifest=lists/test_noise.csv"]
    sets = [word for change in changes for word in ("--set", change)]
    command("generate", folder / "target.yaml", "--out", out, *sets, "--jobs", 1)


def _speech(split: str, base: str = "lists") -> list[str]:
    return [f"speech.sources.digits.manifest={base}/{split}.csv"]


# ------------------------------------------------------------------------------------------------- one target, one seed


def answer(audio: Audio, work: Path, target: str, seed: int, size: Size) -> Answers:
    """Train every model on every recipe, and let them answer. What was answered before, with all as it is, is read."""
    there = work / target / f"seed_{seed}" / f"answers_{fixed_digest()[:12]}_{size.judged_on}.npz"
    if there.exists():
        return read_answers(there, target, seed)
    found = _answered(audio, work, target, seed, size)
    write_answers(found, there)
    return found


def write_answers(found: Answers, path: Path) -> None:
    """As an .npz file."""
    named: dict[str, Any] = {"wrong|" + "|".join(key): value for key, value in found.wrong.items()}
    for key, (names, words) in found.clips.items():
        named |= {"names|" + "|".join(key): names, "words|" + "|".join(key): words}
    half = path.with_suffix(".half.npz")
    np.savez_compressed(half, **named)
    half.replace(path)


def read_answers(path: Path, target: str, seed: int) -> Answers:
    """As `write_answers` wrote them."""
    found = Answers(target, seed)
    with np.load(path) as named:
        for name in named.files:
            kind, *key = name.split("|")
            if kind == "wrong":
                found.wrong[key[0], key[1], key[2]] = named[name]
            elif kind == "names":
                found.clips[key[0], key[1]] = (named[name], named["words" + name.removeprefix("names")])
    return found


def _answered(audio: Audio, work: Path, target: str, seed: int, size: Size) -> Answers:
    folder = lay_out(audio, work / target / f"seed_{seed}", target, seed, share=size.share)
    judged = {"dev": stored(work / target / "dev_and_fit" / "dev_set")}
    if size.test:
        judged["test"] = stored(work / target / "test_set")
    found = Answers(target, seed)
    for split, clips in judged.items():
        found.clips["", split] = (clips.names, clips.words)
    for recipe in size.recipes:
        if recipe != "wrong_snr" or seed == size.seeds[0]:  # it is there for its ladder alone
            _one_recipe(found, recipe, _path(work, folder, target, recipe), judged, size)
    return found


def _path(work: Path, folder: Path, target: str, recipe: str) -> Path:
    return work / target / "dev_and_fit" / "fitted" / "recipe.yaml" if recipe == "fitted" else folder / f"{recipe}.yaml"


def _one_recipe(found: Answers, recipe: str, path: Path, judged: Mapping[str, Clips], size: Size) -> None:
    train, rungs = _rungs(path, recipe, found.seed, size)
    sets = {**rungs, **judged}
    for split, clips in rungs.items():
        found.clips[recipe, split] = (clips.names, clips.words)
    for name, model in MODELS.items():
        guess = model(train, found.seed)
        for split, clips in sets.items():
            found.wrong[recipe, name, split] = guess(clips.pictures) != clips.digits
        if recipe in ALONE and found.seed in size.seeds[: size.alone]:
            found.wrong[recipe, name, "alone"] = _left_out(train, sets[size.judged_on], name, found.seed)


def _rungs(path: Path, recipe: str, seed: int, size: Size) -> tuple[Clips, dict[str, Clips]]:
    """The train clips of a recipe, and the rungs of its ladder that a recipe makes."""
    seeded = [f"seed={TRAIN_SEED * seed}", f"copies={1 if recipe == 'wrong_snr' else size.copies}"]
    base = "../lists" if recipe == "fitted" else "lists"
    train = rendered(path, seeded)
    rungs = {"train": train.only(np.arange(len(train)) % (1 + len(train) // _SEEN_ENOUGH) == 0)}
    for split in ("train-dev", "train-dev-noise"):
        if recipe in LADDERS and seed == size.seeds[0]:
            changes = [*seeded, *_speech("train-dev", base), f"splits={{by: [speaker], {split}: 1.0}}"]
            rungs[split] = rendered(path, changes)
    return train, rungs


def _left_out(train: Clips, judged: Clips, model: str, seed: int) -> Wrong:
    """Wrong answers where the speaker of each clip was left out of training."""
    wrong = np.zeros(len(judged), bool)
    for speaker in np.unique(judged.speakers):
        guess: Guess = MODELS[model](train.only(train.speakers != speaker), seed)
        mine = judged.speakers == speaker
        wrong[mine] = guess(judged.pictures[mine]) != judged.digits[mine]
    return wrong
