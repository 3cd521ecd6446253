"""The use of the noise, counted from the manifest rows of the clips that were really made."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np

from synth.dataset.manifest import is_from_file
from synth.dsp.generators import GENERATORS
from synth.plan.builder import pool_of
from synth.plan.noise_use import GrownUse, PoolUse, recording_use
from synth.plan.pools import Pools
from synth.recipe.model import SPLITS


def _numbers() -> array[int]:
    return array("q")


class RenderedLedger:
    """Feed it the rows; `to_json` has the same shape as the planned ledger. Memory: 16 bytes per noise segment."""

    def __init__(self, pools: Pools, *, sample_rate: int) -> None:
        self._pools = pools
        self._rate = sample_rate
        self._offsets: dict[tuple[str, str, str], array[int]] = defaultdict(_numbers)
        self._counts: dict[tuple[str, str, str], array[int]] = defaultdict(_numbers)
        self._synthesized: dict[tuple[str, str, str], dict[str, int]] = defaultdict(dict)

    def add(self, row: Mapping[str, Any]) -> None:
        """Count the noise of one manifest row."""
        pool = pool_of(SPLITS.index(row["split"]))
        for segment in row["noise"]:
            if is_from_file(segment):
                key = segment["layer"], pool, segment["recording"]
                self._add_recorded(key, segment["offset"], segment["source_num_samples"])
            else:
                sources = self._synthesized[segment["layer"], pool, segment["kind"]]
                sources[segment["recording"]] = sources.get(segment["recording"], 0) + segment["source_num_samples"]
        for event in row["events"]:
            source = event["source"]
            if source is not None:
                self._add_recorded(
                    (source["layer"], pool, source["recording"]), source["offset"], source["num_samples"]
                )

    def _add_recorded(self, key: tuple[str, str, str], offset: int, num_samples: int) -> None:
        self._offsets[key].append(offset)
        self._counts[key].append(num_samples)

    def used_seconds(self) -> dict[tuple[str, str, str], float]:
        """Seconds of use of each recording as it is, by layer, pool and id; needs no pools."""
        return {key: sum(counts) / self._rate for key, counts in self._counts.items()}

    def _use(self, layer: str, pool: str) -> PoolUse:
        uses = []
        for recording in self._pools[layer, pool]:
            key = layer, pool, recording.id
            offsets, counts = (
                np.frombuffer(table.get(key, _numbers()), np.int64) for table in (self._offsets, self._counts)
            )
            uses.append(recording_use(recording, offsets, counts, self._rate))
        grown = [
            GrownUse(
                method,
                generator.is_model,
                {source: n / self._rate for source, n in sorted(self._synthesized[layer, pool, method].items())},
            )
            for method, generator in GENERATORS.items()
            if (layer, pool, method) in self._synthesized
        ]
        return PoolUse.of(layer, pool, uses, grown)

    def to_json(self) -> dict[str, Any]:
        """All pools of all layers, as `Planned.ledger` gives them."""
        return {"pools": [self._use(*key).to_json() for key, members in self._pools.items() if members]}
