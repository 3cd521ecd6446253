"""Clips of `synth.open_plan` from worker processes, against the files of a data set."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

import synth
from tests.helpers import rows_of


def rendered(job: tuple[synth.OpenPlan, int]) -> tuple[int, int, npt.NDArray[np.int16], npt.NDArray[np.float32], str]:
    plan, index = job
    row = plan[index]
    return os.getpid(), index, row.pcm(), row.audio(), row.id


def in_processes(plan: synth.OpenPlan, method: str, count: int) -> list[Any]:
    with multiprocessing.get_context(method).Pool(count) as pool:
        return pool.map(rendered, [(plan, i) for i in range(len(plan))], chunksize=1)


def check_equal(plan: synth.OpenPlan, out: Path, answers: list[Any]) -> None:
    rows = rows_of(out / "manifest.jsonl")
    assert len(rows) == len(plan) == len(answers) > 3
    for row, (_, index, pcm, audio, clip) in zip(rows, answers, strict=True):
        written, _ = soundfile.read(out / row["audio_filepath"], dtype="int16")
        assert (clip, index) == (row["id"], rows.index(row))
        assert pcm.dtype == np.int16 and np.array_equal(pcm, written)
        assert audio.dtype == np.float32 and np.array_equal(audio * np.float32(32768), written.astype(np.float32))
