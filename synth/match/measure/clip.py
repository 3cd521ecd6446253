"""Everything that can be measured of a clip by itself, and flags that say what is not to be trusted.

Neither clean speech nor a transcript is needed. Levels of speech and noise are those of the SNR's band, 200 to 7000 Hz
(at most 0.45 of the sample rate), in dB re full scale 1.0. The formulas are in docs/science.md, "Features of a clip".
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synth.dsp.analysis.bands import band_levels, normalize_levels
from synth.dsp.arrays import Mask, Samples
from synth.dsp.windows import hann
from synth.match.measure.bandwidth import Band, band_of, rumble_of
from synth.match.measure.calibration import DEFAULT_CALIBRATION, Calibration
from synth.match.measure.features import BAND_NAMES, FEATURES, RUMBLE_NAMES
from synth.match.measure.frames import TINY, ClipFrames, Values, frames_of
from synth.match.measure.pitch import pitch_hz
from synth.match.measure.snr import (
    NoiseFloor,
    active_power,
    floor_estimates,
    hints_of,
    margin_frames,
    noise_floor,
    total_powers,
    trained_estimate,
    trained_fluctuation,
)

FLAGS = ("trimmed", "non_stationary", "fluctuating", "short", "telephone", "lowpass", "clipped", "no_speech", "clean")

VERSION = 1
"""Of what `measure_clip` returns: raise it whenever a value changes, so that no cache keeps the old ones.

tests/match/measure/test_clip.py pins the values.
"""

SHORT_SECONDS = 0.5
"""In a shorter clip the two margins of 0.17 s leave less than 0.16 s for speech."""
TRIMMED_SHARE, TRIMMED_SECONDS = 0.15, 0.25
"""A clip is trimmed if less than this share and less than this long is without speech.

Clips that were cut to the speech have errors of the SNR of 3.3 to 4.7 dB (SD), with 0.2 s of margins 1.1 to 2.7 dB
(docs/science.md, "Blind SNR").
"""
NON_STATIONARY_DB, FLUCTUATING_DB = 2.7, 2.5
"""Limits of the measured level fluctuation: as trained over the clip, and where there is no speech.

Both values are less than the true fluctuation. A clip is also non-stationary if the frames of a margin have an SD above
3.6 dB, or the margins differ by more than 7 dB. Chosen on mixes of 23 recordings (benchmarks/blind_snr.py), each judged
by a model without it, with margins of 0.2 s: flagged (non-stationary or trimmed) are 99 % of the mixes whose noise has
a fluctuation above 7 dB, 86 % at 5 to 7 dB, 31 % at 2 to 3 dB, and 4 to 9 % below.
"""
CLIPPED_SHARE = 1e-4
"""Least share of clipped samples for the flag, chosen: 1 ms of clipped samples in 10 s."""

_MARGIN_SPREAD_DB, _MARGIN_DIFFERENCE_DB = 3.6, 7.0  # see NON_STATIONARY_DB
_UNTRAINED_DB = 3.5  # limit of the fluctuation where there is no trained value: above FLUCTUATING_DB, as it is noisier
_LEAST_SPEECH_SHARE = 0.02  # the hangover of a single frame in 6 s of noise is less
_HANGOVER_SECONDS = 0.1  # ends of words fall below the noise
# How far the bands with most speech must be above the noise for a frame to hold speech, and how many bands. On mixes of
# stationary noise (true share without speech 0.1 to 0.3) the measured share is 0.00 to 0.1 too high at 5 to 20 dB, 0.1
# at 0 dB and 0.2 at -5 dB: speech that is under the noise is missed.
_SPEECH_DB, _SPEECH_BANDS = (3.0, 8.0), 6
_QUIET_SHARE = 0.25  # of the frames: the noise spectrum is theirs; chosen, little speech is as quiet
_LOUD_SHARE = 0.3  # of the frames: the tilt of the speech is theirs; chosen, they are vowels rather than pauses
_LEVEL_SECONDS = 0.1  # of a level whose fluctuation is measured (docs/science.md, "Stationary noise")
_CLIPPED_RUN, _CLIPPED_LEVEL = (
    3,
    0.999,
)  # samples in a row at this share of the peak (docs/science.md, "Features of a clip")


@dataclass(frozen=True, slots=True)
class ClipMeasurement:
    """What was measured of a clip."""

    features: Mapping[str, float | None]  # all of FEATURES by name; None if one could not be measured
    flags: tuple[str, ...]  # some of FLAGS, in their order
    raw: Mapping[str, float]  # SNR estimates before calibration, dB by estimator
    snr_uncertainty_db: float | None  # standard deviation of the error of the SNR
    noise_power: Values  # (bins,), one-sided power spectrum of the noise; its sum is the mean power
    step_hz: float  # from bin to bin


def measure_clip(
    samples: Samples, *, sample_rate: int, calibration: Calibration = DEFAULT_CALIBRATION
) -> ClipMeasurement:
    """Measure a clip of any length.

    Args:
        samples: shape (n,), full scale 1.0; values that are not finite count as 0.
        sample_rate: Hz, 4000 or more.
        calibration: what the SNR estimates mean.
    """
    samples = np.nan_to_num(np.asarray(samples), nan=0.0, posinf=0.0, neginf=0.0)
    frames = frames_of(samples, sample_rate=sample_rate)
    step_hz = sample_rate / frames.size
    clipped_share, clipped_runs = _clipping(samples)
    features: dict[str, float | None] = dict.fromkeys(feature.name for feature in FEATURES)
    features |= {"duration_s": samples.size / sample_rate, "clipped_share": clipped_share}
    if float(frames.band.max()) <= TINY:
        flags = ("short", "no_speech") if samples.size < SHORT_SECONDS * sample_rate else ("no_speech",)
        return ClipMeasurement(features, flags, {}, None, np.zeros(frames.power.shape[1]), step_hz)

    floor = noise_floor(frames)
    noise_db = float(np.median([floor.corrected(name) for name in floor.levels]))
    quiet = np.argsort(frames.band, kind="stable")[: max(4, int(_QUIET_SHARE * len(frames.band)))]
    quiet_power = float(frames.band[quiet].mean())
    scale = 10 ** (noise_db / 10) / quiet_power if quiet_power > TINY else 1.0
    noise = np.asarray(frames.power[quiet].mean(axis=0, dtype=np.float64) * scale)
    speech = _speech_mask(frames, quiet, noise_db, floor)
    hints = hints_of(frames, floor)
    raw = floor_estimates(floor, total_powers(frames)) | trained_estimate(hints)
    snr, uncertainty = calibration.snr(raw)
    band = band_of(samples, sample_rate=sample_rate)
    bands = band_levels(noise, sample_rate=sample_rate)
    rumble = rumble_of(samples, sample_rate=sample_rate)
    fluctuation = _fluctuation(frames, speech, floor)
    features |= {
        "snr_db": snr,
        "noise_dbfs": noise_db,
        "speech_dbfs": None if snr is None else _speech_level(frames, noise_db, snr),
        "fluctuation_db": fluctuation,
        "low_hz": band.low_hz if band else None,
        "high_hz": band.high_hz if band else None,
        "speech_tilt_db": _tilt(frames, noise),
        "modulation_4hz": _modulation(frames),
        "nonspeech_share": 1.0 - float(speech.mean()),
        "f0_hz": pitch_hz(samples, speech, sample_rate=sample_rate, hop_seconds=frames.hop_seconds),
    }
    features |= {name: float(level) for name, level in zip(BAND_NAMES, normalize_levels(bands), strict=False)}
    if rumble is not None:
        features |= {name: float(level - bands.mean()) for name, level in zip(RUMBLE_NAMES, rumble, strict=True)}
    features = {name: value if value is not None and math.isfinite(value) else None for name, value in features.items()}
    raised = _flags(features, band, floor, trained_fluctuation(hints), clipped_runs, calibration)
    return ClipMeasurement(features, tuple(flag for flag in FLAGS if raised[flag]), raw, uncertainty, noise, step_hz)


def is_non_stationary(fluctuation: float | None, floor: NoiseFloor, trained: float | None) -> bool:
    """Whether the level of the noise fluctuates too much for its SNR to be trusted.

    Args:
        fluctuation: as measured without speech, dB; used if there is no trained value.
        floor: what the margins say.
        trained: as trained over the clip, dB.
    """
    if floor.spread > _MARGIN_SPREAD_DB or floor.difference > _MARGIN_DIFFERENCE_DB:
        return True
    return (fluctuation or 0.0) > _UNTRAINED_DB if trained is None else trained > NON_STATIONARY_DB


def _flags(
    features: Mapping[str, float | None],
    band: Band | None,
    floor: NoiseFloor,
    trained: float | None,
    clipped_runs: int,
    calibration: Calibration,
) -> dict[str, bool]:
    """Whether each of FLAGS is raised."""
    duration, nonspeech = features["duration_s"] or 0.0, features["nonspeech_share"] or 0.0
    snr, fluctuation = features["snr_db"], features["fluctuation_db"]
    non_stationary = is_non_stationary(fluctuation, floor, trained)
    little_noise = nonspeech < TRIMMED_SHARE and nonspeech * duration < TRIMMED_SECONDS
    # Noise alone has an SNR below 0 dB after calibration, and no pitch.
    no_voice = snr is None or (snr < 0 and features["f0_hz"] is None)
    return {
        "trimmed": little_noise or floor.has_speech,
        "non_stationary": non_stationary,
        "fluctuating": not non_stationary and (fluctuation or 0.0) > FLUCTUATING_DB,
        "short": duration < SHORT_SECONDS,
        "telephone": band is not None and band.is_telephone,
        "lowpass": band is not None and band.cut,
        "clipped": clipped_runs > 1 and (features["clipped_share"] or 0.0) > CLIPPED_SHARE,
        "no_speech": no_voice or 1 - nonspeech < _LEAST_SPEECH_SHARE,
        "clean": snr is not None and snr > calibration.range_db[1],
    }


def _clipping(samples: Samples) -> tuple[float | None, int]:
    """(share of samples in runs of three or more at the peak, number of such runs); None for silence."""
    magnitude = np.abs(samples)
    peak = float(magnitude.max(initial=0.0))
    if peak <= 0:
        return None, 0
    at_peak = np.flatnonzero(magnitude >= _CLIPPED_LEVEL * peak)
    starts = np.concatenate([[0], np.flatnonzero(np.diff(at_peak) > 1) + 1])
    lengths = np.diff(np.append(starts, len(at_peak)))
    runs = lengths[lengths >= _CLIPPED_RUN]
    return float(runs.sum()) / samples.size, len(runs)


def _speech_mask(frames: ClipFrames, quiet: npt.NDArray[np.intp], noise_db: float, floor: NoiseFloor) -> Mask:
    """Frames with speech, and 0.1 s after each.

    A frame holds speech if the six of 20 bands that are highest above the noise are, on average, higher than in the
    margins (and by 3 to 8 dB).
    """
    from scipy.ndimage import maximum_filter1d, uniform_filter1d

    noise = frames.envelopes[quiet].mean(axis=0)
    noise *= 10 ** (noise_db / 10) / max(float(frames.band[quiet].mean()), TINY)
    smooth = uniform_filter1d(frames.envelopes, 5, axis=0)
    above = (10 * np.log10(np.maximum(smooth, TINY) / np.maximum(noise, TINY))).clip(0.0, 40.0)
    highest = np.partition(above, -_SPEECH_BANDS, axis=1)[:, -_SPEECH_BANDS:].mean(axis=1)
    limit = _SPEECH_DB[0] + 1.0
    if not floor.has_speech:
        count = margin_frames(frames) + 1
        margins = np.concatenate([highest[1:count], highest[-count:-1]])
        limit = float(margins.mean() + margins.std()) + 0.5
    reach = max(1, round(_HANGOVER_SECONDS / frames.hop_seconds))
    has_speech = (highest > np.clip(limit, *_SPEECH_DB)).astype(np.uint8)
    return np.asarray(maximum_filter1d(has_speech, reach + 1, origin=reach // 2), np.bool_)


def _speech_level(frames: ClipFrames, noise_db: float, snr_db: float) -> float:
    """Active level of the speech in dB.

    At 10 dB SNR and less it follows from the levels of the noise and the SNR; at 20 dB and more it is that of the clip
    itself, which then depends least on the estimates.
    """
    excess = active_power(frames.band, frames.hop_seconds) - 10 ** (noise_db / 10)
    loud = 10 * math.log10(max(excess, TINY))
    share = min(max((snr_db - 10) / 10, 0.0), 1.0)
    return share * loud + (1 - share) * (noise_db + snr_db)


def _fluctuation(frames: ClipFrames, speech: Mask, floor: NoiseFloor) -> float | None:
    """SD in dB of the 100-ms levels of the noise, without speech and in the margins; None for fewer than three."""
    length = max(1, round(_LEVEL_SECONDS / frames.hop_seconds))
    noise = ~speech
    if not floor.has_speech:
        count = margin_frames(frames) + 1
        noise[:count] = noise[-count:] = True
    noise[0] = noise[-1] = False  # they hold the click of a cut
    edges = np.flatnonzero(np.diff(np.concatenate([[0], noise.astype(np.int8), [0]]))).tolist()
    levels = [
        10 * math.log10(max(float(frames.band[first : first + length].mean()), TINY))
        for start, end in zip(edges[::2], edges[1::2], strict=True)
        for first in range(start, end - length + 1, length)
    ]
    return float(np.std(levels, ddof=1)) if len(levels) >= 3 else None


def _tilt(frames: ClipFrames, noise: Values) -> float | None:
    """Level of 1-4 kHz less that of 0.2-1 kHz in dB, in the loudest frames less the noise.

    None if either band is not above the noise.
    """
    count = max(1, int(_LOUD_SHARE * len(frames.band)))
    loud = np.argsort(frames.band, kind="stable")[-count:]
    speech = frames.power[loud].mean(axis=0, dtype=np.float64) - noise
    hz, top = frames.hz, min(4000.0, 0.45 * frames.sample_rate)
    masks = (hz >= 200) & (hz < 1000), (hz >= 1000) & (hz <= top)
    low, high = (float(speech[mask].sum()) for mask in masks)
    noise_low, noise_high = (float(noise[mask].sum()) for mask in masks)
    if low <= max(0.1 * noise_low, TINY) or high <= max(0.1 * noise_high, TINY):
        return None
    return 10 * math.log10(high / low)


def _modulation(frames: ClipFrames) -> float | None:
    """Share of 2 to 8 Hz in the modulation from 0.5 to 16 Hz of the levels of 20 bands; None below 1 s."""
    from scipy.fft import next_fast_len, rfft, rfftfreq

    count = len(frames.envelopes)
    if count * frames.hop_seconds < 1.0:
        return None
    level = np.log(frames.envelopes + max(1e-6 * float(frames.envelopes.max()), TINY))
    window = hann(count)
    size = next_fast_len(count, real=True)
    spectra = rfft((level - level.mean(axis=0)) * window[:, None], size, axis=0)
    power = (spectra.real**2 + spectra.imag**2).sum(axis=1)
    hz = rfftfreq(size, frames.hop_seconds)
    total = float(power[(hz >= 0.5) & (hz <= 16)].sum())
    return float(power[(hz >= 2) & (hz <= 8)].sum()) / total if total > TINY else None
