"""Compare a training set with real audio, and write the page of the comparison."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from synth.match.compare.analysis import compare
from synth.match.compare.clean_reference import measure_clean_speech
from synth.match.compare.result import Comparison
from synth.match.measure.profiler import MAX_CLIPS, Progress, read_or_measure
from synth.report.page import check_page, write_page

__all__ = ["compare_sets"]


def compare_sets(
    training: Path,
    dev: Path,
    *,
    clean: Path | None = None,
    split: str | None = None,
    condition: str | None = None,
    html: Path | None = None,
    max_clips: int = MAX_CLIPS,
    seed: int = 0,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Comparison:
    """Compare a training set with a dev set; each is a set of audio, or its profile.

    Args:
        training: the training set.
        dev: real audio of the target.
        clean: clean speech for comparison (default: the speech that a training set of ours was made of).
        split: use only this split of the training set.
        condition: use only this condition of the training set.
        html: the page to write, with players for the clips that matter most.
        max_clips: largest number of clips to measure per set.
        seed: random seed of the splits into halves and folds.
        jobs: worker processes.
        progress: called with (what, clips measured, number of clips).

    Raises:
        UsageError: there is no such set, it holds no clip to measure, or `html` must not be written.
    """
    if html is not None:
        check_page(html, inputs=(training, dev, clean))
    measure = partial(read_or_measure, max_clips=max_clips, jobs=jobs, progress=progress)
    training_profile, dev_profile = measure(training, split=split, condition=condition), measure(dev)
    if clean is None:
        clean_profile = measure_clean_speech(training_profile, jobs=jobs, progress=progress)
    else:
        clean_profile = measure(clean)
    comparison = compare(training_profile, dev_profile, clean=clean_profile, seed=seed)
    if html is not None:
        from synth.report.clip_card import sound_of
        from synth.report.compare_page import compare_page

        sounds = {"training": partial(sound_of, training_profile.root), "dev": partial(sound_of, dev_profile.root)}
        write_page(html, compare_page(comparison.to_json(), **sounds))
    return comparison
