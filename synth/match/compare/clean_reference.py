"""Clean speech as a reference for a comparison: how far from dev a training set without any noise would be."""

from __future__ import annotations

from pathlib import Path

from synth.dataset.dataset_dir import DatasetDir
from synth.errors import SynthError
from synth.match.measure.audio_set import AudioSet, SetClip
from synth.match.measure.profile import Profile
from synth.match.measure.profiler import Progress, measure_set
from synth.plan.unchanged import unchanged_recordings

_MAX_CLIPS = 300  # the AUC of the reference is shown with two digits; more clips would not change them


def measure_clean_speech(training: Profile, *, jobs: int = 1, progress: Progress | None = None) -> Profile | None:
    """Measure the speech that a data set of ours was made of, before anything was done to it.

    Returns:
        The profile of at most 300 recordings. None if the set is not ours, or its plan or its speech has been moved:
        nothing else depends on the reference.
    """
    try:
        sources = _speech_sources(Path(training.root))
        if sources is None:
            return None
        return measure_set(sources, max_clips=_MAX_CLIPS, jobs=jobs, progress=progress).profile
    except SynthError:
        return None


def _speech_sources(folder: Path) -> AudioSet | None:
    from synth.dataset.saved_plan import open_plan

    dataset = DatasetDir(folder)
    if not dataset.plan_folder.is_dir():
        return None
    plan = open_plan(dataset).plan
    roots = {source.name: Path(source.root) for source in plan.speech.sources}
    clips = tuple(
        SetClip(
            str(roots[recording.source] / recording.path),
            recording.speaker or recording.path,
            recording.offset / recording.sample_rate,
            recording.seconds,
            part=recording.offset > 0,
        )
        for recording, unchanged in zip(plan.speech, unchanged_recordings(plan.recipe, plan.speech), strict=True)
        if not unchanged
    )
    return AudioSet("clean sources", folder, "list", clips) if clips else None
