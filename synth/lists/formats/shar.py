"""Lhotse Shar: `cuts.000000.jsonl[.gz]`, and beside it `recording.000000.tar` with the audio of each cut in order."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from synth.archives.tar_reader import Member, OpenTar, opened_tar
from synth.errors import BadInput, UsageError
from synth.lists.audio_list import AudioRow, bad_row
from synth.lists.formats.lhotse import cut_row
from synth.lists.formats.listing import Listing, Rows, member_refusals
from synth.lists.table import BadRow, RowMistake, read_table

_CUTS = re.compile(r"cuts\.(\d+)\.jsonl(\.gz)?$")
MAX_METADATA = 1 << 20  # bytes of the description of one recording


def is_shar(names: list[str]) -> bool:
    """Whether a folder with these files is a Shar."""
    return any(_CUTS.fullmatch(name) for name in names) and any(re.match(r"recording\.\d+\.tar$", n) for n in names)


def read_shar(listing: Listing) -> Rows:
    """The cuts of all shards of a folder, with the audio of the field `recording`.

    Raises:
        UsageError: the folder has no cuts.
    """
    folder = listing.path if listing.path.is_dir() else listing.path.parent
    names = [listing.path.name] if folder != listing.path else listing.names()
    shards = [(match[1], name) for name in names if (match := _CUTS.fullmatch(name))]
    if not shards:
        raise UsageError(f"{listing.path}: no cuts.000000.jsonl or .jsonl.gz in it; name the folder of a Shar")
    for number, name in shards:
        archive = os.path.join(folder, f"recording.{number}.tar")  # noqa: PTH118
        try:
            with opened_tar(archive) as tar:
                yield from _shard_rows(listing, folder / name, archive, tar)
        except BadInput as error:
            yield BadInput(error.code, listing.relative(archive), error.message, "scan")


def _shard_rows(listing: Listing, cuts: Path, archive: str, tar: OpenTar) -> Rows:
    audio: dict[str, Member] = {}
    metadata: dict[str, Member] = {}
    for member in member_refusals(listing, archive, tar):
        if isinstance(member, BadInput):
            yield member
            continue
        stem, _, ending = member.name.rpartition(".")
        if ending == "json":
            metadata[stem] = member
        elif ending not in ("nodata", "nometa"):
            audio[stem] = member
    for row in read_table(cuts, json_lines=True, allow_nan=False).rows_and_mistakes():
        if isinstance(row, BadRow):
            yield bad_row(cuts.name, row.line, row.mistake)
            continue
        name = str(row.fields.get("id"))
        try:
            if name not in audio:
                raise RowMistake(f"no audio of this id in {os.path.basename(archive)}")  # noqa: PTH119
            yield _row(listing, row.fields, row.line, tar, audio[name], metadata.get(name))
        except RowMistake as mistake:
            yield bad_row(cuts.name, row.line, f"{name[:100]}: {mistake}")
        except BadInput as error:
            yield bad_row(cuts.name, row.line, f"{name[:100]}: {error.message}")


def _row(
    listing: Listing, cut: dict[str, Any], line: int, tar: OpenTar, audio: Member, metadata: Member | None
) -> AudioRow:
    """The row of a cut; its recording is described beside the audio, not in the cut."""
    if metadata is not None:
        try:
            recording = json.loads(tar.read(metadata, MAX_METADATA))
        except (ValueError, RecursionError):
            raise RowMistake(f"{metadata.name} in {tar.index.path.rpartition('/')[2]} is not JSON") from None
        if not isinstance(recording, dict):
            raise RowMistake(f"{metadata.name} is not a JSON object")
        cut = {**cut, "recording": recording}
    return cut_row(cut, line, listing, f"{listing.relative(tar.index.path)}/{audio.name}")
