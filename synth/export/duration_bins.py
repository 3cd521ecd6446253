"""Bins of durations for samplers that put clips of similar length into one batch (dynamic bucketing)."""

from __future__ import annotations

from collections.abc import Iterable


def duration_bins(durations: Iterable[float], buckets: int) -> list[float]:
    """Divide durations into buckets that each hold about as much audio.

    A new bucket starts at the clip after which the one before holds more than its share of the audio: the rule of
    `lhotse.dataset.sampling.dynamic_bucketing.estimate_duration_buckets` (Lhotse 1.33).

    Args:
        durations: of all clips (seconds).
        buckets: how many.

    Returns:
        The bounds between buckets (seconds, rising), at most `buckets - 1` of them.
    """
    ordered = sorted(durations)
    share = sum(ordered) / buckets
    bounds: list[float] = []
    seconds = 0.0
    for duration in ordered:
        if seconds > share:
            if not bounds or duration > bounds[-1]:
                bounds.append(duration)
            seconds = 0.0
        seconds += duration
    return bounds
