"""Measure a set of audio: in parallel, safe from files that crash their decoder, and each file only once."""

# Paths are strings here, thousands of them: to make a Path of each costs more than the call itself.
# ruff: noqa: PTH118

from __future__ import annotations

import contextlib
import math
import os
import stat
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import soundfile as sf

from synth.audio.cache import cache_folder, key_of, open_cache
from synth.audio.file_identity import status_of
from synth.audio.measured import ToMeasure, measure_once
from synth.audio.read import count_samples, inside, path_complaint, read_header, read_samples
from synth.dsp.levels import SILENCE
from synth.errors import BadInput, UsageError
from synth.match.measure.audio_set import AudioSet, SetClip, open_set, sample_evenly
from synth.match.measure.clip import VERSION, measure_clip
from synth.match.measure.profile import ClipProfile, Profile, is_profile, read_profile
from synth.match.measure.sound_groups import join_groups
from synth.match.measure.truth import true_values
from synth.processes.pool import Pool
from synth.text import listed, printable
from synth.units import power_to_db

Progress: TypeAlias = Callable[[str, int, int | None], None]
"""Called with what is done, how many are done, and of how many if that is known."""

MAX_CLIPS = 2000
MAX_SECONDS = 600.0
"""A longer clip is not an utterance but a recording of a drive: a list with offsets cuts it into utterances."""
MEASURED_SAMPLES = 60 * 48_000
"""This much of a clip is measured, from its start: 1 min at 48 kHz, 3 min at 16 kHz; its spectra take 100 MB."""

_TIMEOUT_S = 60.0
_SLOWEST = 5.0  # times real time: how long a long clip may take beyond that
_DECIMALS = 4  # of a feature: finer than any tolerance, and the same on all machines


@dataclass(frozen=True, slots=True)
class ProfiledSet:
    """A measured set."""

    profile: Profile
    seconds: float  # of all measured clips
    refused: tuple[BadInput, ...]  # files and lines that could not be used
    remembered: int  # clips whose measurement came from the cache


def read_or_measure(
    path: Path,
    *,
    split: str | None = None,
    condition: str | None = None,
    max_clips: int = MAX_CLIPS,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Profile:
    """The profile at `path`, or that of the set of audio at `path`, which is measured now.

    Args:
        path: a profile, or a folder, list or data set.
        split: only clips of this split.
        condition: only clips of this condition.
        max_clips: largest number of clips to measure.
        jobs: worker processes.
        progress: see Progress.

    Raises:
        UsageError: there is no such file or set, or no such clip in it.
    """
    if not path.exists():
        raise UsageError(f"{path}: there is no such profile or set; `synth profile SET --out FILE` makes a profile")
    if not is_profile(path):
        return profile_set(path, max_clips=max_clips, jobs=jobs, progress=progress, split=split, condition=condition)
    profile = read_profile(path)
    for key, value in (("split", split), ("condition", condition)):
        if value is None:
            continue
        indices = [i for i, clip in enumerate(profile.clips) if getattr(clip, key) == value]
        if not indices:
            values = sorted({str(getattr(clip, key)) for clip in profile.clips} - {"None"})
            raise UsageError(
                f"{path}: no clip of the {key} {value!r}; there "
                + (f"are {', '.join(values)}" if values else "are none")
            )
        profile = profile.at(indices)
    return profile


def profile_set(
    path: Path,
    *,
    max_clips: int = MAX_CLIPS,
    jobs: int = 1,
    progress: Progress | None = None,
    group_by: str | None = None,
    split: str | None = None,
    condition: str | None = None,
) -> Profile:
    """The profile of a set (`open_set`). Raises as `open_set` and `measure_set`."""
    audio_set = open_set(path, group_by=group_by, split=split, condition=condition)
    return measure_set(audio_set, max_clips=max_clips, jobs=jobs, progress=progress, same_sound=True).profile


def measure_set(
    audio_set: AudioSet,
    *,
    max_clips: int | None = MAX_CLIPS,
    jobs: int = 1,
    progress: Progress | None = None,
    cache: Path | None = None,
    same_sound: bool = False,
) -> ProfiledSet:
    """Measure the clips of a set.

    A measurement is remembered by path, size and time of change of the file, the segment, and the version of what
    measures: an interrupted run continues where it stopped, and a second one is quick.

    Args:
        audio_set: the set.
        max_clips: of more clips, this many are chosen by a hash, evenly by group; None: all.
        jobs: worker processes.
        progress: see Progress.
        cache: folder of what is remembered (default: the user's).
        same_sound: join groups whose clips share their sound.

    Raises:
        UsageError: none of the clips can be measured.
    """
    chosen = sample_evenly(audio_set.clips, max_clips or len(audio_set.clips))
    answers, remembered = _measure_clips(audio_set, chosen, cache or cache_folder(), jobs, progress)
    truths = true_values(audio_set, [clip.line for clip in chosen if clip.line is not None])
    measured = [(clip, answer) for clip, answer in zip(chosen, answers, strict=True) if isinstance(answer, dict)]
    refused = [*audio_set.refused, *(answer for answer in answers if isinstance(answer, BadInput))]
    if not measured:
        reasons = listed([f"  {error}" for error in refused], 10, separator="\n")
        raise UsageError(
            "\n".join([f"{audio_set.name}: none of its clips can be measured", *([reasons] * bool(refused))])
        )
    clips = [
        ClipProfile(
            path=printable(clip.name),
            group=printable(clip.group),
            features=answer["features"],
            flags=tuple(answer["flags"]),
            truth=None if clip.line is None else truths.get(clip.line),
            split=clip.split,
            condition=clip.condition,
        )
        for clip, answer in measured
    ]
    cut = sum(answer["cut"] for _, answer in measured)
    notes = [*audio_set.notes, *_notes(audio_set, len(chosen), refused, cut)]
    seconds = [answer["seconds"] for _, answer in measured]
    if same_sound:
        joined = join_groups(
            audio_set,
            [clip for clip, _ in measured],
            seconds,
            cache=cache or cache_folder(),
            jobs=jobs,
            progress=progress,
        )
        clips = [replace(clip, group=printable(group)) for clip, group in zip(clips, joined.groups, strict=True)]
        notes += joined.notes
    rates = Counter(answer["sample_rate"] for _, answer in measured)
    profile = Profile(
        name=audio_set.name,
        root=str(audio_set.root),
        total=len(audio_set.clips),
        sample_rates={str(rate): count for rate, count in sorted(rates.items())},
        clips=tuple(clips),
        notes=tuple(notes),
    )
    return ProfiledSet(profile, sum(seconds), tuple(refused), remembered)


def _notes(audio_set: AudioSet, chosen: int, refused: Sequence[BadInput], cut: int) -> list[str]:
    notes = []
    if chosen < len(audio_set.clips):
        notes.append(f"measured: {chosen} of {len(audio_set.clips)} clips, chosen by a hash, evenly by group")
    if refused:
        codes = Counter(error.code for error in refused)
        notes.append("refused: " + ", ".join(f"{count} {code}" for code, count in sorted(codes.items())))
    if cut:
        notes.append(
            f"long clips: of {cut} only the start was measured ({MEASURED_SAMPLES:,} samples); a list with offsets "
            "cuts a recording into utterances"
        )
    if audio_set.kind == "folder" and (audio_set.root / "metadata.csv").is_file():
        notes.append("metadata.csv lies in the folder and was not used: name it as the set to group by its columns")
    return notes


def _measure_clips(
    audio_set: AudioSet, chosen: Sequence[SetClip], cache_path: Path, jobs: int, progress: Progress | None
) -> tuple[list[dict[str, Any] | BadInput], int]:
    """(measurement of each clip, or its refusal; how many came from the cache)."""
    refused: dict[int, Any] = {}
    items: dict[int, ToMeasure] = {}
    root = str(audio_set.root)
    for i, clip in enumerate(chosen):
        try:
            size, changed_ns = _file_state(root, clip.path)
        except BadInput as error:
            refused[i] = error
            continue
        full = os.path.join(root, clip.path)
        limits_to = None if os.path.isabs(clip.path) else root  # noqa: PTH117
        items[i] = ToMeasure(
            path=printable(clip.name),
            key=key_of(
                "clip features", VERSION, sf.__libsndfile_version__, full, size, changed_ns, clip.offset, clip.duration
            ),
            arguments=(full, limits_to, clip.offset, clip.duration),
            timeout_s=_TIMEOUT_S + (clip.duration or 0.0) / _SLOWEST,
            changed_ns=changed_ns,
        )
    measured = 0

    def count(answered: int) -> None:
        nonlocal measured
        measured += 1
        if progress is not None:
            progress("measuring clips", len(refused) + answered, len(chosen))

    with contextlib.closing(open_cache(cache_path)) as cache, Pool(jobs) as pool:
        answers = measure_once(items, f"{__name__}:measure_file", pool=pool, cache=cache, progress=count)
    return [(refused | answers)[i] for i in range(len(chosen))], len(items) - measured


def _file_state(root: str, path: str) -> tuple[int, int]:
    """Size in bytes and time of change in ns of a file; raises BadInput for one that must not or cannot be opened."""
    is_absolute = path.startswith("/")
    complaint = path_complaint(path.lstrip("/") if is_absolute else path)
    full = os.path.join(root, path)
    if complaint or not (is_absolute or inside(os.path.dirname(full), root)):  # noqa: PTH120
        raise BadInput("forbidden_path", printable(path), complaint or "it leads out of the folder of its set", "scan")
    try:
        status = status_of(full)
    except OSError as error:
        raise BadInput("missing", printable(path), f"it cannot be found: {error.strerror}", "scan") from None
    if not stat.S_ISREG(status.st_mode):
        raise BadInput("forbidden_path", printable(path), "not a regular file", "scan")
    return status.st_size, status.st_mtime_ns


def measure_file(path: str, root: str | None, offset: float, duration: float | None) -> dict[str, Any]:
    """Measure a clip in a file; this runs in a worker process.

    Args:
        path: of the file.
        root: folder that the file must not lead out of; None: any file.
        offset: start of the clip, seconds.
        duration: seconds; None: to the end.

    Returns:
        JSON values: `features` (those of a clip and `level_dbfs`, the level of all of it), `flags`, `sample_rate`,
        `seconds`, and `cut`: only the first MEASURED_SAMPLES were measured. Channels are averaged.

    Raises:
        BadInput: the file cannot be read, or the clip is too long.
    """
    header = (count_samples if duration is None else read_header)(path, root=root)
    rate, start = header.sample_rate, round(offset * header.sample_rate)
    count = max(0, header.num_samples - start) if duration is None else round(duration * rate)
    if count > MAX_SECONDS * rate:
        raise BadInput("too_long", path, f"{count / rate:.1f} s; the limit is {MAX_SECONDS:g} s")
    samples, rate = read_samples(path, offset=start, num_samples=min(count, MEASURED_SAMPLES), root=root)
    measured = measure_clip(samples, sample_rate=rate)
    power = float(np.mean(np.square(samples)))
    level = power_to_db(power) if power > SILENCE else None
    features = {**measured.features, "level_dbfs": level, "duration_s": count / rate}
    return {
        "features": {
            name: None if value is None or not math.isfinite(value) else round(float(value), _DECIMALS)
            for name, value in features.items()
        },
        "flags": list(measured.flags),
        "sample_rate": rate,
        "seconds": count / rate,
        "cut": count > MEASURED_SAMPLES,
    }
