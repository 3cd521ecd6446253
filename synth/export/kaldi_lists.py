"""What Kaldi data directories and those of ESPnet have in common: keys, texts and paths in lines of words.

A line is a key, a space and a value. Lines are sorted by bytes, and an utterance's key begins with its speaker, so that
sorting by utterances is sorting by speakers too (the rules of Kaldi's utils/validate_data_dir.sh).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from synth.errors import UsageError
from synth.export.format import ChunkWriter, Row
from synth.export.settings import ExportSettings

LOSSES: Final = {
    "no_text": "have no text and are left out",
    "reserved": "have <s>, </s> or #0 in their text, which Kaldi keeps for itself, and are left out",
    "whitespace": "have line breaks, tabs or runs of spaces in their text: each becomes one space",
    "no_speaker": "have no speaker: the recording that they are made from counts as their speaker",
    "speaker_name": "have a speaker whose name is no word of Kaldi: other characters become =XX, as in b=20b",
}

# What sorts below the `-` after a speaker would sort a longer name before a shorter one; `=` is the escape itself.
_NO_WORD: Final = re.compile(r"[\x00-\x2d/<=>\x7f]|\s")
_RESERVED: Final = re.compile(r"(?<!\w)(?:<s>|</s>|#0)(?!\w)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Utterance:
    """A clip with its names in a Kaldi directory."""

    key: str
    speaker: str
    recording: str  # the clip that it is a segment of
    text: str | None
    row: Row


def word(name: str) -> str:
    """A name as one word that sorts as names do: other characters become `=XX`, the hex digits of their UTF-8."""
    return _NO_WORD.sub(lambda match: "".join(f"={byte:02X}" for byte in match[0].encode()), name)


def utterances(out: ChunkWriter) -> Iterator[Utterance]:
    """Yield the clips of a chunk that Kaldi takes, and count what is lost.

    If no clip of the export has a text, there is none; otherwise clips without one are left out.
    """
    for row in out.rows():
        text = row["text"]
        if text is None and out.settings.has_texts:
            out.lose("no_text")
            continue
        if text is not None:
            if _RESERVED.search(text):
                out.lose("reserved")
                continue
            plain = " ".join(text.split())
            if plain != text:
                out.lose("whitespace")
            text = plain
        name = row.get("speaker")
        if name is None:
            out.lose("no_speaker")
            speaker = word(row["source_id"])
            key = f"{speaker}-{row['id'].removeprefix(row['source_id']).lstrip('-')}"
        else:
            speaker = word(name) or "="
            if speaker != name:
                out.lose("speaker_name")
            key = f"{speaker}-{row['id']}"
        yield Utterance(key, speaker, row["id"], text, row)


def line(key: str, value: str) -> str:
    """A line of a list; a value that is empty has no space before it."""
    return f"{key} {value}" if value else key


def seconds_at(sample: int, sample_rate: int) -> str:
    """The time of a sample, such that this sample comes out whether a reader rounds or cuts off `time * rate`."""
    seconds = sample / sample_rate
    while int(seconds * sample_rate) < sample:
        seconds = math.nextafter(seconds, math.inf)
    return repr(seconds)


def spk2utt(utt2spk: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of spk2utt from the sorted lines of utt2spk: a speaker and its utterances."""
    speaker, keys = b"", list[bytes]()
    for each in utt2spk:
        key, name = each.split()
        if name != speaker and keys:
            yield b" ".join((speaker, *keys)) + b"\n"
            keys = []
        speaker = name
        keys.append(key)
    if keys:
        yield b" ".join((speaker, *keys)) + b"\n"


def check_list_paths(settings: ExportSettings) -> None:
    """Refuse paths that Kaldi would take for commands, or not find. Raises UsageError."""
    path = settings.path("audio/x.flac")
    why = ""
    if path.startswith("|"):
        why = "a path that begins with | is a command"
    elif path.startswith("~"):
        why = "~ is not expanded there"
    elif path != path.strip() or path.startswith("-"):
        why = "a path must not begin with a space or with -"
    if why:
        raise UsageError(f"--paths {settings.paths}: {why} in wav.scp; use another prefix, or absolute")
