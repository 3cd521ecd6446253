"""NeMo's tarred data sets: a manifest whose rows name members of `audio_0.tar`, `audio_1.tar`, ... by `shard_id`."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

from synth.archives.tar_reader import TarIndex, opened_tar
from synth.errors import BadInput, UsageError
from synth.lists.audio_list import AudioRow, bad_row, read_audio_list
from synth.lists.formats.listing import Listing, Rows

_TAR = re.compile(r"audio[^/]*_(\d+)[^/]*\.tar$")
_MANIFEST = re.compile(r"manifest[^/]*_(\d+)[^/]*\.json$")
_REPEATED = re.compile(r"-sub\d+(?=\.[^.]*$|$)")


def is_nemo_tarred(names: list[str]) -> bool:
    """Whether a folder with these files is a tarred data set of NeMo."""
    return "tarred_audio_manifest.json" in names and any(_TAR.match(name) for name in names)


def read_nemo_tarred(listing: Listing) -> Rows:
    """The rows of the manifest, each with the path of its member.

    Raises:
        UsageError: there is no manifest, or no archive that NeMo would take.
    """
    shards = _Shards(listing)
    for path in _manifests(listing):
        shard = match[1] if (match := _MANIFEST.search(path.name)) else None
        for row in read_audio_list(path, columns=listing.columns):
            if isinstance(row, BadInput):
                yield row
                continue
            try:
                yield shards.row(row, shard)
            except BadInput as error:
                yield bad_row(path.name, row.line or 0, error.message)


def _manifests(listing: Listing) -> list[Path]:
    if listing.path.is_file():
        return [listing.path]
    for folder in (listing.path, listing.path / "sharded_manifests"):
        manifest = folder / "tarred_audio_manifest.json"
        if manifest.is_file():
            return [manifest]
        names = sorted(os.listdir(folder)) if folder.is_dir() else []  # noqa: PTH208
        if parts := [folder / name for name in names if _MANIFEST.fullmatch(name)]:
            return parts
    raise UsageError(f"{listing.path}: no tarred_audio_manifest.json and no manifest_0.json in it; name the manifest")


class _Shards:
    """The archives, by their numbers."""

    def __init__(self, listing: Listing) -> None:
        self._listing = listing
        folder = listing.path if listing.path.is_dir() else listing.path.parent
        self._archives: dict[int, str] = {}
        for base in dict.fromkeys((str(folder), str(folder.parent), listing.root)):
            for name in sorted(os.listdir(base)):  # noqa: PTH208
                if match := _TAR.match(name):
                    self._archives.setdefault(int(match[1]), f"{base.rstrip('/')}/{name}")
            if self._archives:
                break
        if not self._archives:
            raise UsageError(f"{folder}: no archive like audio_0.tar in it; `path` must be the folder of the archives")
        self._indexes: dict[str, TarIndex | BadInput] = {}

    def row(self, row: AudioRow, shard: str | None) -> AudioRow:
        """The row with the path of its member. Raises BadInput if there is no such archive or member."""
        labels = row.detail.get("labels")
        number = labels.get("shard_id") if isinstance(labels, dict) else None
        number = shard if number is None else number
        if number is None and len(self._archives) == 1:
            number = next(iter(self._archives))
        archive = self._archives.get(int(str(number))) if str(number).isdecimal() else None
        if archive is None:
            text = f"{row.path}: no archive of the shard_id {number}, and there are {len(self._archives)} archives"
            raise BadInput("bad_row", row.path, text, "scan")
        name = self._member(archive, row.path)
        rest = labels if isinstance(labels, dict) else {}
        stem = row.path.rpartition("/")[2].rpartition(".")[0]
        kept = {"id": stem, **{key: value for key, value in rest.items() if key != "shard_id"}}
        row = replace(row, detail={**row.detail, "labels": kept})
        return replace(row, path=f"{self._listing.relative(archive)}/{name}")

    def _member(self, archive: str, name: str) -> str:
        """The name of the member that a row means: NeMo numbers rows of the same file as `a-sub1.wav`."""
        index = self._indexes.get(archive)
        if index is None:
            try:
                with opened_tar(archive) as tar:
                    index = tar.index
            except BadInput as error:
                index = error
            self._indexes = {archive: index}  # rows come shard by shard; tar_reader keeps what is used again
        if isinstance(index, BadInput):
            raise BadInput(index.code, name, index.message, "scan")
        base = name.rpartition("/")[2]
        for candidate in dict.fromkeys((name, base, _REPEATED.sub("", name), _REPEATED.sub("", base))):
            if candidate in index:
                return candidate
        return index.member(base).name
