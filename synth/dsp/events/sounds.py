"""What the sounds of events are built from: ringing resonances, tones with harmonics, bands of noise, ramps."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from synth.dsp.arrays import Samples

_TABLE = 4096  # straight lines between so many points of a cycle are off by 90 dB below its tenth harmonic
HIGHEST = 0.45
"""Nothing is made above this share of the sample rate."""


def ring(hz: npt.ArrayLike, decay_s: npt.ArrayLike, amplitude: npt.ArrayLike, *, sample_rate: int) -> Samples:
    """Resonances that are struck at sample 0, summed: a * sin(2 pi f t) * exp(-t / decay), until the longest is -60 dB.

    hz, decay_s, amplitude: shape (k,) each. Those above 0.45 of the rate are left out. Begins with 0.0.
    """
    hz, decay, amplitude = np.broadcast_arrays(np.atleast_1d(hz), decay_s, amplitude)
    time = np.arange(math.ceil(6.9 * float(decay.max()) * sample_rate)) / sample_rate
    kept = hz < HIGHEST * sample_rate
    waves = np.sin(2 * math.pi * hz[kept, None] * time) * np.exp(-time / decay[kept, None])
    return np.asarray((amplitude[kept, None] * waves).sum(axis=0))


def add_at(out: Samples, sound: Samples, at: int) -> None:
    """Add `sound` into `out` from sample `at` >= 0 on, as far as it reaches."""
    room = max(0, min(len(sound), len(out) - at))
    out[at : at + room] += sound[:room]


def make_cycle(amplitudes: npt.ArrayLike, phases: npt.ArrayLike) -> Samples:
    """One cycle of a tone whose harmonics 1, 2, ... have these amplitudes and phases (radians), for `play_tone`."""
    amplitudes = np.asarray(amplitudes, dtype=np.float64)
    spectrum = np.zeros(_TABLE // 2 + 1, np.complex128)
    spectrum[1 : len(amplitudes) + 1] = -0.5j * _TABLE * amplitudes * np.exp(1j * np.asarray(phases))
    cycle = np.fft.irfft(spectrum, _TABLE)
    return np.append(cycle, cycle[0])


def play_tone(cycle: Samples, phase: Samples) -> Samples:
    """The tone of `make_cycle` at each `phase`, counted in cycles, shape (n,)."""
    place = np.floor(phase)
    np.subtract(phase, place, out=place)
    place *= _TABLE
    return interpolate(cycle, place)


def interpolate(points: Samples, place: Samples) -> Samples:
    """`points`, shape (m,), on straight lines between them at each `place` from 0 to m - 1 inclusive, shape (n,)."""
    index = place.astype(np.int64)
    np.minimum(index, len(points) - 2, out=index)
    out = np.diff(points)[index]
    out *= place - index
    out += points[index]
    return np.asarray(out)


def harmonics_below(hz: float, most: int, sample_rate: int) -> int:
    """How many harmonics of a tone of up to `hz` lie below 0.45 of the rate, at most `most`."""
    return min(most, int(HIGHEST * sample_rate / hz))


def band_noise(
    shape: int | tuple[int, int],
    low_hz: float,
    high_hz: float,
    *,
    order: int,
    sample_rate: int,
    random: np.random.Generator,
) -> Samples:
    """Gaussian noise with standard deviation 1 of about this band, along the last axis of `shape`.

    Butterworth band-pass of `order` (6 * order dB an octave on each side), from zero state; both limits are kept below
    0.45 of the rate.
    """
    from scipy.signal import butter, sosfilt  # loads for most of a second: only where it is used

    high = min(high_hz, HIGHEST * sample_rate)
    low = min(low_hz, high / 2)
    # The noise bandwidth of a Butterworth filter is this much wider than its limits.
    width = (high - low) * (math.pi / (2 * order)) / math.sin(math.pi / (2 * order))
    sections = butter(order, (low, high), "bandpass", fs=sample_rate, output="sos")
    white = random.standard_normal(shape)
    white *= math.sqrt(sample_rate / (2 * width))
    return np.asarray(sosfilt(sections, white, axis=-1))


def muffle(samples: Samples, hz: float, *, order: int, sample_rate: int) -> Samples:
    """What comes through the body of a car: a Butterworth low-pass; nothing where `hz` is 0.45 of the rate or more."""
    from scipy.signal import butter, sosfilt

    if hz >= HIGHEST * sample_rate or not len(samples):
        return samples
    return np.asarray(sosfilt(butter(order, hz, fs=sample_rate, output="sos"), samples))


def swell(samples: Samples, *, seconds: float, rise_s: float, fall_s: float, sample_rate: int) -> None:
    """Let an event of `seconds` rise from zero at its start and fall to zero at its end, by half a cosine, in place.

    samples: its beginning, shape (n,), which may be less than the whole.
    """
    time = np.arange(min(len(samples), math.ceil(rise_s * sample_rate))) / sample_rate
    samples[: len(time)] *= 0.5 - 0.5 * np.cos(math.pi * time / rise_s)
    first = max(0, math.floor((seconds - fall_s) * sample_rate) + 1)
    left = seconds - np.arange(first, len(samples)) / sample_rate
    samples[first:] *= 0.5 - 0.5 * np.cos(math.pi * np.maximum(left, 0.0) / fall_s)
