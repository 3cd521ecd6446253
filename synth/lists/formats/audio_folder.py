"""Hugging Face's AudioFolder: audio and a `metadata.csv` or `metadata.jsonl` whose column `file_name` has the paths."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Final

from synth.errors import BadInput, UsageError
from synth.lists.audio_list import read_audio_list
from synth.lists.formats.listing import SPEAKER_NAMES, TEXT_NAMES, Listing, Rows, pick_one

METADATA: Final = ("metadata.csv", "metadata.jsonl")


def read_audio_folder(listing: Listing) -> Rows:
    """The rows of the metadata of one split. Paths count from the folder of the metadata.

    Raises:
        UsageError: there is no metadata, or the folder has several splits.
    """
    path = listing.path
    if path.is_dir():
        names = listing.names()
        if not any(name in names for name in METADATA):
            splits = [name for name in names if any((path / name / each).is_file() for each in METADATA)]
            if splits:
                text = f"{path}: the metadata is in its folders; name one of them, such as {path / splits[0]}"
                raise UsageError(text)
        path /= pick_one(listing, [name for name in METADATA if name in names], "metadata.csv or metadata.jsonl")
    prefix = listing.relative(path.parent)
    prefix = "" if prefix == listing.root.rstrip("/") else f"{prefix}/"
    names_of = {"text": TEXT_NAMES, "speaker": SPEAKER_NAMES, "path": ("file_name",)}
    for row in read_audio_list(path, columns=listing.columns, names=names_of):
        if isinstance(row, BadInput) or os.path.isabs(row.path):  # noqa: PTH117
            yield row
        else:
            yield replace(row, path=prefix + row.path)
