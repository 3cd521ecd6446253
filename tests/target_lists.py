"""Lists of target audio for tests of `synth split`: drives with a speaker each, no audio behind them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synth.commands.split import SplitRequest, split_real_audio
from tests.helpers import rows_of

SIZES = {"dev": "20%", "test": "20%"}


def listed(folder: Path, rows: list[Mapping[str, Any]], name: str = "all.jsonl") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def drives(count: int, clips: int = 4, *, first: int = 0, **more: object) -> list[Mapping[str, Any]]:
    """Rows of `count` drives, each with a speaker of its own; no audio is there."""
    return [
        {
            "path": f"d{d}/{k}.wav",
            "duration": 2.0 + k,
            "session": f"d{d}",
            "speaker": f"s{d}",
            "text": f"{d} {k}",
            "labels": {"wiper": None, "street": bool(k % 2)},
            **more,
        }
        for d in range(first, first + count)
        for k in range(clips)
    ]


def divide(path: Path, out: Path, **more: Any) -> dict[str, Any]:
    return split_real_audio(SplitRequest(path, out, **{"sizes": SIZES, "duplicates": False, **more}))


def where(out: Path) -> dict[str, str]:
    """Path -> split, as the lists say."""
    return {
        row["audio_filepath"]: name
        for name in ("dev", "test", "train")
        if (out / f"{name}.jsonl").exists()
        for row in rows_of(out / f"{name}.jsonl")
    }
