"""The SNR of a clip without its clean speech: several estimators of the noise level.

The SNR is that of 200 to 7000 Hz (at most 0.45 of the sample rate): the active level of the speech (ITU-T P.56) less
the mean level of the noise under it, both band-passed, as `synth.dsp.mix` sets it. All estimators look for the level of
the noise and take the rest for speech. They differ in where they look:

- `nist`: the 15th percentile of the levels of 32-ms frames, against the 95th (after NIST's STNR);
- `floor`: the quietest fifth of the frames, against the active level;
- `subband`: the 15th percentile in each of 20 mel bands;
- `edges`: the first and last 0.17 s of the clip, where margins are;
- `trained`: a regression on many such numbers (synth.match.measure.noise_hints).

The quietest frames of noise are quieter than its mean, the more its level fluctuates. The first three are therefore
corrected by what the margins tell; if the margins hold speech, `edges` and `trained` say nothing.
What the estimates mean together is in synth.match.measure.calibration. Why and how well: docs/science.md, "Blind SNR".
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from synth.dsp.arrays import Samples
from synth.match.measure.calibration_constants import CORRECTION, FLUCTUATION, TRAINED
from synth.match.measure.frames import TINY, ClipFrames, Values, frames_of
from synth.match.measure.noise_hints import HintModel, hints, to_db

Correction: TypeAlias = tuple[float, float, float]
"""dB, factor of (margins - level), factor of the spread within the margins."""

ESTIMATORS = ("nist", "floor", "subband", "edges", "trained")
EDGE_SECONDS = 0.17
"""What counts as a margin: a little less than 0.2 s, the shortest margin of the mixes that were fitted to."""

_QUIET_SHARE = 0.2
_P56_MARGIN = 10**1.59  # ITU-T P.56: speech is active down to 15.9 dB below its active level
_P56_HANGOVER_SECONDS = 0.2
_MAX_DB = 60.0  # of every raw estimate: digital silence between words measures nothing
_SPEECH_IN_MARGINS_DB = 8.0  # margins this far above the quietest fifth hold speech, or noise that nothing predicts
# For clips whose margins hold speech: margins above the quiet levels, and spread within a margin. In the mixes of
# calibration_constants.TRAINED the means are 1.3 to 2.7 dB and 1.6 dB.
_USUAL_EDGE_DB, _USUAL_SPREAD_DB = 1.5, 1.7
_SNR_MODEL, _FLUCTUATION_MODEL = HintModel(*TRAINED), HintModel(*FLUCTUATION)


@dataclass(frozen=True, slots=True)
class NoiseFloor:
    """Uncorrected levels of the noise in the SNR's band, and what the margins say."""

    levels: Mapping[str, float]  # dB by estimator
    edges: float  # mean level of the margins, dB
    spread: float  # SD of the frame levels within a margin, dB
    difference: float  # between the levels of the first and last margin, dB
    has_speech: bool  # the margins are so loud that they are taken for speech

    def corrected(self, name: str, correction: Mapping[str, Correction] = CORRECTION) -> float:
        """Level of the noise in dB by an estimator other than `edges`."""
        level = self.levels[name]
        constant, per_db, per_spread = correction[name]
        if self.has_speech:
            return level + constant + per_db * _USUAL_EDGE_DB + per_spread * _USUAL_SPREAD_DB
        return level + constant + per_db * (self.edges - level) + per_spread * self.spread


def raw_estimates(samples: Samples, *, sample_rate: int) -> dict[str, float]:
    """Uncalibrated estimates of the SNR.

    Args:
        samples: shape (n,), full scale 1.0.
        sample_rate: Hz.

    Returns:
        dB by name of the estimator; some of ESTIMATORS, none for silence.
    """
    frames = frames_of(samples, sample_rate=sample_rate)
    if float(inner(frames)[0].max()) <= TINY:
        return {}
    floor = noise_floor(frames)
    return floor_estimates(floor, total_powers(frames)) | trained_estimate(hints_of(frames, floor))


def noise_floor(frames: ClipFrames) -> NoiseFloor:
    """Estimate the level of the noise from the quietest frames and the margins."""
    from scipy.ndimage import uniform_filter1d

    band, envelopes = inner(frames)
    level = 10 * np.log10(band + TINY)
    quiet = np.sort(band)[: max(4, int(_QUIET_SHARE * len(band)))]
    smooth = uniform_filter1d(envelopes, 3, axis=0)
    # The slopes of the band filter reach beyond the mel bands, so their sum is a little less than the band's power.
    share = band.mean() / max(float(envelopes.sum(axis=1).mean()), TINY)
    levels = {
        "nist": float(np.percentile(level, 15)),
        "floor": to_db(float(quiet.mean())),
        "subband": to_db(float(np.percentile(smooth, 15, axis=0).sum()) * share),
    }
    count = margin_frames(frames)
    first, last = slice(0, count), slice(len(band) - count, len(band))
    before, after = float(band[first].mean()), float(band[last].mean())
    edges = to_db((before + after) / 2)
    spread = math.sqrt((float(level[first].var()) + float(level[last].var())) / 2)
    difference = abs(to_db(before) - to_db(after))
    return NoiseFloor(levels, edges, spread, difference, edges - levels["floor"] > _SPEECH_IN_MARGINS_DB)


def total_powers(frames: ClipFrames) -> dict[str, float]:
    """Mean power of speech and noise together, as each estimator takes it.

    It is that between the margins, so that a word has as much of it as a sentence.
    """
    band, _ = inner(frames)
    count = margin_frames(frames)
    between = band[count:-count] if len(band) >= 2 * count + 4 else band
    mean = float(between.mean())
    peak = float(np.percentile(between, 95))
    return {"nist": peak, "floor": active_power(between, frames.hop_seconds), "subband": mean, "edges": mean}


def floor_estimates(
    floor: NoiseFloor, totals: Mapping[str, float], correction: Mapping[str, Correction] = CORRECTION
) -> dict[str, float]:
    """Estimates of the SNR in dB, all but `trained`: what remains of the total power above the noise, -20 to 60 dB."""
    noise_db = {name: floor.corrected(name, correction) for name in floor.levels}
    if not floor.has_speech:
        noise_db["edges"] = floor.edges
    estimates = {}
    for name in (name for name in ESTIMATORS if name in noise_db):
        noise = 10 ** (noise_db[name] / 10)
        speech = max(totals[name] - noise, 0.01 * noise, TINY)
        estimates[name] = min(10 * math.log10(speech / max(noise, TINY)), _MAX_DB)
    return estimates


def hints_of(frames: ClipFrames, floor: NoiseFloor) -> dict[str, float]:
    """Hints in dB by name, relative to the margins; none if the margins hold speech."""
    if floor.has_speech:
        return {}
    named = hints(frames, *inner(frames), margin_frames(frames))
    named |= {"spread": floor.spread, "difference": min(floor.difference, _MAX_DB)}
    totals = total_powers(frames)
    levels = {f"{name}_top": to_db(totals[name]) for name in ("floor", "edges")} | dict(floor.levels)
    return named | {name: min(max(level - floor.edges, -_MAX_DB), _MAX_DB) for name, level in levels.items()}


def trained_estimate(named_hints: Mapping[str, float], model: HintModel = _SNR_MODEL) -> dict[str, float]:
    """The estimate `trained` of the SNR in dB by its name; empty without hints."""
    return {"trained": model.value(named_hints)} if named_hints else {}


def trained_fluctuation(named_hints: Mapping[str, float], model: HintModel = _FLUCTUATION_MODEL) -> float | None:
    """Level fluctuation of the noise over the clip, also under the speech: SD in dB of its 100-ms levels.

    The values are 1 to 9 dB, and too small for noise that fluctuates much. None without hints.
    """
    return math.exp(model.value(named_hints)) if named_hints else None


def inner(frames: ClipFrames) -> tuple[Values, Values]:
    """(band, envelopes) of the frames without the first and the last, which hold the click of a cut."""
    kept = slice(1, -1) if len(frames.band) > 8 else slice(None)
    return frames.band[kept], frames.envelopes[kept]


def margin_frames(frames: ClipFrames) -> int:
    """Number of frames that count as a margin; at most half of the clip."""
    half = len(inner(frames)[0]) // 2
    return max(1, min(half, round(EDGE_SECONDS / frames.hop_seconds)))


def active_power(band: Values, hop_seconds: float) -> float:
    """Active speech level (ITU-T P.56) on frames.

    Args:
        band: power of each frame, shape (frames,).
        hop_seconds: seconds from frame to frame.

    Returns:
        Mean power of the frames within 15.9 dB of this mean, and of 0.2 s after each of them.
    """
    from scipy.ndimage import maximum_filter1d, uniform_filter1d

    reach = max(1, round(_P56_HANGOVER_SECONDS / hop_seconds))
    smooth, total = uniform_filter1d(band, 3), float(band.sum())
    power = total / len(band)
    for _ in range(6):  # a fixed point: 78 clips of speech were within 0.03 dB of it after two steps
        is_active = maximum_filter1d((smooth > power / _P56_MARGIN).astype(np.uint8), reach + 1, origin=reach // 2)
        power = total / max(1.0, float(is_active.sum()))
    return power
