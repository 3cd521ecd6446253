"""WebDataset: tar archives in which members with the same name up to the first dot are one sample."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from synth.archives.tar_reader import Member, OpenTar, opened_tar
from synth.errors import BadInput
from synth.lists.audio_list import AudioRow, read_alignment
from synth.lists.exported_labels import exported_labels, is_exported
from synth.lists.formats.listing import (
    LANGUAGE_NAMES,
    SPEAKER_NAMES,
    TEXT_NAMES,
    Listing,
    Rows,
    is_audio_name,
    member_refusals,
    scalar_labels,
)
from synth.lists.table import RowMistake
from synth.text import listed

_MAX_JSON: Final = 1 << 20  # bytes
_SPLIT: Final = re.compile(r"(?:^|/)([^/]+?)-\d+\.tar$")
_OF_ANOTHER_FILE: Final = frozenset(
    ("path", "audio_filepath", "file", "file_name", "offset", "duration", "num_samples", "sampling_rate", "sample_rate")
)
"""What the JSON of a sample says about the file that it was made from: the audio beside it says what it is itself."""


def read_webdataset(listing: Listing) -> Rows:
    """The samples with audio of an archive, or of all archives below a folder (that match the glob).

    A sample is its audio, with the text of `key.txt` and the fields of `key.json`.

    Raises:
        UsageError: there is no archive, or the folder has several splits and no glob.
    """
    archives = listing.files(".tar")
    listing.refuse_splits(archives, _SPLIT)
    for archive in archives:
        try:
            with opened_tar(archive) as tar:
                yield from _samples(listing, archive, tar)
        except BadInput as error:
            yield BadInput(error.code, listing.relative(archive), error.message, "scan")


def _samples(listing: Listing, archive: str, tar: OpenTar) -> Rows:
    samples: dict[str, dict[str, Member]] = {}
    for member in member_refusals(listing, archive, tar):
        if isinstance(member, BadInput):
            yield member
            continue
        folder, slash, name = member.name.rpartition("/")
        key, _, ending = name.partition(".")
        samples.setdefault(folder + slash + key, {})[ending] = member
    for key, members in samples.items():
        audio = {ending: member for ending, member in members.items() if is_audio_name(f".{ending}")}
        plain = [ending for ending in audio if "." not in ending]
        path = f"{listing.relative(archive)}/"
        if not audio:
            continue
        if len(audio) > 1 and len(plain) != 1:
            text = f"the sample {key} has several members of audio ({listed(list(audio), 4)}); keep one, as {key}.flac"
            yield BadInput("bad_row", path + key, text, "scan")
            continue
        member = audio[plain[0]] if plain else next(iter(audio.values()))
        try:
            row = row_of(path + member.name, _fields(key, members, tar), key, listing)
            yield listing.with_split(row, archive, _SPLIT)
        except BadInput as error:
            yield BadInput(error.code, path + key, error.message, "scan")
        except RowMistake as mistake:
            yield BadInput("bad_row", path + key, f"its JSON: {mistake}", "scan")


def _fields(key: str, members: Mapping[str, Member], tar: OpenTar) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    try:
        if "json" in members:
            value = json.loads(tar.read(members["json"], _MAX_JSON))
            fields = value if isinstance(value, dict) else {}
        if "txt" in members:
            fields["text"] = tar.read(members["txt"], _MAX_JSON).decode().rstrip("\r\n")
    except (ValueError, RecursionError) as error:
        what = "UTF-8" if isinstance(error, UnicodeDecodeError) else "JSON"
        text = f"the .json or .txt of the sample {key} in {tar.index.path.rpartition('/')[2]} is not {what}"
        raise BadInput("bad_row", key, text, "scan") from None
    return fields


def row_of(path: str, fields: Mapping[str, Any], key: str, listing: Listing, line: int | None = None) -> AudioRow:
    """The row of a sample, by the usual names of its fields.

    Args:
        path: of its audio.
        fields: of the sample.
        key: its id.
        listing: may rename the fields.
        line: in its file.

    Raises:
        RowMistake: an alignment is not one.
    """
    return AudioRow(path, line, detail=_detail_of(fields, key, listing), made_by_synth=is_exported(fields))


def _detail_of(fields: Mapping[str, Any], key: str, listing: Listing) -> dict[str, object]:
    """Text, speaker and labels of a sample."""
    names = listing.column_names({"text": TEXT_NAMES, "speaker": SPEAKER_NAMES, "language": LANGUAGE_NAMES})
    rest = {name: value for name, value in fields.items() if name not in _OF_ANOTHER_FILE}
    detail: dict[str, object] = {}
    labels: dict[str, object] = {"id": key}
    for ours, theirs in names.items():
        name = next((name for name in theirs if isinstance(rest.get(name), str | int) and rest[name] != ""), None)
        if name is None or ours == "path":
            continue
        value = rest.pop(name)
        if ours in ("text", "speaker"):
            detail[ours] = str(value)
        else:
            labels[ours] = value
    alignment = rest.pop("alignment", None)
    if isinstance(alignment, list) and alignment:
        detail["alignment"] = read_alignment(alignment)
    if (exported := exported_labels(fields)) is not None:
        detail["labels"] = {"id": key, **exported}
        return detail
    nested = rest.pop("labels", None)
    detail["labels"] = {**labels, **scalar_labels(rest), **(scalar_labels(nested) if isinstance(nested, dict) else {})}
    return detail
