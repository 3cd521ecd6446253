"""What a clip tells of its SNR beyond single estimates: numbers in dB for a model that was trained on mixes.

All are relative to the level of the margins, so that none knows the gain. The noise under the speech is followed by
its probability of being noise alone (after Gerkmann and Hendriks 2012, "Unbiased MMSE-based noise power estimation";
constants of the paper but for the smoothing, which is our own), once from the first margin on and once from the last
one back: where both agree the margins tell the noise in between. The percentiles are our own choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synth.match.measure.frames import TINY, Frames, Values, in_band

_SPEECH_PRIOR_DB = 15.0  # SNR of speech where there is some, Gerkmann and Hendriks
_KEPT = 0.6  # of the noise from frame to frame of 16 ms; the paper's 0.8 follows swells too late
_SEEN, _STUCK = 0.9, 0.99
_SMOOTH_BINS = 5
_QUARTERS = 4
_LARGEST_DB = 60.0


def tracked_noise(frames: Frames, edge: int) -> tuple[Values, Values]:
    """Level of the noise in the SNR's band, mean power by frame, followed forwards and backwards.

    `edge`: the number of frames of a margin, from which it starts. The first and last frame are left out.
    """
    gain = in_band(frames)
    heard = gain > 0.3
    power = frames.power[1:-1][:, heard] if len(frames.power) > 8 else frames.power[:, heard]
    both = np.stack([power, power[::-1]], axis=1)
    noise = np.stack([_margin(power[:edge]), _margin(power[-edge:])])
    found = _followed(both, noise) @ gain[heard]
    return found[:, 0].astype(np.float64), found[::-1, 1].astype(np.float64)


def _margin(power: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    from scipy.ndimage import uniform_filter1d

    return np.asarray(np.maximum(uniform_filter1d(power.mean(axis=0), _SMOOTH_BINS), TINY), np.float32)


def _followed(power: npt.NDArray[np.float32], noise: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Noise power of each frame, shape as `power`, (frames, 2, bins), from the noise before the first, (2, bins)."""
    from scipy.special import expit

    ratio = np.float32(10 ** (_SPEECH_PRIOR_DB / 10))
    offset, scaled = np.log1p(ratio), power * (ratio / (1 + ratio))
    mean = np.full(noise.shape, 0.5, np.float32)
    speech, change = np.empty_like(mean), np.empty_like(mean)
    found = np.empty_like(power)
    for k in range(len(power)):  # in place: this is most of the time that hints take
        np.divide(scaled[k], noise, out=speech)
        speech -= offset
        expit(speech, out=speech)
        mean *= _SEEN
        mean += np.multiply(speech, 1 - _SEEN, out=change)
        if mean.max() > _STUCK:
            np.copyto(speech, np.minimum(speech, _STUCK), where=mean > _STUCK)
        np.subtract(power[k], noise, out=change)
        speech *= _KEPT - 1
        speech += 1 - _KEPT
        change *= speech
        noise = np.add(noise, change, out=found[k])
    return found


def hints(frames: Frames, band: Values, envelopes: Values, edge: int) -> dict[str, float]:
    """Hints in dB by name, always the same names; `band`, `envelopes`: of the frames within (synth.match.measure.snr.inner)."""
    between = slice(edge, -edge) if len(band) >= 2 * edge + 4 else slice(None)
    level = _db((float(band[:edge].mean()) + float(band[-edge:].mean())) / 2)
    found = _levels(band[between], level)
    found |= _tracks(*tracked_noise(frames, edge), between, level)
    found |= _bands(envelopes, between, edge)
    found["length"] = 10 * float(np.log10(len(band) * frames.hop_seconds))
    return {name: min(max(float(value), -_LARGEST_DB), _LARGEST_DB) for name, value in found.items()}


def _levels(band: Values, level: float) -> dict[str, float]:
    """Percentiles of the levels of frames, and of five of them together; their mean."""
    from scipy.ndimage import uniform_filter1d

    which, longer = (5, 10, 20, 30, 50, 70, 85), (3, 10, 25, 50)
    found = {f"p{p}": _db(v) - level for p, v in zip(which, np.percentile(band, which), strict=True)}
    smooth = np.percentile(uniform_filter1d(band, 5), longer)
    found |= {f"s{p}": _db(v) - level for p, v in zip(longer, smooth, strict=True)}
    return found | {"mean": _db(float(band.mean())) - level}


def _tracks(forwards: Values, backwards: Values, between: slice, level: float) -> dict[str, float]:
    after, before = forwards[between], backwards[between]
    logs = (10 * np.log10(np.maximum(after, TINY)) + 10 * np.log10(np.maximum(before, TINY))) / 2
    return {
        "track_mean": _db((float(after.mean()) + float(before.mean())) / 2) - level,
        "track_level": float(logs.mean()) - level,
        "track_low": _db(float(np.minimum(after, before).mean())) - level,
        "track_sd": float(logs.std()),
        "track_apart": abs(_db(float(after.mean())) - _db(float(before.mean()))),
    }


def _bands(envelopes: Values, between: slice, edge: int) -> dict[str, float]:
    """Levels in 20 bands against those of the margins: percentiles over time, by the bands' share of the noise."""
    from scipy.ndimage import uniform_filter1d

    noise = np.maximum((envelopes[:edge].mean(axis=0) + envelopes[-edge:].mean(axis=0)) / 2, TINY)
    share = noise / noise.sum()
    smooth = uniform_filter1d(envelopes, 3, axis=0)
    above = 10 * np.log10(np.maximum(smooth, TINY) / noise)
    which = (10, 20, 30, 40, 50, 95)
    over = dict(zip(which, np.percentile(above[between], which, axis=0), strict=True))
    found = {f"weighted{p}": float(over[p] @ share) for p in which[:-1]}
    found |= {f"plain{p}": float(over[p].mean()) for p in (20, 50)}
    found["lowest20"] = float(np.sort(over[20])[:7].mean())
    margins = np.concatenate([above[:edge], above[-edge:]])
    found["margin20"] = float(np.percentile(margins, 20, axis=0) @ share)
    for k, part in enumerate(np.array_split(np.arange(len(share)), _QUARTERS)):
        found[f"quiet_{k}"] = float(over[20][part].mean())
        found[f"share_{k}"] = _db(float(share[part].sum()) + 1e-4)
        found[f"loud_{k}"] = float(over[95][part].mean())
    high = np.sort(above[between], axis=1)[:, -6:].mean(axis=1)
    found |= {f"high{p}": float(v) for p, v in zip((50, 90), np.percentile(high, (50, 90)), strict=True)}
    peaks = np.maximum(np.percentile(smooth[between], 95, axis=0) - noise, 0.0)
    found["excess"] = _db(float(peaks.sum() / noise.sum()) + 1e-3)
    return found


def _db(power: float) -> float:
    return 10 * float(np.log10(max(power, TINY)))


# the model


@dataclass(frozen=True, slots=True)
class Trained:
    """A ridge regression on hints (of the SNR, or of how the noise moves), whose coefficients move with the hint
    `excess`, straight between KNOTS.

    `center`, `scale`: of each hint by name, in whose order the columns of `coefficients` are, shape (1 + KNOTS, 1 +
    hints): the first row always counts, the first column is a constant. Hints count up to 4 scales from the center.
    """

    center: Mapping[str, float]
    scale: Mapping[str, float]
    coefficients: tuple[tuple[float, ...], ...]

    def value(self, found: Mapping[str, float]) -> float:
        row = standardised(found, self.center, self.scale)
        near = np.concatenate([[1.0], gates(np.array([found["excess"]]))[0]])
        return float(near @ np.array(self.coefficients) @ np.concatenate([[1.0], row]))


KNOTS = (0.0, 7.0, 14.0, 22.0)
REACH = 4.0


def gates(excess: Values) -> Values:
    """Shape (n, KNOTS): weights that sum to 1, of the two knots that an excess in dB lies between."""
    return np.stack([np.interp(excess, KNOTS, row) for row in np.eye(len(KNOTS))], axis=1)


def standardised(found: Mapping[str, float], center: Mapping[str, float], scale: Mapping[str, float]) -> Values:
    row = np.array([(found[name] - center[name]) / scale[name] for name in center])
    return np.asarray(np.clip(row, -REACH, REACH))


def fit_trained(rows: list[dict[str, float]], true: list[float], *, penalty: float = 30.0) -> Trained:
    """Ridge regression of what is true of mixes on their hints. `penalty`: chosen on recordings left out."""
    names = list(rows[0])
    table = np.array([[row[name] for name in names] for row in rows])
    middle, spread = table.mean(axis=0).round(3), np.maximum(table.std(axis=0), 1e-3).round(3)
    x = np.column_stack([np.ones(len(table)), np.clip((table - middle) / spread, -REACH, REACH)])
    weights = np.column_stack([np.ones(len(table)), gates(table[:, names.index("excess")])])
    design = (weights[:, :, None] * x[:, None, :]).reshape(len(table), -1)
    truth = np.array(true)
    mean = float(truth.mean())
    free = penalty * np.eye(design.shape[1])
    free[0, 0] = 1e-6
    found = np.linalg.solve(design.T @ design + free, design.T @ (truth - mean))
    found[0] += mean
    coefficients = found.reshape(weights.shape[1], x.shape[1]).round(4)
    center, scale = (dict(zip(names, column.tolist(), strict=True)) for column in (middle, spread))
    return Trained(center, scale, tuple(tuple(line) for line in coefficients.tolist()))
