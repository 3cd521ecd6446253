"""What a reader of a format is given, and what all of them need."""

# Paths are strings here, thousands of them: to make a Path of each costs more than the call itself.
# ruff: noqa: PTH118, PTH208

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from synth.archives.tar_reader import Member, OpenTar, RefusedMember
from synth.audio.file_names import EXTENSIONS, extension, glob_matcher
from synth.errors import BadInput, UsageError
from synth.lists.audio_list import AudioRow
from synth.lists.lines import SourceLines
from synth.processes.pool import Pool
from synth.text import listed, printable

Rows: TypeAlias = Iterator[AudioRow | BadInput]

TEXT_NAMES: Final = ("text", "transcription", "transcript", "sentence", "normalized_text")
SPEAKER_NAMES: Final = ("speaker", "speaker_id", "client_id")
LANGUAGE_NAMES: Final = ("language", "lang", "locale")
_NESTED: Final = frozenset(("tar", "tgz", "gz", "bz2", "xz", "zst", "zip", "7z", "parquet"))


@dataclass(frozen=True, slots=True)
class Listing:
    """A data set to read."""

    path: Path  #: absolute: a folder, or the file that lists or holds the clips
    root: str  #: absolute folder; paths of rows are relative to it
    glob: str | None = None  #: which of several archives or Parquet files count
    columns: Mapping[str, str] | None = None  #: our name of a column -> its name here
    channels: str | int = "mean"  #: what the source takes of several channels
    #: what to do with files of several splits: refuse them without a glob, join them, or label the rows with theirs
    splits: Literal["refuse", "join", "label"] = "refuse"
    pool: Pool | None = None  #: worker processes to list Parquet files in; None: one of its own

    def relative(self, path: str | os.PathLike[str]) -> str:
        """An absolute path as rows have it: relative to the root if it is below it."""
        text = os.fspath(path)
        prefix = self.root.rstrip("/") + "/"
        return text.removeprefix(prefix)

    def names(self) -> list[str]:
        """The names of the files in the folder, without hidden ones, sorted."""
        try:
            return sorted(name for name in os.listdir(self.path) if not name.startswith("."))
        except OSError as error:
            raise UsageError(f"{self.path}: the folder cannot be read: {error.strerror}") from None

    def files(self, suffix: str) -> list[str]:
        """The file itself, or the files below the folder with this ending that match the glob; absolute, sorted."""
        if not self.path.is_dir():
            return [str(self.path)]
        matches: Callable[[str], object] = glob_matcher(self.glob) if self.glob else (lambda path: True)
        base = str(self.path)
        paths: list[str] = []
        for folder, folders, names in os.walk(base):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            full = (os.path.join(folder, name) for name in names if name.endswith(suffix) and not name.startswith("."))
            paths += [path for path in full if matches(path[len(base) + 1 :])]
        if not paths:
            chosen = f" that matches {self.glob!r}" if self.glob else ""
            raise UsageError(f"{self.path}: no file *{suffix}{chosen} in it")
        return sorted(paths, key=os.fsencode)

    def refuse_splits(self, paths: list[str], pattern: re.Pattern[str]) -> None:
        """Refuse to read train and test as one, which nobody means; a glob chooses.

        Args:
            paths: of all files.
            pattern: its group is the name of a file's split.

        Raises:
            UsageError: the files are of several splits, and there is no glob.
        """
        splits = sorted({match[1] for path in paths if (match := pattern.search(path))})
        if len(splits) > 1 and self.glob is None and self.splits == "refuse":
            advice = f"choose one, such as `glob: '**/{splits[0]}-[0-9]*'`"
            raise UsageError(f"{self.path}: it has the splits {listed(splits, 5)}; {advice}")

    def with_split(self, row: AudioRow, path: str, pattern: re.Pattern[str]) -> AudioRow:
        """A row of the file `path`, with the label `split` if rows are to have it and the name says it."""
        match = pattern.search(path) if self.splits == "label" else None
        labels = row.detail.get("labels")
        if match is None or not isinstance(labels, dict):
            return row
        return replace(row, detail={**row.detail, "labels": {"split": match[1], **labels}})

    def column_names(self, defaults: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        """Our name of a column -> the names that it may have here."""
        return {**defaults, **{ours: (theirs,) for ours, theirs in (self.columns or {}).items()}}


def pick_one(listing: Listing, names: list[str], what: str) -> str:
    """The only file of its kind in the folder. Raises UsageError if there are several or none."""
    if len(names) == 1:
        return names[0]
    if not names:
        raise UsageError(f"{listing.path}: no {what} in it; name the folder or file that has it")
    text = f"{listing.path}: it has several files of {what} ({listed(names, 4)}); name one of them"
    raise UsageError(text)


def keyed_lines(path: Path) -> Iterator[tuple[int, str, str] | BadInput]:
    """The lines `key rest` of a Kaldi file: (number, key, rest); a refusal for a line that is not one."""
    lines = SourceLines(path, newline="\n")
    for line in lines:
        # only what Kaldi takes for space: a text may have others, which are a part of it
        key, _, rest = line.strip(" \t\r\n").replace("\t", " ", 1).partition(" ")
        if lines.complaint:
            yield BadInput("bad_row", f"{path.name}:{lines.number}", lines.complaint, "scan")
            lines.complaint = None
        elif key:
            yield lines.number, key, rest.strip(" \t")


def member_refusals(listing: Listing, archive: str, tar: OpenTar) -> Iterator[Member | BadInput]:
    """The members of an archive; a refusal for each that is refused, and for archives in it."""
    shown = listing.relative(archive)
    for member in tar.index:
        if isinstance(member, RefusedMember):
            yield BadInput(member.code, f"{shown}/{printable(member.name)}", member.message, "scan")
        elif extension(member.name) in _NESTED:
            text = f"an archive inside of the archive {printable(archive.rpartition('/')[2])}; unpack it beside it"
            yield BadInput("unsupported", f"{shown}/{printable(member.name)}", text, "scan")
        else:
            yield member


def is_audio_name(name: str) -> bool:
    """Whether the extension is one of audio that is read here."""
    return extension(name) in EXTENSIONS


def scalar_labels(fields: Mapping[str, Any]) -> dict[str, object]:
    """Fields as labels: without empty ones, and without descriptions of other recordings or arrays."""
    return {
        str(name): value
        for name, value in fields.items()
        if value is not None
        and value != ""
        and not (isinstance(value, Mapping) and ("sources" in value or "storage_type" in value))
        and not isinstance(value, bytes)
    }
