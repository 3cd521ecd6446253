"""Lies that no hash tells: rows and counts changed, with all hashes made right again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from synth.dataset.dataset_json import content_digest, to_text

Change = Callable[[dict[str, Any]], object]


def forge(out: Path, change: Change) -> None:
    """Change `dataset.json`."""
    content = json.loads((out / "dataset.json").read_text())
    change(content)
    content["sha256"] = content_digest(content)
    (out / "dataset.json").write_text(to_text(content))


def forge_row(out: Path, change: Change, *, path: str | None = None) -> str:
    """Change one row (the first, or that of a path) in all lists, and give its path."""
    lines = (out / "manifest.jsonl").read_text().splitlines()
    number = next((k for k, line in enumerate(lines) if path is not None and path in line), 0)
    row = json.loads(lines[number])
    change(row)
    lines[number] = json.dumps(row, sort_keys=True)
    text = "".join(f"{line}\n" for line in lines)
    for name in ("manifest.jsonl", "train.jsonl"):
        (out / name).write_text(text)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    forge(out, lambda content: content["files"].update({"manifest.jsonl": sha256, "train.jsonl": sha256}))
    return str(row["audio_filepath"])
