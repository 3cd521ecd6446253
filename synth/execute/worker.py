"""Makes one shard: reads, renders and encodes its clips, and commits all of it at the end.

A shard is a fixed range of clips. The same shard gives the same bytes in any process, at any time, after anything that
happened before. Nothing of a shard is visible before its files are complete, and it is done exactly when its part
exists.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from typing import Any

from synth import files
from synth.dataset.commit import commit_part
from synth.errors import BadInput
from synth.execute.clip_maker import ClipMaker, EncodedClip, open_clip_maker
from synth.execute.shard import Failure, ShardResult
from synth.execute.shard_output import LooseFiles, ShardOutput, ShardTars
from synth.render.progress import NoProgress, ProgressReporter


def run_shard(
    dataset_dir: str | os.PathLike[str],
    shard: int,
    failures: Mapping[int, Failure] | None = None,
    progress: ProgressReporter | None = None,
) -> ShardResult:
    """Make a shard and publish it; if it is done already, this gives the same bytes again.

    Args:
        dataset_dir: a directory with a saved plan.
        shard: its number.
        failures: clips, by index, that kill or block their process: they are refused untried.
        progress: is called with what is being done.

    Raises:
        StorageError: the disk is full, or broken.
        SynthError: the plan or the noise cache is gone, or another run made this shard differently.
    """
    maker, progress = open_clip_maker(dataset_dir), progress or NoProgress()
    clips = maker.plan.shard(shard)
    rows: list[str] = []
    refusals: list[dict[str, Any]] = []
    samples = 0
    # A folder of this process alone: what a killed process leaves is cleared when the next run starts.
    folder = maker.dataset.temp / f"{shard:06d}.{socket.gethostname()}.{os.getpid()}"
    with files.Staging(folder) as staging:
        output: ShardOutput
        if maker.plan.recipe.output.layout == "tar":
            output = ShardTars(maker.dataset, shard, staging)
        else:
            output = LooseFiles(maker.dataset, staging)
        for index, result in _try_clips(maker, clips, failures or {}, progress, output):
            if isinstance(result, BadInput):
                refusals.append(maker.refusal(index, result))
                continue
            output.add(result)
            rows.append(result.line)
            samples += result.row["num_samples"]
            progress.count_clip(result.row["duration"])
        progress.report(clips.start, "commit")
        output.publish()
        header = commit_part(maker.dataset, shard, rows=rows, samples=samples, refusals=refusals)
    return ShardResult(shard, header.clips, header.refused, samples / maker.header.sample_rate, header.timeouts)


def _try_clips(
    maker: ClipMaker,
    clips: range,
    failures: Mapping[int, Failure],
    progress: ProgressReporter,
    output: ShardOutput,
) -> Iterator[tuple[int, EncodedClip | BadInput]]:
    """(index, the finished clip, or why it cannot be made) of each clip."""
    recordings = maker.plan.clips["recording"]
    unreadable = maker.unreadable_recordings({clip: f for clip, f in failures.items() if clip in clips})
    for index in clips:
        failure = failures.get(index) or unreadable.get(int(recordings[index]))
        try:
            if failure is not None:
                raise BadInput(failure.code, "", failure.message)
            yield index, maker.make(index, progress, next_offset=output.next_offset)
        except BadInput as error:
            yield index, error
