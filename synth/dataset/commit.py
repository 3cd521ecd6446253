"""How a shard becomes a fact: its files first, all durable under their final names, then its part of the manifest.

A part is JSON lines: one header, then the rows of the clips made, in clip order, then one line for each refusal.
It is created only once. Two jobs that make the same shard write the same bytes, so it does not matter which one wins.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from synth import files
from synth.dataset.dataset_dir import PART_SUFFIX, DatasetDir
from synth.errors import SynthError

PART_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class PartHeader:
    """The first line of a part: what `status` wants to know without reading the rest.

    `samples` are those of the clips made; `codes` counts the refusals by their code.
    """

    shard: int
    clips: int
    samples: int
    codes: dict[str, int] = field(default_factory=dict)

    @property
    def refused(self) -> int:
        return sum(self.codes.values())

    @property
    def timeouts(self) -> int:
        return self.codes.get("timeout", 0)

    def to_line(self) -> str:
        fields = {"format": PART_FORMAT, "shard": self.shard, "clips": self.clips, "samples": self.samples}
        return json.dumps({**fields, "codes": dict(sorted(self.codes.items()))})

    @staticmethod
    def from_line(line: str) -> PartHeader:
        fields = json.loads(line)
        return PartHeader(fields["shard"], fields["clips"], fields["samples"], fields["codes"])


def commit_part(
    dataset: DatasetDir, shard: int, *, rows: Sequence[str], samples: int, refusals: Sequence[dict[str, Any]]
) -> PartHeader:
    """Publish the part of a shard whose files are all in place. `rows` are manifest lines without their line ends.

    Raises:
        SynthError: the part exists with other content (another version, or other inputs, made this shard).
        StorageError: it could not be written.
    """
    header = PartHeader(shard, len(rows), samples, dict(Counter(refusal["code"] for refusal in refusals)))
    lines = [header.to_line(), *rows, *(json.dumps(r, sort_keys=True, ensure_ascii=False) for r in refusals), ""]
    data = "\n".join(lines).encode()
    path = dataset.part(shard)
    try:
        files.create_file(path, data, temp_folder=dataset.temp)
    except FileExistsError:
        if path.read_bytes() != data:
            raise SynthError(f"{path} exists with other content: another run made this shard differently") from None
    return header


def read_header(path: Path) -> PartHeader:
    """The header of a part. Raises SynthError where it is damaged."""
    with path.open(encoding="utf-8") as file:
        return _header(path, file.readline())


def _header(path: Path, line: str) -> PartHeader:
    try:
        return PartHeader.from_line(line)
    except (ValueError, KeyError, TypeError):
        raise SynthError(f"{path} is damaged: remove it and run generate again") from None


def read_part(path: Path) -> tuple[PartHeader, list[str], list[str]]:
    """(header, manifest lines, quarantine lines) of a part. Raises SynthError where it is damaged."""
    header_line, *lines = path.read_text(encoding="utf-8").split("\n")
    header = _header(path, header_line)
    if len(lines) != header.clips + header.refused + 1 or lines[-1]:
        raise SynthError(f"{path} is damaged: remove it and run generate again")
    return header, lines[: header.clips], lines[header.clips : -1]


def present_shards(dataset: DatasetDir) -> list[int]:
    """Numbers of the shards whose part exists, in order."""
    if not dataset.parts.is_dir():
        return []
    return sorted(int(p.stem) for p in dataset.parts.iterdir() if p.suffix == PART_SUFFIX and p.stem.isdigit())


def present_headers(dataset: DatasetDir, shards: Iterable[int] | None = None) -> Iterator[PartHeader]:
    """The headers of the parts that exist (among `shards`), in order."""
    wanted = None if shards is None else set(shards)
    for shard in present_shards(dataset):
        if wanted is None or shard in wanted:
            yield read_header(dataset.part(shard))


def open_shards(dataset: DatasetDir, shards: Sequence[int]) -> list[int]:
    """The shards that are still to be done: those without a part, and those with a time-out, to be tried again."""
    done = {header.shard for header in present_headers(dataset, shards) if not header.timeouts}
    return [shard for shard in shards if shard not in done]


def begin(dataset: DatasetDir, shards: Sequence[int]) -> None:
    """Before shards are made (again): a complete data set is no longer complete, their parts (those with a time-out)
    are void, and what a killed run left aside goes. The caller holds the lock."""
    if shards and dataset.dataset_json.exists():
        files.remove_file(dataset.dataset_json)
    for header in present_headers(dataset, shards):
        files.remove_file(dataset.part(header.shard))
    mine = {f"{shard:06d}" for shard in shards}
    for folder in sorted(dataset.temp.glob("*")):
        if folder.name.split(".")[0] in mine:
            files.remove_folder(folder)
