"""Correct cases by what simulated clips lack of dev: numbers by their quantiles, spectra by mean and covariance.

See docs/science.md, "Correction by simulation".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from synth.dsp.arrays import Matrix, Vector
from synth.lists.cases import Case
from synth.match.fit.quantiles import weighted_quantiles
from synth.match.measure.profile import ClipProfile
from synth.match.measure.trust import measured_snr, trusted_snr

SnrOf: TypeAlias = Callable[[ClipProfile], float | None]

GAIN = 0.7
"""Share of a difference that one round removes: less than 1, because what is measured is itself uncertain."""

_RANGES: Mapping[str, tuple[float, float]] = {
    "snr_db": (-60.0, 100.0),
    "level_dbfs": (-90.0, 0.0),
    "fluctuation_db": (0.0, 30.0),
}
_FINE = np.linspace(0.02, 0.98, 25)
_QUARTILES = (0.25, 0.5, 0.75)  # of levels: headroom turns some clips down, and no higher level brings those up
_MAX_SHIFT_DB = 12.0  # of a band in one round: no equalizer brings back what a microphone has removed
_MAX_BELOW_DEV_DB = 10.0  # noise is not made quieter in a band than dev's by more: what is too loud there is speech
_LEAST_SD_DB = 0.2
_ALIKE = 0.15  # shares of flagged clips that differ by less: the flags then mean the same on both sides


def corrected_values(
    values: npt.ArrayLike,
    weights: npt.ArrayLike,
    *,
    dev: npt.ArrayLike,
    dev_weights: npt.ArrayLike,
    simulated: npt.ArrayLike,
    gain: float = GAIN,
    probabilities: npt.ArrayLike = _FINE,
) -> Vector:
    """Move each value by `gain` times (quantile of dev - quantile of the simulated clips) at its own rank.

    The order of the values stays. Beyond the outermost probabilities the difference there holds, because the tails are
    too thin to say more.

    Args:
        values: what the recipe says, shape (n,), any unit.
        weights: of the values, shape (n,).
        dev: measured of dev, shape (m,), the same unit.
        dev_weights: shape (m,).
        simulated: measured of simulated clips, shape (k,), the same unit.
        gain: share of the difference, 0 to 1.
        probabilities: at which quantiles are compared, shape (q,), 0 to 1.

    Returns:
        Shape (n,).
    """
    numbers, shares = np.asarray(values, np.float64), np.asarray(weights, np.float64)
    at = np.asarray(probabilities, np.float64)
    ours = np.asarray(simulated, np.float64)
    difference = weighted_quantiles(dev, dev_weights, at) - weighted_quantiles(ours, np.ones(len(ours)), at)
    order = np.argsort(numbers, kind="stable")
    ranks = (np.cumsum(shares[order]) - shares[order] / 2) / shares.sum()
    moved = numbers.copy()
    moved[order] = np.sort(numbers[order] + gain * np.interp(ranks, at, difference))  # sorting keeps the mean
    return moved


def correct_field(
    cases: Sequence[Case],
    name: Literal["snr_db", "level_dbfs", "fluctuation_db"],
    dev: Sequence[tuple[float, float]],
    simulated: Sequence[float],
) -> list[Case]:
    """The cases with the number `name` corrected in those that have it.

    Args:
        cases: the cases.
        name: of the number.
        dev: (value, weight) of each clip of dev.
        simulated: value of each simulated clip.
    """
    indices = [k for k, case in enumerate(cases) if getattr(case, name) is not None]
    if len(indices) < 2 or len(dev) < 2 or len(simulated) < 2:
        return list(cases)
    moved = corrected_values(
        [getattr(cases[k], name) for k in indices],
        [cases[k].weight for k in indices],
        dev=[value for value, _ in dev],
        dev_weights=[weight for _, weight in dev],
        simulated=simulated,
        probabilities=_QUARTILES if name == "level_dbfs" else _FINE,
    )
    low, high = _RANGES[name]
    corrected = list(cases)
    for k, value in zip(indices, moved.tolist(), strict=True):
        corrected[k] = replace(cases[k], **{str(name): min(max(value, low), high)})
    return corrected


def comparable_snr(dev: Sequence[ClipProfile], simulated: Sequence[ClipProfile]) -> SnrOf:
    """Which SNR to compare: that of clips without a flag, or of all clips if both sides are flagged alike.

    Flags are raised where the SNR is low, so the clips without a flag have too good an SNR. But if dev is flagged for
    other reasons than the simulated clips, a flagged SNR is wrong in another way than theirs.
    """
    shares = [np.mean([trusted_snr(clip) is None for clip in side]) for side in (dev, simulated)]
    return measured_snr if abs(shares[0] - shares[1]) <= _ALIKE else trusted_snr


def with_missing_snrs(cases: Sequence[Case], snrs: Sequence[float | None]) -> list[Case]:
    """The cases; those without an SNR get the one given for them, if any."""
    return [
        case if case.snr_db is not None or snr is None else replace(case, snr_db=snr)
        for case, snr in zip(cases, snrs, strict=True)
    ]


def correct_spectra(
    cases: Sequence[Case], dev: npt.ArrayLike, dev_weights: npt.ArrayLike, simulated: npt.ArrayLike
) -> list[Case]:
    """The cases with their spectra moved so that simulated clips get dev's mean and covariance.

    What is measured scatters more than what is true. So the cases keep their own covariance, less what the simulated
    clips have too much. The linear map to it that moves spectra least (the optimal transport between normal
    distributions) keeps what goes with an SNR or a level; to correct bands one by one would tear them apart.

    Args:
        cases: the cases.
        dev: spectra of dev in dB, shape (m, d): the bands, and the rumble after them if the cases have one.
        dev_weights: shape (m,).
        simulated: spectra of simulated clips in dB, shape (k, d).
    """
    indices = [k for k, case in enumerate(cases) if case.bands_db is not None]
    theirs, ours = np.asarray(dev, np.float64), np.asarray(simulated, np.float64)
    if min(len(indices), len(theirs), len(ours)) < 2:
        return list(cases)
    rows = np.array([(*(cases[k].bands_db or ()), *(cases[k].rumble_db or ())) for k in indices], np.float64)
    rows = rows[:, : theirs.shape[1]]
    mean, covariance = _robust_moments(rows, np.array([cases[k].weight for k in indices], np.float64))
    dev_mean, dev_covariance = _robust_moments(theirs, np.asarray(dev_weights, np.float64))
    our_mean, our_covariance = _robust_moments(ours, np.ones(len(ours)))
    shift = np.clip(dev_mean - our_mean, -_MAX_SHIFT_DB, _MAX_SHIFT_DB)
    moved = mean + shift + (rows - mean) @ _transport(covariance, covariance + dev_covariance - our_covariance)
    moved += np.maximum(dev_mean - _MAX_BELOW_DEV_DB - moved.mean(axis=0), 0.0)
    count = len(cases[indices[0]].bands_db or ())
    moved[:, :count] -= moved[:, :count].mean(axis=1, keepdims=True)
    corrected = list(cases)
    for k, row in zip(indices, moved.tolist(), strict=True):
        corrected[k] = replace(cases[k], bands_db=tuple(row[:count]), rumble_db=tuple(row[count:]) or None)
    return corrected


def _robust_moments(rows: Matrix, weights: Vector) -> tuple[Vector, Matrix]:
    """Mean, shape (d,), and covariance, shape (d, d), of rows clipped to three robust SDs around their median."""
    median = np.median(rows, axis=0)
    reach = 3 * 1.4826 * np.median(np.abs(rows - median), axis=0) + 1e-6
    clipped = np.clip(rows, median - reach, median + reach)
    mean = np.average(clipped, axis=0, weights=weights)
    return mean, np.asarray(np.cov(clipped.T, aweights=weights).reshape(len(mean), len(mean)))


def _transport(old: Matrix, new: Matrix) -> Matrix:
    """The symmetric matrix that turns vectors of covariance `old` into vectors of the covariance nearest to `new`."""
    root = _with_eigenvalues(old, lambda values: np.sqrt(np.maximum(values, 0.0)))
    inverse = np.linalg.pinv(root, rcond=1e-3, hermitian=True)
    # No variance falls below a least one, so that no difference between cases is lost for good.
    target = _with_eigenvalues(new, lambda values: np.maximum(values, _LEAST_SD_DB**2))
    middle = _with_eigenvalues(root @ target @ root, lambda values: np.sqrt(np.maximum(values, 0.0)))
    return np.asarray(inverse @ middle @ inverse)


def _with_eigenvalues(matrix: Matrix, change: Callable[[Vector], Vector]) -> Matrix:
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    return np.asarray((vectors * change(values)) @ vectors.T)
