"""Choose clips of a pool, or weight them, so that they are distributed as a target is. No files are read here.

See docs/science.md, "Selecting and weighting clips".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from synth.draws import uniform01
from synth.dsp.arrays import Indices, Matrix, Vector
from synth.errors import GuardError, UsageError
from synth.match.measure.features import BAND_NAMES, BY_NAME, FEATURES, matrix
from synth.match.measure.profile import ClipProfile
from synth.match.measure.trust import trust_in, trusted_snr
from synth.match.select.cells import Cells, make_cells, quotas
from synth.match.select.density_ratio import ratio_weights, temper
from synth.match.select.entropy_balancing import balance_evenly
from synth.match.select.weights import (
    ENOUGH,
    REFUSED,
    ClipWeights,
    bound_weights,
    draw_by_weight,
    effective_share,
    weighted_wasserstein,
    within_reach,
)
from synth.text import listed

Method: TypeAlias = Literal["quotas", "ratio", "balance"]
METHODS: tuple[str, ...] = get_args(Method)

_OTHER_FEATURES = ("fluctuation_db", "low_hz", "high_hz", "speech_tilt_db", "duration_s")
_COMPONENTS = 3  # of the noise spectrum: with SNR, level and _OTHER_FEATURES there are ten columns
_LESS_IMPORTANT = 0.4  # of _OTHER_FEATURES in balancing, against SNR, level and spectrum
_WITHIN_CELL = (1.0, 0.75, 0.5, 0.25, 0.0)  # powers of the balancing weights within a cell
_WORTH = 0.9  # of the effective share without them: what they may cost if that is below 0.3 already
_TOLERANCE_DB = 1.0  # a difference of SNR, level or a noise band that does not matter
_FEW_CLIPS = 100
_NEARLY_ALL = 0.95  # of the hours
_MAX_NAMED = 10  # cells


@dataclass(frozen=True, slots=True)
class FeatureDistance:
    """Wasserstein-1 distance of a feature from the target, on its scale of comparison. None: not measured."""

    name: str
    shown: str  # its name in reports
    unit: str
    scale: str
    tolerance: float
    before: float | None
    after: float | None


@dataclass(frozen=True, slots=True)
class MissingCell:
    """A cell of the target in which the pool has too few clips."""

    clips: int  # that are missing
    hours: float  # that are missing
    cell: dict[str, Any]  # what it stands for, as `Cells.describe` has it
    like: str  # a clip of the target in this cell

    @property
    def text(self) -> str:
        """`34 clips (0.04 h): SNR -3..1.2 dB, speech -31..-27 dBFS, noise +8 ... dB (12 bands, 73-5741 Hz); like a`."""
        snr, level, bands = (self.cell.get(name) for name in ("snr_db", "speech_dbfs", "noise_bands_db"))
        parts = []
        if "snr_db" in self.cell:
            parts.append("SNR unknown" if snr is None else f"SNR {snr[0]:g}..{snr[1]:g} dB")
        if level is not None:
            parts.append(f"speech {level[0]:g}..{level[1]:g} dBFS")
        if bands:
            hz, levels = list(bands), " ".join(f"{value:+.0f}" for value in bands.values())
            parts.append(f"noise {levels} dB ({len(hz)} bands, {hz[0]}-{hz[-1]} Hz)")
        return f"{self.clips} clips ({self.hours:.2f} h): {', '.join(parts)}; like {self.like}"


@dataclass(frozen=True, slots=True)
class Selection:
    """What to do with each clip of the pool."""

    weights: Vector  # (n,), in the order of the pool: 0 or 1 for a subset, else mean 1
    subset: bool
    method: str
    ess: float  # effective share of the weights, before a subset is drawn
    reach: float  # share of the target that the pool has something like
    share_of_hours: float  # that could be had; 1 for weights
    seconds: float  # of the selected clips
    distances: tuple[FeatureDistance, ...]
    missing: tuple[MissingCell, ...]  # the largest first
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As JSON values, without the weights."""
        return {
            "method": self.method,
            "subset": self.subset,
            "clips": int((self.weights > 0).sum()),
            "of_clips": len(self.weights),
            "hours": round(self.seconds / 3600, 4),
            "share_of_hours": round(self.share_of_hours, 4),
            "ess": round(self.ess, 4),
            "within_reach": None if np.isnan(self.reach) else round(self.reach, 4),
            "distances": [asdict(distance) for distance in self.distances],
            "to_generate": [{**asdict(cell), "text": cell.text} for cell in self.missing],
            "notes": list(self.notes),
            "warnings": list(self.warnings),
        }


def select_subset(
    pool: Sequence[ClipProfile],
    target: Sequence[ClipProfile],
    seconds: Vector,
    *,
    hours: float,
    method: str = "quotas",
    seed: int = 0,
) -> Selection:
    """Choose clips of the pool for a number of hours.

    With quotas each cell of the target gets its share of the clips, drawn at random with the weights of balancing. By
    weights, clips are drawn without replacement, and each cell gets the share of its weights.

    Args:
        pool: the clips to choose from.
        target: the clips to match.
        seconds: length of each clip of the pool, shape (n,).
        hours: how much to choose.
        method: one of METHODS.
        seed: random seed of the draw, the clusters and the folds.

    Raises:
        UsageError: the pool has fewer hours.
        GuardError: the pool is too unlike the target.
    """
    if hours * 3600 > seconds.sum():
        raise UsageError(f"--hours {hours:g}: the data set has only {seconds.sum() / 3600:.2f} h; ask for less")
    matcher = _make_matcher(pool, target, seed)
    marks = np.array([uniform01(seed, clip.path, "select") for clip in pool])
    weighted = matcher.weights_by(method, seed, soften=method != "quotas")
    in_cells = [seconds[matcher.pool_cells == cell] for cell in matcher.cell_numbers]
    mean_seconds = np.array([lengths.mean() if len(lengths) else seconds.mean() for lengths in in_cells])
    counts = quotas(matcher.shares, max(1, round(hours * 3600 / float(matcher.shares @ mean_seconds))))
    if method == "quotas":
        chosen = matcher.fill_quotas(counts, marks, weighted.weights)
    else:
        mean = float(np.average(seconds, weights=weighted.weights))
        chosen = draw_by_weight(weighted.weights, max(1, round(hours * 3600 / mean)), marks, matcher.pool_cells)
    is_chosen = np.zeros(len(pool))
    is_chosen[chosen] = 1.0
    share = min(1.0, float(seconds[chosen].sum()) / (hours * 3600))
    return matcher.result(is_chosen, seconds, weighted, method, matcher.missing(counts, seconds), share_of_hours=share)


def weight_clips(
    pool: Sequence[ClipProfile],
    target: Sequence[ClipProfile],
    seconds: Vector,
    *,
    method: str = "balance",
    seed: int = 0,
) -> Selection:
    """Weight all clips of the pool.

    Args:
        pool: the clips to weight.
        target: the clips to match.
        seconds: length of each clip of the pool, shape (n,).
        method: one of METHODS.
        seed: random seed of the clusters and the folds.

    Raises:
        GuardError: the pool is too unlike the target.
    """
    matcher = _make_matcher(pool, target, seed)
    weighted = matcher.weights_by(method, seed)
    missing = matcher.missing(quotas(matcher.shares, round(ENOUGH * len(pool))), seconds)
    return matcher.result(weighted.weights, seconds, weighted, method, missing, share_of_hours=None)


@dataclass(frozen=True, slots=True)
class _Matcher:
    """Pool and target as numbers."""

    pool: Sequence[ClipProfile]
    target: Sequence[ClipProfile]
    cells: Cells
    pool_cells: Indices  # (n,), the cell of each clip of the pool; -1 is outside
    target_cells: Indices  # (m,), the same of the target
    pool_columns: Matrix  # (n, up to 10), what weights balance
    target_columns: Matrix  # (m, up to 10)
    snr_trusted: bool

    @property
    def cell_numbers(self) -> Indices:
        """The cells in which the target has clips, ascending."""
        return np.unique(self.target_cells[self.target_cells >= 0])

    @property
    def shares(self) -> Vector:
        """The share of the target's clips in each of `cell_numbers`."""
        _, counts = np.unique(self.target_cells[self.target_cells >= 0], return_counts=True)
        return np.asarray(counts / counts.sum())

    def weights_by(self, method: str, seed: int, *, soften: bool = True) -> ClipWeights:
        """Weights by a method.

        `soften`: a subset by quotas is filled by the shares as they are, so their price is told as it is.
        """
        if method == "balance":
            return self._balance()
        if method == "ratio":
            groups = [[clip.group for clip in side] for side in (self.pool, self.target)]
            return ratio_weights(self.pool_columns, self.target_columns, *groups, seed=seed)
        weights = self._cell_weights()
        if soften:
            return temper(weights, "share of the target over that of the pool in each cell, ")
        weights = bound_weights(weights)
        text = "each cell has the target's share of the clips, balanced within it"
        return ClipWeights(weights, effective_share(weights), text)

    def _balance(self) -> ClipWeights:
        """Balancing that leaves the same share of the distance of SNR, level and first component of the spectrum."""
        count = self.pool_columns.shape[1] - len(_OTHER_FEATURES)
        tolerances = [_TOLERANCE_DB] * (2 if self.snr_trusted else 1) + [_TOLERANCE_DB * len(BAND_NAMES) ** 0.5]
        importance = [1.0] * count + [_LESS_IMPORTANT] * len(_OTHER_FEATURES)
        return balance_evenly(self.pool_columns, self.target_columns, importance, tolerances[:count])

    def _cell_weights(self) -> Vector:
        """Weights that give each cell the target's share.

        A cell is wide, so within it the weights of balancing count, as far as the effective share stays at 0.3.
        """
        balanced = self._balance().weights
        cells, counts = np.unique(self.target_cells[self.target_cells >= 0], return_counts=True)
        candidates = []
        for power in _WITHIN_CELL:
            within, weights = balanced**power, np.zeros(len(self.pool))
            for cell, count in zip(cells, counts, strict=True):
                in_cell = self.pool_cells == cell
                weights[in_cell] = count * within[in_cell] / max(float(within[in_cell].sum()), 1e-300)
            candidates.append(weights)
        shares = [effective_share(bound_weights(weights)) for weights in candidates]
        least = ENOUGH if shares[-1] >= ENOUGH else _WORTH * shares[-1]
        return next(weights for weights, share in zip(candidates, shares, strict=True) if share >= least)

    def fill_quotas(self, counts: Indices, marks: Vector, weights: Vector) -> Indices:
        """Indices of the clips of each cell with the highest marks ** (1 / weight): heavy clips are drawn sooner.

        Source: P. S. Efraimidis and P. G. Spirakis, "Weighted random sampling with a reservoir" (Information Processing
            Letters 97(5), 2006).
        """
        keys = np.log(np.maximum(marks, 1e-12)) / np.maximum(weights, 1e-12)
        chosen: list[Indices] = []
        for cell, count in zip(self.cell_numbers, counts, strict=True):
            in_cell = np.flatnonzero(self.pool_cells == cell)
            chosen.append(in_cell[np.argsort(-keys[in_cell], kind="stable")][:count])
        return np.sort(np.concatenate(chosen))

    def missing(self, counts: Indices, seconds: Vector) -> tuple[MissingCell, ...]:
        """The cells in which the pool has fewer clips than `counts`, the largest first."""
        cells = []
        for cell, count in zip(self.cell_numbers.tolist(), counts.tolist(), strict=True):
            lacking = count - int((self.pool_cells == cell).sum())
            if lacking > 0:
                like = self.target[int(np.flatnonzero(self.target_cells == cell)[0])].path
                hours = lacking * float(seconds.mean()) / 3600
                cells.append(MissingCell(lacking, hours, self.cells.describe(cell), like))
        return tuple(sorted(cells, key=lambda cell: -cell.clips))

    def result(
        self,
        weights: Vector,
        seconds: Vector,
        weighted: ClipWeights,
        method: str,
        missing: tuple[MissingCell, ...],
        *,
        share_of_hours: float | None,
    ) -> Selection:
        """The selection with its distances and warnings; raises GuardError if the pool is too unlike the target.

        `share_of_hours`: None for weights.
        """
        reach = within_reach(self.pool_columns, self.target_columns)
        price = weighted.ess if share_of_hours is None else share_of_hours
        if price < REFUSED or reach < REFUSED:
            reason = f"effective sample size {price:.3f} of its clips"
            if share_of_hours is not None:
                reason = f"{price:.1%} of the hours"
            cells = listed([f"  {cell.text}" for cell in missing], _MAX_NAMED, separator="\n", noun="cells")
            raise GuardError(
                f"the data set is too unlike the target to choose from it: {reason}, {reach:.0%} of the target within "
                f"reach (at least {REFUSED:g} of both is needed).\nFit a recipe to the target (`synth fit`) and "
                f"generate. What is missing most:\n{cells}".rstrip("\n")
            )
        pool, target = (matrix([clip.features for clip in side]) for side in (self.pool, self.target))
        distances = []
        for k, f in enumerate(FEATURES):
            both = [weighted_wasserstein(pool[:, k], w, target[:, k]) for w in (np.ones(len(pool)), weights)]
            before, after = (None if np.isnan(value) else round(value, 4) for value in both)
            distances.append(FeatureDistance(f.name, f.shown, f.unit, f.scale, round(f.tolerance, 4), before, after))
        return Selection(
            weights=weights,
            subset=share_of_hours is not None,
            method=method,
            ess=weighted.ess,
            reach=reach,
            share_of_hours=1.0 if share_of_hours is None else share_of_hours,
            seconds=float(seconds[weights > 0].sum()),
            distances=tuple(distances),
            missing=missing,
            notes=(f"{method}: {weighted.softened}",),
            warnings=tuple(self._warnings(weighted.ess, reach, share_of_hours)),
        )

    def _warnings(self, ess: float, reach: float, share_of_hours: float | None) -> list[str]:
        texts = []
        if len(self.target) < _FEW_CLIPS:
            texts.append(
                f"the target has only {len(self.target)} clips, so its own distribution is not known well; 100 or more "
                "are good"
            )
        if not self.snr_trusted:
            texts.append(
                "the SNR of the target cannot be trusted (non-stationary noise, or clips cut close): it is not matched"
            )
        if ess < ENOUGH and share_of_hours is None:
            texts.append(
                f"effective sample size {ess:.2f} of the clips: below {ENOUGH:g} a few clips count for most; "
                "generate what is listed instead"
            )
        if share_of_hours is not None and share_of_hours < _NEARLY_ALL:
            texts.append(f"only {share_of_hours:.0%} of the hours: the data set has too little that is like the target")
        if reach < 1 - ENOUGH:
            texts.append(f"the data set has nothing like {1 - reach:.0%} of the target; no weights can replace it")
        return texts


def _make_matcher(pool: Sequence[ClipProfile], target: Sequence[ClipProfile], seed: int) -> _Matcher:
    snr_trusted = trust_in(target).snr
    snrs, levels, bands, others = [], [], [], []
    for side in (pool, target):
        rows = [clip.features for clip in side]
        snr_values = [trusted_snr(clip) for clip in side]
        snrs.append(np.array([np.nan if snr is None else snr for snr in snr_values]))
        levels.append(matrix(rows, [BY_NAME["speech_dbfs"]])[:, 0])
        bands.append(matrix(rows, [BY_NAME[name] for name in BAND_NAMES]))
        others.append(matrix(rows, [BY_NAME[name] for name in _OTHER_FEATURES]))
    cells = make_cells(snrs[1] if snr_trusted else None, levels[1], bands[1], seed=seed)
    pool_cells, target_cells = (cells.cell_of(snrs[k], levels[k], bands[k]) for k in (0, 1))
    components = _spectrum_components(*bands)
    pool_columns, target_columns = (
        np.column_stack([*([snrs[k]] if snr_trusted else []), levels[k], components[k], others[k]]) for k in (0, 1)
    )
    return _Matcher(pool, target, cells, pool_cells, target_cells, pool_columns, target_columns, snr_trusted)


def _spectrum_components(pool: Matrix, target: Matrix) -> tuple[Matrix, Matrix]:
    """Noise bands on the directions in which both sides together vary most, shapes (n, up to 3) and (m, up to 3)."""
    used = np.flatnonzero(np.minimum(np.isfinite(pool).mean(axis=0), np.isfinite(target).mean(axis=0)) > 0.5)
    if not len(used):
        return np.zeros((len(pool), 0)), np.zeros((len(target), 0))
    sides = [bands[:, used] - bands[:, used].mean(axis=1, keepdims=True) for bands in (pool, target)]
    measured = [side[np.isfinite(side).all(axis=1)] for side in sides]
    middle = (measured[0].mean(axis=0) + measured[1].mean(axis=0)) / 2
    stacked = np.concatenate([(side - middle) / np.sqrt(max(1, len(side))) for side in measured])
    directions = np.linalg.svd(stacked, full_matrices=False)[2][:_COMPONENTS]
    return (sides[0] - middle) @ directions.T, (sides[1] - middle) @ directions.T
