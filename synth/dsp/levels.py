"""Levels of speech and noise: ITU-T P.56, mean power, BS.1770, and the weightings under which they are measured.

All levels are mean powers (full scale 1.0) or dB of them. 0 dB is a power of 1, so a full-scale sine has -3.01 dB.
Functions that need a level raise `SilentError` for silence. See docs/science.md, "Speech level".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from synth.dsp import sections
from synth.dsp.arrays import Samples
from synth.units import power_to_db

BAND_LOW_HZ = 200.0
BAND_HIGH_HZ = 7000.0
WEIGHTINGS = ("band", "a", "none")
SILENCE = 1e-14  # mean power: -140 dB, far below one step of 24 bits
# the constants of ITU-T P.56 (2011), method B
_P56_MARGIN_DB = 15.9
_P56_TIME_CONSTANT = 0.03  # s
_P56_HANGOVER = 0.2  # s
_POWER_BLOCK = 64  # samples that are summed up at once: any number gives the same


class SilentError(ValueError):
    """There is no signal whose level could be measured."""


def band_edges(sample_rate: int) -> tuple[float, float]:
    """Return the edges in Hz of the band in which car noise masks speech: 200 Hz to min(7000, 0.45 sample_rate)."""
    return BAND_LOW_HZ, min(BAND_HIGH_HZ, 0.45 * sample_rate)


@lru_cache
def weighting_filter(weighting: str, sample_rate: int) -> npt.NDArray[np.float64] | None:
    """Return the causal filter of a weighting as second-order sections, shape (sections, 6); None for `none`.

    `band` is a 4th-order Butterworth band-pass (scipy's N=4, 24 dB per octave on both sides). `a` is the A-weighting of
    IEC 61672-1, 0 dB at 1 kHz. Its poles up to 738 Hz come from the bilinear transform, and zeros are fitted for the
    rest (within 0.02 dB; the bilinear transform alone would be 3 dB off at 6 kHz for a rate of 16 kHz).
    """
    if weighting == "none":
        return None
    if weighting == "band":
        low_hz, high_hz = band_edges(sample_rate)
        return sections.butterworth(4, low_hz=low_hz, high_hz=high_hz, sample_rate=sample_rate)
    if weighting == "a":
        return _a_weighting(sample_rate)
    raise ValueError(f"weighting={weighting!r} is not one of {WEIGHTINGS}")


_A_POLES_HZ = (20.598997, 20.598997, 107.65265, 737.86223)
_A_HIGH_POLE_HZ = 12194.217


def _a_weighting(sample_rate: int) -> npt.NDArray[np.float64]:
    zeros, poles = np.ones(4), np.array([_bilinear_pole(hz, sample_rate) for hz in _A_POLES_HZ])
    sos = np.zeros((4, 6))
    for section, pair in enumerate((slice(0, 2), slice(2, 4))):
        sos[section] = [*np.poly(zeros[pair]), *np.poly(poles[pair])]
    sos[2, 3:] = np.poly([math.exp(-2 * math.pi * _A_HIGH_POLE_HZ / sample_rate)] * 2)
    sos[2:, 0] = sos[3, 3] = 1.0
    sos[2:, :3] = _fitted_zeros(sos, a_weighting_power, sample_rate)
    sos[0, :3] /= math.sqrt(float(_power_response(sos, np.array([1000.0]), sample_rate)[0]))
    return sos


def a_weighting_power(hz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the power gain of the A-weighting at frequencies `hz` (Hz, shape (n,)), not normalized.

    Source: IEC 61672-1, annex E.
    """
    f2 = hz * hz
    bottom = (f2 + _A_HIGH_POLE_HZ**2) ** 2
    for pole in _A_POLES_HZ:
        bottom = bottom * (f2 + pole**2)
    return np.asarray(f2**4 / bottom)


def _fitted_zeros(
    sos: npt.NDArray[np.float64], power: Callable[[Samples], Samples], sample_rate: int
) -> npt.NDArray[np.float64]:
    """Return numerators, shape (2, 3), that give the sections `sos` the power response `power(hz)` up to a constant.

    |B|^2 = r0 + 2 r1 cos w + ... + 2 r4 cos 4w is linear in r. It is fitted in relative error from 20 Hz to 0.45 of the
    rate, then factored into its minimum phase.
    """
    hz = np.concatenate([np.geomspace(20, 0.45 * sample_rate, 300), np.linspace(1000, 0.45 * sample_rate, 300)])
    target = power(hz) / _power_response(sos, hz, sample_rate)
    target /= np.exp(np.log(target).mean())
    w = 2 * np.pi * hz / sample_rate
    basis = np.stack([np.ones_like(w), *(2 * np.cos(k * w) for k in range(1, 5))], axis=1) / target[:, None]
    r = np.linalg.lstsq(basis, np.ones_like(w), rcond=None)[0]
    roots = np.roots([*r[:0:-1], *r])
    inside = sorted(
        roots[np.argsort(np.abs(roots))[:4]], key=lambda root: (round(abs(root.imag), 9), root.real, root.imag)
    )
    return np.round(np.real([np.poly(inside[:2]), np.poly(inside[2:])]), 12)


def _bilinear_pole(hz: float, sample_rate: int) -> float:
    warped = math.tan(math.pi * hz / sample_rate)
    return (1 - warped) / (1 + warped)


def response(
    sos: npt.NDArray[np.float64], hz: npt.NDArray[np.floating[Any]], sample_rate: int
) -> npt.NDArray[np.complex128]:
    """Return the complex response of a filter.

    Args:
        sos: second-order sections, dimensionless, shape (sections, 6).
        hz: frequencies, Hz, shape (n,).
        sample_rate: Hz.

    Returns:
        complex128, shape (n,).
    """
    z = np.exp(-2j * np.pi * hz / sample_rate)
    powers = np.stack([np.ones_like(z), z, z * z])
    return np.asarray(np.prod((sos[:, :3] @ powers) / (sos[:, 3:] @ powers), axis=0))


def _power_response(sos: npt.NDArray[np.float64], hz: npt.NDArray[np.float64], rate: int) -> npt.NDArray[np.float64]:
    return np.asarray(np.abs(response(sos, hz, rate)) ** 2)


def weight(stem: Samples, *, weighting: str, sample_rate: int) -> Samples:
    """Filter a stem, float64, shape (n,), full scale 1.0, with a weighting: causal, from silence. Same shape."""
    sos = weighting_filter(weighting, sample_rate)
    return stem if sos is None else sections.filtered(sos, stem)


def mean_power(samples: Samples) -> float:
    """Return the mean of the squares of samples of shape (n,), full scale 1.0; 0.0 for no samples."""
    return float(np.dot(samples, samples)) / samples.size if samples.size else 0.0


def weighted_power(stem: Samples, *, weighting: str, sample_rate: int, span: slice | None = None) -> float:
    """Measure the mean power of a stem in a span under a weighting, whose filter runs from the start of the stem.

    Args:
        stem: float64, shape (n,), full scale 1.0.
        weighting: one of WEIGHTINGS.
        sample_rate: Hz.
        span: samples (default: all).

    Returns:
        The mean power (full scale 1.0); 0.0 for no samples.
    """
    sos = weighting_filter(weighting, sample_rate)
    part = stem[span or slice(None)]
    if sos is None or not part.size:
        return mean_power(part)
    _, squares = sections.block_sums(sos, stem, block=_POWER_BLOCK, span=span)
    return float(squares.sum()) / part.size


def level_dbfs(samples: Samples) -> float:
    """Return the unweighted RMS level of samples of shape (n,) in dB re full scale 1.0; -inf for silence."""
    return power_to_db(mean_power(samples))


@dataclass(frozen=True, slots=True)
class ActiveLevel:
    """What ITU-T P.56 (method B) needs of a signal."""

    envelope: Samples  # one value per block, shape (blocks,), full scale 1.0
    energy: float  # sum of the squares
    block: int  # samples
    num_samples: int
    hangover: int  # blocks

    def power(self, gain: float = 1.0) -> float:
        """Return the mean power while active, measured after `gain`, divided by gain squared.

        The standard's thresholds are fixed powers of two of full scale, between which it interpolates. So the level of
        a signal moves by up to 0.2 dB with its gain: a level is true only at the gain of the finished clip.
        """

        def level_at(exponent: int) -> tuple[float, float]:
            """Return (active level in dB, its distance to threshold + margin) for the threshold 2**exponent."""
            threshold = 2.0**exponent / gain
            above = (self.envelope >= threshold).nonzero()[0]
            reach = self.hangover + 1  # a block at or above the threshold, and the hangover after it, are active
            last = min(reach, self.envelope.size - int(above[-1]))
            blocks = int(np.minimum(above[1:] - above[:-1], reach).sum()) + last
            level = 10 * math.log10(self.energy / min(blocks * self.block, self.num_samples))
            return level, level - 20 * math.log10(threshold) - _P56_MARGIN_DB

        exponent = math.floor(math.log2(float(self.envelope.max()) * gain))
        high, high_distance = level_at(exponent)
        if high_distance >= 0:
            return float(10 ** (high / 10))
        while True:  # it ends, because the level falls by far less than the 6 dB of each step
            exponent -= 1
            low, low_distance = level_at(exponent)
            if low_distance >= 0:
                return float(10 ** ((high - high_distance / (low_distance - high_distance) * (low - high)) / 10))
            high, high_distance = low, low_distance

    def activity(self, power: float) -> float:
        """Return the share of time in which the signal is active, 0 to 1, for a power that `power()` gave."""
        return min(1.0, self.energy / (power * self.num_samples))


def active_level(samples: Samples, *, sample_rate: int, weighting: str = "none") -> ActiveLevel:
    """Prepare the active speech level of ITU-T P.56 (method B).

    The standard's envelope (two exponential averages of |x|, 30 ms) is followed at about 1 kHz (the standard asks for
    694 Hz or more). Hangover 0.2 s, margin 15.9 dB, thresholds 6.02 dB apart, continued below the standard's lowest.

    Args:
        samples: float64, shape (n,), full scale 1.0; silence comes before them.
        sample_rate: Hz.
        weighting: one of WEIGHTINGS, of the signal that is measured.

    Raises:
        SilentError: no signal.
    """
    block = max(1, round(sample_rate / 1000))
    sos = weighting_filter(weighting, sample_rate)
    magnitudes, squares = sections.block_sums(sections.NOTHING if sos is None else sos, samples, block=block)
    energy = float(squares.sum())
    if samples.size == 0 or energy / samples.size < SILENCE:
        raise SilentError("no signal")
    keep = math.exp(-block / (sample_rate * _P56_TIME_CONSTANT))
    envelope = sections.running_mean(sections.running_mean(magnitudes / block, keep), keep)
    return ActiveLevel(envelope, energy, block, samples.size, round(_P56_HANGOVER * sample_rate / block))


@dataclass(frozen=True, slots=True)
class Loudness:
    """What the integrated loudness of ITU-R BS.1770 needs of a signal."""

    block_powers: Samples  # K-weighted mean power of blocks of 400 ms with 75 % overlap, shape (blocks,)

    def power(self, gain: float = 1.0) -> float:
        """Return the mean power of the blocks that pass the gates, measured after `gain`, divided by gain squared.

        10 log10 of it - 0.691 is LUFS. The gates are at -70 LUFS and 10 LU below the level of what passes the first.

        Raises:
            SilentError: nothing above -70 LUFS.
        """
        gated = self.block_powers[self.block_powers * gain**2 > 10 ** ((-70 + 0.691) / 10)]
        if gated.size == 0:
            raise SilentError("nothing above -70 LUFS")
        return float(gated[gated > gated.mean() / 10].mean())


def loudness(samples: Samples, *, sample_rate: int) -> Loudness:
    """Prepare the integrated loudness of ITU-R BS.1770-5 (mono).

    Args:
        samples: float64, shape (n,), full scale 1.0.
        sample_rate: Hz.

    Raises:
        ValueError: shorter than 0.4 s.
    """
    block, hop = round(0.4 * sample_rate), round(0.1 * sample_rate)
    if samples.size < block:
        raise ValueError(f"loudness needs at least 0.4 s, these are {samples.size / sample_rate:.3f} s")
    weighted = sections.filtered(_k_weighting(sample_rate), samples)
    sums = np.concatenate([[0.0], np.cumsum(weighted * weighted)])
    starts = np.arange(0, samples.size - block + 1, hop)
    return Loudness((sums[starts + block] - sums[starts]) / block)


_K_48K = (
    (1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585),
    (1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621),
)
"""The two filters that BS.1770 tabulates for 48 kHz."""


@lru_cache
def _k_weighting(sample_rate: int) -> npt.NDArray[np.float64]:
    """K-weighting at any rate.

    The shelf is derived again from its analog prototype (as in libebur128), then its zeros are fitted, because the
    bilinear transform alone is 0.1 dB off for speech at 16 kHz.
    """
    if sample_rate == 48000:
        return np.array(_K_48K)
    k = math.tan(math.pi * 1681.974450955533 / sample_rate)
    q, gain = 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    band = gain**0.4996667741545416
    shelf = [gain + band * k / q + k * k, 2 * (k * k - gain), gain - band * k / q + k * k]
    first = a0 = 1 + k / q + k * k
    poles = [1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0]
    k, q = math.tan(math.pi * 38.13547087602444 / sample_rate), 0.5003270373238773
    a0 = 1 + k / q + k * k
    high_pass = [1.0, -2.0, 1.0, 1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0]
    if sample_rate > 48000:
        return np.array([[*(b / first for b in shelf), *poles], high_pass])
    sos = np.array([high_pass, [1.0, 0, 0, *poles], [1.0, 0, 0, 1.0, 0, 0]])
    sos[1:, :3] = _fitted_zeros(sos, lambda hz: _power_response(np.array(_K_48K), hz, 48000), sample_rate)
    reference = np.array([997.0])
    level = _power_response(np.array(_K_48K), reference, 48000) / _power_response(sos, reference, sample_rate)
    sos[0, :3] *= math.sqrt(float(level[0]))
    return sos
