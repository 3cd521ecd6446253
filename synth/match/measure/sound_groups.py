"""Clips that share their sound belong to one group, as in `synth split`: microphones of the same moments, copies.

Without this, a clip that is judged on could have its double among those that were fitted to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from synth.dev_test.clip_audio import find_same_sound, measure_clips
from synth.dev_test.groups import group_clips
from synth.draws import uniform01
from synth.errors import BadInput
from synth.lists.audio_list import AudioRow
from synth.match.measure.audio_set import AudioSet, SetClip
from synth.text import listed

MAX_SECONDS = 7200.0
"""Of all clips that are compared, so that it takes a minute at most; of more, a random part."""
CLIP_SECONDS = 300.0
"""Of a longer clip only the beginning is compared."""

_MAX_NAMED = 2  # pairs of clips


@dataclass(frozen=True, slots=True)
class SoundGroups:
    """The groups of the clips."""

    groups: tuple[str, ...]  # one per clip
    notes: tuple[str, ...]  # how they were formed


def join_groups(
    audio_set: AudioSet,
    clips: Sequence[SetClip],
    seconds: Sequence[float],
    *,
    cache: Path,
    jobs: int = 1,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> SoundGroups:
    """Join the groups of clips that share 3.3 s of sound or more, or have equal samples.

    Args:
        audio_set: the set. Nothing is joined in a data set of ours, whose manifest says what belongs together.
        clips: some of its clips.
        seconds: length of each.
        cache: folder of what is remembered of files.
        jobs: worker processes.
        progress: called with (what, clips done, number of clips).

    Returns:
        The group of each clip; joined groups have the smallest of their names.
    """
    groups = [clip.group for clip in clips]
    if audio_set.kind == "ours" or len(clips) < 2:
        return SoundGroups(tuple(groups), ())
    lengths = [min(each, CLIP_SECONDS) for each in seconds]
    chosen = _choose(clips, lengths)
    rows = [
        AudioRow(
            clips[k].path,
            offset=clips[k].offset,
            duration=clips[k].duration if seconds[k] <= CLIP_SECONDS else CLIP_SECONDS,
        )
        for k in chosen
    ]
    sounds = measure_clips(rows, str(audio_set.root), cache=cache, fingerprints=True, jobs=jobs, progress=progress)
    usable = [(k, sound) for k, sound in zip(chosen, sounds, strict=True) if not isinstance(sound, BadInput)]
    alike = find_same_sound([sound for _, sound in usable], cache)
    pairs = [(usable[pair.first][0], usable[pair.second][0]) for pair in alike]
    for group in group_clips([(("group", name),) for name in groups], pairs):
        smallest = min(clips[k].group for k in group.members)
        for k in group.members:
            groups[k] = smallest
    return SoundGroups(tuple(groups), tuple(_notes(clips, groups, pairs, len(chosen))))


def _choose(clips: Sequence[SetClip], lengths: Sequence[float]) -> list[int]:
    """Indices of random clips of MAX_SECONDS together, ascending."""
    if sum(lengths) <= MAX_SECONDS:
        return list(range(len(clips)))
    chosen, total = [], 0.0
    for k in sorted(range(len(clips)), key=lambda k: (uniform01(0, clips[k].name, "same sound"), k)):
        if total + lengths[k] <= MAX_SECONDS:
            chosen.append(k)
            total += lengths[k]
    return sorted(chosen)


def _notes(
    clips: Sequence[SetClip], groups: Sequence[str], pairs: Sequence[tuple[int, int]], compared: int
) -> list[str]:
    """Notes that begin with `groups` name no clip: they are in the report of a fit, which may be shared."""
    notes = []
    across = [(a, b) for a, b in pairs if clips[a].group != clips[b].group]
    if across:
        share = "1 pair of clips shares its" if len(across) == 1 else f"{len(across)} pairs of clips share their"
        notes.append(
            f"groups: {len(clips)} clips in {len(set(groups))} groups: {share} sound (microphones of the same moments, "
            "or copies), and clips that share their sound are one group"
        )
        names = [f"{clips[a].name} and {clips[b].name}" for a, b in across]
        notes.append(f"same sound: {listed(names, _MAX_NAMED, separator='; ', noun='pairs')}")
    if compared < len(clips):
        hours = f"{MAX_SECONDS / 3600:g} h"
        notes.append(f"groups: {compared} of {len(clips)} clips ({hours}) were compared for shared sound")
    return notes
