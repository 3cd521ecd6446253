"""Checks that an export is what its `export.json` says."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synth import files
from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.dataset_json import read_content
from synth.dataset.reader import DataFile, open_inside
from synth.dataset.verify import Finding, VerifyReport
from synth.errors import DamagedDataset, SynthError, UsageError
from synth.export.export_dir import ExportDir
from synth.export.export_json import read_export_json
from synth.text import count_of


@dataclass(slots=True)
class ExportReport(VerifyReport):
    """What a verification of an export found."""

    format: str = ""
    files: int = 0  # that were checked

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {**VerifyReport.to_json(self), "format": self.format, "files": self.files}

    def to_text(self, out: Path) -> str:
        """The report for a person: each finding, then one line."""
        lines = [*map(str, self.findings)]
        if self.unlisted:
            lines.append(f"and {self.unlisted:,} more")
        result = count_of(self.count, "difference") if self.findings else "all as export.json says"
        counts = f"{count_of(self.clips, 'clip')} as {self.format}, {count_of(self.files, 'file')}"
        return "\n".join([*lines, f"{out}: {counts}: {result}"])


def verify_export(folder: ExportDir, *, quick: bool = False) -> ExportReport:
    """Compare an export with its `export.json`.

    Audio that lists refer to is not part of the export: only that its data set is the one that was exported is checked.

    Args:
        folder: the export.
        quick: check only that each file exists and has its size. Otherwise every file is hashed.

    Raises:
        UsageError: the export is not complete, or of another version.
    """
    if not os.path.lexists(folder.export_json):
        raise UsageError(
            f"{folder.path} is not complete: there is no export.json yet; run the same `synth export` again to resume"
        )
    report = ExportReport()
    try:
        content = read_export_json(folder)
    except DamagedDataset as error:
        report.add([Finding(error.path, error.what)])
        return report
    report.clips, report.seconds = content["clips"], content["hours"] * 3600
    report.format, report.files = content["format"], len(content["files"])
    report.add(missing_files(folder, content) if quick else _check_files(folder, content))
    report.add(_check_data_set(folder, content))
    report.add(_foreign_files(folder.path, "", content["files"]))
    return report


def missing_files(folder: ExportDir, content: Mapping[str, Any]) -> list[Finding]:
    """Find files of an export that are missing, or have another size."""
    return [finding for name, stated in content["files"].items() for finding in _check_size(folder, name, stated)]


def _check_size(folder: ExportDir, name: str, stated: Mapping[str, Any]) -> Iterator[Finding]:
    try:
        descriptor = open_inside(folder.path, name)
    except (OSError, ValueError) as error:
        yield Finding(name, f"cannot be read: {getattr(error, 'strerror', None) or error}")
        return
    try:
        size = os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)
    if size != stated["bytes"]:
        yield Finding(name, f"has {size:,} bytes, export.json says {stated['bytes']:,}")


def _check_files(folder: ExportDir, content: Mapping[str, Any]) -> Iterator[Finding]:
    for name, stated in content["files"].items():
        problems = list(_check_size(folder, name, stated))
        yield from problems
        if problems:
            continue
        try:
            sha256 = DataFile(folder.path / name, folder.path).sha256(stated["bytes"])
        except DamagedDataset as error:
            yield Finding(name, error.what)
            continue
        if sha256 != stated["sha256"]:
            yield Finding(name, "is not as it was written")


def _check_data_set(folder: ExportDir, content: Mapping[str, Any]) -> Iterator[Finding]:
    """Check that the data set that the lists refer to is the one that was exported."""
    stated = content["dataset"]
    if stated["path"] is None:
        return
    path = folder.path / stated["path"]
    try:
        sha256 = read_content(DatasetDir(path))["sha256"]
    except SynthError as error:
        yield Finding("export.json", f"the data set that the lists refer to cannot be read: {error}")
        return
    if sha256 != stated["sha256"]:
        yield Finding("export.json", f"the data set that the lists refer to is another one by now: {stated['path']}")


def _foreign_files(root: Path, below: str, own: Mapping[str, Any]) -> Iterator[Finding]:
    """Find what synth did not write. Files of a killed run, and the state of one, are no harm."""
    for entry in sorted(os.scandir(root / below), key=lambda each: each.name):
        relative = f"{below}/{entry.name}" if below else entry.name
        if relative in ("export.json", ".synth") or files.is_temporary(entry.name):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _foreign_files(root, relative, own)
        elif relative not in own:
            yield Finding(relative, "does not belong to the export")
