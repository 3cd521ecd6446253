"""What the sounds of events are built from: ringing resonances, tones with harmonics, bands of noise, ramps."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from synth.dsp.arrays import Samples

_TABLE = 4096  # straight lines between so many points of a cycle are off by 90 dB below its tenth harmonic
HIGHEST = 0.45
"""Share of the sample rate above which nothing is synthesized."""


def ring(hz: npt.ArrayLike, decay_s: npt.ArrayLike, amplitude: npt.ArrayLike, *, sample_rate: int) -> Samples:
    """Sum resonances that are struck at sample 0: a * sin(2 pi f t) * exp(-t / decay), until the longest is -60 dB.

    Args:
        hz: Hz, shape (k,). Those above 0.45 of the rate are omitted.
        decay_s: time constants in s, shape (k,).
        amplitude: full scale 1.0, shape (k,).
        sample_rate: Hz.

    Returns:
        float64, shape (n,); begins with 0.0.
    """
    hz, decay, amplitude = np.broadcast_arrays(np.atleast_1d(hz), decay_s, amplitude)
    time = np.arange(math.ceil(6.9 * float(decay.max()) * sample_rate)) / sample_rate
    kept = hz < HIGHEST * sample_rate
    waves = np.sin(2 * math.pi * hz[kept, None] * time) * np.exp(-time / decay[kept, None])
    return np.asarray((amplitude[kept, None] * waves).sum(axis=0))


def add_at(out: Samples, sound: Samples, at: int) -> None:
    """Add a sound into a longer one, in place, as far as it reaches.

    Args:
        out: float64, shape (n,), full scale 1.0; changed.
        sound: float64, shape (m,), full scale 1.0.
        at: first sample, at least 0.
    """
    room = max(0, min(len(sound), len(out) - at))
    out[at : at + room] += sound[:room]


def make_cycle(amplitudes: npt.ArrayLike, phases: npt.ArrayLike) -> Samples:
    """Return one cycle of a tone for `play_tone`.

    Args:
        amplitudes: of the harmonics 1, 2, ..., full scale 1.0, shape (k,).
        phases: of the harmonics, radians, shape (k,).
    """
    amplitudes = np.asarray(amplitudes, dtype=np.float64)
    spectrum = np.zeros(_TABLE // 2 + 1, np.complex128)
    spectrum[1 : len(amplitudes) + 1] = -0.5j * _TABLE * amplitudes * np.exp(1j * np.asarray(phases))
    cycle = np.fft.irfft(spectrum, _TABLE)
    return np.append(cycle, cycle[0])


def play_tone(cycle: Samples, phase: Samples) -> Samples:
    """Play a tone.

    Args:
        cycle: of `make_cycle`, full scale 1.0, shape (4097,).
        phase: of each sample, cycles, shape (n,).

    Returns:
        float64, shape (n,).
    """
    position = np.floor(phase)
    np.subtract(phase, position, out=position)
    position *= _TABLE
    return interpolate(cycle, position)


def interpolate(points: Samples, position: Samples) -> Samples:
    """Interpolate `points`, shape (m,), linearly at each `position`: 0 to m - 1, in samples, shape (n,)."""
    index = position.astype(np.int64)
    np.minimum(index, len(points) - 2, out=index)
    out = np.diff(points)[index]
    out *= position - index
    out += points[index]
    return np.asarray(out)


def harmonics_below(hz: float, most: int, sample_rate: int) -> int:
    """Return how many harmonics of a tone of up to `hz` lie below 0.45 of the rate, at most `most`."""
    return min(most, int(HIGHEST * sample_rate / hz))


def band_noise(
    shape: int | tuple[int, int],
    low_hz: float,
    high_hz: float,
    *,
    order: int,
    sample_rate: int,
    rng: np.random.Generator,
) -> Samples:
    """Draw Gaussian noise of standard deviation 1 in a band.

    Args:
        shape: of the result; the last axis is time.
        low_hz: lower limit (-3 dB).
        high_hz: upper limit (-3 dB). Both are kept below 0.45 of the rate.
        order: of the Butterworth band-pass: 6 * order dB per octave on each side, from silence.
        sample_rate: Hz.
        rng: where the noise comes from.
    """
    from scipy.signal import butter, sosfilt  # loads for most of a second: only where it is used

    high = min(high_hz, HIGHEST * sample_rate)
    low = min(low_hz, high / 2)
    # the noise bandwidth of a Butterworth filter is wider than its limits by this factor
    width = (high - low) * (math.pi / (2 * order)) / math.sin(math.pi / (2 * order))
    sections = butter(order, (low, high), "bandpass", fs=sample_rate, output="sos")
    white = rng.standard_normal(shape)
    white *= math.sqrt(sample_rate / (2 * width))
    return np.asarray(sosfilt(sections, white, axis=-1))


def muffle(samples: Samples, hz: float, *, order: int, sample_rate: int) -> Samples:
    """Low-pass samples of shape (n,) as the body of a car does (Butterworth).

    Nothing changes if `hz` is at least 0.45 of the rate.
    """
    from scipy.signal import butter, sosfilt

    if hz >= HIGHEST * sample_rate or not len(samples):
        return samples
    return np.asarray(sosfilt(butter(order, hz, fs=sample_rate, output="sos"), samples))


def swell(samples: Samples, *, seconds: float, rise_s: float, fall_s: float, sample_rate: int) -> None:
    """Let an event rise from zero at its start and fall to zero at its end, by half a cosine, in place.

    Args:
        samples: float64, shape (n,): its beginning, which may be shorter than the event.
        seconds: of the whole event.
        rise_s: length of the rise, s.
        fall_s: length of the fall, s.
        sample_rate: Hz.
    """
    time = np.arange(min(len(samples), math.ceil(rise_s * sample_rate))) / sample_rate
    samples[: len(time)] *= 0.5 - 0.5 * np.cos(math.pi * time / rise_s)
    first = max(0, math.floor((seconds - fall_s) * sample_rate) + 1)
    remaining = seconds - np.arange(first, len(samples)) / sample_rate
    samples[first:] *= 0.5 - 0.5 * np.cos(math.pi * np.maximum(remaining, 0.0) / fall_s)
