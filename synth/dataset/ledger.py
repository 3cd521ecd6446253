"""The noise ledger counted from the manifest rows of the clips that were really made."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np

from synth.plan.build import pool_of
from synth.plan.coverage import PoolUse, use_of
from synth.plan.pools import Pools
from synth.recipe.model import SPLITS


def _numbers() -> array[int]:
    return array("q")


class MadeLedger:
    """Feed it the rows, then ask for `to_json`: the same shape as the planned one. Memory: 16 bytes a noise piece."""

    def __init__(self, pools: Pools, *, sample_rate: int) -> None:
        self._pools = pools
        self._rate = sample_rate
        self._offsets: dict[tuple[str, str, str], array[int]] = defaultdict(_numbers)
        self._counts: dict[tuple[str, str, str], array[int]] = defaultdict(_numbers)

    def add(self, row: Mapping[str, Any]) -> None:
        """Count the noise of one manifest row."""
        pool = pool_of(SPLITS.index(row["split"]))
        for piece in row["noise"]:
            key = piece["layer"], pool, piece["recording"]
            self._offsets[key].append(piece["offset"])
            self._counts[key].append(piece["source_num_samples"])

    def _use(self, layer: str, pool: str) -> PoolUse:
        uses = []
        for recording in self._pools[layer, pool]:
            key = layer, pool, recording.id
            offsets, counts = (
                np.frombuffer(table.get(key, _numbers()), np.int64) for table in (self._offsets, self._counts)
            )
            uses.append(use_of(recording, offsets, counts, self._rate))
        return PoolUse(layer, pool, tuple(uses))

    def to_json(self) -> dict[str, Any]:
        """All pools of all layers, as `Planned.ledger` gives them."""
        return {"pools": [self._use(*key).to_json() for key, members in self._pools.items() if members]}
