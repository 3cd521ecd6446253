"""Levels of speech and noise: ITU-T P.56, mean power, BS.1770, and the weightings under which they are taken.

All levels are mean powers (full scale 1.0) or dB of them; 0 dB is a power of 1, so a full-scale sine has -3.01 dB.
Silence is never -inf: functions that need a level raise `SilentError`.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from synth.dsp.effects.effect import Samples
from synth.units import power_to_db

BAND_LOW_HZ = 200.0
BAND_HIGH_HZ = 7000.0
WEIGHTINGS = ("band", "a", "none")
SILENCE = 1e-14  # mean power: -140 dB, far below one step of 24 bits
_P56_MARGIN_DB = 15.9
_P56_TIME_CONSTANT = 0.03
_P56_HANGOVER = 0.2
_FRAME = 1024


class SilentError(ValueError):
    """There is no signal to take a level of."""


def band_edges(sample_rate: int) -> tuple[float, float]:
    """Edges in Hz of the band in which car noise hides speech: 200 Hz to min(7000, 0.45 sample_rate)."""
    return BAND_LOW_HZ, min(BAND_HIGH_HZ, 0.45 * sample_rate)


@lru_cache
def weighting_filter(weighting: str, sample_rate: int) -> npt.NDArray[np.float64] | None:
    """Second-order sections of a weighting, causal; None for `none`.

    `band`: 4th-order Butterworth band-pass (scipy's N=4, 24 dB an octave on both sides). `a`: IEC 61672-1 A-weighting,
    0 dB at 1 kHz; its poles below Nyquist by the bilinear transform, the double pole at 12.2 kHz matched in magnitude (the
    bilinear transform alone would be 3 dB off at 6 kHz for a rate of 16 kHz; so it is within 0.1 dB up to 5 kHz).
    """
    if weighting == "none":
        return None
    if weighting == "band":
        from scipy.signal import butter  # scipy.signal takes 0.6 s of CPU to import: only where a filter is used

        return np.asarray(butter(4, band_edges(sample_rate), "bandpass", fs=sample_rate, output="sos"))
    if weighting == "a":
        return _a_weighting(sample_rate)
    raise ValueError(f"weighting={weighting!r} is not one of {WEIGHTINGS}")


_A_POLES_HZ = (20.598997, 20.598997, 107.65265, 737.86223)
_A_HIGH_POLE_HZ = 12194.217


def _a_weighting(sample_rate: int) -> npt.NDArray[np.float64]:
    zeros, poles = np.ones(4), np.array([_bilinear_pole(hz, sample_rate) for hz in _A_POLES_HZ])
    b_high, a_high = _matched_low_pass(_A_HIGH_POLE_HZ, sample_rate)
    sos = np.zeros((3, 6))
    for section, pair in enumerate((slice(0, 2), slice(2, 4))):
        sos[section] = [*np.poly(zeros[pair]), *np.poly(poles[pair])]
    sos[2] = [*np.convolve(b_high, b_high), *np.convolve(a_high, a_high)]
    sos[0, :3] /= math.sqrt(float(_power_response(sos, np.array([1000.0]), sample_rate)[0]))
    return sos


def _bilinear_pole(hz: float, sample_rate: int) -> float:
    warped = math.tan(math.pi * hz / sample_rate)
    return (1 - warped) / (1 + warped)


def _matched_low_pass(hz: float, sample_rate: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """One-pole low-pass with the analogue magnitude at 0 Hz and at 0.35 of the rate (after Vicanek 2016)."""
    pole = math.exp(-2 * math.pi * hz / sample_rate)
    at = 2 * math.pi * 0.35
    target = 1 / (1 + (0.35 * sample_rate / hz) ** 2)
    right = target * (1 + pole * pole - 2 * pole * math.cos(at))
    product = ((1 - pole) ** 2 - right) / (2 * (1 - math.cos(at)))
    root = math.sqrt(max((1 - pole) ** 2 / 4 - product, 0.0))
    b0 = (1 - pole) / 2 + root
    return np.array([b0, 1 - pole - b0]), np.array([1.0, -pole])


def _power_response(sos: npt.NDArray[np.float64], hz: npt.NDArray[np.float64], rate: int) -> npt.NDArray[np.float64]:
    """|H|^2 of second-order sections at the frequencies `hz`."""
    z = np.exp(-2j * np.pi * hz / rate)
    powers = np.stack([np.ones_like(z), z, z * z])
    top, bottom = sos[:, :3] @ powers, sos[:, 3:] @ powers
    return np.asarray(np.prod(np.abs(top) ** 2 / np.abs(bottom) ** 2, axis=0))


def weight(stem: Samples, *, weighting: str, sample_rate: int) -> Samples:
    """The stem under a weighting: causal, from zero state, shape (n,) as it came."""
    sos = weighting_filter(weighting, sample_rate)
    if sos is None:
        return stem
    from scipy.signal import sosfilt

    return np.asarray(sosfilt(sos, stem))


def mean_power(samples: Samples) -> float:
    """Mean of the squares; 0.0 for no samples."""
    return float(np.dot(samples, samples)) / samples.size if samples.size else 0.0


def level_dbfs(samples: Samples) -> float:
    """Unweighted RMS level in dB re full scale 1.0 (a full-scale sine: -3.01); -inf for silence."""
    return power_to_db(mean_power(samples))


def active_power(samples: Samples, *, sample_rate: int) -> tuple[float, float]:
    """Active speech level of ITU-T P.56 (method B): (mean power while active, activity factor in 0..1].

    The envelope of the standard (two exponential averages of |x|, 30 ms) is followed at about 1 kHz (the standard asks for
    694 Hz or more); hangover 0.2 s, margin 15.9 dB, thresholds 6.02 dB apart on the standard's grid (powers of two of full
    scale), continued downwards so that the measure does not depend on the gain.

    Raises:
        SilentError: no activity found.
    """
    energy = float(np.dot(samples, samples))
    if samples.size == 0 or energy / samples.size < SILENCE:
        raise SilentError("no signal")
    block = max(1, round(sample_rate / 1000))
    envelope = _p56_envelope(samples, block, sample_rate)
    power = _p56_power(envelope, energy, block=block, num_samples=samples.size, sample_rate=sample_rate)
    return power, min(1.0, energy / (power * samples.size))


def _p56_envelope(samples: Samples, block: int, sample_rate: int) -> Samples:
    from scipy.signal import lfilter

    whole = samples.size // block * block
    mean = np.abs(samples[:whole]).reshape(-1, block) @ np.full(block, 1 / block)
    if whole < samples.size:
        mean = np.append(mean, np.abs(samples[whole:]).sum() / block)
    g = math.exp(-block / (sample_rate * _P56_TIME_CONSTANT))
    once = [1 - g], [1, -g]
    return np.asarray(lfilter(*once, lfilter(*once, mean)))


def _p56_power(envelope: Samples, energy: float, *, block: int, num_samples: int, sample_rate: int) -> float:
    """The active power: where it lies 15.9 dB above the threshold, interpolated in dB between two thresholds."""
    hangover = round(_P56_HANGOVER * sample_rate / block)

    def at(exponent: int) -> tuple[float, float]:
        """(active level in dB, how far it lies above threshold + margin) for the threshold 2**exponent."""
        active = min(_active_blocks(envelope, 2.0**exponent, hangover) * block, num_samples)
        level = 10 * math.log10(energy / active)
        return level, level - 20 * math.log10(2.0) * exponent - _P56_MARGIN_DB

    above = math.floor(math.log2(float(envelope.max())))
    top, distance = at(above)
    if distance >= 0:
        return float(10 ** (top / 10))
    below = above - 18  # the level falls by at most 6 dB over the whole range, so the crossing lies within 18 steps
    while above - below > 1:
        middle = (above + below) // 2
        if at(middle)[1] < 0:
            above = middle
        else:
            below = middle
    (high, d_high), (low, d_low) = at(above), at(below)
    return float(10 ** ((high - d_high / (d_low - d_high) * (low - high)) / 10))


def _active_blocks(envelope: Samples, threshold: float, hangover: int) -> int:
    """How many blocks are at or above the threshold, or within the hangover after such a block."""
    above = np.flatnonzero(envelope >= threshold)
    reach = hangover + 1
    last = min(reach, envelope.size - int(above[-1]))
    return int(np.minimum(np.diff(above), reach).sum()) + last


def loudness_power(samples: Samples, *, sample_rate: int) -> float:
    """Integrated loudness of ITU-R BS.1770-5 (mono) as a mean power: 10 log10 of it - 0.691 is LUFS.

    K-weighting, blocks of 400 ms with 75 % overlap, gates at -70 LUFS and 10 LU below the ungated level.

    Raises:
        ValueError: shorter than 0.4 s.
        SilentError: nothing above -70 LUFS.
    """
    from scipy.signal import sosfilt

    block, hop = round(0.4 * sample_rate), round(0.1 * sample_rate)
    if samples.size < block:
        raise ValueError(f"loudness needs at least 0.4 s, these are {samples.size / sample_rate:.3f} s")
    weighted = sosfilt(_k_weighting(sample_rate), samples)
    sums = np.concatenate([[0.0], np.cumsum(weighted * weighted)])
    starts = np.arange(0, samples.size - block + 1, hop)
    powers = (sums[starts + block] - sums[starts]) / block
    gated = powers[powers > 10 ** ((-70 + 0.691) / 10)]
    if gated.size == 0:
        raise SilentError("nothing above -70 LUFS")
    return float(gated[gated > gated.mean() / 10].mean())


@lru_cache
def _k_weighting(sample_rate: int) -> npt.NDArray[np.float64]:
    """K-weighting at any rate: BS.1770's two filters, re-derived from their analogue prototypes (as in libebur128)."""
    k = math.tan(math.pi * 1681.974450955533 / sample_rate)
    q, gain = 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    band = gain**0.4996667741545416
    shelf = [gain + band * k / q + k * k, 2 * (k * k - gain), gain - band * k / q + k * k]
    a0 = 1 + k / q + k * k
    first = [*(b / a0 for b in shelf), 1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0]
    k, q = math.tan(math.pi * 38.13547087602444 / sample_rate), 0.5003270373238773
    a0 = 1 + k / q + k * k
    second = [1.0, -2.0, 1.0, 1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0]
    return np.array([first, second])


@lru_cache
def _frame_window() -> npt.NDArray[np.float32]:
    """The Vorbis window: its squares add up to 1 at half overlap (no energy is lost), and it leaks 100 dB less at 200 Hz
    distance than a rectangle, so that the rumble of a car does not leak into the band."""
    phase = (np.arange(_FRAME) + 0.5) / _FRAME
    return np.sin(np.pi / 2 * np.sin(np.pi * phase) ** 2).astype(np.float32)


@lru_cache
def _frame_weights(weighting: str, sample_rate: int) -> npt.NDArray[np.float32]:
    hz = np.arange(_FRAME // 2 + 1) * sample_rate / _FRAME
    sos = weighting_filter(weighting, sample_rate)
    response = np.ones_like(hz) if sos is None else _power_response(sos, hz, sample_rate)
    response[1:-1] *= 2  # one-sided
    return (response / _FRAME).astype(np.float32)


def spectral_power(samples: Samples, weightings: tuple[str, ...], *, sample_rate: int) -> dict[str, float]:
    """Mean power under several weightings from one power spectrum (half-overlapped frames of 1024), for speech.

    The samples count as surrounded by silence, as speech is by its margins. Within 0.02 dB of filtering, at half the cost
    of one filter: for the values that are only reported.
    """
    from scipy.fft import rfft

    half = _FRAME // 2
    frames = -(-samples.size // half) + 1
    padded = np.zeros((frames + 1) * half, np.float32)
    padded[half : half + samples.size] = samples
    windows = np.lib.stride_tricks.sliding_window_view(padded, _FRAME)[::half]
    spectra = rfft(windows * _frame_window(), overwrite_x=True)
    flat = spectra.view(np.float32)
    energy = np.einsum("ij,ij->j", flat, flat).reshape(-1, 2).sum(axis=1)
    return {w: float(np.dot(energy, _frame_weights(w, sample_rate))) / samples.size for w in weightings}
