"""Measure a set of audio and write its profile."""

from __future__ import annotations

from pathlib import Path

from synth.match.measure.audio_set import open_set
from synth.match.measure.profile import write_profile
from synth.match.measure.profiler import MAX_CLIPS, ProfiledSet, Progress, measure_set
from synth.paths import output_path

__all__ = ["profile_to"]


def profile_to(
    path: Path,
    out: Path,
    *,
    max_clips: int = MAX_CLIPS,
    group_by: str | None = None,
    split: str | None = None,
    condition: str | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
) -> ProfiledSet:
    """Measure a set and write its profile to `out`.

    Args:
        path: a folder of audio, a list (CSV, TSV, JSON lines) or a data set.
        out: the profile to write.
        max_clips: largest number of clips to measure.
        group_by: column that defines the groups, or `folder`, `file` or `speaker`.
        split: use only clips of this split.
        condition: use only clips of this condition.
        jobs: worker processes.
        progress: called with (what, clips measured, number of clips).

    Raises:
        UsageError: there is no such set, nothing in it can be measured, or `out` must not be written.
    """
    output_path.check_file(out, "profile", inputs=(path,))
    audio_set = open_set(path, group_by=group_by, split=split, condition=condition)
    profiled = measure_set(audio_set, max_clips=max_clips, jobs=jobs, progress=progress, same_sound=True)
    write_profile(profiled.profile, out)
    return profiled
