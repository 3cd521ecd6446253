"""Hints: numbers that tell the SNR of a clip beyond the single estimators, and the model that was trained on them.

All hints are relative to the level of the margins, so that none depends on the gain. The noise under the speech is
tracked by the probability that a frame is noise alone, forwards from the first margin and backwards from the last one:
if both agree, the margins tell the noise in between.

Source: T. Gerkmann and R. C. Hendriks, "Unbiased MMSE-based noise power estimation with low complexity and low tracking
    delay" (IEEE TASLP 20(4), 2012). The smoothing is shorter than theirs; the percentiles were chosen on the mixes of
    benchmarks/blind_snr.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from synth.match.measure.frames import TINY, ClipFrames, Powers, Values, band_gain

_SPEECH_PRIOR_DB = 15.0  # SNR of speech if there is some, as in the paper
_NOISE_KEPT = 0.6  # from frame to frame of 16 ms; the paper's 0.8 follows a fluctuation too late
_PROBABILITY_KEPT, _MAX_PROBABILITY = 0.9, 0.99  # as in the paper: a track must not stop at "always speech"
_SMOOTH_BINS = 5
_QUARTERS = 4  # of the band, from low to high
_MAX_DB = 60.0  # of a hint: digital silence would be minus infinity

KNOTS = (0.0, 7.0, 14.0, 22.0)
"""Values in dB of the hint `excess` at which a model has its own coefficients: from no speech to little noise."""
REACH = 4.0
"""How many scales from the center a hint counts: an odd clip must not extrapolate."""


def track_noise(frames: ClipFrames, margin: int) -> tuple[Values, Values]:
    """Track the noise through the speech.

    Args:
        frames: of the clip; the first and last are left out.
        margin: number of frames of a margin, from which a track starts.

    Returns:
        Power of the noise in the SNR's band, shape (frames - 2,) each, tracked forwards and backwards.
    """
    from scipy.ndimage import uniform_filter1d
    from scipy.special import expit

    gain = band_gain(frames)
    in_band = gain > 0.3
    power = frames.power[1:-1][:, in_band] if len(frames.power) > 8 else frames.power[:, in_band]
    both = np.stack([power, power[::-1]], axis=1)
    margins = [uniform_filter1d(end.mean(axis=0), _SMOOTH_BINS) for end in (power[:margin], power[-margin:])]
    noise: Powers = np.stack([np.asarray(np.maximum(each, TINY), np.float32) for each in margins])
    ratio = np.float32(10 ** (_SPEECH_PRIOR_DB / 10))
    log_ratio, scaled = np.log1p(ratio), both * (ratio / (1 + ratio))
    mean = np.full(noise.shape, 0.5, np.float32)
    speech, change = np.empty_like(mean), np.empty_like(mean)
    track = np.empty_like(both)
    for k in range(len(both)):  # in place: this loop is most of the time that hints take
        np.divide(scaled[k], noise, out=speech)
        speech -= log_ratio
        expit(speech, out=speech)
        mean *= _PROBABILITY_KEPT
        mean += np.multiply(speech, 1 - _PROBABILITY_KEPT, out=change)
        if mean.max() > _MAX_PROBABILITY:
            np.copyto(speech, np.minimum(speech, _MAX_PROBABILITY), where=mean > _MAX_PROBABILITY)
        np.subtract(both[k], noise, out=change)
        speech *= _NOISE_KEPT - 1
        speech += 1 - _NOISE_KEPT
        change *= speech
        noise = np.add(noise, change, out=track[k])
    in_total = track @ gain[in_band]
    return in_total[:, 0].astype(np.float64), in_total[::-1, 1].astype(np.float64)


def hints(frames: ClipFrames, band: Values, envelopes: Values, margin: int) -> dict[str, float]:
    """Hints in dB by name; the names are the same for all clips.

    Args:
        frames: of the clip.
        band: power in the SNR's band of the frames without the first and last, shape (frames - 2,).
        envelopes: power in mel bands of the same frames, shape (frames - 2, 20).
        margin: number of frames of a margin.
    """
    between = slice(margin, -margin) if len(band) >= 2 * margin + 4 else slice(None)
    level = to_db((float(band[:margin].mean()) + float(band[-margin:].mean())) / 2)
    named = _level_hints(band[between], level)
    forwards, backwards = (track[between] for track in track_noise(frames, margin))
    logs = (10 * np.log10(np.maximum(forwards, TINY)) + 10 * np.log10(np.maximum(backwards, TINY))) / 2
    named |= {
        "track_mean": to_db((float(forwards.mean()) + float(backwards.mean())) / 2) - level,
        "track_level": float(logs.mean()) - level,
        "track_low": to_db(float(np.minimum(forwards, backwards).mean())) - level,
        "track_sd": float(logs.std()),
        "track_apart": abs(to_db(float(forwards.mean())) - to_db(float(backwards.mean()))),
    }
    named |= _band_hints(envelopes, between, margin)
    named["length"] = 10 * float(np.log10(len(band) * frames.hop_seconds))
    return {name: min(max(float(value), -_MAX_DB), _MAX_DB) for name, value in named.items()}


def to_db(power: float) -> float:
    """Decibels of a power; silence is -200 dB."""
    return 10 * float(np.log10(max(power, TINY)))


def _level_hints(band: Values, level: float) -> dict[str, float]:
    """Percentiles of the levels of frames (p) and of means over five frames (s), and their mean."""
    from scipy.ndimage import uniform_filter1d

    of_frames, of_means = (5, 10, 20, 30, 50, 70, 85), (3, 10, 25, 50)
    named = {f"p{p}": to_db(v) - level for p, v in zip(of_frames, np.percentile(band, of_frames), strict=True)}
    smooth = np.percentile(uniform_filter1d(band, 5), of_means)
    named |= {f"s{p}": to_db(v) - level for p, v in zip(of_means, smooth, strict=True)}
    return named | {"mean": to_db(float(band.mean())) - level}


def _band_hints(envelopes: Values, between: slice, margin: int) -> dict[str, float]:
    """Levels in 20 bands above those of the margins: percentiles over time, by the bands' share of the noise."""
    from scipy.ndimage import uniform_filter1d

    noise = np.maximum((envelopes[:margin].mean(axis=0) + envelopes[-margin:].mean(axis=0)) / 2, TINY)
    share = noise / noise.sum()
    smooth = uniform_filter1d(envelopes, 3, axis=0)
    above = 10 * np.log10(np.maximum(smooth, TINY) / noise)
    percents = (10, 20, 30, 40, 50, 95)
    over = dict(zip(percents, np.percentile(above[between], percents, axis=0), strict=True))
    named = {f"weighted{p}": float(over[p] @ share) for p in percents[:-1]}
    named |= {f"plain{p}": float(over[p].mean()) for p in (20, 50)}
    named["lowest20"] = float(np.sort(over[20])[:7].mean())
    margins = np.concatenate([above[:margin], above[-margin:]])
    named["margin20"] = float(np.percentile(margins, 20, axis=0) @ share)
    for k, part in enumerate(np.array_split(np.arange(len(share)), _QUARTERS)):
        named[f"quiet_{k}"] = float(over[20][part].mean())
        named[f"share_{k}"] = to_db(float(share[part].sum()) + 1e-4)
        named[f"loud_{k}"] = float(over[95][part].mean())
    high = np.sort(above[between], axis=1)[:, -6:].mean(axis=1)
    named |= {f"high{p}": float(v) for p, v in zip((50, 90), np.percentile(high, (50, 90)), strict=True)}
    peaks = np.maximum(np.percentile(smooth[between], 95, axis=0) - noise, 0.0)
    named["excess"] = to_db(float(peaks.sum() / noise.sum()) + 1e-3)
    return named


@dataclass(frozen=True, slots=True)
class HintModel:
    """A ridge regression on hints whose coefficients move with the hint `excess`, linearly between KNOTS."""

    center: Mapping[str, float]  # of each hint, in dB
    scale: Mapping[str, float]  # of each hint, in dB
    # (1 + KNOTS, 1 + hints): the first row always counts, the first column is a constant; columns as in `center`.
    coefficients: tuple[tuple[float, ...], ...]

    def value(self, named: Mapping[str, float]) -> float:
        """The model at these hints, by name."""
        row = np.array([(named[name] - self.center[name]) / self.scale[name] for name in self.center])
        near = np.concatenate([[1.0], knot_weights(np.array([named["excess"]]))[0]])
        columns = np.concatenate([[1.0], np.clip(row, -REACH, REACH)])
        return float(near @ np.array(self.coefficients) @ columns)


def knot_weights(excess: Values) -> Values:
    """Weights of KNOTS for each `excess` in dB, shape (n,): shape (n, KNOTS), rows sum to 1, two are not 0."""
    columns = [np.interp(excess, KNOTS, row) for row in np.eye(len(KNOTS))]
    return np.stack(columns, axis=1)
