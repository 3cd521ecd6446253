"""The level of integers is exact, and does not depend on how they come."""

from __future__ import annotations

import math

import numpy as np
import pytest

from synth.audio.pcm_level import PcmLevel


def test_blocks_give_the_same_level_as_all_at_once() -> None:
    samples = np.random.RandomState(1).randint(-32768, 32768, 10_000).astype(np.int16)
    whole, blocks = PcmLevel(), PcmLevel()
    whole.add(samples)
    for start in range(0, 10_000, 777):
        blocks.add(samples[start : start + 777])
    assert whole == blocks
    assert whole.energy == sum(int(step) ** 2 for step in samples)


def test_full_scale_is_0_dbfs_and_silence_has_no_level() -> None:
    level = PcmLevel()
    assert (level.level_dbfs, level.peak_dbfs) == (-math.inf, -math.inf)
    level.add(np.array([-32768, -32768], np.int16))
    assert (level.level_dbfs, level.peak_dbfs) == pytest.approx((0.0, 0.0), abs=1e-12)
