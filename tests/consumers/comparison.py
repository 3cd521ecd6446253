"""Compares what a reader prints with the rows of the manifest."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Row = dict[str, Any]
Clip = dict[str, Any]


def same_audio(
    clips: Iterable[Clip], rows: Iterable[Row], *, in_order: bool = True, lossy: bool = False
) -> list[tuple[Clip, Row]]:
    """Check that the clips are exactly those of the rows, with the same samples; return them in pairs.

    Samples are compared by the hash that the manifest holds; the reader decoded them itself. Those of a lossy codec are
    no multiples of 1 / 32768, and are rounded.
    """
    clips, rows = list(clips), list(rows)
    if not in_order:
        clips, rows = (sorted(each, key=lambda item: item["id"]) for each in (clips, rows))
    assert [clip["id"] for clip in clips] == [row["id"] for row in rows]
    pairs = list(zip(clips, rows, strict=True))
    assert [
        row["id"]
        for clip, row in pairs
        if (clip["pcm_sha256"], clip["num_samples"], clip["sampling_rate"])
        != (row["pcm_sha256"], row["num_samples"], row["sampling_rate"])
    ] == []
    assert lossy or all(clip["exact"] for clip in clips)
    return pairs


def differing(
    pairs: Iterable[tuple[Clip, Row]], of_clip: Callable[[Clip], Any], of_row: Callable[[Row], Any]
) -> list[tuple[str, Any, Any]]:
    """Clips of which a reader says something else than the manifest: id, what it says, what the manifest says."""
    return [(row["id"], of_clip(clip), of_row(row)) for clip, row in pairs if of_clip(clip) != of_row(row)]


#: What an archive changes in the row of a clip: where its files are.
PLACES = ("audio_filepath", "stems", "shard_id", "tar_offset")


def without_places(row: Row) -> Row:
    """A row without where its files are."""
    return {name: value for name, value in row.items() if name not in PLACES}
