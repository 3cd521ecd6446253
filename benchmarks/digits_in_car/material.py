"""The folders of the experiment: which digits and which stretches of noise each recipe may use, as lists."""

from __future__ import annotations

import csv
import hashlib
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile as sf

HERE = Path(__file__).parent
RECIPES = HERE / "recipes"
TAKES: Mapping[str, range] = {
    "test": range(0, 10),
    "dev": range(10, 15),
    "train-dev": range(15, 20),
    "train": range(20, 50),
}
"""Takes of each digit by each speaker. Four speakers are too few to part by speaker: all of them are on every side."""
LEAST_SECONDS = 10.0
UNSEEN_EVERY = 5
GAP_S = 0.5
_FIXED = ("recordings.csv", "material.py", "features.py", "models.py", "experiment.py", "statistics.py")
SAME_CAR = {"B": ("C",)}
"""Recordings that may be of the target's car: they are left out of its pool."""


class Missing(Exception):
    """A file of the experiment is not in the folders given."""


@dataclass(frozen=True)
class Take:
    """One spoken digit: `path` below the folder of speech."""

    path: str
    digit: int
    speaker: str
    take: int


@dataclass(frozen=True)
class Stretch:
    """A file of noise, or a part of it in seconds."""

    path: str
    recording: str
    role: str
    offset: float
    duration: float


@dataclass(frozen=True)
class Audio:
    """What lies in the two folders."""

    speech: Path
    noise: Path
    takes: tuple[Take, ...]
    recordings: tuple[Stretch, ...]

    @property
    def targets(self) -> list[str]:
        """Real car recordings of at least ten seconds."""
        names = sorted({one.recording for one in self.recordings if one.role == "target"})
        return [name for name in names if max(self._lengths(name)) >= LEAST_SECONDS]

    def _lengths(self, name: str) -> list[float]:
        return [one.duration for one in self.recordings if one.recording == name]

    @property
    def speakers(self) -> list[str]:
        return sorted({take.speaker for take in self.takes})


def find_audio(speech: Path, noise: Path) -> Audio:
    """Digits named `7_name_12.*` in `speech`; the files of recordings.csv anywhere below `noise`. Raises Missing."""
    takes = []
    for path in sorted(speech.rglob("*_*_*.*")):
        parts = path.stem.split("_")
        if len(parts) == 3 and parts[0].isdigit() and parts[2].isdigit() and int(parts[2]) < 50:
            takes.append(Take(path.relative_to(speech).as_posix(), int(parts[0]), parts[1], int(parts[2])))
    if not takes:
        raise Missing(f"{speech}: no spoken digits named as 7_speaker_12.wav (Free Spoken Digit Dataset)")
    files = {path.name: path for path in sorted(noise.rglob("*")) if path.is_file()}
    with (HERE / "recordings.csv").open(newline="") as text:
        rows = [row for row in csv.DictReader(text) if row["role"] != "left out"]
    lost = [row["file"] for row in rows if row["file"] not in files]
    if lost:
        raise Missing(f"{noise}: {len(lost)} of the recordings of recordings.csv are not there: {', '.join(lost[:3])}")
    found = [
        Stretch(
            files[row["file"]].relative_to(noise).as_posix(),
            row["recording"],
            row["role"],
            0.0,
            float(sf.info(files[row["file"]]).duration),
        )
        for row in rows
    ]
    return Audio(speech, noise, tuple(takes), tuple(found))


def takes_of(audio: Audio, split: str, share: int = 1) -> list[Take]:
    """The takes of a split, or every `share`-th of them."""
    return [take for take in audio.takes if take.take in TAKES[split] and take.take % share == 0]


def halves(audio: Audio, target: str) -> tuple[list[Stretch], list[Stretch]]:
    """The dev and the test part of a target: first and second half of each file, half a second apart."""
    mine = [one for one in audio.recordings if one.recording == target]
    half = [(one, (one.duration - GAP_S) / 2) for one in mine]
    return (
        [Stretch(one.path, target, "dev", 0.0, length) for one, length in half],
        [Stretch(one.path, target, "test", one.duration - length, length) for one, length in half],
    )


def pool_of(audio: Audio, target: str) -> tuple[list[Stretch], list[Stretch]]:
    """(seen, unseen): all recordings but the target, every fifth kept for train-dev-noise. One recording, one side."""
    gone = {target, *SAME_CAR.get(target, ())}
    names = sorted({one.recording for one in audio.recordings} - gone)
    unseen = set(names[UNSEEN_EVERY // 2 :: UNSEEN_EVERY])
    pool = [one for one in audio.recordings if one.recording not in gone]
    return [one for one in pool if one.recording not in unseen], [one for one in pool if one.recording in unseen]


def the_one(seen: Sequence[Stretch], seed: int) -> tuple[Stretch, Stretch]:
    """(a recording, a second out of its middle) that the two poor recipes have; another one for each seed."""
    rng = np.random.Generator(np.random.Philox(key=[seed, 7]))
    whole = seen[int(rng.integers(len(seen)))]
    at = float(rng.uniform(0.1, 0.9)) * (whole.duration - 1.0)
    return whole, Stretch(whole.path, whole.recording, whole.role, round(at, 3), 1.0)


# ---------------------------------------------------------------------------------------------------------- the folders


def lay_out(audio: Audio, folder: Path, target: str, seed: int, share: int = 1) -> Path:
    """A folder with the recipes, their lists, and links to the audio. Returns it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, place in (("speech", audio.speech), ("noise", audio.noise)):
        link = folder / name
        if not link.is_symlink():
            link.symlink_to(place.absolute())
    for recipe in sorted(RECIPES.glob("*.yaml")):
        shutil.copyfile(recipe, folder / recipe.name)
    dev, test = halves(audio, target)
    seen, unseen = pool_of(audio, target)
    whole, clip = the_one(seen, seed)
    lists = {"seen": seen, "unseen": unseen, "one_recording": [whole], "one_clip": [clip], "oracle_noise": dev}
    lists |= {"dev_noise": dev, "test_noise": test}
    (folder / "lists").mkdir(exist_ok=True)
    for name, stretches in lists.items():
        _write(folder / "lists" / f"{name}.csv", "path,recording,offset,duration", map(_noise_row, stretches))
    for split in TAKES:
        takes = takes_of(audio, split, share)
        _write(folder / "lists" / f"{split}.csv", "path,speaker,text,digit,take", map(_take_row, takes))
    return folder


def _noise_row(one: Stretch) -> list[object]:
    return [one.path, one.recording, round(one.offset, 3), round(one.duration - 0.002, 3)]


def _take_row(take: Take) -> list[object]:
    return [take.path, take.speaker, take.digit, take.digit, take.take]


def _write(path: Path, header: str, rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="") as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(header.split(","))
        writer.writerows(rows)


def fixed_digest() -> str:
    """SHA-256 over what decides the result besides `synth` itself, and was fixed before test was touched: recipes,
    recordings.csv, who is on which side, features and models."""
    files = [*sorted(RECIPES.glob("*.yaml")), *(HERE / name for name in _FIXED)]
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
