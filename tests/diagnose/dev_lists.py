"""A made-up dev set with known errors: a list, predictions, a profile, and sound where it is asked for."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf

from synth.match.measure.features import FEATURES
from synth.match.measure.profile import ClipProfile, Profile

WORDS = [
    "turn",
    "left",
    "right",
    "at",
    "the",
    "next",
    "light",
    "call",
    "home",
    "play",
    "radio",
    "stop",
    "window",
    "open",
    "close",
    "warmer",
]


@dataclass(frozen=True)
class DevList:
    """`truth`: by id what was wrong with a clip: its true tags."""

    manifest: Path
    predictions: Path
    profile: Profile
    truth: Mapping[str, tuple[str, ...]]
    rows: tuple[dict[str, Any], ...]


def dev_list(
    folder: Path, *, clips: int = 400, wrong: float = 0.25, speakers: int = 20, seed: int = 1, sound: int = 0
) -> DevList:
    """Wrong clips have one word changed, or are heard with none left out; the first `sound` clips have audio.

    A clip below 0 dB is wrong three times as often as the others.
    """
    rng = np.random.Generator(np.random.Philox(key=[seed, 77]))
    folder.mkdir(parents=True, exist_ok=True)
    rows, said, truth, profiles = [], [], {}, []
    for k in range(clips):
        text = [WORDS[j] for j in rng.integers(0, len(WORDS), size=int(rng.integers(3, 8)))]
        snr = float(rng.normal(4, 4))
        is_wrong = rng.random() < wrong * (2.0 if snr < 0 else 2 / 3)
        heard = list(text)
        tags: tuple[str, ...] = ()
        if is_wrong:
            heard[int(rng.integers(0, len(heard)))] = "mm"
            tags = (("car noise",), ("car noise", "wind"), ("accent",), ("mislabeled",))[int(rng.integers(0, 4))]
        name = f"clip{k:04d}"
        row = {"audio_filepath": f"audio/{name}.wav", "duration": 1.5, "text": " ".join(text), "id": name}
        row |= {"speaker": f"s{k % speakers:02d}", "session": f"drive{k % speakers // 2}", "split": "dev"}
        rows.append(row | {"labels": {"window": bool(k % 3 == 0)}})
        said.append([name, " ".join(heard)])
        truth[name] = tags
        features = dict.fromkeys((f.name for f in FEATURES), None) | {"snr_db": snr, "duration_s": 1.5}
        features |= {"nonspeech_share": 0.3, "f0_hz": float(rng.uniform(90, 240))}
        flags = ("non_stationary",) if k % 7 == 0 else ()
        profiles.append(ClipProfile(row["audio_filepath"], row["session"], features, flags))
        if k < sound:
            _sound(folder / row["audio_filepath"], k)
    (folder / "dev.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with (folder / "predictions.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["id", "hypothesis"], *said])
    profile = Profile("dev", str(folder), clips, {"16000": clips}, tuple(profiles))
    return DevList(folder / "dev.jsonl", folder / "predictions.csv", profile, truth, tuple(rows))


def _sound(path: Path, number: int) -> None:
    rng = np.random.Generator(np.random.Philox(key=[number, 78]))
    path.parent.mkdir(exist_ok=True)
    time = np.arange(24000) / 16000
    sf.write(path, 0.2 * np.sin(2 * np.pi * 300 * time) * (time > 0.3) + 0.02 * rng.normal(size=len(time)), 16000)


def filled_in(review: Path, truth: Mapping[str, tuple[str, ...]], corrections: Mapping[str, str] | None = None) -> None:
    """Fill in a review as a person does who hears what is true; every clip is looked at."""
    with review.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row.update(dict.fromkeys(truth.get(row["id"], ()), "x"))
        row.update(reviewed="1", correction=(corrections or {}).get(row["id"], ""))
    with review.open("w", newline="") as file:
        out = csv.DictWriter(file, list(rows[0]))
        out.writeheader()
        out.writerows(rows)
