"""Measure a set of audio: in parallel, proof against files that kill their decoder, and remembered file by file."""

# Paths are strings here, thousands of them: to make a Path of each costs more than the call itself.
# ruff: noqa: PTH116, PTH118

from __future__ import annotations

import contextlib
import functools
import hashlib
import math
import os
import stat
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import soundfile as sf

from synth.audio.cache import Cache, cache_folder, key_of, open_cache
from synth.audio.read import count_samples, inside, path_complaint, read_header, read_samples
from synth.dsp.levels import SILENCE
from synth.errors import BadInput, UsageError
from synth.match.measure.audio_set import AudioSet, SetClip, open_set, sampled, truths
from synth.match.measure.profile import ClipProfile, Profile, is_profile, read_profile, selected
from synth.match.measure.sound_groups import join_groups
from synth.processes.isolate import Pool
from synth.text import printable
from synth.units import power_to_db

if TYPE_CHECKING:
    from synth.match.measure.snr import Calibration

Progress: TypeAlias = Callable[[str, int, int | None], None]

MAX_CLIPS = 2000
MAX_SECONDS = 600.0
"""A longer clip is no clip but a recording of a drive: a list with offsets cuts it into utterances."""
MEASURED_SAMPLES = 60 * 48_000
"""So much of a clip is measured, from its start: a minute at 48 kHz, 3 minutes at 16 kHz; its spectra take 100 MB."""

_TIMEOUT_S = 60.0
_SLOWEST = 5.0  # times real time: how long a long clip may take beyond that
_SAVE_EVERY = 200  # answers; what an interrupted run loses at most
_FRESH_NS = 2_000_000_000  # a file changed so lately may change again within the same tick of its clock
_TRANSIENT = frozenset(("timeout", "decode_crash", "missing", "changed_during_run"))
_DECIMALS = 4


@dataclass(frozen=True, slots=True)
class ProfiledSet:
    """A set, measured. `seconds`: of all clips measured; `remembered`: how many of them came from the cache."""

    profile: Profile
    seconds: float
    refused: tuple[BadInput, ...]
    remembered: int


def profile_set(
    path: Path,
    *,
    max_clips: int = MAX_CLIPS,
    jobs: int = 1,
    progress: Progress | None = None,
    group_by: str | None = None,
    calibration: Calibration | None = None,
    split: str | None = None,
    condition: str | None = None,
) -> Profile:
    """The profile of a set (`sets.open_set`), of at most `max_clips` of its clips. Errors as `measure_set`."""
    found = open_set(path, group_by=group_by, split=split, condition=condition)
    return measure_set(
        found, max_clips=max_clips, jobs=jobs, progress=progress, calibration=calibration, same_sound=True
    ).profile


def measure_set(
    found: AudioSet,
    *,
    max_clips: int | None = MAX_CLIPS,
    jobs: int = 1,
    progress: Progress | None = None,
    calibration: Calibration | None = None,
    cache: Path | None = None,
    same_sound: bool = False,
) -> ProfiledSet:
    """Measure clips of a set, chosen by a hash and evenly by group where there are more than `max_clips`.

    What was measured once is remembered in `cache` (the user's, if None) by path, size and time of change of the file,
    the part of it, and the version of the measurement: an interrupted run goes on, a second one is quick.
    `same_sound`: groups whose clips share their sound are joined (sound_groups.py).

    Raises UsageError where none of the clips can be measured.
    """
    chosen = sampled(found.clips, max_clips or len(found.clips))
    with contextlib.closing(open_cache(cache or cache_folder())) as known:
        answers, remembered = _answers(found, chosen, calibration, known, jobs, progress or _quiet)
    told = truths(found, [clip.line for clip in chosen if clip.line is not None])
    clips, refused, rates = [], list(found.refused), Counter[int]()
    kept: list[tuple[SetClip, float]] = []
    cut = [not isinstance(answer, BadInput) and answer["cut"] for answer in answers]
    for clip, answer in zip(chosen, answers, strict=True):
        if isinstance(answer, BadInput):
            refused.append(answer)
            continue
        clips.append(_clip_profile(clip, answer, told.get(clip.line) if clip.line is not None else None))
        kept.append((clip, answer["seconds"]))
        rates[answer["sample_rate"]] += 1
    if not clips:
        raise UsageError(_nothing_usable(found, refused))
    notes = [*found.notes, *_notes(found, len(chosen), refused, sum(cut))]
    seconds = [each for _, each in kept]
    if same_sound:
        joined = join_groups(
            found, [clip for clip, _ in kept], seconds, cache=cache or cache_folder(), jobs=jobs, progress=progress
        )
        clips = [replace(clip, group=printable(group)) for clip, group in zip(clips, joined.groups, strict=True)]
        notes += joined.notes
    sample_rates = {str(rate): count for rate, count in sorted(rates.items())}
    profile = Profile(found.name, str(found.root), len(found.clips), sample_rates, tuple(clips), tuple(notes))
    return ProfiledSet(profile, sum(seconds), tuple(refused), remembered)


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
        progress: called with (what, clips measured, number of clips).

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
        profile = selected(profile, indices)
    return profile


def _quiet(what: str, done: int, total: int | None) -> None:
    pass


def _clip_profile(clip: SetClip, answer: Mapping[str, Any], truth: Mapping[str, float] | None) -> ClipProfile:
    return ClipProfile(
        path=printable(clip.name),
        group=printable(clip.group),
        features=answer["features"],
        flags=tuple(answer["flags"]),
        truth=truth,
        split=clip.split,
        condition=clip.condition,
    )


def _notes(found: AudioSet, chosen: int, refused: Sequence[BadInput], cut: int) -> list[str]:
    notes = []
    if chosen < len(found.clips):
        notes.append(f"measured: {chosen} of {len(found.clips)} clips, chosen by a hash, evenly by group")
    if refused:
        codes = Counter(error.code for error in refused)
        notes.append("refused: " + ", ".join(f"{count} {code}" for code, count in sorted(codes.items())))
    if cut:
        notes.append(
            f"long clips: of {cut} only the start was measured ({MEASURED_SAMPLES:,} samples); a list with offsets "
            "cuts a recording into utterances"
        )
    if found.kind == "folder" and (found.root / "metadata.csv").is_file():
        notes.append("metadata.csv lies in the folder and was not used: name it as the set to group by its columns")
    return notes


def _nothing_usable(found: AudioSet, refused: Sequence[BadInput]) -> str:
    lines = [f"  {error}" for error in refused[:10]]
    more = [f"  and {len(refused) - 10} more"] if len(refused) > 10 else []
    return "\n".join([f"{found.name}: none of its clips can be measured", *lines, *more])


# ------------------------------------------------------------------------------------------------ from cache or worker


def _answers(
    found: AudioSet,
    chosen: Sequence[SetClip],
    calibration: Calibration | None,
    cache: Cache,
    jobs: int,
    progress: Progress,
) -> tuple[list[Any], int]:
    """What was measured of each clip, or the BadInput that refuses it; and how many were remembered."""
    answers: dict[int, Any] = {}
    keys: dict[int, bytes] = {}
    fresh: set[int] = set()
    settled_before = time.time_ns() - _FRESH_NS
    version = _version(calibration)
    for i, clip in enumerate(chosen):
        try:
            size, mtime_ns = _state(found.root, clip.path)
        except BadInput as error:
            answers[i] = error
            continue
        keys[i] = key_of(*version, _full(found.root, clip.path), size, mtime_ns, clip.offset, clip.duration)
        if mtime_ns >= settled_before:
            fresh.add(i)
    known = cache.get(list(keys.values()))
    remembered = {i: _recalled(known[key], chosen[i]) for i, key in keys.items() if key in known}
    answers.update(remembered)
    missing = [i for i in keys if i not in answers]
    _measure(found, chosen, missing, calibration, _Desk(answers, keys, fresh, cache, progress), jobs)
    return [answers[i] for i in range(len(chosen))], len(remembered)


@dataclass(frozen=True, slots=True)
class _Desk:
    answers: dict[int, Any]
    keys: Mapping[int, bytes]
    fresh: set[int]
    cache: Cache
    progress: Progress


def _measure(
    found: AudioSet,
    chosen: Sequence[SetClip],
    missing: Sequence[int],
    calibration: Calibration | None,
    desk: _Desk,
    jobs: int,
) -> None:
    tasks = [_task(found.root, chosen[i], calibration) for i in missing]
    patience = [_TIMEOUT_S + (chosen[i].duration or 0.0) / _SLOWEST for i in missing]
    kept: dict[bytes, object] = {}
    with Pool(jobs) as pool:
        try:
            for k, answer in pool.map(f"{__name__}:measure_file", tasks, timeout_s=patience):
                i = missing[k]
                desk.answers[i] = _renamed(answer, chosen[i]) if isinstance(answer, BadInput) else answer
                if i not in desk.fresh and not (isinstance(answer, BadInput) and answer.code in _TRANSIENT):
                    kept[desk.keys[i]] = _memory(answer)
                if len(kept) >= _SAVE_EVERY:
                    desk.cache.put(kept)
                    kept = {}
                desk.progress("measuring clips", len(desk.answers), len(chosen))
        finally:  # an interrupted run keeps what it has
            desk.cache.put(kept)


def _task(root: Path, clip: SetClip, calibration: Calibration | None) -> tuple[Any, ...]:
    inside_of = None if os.path.isabs(clip.path) else str(root)  # noqa: PTH117
    return _full(root, clip.path), inside_of, clip.offset, clip.duration, calibration


def _full(root: Path, path: str) -> str:
    return os.path.join(root, path)


def _state(root: Path, path: str) -> tuple[int, int]:
    """Size and time of change of a file; raises BadInput for one that must not or cannot be opened."""
    absolute = path.startswith("/")
    complaint = path_complaint(path.lstrip("/") if absolute else path)
    full = _full(root, path)
    if complaint or not (absolute or inside(os.path.dirname(full), str(root))):  # noqa: PTH120
        raise BadInput("forbidden_path", printable(path), complaint or "it leads out of the folder of its set", "scan")
    try:
        status = os.stat(full)
    except OSError as error:
        raise BadInput("missing", printable(path), f"it cannot be found: {error.strerror}", "scan") from None
    if not stat.S_ISREG(status.st_mode):
        raise BadInput("forbidden_path", printable(path), "not a regular file", "scan")
    return status.st_size, status.st_mtime_ns


def _version(calibration: Calibration | None) -> tuple[object, ...]:
    return (
        "clip features",
        _measuring(),
        sf.__libsndfile_version__,
        None if calibration is None else calibration.to_json(),
    )


@functools.cache
def _measuring() -> str:
    """A digest of the code that measures: another version of it measures anew, whether or not somebody remembered."""
    folder = Path(__file__).parent
    parts = sorted([*folder.glob("measure*.py"), *folder.glob("snr*.py"), folder / "features.py", Path(__file__)])
    return hashlib.blake2b(b"".join(part.read_bytes() for part in parts), digest_size=8).hexdigest()


def _renamed(error: BadInput, clip: SetClip) -> BadInput:
    return BadInput(error.code, printable(clip.name), error.message, "scan")


def _memory(answer: Any) -> object:
    return {"refused": [answer.code, answer.message]} if isinstance(answer, BadInput) else answer


def _recalled(memory: Any, clip: SetClip) -> Any:
    if "refused" in memory:
        code, message = memory["refused"]
        return BadInput(code, printable(clip.name), message, "scan")
    return memory


# ------------------------------------------------------------------------------------------- what runs in the worker


def measure_file(
    path: str, root: str | None, offset: float, duration: float | None, calibration: Calibration | None
) -> dict[str, Any]:
    """Features of a clip, as JSON can hold them, and `level_dbfs`, the level of all of it. Channels are averaged.

    Of a clip of more than MEASURED_SAMPLES the start is measured (`cut`); its length is that of all of it.

    Raises BadInput.
    """
    from synth.match.measure.clip import measure_clip

    header = (count_samples if duration is None else read_header)(path, root=root)
    rate, start = header.sample_rate, round(offset * header.sample_rate)
    count = max(0, header.num_samples - start) if duration is None else round(duration * rate)
    if count > MAX_SECONDS * rate:
        raise BadInput("too_long", path, f"{count / rate:.1f} s; the limit is {MAX_SECONDS:g} s")
    samples, rate = read_samples(path, offset=start, num_samples=min(count, MEASURED_SAMPLES), root=root)
    measured = measure_clip(samples, sample_rate=rate, calibration=calibration)
    power = float(np.mean(np.square(samples)))
    level = power_to_db(power) if power > SILENCE else None
    features = {**measured.features, "level_dbfs": level, "duration_s": count / rate}
    return {
        "features": {name: _rounded(value) for name, value in features.items()},
        "flags": list(measured.flags),
        "sample_rate": rate,
        "seconds": count / rate,
        "cut": count > MEASURED_SAMPLES,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(float(value), _DECIMALS)
