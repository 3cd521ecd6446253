"""One source file, or a segment of one, as the plan sees it: identity, length, labels; no samples."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

from synth.audio.file_identity import FileIdentity

_NOT_SLUG = re.compile(r"[^a-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Word:
    """One aligned word."""

    text: str
    start: float  #: seconds from the start of the recording (segment)
    duration: float  #: seconds


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording that a recipe may use. Unknown labels, text and speakers are None, never an empty string."""

    id: str  #: `recording_id`
    source: str  #: name of the source in the recipe
    path: str  #: relative to the source's root, with forward slashes
    offset: int  #: where it begins in the file, in samples at the file's own rate; 0 for a whole file
    num_samples: int  #: at the file's own rate
    sample_rate: int  #: of the file, Hz
    channels: int  #: of the file; 0: unknown
    text: str | None = None
    speaker: str | None = None
    labels: Mapping[str, object] | None = None
    alignment: tuple[Word, ...] | None = None
    identity: FileIdentity | None = None  #: of the file; None if only a list was read
    trim: tuple[int, int] | None = None  #: (start, end) of the sound inside the segment, samples; None: not measured

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.num_samples / self.sample_rate


@dataclass(frozen=True, slots=True)
class Refusal:
    """One input that was refused: a line of quarantine.jsonl."""

    path: str  #: printable; or `list:line`
    code: str  #: one of BadInput.CODES
    step: str  #: "scan", "plan" or "render"
    message: str
    clip_id: str | None = None


def recording_id(source: str, path: str, offset: int) -> str:
    """The name of a recording: stable, unique, safe as a file name.

    It is a slug `[a-z0-9_-]` of the path (at most 80 characters) and 8 hex digits of a hash of all arguments.

    Args:
        source: name of the source.
        path: relative to the source's root.
        offset: in samples of the file.
    """
    stem = path.rsplit(".", 1)[0]
    slug = _NOT_SLUG.sub("_", stem.lower()).strip("_-")[-80:].strip("_-") or "x"
    encoded, number = path.encode(errors="surrogateescape"), b"%d" % offset
    text = b"%b%d:%b%d:%b" % (_with_length(source), len(encoded), encoded, len(number), number)
    return f"{slug}_{blake2b(text, digest_size=4).hexdigest()}"


@lru_cache(maxsize=64)
def _with_length(source: str) -> bytes:
    encoded = source.encode(errors="surrogateescape")
    return b"%d:%b" % (len(encoded), encoded)
