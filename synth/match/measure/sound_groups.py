"""Clips that share their sound belong to one group, as `synth split` has it: microphones of the same moments, copies.

Without this, a clip that is judged on could have its double among those that were fitted to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from synth.dev_test.clip_audio import hear, same_sound
from synth.dev_test.groups import Pairs, grouped
from synth.draws import uniform01
from synth.errors import BadInput
from synth.lists.audio_list import AudioRow
from synth.match.measure.audio_set import AudioSet, SetClip

MOST_SECONDS = 7200.0
"""Of all clips that are compared, so that it takes a minute at most; of more, a random part."""

CLIP_SECONDS = 300.0
"""Of a longer clip only its beginning is compared."""

_NAMED = 2


@dataclass(frozen=True, slots=True)
class SoundGroups:
    """The group of each clip, and what was done to get them."""

    groups: tuple[str, ...]
    notes: tuple[str, ...]


def join_groups(
    audio_set: AudioSet,
    clips: Sequence[SetClip],
    seconds: Sequence[float],
    *,
    cache: Path,
    jobs: int = 1,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> SoundGroups:
    """The groups of clips, joined if clips of two share 3.3 s of sound or more, or have equal samples.

    Args:
        audio_set: the set; nothing is joined in a data set of ours, whose manifest says what belongs together.
        clips: some of its clips.
        seconds: how long each is.
        cache: folder of what is remembered of files.
        jobs: worker processes.
        progress: called now and then.

    Returns:
        A name per clip: of joined groups the smallest.
    """
    if audio_set.kind == "ours" or len(clips) < 2:
        return SoundGroups(tuple(clip.group for clip in clips), ())
    chosen = _some(clips, seconds)
    rows = [_row(clips[k], seconds[k]) for k in chosen]
    answers = hear(rows, str(audio_set.root), cache=cache, prints=True, jobs=jobs, progress=progress)
    usable = [(k, answer) for k, answer in zip(chosen, answers, strict=True) if not isinstance(answer, BadInput)]
    pairs = same_sound([answer for _, answer in usable], cache)
    joined = [(usable[pair.first][0], usable[pair.second][0]) for pair in pairs]
    groups = _joined(clips, joined)
    return SoundGroups(groups, tuple(_notes(clips, groups, joined, len(chosen))))


def _row(clip: SetClip, seconds: float) -> AudioRow:
    return AudioRow(clip.path, offset=clip.offset, duration=clip.duration if seconds <= CLIP_SECONDS else CLIP_SECONDS)


def _some(clips: Sequence[SetClip], seconds: Sequence[float]) -> list[int]:
    """Clips of MOST_SECONDS together, by chance; in their order."""
    lengths = [min(each, CLIP_SECONDS) for each in seconds]
    if sum(lengths) <= MOST_SECONDS:
        return list(range(len(clips)))
    chosen, total = [], 0.0
    for k in sorted(range(len(clips)), key=lambda k: (uniform01(0, clips[k].name, "same sound"), k)):
        if total + lengths[k] <= MOST_SECONDS:
            chosen.append(k)
            total += lengths[k]
    return sorted(chosen)


def _joined(clips: Sequence[SetClip], pairs: Pairs) -> tuple[str, ...]:
    names = [clip.group for clip in clips]
    for group in grouped([(("group", clip.group),) for clip in clips], pairs):
        smallest = min(clips[k].group for k in group.members)
        for k in group.members:
            names[k] = smallest
    return tuple(names)


def _notes(clips: Sequence[SetClip], groups: Sequence[str], pairs: Pairs, compared: int) -> list[str]:
    """Those about groups name no clip: they are in the report of a fit, which may be shared."""
    notes = []
    across = [(a, b) for a, b in pairs if clips[a].group != clips[b].group]
    if across:
        share = "1 pair of clips shares its" if len(across) == 1 else f"{len(across)} pairs of clips share their"
        notes.append(
            f"groups: {len(clips)} clips in {len(set(groups))} groups: {share} sound (microphones of the same moments, "
            "or copies), and clips that share their sound are one group"
        )
        few = "; ".join(f"{clips[a].name} and {clips[b].name}" for a, b in across[:_NAMED])
        more = f"; and {len(across) - _NAMED} more pairs" if len(across) > _NAMED else ""
        notes.append(f"same sound: {few}{more}")
    if compared < len(clips):
        hours = f"{MOST_SECONDS / 3600:g} h"
        notes.append(f"groups: {compared} of {len(clips)} clips ({hours}) were compared for shared sound")
    return notes
