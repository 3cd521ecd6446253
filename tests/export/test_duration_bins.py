"""Duration bins divide the audio into equal shares."""

from __future__ import annotations

import numpy as np

from synth.export.duration_bins import duration_bins


def test_buckets_hold_about_the_same_audio() -> None:
    durations = np.random.default_rng(1).lognormal(1.0, 0.6, 5000)
    bounds = duration_bins(durations.tolist(), 10)
    assert len(bounds) == 9
    assert bounds == sorted(bounds)
    shares = np.bincount(np.searchsorted(bounds, durations, side="right"), weights=durations) / durations.sum()
    assert shares.min() > 0.09
    assert shares.max() < 0.11


def test_few_and_equal_clips_have_few_buckets() -> None:
    assert duration_bins([], 30) == []
    assert duration_bins([2.0], 30) == []
    assert duration_bins([2.0] * 100, 30) == [2.0]
