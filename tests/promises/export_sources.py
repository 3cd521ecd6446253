"""Exports as sources of a recipe: what `synth` itself reads of what it wrote."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from synth.audio.read import read_samples
from synth.catalog.catalog import Catalog
from synth.catalog.recording import Recording
from synth.catalog.scan import scan
from synth.recipe.load import load_recipe

#: Formats that no source has: they are read by other tools only.
NOT_A_SOURCE: Final = frozenset(("speechbrain", "table_parquet", "wenet"))
#: Formats that have no place for labels, for alignments, or for speakers as they are called.
NO_LABELS: Final = frozenset(("espnet", "funasr", "kaldi"))
NO_ALIGNMENTS: Final = NO_LABELS
NO_SPEAKERS: Final = frozenset(("funasr",))


def of_folders(name: str, out: Path, data_set: Path, split: str) -> dict[str, Any]:
    return {"path": out / split, "format": name}


def of_kaldi(name: str, out: Path, data_set: Path, split: str) -> dict[str, Any]:
    return {"path": data_set, "manifest": out / split / "wav.scp", "format": "kaldi"}


def of_list(file: str, **more: Any) -> Callable[[str, Path, Path, str], dict[str, Any]]:
    return lambda name, out, data_set, split: {"path": data_set, "manifest": out / file.format(split), **more}


def of_archives(name: str, out: Path, data_set: Path, split: str) -> dict[str, Any]:
    prefix = split.replace("-", "_") if name == "huggingface" else split
    return {"path": out, "format": name, "glob": f"**/{prefix}-[0-9]*"}


SOURCES: Final[dict[str, Callable[[str, Path, Path, str], dict[str, Any]]]] = {
    "croissant": of_list("clips.jsonl"),
    "espnet": of_kaldi,
    "funasr": of_list("{}.jsonl", columns={"path": "source", "text": "target"}),
    "huggingface": of_archives,
    "kaldi": of_kaldi,
    "lhotse": of_list("cuts_{}.jsonl", format="lhotse"),
    "nemo": of_list("{}.jsonl"),
    "nemo_tarred": of_folders,
    "shar": of_folders,
    "table": of_list("table.csv"),
    "webdataset": of_archives,
}
"""The source of a split by the format that it was exported to (with absolute paths)."""


@dataclass(frozen=True, slots=True)
class SourceClip:
    """A recording of an export, as a catalog has it."""

    recording: Recording
    pcm_sha256: str  # of its samples

    @property
    def alignment(self) -> list[list[Any]] | None:
        words = self.recording.alignment
        return None if words is None else [[word.text, word.start, word.duration] for word in words]


def scanned(name: str, out: Path, data_set: Path, splits: Iterable[str], folder: Path) -> Catalog:
    """The catalog of an export: one source for each split, or one for all if one list has all."""
    sources = [
        {key: str(value) if isinstance(value, Path) else value for key, value in source.items()}
        for source in (SOURCES[name](name, out, data_set, split) for split in splits)
    ]
    different = [source for k, source in enumerate(sources) if source not in sources[:k]]
    named = [{"name": f"part{k}", "allow_synthesized": True, **source} for k, source in enumerate(different)]
    recipe_path = folder / f"{name}.yaml"
    recipe_path.write_text(f"speech: {{sources: {json.dumps(named, ensure_ascii=False)}}}\n", encoding="utf-8")
    recipe = load_recipe(recipe_path)
    return scan(recipe.speech.sources, folder=recipe.folder, limits=recipe.limits, kind="speech")


def clips_of(catalog: Catalog) -> Iterator[SourceClip]:
    """Each recording of a catalog with the hash of its 16-bit samples, read as a render reads them."""
    for index in range(len(catalog)):
        recording, root = catalog[index], catalog.source(index).root
        samples, _ = read_samples(
            os.path.join(root, recording.path),  # noqa: PTH118 - as the renderer does
            offset=recording.offset,
            num_samples=recording.num_samples,
            root=root,
            sample_rate=recording.sample_rate,
        )
        steps = samples * 32768
        assert np.array_equal(steps, np.rint(steps))
        yield SourceClip(recording, hashlib.sha256(steps.astype("<i2").tobytes()).hexdigest())
