"""Which shards a job makes, told by --part or by the variables of an array job."""

from __future__ import annotations

import pytest

from synth.errors import UsageError
from synth.execute.array_part import ArrayPart, parse_part


def test_the_parts_share_the_shards_without_gap_or_overlap() -> None:
    shards = [shard for i in range(3) for shard in parse_part(f"{i}/3", {}).shards(8)]
    assert sorted(shards) == list(range(8))
    assert list(parse_part("1/3", {}).shards(8)) == [1, 4, 7]


SLURM = {
    "SLURM_ARRAY_TASK_ID": "7",
    "SLURM_ARRAY_TASK_MIN": "3",
    "SLURM_ARRAY_TASK_MAX": "9",
    "SLURM_ARRAY_TASK_STEP": "2",
}
SGE = {"SGE_TASK_ID": "1", "SGE_TASK_FIRST": "1", "SGE_TASK_LAST": "4", "SGE_TASK_STEPSIZE": "1"}


@pytest.mark.parametrize(
    ("text", "environ", "part"),
    [
        ("auto", {**SLURM, "SLURM_ARRAY_TASK_COUNT": "4"}, ArrayPart(2, 4, "SLURM_ARRAY_TASK_ID")),
        ("auto", SGE, ArrayPart(0, 4, "SGE_TASK_ID")),
        (
            "auto",
            {"SGE_TASK_ID": "undefined", "JOB_COMPLETION_INDEX": "", **SLURM},
            ArrayPart(2, 4, "SLURM_ARRAY_TASK_ID"),
        ),
        (
            "auto",
            {"AWS_BATCH_JOB_ARRAY_INDEX": "5", "AWS_BATCH_JOB_ARRAY_SIZE": "6"},
            ArrayPart(5, 6, "AWS_BATCH_JOB_ARRAY_INDEX"),
        ),
        ("auto/8", {"JOB_COMPLETION_INDEX": "7"}, ArrayPart(7, 8, "JOB_COMPLETION_INDEX")),
        ("auto/8", {"PBS_ARRAY_INDEX": "0"}, ArrayPart(0, 8, "PBS_ARRAY_INDEX")),
    ],
)
def test_array_jobs_are_detected(text: str, environ: dict[str, str], part: ArrayPart) -> None:
    assert parse_part(text, environ) == part


@pytest.mark.parametrize(
    ("text", "environ", "message"),
    [
        ("8/8", {}, "part 8/8 (--part): i counts from 0 to n - 1"),
        ("0/0", {}, "part 0/0 (--part): i counts from 0 to n - 1"),
        ("-1/4", {}, "--part '-1/4' is not i/n (such as 0/8), auto, or auto/n"),
        ("half", {}, "--part 'half' is not i/n (such as 0/8), auto, or auto/n"),
        ("auto/4", {"PBS_ARRAY_INDEX": "4"}, "part 4/4 (PBS_ARRAY_INDEX): i counts from 0 to n - 1"),
        (
            "auto",
            {"JOB_COMPLETION_INDEX": "1"},
            "JOB_COMPLETION_INDEX is set, but not the number of tasks: give --part auto/n",
        ),
        (
            "auto",
            {**SLURM, "SLURM_ARRAY_TASK_COUNT": "3"},
            "the Slurm array has gaps, so the number of a task does not say which part it is: give --part i/n",
        ),
        (
            "auto",
            {},
            "--part auto found no array job (looked at SLURM_ARRAY_TASK_ID, SGE_TASK_ID, AWS_BATCH_JOB_ARRAY_INDEX, "
            "JOB_COMPLETION_INDEX, PBS_ARRAY_INDEX)",
        ),
    ],
)
def test_mistakes_are_named(text: str, environ: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_part(text, environ)
    assert str(caught.value) == message
