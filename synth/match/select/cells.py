"""Cells of a target: SNR x noise spectrum x level, in which clips are counted and quotas are set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synth.dsp.analysis.bands import CENTERS_HZ
from synth.dsp.arrays import Indices, Matrix, Vector

SNR_BINS, LEVEL_BINS, SPECTRUM_CLUSTERS = 6, 5, 6
"""At most (docs/science.md, "Selecting and weighting clips")."""

_CLIPS_PER_CELL = 3.0  # of the target, on average: in emptier cells chance sets the quota
_MARGIN_DB = 1.0  # beyond the lowest and highest value of the target, and per band beyond its farthest spectrum


@dataclass(frozen=True, slots=True)
class Bins:
    """Quantile bins of one value. Unknown values have a bin of their own, the last one."""

    edges: Vector  # (bins + 1,)

    @property
    def count(self) -> int:
        """Number of bins, including that of unknown values."""
        return len(self.edges)

    def bin_of(self, values: Vector) -> Indices:
        """The bin of each of the values, shape (n,), in the unit of the edges; -1 outside the edges."""
        bins = np.searchsorted(self.edges, values, side="right") - 1
        bins[values == self.edges[-1]] = len(self.edges) - 2
        is_outside = (bins < 0) | (bins > len(self.edges) - 2)
        return np.where(np.isnan(values), len(self.edges) - 1, np.where(is_outside, -1, bins))

    def range_of(self, index: int) -> list[float] | None:
        """From and to of a bin, rounded to 0.1; None for the bin of unknown values."""
        if index >= len(self.edges) - 1:
            return None
        return [round(float(edge), 1) for edge in self.edges[index : index + 2]]


@dataclass(frozen=True, slots=True)
class SpectrumClusters:
    """Clusters of noise spectra. Clips whose spectrum is unknown have a cluster of their own, the last one."""

    centers: Matrix  # dB, (clusters, used bands)
    reach: Vector  # dB, (clusters,): how far from the center a clip of the cluster may be
    used: Indices  # which of the twelve bands

    @property
    def count(self) -> int:
        """Number of clusters, including that of unknown spectra."""
        return len(self.centers) + 1

    def cluster_of(self, bands: Matrix) -> Indices:
        """The nearest cluster of each clip, by its noise bands in dB, shape (n, 12); -1 if none is near."""
        distance = np.linalg.norm(_shape(bands, self.used)[:, None, :] - self.centers[None, :, :], axis=2)
        is_known = np.isfinite(distance).all(axis=1)
        count = len(self.centers)
        nearest = np.where(is_known, np.nan_to_num(distance, nan=np.inf).argmin(axis=1), count)
        to_nearest = distance[np.arange(len(distance)), np.minimum(nearest, count - 1)]
        return np.where(~is_known | (to_nearest <= self.reach.max()), nearest, -1)


@dataclass(frozen=True, slots=True)
class Cells:
    """A grid of cells."""

    snr: Bins | None  # None: the SNR is not to be trusted
    level: Bins
    spectra: SpectrumClusters | None  # None: too few bands were measured

    def cell_of(self, snr: Vector, level: Vector, bands: Matrix) -> Indices:
        """The cell of each clip; -1 outside all cells.

        Args:
            snr: dB, shape (n,); NaN if unknown.
            level: dBFS, shape (n,); NaN if unknown.
            bands: noise bands in dB, shape (n, 12).
        """
        axes = [(b.bin_of(values), b.count) for b, values in ((self.snr, snr), (self.level, level)) if b is not None]
        if self.spectra is not None:
            axes.append((self.spectra.cluster_of(bands), self.spectra.count))
        cell = np.zeros(len(level), np.intp)
        for index, count in axes:
            cell = np.where((cell < 0) | (index < 0), -1, cell * count + index)
        return cell

    def describe(self, cell: int) -> dict[str, Any]:
        """What a cell stands for.

        Returns:
            `snr_db` and `speech_dbfs`: [from, to], or None for unknown values. `noise_bands_db`: center of the band in
            Hz -> dB about the mean of the bands.
        """
        description: dict[str, Any] = {}
        if self.spectra is not None:
            cell, cluster = divmod(cell, self.spectra.count)
            description["noise_bands_db"] = None
            if cluster < len(self.spectra.centers):
                description["noise_bands_db"] = {
                    f"{CENTERS_HZ[band]:.0f}": round(float(level), 1)
                    for band, level in zip(self.spectra.used, self.spectra.centers[cluster], strict=True)
                }
        cell, index = divmod(cell, self.level.count)
        description["speech_dbfs"] = self.level.range_of(index)
        if self.snr is not None:
            description["snr_db"] = self.snr.range_of(cell)
        return description


def make_cells(snr: Vector | None, level: Vector, bands: Matrix, *, seed: int) -> Cells:
    """Cells for the clips of a target, about a third as many as there are clips.

    Args:
        snr: dB, shape (n,), NaN if unknown; None if the SNR is not to be trusted.
        level: dBFS, shape (n,).
        bands: noise bands in dB, shape (n, 12).
        seed: random seed of the clusters.

    Returns:
        Quantile bins of SNR (up to 6) and level (up to 5), and k-means clusters of the spectrum (up to 6).
    """
    per_axis = (len(level) / _CLIPS_PER_CELL) ** (1 / 3)
    return Cells(
        None if snr is None else _make_bins(snr, min(SNR_BINS, round(1.1 * per_axis))),
        _make_bins(level, min(LEVEL_BINS, round(per_axis))),
        _make_clusters(bands, min(SPECTRUM_CLUSTERS, int(per_axis)), seed),
    )


def quotas(shares: Sequence[float] | Vector, total: int) -> Indices:
    """Whole numbers in proportion to `shares`, shape (n,), with the sum `total`, by largest remainder.

    The first of equal remainders is rounded up.
    """
    exact = np.asarray(shares, np.float64) * total / max(float(np.sum(shares)), 1e-300)
    counts = np.floor(exact + 1e-9).astype(np.intp)
    order = np.argsort(-(exact - counts), kind="stable")
    counts[order[: total - int(counts.sum())]] += 1
    return counts


def _make_bins(values: Vector, count: int) -> Bins:
    finite = values[np.isfinite(values)]
    if not len(finite):
        return Bins(np.array([-np.inf, np.inf]))
    edges = np.unique(np.quantile(finite, np.linspace(0, 1, max(1, count) + 1)))
    if len(edges) < 2:
        edges = np.repeat(edges, 2)
    edges[0] -= _MARGIN_DB
    edges[-1] += _MARGIN_DB
    return Bins(edges)


def _make_clusters(bands: Matrix, count: int, seed: int) -> SpectrumClusters | None:
    from sklearn.cluster import KMeans

    used = np.flatnonzero(np.isfinite(bands).mean(axis=0) > 0.5)
    if len(used) < 3:
        return None
    shapes = _shape(bands, used)
    shapes = shapes[np.isfinite(shapes).all(axis=1)]
    if not len(shapes):
        return None
    count = max(1, min(count, len(np.unique(shapes, axis=0))))
    clusters = KMeans(count, n_init=10, random_state=seed).fit(shapes)
    distance = np.linalg.norm(shapes - clusters.cluster_centers_[clusters.labels_], axis=1)
    farthest = np.array([distance[clusters.labels_ == k].max() for k in range(count)])
    return SpectrumClusters(clusters.cluster_centers_, farthest + _MARGIN_DB * np.sqrt(len(used)), used)


def _shape(bands: Matrix, used: Indices) -> Matrix:
    """The used bands about their mean, dB; NaN if one of them was not measured."""
    chosen = bands[:, used]
    return np.asarray(chosen - chosen.mean(axis=1, keepdims=True))
