"""Known layouts of speech corpora: who speaks and what is said, from folders, file names and their lists."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synth.catalog.folder import walk_folder
from synth.lists.audio_list import AudioRow
from synth.lists.lines import MAX_LINE
from synth.recipe.model import FromPath

_FILE_SHARE = 0.9  # of the files must have the names of a layout
_LIBRISPEECH = re.compile(r"(?:^|/)(?P<speaker>[0-9]{1,5})-(?P<session>[0-9]{3,6})-[0-9]{4}\.\w+$")
_VCTK = re.compile(r"(?:^|/)(?P<speaker>[ps][0-9]+)/(?P=speaker)_(?P<number>[0-9]+)(?P<microphone>_mic[12])?\.\w+$")
_COMMON_VOICE = ("train.tsv", "validated.tsv")


@dataclass(frozen=True, slots=True)
class Layout:
    """A recognized layout, and where the labels of its speech are."""

    name: str  # of the corpus, for messages
    root: Path  # the folder that paths are relative to
    listed: bytes | None = None  # a list (JSON lines) of the files with their labels; None if their paths have them
    speaker: FromPath | None = None  # where in the path the speaker is, if there is no list
    session: FromPath | None = None  # likewise the session
    note: str = ""  # for the person


def recognize_layout(folder: Path) -> Layout | None:
    """Recognize the layout of LibriSpeech, VCTK or Common Voice; None for any other folder."""
    if (folder / "clips").is_dir():
        for name in _COMMON_VOICE:
            if (folder / name).is_file():
                return _common_voice(folder, name)
    paths = [item.path for item in walk_folder(folder) if isinstance(item, AudioRow)]
    for pattern, layout_of in ((_LIBRISPEECH, _librispeech), (_VCTK, _vctk)):
        matching = sum(pattern.search(path) is not None for path in paths)
        if paths and matching >= _FILE_SHARE * len(paths):
            return layout_of(folder, paths)
    return None


def _librispeech(folder: Path, paths: Sequence[str]) -> Layout:
    """speaker/chapter/speaker-chapter-number.flac, with the texts in speaker-chapter.trans.txt beside them."""
    texts: dict[str, str] = {}
    for chapter in sorted({os.path.dirname(path) for path in paths}):  # noqa: PTH120 - thousands of texts, not Paths
        for transcript in sorted((folder / chapter).glob("*.trans.txt")):
            for line in _lines(transcript):
                name, _, text = line.partition(" ")
                if text.strip():
                    texts[f"{chapter}/{name}"] = text.strip()
    if not texts:
        speaker, session = FromPath(r"([0-9]+)-[0-9]+-[0-9]+\."), FromPath(r"[0-9]+-([0-9]+)-[0-9]+\.")
        return Layout("LibriSpeech", folder, speaker=speaker, session=session)
    rows = ({**_labels_of(_LIBRISPEECH, path), "text": texts.get(path.rpartition(".")[0])} for path in paths)
    return Layout("LibriSpeech", folder, _json_lines(rows))


def _vctk(folder: Path, paths: Sequence[str]) -> Layout:
    """wav48/p225/p225_001.wav, with the texts in txt/p225/p225_001.txt. Of two microphones the first is taken."""
    kept = [path for path in paths if not path.rpartition(".")[0].endswith("_mic2")] or list(paths)
    note = f"{len(paths) - len(kept)} files of the second microphone were left out" if len(kept) < len(paths) else ""
    texts = next((base / "txt" for base in (folder, folder.parent) if (base / "txt").is_dir()), None)
    rows = ({**_labels_of(_VCTK, path), "text": _vctk_text(texts, path)} for path in kept)
    return Layout("VCTK", folder, _json_lines(rows), note=note)


def _vctk_text(texts: Path | None, path: str) -> str | None:
    match = _VCTK.search(path)
    if texts is None or match is None:
        return None
    speaker = match["speaker"]
    lines = _lines(texts / speaker / f"{speaker}_{match['number']}.txt")
    return " ".join(line.strip() for line in lines).strip() or None


def _labels_of(pattern: re.Pattern[str], path: str) -> dict[str, Any]:
    """The first keys of a row: the path, and the groups of its name that are labels."""
    match = pattern.search(path)
    groups = match.groupdict() if match else {}
    return {"audio_filepath": path, **{name: groups[name] for name in ("speaker", "session") if name in groups}}


def _common_voice(folder: Path, name: str) -> Layout | None:
    """clips/ with lists of client_id, path and sentence. Quotes in a sentence are text, so these are no CSV files."""
    lines = (line.split("\t") for line in _lines(folder / name))
    header = next(lines, [])
    if not {"client_id", "path", "sentence"} <= set(header):
        return None
    note = f"the clips are those of {name}"
    if name != "validated.tsv":
        note += "; validated.tsv has more clips, those of its dev and test sets too"
    return Layout("Common Voice", folder / "clips", _json_lines(_common_voice_rows(header, lines)), note=note)


def _common_voice_rows(header: Sequence[str], lines: Iterable[Sequence[str]]) -> Iterator[dict[str, Any]]:
    for cells in lines:
        values = dict(zip(header, cells, strict=False))
        labels = {label: values[label] for label in ("age", "gender", "accents") if values.get(label)}
        if values.get("path"):
            yield {
                "audio_filepath": values["path"],
                "speaker": values.get("client_id") or None,
                "text": values.get("sentence") or None,
                **({"labels": labels} if labels else {}),
            }


def _json_lines(rows: Iterable[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode("utf-8", "replace") + b"\n" for row in rows)


def _lines(path: Path) -> Iterator[str]:
    """The lines of a text file, without their ends; none if it cannot be read."""
    with contextlib.suppress(OSError), path.open(encoding="utf-8", errors="replace", newline="\n") as file:
        while line := file.readline(MAX_LINE):
            yield line.rstrip("\r\n")
