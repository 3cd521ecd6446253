"""Mutated lists of speech: CSV, TSV, JSON lines and JSON, beside files that nobody may open."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from tests.fuzz.bench import Bench, write_sources
from tests.fuzz.mutators import generator, mutate_field, mutate_text
from tests.fuzz.outcome import Campaign, problems_of

_RECIPE: Final = """
seed: 3
sample_rate: 8000
copies: 1
speech: {{sources: [{{name: spoken, path: speech, manifest: '{name}'}}]}}
splits: {{by: [speaker], train: 1.0}}
limits: {{max_bad: 100000, timeout_s: 20}}
"""
_ODD: Final = ("pipe.wav", "link.wav", "zero.wav", "gone.wav", "../noise/noise0.wav", "folder.wav")


def bases() -> Mapping[str, bytes]:
    """A list by its ending."""
    rows = [
        {
            "path": f"speech{k % 4}.wav",
            "text": f"word {k}",
            "speaker": f"s{k}",
            "offset": 0.01 * k,
            "duration": 0.2,
            "noisy": k > 2,
        }
        for k in range(6)
    ]
    rows += [{**rows[0], "path": name} for name in _ODD[:3]]
    columns = list(rows[0])
    tables = {
        ending: "\n".join(mark.join(map(str, cells)) for cells in (columns, *(row.values() for row in rows))) + "\n"
        for ending, mark in ((".csv", ","), (".tsv", "\t"))
    }
    lines = [{"audio_filepath": row.pop("path"), **row} for row in rows]
    known = {"num_samples": 2400, "sampling_rate": 8000, "channels": 1}
    aligned = {"alignment": [["word", 0.0, 0.1], ["1", 0.1, 0.1]]}
    lines += [{**lines[1], **known}, {**lines[2], **aligned}]
    return {
        **{ending: text.encode() for ending, text in tables.items()},
        ".jsonl": "".join(json.dumps(line) + "\n" for line in lines).encode(),
        ".json": "".join(json.dumps(line) + "\n" for line in lines[:4]).encode(),
    }


def mutant(seed: int, index: int) -> tuple[str, bytes]:
    """Ending and content of one mutated list."""
    draw = generator(seed, "lists", index)
    ending, data = list(bases().items())[index % 4]
    change = mutate_field if "json" in ending and draw.random() < 0.6 else mutate_text
    return ending, change(data, draw)[0]


def run(bench: Bench, seed: int, indices: Iterable[int]) -> Campaign:
    """`plan` for each list, every eighth `labels`."""
    campaign = Campaign("lists")
    _prepare(bench.folder)
    for index in indices:
        ending, data = mutant(seed, index)
        path = bench.folder / f"list_{index:05}{ending}"
        recipe = path.with_suffix(".yaml")
        path.write_bytes(data)
        recipe.write_text(_RECIPE.format(name=path.name))
        ended = bench.call("plan", recipe, "--jobs", "1") if index % 8 else bench.call("labels", path)
        problems = problems_of(ended, codes=(0, 2, 3), names=[path.name, "speech:"])
        campaign.tried += 1
        campaign.accepted += ended.returncode == 0
        campaign.note(f"lists:{index}", ended, problems)
        if not bench.keep:
            path.unlink()
            recipe.unlink()
    return campaign


def _prepare(folder: Path) -> None:
    write_sources(folder)
    speech = folder / "speech"
    if not (speech / "pipe.wav").exists():
        os.mkfifo(speech / "pipe.wav")
        (speech / "link.wav").symlink_to("../noise/noise0.wav")
        (speech / "zero.wav").symlink_to("/dev/zero")
        (speech / "folder.wav").mkdir()
