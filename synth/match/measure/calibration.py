"""Calibration of the blind SNR: what raw estimates mean, singly and together.

Each estimate is read through a rising curve. The answer is the median of the estimators plus a share of how far the
trained one is away from it. See docs/science.md, "Calibration of the blind SNR".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from synth.errors import UsageError
from synth.match.measure.calibration_constants import CALIBRATION
from synth.match.measure.frames import TINY, Values
from synth.match.measure.snr import ESTIMATORS

Curve: TypeAlias = tuple[tuple[float, float], ...]
"""(raw estimate, SNR) in dB, both rising; linear between the points."""

_TRAINED_REACH_DB = 4.0  # the most that `trained` moves the answer: unusual speech misleads it
_BEYOND_DB = 5.0
_LEAST_CLIPS, _LEAST_CLIPS_OF_CURVE, _FOLDS = 30, 20, 5
_MAX_POINTS = 24  # of a curve; about 8 clips per point, or more
_LINE_DB = (-12.0, 34.0)  # ends of the curve of `trained`: a little beyond the SNRs of the mixes


@dataclass(frozen=True, slots=True)
class Calibration:
    """Curves of the estimators, and the error that remains.

    Above its end a curve goes on with a slope of 1 for at most 5 dB and then stays, because nothing was measured there.
    Below its beginning it stays: an estimate without any speech only says that there is little.
    """

    curves: Mapping[str, Curve]  # by estimator
    residual_db: float  # SD of the error if the estimators agree
    per_spread: float  # dB of error (RMS) per dB by which the estimators differ
    share: float = 0.0  # weight of `trained` in the answer, 0 to 1

    def snr(self, raw: Mapping[str, float]) -> tuple[float | None, float | None]:
        """(SNR in dB, standard deviation of its error in dB); None without any estimate."""
        read = _read_curves(self.curves, raw)
        if not read:
            return None, None
        median, trained_offset = _median_and_offset(read)
        spread = float(np.std(list(read.values())))
        answer = float(median + self.share * _bounded(trained_offset))
        return answer, float(math.hypot(self.residual_db, self.per_spread * spread))

    @property
    def range_db(self) -> tuple[float, float]:
        """The SNRs that the calibration reached: medians of the ends of the curves."""
        ends = [(curve[0][1], curve[-1][1]) for curve in self.curves.values()]
        return float(np.median([low for low, _ in ends])), float(np.median([high for _, high in ends]))

    def to_json(self) -> dict[str, Any]:
        """As JSON values, which `from_json` reads."""
        curves = {name: [[round(x, 3), round(y, 3)] for x, y in curve] for name, curve in self.curves.items()}
        return {"curves": curves, "residual_db": self.residual_db, "per_spread": self.per_spread, "share": self.share}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Calibration:
        """The calibration that `to_json` wrote.

        Raises:
            UsageError: these are not the fields of a calibration.
        """
        try:
            curves = {n: tuple((float(x), float(y)) for x, y in curve) for n, curve in fields["curves"].items()}
            numbers = (float(fields[name]) for name in ("residual_db", "per_spread", "share"))
            return cls(curves, *numbers)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UsageError(f"this is not a calibration of SNR estimators: {error!r}; make it again") from None


def fit_calibration(raws: Sequence[Mapping[str, float]], true_snrs: Sequence[float]) -> Calibration:
    """Fit the curves to clips of known SNR, by isotonic regression.

    Args:
        raws: raw estimates of each clip, dB by estimator.
        true_snrs: SNR of each clip, dB.

    Returns:
        Curves of at most 24 points each; the remaining error is that of five-fold cross-validation.

    Raises:
        UsageError: there are fewer than 30 clips.
    """
    from scipy.optimize import nnls

    truth = np.array(true_snrs, np.float64)
    if len(raws) != len(truth) or len(truth) < _LEAST_CLIPS:
        raise UsageError(f"a calibration needs at least {_LEAST_CLIPS} clips with their SNR; there are {len(raws)}")
    every = np.arange(len(truth))
    errors, offsets, spreads = np.zeros(len(truth)), np.zeros(len(truth)), np.zeros(len(truth))
    for fold in range(_FOLDS):
        curves = _fit_curves(raws, truth, every[every % _FOLDS != fold])
        for i in every[every % _FOLDS == fold].tolist():
            if read := _read_curves(curves, raws[i]):
                median, offsets[i] = _median_and_offset(read)
                errors[i], spreads[i] = median - truth[i], float(np.std(list(read.values())))
    # How much of the way from the median to `trained` leaves the smallest squared errors.
    square = float(offsets @ offsets)
    share = round(min(max(-float(errors @ offsets) / square, 0.0), 1.0), 3) if square > 0 else 0.0
    # Squared errors as a constant and a factor of the squared spread, both at least 0; outliers are cut.
    squares = (errors + share * _bounded(offsets)) ** 2
    columns = np.column_stack([np.ones(len(squares)), spreads**2])
    constant, factor = nnls(columns, np.minimum(squares, np.percentile(squares, 99)))[0]
    curves = _fit_curves(raws, truth, every)
    return Calibration(curves, round(math.sqrt(constant), 3), round(math.sqrt(factor), 3), share)


def _read_curves(curves: Mapping[str, Curve], raw: Mapping[str, float]) -> dict[str, float]:
    """SNR in dB by estimator, of those that have a curve."""
    read = {}
    for name, value in raw.items():
        if name in curves:
            points = np.array(curves[name])
            beyond = min(max(value - float(points[-1, 0]), 0.0), _BEYOND_DB)
            read[name] = float(np.interp(value, points[:, 0], points[:, 1])) + beyond
    return read


def _median_and_offset(read: Mapping[str, float]) -> tuple[float, float]:
    """(median of the estimators without `trained`, how far `trained` is above it), in dB."""
    untrained = [value for name, value in read.items() if name != "trained"]
    if "trained" not in read or not untrained:
        return float(np.median(list(read.values()))), 0.0
    median = float(np.median(untrained))
    return median, read["trained"] - median


def _bounded(offset: Any) -> Any:
    """An offset in dB, reduced the more the larger it is: at most 4 dB."""
    return offset / np.sqrt(1 + (offset / _TRAINED_REACH_DB) ** 2)


def _fit_curves(raws: Sequence[Mapping[str, float]], truth: Values, chosen: npt.NDArray[np.int_]) -> dict[str, Curve]:
    curves = {}
    for name in ESTIMATORS:
        indices = [i for i in chosen.tolist() if name in raws[i]]
        if len(indices) >= _LEAST_CLIPS_OF_CURVE:
            # `trained` is a regression already, so a straight line is enough; the others bend at low SNR.
            fit_curve = _fit_line if name == "trained" else _fit_isotonic
            curves[name] = fit_curve(np.array([raws[i][name] for i in indices]), truth[indices])
    return curves


def _fit_line(raw: Values, truth: Values) -> Curve:
    slope = float(np.clip(np.cov(raw, truth)[0, 1] / max(float(raw.var(ddof=1)), TINY), 0.5, 2.0))
    constant = float(truth.mean() - slope * raw.mean())
    low, high = ((x, round(constant + slope * x, 3)) for x in _LINE_DB)
    return low, high


def _fit_isotonic(raw: Values, truth: Values) -> Curve:
    """The rising steps nearest to the truth, as a line through the middles of at most 24 groups of them."""
    from scipy.optimize import isotonic_regression

    order = np.argsort(raw, kind="stable")
    steps = isotonic_regression(truth[order]).x
    groups = np.array_split(np.arange(len(order)), min(_MAX_POINTS, max(2, len(order) // 8)))
    xs = np.array([raw[order][group].mean() for group in groups])
    ys = np.maximum.accumulate([steps[group].mean() for group in groups])
    distinct = np.concatenate([[True], np.diff(xs) > 1e-6])
    return tuple((round(float(x), 3), round(float(y), 3)) for x, y in zip(xs[distinct], ys[distinct], strict=True))


DEFAULT_CALIBRATION = Calibration.from_json(CALIBRATION)
"""Fitted by benchmarks/blind_snr.py to mixes with assorted recorded noise."""
