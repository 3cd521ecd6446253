"""Which input files are no longer those that a data set was planned with, by name.

What a plan recorded of each file (audio/file_identity.py) is compared with what a new plan of the same recipe finds. A
file that was only touched is the same file if its hash is known and equal: from a plan with `--strict-inputs`, from
decoding (noise), or from the rows that were made of it (speech).
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Final, TypeAlias

from synth.audio.file_identity import FileIdentity, difference, file_sha256
from synth.catalog.catalog import Catalog
from synth.catalog.source_hashes import distinct_files
from synth.dataset.commit import present_shards, read_part
from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.plan_header import read_plan_header
from synth.dataset.saved_plan import CATALOGS, hash_lists, load_catalog, opening, read_document
from synth.errors import BadInput, DamagedDataset, UsageError
from synth.plan.plan import Plan
from synth.recipe.model import Recipe
from synth.text import listed

_MOST_SHOWN: Final = 20
_NEW_LINE: Final = "\n  "
_TOUCHED_TOO: Final = (
    "If only the time of a file has changed, its content may be the same, but no hash was recorded to tell: "
    "`synth generate --strict-inputs` records the hashes of all files when it plans."
)

#: A file by its first recording in the old catalog and in the new one; None if it is not in it.
_Pair: TypeAlias = tuple[int | None, int | None]


def refuse_changed_inputs(dataset: DatasetDir, plan: Plan) -> int:
    """Compare the files of a plan with those that the data set in `dataset` was planned with, for the same recipe.

    Known hashes of files that are still the same are taken over into the catalogs of `plan`.

    Returns:
        How many files were touched, but have the same content.

    Raises:
        UsageError: files have changed, are gone or are new; the text names them.
        StorageError: the disk fails.
    """
    changes: list[str] = []
    touched = 0
    rows = _RowHashes(dataset)
    for name in CATALOGS:
        new: Catalog = getattr(plan, name)
        try:
            old = load_catalog(dataset, name)
        except DamagedDataset:
            if read_plan_header(dataset).input_digests.get(name) != new.digest:
                raise
            continue  # the header knows the same catalog, so the damaged file is only to be written again
        comparison = _Comparison(old, new, rows if name == "speech" else None)
        changes += comparison.changes()
        touched += comparison.touched
        if new.hashes is None and len(old) == len(new):
            setattr(plan, name, new.with_hashes(old.hashes))
    changes += _changed_lists(dataset, plan.recipe)
    if changes:
        raise UsageError(_message(dataset, changes))
    return touched


def _message(dataset: DatasetDir, changes: list[str]) -> str:
    count = f"{len(changes)} input files are" if len(changes) > 1 else "1 input file is"
    text = (
        f"{dataset.path}: {count} not what the data set was planned with:\n"
        f"  {listed(changes, _MOST_SHOWN, separator=_NEW_LINE)}\n"
        "A data set is never made from two versions of a file. Restore what has changed and run again, or choose a new "
        "directory."
    )
    return f"{text}\n{_TOUCHED_TOO}" if any("modification time" in change for change in changes) else text


class _Comparison:
    """One catalog of a data set's plan against that of a new plan."""

    def __init__(self, old: Catalog, new: Catalog, rows: _RowHashes | None) -> None:
        self._old = old
        self._new = new
        self._rows = rows
        self.touched = 0

    def changes(self) -> Iterator[str]:
        """`path: what has changed`, one for each file that is not the same."""
        strict = self._rows is not None and self._new.hashes is not None and self._old.hashes is None
        if self._old.has_same_files(self._new) and not strict:
            return
        for before, now in _pairs(self._old, self._new):
            if before is None:
                assert now is not None
                yield f"{self._new.file(now)}: it is new"
            elif now is None:
                yield f"{self._old.file(before)}: {self._why_gone(before)}"
            elif change := self._change(before, now):
                yield f"{self._new.file(now)}: {change}"

    def _why_gone(self, before: int) -> str:
        path = self._old.path(before)
        refusals = (r for r in self._new.refused if r.path == path)
        refusal = next(refusals, None)
        return "it is gone" if refusal is None else f"it cannot be used now ({refusal.code}: {refusal.message})"

    def _change(self, before: int, now: int) -> str | None:
        planned, present = self._old.identity(before), self._new.identity(now)
        if planned is None or present is None:
            if planned is present:
                return None
            return "it was missing, and is there now" if planned is None else "it is missing"
        change = difference(planned, present)
        if planned.content != present.content:
            return change
        planned_hash = self._old.sha256(before) or (self._rows and self._rows.of(self._old, before))
        if change is None and (planned_hash is None or self._new.sha256(now) is None):
            return None
        if planned_hash is None:
            return f"its modification time was {_time(planned)} and is {_time(present)}"
        if planned_hash != self._present_hash(now):
            return "its content has changed, though not its size, first or last bytes"
        self.touched += change is not None
        return None

    def _present_hash(self, now: int) -> str | None:
        try:
            return self._new.sha256(now) or file_sha256(self._new.file(now))
        except BadInput:
            return None


def _time(identity: FileIdentity) -> str:
    seconds, nanoseconds = divmod(identity.mtime_ns, 1_000_000_000)
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{nanoseconds:09d} UTC"


def _pairs(old: Catalog, new: Catalog) -> Iterator[_Pair]:
    """The files of two catalogs side by side, which both are in the order of their sources and paths."""
    befores, nows = _keyed(old), _keyed(new)
    before, now = next(befores, None), next(nows, None)
    while before is not None or now is not None:
        if now is None or (before is not None and before[0] < now[0]):
            assert before is not None
            yield before[1], None
            before = next(befores, None)
        elif before is None or now[0] < before[0]:
            yield None, now[1]
            now = next(nows, None)
        else:
            yield before[1], now[1]
            before, now = next(befores, None), next(nows, None)


def _keyed(catalog: Catalog) -> Iterator[tuple[tuple[int, bytes], int]]:
    for first, _ in distinct_files(catalog):
        yield (int(catalog.source_indices[first]), catalog.path(first).encode()), first


class _RowHashes:
    """The hashes of speech files in the rows that are made already; read when one is first asked for."""

    def __init__(self, dataset: DatasetDir) -> None:
        self._dataset = dataset

    def of(self, catalog: Catalog, index: int) -> str | None:
        """The hash of the file of a recording; None if no row is made of it."""
        return self._by_file.get((catalog.source(index).name, catalog.path(index)))

    @cached_property
    def _by_file(self) -> Mapping[tuple[str, str], str]:
        hashes: dict[tuple[str, str], str] = {}
        plan = read_plan_header(self._dataset)
        for shard in present_shards(self._dataset):
            for fields, _, is_row in read_part(self._dataset, shard, plan):
                if is_row:
                    hashes[fields["source"]["name"], fields["source"]["path"]] = fields["source"]["sha256"]
        return hashes


def _changed_lists(dataset: DatasetDir, recipe: Recipe) -> Iterator[str]:
    present = hash_lists(recipe)
    try:
        with opening(dataset, "lists.json"):
            planned = dict(read_document(dataset, "lists.json"))
    except DamagedDataset:
        return  # it is written again; what a list changes in the clips, the digests of the catalogs tell
    for name, sha256 in present.items():
        if planned.get(name) != sha256:
            yield f"{recipe.folder / name}: its content has changed"
