"""The noise ledger counted from the manifest rows of the clips that were really made."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from synth.plan.build import pool_of
from synth.plan.pools import Pools
from synth.recipe.model import SPLITS

BIN_SECONDS: Final = 0.1
_Key: TypeAlias = tuple[str, str, str]
_DECIMALS: Final = 4


class _Tally:
    """How often each bin of one recording's circle was used."""

    __slots__ = ("bin", "circumference", "edges", "steps", "used", "uses")

    def __init__(self, circumference: int, bin_samples: int) -> None:
        self.circumference = circumference
        self.bin = bin_samples
        count = -(-circumference // bin_samples)
        self.steps: npt.NDArray[np.int32] = np.zeros(count + 1, np.int32)  # uses that begin or end to cover a whole bin
        self.edges: npt.NDArray[np.int64] = np.zeros(count, np.int64)  # samples of bins that a use covers in part
        self.used = self.uses = 0

    def add(self, offset: int, num_samples: int) -> None:
        self.used += num_samples
        self.uses += 1
        while num_samples > 0:
            count = min(num_samples, self.circumference - offset)
            self._cover(offset, offset + count)
            offset, num_samples = 0, num_samples - count

    def _cover(self, start: int, stop: int) -> None:
        first, last = start // self.bin, (stop - 1) // self.bin
        self.steps[first] += 1
        self.steps[last + 1] -= 1
        self.edges[first] -= start - first * self.bin
        self.edges[last] -= min((last + 1) * self.bin, self.circumference) - stop

    def covered(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """(samples used, samples there are) of each bin."""
        sizes = np.full(len(self.edges), self.bin, np.int64)
        sizes[-1] = self.circumference - self.bin * (len(sizes) - 1)
        return np.cumsum(self.steps[:-1], dtype=np.int64) * sizes + self.edges, sizes


class MadeLedger:
    """Unique seconds, seconds used, reuse, effective number of recordings: by layer, pool and recording.

    Feed it the rows, then ask for `to_json`. Counted in bins of 0.1 s: of a bin, the samples used are unique up to its
    size. Reuse is used over unique; its largest value is that of the bin with the most samples used for its size.
    """

    def __init__(self, pools: Pools, *, sample_rate: int) -> None:
        self._rate = sample_rate
        self._circles = {(layer, pool, r.id): r.circle.circumference for (layer, pool), rs in pools.items() for r in rs}
        self._tallies: dict[_Key, _Tally] = {}

    def add(self, row: Mapping[str, Any]) -> None:
        """Count the noise of one manifest row."""
        pool = pool_of(SPLITS.index(row["split"]))
        for piece in row["noise"]:
            key = piece["layer"], pool, piece["recording"]
            if key not in self._tallies:
                self._tallies[key] = _Tally(self._circles[key], max(1, round(BIN_SECONDS * self._rate)))
            self._tallies[key].add(piece["offset"], piece["source_num_samples"])

    def to_json(self) -> list[dict[str, Any]]:
        """One entry a layer and pool that was used, in order of their names."""
        places = sorted({key[:2] for key in self._tallies})
        return [self._entry(layer, pool) for layer, pool in places]

    def _entry(self, layer: str, pool: str) -> dict[str, Any]:
        mine = {key[2]: tally for key, tally in sorted(self._tallies.items()) if key[:2] == (layer, pool)}
        used = sum(tally.used for tally in mine.values())
        recordings = [self._recording(name, tally) for name, tally in mine.items()]
        unique = sum(entry["unique_seconds"] for entry in recordings)
        shares = [tally.used / used for tally in mine.values()]
        return {
            "layer": layer,
            "pool": pool,
            "recordings_available": sum(1 for key in self._circles if key[:2] == (layer, pool)),
            "recordings_used": len(mine),
            "seconds_available": round(
                sum(n for k, n in self._circles.items() if k[:2] == (layer, pool)) / self._rate, _DECIMALS
            ),
            "unique_seconds": round(unique, _DECIMALS),
            "used_seconds": round(used / self._rate, _DECIMALS),
            "reuse_mean": round(used / self._rate / unique, _DECIMALS),
            "reuse_max": max(entry["reuse_max"] for entry in recordings),
            "effective_recordings": round(math.exp(-sum(p * math.log(p) for p in shares)), _DECIMALS),
            "largest_share": round(max(shares), _DECIMALS),
            "recordings": recordings,
        }

    def _recording(self, name: str, tally: _Tally) -> dict[str, Any]:
        covered, sizes = tally.covered()
        touched = int(np.minimum(covered, sizes).sum())
        return {
            "recording": name,
            "uses": tally.uses,
            "used_seconds": round(tally.used / self._rate, _DECIMALS),
            "unique_seconds": round(touched / self._rate, _DECIMALS),
            "reuse_max": round(float((covered / sizes).max()), _DECIMALS),
        }
