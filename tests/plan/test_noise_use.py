"""The ledger's arithmetic against counting one sample after the other."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.dsp.segments import Circle
from synth.plan.noise_use import PoolUse, RecordingUse, bin_use, recording_use
from synth.plan.pools import PoolRecording


def by_hand(uses: list[tuple[int, int]], circumference: int, bin_samples: int) -> list[float]:
    counts = [0] * circumference
    for offset, count in uses:
        for k in range(count):
            counts[(offset + k) % circumference] += 1
    return [float(np.mean(counts[k : k + bin_samples])) for k in range(0, circumference, bin_samples)]


@settings(max_examples=300, deadline=None)
@given(
    circumference=st.integers(1, 60),
    bin_samples=st.integers(1, 20),
    uses=st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)), max_size=8),
)
def test_use_of_bins_is_what_counting_gives(circumference: int, bin_samples: int, uses: list[tuple[int, int]]) -> None:
    """Also for uses that run round the circle several times, and for a last bin that is shorter."""
    offsets, counts = (np.array([use[i] for use in uses], np.int64) for i in range(2))
    found = bin_use(offsets, counts, circumference=circumference, bin_samples=bin_samples)
    assert found.tolist() == pytest.approx(by_hand(uses, circumference, bin_samples))


def test_no_use_is_zero_everywhere() -> None:
    none = np.array([], np.int64)
    assert bin_use(none, none, circumference=25, bin_samples=10).tolist() == [0, 0, 0]


def test_long_runs_do_not_overflow() -> None:
    """A million uses of an hour's recording at 48 kHz: sums of 10^14."""
    circumference = 3600 * 48000
    offsets = np.arange(1_000_000, dtype=np.int64) * 7_919_333 % circumference
    counts = np.full(1_000_000, 480_000, np.int64)
    found = bin_use(offsets, counts, circumference=circumference, bin_samples=4800)
    assert found.mean() == pytest.approx(1_000_000 * 480_000 / circumference)
    assert found.min() > 0


def test_use_of_a_recording() -> None:
    recording = PoolRecording(0, "r", Circle.of([(0, 1000)], crossfade=0), "g")
    use = recording_use(recording, np.array([900, 0, 50]), np.array([200, 100, 50]), 1000)
    assert (use.id, use.group, use.unique_s, use.used_s, use.uses, use.reuse_max) == ("r", "g", 1.0, 0.35, 3, 2.5)


def pool(*used: float, groups: str = "") -> PoolUse:
    names = groups or "abcdefgh"
    return PoolUse(
        "car", "train", tuple(RecordingUse(f"r{k}", names[k], 10.0, u, 1, u / 10) for k, u in enumerate(used))
    )


def test_effective_recordings_is_the_count_where_all_are_used_alike() -> None:
    assert pool(3.0, 3.0, 3.0, 3.0).effective_recordings == pytest.approx(4)


def test_effective_recordings_of_unequal_use() -> None:
    found = pool(6.0, 3.0, 1.0, 0.0)
    assert found.effective_recordings == pytest.approx(
        math.exp(-(0.6 * math.log(0.6) + 0.3 * math.log(0.3) + 0.1 * math.log(0.1)))
    )
    assert found.largest_share == pytest.approx(0.6)
    assert (found.count, found.reuse_mean, found.reuse_max) == (4, 0.25, 0.6)


def test_segments_of_one_recording_count_as_one() -> None:
    found = pool(3.0, 3.0, 3.0, 3.0, groups="aabb")
    assert found.effective_recordings == pytest.approx(2)
    assert found.largest_share == pytest.approx(0.5)
    assert found.to_json()["recordings"] == 2
    assert len(found.to_json()["by_recording"]) == 4


def test_an_unused_pool_has_no_share() -> None:
    found = pool(0.0, 0.0)
    assert (found.effective_recordings, found.largest_share, found.reuse_mean) == (0, 0, 0)
