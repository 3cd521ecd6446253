"""Select clips of a data set, or weight them, to match a target; the result is a manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from synth.dataset.manifest import ManifestRow, read_rows, to_line
from synth.errors import UsageError
from synth.match.measure.audio_set import AudioSet, open_set
from synth.match.measure.profile import ClipProfile, Profile, read_profile
from synth.match.measure.profiler import Progress, measure_set, read_or_measure
from synth.match.select.selection import METHODS, Selection, select_subset, weight_clips
from synth.paths import output_path

__all__ = ["select_clips"]

_KIND = "selection"
_MOST = 0.95  # of the clips: a profile that lacks a few refused clips is still a profile of the whole data set


def select_clips(
    dataset: Path,
    target: Path,
    out: Path,
    *,
    hours: float | None = None,
    weights: bool = False,
    method: str | None = None,
    seed: int = 0,
    split: str | None = None,
    profile: Path | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Selection:
    """Write a manifest of clips that are distributed as the target is: a subset, or all clips with weights.

    Paths in the manifest are absolute, so that it can lie anywhere. Measured features are compared with measured ones,
    even if the manifest knows the true values: the errors of the estimators are then the same on both sides.

    Args:
        dataset: a data set made by synth, or a manifest of one; it is not changed.
        target: the set to match, or its profile.
        out: the manifest to write.
        hours: size of the subset.
        weights: weight all clips instead of choosing a subset.
        method: one of METHODS (default: quotas for a subset, balance for weights).
        seed: random seed of the selection.
        split: use only this split (default: train, if there are several).
        profile: the profile of the data set, if there is one. Clips that it lacks are left out of a subset; weights
            need nearly all clips.
        jobs: worker processes.
        progress: called with (what, clips measured, number of clips).

    Raises:
        UsageError: no such data set, too few hours, no such method, or `out` must not be written.
        GuardError: the data set is too unlike the target; the message says what to generate.
    """
    output_path.check_file(out, _KIND, inputs=(dataset, target, profile))
    if method is not None and method not in METHODS:
        raise UsageError(f"--method {method}: there is no such method; use one of {', '.join(METHODS)}")
    if weights == (hours is not None):
        raise UsageError("give either --hours H for a subset or --weights for weights of all clips")
    if hours is not None and not (np.isfinite(hours) and hours > 0):
        raise UsageError(f"--hours {hours:g}: the number of hours must be above 0")
    target_profile = read_or_measure(target, jobs=jobs, progress=progress)
    audio_set, notes = _open_data_set(dataset, split)
    assert audio_set.manifest is not None
    output_path.check_file(out, _KIND, inputs=(audio_set.manifest,))
    if profile is None:
        measured = measure_set(audio_set, max_clips=None, jobs=jobs, progress=progress).profile
    else:
        measured = read_profile(profile)
    pool = _measured_clips(audio_set, measured, need_all=weights)
    indices, clips = list(pool), list(pool.values())
    seconds = np.array([audio_set.clips[i].duration or 0.0 for i in indices])
    if hours is None:
        selection = weight_clips(clips, target_profile.clips, seconds, method=method or "balance", seed=seed)
    else:
        selection = select_subset(
            clips, target_profile.clips, seconds, hours=hours, method=method or "quotas", seed=seed
        )
    weight_of_line = dict.fromkeys((clip.line for clip in audio_set.clips), 0.0) if weights else {}
    for i, weight in zip(indices, selection.weights.tolist(), strict=True):
        if weight or weights:
            weight_of_line[audio_set.clips[i].line] = weight
    _write_manifest(audio_set, out, weight_of_line, keep_weight=not weights)
    if lacking := len(audio_set.clips) - len(indices):
        notes = (*notes, f"{lacking} of {len(audio_set.clips)} clips are not measured and not used")
    return replace(selection, notes=(*notes, *selection.notes))


def _open_data_set(dataset: Path, split: str | None) -> tuple[AudioSet, tuple[str, ...]]:
    """The clips of a data set made by synth, and notes on which of them are used."""
    audio_set = open_set(dataset, split=split)
    if audio_set.kind != "ours":
        raise UsageError(f"{dataset}: this is not a data set made by synth; name its folder, or a manifest of it")
    splits = {clip.split for clip in audio_set.clips}
    if split is None and len(splits) > 1 and "train" in splits:
        return open_set(dataset, split="train"), ("only the split train is used (--split names another)",)
    return audio_set, ()


def _measured_clips(audio_set: AudioSet, profile: Profile, *, need_all: bool) -> dict[int, ClipProfile]:
    """Index of a clip in the set -> its profile, for the clips that the profile holds."""
    root = Path(profile.root)
    by_path = {str(root / clip.path): clip for clip in profile.clips}
    names = [str(audio_set.root / clip.name) for clip in audio_set.clips]
    measured = {i: by_path[name] for i, name in enumerate(names) if name in by_path}
    if not measured:
        raise UsageError(f"the profile {profile.name!r} holds no clip of {audio_set.name}: profile that data set")
    if need_all and profile.total > len(profile.clips) and len(measured) < _MOST * len(names):
        raise UsageError(
            f"the profile {profile.name!r} holds {len(measured)} of {len(names)} clips, but weights need all: "
            "omit --profile, or run `synth profile` with a larger --max-clips"
        )
    return measured


def _write_manifest(
    audio_set: AudioSet, out: Path, weight_of_line: Mapping[int | None, float], *, keep_weight: bool
) -> None:
    """Write the rows of the chosen lines, with the new weight or (`keep_weight`) the one that they had."""
    assert audio_set.manifest is not None
    with output_path.writing(out, _KIND) as file:
        for line, row in enumerate(read_rows(audio_set.manifest)):
            if line in weight_of_line:
                weight = row.get("weight", 1.0) if keep_weight else round(weight_of_line[line], 6)
                file.write(f"{to_line({**_with_absolute_paths(row, audio_set.root), 'weight': weight})}\n".encode())


def _with_absolute_paths(row: ManifestRow, root: Path) -> ManifestRow:
    absolute = {**row, "audio_filepath": str(root / row["audio_filepath"])}
    if isinstance(stems := row.get("stems"), dict):
        paths = {k: str(root / v) for k, v in stems.items() if v is not None and not k.endswith("_sha256")}
        absolute["stems"] = {**stems, **paths}
    return absolute
