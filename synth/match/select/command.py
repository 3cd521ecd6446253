"""Choose clips of a data set, or weigh them, so that they are distributed as a target set is: a manifest is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from synth.dataset.manifest import ManifestRow, read_rows, to_line
from synth.errors import UsageError
from synth.match.measure.audio_set import AudioSet, open_set
from synth.match.measure.profile import ClipProfile, Profile
from synth.match.measure.profile_set import Progress, measure_set
from synth.match.select.choice import METHODS, Chosen, subset, weigh
from synth.paths import output_path

_MOSTLY = 0.95  # of the clips: a few refused ones are no reason to profile anew


def select(
    dataset: Path,
    target: Profile,
    out: Path,
    *,
    hours: float | None = None,
    weights: bool = False,
    method: str | None = None,
    seed: int = 0,
    split: str | None = None,
    profile: Profile | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Chosen:
    """Write a manifest of a subset of `hours` (quotas unless `method` says else), or, with `weights`, of all clips with
    weights (entropy balancing unless `method` says else), that is distributed as `target`.

    `dataset`: a data set of ours or a manifest of it; it is not written to. Paths in `out` are absolute, so that they
    hold wherever it lies. Measured features are compared with measured ones, also where the manifest knows the truth:
    the estimator's errors are then the same on both sides. `profile`: of the data set, where there is one already;
    clips that it does not hold are left out (a subset), or refused (weights). Without `split` only train is used
    where there are several.

    Raises:
        UsageError: no such data set, hours that are not there, a method that does not exist, `out` must not be written.
        GuardError: the data set is too unlike the target; says what would have to be generated.
    """
    _check_asked(hours, weights, method)
    output_path.check_file(out, "selection", inputs=(dataset,))
    found, note = _of_ours(dataset, split)
    output_path.check_file(out, "selection", inputs=(found.manifest,))
    measured = profile or measure_set(found, max_clips=None, jobs=jobs, progress=progress).profile
    pool, places = _clips_of(found, measured, all_needed=weights)
    seconds = np.array([found.clips[i].duration or 0.0 for i in places])
    if weights:
        chosen = weigh(pool, target.clips, seconds, method=method or "balance", seed=seed)
    else:
        chosen = subset(pool, target.clips, seconds, hours=hours or 0.0, method=method or "quotas", seed=seed)
    of_line = dict.fromkeys((clip.line for clip in found.clips), 0.0) if weights else {}
    of_line.update(
        (found.clips[i].line, w) for i, w in zip(places, chosen.weights.tolist(), strict=True) if w or weights
    )
    _write(found, out, of_line, keep_weight=not weights)
    return replace(chosen, notes=(*note, *_unmeasured(found, places), *chosen.notes))


def _check_asked(hours: float | None, weights: bool, method: str | None) -> None:
    if method is not None and method not in METHODS:
        raise UsageError(f"there is no method {method!r}; there are {', '.join(METHODS)}")
    if weights == (hours is not None):
        raise UsageError("give --hours H for a subset, or --weights for weights of all clips: one of the two")
    if hours is not None and not (np.isfinite(hours) and hours > 0):
        raise UsageError(f"hours must be a number above 0, not {hours:g}")


def _of_ours(dataset: Path, split: str | None) -> tuple[AudioSet, tuple[str, ...]]:
    found = open_set(dataset, split=split)
    if found.kind != "ours":
        raise UsageError(f"{dataset} is no data set that synth made: name its folder, or a manifest of it")
    splits = {clip.split for clip in found.clips}
    if split is None and len(splits) > 1 and "train" in splits:
        return open_set(dataset, split="train"), ("only the split train is used (--split names another)",)
    return found, ()


def _clips_of(found: AudioSet, profile: Profile, *, all_needed: bool) -> tuple[list[ClipProfile], list[int]]:
    """The measured clips of a set, and their places in it."""
    root = Path(profile.root)
    by_path = {str(root / clip.path): clip for clip in profile.clips}
    names = [str(found.root / clip.name) for clip in found.clips]
    places = [i for i, name in enumerate(names) if name in by_path]
    if not places:
        raise UsageError(f"the profile {profile.name!r} holds no clip of {found.name}: profile that data set")
    if all_needed and profile.total > len(profile.clips) and len(places) < _MOSTLY * len(found.clips):
        raise UsageError(
            f"the profile {profile.name!r} holds {len(places)} of {len(found.clips)} clips, weights need all: "
            "leave it out, or `synth profile` with a larger --max-clips"
        )
    return [by_path[names[i]] for i in places], places


def _unmeasured(found: AudioSet, places: Sequence[int]) -> list[str]:
    lacking = len(found.clips) - len(places)
    return [f"{lacking} of {len(found.clips)} clips are not measured and not used"] if lacking else []


def _write(found: AudioSet, out: Path, weight_of: Mapping[int | None, float], *, keep_weight: bool) -> None:
    assert found.manifest is not None
    with output_path.writing(out, "selection") as file:
        for line, row in enumerate(read_rows(found.manifest)):
            if line in weight_of:
                weight = row.get("weight", 1.0) if keep_weight else round(weight_of[line], 6)
                file.write(f"{to_line({**_absolute(row, found.root), 'weight': weight})}\n".encode())


def _absolute(row: ManifestRow, root: Path) -> ManifestRow:
    """The row with the paths of its files absolute (`os.path.join` leaves those that are)."""
    found = {**row, "audio_filepath": str(root / row["audio_filepath"])}
    if isinstance(stems := row.get("stems"), dict):
        paths = {k: str(root / v) for k, v in stems.items() if v is not None and not k.endswith("_sha256")}
        found["stems"] = {**stems, **paths}
    return found
