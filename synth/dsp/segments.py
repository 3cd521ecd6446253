"""A noise recording as a circle: its usable stretches joined by crossfades, the end to the start.

A clip may begin anywhere on the circle and go round it, so that all parts of a recording are used equally often.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from synth.dsp.arrays import Samples

Stretch = tuple[int, int]
"""A usable part of a recording: (start, length) in samples."""


@dataclass(frozen=True, slots=True)
class Circle:
    """Usable stretches of one recording, joined into a circle.

    Stretch j covers the circle from edges[j] on; its first `crossfade` samples are crossfaded with the last ones of the
    stretch before it (of the last stretch, for the first), so that it contributes length - crossfade samples.
    """

    stretches: tuple[Stretch, ...]
    crossfade: int  # samples
    edges: tuple[int, ...]  # where each stretch begins on the circle, samples
    circumference: int  # samples

    @classmethod
    def of(cls, stretches: Sequence[Stretch], *, crossfade: int) -> Circle:
        """Join stretches; the crossfade is at most a quarter of the shortest of them."""
        if not stretches:
            raise ValueError("a circle needs at least one stretch")
        fade = min(crossfade, min(length for _, length in stretches) // 4)
        edges, total = [], 0
        for _, length in stretches:
            edges.append(total)
            total += length - fade
        return cls(tuple(stretches), fade, tuple(edges), total)

    def runs(self, offset: int, num_samples: int) -> Iterator[tuple[int, int, int]]:
        """Yield (stretch, first sample inside it, count) of a use from `offset` on, which may go round the circle."""
        position = offset % self.circumference
        while num_samples > 0:
            j = bisect_right(self.edges, position) - 1
            inside = position - self.edges[j]
            count = min(num_samples, self.stretches[j][1] - self.crossfade - inside)
            yield j, inside, count
            num_samples -= count
            position = (position + count) % self.circumference

    def place_without_join(self, offset: int, num_samples: int) -> int | None:
        """The sample of the recording at which a use begins that runs over no join; None if it runs over one."""
        stretch, inside, count = next(self.runs(offset, num_samples), (0, 0, 0))
        if count < num_samples or inside < self.crossfade:
            return None
        return self.stretches[stretch][0] + inside


@lru_cache
def _rise(num_samples: int) -> Samples:
    """Return the rising half of an equal-power crossfade; its reverse is the falling half."""
    return np.asarray(np.sin(np.pi / 2 * (np.arange(num_samples) + 0.5) / max(1, num_samples)))


def read_circle(recording: npt.NDArray[Any], circle: Circle, *, offset: int, num_samples: int) -> Samples:
    """Read samples from a recording's circle.

    Args:
        recording: shape (n,), any number type, any scale. Of a memory map only what is used is read.
        circle: its usable stretches.
        offset: first sample, on the circle.
        num_samples: how many.

    Returns:
        float64, shape (num_samples,), in the recording's scale.
    """
    out = np.empty(num_samples)
    at = 0
    for j, inside, count in circle.runs(offset, num_samples):
        start = circle.stretches[j][0] + inside
        out[at : at + count] = recording[start : start + count]
        if inside < circle.crossfade:
            _join(out[at : at + count], recording, circle, j, inside)
        at += count
    return out


def _join(out: Samples, recording: npt.NDArray[Any], circle: Circle, j: int, inside: int) -> None:
    """Crossfade the head of stretch j (already in `out`) with the tail of the stretch before it, in place."""
    fade = circle.crossfade
    count = min(fade - inside, out.size)
    start, length = circle.stretches[j - 1]
    tail_at = start + length - fade + inside
    rise, fall = _rise(fade)[inside : inside + count], _rise(fade)[::-1][inside : inside + count]
    out[:count] = rise * out[:count] + fall * recording[tail_at : tail_at + count]


def crossfade_into(track: Samples, segment: Samples, *, at: int, fade_in: int) -> None:
    """Put a segment into a track, in place, with an equal-power crossfade to what the track already holds.

    Args:
        track: float64, shape (n,), full scale 1.0.
        segment: float64, shape (m,); what reaches beyond the track is cut off.
        at: sample of the track where it begins.
        fade_in: length of the crossfade, samples.
    """
    stop = min(track.size, at + segment.size)
    count = min(fade_in, stop - at)
    if count > 0:
        track[at : at + count] *= _rise(fade_in)[::-1][:count]
        track[at : at + count] += segment[:count] * _rise(fade_in)[:count]
    track[at + count : stop] = segment[count : stop - at]
