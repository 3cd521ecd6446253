"""Independent ways of computing what synth claims. Imports nothing from synth: written from the standards themselves."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import signal

Array = np.ndarray[Any, np.dtype[np.float64]]


def p56_level_db(x: Array, fs: int) -> float:
    """ITU-T P.56, method B, sample by sample as in the Recommendation: active level in dB re full scale."""
    g = math.exp(-1 / (fs * 0.03))
    envelope = signal.lfilter([1 - g], [1, -g], signal.lfilter([1 - g], [1, -g], np.abs(x)))
    hangover = round(0.2 * fs)
    energy = float(np.sum(x**2))
    before: tuple[float, float] | None = None
    for j in range(0, -40, -1):  # thresholds from full scale down, 6.02 dB apart
        above = envelope >= 2.0**j
        if not above.any():
            continue
        since = np.arange(x.size) - np.maximum.accumulate(np.where(above, np.arange(x.size), -(10**9)))
        level = 10 * math.log10(energy / np.count_nonzero(since <= hangover))
        distance = level - 20 * math.log10(2.0**j) - 15.9
        if distance >= 0:
            if before is None:
                return level
            part = -before[1] / (distance - before[1])
            return before[0] + part * (level - before[0])
        before = level, distance
    raise AssertionError("no activity")


def a_weighting_gain(hz: Array) -> Array:
    """Amplitude of the A-weighting, IEC 61672-1 annex E, 1 at 1 kHz."""

    def raw(f: Array | float) -> Any:
        f2 = np.square(f)
        bottom = (f2 + 20.598997**2) * np.sqrt((f2 + 107.65265**2) * (f2 + 737.86223**2)) * (f2 + 12194.217**2)
        return 12194.217**2 * f2**2 / bottom

    return np.asarray(raw(hz) / raw(1000.0))


def weighted(x: Array, fs: int, weighting: str) -> Array:
    """The whole signal under a weighting. `a` in the frequency domain, so with no filter in common with synth's."""
    if weighting == "none":
        return x
    if weighting == "band":
        b, a = signal.butter(4, [200 / (fs / 2), min(7000, 0.45 * fs) / (fs / 2)], btype="bandpass")
        return np.asarray(signal.lfilter(b, a, x))
    pad = fs // 2
    spectrum = np.fft.rfft(np.concatenate([x, np.zeros(pad)]))
    hz = np.fft.rfftfreq(x.size + pad, 1 / fs)
    return np.asarray(np.fft.irfft(spectrum * a_weighting_gain(hz), x.size + pad)[: x.size])


def lufs(x: Array, fs: int) -> float:
    """ITU-R BS.1770. Its filters are tabulated for 48 kHz: their complex response is applied in the frequency domain."""
    pad = fs // 2
    w = 2 * np.pi * np.fft.rfftfreq(x.size + pad, 1 / fs) / 48000
    response = np.ones(w.size, complex)
    for b, a in (
        ([1.53512485958697, -2.69169618940638, 1.19839281085285], [1, -1.69065929318241, 0.73248077421585]),
        ([1.0, -2.0, 1.0], [1, -1.99004745483398, 0.99007225036621]),
    ):
        response *= signal.freqz(b, a, worN=w)[1]
    y = np.fft.irfft(np.fft.rfft(np.concatenate([x, np.zeros(pad)])) * response, x.size + pad)[: x.size]
    block, hop = round(0.4 * fs), round(0.1 * fs)
    powers = np.array([np.mean(y[k : k + block] ** 2) for k in range(0, y.size - block + 1, hop)])
    loud = powers[-0.691 + 10 * np.log10(powers) > -70]
    gate = 10 * math.log10(loud.mean()) - 10
    return -0.691 + 10 * math.log10(loud[10 * np.log10(loud) > gate].mean())


def snr_db(speech: Array, noise: Array, fs: int, *, span: slice, measure: str, weighting: str) -> float:
    """SNR of two stems: the speech in its span against the noise in the same span, both weighted whole, then cut."""
    if measure == "lufs":
        return lufs(speech[span], fs) - lufs(noise[span], fs)
    s, n = weighted(speech, fs, weighting)[span], weighted(noise, fs, weighting)[span]
    level = p56_level_db(s, fs) if measure == "active" else 10 * math.log10(np.mean(s**2))
    return level - 10 * math.log10(np.mean(n**2))
