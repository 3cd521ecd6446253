"""One source file, or a segment of one, as the plan sees it: identity, length, labels; no samples."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

from synth.audio.file_identity import FileIdentity

_NOT_SLUG = re.compile(r"[^a-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Word:
    """One aligned word: seconds from the start of the recording (segment)."""

    text: str
    start: float
    duration: float


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording that a recipe may use.

    `offset` and `num_samples` are in samples of the file at its own `sample_rate`; for a whole file offset is 0.
    Unknown labels, text and speakers are None, never an empty string.
    """

    id: str
    source: str  # name of the source in the recipe
    path: str  # relative to the source's root, with forward slashes
    offset: int
    num_samples: int
    sample_rate: int
    channels: int
    text: str | None = None
    speaker: str | None = None
    labels: Mapping[str, object] | None = None
    alignment: tuple[Word, ...] | None = None
    identity: FileIdentity | None = None  # of the file; None where only a list was read
    trim: tuple[int, int] | None = None  # (start, end) in samples at sample_rate inside the segment, where measured

    @property
    def seconds(self) -> float:
        return self.num_samples / self.sample_rate


@dataclass(frozen=True, slots=True)
class Refusal:
    """One input that was refused: a line of quarantine.jsonl."""

    path: str
    code: str
    stage: str
    message: str
    clip_id: str | None = None


def recording_id(source: str, path: str, offset: int) -> str:
    """Slug `[a-z0-9_-]` of the path (at most 80 characters) + 8 hex of a hash of (source name, path, offset).

    Stable, unique, safe as a file name. The offset is in samples of the file.
    """
    stem = path.rsplit(".", 1)[0].lower()
    slug = _NOT_SLUG.sub("_", stem).strip("_-")[-80:].strip("_-") or "x"
    parts = [source, path, str(offset)]
    text = "".join(f"{len(p.encode(errors='surrogateescape'))}:{p}" for p in parts)
    return f"{slug}_{blake2b(text.encode(errors='surrogateescape'), digest_size=4).hexdigest()}"
