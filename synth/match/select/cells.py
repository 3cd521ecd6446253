"""Cells of a target set: SNR x colour of the noise x level, in which clips are counted and wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synth.dsp.analysis.bands import CENTERS_HZ
from synth.dsp.arrays import Indices, Matrix, Vector

SNR_BINS, LEVEL_BINS, COLOURS = 6, 5, 6
"""At most so many of each; chosen (docs/science.md, "Selecting and weighting clips")."""
_CLIPS_A_CELL = 3.0  # of the target, on average: in emptier cells chance says how many there are
_MARGIN_DB = 1.0  # beyond the lowest and the highest of the target, and how much the colour may differ more, each band
_UNKNOWN = -1.0

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Bins:
    """Edges of quantile bins of one value, shape (bins + 1,). What is not known has a bin of its own."""

    edges: Vector

    @property
    def count(self) -> int:
        return len(self.edges)  # one more than there are stretches: the unknown

    def of(self, values: Vector) -> Indices:
        """The bin of each value; -1 outside the target's range, the last bin for NaN."""
        place = np.searchsorted(self.edges, values, side="right") - 1
        place[values == self.edges[-1]] = len(self.edges) - 2
        outside = (place < 0) | (place > len(self.edges) - 2)
        return np.where(np.isnan(values), len(self.edges) - 1, np.where(outside, -1, place))

    def range(self, bin_: int) -> Range | None:
        known = bin_ < len(self.edges) - 1
        return (float(self.edges[bin_]), float(self.edges[bin_ + 1])) if known else None


@dataclass(frozen=True, slots=True)
class Colours:
    """Clusters of noise colour: `centres` in dB, shape (clusters, bands), and how far from its centre a clip of the
    cluster may lie. `used`: which of the twelve bands."""

    centres: Matrix
    reach: Vector
    used: Indices

    @property
    def count(self) -> int:
        return len(self.centres) + 1

    def of(self, bands: Matrix) -> Indices:
        """The nearest cluster of each clip; -1 where none is near, the last for clips whose colour is not known."""
        return _near(colour(bands, self.used), self.centres, self.reach)


@dataclass(frozen=True, slots=True)
class Cells:
    """A grid of cells. Clips are given as SNR and level in dB, shape (n,), and noise bands, shape (n, 12)."""

    snr: Bins | None
    level: Bins
    colours: Colours | None

    def of(self, snr: Vector, level: Vector, bands: Matrix) -> Indices:
        """The cell of each clip, -1 where it lies outside all of them."""
        parts = [(b.of(values), b.count) for b, values in ((self.snr, snr), (self.level, level)) if b is not None]
        if self.colours is not None:
            parts.append((self.colours.of(bands), self.colours.count))
        cell = np.zeros(len(level), np.intp)
        for place, count in parts:
            cell = np.where((cell < 0) | (place < 0), -1, cell * count + place)
        return cell

    def describe(self, cell: int) -> dict[str, Any]:
        """What a cell stands for: `snr_db`, `speech_dbfs` ([from, to], or None: not known), `noise_bands_db` (without
        their mean, by the middle of the band in Hz)."""
        told: dict[str, Any] = {}
        if self.colours is not None:
            cell, place = divmod(cell, self.colours.count)
            told["noise_bands_db"] = self._bands(place)
        cell, place = divmod(cell, self.level.count)
        told["speech_dbfs"] = _rounded(self.level.range(place))
        if self.snr is not None:
            told["snr_db"] = _rounded(self.snr.range(cell))
        return told

    def _bands(self, place: int) -> dict[str, float] | None:
        if self.colours is None or place >= len(self.colours.centres):
            return None
        centre = self.colours.centres[place]
        return {f"{CENTERS_HZ[b]:.0f}": round(float(v), 1) for b, v in zip(self.colours.used, centre, strict=True)}


def _rounded(range_: Range | None) -> list[float] | None:
    return None if range_ is None else [round(value, 1) for value in range_]


def make_cells(snr: Vector | None, level: Vector, bands: Matrix, *, seed: int) -> Cells:
    """Cells in which the clips of a target lie: quantile bins of SNR (up to six) and of level (up to five), and k-means
    clusters of colour (up to six), about a third as many as there are clips. `snr`: None where it is not trusted."""
    each = (len(level) / _CLIPS_A_CELL) ** (1 / 3)
    return Cells(
        None if snr is None else _bins(snr, min(SNR_BINS, round(1.1 * each))),
        _bins(level, min(LEVEL_BINS, round(each))),
        _colours(bands, min(COLOURS, int(each)), seed),
    )


def _bins(values: Vector, count: int) -> Bins:
    known = values[np.isfinite(values)]
    if not len(known):
        return Bins(np.array([-np.inf, np.inf]))
    edges = np.unique(np.quantile(known, np.linspace(0, 1, max(1, count) + 1)))
    if len(edges) < 2:
        edges = np.repeat(edges, 2)
    edges[0] -= _MARGIN_DB
    edges[-1] += _MARGIN_DB
    return Bins(edges)


def _colours(bands: Matrix, count: int, seed: int) -> Colours | None:
    from sklearn.cluster import KMeans

    used = np.flatnonzero(np.isfinite(bands).mean(axis=0) > 0.5)
    if len(used) < 3:
        return None
    known = colour(bands, used)
    known = known[np.isfinite(known).all(axis=1)]
    if not len(known):
        return None
    count = max(1, min(count, len(np.unique(known, axis=0))))
    found = KMeans(count, n_init=10, random_state=seed).fit(known)
    distance = np.linalg.norm(known - found.cluster_centers_[found.labels_], axis=1)
    most = np.array([distance[found.labels_ == k].max() for k in range(count)])
    return Colours(found.cluster_centers_, most + _MARGIN_DB * np.sqrt(len(used)), used)


def colour(bands: Matrix, used: Indices) -> Matrix:
    """Bands in dB less their mean, shape (n, used); NaN where one of them was not measured."""
    found = bands[:, used]
    return np.asarray(found - found.mean(axis=1, keepdims=True))


def _near(colours: Matrix, centres: Matrix, reach: Vector) -> Indices:
    distance = np.linalg.norm(colours[:, None, :] - centres[None, :, :], axis=2)
    known = np.isfinite(distance).all(axis=1)
    nearest = np.where(known, np.nan_to_num(distance, nan=np.inf).argmin(axis=1), len(centres))
    within = ~known | (distance[np.arange(len(colours)), np.minimum(nearest, len(centres) - 1)] <= reach.max())
    return np.where(within, nearest, -1)


def quotas(shares: Sequence[float] | Vector, total: int) -> Indices:
    """Whole numbers in proportion to `shares` with this sum, by largest remainder (the first where they tie)."""
    exact = np.asarray(shares, np.float64) * total / max(float(np.sum(shares)), 1e-300)
    found = np.floor(exact + 1e-9).astype(np.intp)
    order = np.argsort(-(exact - found), kind="stable")
    found[order[: total - int(found.sum())]] += 1
    return found
