"""What cases say is moved by what simulated clips lack of dev (science.md 3.1, step 7): quantiles, and colours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from synth.lists.cases import Case
from synth.match.fit.dev_cases import Numbers, snr_of, told_snr, weighted_quantiles
from synth.match.measure.profile import ClipProfile

SnrOf = Callable[[ClipProfile], float | None]

GAIN = 0.7
"""Share of a difference that one round takes out."""
_RANGES: Mapping[str, tuple[float, float]] = {
    "snr_db": (-60.0, 100.0),
    "level_dbfs": (-90.0, 0.0),
    "fluctuation_db": (0.0, 30.0),
}
_FINE = np.linspace(0.02, 0.98, 25)
_MOST_SHIFT_DB = 12.0  # of a band in one round: what a microphone took away no equaliser brings back
_MOST_BELOW_DB = 10.0  # noise is not made quieter in a band than dev's there by more: what is too much is speech
_LEAST_SD_DB = 0.2
_ALIKE = 0.15  # shares of clips with a flagged SNR that differ by less: flags then fall on both sides alike
_QUARTILES = (0.25, 0.5, 0.75)  # of levels: headroom turns some clips down, and no wish for more brings those up


def corrected(
    values: npt.ArrayLike,
    weights: npt.ArrayLike,
    *,
    wanted: npt.ArrayLike,
    wanted_weights: npt.ArrayLike,
    found: npt.ArrayLike,
    gain: float = GAIN,
    probabilities: npt.ArrayLike = _FINE,
) -> Numbers:
    """The values, each moved by `gain` times (quantile of `wanted` - quantile of `found`) at its own rank.

    values, weights: what the recipe says, shape (n,). wanted, wanted_weights: measured of dev, shape (m,). found:
    measured of simulated clips, shape (k,). The order of the values stays. Beyond the outermost probabilities the
    difference there holds: the tails are too thin to tell more.
    """
    numbers, shares = np.asarray(values, np.float64), np.asarray(weights, np.float64)
    at = np.asarray(probabilities, np.float64)
    simulated = np.asarray(found, np.float64)
    lack = weighted_quantiles(wanted, wanted_weights, at) - weighted_quantiles(simulated, np.ones(len(simulated)), at)
    order = np.argsort(numbers, kind="stable")
    ranks = (np.cumsum(shares[order]) - shares[order] / 2) / shares.sum()
    moved = numbers.copy()
    moved[order] = np.sort(numbers[order] + gain * np.interp(ranks, at, lack))  # a rearrangement keeps the mean
    return moved


def corrected_field(
    cases: Sequence[Case],
    name: Literal["snr_db", "level_dbfs", "fluctuation_db"],
    wanted: Sequence[tuple[float, float]],
    found: Sequence[float],
) -> list[Case]:
    """The cases with the number `name` of those that have it moved; `wanted`: (value, weight) of dev."""
    ours = [k for k, case in enumerate(cases) if getattr(case, name) is not None]
    if len(ours) < 2 or len(wanted) < 2 or len(found) < 2:
        return list(cases)
    moved = corrected(
        [getattr(cases[k], name) for k in ours],
        [cases[k].weight for k in ours],
        wanted=[value for value, _ in wanted],
        wanted_weights=[weight for _, weight in wanted],
        found=found,
        probabilities=_QUARTILES if name == "level_dbfs" else _FINE,
    )
    low, high = _RANGES[name]
    new = list(cases)
    for k, value in zip(ours, moved, strict=True):
        held = min(max(float(value), low), high)
        new[k] = replace(cases[k], **{str(name): held})  # type: ignore[arg-type]
    return new


def comparable_snr(dev: Sequence[ClipProfile], simulated: Sequence[ClipProfile]) -> SnrOf:
    """Which SNR is compared: that of clips without a flag, or of all where simulated clips are flagged as often.

    Flags fall where the SNR is low, so what is left is too good; but where they fall for other reasons than in the
    simulation, a flagged SNR is wrong in another way than simulated ones are.
    """
    shares = [np.mean([snr_of(clip) is None for clip in side]) for side in (dev, simulated)]
    return told_snr if abs(shares[0] - shares[1]) <= _ALIKE else snr_of


def with_snrs(cases: Sequence[Case], snrs: Sequence[float | None]) -> list[Case]:
    """The cases, those without an SNR with the one that is given for them; None leaves them without."""
    return [
        case if case.snr_db is not None or snr is None else replace(case, snr_db=snr)
        for case, snr in zip(cases, snrs, strict=True)
    ]


def corrected_colours(
    cases: Sequence[Case], wanted: npt.ArrayLike, wanted_weights: npt.ArrayLike, found: npt.ArrayLike
) -> list[Case]:
    """The cases with their colours moved so that simulated clips get dev's mean and covariance.

    wanted, found: colours as measured of dev and of simulated clips, shapes (m, d) and (k, d): the bands, and the
    rumble after them where the cases have one. What is measured scatters more than what is: the covariance that the
    cases keep is their own, less what the simulated clips have too much, and the linear map to it that moves colours
    least (the optimal transport of normal distributions) keeps what goes with an SNR or a level. Fitting bands one by
    one would tear them apart.
    """
    ours = [k for k, case in enumerate(cases) if case.bands_db is not None]
    dev, simulated = np.asarray(wanted, np.float64), np.asarray(found, np.float64)
    if min(len(ours), len(dev), len(simulated)) < 2:
        return list(cases)
    said = np.array([(*(cases[k].bands_db or ()), *(cases[k].rumble_db or ())) for k in ours], np.float64)
    said = said[:, : dev.shape[1]]
    weights = np.array([cases[k].weight for k in ours], np.float64)
    middle, spread = _moments(said, weights)
    dev_middle, dev_spread = _moments(dev, np.asarray(wanted_weights, np.float64))
    our_middle, our_spread = _moments(simulated, np.ones(len(simulated)))
    count = len(cases[ours[0]].bands_db or ())
    shift = np.clip(dev_middle - our_middle, -_MOST_SHIFT_DB, _MOST_SHIFT_DB)
    moved = middle + shift + (said - middle) @ _map(spread, spread + dev_spread - our_spread)
    moved += np.maximum(dev_middle - _MOST_BELOW_DB - moved.mean(axis=0), 0.0)
    moved[:, :count] -= moved[:, :count].mean(axis=1, keepdims=True)
    new = list(cases)
    for k, row in zip(ours, moved.tolist(), strict=True):
        new[k] = replace(cases[k], bands_db=tuple(row[:count]), rumble_db=tuple(row[count:]) or None)
    return new


def _moments(rows: Numbers, weights: Numbers) -> tuple[Numbers, Numbers]:
    """Mean, shape (d,), and covariance, shape (d, d), of rows held within three robust SDs of their median."""
    middle = np.median(rows, axis=0)
    reach = 3 * 1.4826 * np.median(np.abs(rows - middle), axis=0) + 1e-6
    held = np.clip(rows, middle - reach, middle + reach)
    mean = np.average(held, axis=0, weights=weights)
    return mean, np.asarray(np.cov(held.T, aweights=weights).reshape(len(mean), len(mean)))


def _map(old: Numbers, new: Numbers) -> Numbers:
    """The symmetric matrix that turns vectors of covariance `old` into those of `new`, as far as that is one."""
    root, inverse = _root(old), np.linalg.pinv(_root(old), rcond=1e-3, hermitian=True)
    return np.asarray(inverse @ _root(root @ _positive(new) @ root) @ inverse)


def _positive(matrix: Numbers) -> Numbers:
    """The nearest covariance: no variance below a least one, so that no difference between cases is lost for good."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    return np.asarray((vectors * np.maximum(values, _LEAST_SD_DB**2)) @ vectors.T)


def _root(matrix: Numbers) -> Numbers:
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T)
