"""`--part i/n`: one job's share of the shards, so that an array job of any cluster needs no engine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from synth.errors import UsageError

#: Job arrays `first-last:step`, with any first number: the variables of the task's number, of first, last and step.
_STEPPED_ARRAYS: Final = (
    ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX", "SLURM_ARRAY_TASK_STEP"),
    ("SGE_TASK_ID", "SGE_TASK_FIRST", "SGE_TASK_LAST", "SGE_TASK_STEPSIZE"),
)
_SLURM_SIZE: Final = "SLURM_ARRAY_TASK_COUNT"
_AWS_INDEX: Final = "AWS_BATCH_JOB_ARRAY_INDEX"
_AWS_SIZE: Final = "AWS_BATCH_JOB_ARRAY_SIZE"
#: Job arrays that give the number alone (from 0): Kubernetes indexed jobs, PBS `-J 0-7`, older AWS Batch.
_INDEX_ONLY: Final = ("JOB_COMPLETION_INDEX", "PBS_ARRAY_INDEX", _AWS_INDEX)


@dataclass(frozen=True, slots=True)
class ArrayPart:
    """One job's share of the shards."""

    index: int  # from 0
    count: int  # of jobs
    origin: str = "--part"  # where the numbers come from, for the log

    def shards(self, num_shards: int) -> range:
        """The shards k with k mod count = index."""
        return range(self.index, num_shards, self.count)


def parse_part(text: str, environ: Mapping[str, str]) -> ArrayPart:
    """Parse `3/64`, `auto`, or `auto/64` if the job array does not give its size.

    Raises:
        UsageError: not of this form, out of range, or no array job was found in the environment.
    """
    if match := re.fullmatch(r"(\d+)/(\d+)", text):
        return _make_part(int(match[1]), int(match[2]), "--part")
    if match := re.fullmatch(r"auto(?:/(\d+))?", text):
        return _detect(environ, int(match[1]) if match[1] else None)
    raise UsageError(f"--part {text!r} is not i/n (such as 0/8), auto, or auto/n")


def _make_part(index: int, count: int, origin: str) -> ArrayPart:
    if count < 1 or not 0 <= index < count:
        raise UsageError(f"part {index}/{count} ({origin}): i counts from 0 to n - 1")
    return ArrayPart(index, count, origin)


def _detect(environ: Mapping[str, str], count: int | None) -> ArrayPart:
    """The part of the array job that this process is a task of; `count` is that of `auto/n`."""
    numbers = {name: int(value) for name, value in environ.items() if re.fullmatch(r"[0-9]{1,18}", value)}
    for task, first, last, step in _STEPPED_ARRAYS:
        if task in numbers and first in numbers and last in numbers:
            stride = numbers.get(step) or 1
            size = (numbers[last] - numbers[first]) // stride + 1
            if task.startswith("SLURM") and numbers.get(_SLURM_SIZE, size) != size:  # such as --array=1,5,7
                raise UsageError(
                    "the Slurm array has gaps, so the number of a task does not say which part it is: give --part i/n"
                )
            return _make_part((numbers[task] - numbers[first]) // stride, size, task)
    if _AWS_INDEX in numbers and _AWS_SIZE in numbers:
        return _make_part(numbers[_AWS_INDEX], numbers[_AWS_SIZE], _AWS_INDEX)
    index_name = next((name for name in _INDEX_ONLY if name in numbers), None)
    if index_name is None:
        names = ", ".join(dict.fromkeys((*(array[0] for array in _STEPPED_ARRAYS), _AWS_INDEX, *_INDEX_ONLY)))
        raise UsageError(f"--part auto found no array job (looked at {names})")
    if count is None:
        raise UsageError(f"{index_name} is set, but not the number of tasks: give --part auto/n")
    return _make_part(numbers[index_name], count, index_name)
