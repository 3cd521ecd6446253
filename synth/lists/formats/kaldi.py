"""Kaldi's data directories: `wav.scp`, and beside it `segments`, `text`, `utt2spk`, `spk2gender`, `utt2lang`.

The threat: an entry of `wav.scp` may be a command with a pipe at its end, which Kaldi runs. It is never run here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from synth.errors import BadInput, UsageError
from synth.lists.audio_list import AudioRow
from synth.lists.formats.listing import Listing, Rows, keyed_lines

_OFFSET = re.compile(r"\.ark:\d+$|\[\d*:\d*\]$")


def read_kaldi(listing: Listing) -> Rows:
    """The utterances of a data directory: its segments, or otherwise the recordings of `wav.scp`.

    Paths count from the root. Files beside `wav.scp` that are missing leave their part unknown.

    Raises:
        UsageError: there is no wav.scp.
    """
    folder = listing.path if listing.path.is_dir() else listing.path.parent
    if not (folder / "wav.scp").is_file():
        raise UsageError(f"{folder}: no wav.scp in it; name a Kaldi data directory")
    details = _Details(folder)
    yield from details.refused
    recordings: dict[str, tuple[int, str]] = {}
    for item in keyed_lines(folder / "wav.scp"):
        if isinstance(item, BadInput):
            yield item
            continue
        number, name, path = item
        if complaint := _path_complaint(path) or ("the second line of this id" if name in recordings else None):
            yield BadInput("bad_row", f"wav.scp:{number}", f"{name}: {complaint}", "scan")
        else:
            recordings[name] = number, path
    if (folder / "segments").is_file():
        yield from _segments(folder, recordings, details)
    else:
        for name, (number, path) in recordings.items():
            yield AudioRow(path, number, detail=details.of(name))
    for name, number in details.unused():
        yield BadInput("bad_row", f"text:{number}", f"{name} has a text but no audio; add it to wav.scp", "scan")


def _path_complaint(path: str) -> str | None:
    if not path:
        return "no path"
    if path.endswith("|") or path.startswith("|"):
        return "a command, which is never run; write its output to a file, and name that"
    if _OFFSET.search(path):
        return "a part of a Kaldi archive, which is not read; write the audio to a file of its own, and name that"
    return None


def _segments(folder: Path, recordings: dict[str, tuple[int, str]], details: _Details) -> Rows:
    names: set[str] = set()
    for item in keyed_lines(folder / "segments"):
        if isinstance(item, BadInput):
            yield item
            continue
        number, name, rest = item
        where = f"segments:{number}"
        fields = rest.split()
        try:
            recording, start, end = fields[0], float(fields[1]), float(fields[2])
            is_segment = 0 <= start < (end if end != -1 else start + 1) < 1e9
        except (IndexError, ValueError):
            is_segment = False
        if not is_segment or name in names:
            what = "the second segment of this id" if name in names else "not `<utterance> <recording> <start> <end>`"
            yield BadInput("bad_row", where, f"{name}: {what}, in seconds", "scan")
            continue
        names.add(name)
        if recording not in recordings:
            yield BadInput("bad_row", where, f"{name}: no recording {recording} in wav.scp", "scan")
            continue
        duration = None if end == -1 else round(end - start, 9)
        yield AudioRow(recordings[recording][1], number, start, duration, detail=details.of(name))


class _Details:
    """What the files beside wav.scp say of each utterance."""

    def __init__(self, folder: Path) -> None:
        self.refused: list[BadInput] = []
        self._lines: dict[str, int] = {}
        self._text = dict(self._read(folder / "text", self._lines))
        self._speaker = dict(self._read(folder / "utt2spk"))
        self._language = dict(self._read(folder / "utt2lang"))
        self._gender = dict(self._read(folder / "spk2gender"))

    def _read(self, path: Path, lines: dict[str, int] | None = None) -> Iterator[tuple[str, str]]:
        if not path.is_file():
            return
        names: set[str] = set()
        for item in keyed_lines(path):
            if isinstance(item, BadInput):
                self.refused.append(item)
            elif item[1] in names:
                where = f"{path.name}:{item[0]}"
                self.refused.append(BadInput("bad_row", where, f"{item[1]}: the second line of this id", "scan"))
            else:
                names.add(item[1])
                if lines is not None:
                    lines[item[1]] = item[0]
                yield item[1], item[2]

    def of(self, name: str) -> dict[str, object]:
        self._lines.pop(name, None)
        detail: dict[str, object] = {}
        if text := self._text.get(name):
            detail["text"] = text
        labels: dict[str, object] = {"id": name}
        if speaker := self._speaker.get(name):
            detail["speaker"] = speaker
            if gender := self._gender.get(speaker):
                labels["gender"] = gender
        if language := self._language.get(name):
            labels["language"] = language
        detail["labels"] = labels
        return detail

    def unused(self) -> list[tuple[str, int]]:
        """The utterances of `text` that no row had, with their lines."""
        return list(self._lines.items())
