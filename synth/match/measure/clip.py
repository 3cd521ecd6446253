"""What can be measured of a clip by itself: the features of synth.match.measure.features, and where they are not to be trusted.

No clean speech, no transcript. Levels of speech and noise are those of the SNR's band, 200 to 7000 Hz (at most 0.45 of
the rate), in dB re full scale 1.0. Formulas: science notes of this project, section 1; the limits behind the flags
are conventions, and say so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synth.dsp.analysis.bands import band_levels, normalised
from synth.dsp.arrays import Mask, Samples
from synth.match.measure.bandwidth import Band, band_of, rumble
from synth.match.measure.features import FEATURES, RUMBLE_NAMES
from synth.match.measure.frames import TINY, Frames, Values, frames_of
from synth.match.measure.pitch import pitch_hz
from synth.match.measure.snr import (
    DEFAULT_CALIBRATION,
    Calibration,
    NoiseFloor,
    active_level,
    edge_frames,
    estimates_from,
    hints_of,
    noise_floor,
    tops,
    trained_estimate,
    unsteadiness,
)

FLAGS = ("trimmed", "unsteady", "wavering", "short", "telephone", "lowpass", "clipped", "no_speech", "clean")

SHORT_SECONDS = 0.5
TRIMMED_SHARE, TRIMMED_SECONDS = 0.15, 0.25
"""A clip is trimmed with less than this share without speech, where that is less than this long, too."""
UNSTEADY_DB, WAVERING_DB = 2.7, 2.5
"""Limits of the SD of 100-ms levels of the noise: as trained over the clip (`synth.match.measure.snr.unsteadiness`), and as
measured where there is no speech. Both are less than what is. Unsteady is a clip, too, whose margins hold frames with
an SD above 3.6 dB, or differ by more than 7 dB. With 23 real recordings, on which these numbers were chosen, each by a
model without it, and margins of 0.2 s, 86 % of the mixes whose noise has an SD of 5 to 7 dB are flagged (unsteady or
trimmed), 99 % of those above 7 dB, 31 % at 2 to 3 dB, and 4 to 9 % below (benchmarks/blind_snr.py).
"""
CLIPPED_SHARE = 1e-4
_SPREAD_DB, _DIFFERENCE_DB, _ALONE_DB = 3.6, 7.0, 3.5
_NO_SPEECH_SHARE = 0.02
_SPEECH_DB = (3.0, 8.0)
_HIGHEST = 6
_HANGOVER_SECONDS = 0.1
_QUIETEST = 0.25
_LOUDEST = 0.3
_LEVEL_SECONDS = 0.1
_RUN = 3
_FULL = 0.999


@dataclass(frozen=True, slots=True)
class Measured:
    """`features`: value by name, None where it could not be measured. `flags`: some of FLAGS, in their order.

    `raw`: SNR estimates before calibration. `snr_uncertainty_db`: standard deviation. `noise_power`: one-sided power
    spectrum of the noise, shape (bins,), whose sum is its mean power; `step_hz` lies between two of its bins.
    """

    features: Mapping[str, float | None]
    flags: tuple[str, ...]
    raw: Mapping[str, float]
    snr_uncertainty_db: float | None
    noise_power: Values
    step_hz: float


def measure_clip(samples: Samples, *, sample_rate: int, calibration: Calibration | None = None) -> Measured:
    """Measure a clip of shape (n,), full scale 1.0, of any length, at 4 kHz or more.

    Values that are not finite count as 0. `calibration`: what the SNR estimates mean; DEFAULT_CALIBRATION if not given.
    """
    samples = np.nan_to_num(np.asarray(samples), nan=0.0, posinf=0.0, neginf=0.0)
    frames = frames_of(samples, sample_rate=sample_rate)
    clipped, runs = _clipped_share(samples)
    features: dict[str, float | None] = {"duration_s": samples.size / sample_rate, "clipped_share": clipped}
    if float(frames.band.max()) <= TINY:
        flags = {"no_speech"} | ({"short"} if samples.size < SHORT_SECONDS * sample_rate else set())
        return _measured(features, flags, {}, None, np.zeros(frames.power.shape[1]), sample_rate / frames.size)
    calibration = calibration or DEFAULT_CALIBRATION
    floor = noise_floor(frames)
    noise_db = float(np.median([floor.corrected(name) for name in floor.levels]))
    noise = _noise_power(frames, noise_db)
    speech = _speech_mask(frames, noise_db, floor)
    hints = hints_of(frames, floor)
    raw = estimates_from(floor, tops(frames)) | trained_estimate(floor, hints)
    snr, uncertainty = calibration.snr(raw)
    band = band_of(samples, sample_rate=sample_rate)
    features |= {
        "snr_db": snr,
        "noise_dbfs": noise_db,
        "speech_dbfs": None if snr is None else _speech_level(frames, noise_db, snr),
        "level_sd_db": _level_sd(frames, speech, floor),
        "low_hz": band.low_hz if band else None,
        "high_hz": band.high_hz if band else None,
        "speech_tilt_db": _tilt(frames, noise),
        "modulation_4hz": _modulation(frames),
        "nonspeech_share": 1.0 - float(speech.mean()),
        "f0_hz": pitch_hz(samples, speech, sample_rate=sample_rate, hop_seconds=frames.hop_seconds),
    }
    features |= _colour(noise, rumble(samples, sample_rate=sample_rate), sample_rate)
    unsteady = is_unsteady(features["level_sd_db"], floor, unsteadiness(hints))
    flags = _flags(features, band, unsteady, floor.speech, calibration, runs)
    return _measured(features, flags, raw, uncertainty, noise, sample_rate / frames.size)


def _colour(noise: Values, below: Values | None, sample_rate: int) -> dict[str, float]:
    """The noise's bands against their mean, and the rumble against it."""
    bands = band_levels(noise, sample_rate=sample_rate)
    said = {f"noise_band_{k}": float(level) for k, level in enumerate(normalised(bands), start=1)}
    if below is None:
        return said
    return said | {name: float(level - bands.mean()) for name, level in zip(RUMBLE_NAMES, below, strict=True)}


def _measured(
    features: Mapping[str, float | None],
    flags: set[str],
    raw: Mapping[str, float],
    uncertainty: float | None,
    noise: Values,
    step_hz: float,
) -> Measured:
    found = {f.name: features.get(f.name) for f in FEATURES}
    finite = {name: value if value is not None and math.isfinite(value) else None for name, value in found.items()}
    return Measured(finite, tuple(flag for flag in FLAGS if flag in flags), raw, uncertainty, noise, step_hz)


def is_unsteady(level_sd: float | None, floor: NoiseFloor, trained: float | None) -> bool:
    """Whether the noise moves too much for its SNR to be trusted; `level_sd`: as measured, where none is trained."""
    if trained is None:
        return (level_sd or 0.0) > _ALONE_DB or floor.spread > _SPREAD_DB or floor.difference > _DIFFERENCE_DB
    return trained > UNSTEADY_DB or floor.spread > _SPREAD_DB or floor.difference > _DIFFERENCE_DB


def _flags(
    features: Mapping[str, float | None],
    band: Band | None,
    unsteady: bool,
    trimmed: bool,
    calibration: Calibration,
    runs: int,
) -> set[str]:
    """Why estimates are not to be trusted. The 15 % are from science; the other limits are our own."""
    duration, nonspeech = features["duration_s"] or 0.0, features["nonspeech_share"] or 0.0
    snr, level_sd = features["snr_db"], features["level_sd_db"] or 0.0
    said = {
        "trimmed": (nonspeech < TRIMMED_SHARE and nonspeech * duration < TRIMMED_SECONDS) or trimmed,
        "unsteady": unsteady,
        "wavering": not unsteady and level_sd > WAVERING_DB,
        "short": duration < SHORT_SECONDS,
        "telephone": band is not None and band.telephone,
        "lowpass": band is not None and band.cut,
        "clipped": runs > 1 and (features["clipped_share"] or 0.0) > CLIPPED_SHARE,
        "no_speech": snr is None or 1 - nonspeech < _NO_SPEECH_SHARE or (snr < 0 and features["f0_hz"] is None),
        "clean": snr is not None and snr > calibration.range_db[1],
    }
    return {flag for flag, is_so in said.items() if is_so}


def _clipped_share(samples: Samples) -> tuple[float | None, int]:
    """(share of samples in runs of three or more at the highest value, number of such runs); None for silence."""
    size = np.abs(samples)
    top = float(size.max(initial=0.0))
    if top <= 0:
        return None, 0
    at_top = np.flatnonzero(size >= _FULL * top)
    starts = np.concatenate([[0], np.flatnonzero(np.diff(at_top) > 1) + 1])
    lengths = np.diff(np.append(starts, len(at_top)))
    long = lengths[lengths >= _RUN]
    return float(long.sum()) / samples.size, len(long)


def _noise_power(frames: Frames, noise_db: float) -> Values:
    """Mean spectrum of the quarter of the frames that is quietest within the band, brought to the noise's level."""
    quiet = _quietest(frames)
    level = float(frames.band[quiet].mean())
    scale = 10 ** (noise_db / 10) / level if level > TINY else 1.0
    return np.asarray(frames.power[quiet].mean(axis=0, dtype=np.float64) * scale)


def _speech_mask(frames: Frames, noise_db: float, floor: NoiseFloor) -> Mask:
    """Frames with speech, with 0.1 s after each: the six bands of 20 that stand highest above the noise stand, on
    average, higher than within the margins (and by 3 to 8 dB).

    Our own; against mixes of steady noise (true share 0.1 to 0.3) the share without speech is 0.00 to 0.1 too high at 5
    to 20 dB, 0.1 at 0 dB and 0.2 at -5 dB: what is under the noise is not heard.
    """
    from scipy.ndimage import maximum_filter1d, uniform_filter1d

    quiet = _quietest(frames)
    noise = frames.envelopes[quiet].mean(axis=0)
    noise *= 10 ** (noise_db / 10) / max(float(frames.band[quiet].mean()), TINY)
    smooth = uniform_filter1d(frames.envelopes, 5, axis=0)
    above = (10 * np.log10(np.maximum(smooth, TINY) / np.maximum(noise, TINY))).clip(0.0, 40.0)
    highest = np.partition(above, -_HIGHEST, axis=1)[:, -_HIGHEST:].mean(axis=1)
    limit = _SPEECH_DB[0] + 1.0
    if not floor.speech:
        count = edge_frames(frames) + 1
        margins = np.concatenate([highest[1:count], highest[-count:-1]])
        limit = float(margins.mean() + margins.std()) + 0.5
    reach = max(1, round(_HANGOVER_SECONDS / frames.hop_seconds))
    heard = (highest > np.clip(limit, *_SPEECH_DB)).astype(np.uint8)
    return np.asarray(maximum_filter1d(heard, reach + 1, origin=reach // 2), np.bool_)


def _quietest(frames: Frames) -> npt.NDArray[np.intp]:
    """The quarter of the frames that is quietest within the band, at least four."""
    count = max(4, int(_QUIETEST * len(frames.band)))
    return np.argsort(frames.band, kind="stable")[:count]


def _speech_level(frames: Frames, noise_db: float, snr_db: float) -> float:
    """Active level of the speech in dB: from the noise's level and the SNR; from the clip itself where it is loud."""
    loud = 10 * math.log10(max(active_level(frames.band, frames.hop_seconds) - 10 ** (noise_db / 10), TINY))
    share = min(max((snr_db - 10) / 10, 0.0), 1.0)
    return share * loud + (1 - share) * (noise_db + snr_db)


def _level_sd(frames: Frames, speech: Mask, floor: NoiseFloor) -> float | None:
    """SD in dB of levels of 100 ms in the noise: without speech, and in the margins; None for fewer than three."""
    per = max(1, round(_LEVEL_SECONDS / frames.hop_seconds))
    noise = ~speech
    if not floor.speech:
        count = edge_frames(frames) + 1
        noise[:count] = noise[-count:] = True
    noise[0] = noise[-1] = False  # a cut is heard there
    levels = [
        10 * math.log10(max(float(frames.band[first + k : first + k + per].mean()), TINY))
        for first, length in _runs(noise)
        for k in range(0, length - per + 1, per)
    ]
    return float(np.std(levels, ddof=1)) if len(levels) >= 3 else None


def _runs(mask: Mask) -> list[tuple[int, int]]:
    """(start, length) of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]]))).tolist()
    return [(a, b - a) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _tilt(frames: Frames, noise: Values) -> float | None:
    """Level of 1-4 kHz less that of 0.2-1 kHz in dB, in the loudest 30 % of the frames less the noise; None where
    one of them does not stand above the noise."""
    count = max(1, int(_LOUDEST * len(frames.band)))
    loud = np.argsort(frames.band, kind="stable")[-count:]
    left = frames.power[loud].mean(axis=0, dtype=np.float64) - noise
    hz, top = frames.hz, min(4000.0, 0.45 * frames.sample_rate)
    low, high = (hz >= 200) & (hz < 1000), (hz >= 1000) & (hz <= top)
    powers = [(float(left[part].sum()), float(noise[part].sum())) for part in (low, high)]
    if any(speech <= 0.1 * under or speech <= TINY for speech, under in powers):
        return None
    return 10 * math.log10(powers[1][0] / powers[0][0])


def _modulation(frames: Frames) -> float | None:
    """Share of 2 to 8 Hz in the modulation from 0.5 to 16 Hz of the levels of 20 bands; None below 1 s."""
    from scipy.fft import next_fast_len, rfft, rfftfreq

    count = len(frames.envelopes)
    if count * frames.hop_seconds < 1.0:
        return None
    level = np.log(frames.envelopes + max(1e-6 * float(frames.envelopes.max()), TINY))
    window = np.sin(np.pi * (np.arange(count) + 0.5) / count) ** 2
    size = next_fast_len(count, real=True)
    spectra = rfft((level - level.mean(axis=0)) * window[:, None], size, axis=0)
    power = (spectra.real**2 + spectra.imag**2).sum(axis=1)
    hz = rfftfreq(size, frames.hop_seconds)
    whole = float(power[(hz >= 0.5) & (hz <= 16)].sum())
    return float(power[(hz >= 2) & (hz <= 8)].sum()) / whole if whole > TINY else None
