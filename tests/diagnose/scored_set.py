"""A data set and a dev list without audio, and the errors of a model that knows its noise by heart."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

RATES = {"train": 0.01, "train-dev": 0.03, "train-dev-noise": 0.21, "dev": 0.25}
CLIPS, WORDS, SPEAKERS = 600, 5, 30


def write_scored_set(folder: Path) -> None:
    """data/augmented/manifest.jsonl (three splits), splits/dev.csv, and scores.csv with clips by id or by file."""
    (folder / "data" / "augmented").mkdir(parents=True)
    (folder / "splits").mkdir()
    draw = Random(5)
    rows, dev, scores = [], ["path,speaker"], ["id,errors,words"]
    for number, (split, rate) in enumerate(RATES.items()):
        for k in range(CLIPS):
            name = f"{split}_{k:03}-v0"
            speaker = f"{'dev' if split == 'dev' else split.split('-')[-1]}{k % SPEAKERS}"
            if split == "dev":
                dev.append(f"drive{k % SPEAKERS}/{name}.wav,{speaker}")
            else:
                rows.append(_row(name, split, speaker, f"car/{number // 2}{k % 9}"))
            own = rate * (0.7, 1.0, 1.3)[k % SPEAKERS % 3]  # some speakers are harder than others
            wrong = sum(draw.random() < own for _ in range(WORDS))
            scores.append(f"{name},{wrong},{WORDS}")
    manifest = "\n".join(json.dumps(row) for row in rows)
    (folder / "data" / "augmented" / "manifest.jsonl").write_text(manifest + "\n", encoding="utf-8")
    (folder / "splits" / "dev.csv").write_text("\n".join(dev) + "\n", encoding="utf-8")
    (folder / "scores.csv").write_text("\n".join(scores) + "\n", encoding="utf-8")


def _row(name: str, split: str, speaker: str, recording: str) -> dict[str, object]:
    return {
        "audio_filepath": f"audio/{split}/00/{name}.flac",
        "duration": 2.0,
        "id": name,
        "split": split,
        "speaker": speaker,
        "source_id": name.removesuffix("-v0"),
        "noise": [{"layer": "cabin", "kind": "recording", "recording": recording}],
    }
