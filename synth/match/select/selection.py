"""Which clips of a pool, or which weights, make it distributed like a target; no files here.

Methods and sources: docs/science.md, "Selecting and weighting clips".
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
from synth.match.select.weights import (
    ENOUGH,
    REFUSED,
    Weighted,
    clipped,
    drawn_by_weight,
    effective_share,
    evenly_balanced,
    ratio_weights,
    tempered,
    weighted_wasserstein,
    within_reach,
)

Method: TypeAlias = Literal["quotas", "ratio", "balance"]
METHODS: tuple[str, ...] = get_args(Method)

_COMPARED = ("fluctuation_db", "low_hz", "high_hz", "speech_tilt_db", "duration_s")
_COLOURS = 3  # principal components: with SNR, level and _COMPARED there are ten columns
_LESS = 0.4  # importance of those in balancing, against SNR, level and colour (our own choice)
_WITHIN = (1.0, 0.75, 0.5, 0.25, 0.0)  # powers of the balancing weights within a cell
_WORTH = 0.9  # of the effective share without them: what they may cost where that is below 0.3 already
_TOLERANCE_DB = 1.0  # a difference of SNR, level or each noise band that does not matter
_FEW = 100
_MOSTLY = 0.95  # of the hours asked for


@dataclass(frozen=True, slots=True)
class Distance:
    """Wasserstein-1 distance of a feature from the target before and after, on its scale of comparison."""

    name: str
    shown: str
    unit: str
    scale: str
    tolerance: float
    before: float | None
    after: float | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A cell of the target in which the pool has too few clips. `like`: a clip of the target that lies in it."""

    clips: int
    hours: float
    cell: dict[str, Any]
    like: str


@dataclass(frozen=True, slots=True)
class Selection:
    """What to do with each clip of the pool, in its order.

    `weights`: shape (n,): 0 or 1 for a subset, else mean 1. `ess`: effective share of the weights by the method,
    before a subset is drawn. `reach`: share of the target that the pool has something like. `got`: share of the hours
    asked for that could be had (1 for weights).
    """

    weights: Vector
    subset: bool
    method: str
    ess: float
    reach: float
    got: float
    seconds: float
    distances: tuple[Distance, ...]
    wanted: tuple[Wanted, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """All of it but the weights themselves."""
        return {
            "method": self.method,
            "subset": self.subset,
            "clips": int((self.weights > 0).sum()),
            "of_clips": len(self.weights),
            "hours": round(self.seconds / 3600, 4),
            "share_of_hours": round(self.got, 4),
            "ess": round(self.ess, 4),
            "within_reach": None if np.isnan(self.reach) else round(self.reach, 4),
            "distances": [asdict(distance) for distance in self.distances],
            "to_generate": [{**asdict(wanted), "text": wanted_text(wanted)} for wanted in self.wanted],
            "notes": list(self.notes),
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True, slots=True)
class _Sides:
    """Pool and target as numbers. `pool_cells`, `target_cells`: -1 is outside. `columns`: of both, for weights."""

    pool: Sequence[ClipProfile]
    target: Sequence[ClipProfile]
    cells: Cells
    pool_cells: Indices
    target_cells: Indices
    columns: tuple[Matrix, Matrix]
    snr_trusted: bool


# -------------------------------------------------------------------------------------------------------- the choice


def select_subset(
    pool: Sequence[ClipProfile],
    target: Sequence[ClipProfile],
    seconds: Vector,
    *,
    hours: float,
    method: str = "quotas",
    seed: int = 0,
) -> Selection:
    """Clips of the pool, each of `seconds`, for `hours`. With quotas: each cell of the target (SNR x colour of the
    noise x level) gets its share of the clips, filled at random by a keyed hash, in each those first that balancing
    makes heavy. By weights: drawn by them without replacement, each cell its share.

    Raises UsageError, GuardError as `select`.
    """
    if hours * 3600 > seconds.sum():
        raise UsageError(f"{hours:g} h are asked for, the data set has {seconds.sum() / 3600:.2f} h")
    sides = _sides(pool, target, seed)
    marks = np.array([uniform01(seed, clip.path, "select") for clip in pool])
    weighted = _weighted(sides, method, seed, soften=method != "quotas")
    shares, length = _shares(sides), _mean_seconds(sides, seconds)
    count = max(1, round(hours * 3600 / float(shares @ length)))
    wanted_of = quotas(shares, count)
    if method == "quotas":
        taken = _filled(sides, wanted_of, marks, weighted.weights)
    else:
        count = max(1, round(hours * 3600 / float(np.average(seconds, weights=weighted.weights))))
        taken = drawn_by_weight(weighted.weights, count, marks, sides.pool_cells)
    keep = np.zeros(len(pool))
    keep[taken] = 1.0
    got = min(1.0, float(seconds[taken].sum()) / (hours * 3600))
    return _checked(sides, keep, seconds, weighted, method, wanted=_wanted(sides, wanted_of, seconds), got=got)


def weight_clips(
    pool: Sequence[ClipProfile],
    target: Sequence[ClipProfile],
    seconds: Vector,
    *,
    method: str = "balance",
    seed: int = 0,
) -> Selection:
    """Weights for all clips of the pool. Raises GuardError as `select`."""
    sides = _sides(pool, target, seed)
    weighted = _weighted(sides, method, seed)
    needed = quotas(_shares(sides), round(ENOUGH * len(pool)))
    return _checked(
        sides, weighted.weights, seconds, weighted, method, wanted=_wanted(sides, needed, seconds), got=None
    )


def _sides(pool: Sequence[ClipProfile], target: Sequence[ClipProfile], seed: int) -> _Sides:
    trusted = trust_in(target).snr
    values = [_values(clips) for clips in (pool, target)]
    (pool_snr, pool_level, pool_bands), (snr, level, bands) = values
    cells = make_cells(snr if trusted else None, level, bands, seed=seed)
    return _Sides(
        pool,
        target,
        cells,
        cells.of(pool_snr, pool_level, pool_bands),
        cells.of(snr, level, bands),
        _columns(pool, target, trusted=trusted),
        trusted,
    )


def _values(clips: Sequence[ClipProfile]) -> tuple[Vector, Vector, Matrix]:
    """SNR (NaN where it is flagged), speech level and noise bands of clips."""
    snr = np.array([np.nan if (value := trusted_snr(clip)) is None else value for clip in clips])
    rows = [clip.features for clip in clips]
    level = matrix(rows, [BY_NAME["speech_dbfs"]])[:, 0]
    return snr, level, matrix(rows, [BY_NAME[name] for name in BAND_NAMES])


def _columns(pool: Sequence[ClipProfile], target: Sequence[ClipProfile], *, trusted: bool) -> tuple[Matrix, Matrix]:
    """At most ten columns: SNR, speech level, three components of the noise's colour, and _COMPARED."""
    values = [_values(clips) for clips in (pool, target)]
    colours = _components(values[0][2], values[1][2])
    found = []
    for clips, (snr, level, _), colour in zip((pool, target), values, colours, strict=True):
        others = matrix([clip.features for clip in clips], [BY_NAME[name] for name in _COMPARED])
        found.append(np.column_stack([*([snr] if trusted else []), level, colour, others]))
    return found[0], found[1]


def _components(pool: Matrix, target: Matrix) -> tuple[Matrix, Matrix]:
    """The colour of the noise on the directions in which both sides together vary most, shape (n, up to 3)."""
    used = np.flatnonzero(np.minimum(np.isfinite(pool).mean(axis=0), np.isfinite(target).mean(axis=0)) > 0.5)
    if not len(used):
        return np.zeros((len(pool), 0)), np.zeros((len(target), 0))
    sides = [bands[:, used] - bands[:, used].mean(axis=1, keepdims=True) for bands in (pool, target)]
    known = [side[np.isfinite(side).all(axis=1)] for side in sides]
    middle = (known[0].mean(axis=0) + known[1].mean(axis=0)) / 2
    stacked = np.concatenate([(side - middle) / np.sqrt(max(1, len(side))) for side in known])
    directions = np.linalg.svd(stacked, full_matrices=False)[2][:_COLOURS]
    return (sides[0] - middle) @ directions.T, (sides[1] - middle) @ directions.T


def _weighted(sides: _Sides, method: str, seed: int, *, soften: bool = True) -> Weighted:
    """`soften`: a subset by quotas is filled by the shares as they are, so its price is told as it is."""
    if method == "balance":
        return _balanced(sides)
    if method == "ratio":
        groups = [clip.group for clip in sides.pool], [clip.group for clip in sides.target]
        return ratio_weights(*sides.columns, *groups, seed=seed)
    weights = _by_cells(sides)
    if not soften:
        weights = clipped(weights)
        softened = "each cell has the target's share of the clips, balanced within it"
        return Weighted(weights, effective_share(weights), softened)
    return tempered(weights, "share of the target over that of the pool in each cell, ")


def _by_cells(sides: _Sides) -> Vector:
    """Each cell has the target's share. Within a cell, which is wide, the weights of balancing, as far as the effective
    share stays at 0.3."""
    within = _balanced(sides).weights
    found = [_cell_weights(sides, within**power) for power in _WITHIN]
    shares = [effective_share(clipped(weights)) for weights in found]
    least = ENOUGH if shares[-1] >= ENOUGH else _WORTH * shares[-1]
    return next(weights for weights, share in zip(found, shares, strict=True) if share >= least)


def _cell_weights(sides: _Sides, within: Vector) -> Vector:
    weights = np.zeros(len(sides.pool))
    for cell, count in zip(*np.unique(sides.target_cells[sides.target_cells >= 0], return_counts=True), strict=True):
        mine = sides.pool_cells == cell
        weights[mine] = count * within[mine] / max(float(within[mine].sum()), 1e-300)
    return weights


def _balanced(sides: _Sides) -> Weighted:
    """Balancing that leaves of SNR, level and the first component of the colour the same share."""
    count = sides.columns[0].shape[1] - len(_COMPARED)
    steered = [_TOLERANCE_DB] * (2 if sides.snr_trusted else 1) + [_TOLERANCE_DB * len(BAND_NAMES) ** 0.5]
    return evenly_balanced(*sides.columns, [1.0] * count + [_LESS] * len(_COMPARED), steered[:count])


def _shares(sides: _Sides) -> Vector:
    """The target's share of each of its cells, in the order of `_there`."""
    _, counts = np.unique(sides.target_cells[sides.target_cells >= 0], return_counts=True)
    return np.asarray(counts / counts.sum())


def _there(sides: _Sides) -> Indices:
    return np.unique(sides.target_cells[sides.target_cells >= 0])


def _mean_seconds(sides: _Sides, seconds: Vector) -> Vector:
    """Of the pool's clips in each cell of the target; of all where there are none."""
    means = [seconds[sides.pool_cells == cell] for cell in _there(sides)]
    return np.array([mine.mean() if len(mine) else seconds.mean() for mine in means])


def _filled(sides: _Sides, wanted_of: Indices, marks: Vector, weights: Vector) -> Indices:
    """The clips of each cell with the highest marks ** (1 / weight): at random, the heavier the sooner (Efraimidis and
    Spirakis 2006), for a cell is wide and the target is not spread evenly over it."""
    keys = np.log(np.maximum(marks, 1e-12)) / np.maximum(weights, 1e-12)
    taken: list[Indices] = []
    for cell, count in zip(_there(sides), wanted_of, strict=True):
        mine = np.flatnonzero(sides.pool_cells == cell)
        taken.append(mine[np.argsort(-keys[mine], kind="stable")][:count])
    return np.sort(np.concatenate(taken))


def _wanted(sides: _Sides, wanted_of: Indices, seconds: Vector) -> tuple[Wanted, ...]:
    """What the pool lacks, the most first."""
    found = []
    for cell, count in zip(_there(sides), wanted_of, strict=True):
        short = int(count) - int((sides.pool_cells == cell).sum())
        if short > 0:
            like = sides.target[int(np.flatnonzero(sides.target_cells == cell)[0])].path
            found.append(Wanted(short, short * float(seconds.mean()) / 3600, sides.cells.describe(int(cell)), like))
    return tuple(sorted(found, key=lambda w: -w.clips))


# --------------------------------------------------------------------------------------------- what came of it, guards


def _checked(
    sides: _Sides,
    weights: Vector,
    seconds: Vector,
    weighted: Weighted,
    method: str,
    *,
    wanted: tuple[Wanted, ...],
    got: float | None,
) -> Selection:
    reach = within_reach(*sides.columns)
    held = got if got is not None else weighted.ess
    if held < REFUSED or reach < REFUSED:
        raise GuardError(_refusal(weighted.ess, reach, got, wanted))
    chosen = weights > 0
    return Selection(
        weights=weights,
        subset=got is not None,
        method=method,
        ess=weighted.ess,
        reach=reach,
        got=1.0 if got is None else got,
        seconds=float(seconds[chosen].sum()),
        distances=_distances(sides, weights),
        wanted=wanted,
        notes=(f"{method}: {weighted.softened}",),
        warnings=tuple(_warnings(sides, weighted, reach, got)),
    )


def _warnings(sides: _Sides, weighted: Weighted, reach: float, got: float | None) -> list[str]:
    found = []
    if len(sides.target) < _FEW:
        found.append(f"the target has {len(sides.target)} clips only: it is matched no closer than they are known")
    if not sides.snr_trusted:
        found.append(
            "the SNR of the target is not to be trusted (non_stationary noise, or clips cut close): it is not matched"
        )
    if weighted.ess < ENOUGH and got is None:
        found.append(
            f"effective sample size {weighted.ess:.2f} of the clips: below {ENOUGH:g} a few clips count for most; "
            "generate what is listed instead"
        )
    if got is not None and got < _MOSTLY:
        found.append(f"only {got:.0%} of the hours asked for: the data set has too little that is like the target")
    if reach < 1 - ENOUGH:
        found.append(f"the data set has nothing like {1 - reach:.0%} of the target; no weights can make up for that")
    return found


def _refusal(ess: float, reach: float, got: float | None, wanted: Sequence[Wanted]) -> str:
    lines = [
        "the data set is too unlike the target to choose from it: "
        + (f"effective sample size {ess:.3f} of its clips" if got is None else f"{got:.1%} of the hours asked for")
        + f", {reach:.0%} of the target within reach (at least {REFUSED:g} of both is needed).",
        "Fit a recipe to the target (`synth fit`) and generate. What is missing most:",
    ]
    lines += [f"  {wanted_text(item)}" for item in wanted[:10]]
    return "\n".join(lines + ([f"  and {len(wanted) - 10} more cells"] if len(wanted) > 10 else []))


def wanted_text(wanted: Wanted) -> str:
    """`34 clips (0.04 h): SNR -3..1.2 dB, speech -31..-27 dBFS, noise +8 ... dB (12 bands, 73-5741 Hz); like a.wav`."""
    snr, level, bands = (wanted.cell.get(name) for name in ("snr_db", "speech_dbfs", "noise_bands_db"))
    parts = ["SNR not known" if snr is None else f"SNR {snr[0]:g}..{snr[1]:g} dB"] if "snr_db" in wanted.cell else []
    if level is not None:
        parts.append(f"speech {level[0]:g}..{level[1]:g} dBFS")
    if bands:
        hz, levels = list(bands), " ".join(f"{value:+.0f}" for value in bands.values())
        parts.append(f"noise {levels} dB ({len(hz)} bands, {hz[0]}-{hz[-1]} Hz)")
    return f"{wanted.clips} clips ({wanted.hours:.2f} h): {', '.join(parts)}; like {wanted.like}"


def _distances(sides: _Sides, weights: Vector) -> tuple[Distance, ...]:
    pool, target = (matrix([clip.features for clip in clips]) for clips in (sides.pool, sides.target))
    equal, found = np.ones(len(pool)), []
    for k, f in enumerate(FEATURES):
        both = [weighted_wasserstein(pool[:, k], w, target[:, k]) for w in (equal, weights)]
        before, after = (None if np.isnan(value) else round(value, 4) for value in both)
        found.append(Distance(f.name, f.shown, f.unit, f.scale, round(f.tolerance, 4), before, after))
    return tuple(found)
