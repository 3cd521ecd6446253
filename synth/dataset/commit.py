"""How a shard is committed: its files first, all durable under their final names, then its part of the manifest.

A part is JSON lines: one header, then the rows of the clips made, in clip order, then one row for each refusal.
It is created only once. Two jobs that make the same shard write the same bytes, so it does not matter which one wins.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from synth import files
from synth.dataset.dataset_dir import PART_SUFFIX, DatasetDir
from synth.dataset.json_checks import count, fault, mapping_of, object_of, or_null, text
from synth.dataset.plan_header import PlanHeader
from synth.dataset.reader import DataFile
from synth.dataset.row_schema import fault_of
from synth.errors import SynthError

PART_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class PartHeader:
    """The first line of a part: what `status` needs to know without reading the rest."""

    shard: int
    clips: int  # made
    samples: int  # of the clips made
    codes: dict[str, int] = field(default_factory=dict)  # refusals by code

    @property
    def refused(self) -> int:
        """The number of refusals."""
        return sum(self.codes.values())

    @property
    def timeouts(self) -> int:
        """The number of refusals for the time limit."""
        return self.codes.get("timeout", 0)

    def to_line(self) -> str:
        """The header as JSON, without a line end."""
        fields = {"format": PART_FORMAT, "shard": self.shard, "clips": self.clips, "samples": self.samples}
        return json.dumps({**fields, "codes": dict(sorted(self.codes.items()))})


_HEADER: Final = object_of({"shard": count, "clips": count, "samples": count, "codes": mapping_of(count)})
#: The keys of a quarantine row that are read.
REFUSAL: Final = object_of({"clip_id": or_null(text), "code": text, "path": text, "message": text})


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
        if DataFile(path, dataset.path).sha256() != hashlib.sha256(data).hexdigest():
            raise SynthError(f"{path} exists with other content: another run made this shard differently") from None
    return header


def read_header(dataset: DatasetDir, shard: int) -> PartHeader:
    """The header of a part. Raises DamagedDataset."""
    file = DataFile(dataset.part(shard), dataset.path)
    for _, fields, _ in file.objects():
        return _parse_header(file, fields, shard)
    raise file.error("it is empty")


def _parse_header(file: DataFile, fields: dict[str, Any], shard: int) -> PartHeader:
    problem = fault(_HEADER, fields)
    if problem is None and fields["shard"] != shard:
        problem = f"shard is {fields['shard']}, expected {shard}"
    if problem is not None:
        raise file.error(f"not the header of a part: {problem}", 1)
    return PartHeader(shard, fields["clips"], fields["samples"], fields["codes"])


def read_part(dataset: DatasetDir, shard: int, plan: PlanHeader) -> Iterator[tuple[dict[str, Any], str, bool]]:
    """Read the rows of a part and then its refusals, one at a time.

    Yields:
        The value of a line, the line as text, and whether it is a manifest row.

    Raises:
        DamagedDataset: at the damaged line, or at the end if lines are missing.
    """
    file = DataFile(dataset.part(shard), dataset.path)
    lines = file.objects()
    header = next((_parse_header(file, fields, shard) for _, fields, _ in lines), None)
    if header is None:
        raise file.error("it is empty")
    number = 1
    for number, fields, line in lines:
        is_row = number <= header.clips + 1
        problem = _fault_of_row(fields, plan) if is_row else fault(REFUSAL, fields)
        if problem is not None or not line.endswith(b"\n"):
            raise file.error(problem or "the file is cut off inside this line", number)
        yield fields, line[:-1].decode(), is_row
    if number != header.clips + header.refused + 1:
        promised = f"{header.clips} clips and {header.refused} refusals"
        raise file.error(f"it has {number - 1} lines after its header, which promises {promised}")


def _fault_of_row(fields: dict[str, Any], plan: PlanHeader) -> str | None:
    if "pcm_sha256" not in fields:
        return "not a row of a manifest: pcm_sha256 is missing"
    if problem := fault_of(fields):
        return f"not a row of a manifest: {problem}"
    for key, names in (("split", plan.splits), ("stage", (None, *plan.stages))):
        if fields.get(key) not in names:
            return f"{key} is {fields.get(key)!r}, which the recipe does not have"
    return None


def present_shards(dataset: DatasetDir) -> list[int]:
    """Numbers of the shards whose part exists, in order."""
    if not dataset.parts.is_dir():
        return []
    stems = (path.stem for path in dataset.parts.iterdir() if path.suffix == PART_SUFFIX)
    numbers = (int(stem) for stem in stems if stem.isascii() and stem.isdecimal() and len(stem) < 12)
    return sorted(number for number in numbers if os.path.lexists(dataset.part(number)))


def present_headers(dataset: DatasetDir, shards: Iterable[int] | None = None) -> Iterator[PartHeader]:
    """The headers of the parts that exist (of these shards, or of all), in order. Raises DamagedDataset."""
    selected = None if shards is None else set(shards)
    for shard in present_shards(dataset):
        if selected is None or shard in selected:
            yield read_header(dataset, shard)


def open_shards(dataset: DatasetDir, shards: Sequence[int]) -> list[int]:
    """The shards that are still to be made: those without a part, and those with a timeout, to be tried again."""
    complete = {header.shard for header in present_headers(dataset, shards) if not header.timeouts}
    return [shard for shard in shards if shard not in complete]


def begin(dataset: DatasetDir, shards: Sequence[int]) -> None:
    """Prepare the directory for making these shards (again). The caller holds the lock.

    A complete data set is no longer complete, parts of these shards (with timeouts) are removed, and so is what a
    killed run left behind.
    """
    if shards and dataset.dataset_json.exists():
        files.remove_file(dataset.dataset_json)
    for header in present_headers(dataset, shards):
        files.remove_file(dataset.part(header.shard))
    names = {f"{shard:06d}" for shard in shards}
    for folder in sorted(dataset.temp.glob("*")):
        if folder.name.split(".")[0] in names:  # other parts of an array job may be at work on theirs
            files.remove_folder(folder)
