"""Quantile correction: what cases say is moved by what simulated clips lack of dev (science.md 3.1, step 7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from synth.catalog.case_list import Case
from synth.match.cases import Numbers, weighted_quantiles

GAIN = 0.7
"""Share of a difference that one round takes out."""
_RANGES: Mapping[str, tuple[float, float]] = {"snr_db": (-60.0, 100.0), "level_dbfs": (-90.0, 0.0)}
_FINE, _COARSE = np.linspace(0.02, 0.98, 25), np.linspace(0.1, 0.9, 5)
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
    name: Literal["snr_db", "level_dbfs"],
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
        probabilities=_FINE if name == "snr_db" else _QUARTILES,
    )
    low, high = _RANGES[name]
    new = list(cases)
    for k, value in zip(ours, moved, strict=True):
        held = min(max(float(value), low), high)
        new[k] = replace(cases[k], snr_db=held) if name == "snr_db" else replace(cases[k], level_dbfs=held)
    return new


def corrected_colours(
    cases: Sequence[Case], wanted: npt.ArrayLike, wanted_weights: npt.ArrayLike, found: npt.ArrayLike
) -> list[Case]:
    """The cases with each band moved by itself; wanted, found: colours of shapes (m, bands) and (k, bands).

    At five probabilities alone: a colour has twelve numbers, and a few hundred clips tell no more of each.
    """
    ours = [k for k, case in enumerate(cases) if case.bands_db is not None]
    dev, simulated = np.asarray(wanted, np.float64), np.asarray(found, np.float64)
    if len(ours) < 2 or len(dev) < 2 or len(simulated) < 2:
        return list(cases)
    bands = np.array([cases[k].bands_db for k in ours], np.float64)
    weights = [cases[k].weight for k in ours]
    for b in range(bands.shape[1]):
        bands[:, b] = corrected(
            bands[:, b],
            weights,
            wanted=dev[:, b],
            wanted_weights=wanted_weights,
            found=simulated[:, b],
            probabilities=_COARSE,
        )
    bands -= bands.mean(axis=1, keepdims=True)
    new = list(cases)
    for k, row in zip(ours, bands.tolist(), strict=True):
        new[k] = replace(cases[k], bands_db=tuple(row))
    return new
