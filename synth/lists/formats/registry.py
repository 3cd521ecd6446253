"""The formats of other tools that are read: their names in a recipe, their readers, and how they are recognized."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from synth.audio.file_names import EXTENSIONS, extension
from synth.errors import UsageError
from synth.lists.formats.audio_folder import METADATA, read_audio_folder
from synth.lists.formats.huggingface import read_huggingface
from synth.lists.formats.kaldi import read_kaldi
from synth.lists.formats.lhotse import is_lhotse_row, is_manifest_name, read_lhotse
from synth.lists.formats.listing import Listing, Rows
from synth.lists.formats.nemo_tarred import is_nemo_tarred, read_nemo_tarred
from synth.lists.formats.shar import is_shar, read_shar
from synth.lists.formats.webdataset import read_webdataset
from synth.lists.table import BadRow, TableRow, read_table
from synth.paths.folders import is_data_set

SOURCE_FORMATS: Final[Mapping[str, Callable[[Listing], Rows]]] = {
    "kaldi": read_kaldi,
    "lhotse": read_lhotse,
    "shar": read_shar,
    "nemo_tarred": read_nemo_tarred,
    "webdataset": read_webdataset,
    "huggingface": read_huggingface,
    "audiofolder": read_audio_folder,
}
WITH_GLOB: Final = ("webdataset", "huggingface")
"""Formats of several archives or files, of which a glob chooses some."""
WITH_COLUMNS: Final = ("nemo_tarred", "webdataset", "huggingface", "audiofolder")
"""Formats whose rows have columns with names of the user's choice."""

_MOST_NAMES: Final = 10_000  # files of a folder that are looked at to recognize it


def detect_format(path: str | os.PathLike[str]) -> str | None:
    """The format of a folder or file, if it can be nothing else; None otherwise.

    A folder with loose audio in it is always read as a folder of audio.
    """
    full = Path(path)
    if full.is_dir():
        return _format_of_folder(full)
    if not full.is_file():
        return None
    name = full.name.lower()
    if name.endswith(".tar"):
        return "webdataset"
    if name.endswith(".parquet"):
        return "huggingface"
    if name == "wav.scp":
        return "kaldi"
    is_list = name.endswith((".jsonl", ".jsonl.gz"))
    return "lhotse" if is_list and _begins_with_lhotse(full) else None


def _format_of_folder(folder: Path) -> str | None:
    with os.scandir(folder) as entries:
        listing = [entry for entry in itertools.islice(entries, _MOST_NAMES) if not entry.name.startswith(".")]
    names = sorted(entry.name for entry in listing if not entry.is_dir())
    folders = {entry.name for entry in listing if entry.is_dir()}
    if is_data_set(folder) or any("." in name and extension(name) in EXTENSIONS for name in names):
        return None
    if "wav.scp" in names and any(name in names for name in ("text", "utt2spk", "spk2utt", "segments")):
        return "kaldi"
    if is_shar(names):
        return "shar"
    if is_nemo_tarred(names):
        return "nemo_tarred"
    if any(is_manifest_name(name) for name in names):
        return "lhotse"
    # Further folders may hold loose audio, which such a folder was read for before these formats were.
    below = sorted(os.listdir(folder / "data")) if "data" in folders else []  # noqa: PTH208
    if folders <= {"data"} and any(name.endswith(".parquet") for name in (*names, *below)):
        return "huggingface"
    return "webdataset" if not folders and any(name.endswith(".tar") for name in names) else None


def is_audio_folder(path: Path) -> bool:
    """Whether a list is the metadata of an AudioFolder: by its name and its column `file_name`."""
    if path.name not in METADATA:
        return False
    try:
        table = read_table(path)
        first = next(iter(table.rows_and_mistakes()), None)
    except UsageError:
        return False
    return "file_name" in table.columns or (isinstance(first, TableRow) and "file_name" in first.fields)


def _begins_with_lhotse(path: Path) -> bool:
    """Whether the first row of a list is one of Lhotse."""
    try:
        first = next(iter(read_table(path, json_lines=True).rows_and_mistakes()), None)
    except UsageError:
        return False
    return first is not None and not isinstance(first, BadRow) and is_lhotse_row(first.fields)


def read_format(name: str, listing: Listing) -> Rows:
    """The rows of a data set.

    Args:
        name: a key of SOURCE_FORMATS.
        listing: the data set.

    Raises:
        UsageError: it is not of this format. Raised when the first row is asked for, or earlier.
    """
    return SOURCE_FORMATS[name](listing)
