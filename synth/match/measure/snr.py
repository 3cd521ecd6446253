"""The SNR of a clip without its clean speech: several estimators, each calibrated, and what they say together.

The SNR is that of 200 to 7000 Hz (at most 0.45 of the rate): the active level of the speech (ITU-T P.56) less the mean
level of the noise under it, both band-passed, as `synth.dsp.mix` sets it. All estimators look for the level of the
noise and take the rest for speech; they differ in where they look:

- `nist`: the 15th percentile of the levels of 32-ms frames, against the 95th (after NIST's STNR).
- `floor`: the fifth of the frames that are quietest, against the active level of the rest.
- `subband`: the 15th percentile in 20 mel bands each.
- `edges`: the first and last 0.17 s of the clip, where margins are.
- `trained`: a regression on many such numbers, and on the noise followed from the margins through the speech
  (`synth.match.measure.noise_hints`); only where the margins hold no speech.

The quietest frames of noise are quieter than noise is: by more, the more its level moves. The first three are therefore
corrected by what the margins tell (`synth.match.measure.calibration_constants.CORRECTION`), where they hold noise and no speech. The
answer is the mean of the trained estimate and of the median of the others, weighted as the calibration says.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from synth.dsp.arrays import Samples
from synth.errors import UsageError
from synth.match.measure.calibration_constants import CALIBRATION, CORRECTION, TRAINED, UNSTEADY
from synth.match.measure.frames import TINY, Frames, Values, frames_of
from synth.match.measure.noise_hints import Trained, hints

Correction = tuple[float, float, float]

ESTIMATORS = ("nist", "floor", "subband", "edges", "trained")

EDGE_SECONDS = 0.17
_QUIETEST = 0.2
_P56_MARGIN = 10**1.59
_HANGOVER_SECONDS = 0.2
_LIMIT_DB = 60.0  # of every raw estimate: digital silence between words is no measure of anything
_EDGES_ARE_SPEECH_DB = 8.0  # above the quietest fifth: a margin that loud holds speech, or noise that nothing tells of
_USUAL_EDGE_DB = 1.5  # above the quietest fifth: where the margins cannot be asked
_USUAL_SPREAD_DB = 1.7
_REACH_DB = 4.0  # what a trained estimate far from the median of the others counts for: odd speech misleads it
DEFAULT_TRAINED, DEFAULT_UNSTEADY = Trained(*TRAINED), Trained(*UNSTEADY)


def raw_estimates(samples: Samples, *, sample_rate: int) -> dict[str, float]:
    """Estimates in dB, not calibrated, by name; fewer than ESTIMATORS where one cannot be made, none for silence.

    samples: shape (n,), full scale 1.0.
    """
    return estimates_of(frames_of(samples, sample_rate=sample_rate))


@dataclass(frozen=True, slots=True)
class NoiseFloor:
    """Levels in dB of the noise in the SNR's band, not corrected, by estimator; and what the margins say.

    `edges`: their mean level. `spread`: standard deviation of the frames' levels within a margin. `difference`: of the
    levels of the first and the last margin. `speech`: they are so loud that they are taken for speech.
    """

    levels: Mapping[str, float]
    edges: float
    spread: float
    difference: float
    speech: bool

    def corrected(self, name: str, correction: Mapping[str, Correction] = CORRECTION) -> float:
        """Level of the noise in dB, by an estimator other than `edges`."""
        level = self.levels[name]
        constant, share, per_spread = correction[name]
        if self.speech:
            return level + constant + share * _USUAL_EDGE_DB + per_spread * _USUAL_SPREAD_DB
        return level + constant + share * (self.edges - level) + per_spread * self.spread


def estimates_of(frames: Frames) -> dict[str, float]:
    """As `raw_estimates`, of frames that are there."""
    if float(inner(frames)[0].max()) <= TINY:
        return {}
    floor = noise_floor(frames)
    return estimates_from(floor, tops(frames)) | trained_estimate(floor, hints_of(frames, floor))


def hints_of(frames: Frames, floor: NoiseFloor) -> dict[str, float]:
    """What `trained` takes; nothing where the margins are taken for speech."""
    if floor.speech:
        return {}
    found = hints(frames, *inner(frames), edge_frames(frames))
    found |= {"spread": floor.spread, "difference": min(floor.difference, _LIMIT_DB)}
    powers = {name: _db(power) for name, power in tops(frames).items() if name in ("floor", "edges")}
    levels = {f"{name}_top": level for name, level in powers.items()} | dict(floor.levels)
    return found | {name: min(max(level - floor.edges, -_LIMIT_DB), _LIMIT_DB) for name, level in levels.items()}


def trained_estimate(
    floor: NoiseFloor, found: Mapping[str, float], trained: Trained = DEFAULT_TRAINED
) -> dict[str, float]:
    """{"trained": SNR in dB}, or nothing where the margins are taken for speech."""
    return {} if floor.speech else {"trained": trained.value(found)}


def unsteadiness(found: Mapping[str, float], trained: Trained = DEFAULT_UNSTEADY) -> float | None:
    """SD in dB of the levels of 100 ms of the noise over the clip, margins and speech, as trained; 1 to 9 dB, mostly
    less than it is where it is much. None without hints."""
    return math.exp(trained.value(found)) if found else None


def estimates_from(
    floor: NoiseFloor, tops: Mapping[str, float], correction: Mapping[str, Correction] = CORRECTION
) -> dict[str, float]:
    """Estimates in dB but `trained`, from the noise that was found and from the levels of noise and speech together."""
    found = {name: floor.corrected(name, correction) for name in floor.levels}
    if not floor.speech:
        found["edges"] = floor.edges
    return {name: _excess_db(tops[name], 10 ** (found[name] / 10)) for name in ESTIMATORS if name in found}


def tops(frames: Frames) -> dict[str, float]:
    """The mean power of speech and noise together, as each estimator takes it, between the margins: so that a word has
    as much of it as a sentence."""
    band, _ = inner(frames)
    count = edge_frames(frames)
    between = band[count:-count] if len(band) >= 2 * count + 4 else band
    mean = float(between.mean())
    peak = float(np.percentile(between, 95))
    return {"nist": peak, "floor": active_level(between, frames.hop_seconds), "subband": mean, "edges": mean}


def noise_floor(frames: Frames) -> NoiseFloor:
    """Where the noise of a clip may be, from its frames."""
    from scipy.ndimage import uniform_filter1d

    band, envelopes = inner(frames)
    level = 10 * np.log10(band + TINY)
    quiet = np.sort(band)[: max(4, int(_QUIETEST * len(band)))]
    smooth = uniform_filter1d(envelopes, 3, axis=0)
    share = band.mean() / max(float(envelopes.sum(axis=1).mean()), TINY)  # the filter's slopes reach beyond the bands
    levels = {
        "nist": float(np.percentile(level, 15)),
        "floor": _db(float(quiet.mean())),
        "subband": _db(float(np.percentile(smooth, 15, axis=0).sum()) * share),
    }
    count = edge_frames(frames)
    first, last = slice(0, count), slice(len(band) - count, len(band))
    before, after = float(band[first].mean()), float(band[last].mean())
    edges = _db((before + after) / 2)
    spread = math.sqrt((float(level[first].var()) + float(level[last].var())) / 2)
    difference = abs(_db(before) - _db(after))
    return NoiseFloor(levels, edges, spread, difference, edges - levels["floor"] > _EDGES_ARE_SPEECH_DB)


def inner(frames: Frames) -> tuple[Values, Values]:
    """(band, envelopes) without the first and last frame, in which a cut is heard."""
    cut = slice(1, -1) if len(frames.band) > 8 else slice(None)
    return frames.band[cut], frames.envelopes[cut]


def edge_frames(frames: Frames) -> int:
    """How many frames a margin counts for; at most half of the clip."""
    there = len(inner(frames)[0])
    return max(1, min(there // 2, round(EDGE_SECONDS / frames.hop_seconds)))


def _db(power: float) -> float:
    return 10 * math.log10(max(power, TINY))


def _excess_db(total: float, noise: float) -> float:
    """How far what is left of the total stands above the noise; at least -20 dB, at most 60."""
    found = 10 * math.log10(max(total - noise, 0.01 * noise, TINY) / max(noise, TINY))
    return min(found, _LIMIT_DB)


def active_level(band: Values, hop_seconds: float) -> float:
    """P.56 on frames: mean power of those within 15.9 dB of it, and of 0.2 s after each."""
    from scipy.ndimage import maximum_filter1d, uniform_filter1d

    reach = max(1, round(_HANGOVER_SECONDS / hop_seconds))
    smooth, total = uniform_filter1d(band, 3), float(band.sum())
    level = total / len(band)
    for _ in range(6):
        on = maximum_filter1d((smooth > level / _P56_MARGIN).astype(np.uint8), reach + 1, origin=reach // 2)
        level = total / max(1.0, float(on.sum()))
    return level


# calibration

Curve = tuple[tuple[float, float], ...]
"""(raw estimate, SNR) in dB, both rising."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What an estimate means: per estimator a rising curve (raw, true SNR), straight between its points.

    Above its end a curve goes on with a slope of 1 for at most 5 dB, and stays there: nothing was seen there. Below its
    beginning it stays: an estimate without any speech says no more than that there is little.
    `residual_db`: standard deviation of the answer, where the estimators agree. `per_spread`: by how many dB (root
    mean square) it errs more for each dB by which they differ. `share`: weight of `trained` in the answer, 0 to 1.
    """

    curves: Mapping[str, Curve]
    residual_db: float
    per_spread: float
    share: float = 0.0

    def snr(self, raw: Mapping[str, float]) -> tuple[float | None, float | None]:
        """(SNR in dB, its uncertainty as a standard deviation in dB); None without any estimate."""
        found = _read_all(self.curves, raw)
        if not found:
            return None, None
        middle, away = _middle(found)
        spread = float(np.std(list(found.values())))
        return float(middle + self.share * _bent(away)), float(math.hypot(self.residual_db, self.per_spread * spread))

    @property
    def range_db(self) -> tuple[float, float]:
        """The SNRs that calibration reached: the median of the curves' ends."""
        ends = [(curve[0][1], curve[-1][1]) for curve in self.curves.values()]
        return float(np.median([low for low, _ in ends])), float(np.median([high for _, high in ends]))

    def to_json(self) -> dict[str, Any]:
        curves = {name: [[round(x, 3), round(y, 3)] for x, y in curve] for name, curve in self.curves.items()}
        return {"curves": curves, "residual_db": self.residual_db, "per_spread": self.per_spread, "share": self.share}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Calibration:
        """Raises UsageError where these are not the fields of a calibration."""
        try:
            curves = {n: tuple((float(x), float(y)) for x, y in curve) for n, curve in fields["curves"].items()}
            numbers = (float(fields[name]) for name in ("residual_db", "per_spread", "share"))
            return cls(curves, *numbers)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UsageError(f"this is no calibration of SNR estimators: {error!r}; make it anew") from None


_BEYOND_DB = 5.0


def _read(curve: Curve, raw: float) -> float:
    points = np.array(curve)
    beyond = min(max(raw - float(points[-1, 0]), 0.0), _BEYOND_DB)
    return float(np.interp(raw, points[:, 0], points[:, 1])) + beyond


def _read_all(curves: Mapping[str, Curve], raw: Mapping[str, float]) -> dict[str, float]:
    """SNR in dB by estimator, of those that have a curve."""
    return {name: _read(curves[name], value) for name, value in raw.items() if name in curves}


def _middle(found: Mapping[str, float]) -> tuple[float, float]:
    """(median of the estimators but `trained`, how far `trained` lies above it), in dB."""
    others = [value for name, value in found.items() if name != "trained"]
    if "trained" not in found or not others:
        return float(np.median(list(found.values()))), 0.0
    middle = float(np.median(others))
    return middle, found["trained"] - middle


def _bent(away: Any) -> Any:
    """dB, less the further away: at most 4."""
    return away / np.sqrt(1 + (away / _REACH_DB) ** 2)


def fit_calibration(raws: Sequence[Mapping[str, float]], true_snrs: Sequence[float]) -> Calibration:
    """Isotonic regression of the true SNR (dB) on each raw estimate, thinned to at most 24 points a curve.

    The residual is that of five-fold cross-validation. Raises UsageError for fewer than 30 clips.
    """
    truth = np.array(true_snrs, np.float64)
    if len(raws) != len(truth) or len(truth) < 30:
        raise UsageError(f"a calibration needs at least 30 clips with their SNR, there are {len(raws)}")
    everything = np.arange(len(truth))
    errors, away, spreads = np.zeros(len(truth)), np.zeros(len(truth)), np.zeros(len(truth))
    for fold in range(5):
        curves = _curves(raws, truth, everything[everything % 5 != fold])
        for i in everything[everything % 5 == fold].tolist():
            found = _read_all(curves, raws[i])
            if found:
                middle, away[i] = _middle(found)
                errors[i], spreads[i] = middle - truth[i], float(np.std(list(found.values())))
    share = _share(errors, away)
    residual, per_spread = _uncertainty(errors + share * _bent(away), spreads)
    return Calibration(_curves(raws, truth, everything), residual, per_spread, share)


def _share(errors: Values, away: Values) -> float:
    """How much of the way from the median to `trained` leaves the smallest squared errors; 0 to 1."""
    square = float(away @ away)
    return round(min(max(-float(errors @ away) / square, 0.0), 1.0), 3) if square > 0 else 0.0


def _curves(raws: Sequence[Mapping[str, float]], truth: Values, which: npt.NDArray[np.int_]) -> dict[str, Curve]:
    curves = {}
    for name in ESTIMATORS:
        there = [i for i in which.tolist() if name in raws[i]]
        if len(there) >= 20:
            fitted = _line if name == "trained" else _isotonic
            curves[name] = fitted(np.array([raws[i][name] for i in there]), truth[there])
    return curves


_LINE_DB = (-12.0, 34.0)


def _line(raw: Values, truth: Values) -> Curve:
    """The rising straight line nearest to the truth: a regression bends no more than its mixes do."""
    slope = float(np.clip(np.cov(raw, truth)[0, 1] / max(float(raw.var(ddof=1)), TINY), 0.5, 2.0))
    constant = float(truth.mean() - slope * raw.mean())
    low, high = ((x, round(constant + slope * x, 3)) for x in _LINE_DB)
    return low, high


def _uncertainty(errors: Values, spreads: Values) -> tuple[float, float]:
    """(residual_db, per_spread): squared errors as a constant and a share of the squared spread, both at least 0."""
    from scipy.optimize import nnls

    x = np.column_stack([np.ones(len(errors)), spreads**2])
    constant, share = nnls(x, np.minimum(errors**2, np.percentile(errors**2, 99)))[0]
    return round(math.sqrt(constant), 3), round(math.sqrt(share), 3)


_POINTS = 24


def _isotonic(raw: Values, truth: Values) -> Curve:
    """Rising steps by pooling adjacent violators, as a line through the middles of (at most 24) groups of them."""
    order = np.argsort(raw, kind="stable")
    fitted = _pooled(truth[order])
    groups = np.array_split(np.arange(len(order)), min(_POINTS, max(2, len(order) // 8)))
    xs = np.array([raw[order][group].mean() for group in groups])
    ys = np.maximum.accumulate([fitted[group].mean() for group in groups])
    keep = np.concatenate([[True], np.diff(xs) > 1e-6])
    return tuple((round(float(x), 3), round(float(y), 3)) for x, y in zip(xs[keep], ys[keep], strict=True))


def _pooled(values: Values) -> Values:
    """The rising sequence that is nearest to the values: neighbours that fall are pooled into their mean."""
    means: list[float] = []
    counts: list[int] = []
    for value in values.tolist():
        means.append(value)
        counts.append(1)
        while len(means) > 1 and means[-2] >= means[-1]:
            mean, count = means.pop(), counts.pop()
            means[-1] = (means[-1] * counts[-1] + mean * count) / (counts[-1] + count)
            counts[-1] += count
    return np.repeat(means, counts)


DEFAULT_CALIBRATION = Calibration.from_json(CALIBRATION)
"""Made by benchmarks/blind_snr.py on mixes with assorted real noise."""
