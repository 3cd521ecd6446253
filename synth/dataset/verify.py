"""Checks that a data set is what its manifest says: every file is hashed, decoded and measured again.

Whatever is damaged becomes a finding, and the rest is checked all the same. Memory: a block of audio, and some 70 bytes
for each file and each clip.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from synth.dataset.clip_check import MAX_MEASURED, check_clip
from synth.dataset.commit import REFUSAL
from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.dataset_json import Sums, content_digest, read_content
from synth.dataset.json_checks import fault
from synth.dataset.ledger import RenderedLedger
from synth.dataset.old_formats import refuse_old_row
from synth.dataset.plan_header import read_plan_header
from synth.dataset.reader import MAX_HASHED, MAX_LINE, DataFile, NotJson, open_window_inside, parse_json
from synth.dataset.row_consistency import contradictions, stems_of
from synth.dataset.row_schema import OUR_ROW
from synth.dataset.saved_plan import load_pools
from synth.dataset.stages import StageCounts, is_trained_on
from synth.dataset.status import status
from synth.dataset.tar_check import TarChecks
from synth.errors import BadInput, DamagedDataset, SynthError, UsageError, VerifyMismatch
from synth.plan.pools import Pools
from synth.recipe.model import SPLITS
from synth.text import count_of

_AUDIO_FOLDERS: Final = ("audio", "stems")
_MAX_FINDINGS: Final = 10_000
_MAX_SHOWN: Final = 80  # characters of a value
_COUNTS: Final = ("clips", "hours", "splits", "stages", "labels", "refused")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as the manifest says."""

    path: str  # relative to the data set
    what: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


@dataclass(slots=True)
class VerifyReport:
    """What a verification found; the data set is as it should be if `findings` is empty."""

    clips: int = 0  # rows that were checked
    seconds: float = 0.0  # of audio in them
    findings: list[Finding] = field(default_factory=list)
    unlisted: int = 0  # findings after the first 10,000
    unmeasured: int = 0  # clips whose stems are too long for an SNR

    def add(self, findings: Iterable[Finding]) -> None:
        """Take findings; after the first 10,000 they are only counted."""
        for finding in findings:
            if len(self.findings) < _MAX_FINDINGS:
                self.findings.append(finding)
            else:
                self.unlisted += 1

    @property
    def count(self) -> int:
        """The number of findings."""
        return len(self.findings) + self.unlisted

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {
            "clips": self.clips,
            "hours": round(self.seconds / 3600, 4),
            "ok": not self.findings,
            "findings": [{"path": f.path, "what": f.what} for f in self.findings],
            "unlisted": self.unlisted,
            "unmeasured": self.unmeasured,
        }

    def to_text(self, out: Path) -> str:
        """The report for a person: each finding, then one line."""
        lines = [*map(str, self.findings)]
        if self.unlisted:
            lines.append(f"and {self.unlisted:,} more")
        if self.unmeasured:
            lines.append(f"{self.unmeasured:,} clips are too long to measure the SNR of their stems")
        result = count_of(self.count, "difference") if self.findings else "all as the manifest says"
        return "\n".join([*lines, f"{out}: {self.clips:,} clips, {self.seconds / 3600:.2f} h: {result}"])

    def raise_for_findings(self) -> None:
        """Raise VerifyMismatch if there is any finding."""
        if self.findings:
            raise VerifyMismatch(f"{count_of(self.count, 'difference')}; the first: {self.findings[0]}")


def verify(dataset: DatasetDir, *, quick: bool = False) -> VerifyReport:
    """Compare a data set with its manifest; needs nothing from `.synth/`.

    Args:
        dataset: the data set.
        quick: check only that each file exists and is not empty, that the headers and rows in tar files are those that
            were written, and that rows, manifests and counts agree. Otherwise every file is hashed, and the samples of
            every clip, their hash, length, rate, level and peak are checked; of stems their length, sum and SNRs.

    Raises:
        UsageError: there is no data set here, one that was never complete, or one of another version.
    """
    _check_is_complete(dataset)
    report = VerifyReport()
    content: dict[str, Any] = {}
    if not os.path.lexists(dataset.dataset_json):
        report.add([Finding("dataset.json", "is missing, but the data set was complete (run synth finish)")])
    else:
        try:
            content = read_content(dataset)
        except DamagedDataset as error:
            report.add([Finding(error.path, error.what)])
    rows = _Rows(dataset, content, report)
    for row in rows:
        report.add(_check_presence(dataset, row) if quick else _check_clip(dataset, row, report))
        report.add(Finding(path, what) for path, what in rows.tars.add(row, rows.line))
    report.add(Finding(path, what) for path, what in rows.tars.finish())
    report.add(_check_quarantine(dataset, rows.sums))
    report.add(_check_files(dataset, content, rows))
    if content:
        report.add(_check_counts(dataset, content, rows))
    report.add(_check_foreign_files(dataset, content, rows))
    return report


def _check_is_complete(dataset: DatasetDir) -> None:
    """Raise UsageError for what is no data set, and for one that is still being made.

    A data set that lost its `dataset.json` was complete if the manifest exists, and no shard is missing as far as
    `.synth` says.
    """
    if os.path.lexists(dataset.dataset_json):
        return
    has_runs = os.path.lexists(dataset.plan_header)
    if not has_runs and not os.path.lexists(dataset.manifest):
        missing = "no such folder" if not dataset.path.exists() else "it has no dataset.json and no manifest.jsonl"
        raise UsageError(f"{dataset.path} is not a data set of synth: {missing}")
    if not has_runs:
        return
    state = status(dataset)
    if state.missing or not os.path.lexists(dataset.manifest):
        todo = "generate" if state.missing else "finish"
        raise UsageError(
            f"{dataset.path} is not complete: {state.shards_done} of {state.shards} shards are done and there is no "
            f"dataset.json, so there is nothing to verify yet (run synth {todo})"
        )


class _TextSet:
    """A set of texts that keeps eight bytes of each."""

    def __init__(self) -> None:
        self._digests: set[int] = set()

    @staticmethod
    def _digest(text: str) -> int:
        return int.from_bytes(blake2b(text.encode(errors="surrogateescape"), digest_size=8).digest(), "little")

    def add(self, text: str) -> bool:
        """Add a text; returns whether it is new."""
        before = len(self._digests)
        self._digests.add(self._digest(text))
        return len(self._digests) > before

    def __contains__(self, text: str) -> bool:
        return self._digest(text) in self._digests


class _Rows:
    """Iterates over the rows of the manifest, and counts and hashes them. Lines that are no rows become findings."""

    def __init__(self, dataset: DatasetDir, content: Mapping[str, Any], report: VerifyReport) -> None:
        self.file = DataFile(dataset.manifest, dataset.path)
        self.paths, self._ids = _TextSet(), _TextSet()
        self.sums = Sums(None, StageCounts(s["stage"] for s in content.get("stages", ()) if s["stage"] is not None))
        pools: Pools = {}
        with contextlib.suppress(SynthError):  # the saved plan may be gone or damaged
            pools = load_pools(dataset, read_plan_header(dataset))
        self.ledger = RenderedLedger(pools, sample_rate=content.get("sample_rate", 1))
        self.hashes: dict[str, Any] = {}
        self.bytes = 0  # of the lines so far
        self.line = b""  # of the row that was yielded last
        self.tars = TarChecks(dataset.path)
        self.is_whole = True  # every line was a row
        self._report = report

    def __iter__(self) -> Iterator[dict[str, Any]]:
        try:
            for number, line in self.file.lines():
                self.bytes += len(line)
                row = self._parse(number, line)
                if row is not None:
                    self._count(row, line)
                    self.line = line
                    yield row
        except DamagedDataset as error:
            self.is_whole = False
            self._report.add([Finding(error.path, error.what)])

    def _parse(self, number: int, line: bytes) -> dict[str, Any] | None:
        try:
            row = self.file.object(line, number)
            if (problem := fault(OUR_ROW, row)) is not None:
                refuse_old_row(row, f"{self.file.path}:{number}")
                raise self.file.error(f"not a row of a manifest: {problem}", number)
        except DamagedDataset as error:
            self.is_whole = False
            self._report.add([Finding(error.path, error.what)])
            return None
        return row

    def _count(self, row: Mapping[str, Any], line: bytes) -> None:
        self._report.clips += 1
        self._report.seconds += row["duration"]
        if not self._ids.add(row["id"]):
            self._report.add([Finding(self.file.relative, f"the clip {row['id']} is in it twice")])
        paths = (row["audio_filepath"], *stems_of(row).values())
        self._report.add(Finding(path, "is in the manifest twice") for path in paths if not self.paths.add(path))
        manifests = ["manifest.jsonl", f"{row['split']}.jsonl"]
        if row.get("stage") is not None and is_trained_on(row):
            manifests.append(f"stage-{row['stage']}.jsonl")
        for name in manifests:
            self.hashes.setdefault(name, hashlib.sha256()).update(line)
        if row["split"] in SPLITS:
            self.sums.add_row(row)
            self.ledger.add(row)
        else:
            self._report.add([Finding(row["audio_filepath"], f"the split {row['split']!r} is none of a recipe")])


def _check_presence(dataset: DatasetDir, row: Mapping[str, Any]) -> Iterator[Finding]:
    for path in (row["audio_filepath"], *stems_of(row).values()):
        start = row.get("tar_offset") if path == row["audio_filepath"] else None
        try:
            window = open_window_inside(dataset.path, path, start=start)
        except BadInput as error:
            yield Finding(path, f"cannot be read: {error.message}")
            continue
        except (OSError, ValueError) as error:
            yield Finding(path, f"cannot be read: {getattr(error, 'strerror', None) or error}")
            continue
        os.close(window.descriptor)
        if not window.size:
            yield Finding(path, "is empty")
    for what in contradictions(row):
        yield Finding(row["audio_filepath"], what)


def _check_clip(dataset: DatasetDir, row: Mapping[str, Any], report: VerifyReport) -> Iterator[Finding]:
    report.unmeasured += bool(stems_of(row)) and row["num_samples"] > MAX_MEASURED
    for what in contradictions(row):
        yield Finding(row["audio_filepath"], what)
    for path, what in check_clip(dataset.path, row):
        yield Finding(path, what)


def _check_quarantine(dataset: DatasetDir, sums: Sums) -> Iterator[Finding]:
    """Check the lines of the quarantine, and count them."""
    file = DataFile(dataset.quarantine, dataset.path)
    try:
        for number, line in file.lines():
            try:
                refusal = parse_json(line)
                problem = fault(REFUSAL, refusal)
            except NotJson as error:
                problem = str(error)
            if problem is None and refusal["code"] not in BadInput.CODES:
                problem = f"{refusal['code']!r} is no code of a refusal"
            if problem is not None:
                yield Finding(file.relative, f"line {number}: {problem}")
            else:
                sums.add_refusal(refusal)
    except DamagedDataset as error:
        yield Finding(error.path, error.what)


def _check_files(dataset: DatasetDir, content: Mapping[str, Any], rows: _Rows) -> Iterator[Finding]:
    """Check the files beside the audio.

    Their hashes are in `dataset.json`; manifests of splits and stages are checked against the rows of the manifest.
    """
    if content and content["sha256"] != content_digest(content):
        yield Finding("dataset.json", "is not as it was written (run synth finish)")
    stated = content.get("files", {})
    parts = {f"{split}.jsonl" for split in content.get("splits", ())}
    parts |= {f"stage-{each['stage']}.jsonl" for each in content.get("stages", ()) if each["stage"] is not None}
    needed = {"manifest.jsonl", "quarantine.jsonl", "recipe.yaml", *parts, *rows.hashes}
    for name in sorted({*stated, *needed}):
        if content and name not in stated:
            yield Finding("dataset.json", f"has no hash of {name}")
        try:
            sha256 = DataFile(dataset.path / name, dataset.path).sha256(max(MAX_HASHED, rows.bytes + MAX_LINE))
        except DamagedDataset as error:
            yield Finding(name, error.what)
            continue
        if name in stated and sha256 != stated[name]:
            yield Finding(name, "is not as it was written (run synth finish)")
        expected = rows.hashes[name].hexdigest() if name in rows.hashes else hashlib.sha256().hexdigest()
        if rows.is_whole and name in {*parts, *rows.hashes} and sha256 != expected:
            yield Finding(name, "does not hold the rows of the manifest that belong in it (run synth finish)")


def _check_counts(dataset: DatasetDir, content: Mapping[str, Any], rows: _Rows) -> Iterator[Finding]:
    """Check the counts in `dataset.json` against the rows, the quarantine, and the plan if it exists."""
    counted = rows.sums.to_json(tuple(content["splits"]), max(1, content["sample_rate"]))
    for name in _COUNTS:
        if content[name] != counted[name]:
            yield Finding("dataset.json", f"{name}: {_difference(content[name], counted[name])}")
    refused, planned = sum(rows.sums.codes.values()), content["planned_clips"]
    if not 0 <= planned - counted["clips"] <= refused:
        counts = f"{counted['clips']} clips were made and {refused} inputs refused"
        yield Finding("dataset.json", f"planned_clips: it says {planned}, but {counts}")
    used = rows.ledger.used_seconds()
    for pool in content["ledger"].get("rendered", {}).get("pools", ()):
        for recording, use in pool["by_recording"].items():
            seconds = round(used.pop((pool["layer"], pool["pool"], recording), 0.0), 3)
            if abs(use["used_s"] - seconds) > 0.0015:
                yield Finding("dataset.json", f"ledger: {recording} is used {seconds} s, it says {use['used_s']} s")
    for _, _, recording in used:
        yield Finding("dataset.json", f"ledger: {recording} is not in it, but in the manifest")
    yield from _check_against_plan(dataset, content, rows)


def _check_against_plan(dataset: DatasetDir, content: Mapping[str, Any], rows: _Rows) -> Iterator[Finding]:
    if not os.path.lexists(dataset.plan_header):
        return
    try:
        plan = read_plan_header(dataset)
        pools = load_pools(dataset, plan)
    except SynthError as error:
        if isinstance(error, DamagedDataset):
            yield Finding(error.path, error.what)
        return
    stated = {
        "plan_digest": content.get("plan_digest"),
        "planned_clips": content["planned_clips"],
        "sample_rate": content["sample_rate"],
        "ledger": content["ledger"],
    }
    rendered = rows.ledger.to_json() if pools else {"pools": []}
    expected = {
        "plan_digest": plan.plan_digest,
        "planned_clips": plan.clips,
        "sample_rate": plan.sample_rate,
        "ledger": {"planned": plan.ledger, "rendered": rendered},
    }
    for name, value in expected.items():
        if stated[name] != value:
            yield Finding("dataset.json", f"{name}: {_difference(stated[name], value)}, by the plan and the rows")


def _difference(stated: Any, counted: Any, key: str = "") -> str:
    """The first key or item at which two JSON values differ, and both values there."""
    if isinstance(stated, Mapping) and isinstance(counted, Mapping):
        for name in sorted({*stated, *counted}):
            if stated.get(name) != counted.get(name):
                return _difference(stated.get(name), counted.get(name), f"{key}{name}: ")
    if isinstance(stated, list) and isinstance(counted, list) and len(stated) == len(counted):
        position = next(k for k, pair in enumerate(zip(stated, counted, strict=True)) if pair[0] != pair[1])
        return _difference(stated[position], counted[position], f"{key}[{position}]: ")
    texts = (text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..." for text in (str(stated), str(counted)))
    return "{}it says {}, counted {}".format(key, *texts)


def _check_foreign_files(dataset: DatasetDir, content: Mapping[str, Any], rows: _Rows) -> Iterator[Finding]:
    """Find files and folders that synth did not write, and links."""
    own = {
        "dataset.json",
        ".synth",
        "manifest.jsonl",
        "quarantine.jsonl",
        "recipe.yaml",
        dataset.card.name,
        *_AUDIO_FOLDERS,
    }
    own |= {*content.get("files", {}), *rows.hashes}
    for name in sorted(entry.name for entry in os.scandir(dataset.path)):
        if name not in own:
            yield Finding(name, "does not belong to the data set")
    for top in _AUDIO_FOLDERS:
        if os.path.lexists(dataset.path / top):
            yield from _check_folder(dataset.path, top, rows)


def _check_folder(root: Path, relative: str, rows: _Rows) -> Iterator[Finding]:
    path = root / relative
    if path.is_symlink() or not path.is_dir():
        yield Finding(relative, "is not a folder, or a link to one")
        return
    try:
        entries = sorted(os.scandir(path), key=lambda entry: entry.name)
    except OSError as error:
        yield Finding(relative, f"cannot be read: {error.strerror}")
        return
    if not entries:
        yield Finding(relative, "is an empty folder, which synth does not make")
    for entry in entries:
        below = f"{relative}/{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            yield from _check_folder(root, below, rows)
        elif below not in rows.paths and below not in rows.tars.tars:
            yield Finding(below, "is not in the manifest")
