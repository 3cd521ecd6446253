"""`--part i/n`: one job's share of the shards, so that an array job of any cluster needs no engine."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from synth.errors import UsageError


@dataclass(frozen=True, slots=True)
class Part:
    """Part `index` of `count`, 0-based. `origin` says where it comes from, for the log."""

    index: int
    count: int
    origin: str = "--part"

    def shards(self, num_shards: int) -> range:
        """The shards k with k mod count = index."""
        return range(self.index, num_shards, self.count)


def parse_part(text: str, environ: Mapping[str, str]) -> Part:
    """`3/64`, `auto`, or `auto/64` where the job array does not tell its size.

    Raises:
        UsageError: not of this form, out of range, or no array job was found in the environment.
    """
    if match := re.fullmatch(r"(\d+)/(\d+)", text):
        return _checked(int(match[1]), int(match[2]), "--part")
    if match := re.fullmatch(r"auto(?:/(\d+))?", text):
        return _detect(environ, int(match[1]) if match[1] else None)
    raise UsageError(f"--part {text!r} is not i/n (such as 0/8), auto, or auto/n")


def _checked(index: int, count: int, origin: str) -> Part:
    if count < 1 or not 0 <= index < count:
        raise UsageError(f"part {index}/{count} ({origin}): i counts from 0 to n - 1")
    return Part(index, count, origin)


def _number(environ: Mapping[str, str], name: str) -> int | None:
    value = environ.get(name, "")
    return int(value) if re.fullmatch(r"\d+", value) else None


def _stepped(environ: Mapping[str, str], *, task: str, first: str, last: str, step: str) -> tuple[int, int] | None:
    """(index, count) of an array `first-last:step`, with any first number."""
    number, low, high = (_number(environ, name) for name in (task, first, last))
    if number is None or low is None or high is None:
        return None
    stride = _number(environ, step) or 1
    return (number - low) // stride, (high - low) // stride + 1


def _slurm(environ: Mapping[str, str]) -> tuple[int, int] | None:
    found = _stepped(
        environ,
        task="SLURM_ARRAY_TASK_ID",
        first="SLURM_ARRAY_TASK_MIN",
        last="SLURM_ARRAY_TASK_MAX",
        step="SLURM_ARRAY_TASK_STEP",
    )
    count = _number(environ, "SLURM_ARRAY_TASK_COUNT")
    if found and count is not None and count != found[1]:  # such as --array=1,5,7
        raise UsageError("the Slurm array has gaps, so the part cannot be told from it: give --part i/n")
    return found


def _grid_engine(environ: Mapping[str, str]) -> tuple[int, int] | None:
    return _stepped(environ, task="SGE_TASK_ID", first="SGE_TASK_FIRST", last="SGE_TASK_LAST", step="SGE_TASK_STEPSIZE")


def _aws(environ: Mapping[str, str]) -> tuple[int, int] | None:
    index, size = _number(environ, "AWS_BATCH_JOB_ARRAY_INDEX"), _number(environ, "AWS_BATCH_JOB_ARRAY_SIZE")
    return None if index is None or size is None else (index, size)


_COMPLETE: Final[dict[str, Callable[[Mapping[str, str]], tuple[int, int] | None]]] = {
    "SLURM_ARRAY_TASK_ID": _slurm,
    "SGE_TASK_ID": _grid_engine,
    "AWS_BATCH_JOB_ARRAY_INDEX": _aws,
}
"""Job arrays that tell the task's number and the size."""

_INDEX_ONLY: Final = ("JOB_COMPLETION_INDEX", "PBS_ARRAY_INDEX", "AWS_BATCH_JOB_ARRAY_INDEX")
"""Job arrays that tell the number alone (0-based): Kubernetes indexed jobs, PBS `-J 0-7`, AWS Batch of old."""


def _detect(environ: Mapping[str, str], count: int | None) -> Part:
    for name, read in _COMPLETE.items():
        if found := read(environ):
            return _checked(found[0], found[1], name)
    for name in _INDEX_ONLY:
        index = _number(environ, name)
        if index is not None and count is not None:
            return _checked(index, count, name)
        if index is not None:
            raise UsageError(f"{name} is set, but not the number of tasks: give --part auto/n")
    names = ", ".join(dict.fromkeys((*_COMPLETE, *_INDEX_ONLY)))
    raise UsageError(f"--part auto found no array job (looked at {names})")
