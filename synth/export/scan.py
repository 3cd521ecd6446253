"""Reads the manifests once: which rows are selected, how they are divided into chunks, and what they add up to."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.manifest import parse_row
from synth.dataset.reader import DataFile
from synth.errors import UsageError
from synth.export.format import Format
from synth.export.settings import Chunk, ExportSettings
from synth.export.totals import Totals
from synth.text import listed

_decode: Final = json.JSONDecoder().decode
_LIST_ROWS: Final = 2000  # at most, in a chunk of a format that does not hold the audio
_ARCHIVES: Final = (".tar/", ".parquet/")  # in a path: the clip is a member of a container


@dataclasses.dataclass(slots=True)
class _Seen:
    """What the rows have, before they are selected."""

    stages: Counter[str] = dataclasses.field(default_factory=Counter)
    conditions: Counter[str] = dataclasses.field(default_factory=Counter)

    def add(self, row: Mapping[str, Any]) -> None:
        """Count what a row has."""
        for counts, name in ((self.stages, row.get("stage")), (self.conditions, row.get("condition"))):
            if name is not None:
                counts[name] += 1


def scan(settings: ExportSettings, content: Mapping[str, Any], kind: Format) -> tuple[list[Chunk], Totals]:
    """Select the rows of a data set.

    Args:
        settings: the options.
        content: of its `dataset.json`.
        kind: the format. Most lists refer to files, so the data set must have some.

    Raises:
        UsageError: no row is selected, or there is no such split, stage or condition.
        DamagedDataset: a manifest is not as it was written.
    """
    dataset, selection = DatasetDir(settings.dataset), settings.selection
    _check_names("--split", selection.splits, [name for name, sums in content["splits"].items() if sums["clips"]])
    totals, seen, chunks = Totals(settings.sample_rate), _Seen(), []
    for split in content["splits"]:
        if not selection.splits or split in selection.splits:
            file = DataFile(dataset.split_manifest(split), dataset.path)
            chunks += _scan_split(file, split, settings, totals, seen, content["files"], kind)
    _check_names("--stage", selection.stages, list(seen.stages))
    _check_names("--condition", selection.conditions, list(seen.conditions))
    if not chunks:
        raise UsageError(
            f"{settings.dataset}: no clip is selected by {_described(settings)}; change the options, or leave some out"
        )
    return chunks, totals


def _scan_split(
    file: DataFile,
    split: str,
    settings: ExportSettings,
    totals: Totals,
    seen: _Seen,
    hashes: Mapping[str, str],
    kind: Format,
) -> list[Chunk]:
    """Divide the selected rows of one split into chunks."""
    chunks: list[Chunk] = []
    digest = hashlib.sha256()
    position = start = rows = 0
    # The size of a chunk changes no list, and the lines of one are kept in memory until it is done.
    most = settings.shard_size if kind.holds_audio else min(settings.shard_size, _LIST_ROWS)
    for number, line in file.lines():
        digest.update(line)
        if _takes_line(line, file, number, settings, totals, seen, kind):
            start = position if rows == 0 else start
            rows += 1
            if rows == most:
                chunks.append(Chunk(split, len(chunks), start, position + len(line) - start, rows))
                rows = 0
        position += len(line)
    if rows:
        chunks.append(Chunk(split, len(chunks), start, position - start, rows))
    if digest.hexdigest() != hashes.get(file.relative):
        raise file.error("is not as it was written")
    return chunks


def _takes_line(
    line: bytes,
    file: DataFile,
    number: int,
    settings: ExportSettings,
    totals: Totals,
    seen: _Seen,
    kind: Format,
) -> bool:
    """Whether the row of a line is selected; if so, count it.

    All types are checked by the worker that exports the row, as that can be done side by side. Here a wrong type only
    must not end in an error of Python.
    """
    try:
        row = _decode(line.decode())
        seen.add(row)
        if not settings.selection.takes(row):
            return False
        is_packed = not (kind.holds_audio or kind.names_members) and any(
            mark in row["audio_filepath"] for mark in _ARCHIVES
        )
        if not is_packed:
            totals.add(row)
    except (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RecursionError):
        parse_row(line, file, number)  # says what is wrong with it
        raise
    if is_packed:
        raise _packed(settings, row["audio_filepath"])
    return True


def _packed(settings: ExportSettings, member: str) -> UsageError:
    return UsageError(
        f"--to {settings.format}: the clips of {settings.dataset} are in archives ({member}), and a list of this "
        "format can refer to files only; export to a format that holds the audio (shar, nemo_tarred, webdataset, "
        "huggingface) or names clips in tar files (nemo, table), or generate the data set with output.layout=files"
    )


def _check_names(option: str, names: Sequence[str], existing: Sequence[str]) -> None:
    for name in names:
        if name not in existing:
            raise UsageError(f"{option} {name}: no clip has this; there are {listed(existing, 20) or 'none'}")


def _described(settings: ExportSettings) -> str:
    """The options that select, as a person wrote them."""
    options = settings.selection.to_json()
    words = [
        f"--{name.replace('_', '-')} {word}"
        for name, value in options.items()
        if value not in (None, [])
        for word in (value if isinstance(value, list) else [json.dumps(value)])
    ]
    return " ".join(words) or "the options"
