"""Exports a data set: select, divide into chunks, write them in worker processes, merge, and write `export.json` last.

A run that was killed is resumed by the same command: chunks that have a part are not written again.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Final

from synth import files
from synth.dataset import lock
from synth.dataset.dataset_dir import STEMS, DatasetDir
from synth.dataset.dataset_json import read_content
from synth.errors import BadInput, SynthError, UsageError
from synth.export import export_json
from synth.export.export_dir import ExportDir
from synth.export.format import Format
from synth.export.formats import FORMATS
from synth.export.merge import PartMerge
from synth.export.part import is_written
from synth.export.scan import scan
from synth.export.settings import Chunk, ExportSettings, check_paths
from synth.export.totals import Totals
from synth.export.worker import export_chunk
from synth.processes.pool import Pool
from synth.text import listed

#: Called with (what is counted, how many so far, of how many).
Progress = Callable[[str, int, int | None], object]

_TIMEOUT_S: Final = 3600.0  # for how long a worker may be silent over one chunk


@dataclass(frozen=True, slots=True)
class ExportResult:
    """A finished export."""

    content: Mapping[str, Any]  # of its export.json
    reading: tuple[str, ...]  # lines of code that read it
    was_complete: bool = False  # it was complete before, and nothing was written

    def to_json(self) -> dict[str, Any]:
        """The result as JSON values."""
        files_ = {"files": len(self.content["files"]), "bytes": sum(f["bytes"] for f in self.content["files"].values())}
        return {**self.content, **files_, "reading": list(self.reading), "was_complete": self.was_complete}


def run(
    settings: ExportSettings, *, out: Path | None = None, jobs: int = 1, progress: Progress | None = None
) -> ExportResult:
    """Export a data set, or resume its export.

    Args:
        settings: the options; those with a default are filled in here.
        out: the folder of the export as a person wrote it, for the lines that read it.
        jobs: worker processes. With one, everything happens in this process.
        progress: called with (what, clips so far, clips).

    Raises:
        UsageError: the options cannot be followed, the folder holds another export, or a library is missing.
        DamagedDataset: a file of the data set is not as it was written.
        Locked: another run exports into this folder.
        StorageError: disk full, I/O error, no permission.
    """
    kind, folder = FORMATS[settings.format](), ExportDir(settings.out)
    _check_libraries(kind)
    if settings.cut_margins and not kind.cuts_margins:
        able = ", ".join(name for name, each in FORMATS.items() if each.cuts_margins)
        raise UsageError(f"--cut-margins: {kind.name} cannot refer to a part of a file; these formats can: {able}")
    check_paths(settings)
    identity = export_json.identity(settings, kind)
    if (content := _complete(folder, identity)) is not None:
        if folder.private.exists():  # a run was killed when it had only this left to do
            with lock.hold_all(DatasetDir(folder.path), "synth export"):
                files.remove_folder(folder.private)
        return ExportResult(content, kind.reading(out or folder.path, content), was_complete=True)
    _check_header(folder, identity)
    content = read_content(DatasetDir(settings.dataset))
    chunks, totals = scan(settings, content, kind)
    counts = {chunk.split: chunk.number + 1 for chunk in chunks}
    settings = replace(
        settings,
        has_texts=totals.texts > 0,
        chunk_counts=counts,
        label_kinds=totals.label_values.kinds(),
        stems=tuple(name for name in STEMS if name in totals.stems),
    )
    kind.check(settings, totals)
    with lock.hold_all(DatasetDir(folder.path), "synth export"):
        if (content := _complete(folder, identity)) is not None:  # another run was faster
            return ExportResult(content, kind.reading(out or folder.path, content), was_complete=True)
        files.remove_folder(folder.temp)
        files.write_file(folder.header, export_json.to_text(identity).encode(), temp_folder=folder.private)
        _write_chunks(settings, chunks, jobs, progress)
        content = _finish(settings, kind, identity, chunks, totals)
        files.sync_folders(_folders_of(folder, content))
        files.write_file(folder.export_json, export_json.to_text(content).encode(), temp_folder=folder.temp)
        files.remove_folder(folder.private)
    return ExportResult(content, kind.reading(out or folder.path, content))


def _folders_of(folder: ExportDir, content: Mapping[str, Any]) -> list[Path]:
    """The folders of an export that hold its files, and those between."""
    folders = {folder.path}
    for name in content["files"]:
        folders.update(folder.path / parent for parent in PurePosixPath(name).parents)
    return sorted(folders)


def _check_libraries(kind: Format) -> None:
    missing = [name for name in kind.needs if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(
            f"--to {kind.name} needs {listed(missing)}, which is not installed; install it with "
            "pip install 'synth[export]'"
        )


def _complete(folder: ExportDir, identity: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The content of an export that is complete already; None if there is none.

    Raises UsageError if it is another export, or not complete any more.
    """
    if not folder.export_json.is_file():
        return None
    from synth.export.verify import missing_files  # only here: it loads what verifies data sets

    content = export_json.read_export_json(folder)
    _check_same(folder, content, identity)
    if missing := missing_files(folder, content):
        raise export_json.damaged(folder, missing[0].path, missing[0].what)
    return content


def _check_header(folder: ExportDir, identity: Mapping[str, Any]) -> None:
    header = export_json.read_header(folder)
    if header is not None:
        _check_same(folder, header, identity)


def _check_same(folder: ExportDir, earlier: Mapping[str, Any], identity: Mapping[str, Any]) -> None:
    if texts := export_json.differences(earlier, identity):
        raise UsageError(
            f"--out {folder.path}: another export was written here ({'; '.join(texts)}); name a new folder, or remove "
            "this one"
        )


def _write_chunks(settings: ExportSettings, chunks: Sequence[Chunk], jobs: int, progress: Progress | None) -> None:
    """Write the chunks that are not written yet."""
    folder = ExportDir(settings.out)
    files.make_folder(folder.parts)
    open_chunks = [chunk for chunk in chunks if not is_written(folder, chunk)]
    total = sum(chunk.rows for chunk in chunks)
    clips = total - sum(chunk.rows for chunk in open_chunks)
    tasks = [(chunk.name, settings, chunk) for chunk in open_chunks]

    def count(rows: int) -> None:
        nonlocal clips
        clips += rows
        if progress is not None:
            progress("clips exported", clips, total)

    if jobs == 1 or len(tasks) < 2:
        for task in tasks:
            count(export_chunk(*task))
        return
    with Pool(min(jobs, len(tasks))) as pool:
        for _, answer in pool.map("synth.export.worker:export_chunk", tasks, timeout_s=_TIMEOUT_S, batch=1):
            if isinstance(answer, BadInput):
                raise SynthError(
                    f"{answer.path}: {answer.message.replace('the decoder', 'a worker')}; run again to resume"
                )
            count(answer)


def _finish(
    settings: ExportSettings,
    kind: Format,
    identity: Mapping[str, Any],
    chunks: Sequence[Chunk],
    totals: Totals,
) -> dict[str, Any]:
    """Write the lists, and return the content of `export.json`."""
    merge = PartMerge(settings, chunks, totals)
    kind.finish(merge)
    splits = totals.splits()
    samples = sum(sums["num_samples"] for sums in splits.values())
    content = {
        **identity,
        "clips": totals.clips,
        "hours": round(samples / totals.sample_rate / 3600, 6),
        "splits": {
            name: {"clips": sums["clips"], "hours": sums["hours"], "chunks": settings.chunk_counts[name]}
            for name, sums in splits.items()
        },
        "lost": [
            {"what": key, "clips": merge.lost[key], "text": text}
            for key, text in kind.losses.items()
            if merge.lost[key]
        ],
        "left_out": [noun for noun in kind.left_out if not totals.lacks(noun)],
        "files": dict(sorted(merge.files.items())),
    }
    return {**content, "sha256": export_json.content_digest(content)}
