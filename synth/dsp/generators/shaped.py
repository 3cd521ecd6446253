"""shaped: Gaussian noise with a recording's spectrum and level fluctuation, or with something between two recordings.

The spectrum is Welch's estimate (1967). The levels of 20 bands over time are cut into blocks of about a second, and the
blocks are arranged again, each with all its bands, so that gusts and bumps stay intact (the block bootstrap of Künsch
1989). Every sample is new: nothing of the recording is repeated, and there is no period. See docs/science.md,
"Synthesized noise from recordings".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated

import numpy as np
import numpy.typing as npt

from synth.draws import audio_generator
from synth.dsp.arrays import Matrix, Samples
from synth.dsp.generators.gaussian import Power, bin_hz, frame_count, frame_size, gaussian_frames, gaussian_noise
from synth.dsp.generators.generator import Generator, Material
from synth.dsp.parameters import Parameter
from synth.dsp.windows import hann

Envelopes = npt.NDArray[np.float64]
"""Natural logarithm of each band's power over its mean, shape (frames, BANDS), frames as `gaussian_noise` has them."""


BANDS = 20
BLOCK_SECONDS = (0.7, 1.4)  # about a second; the spread is chosen
FADE_SECONDS = 0.2
KNOTS_PER_OCTAVE = 1.5  # twelve knots at 16 kHz; chosen
LOWEST_KNOT_HZ = 40.0

_NOISE, _DEPARTURE, _BLOCKS = 0, 1, 2  # purposes of random numbers; the second recording's blocks have 3
_REFERENCE_SECONDS = 60
_MIN_FRAMES = 4  # fewer say nothing about levels over time
_SMOOTH_BELOW_FRAMES = 16  # of fewer frames, neighboring bins are averaged
_FLOOR = 1e-12  # of the strongest bin (-120 dB): no division by zero
_BLOCK_FRAMES = 32


@dataclass(frozen=True, slots=True)
class MaterialStatistics:
    """What `Shaped` needs of a material."""

    spectrum: Power  # its shape: sum 1
    mean_square: float  # full scale 1.0
    envelopes: Envelopes  # levels of its bands over time


@dataclass(frozen=True, slots=True)
class Shaped(Generator):
    """Gaussian noise that sounds like one recording, or like something between two.

    `departure_db` is the standard deviation of a smooth random curve over log frequency by which the spectrum changes;
    the level stays. `between` is the weight of the second recording's log spectrum and of the variance of its bands'
    levels; at 0 there is only the first. The level is that of the first. Tonal lines become narrow-band noise.

    Halves of one car's recordings differ by 0.3 to 1.5 dB (measured); the other values are chosen.
    """

    name = "shaped"
    slow_modules = ("scipy.fft",)
    main = "departure_db"
    is_model = True

    departure_db: Annotated[
        float,
        Parameter(
            "SD of a smooth random change of the spectrum. 0.5 stays within what two halves of one recording "
            "differ by, so that the noise is still this car's; 3 to 6 makes other cars of it",
            low=0,
            high=12,
            unit="dB",
        ),
    ] = 0.5
    between: Annotated[
        float, Parameter("weight of a second recording's spectrum and envelopes; 0: the first alone", low=0, high=1)
    ] = 0.0
    seed: int = 0

    def sources(self) -> int:
        """Return 1, or 2 if the noise lies between two recordings."""
        return 2 if self.between > 0 else 1

    def __call__(self, num_samples: int, *, sample_rate: int, materials: Sequence[Material]) -> Samples:
        """Synthesize noise, float64, shape (num_samples,), full scale 1.0, at the level of the first material."""
        statistics = [material.analysis("shaped", analyze_spectrum) for material in materials[: self.sources()]]
        weights = (1 - self.between, self.between)[: len(statistics)]
        moving = np.zeros((frame_count(num_samples, sample_rate), BANDS))
        squares = np.ones((BANDS, BANDS))
        for number, (each, weight) in enumerate(zip(statistics, weights, strict=True)):
            levels = each.envelopes * np.sqrt(weight)  # so that the variances, not the deviations, are weighted
            moving += rearrange_blocks(levels, len(moving), sample_rate, audio_generator(self.seed, _BLOCKS + number))
            squares *= _mean_products(levels)
        gains, bands = np.exp(moving / 2), band_weights(sample_rate)
        power = self._spectrum(statistics, weights, sample_rate) * statistics[0].mean_square
        constant = np.sqrt(power / ((squares @ bands) * bands).sum(axis=0))

        def amplitude(first: int, last: int) -> Samples:
            amplitudes = gains[first:last] @ bands
            amplitudes *= constant
            return np.asarray(amplitudes)

        rng = audio_generator(self.seed, _NOISE)
        return gaussian_frames(amplitude, num_samples=num_samples, sample_rate=sample_rate, rng=rng)

    def _spectrum(self, statistics: Sequence[MaterialStatistics], weights: Sequence[float], sample_rate: int) -> Power:
        """Return the shape of the spectrum, sum 1.

        It is the geometric mean of the recordings, changed by the random curve.
        """
        logs = sum((w * np.log(each.spectrum) for w, each in zip(weights, statistics, strict=True)), start=np.zeros(1))
        curve = smooth_curve(sample_rate, audio_generator(self.seed, _DEPARTURE))
        spectrum = np.exp(logs + self.departure_db * np.log(10) / 10 * curve)
        return np.asarray(spectrum / spectrum.sum())


def smooth_curve(sample_rate: int, rng: np.random.Generator) -> Samples:
    """Draw a smooth random curve over log frequency, one value per bin, variance 1 everywhere, shape (bins,).

    Normal values at knots, 2/3 octave apart from 40 Hz on; between two of them their sum with weights whose squares add
    up to 1. The same random numbers give the same curve at every rate.
    """
    hertz = np.maximum(bin_hz(sample_rate), LOWEST_KNOT_HZ)
    position = KNOTS_PER_OCTAVE * np.log2(hertz / LOWEST_KNOT_HZ)
    knot = position.astype(int)
    values, turn = rng.standard_normal(int(knot[-1]) + 2), np.pi / 2 * (position - knot)
    return np.asarray(values[knot] * np.cos(turn) + values[knot + 1] * np.sin(turn))


@lru_cache
def band_weights(sample_rate: int) -> Samples:
    """Return the weight of each bin in each band, shape (BANDS, bins): triangles that add up to 1.

    The bands are equally wide on the scale of the ear's critical bands (ERB-rate, Glasberg and Moore 1990).
    """
    rate = 21.4 * np.log10(1 + 0.00437 * bin_hz(sample_rate))
    position = np.clip(rate / rate[-1] * BANDS - 0.5, 0, BANDS - 1)
    return np.asarray(np.maximum(1 - np.abs(position - np.arange(BANDS)[:, None]), 0.0))


def analyze_spectrum(material: Material) -> MaterialStatistics:
    """Measure the statistics of a material that `Shaped` needs."""
    samples = material.to_float()
    squares = squared_frames(samples, material.sample_rate)
    mean = _smooth_bins(squares.mean(axis=0), len(squares))
    mean = np.maximum(mean, _FLOOR * mean.max() + np.finfo(float).tiny)
    mean = _with_lasting_shape(mean, squares, material.sample_rate)
    envelopes = band_envelopes(squares / mean, material.sample_rate)
    if len(envelopes) < _MIN_FRAMES or not samples.any():
        envelopes = np.zeros((1, BANDS))
    else:
        envelopes = undo_smoothing(envelopes @ shrink_to_signal(envelopes, _own_noise(material.sample_rate)))
    return MaterialStatistics(spectrum=mean / mean.sum(), mean_square=float(np.mean(samples**2)), envelopes=envelopes)


def _with_lasting_shape(mean: Power, squares: Samples, sample_rate: int) -> Power:
    """Return a spectrum with the mean of each band, but inside a band the shape of what lasts (the mean of the logs).

    A few clicks can dominate the mean. Their own spectrum, spread over all the time, would sound like whistles and
    gaps.
    """
    lasting = np.exp(np.log(np.maximum(squares, _FLOOR * mean)).mean(axis=0))
    lasting = _smooth_bins(lasting, len(squares))
    bands = band_weights(sample_rate)
    ratio = (bands @ mean) / (bands @ lasting)
    return np.asarray(lasting * (ratio @ bands))


def squared_frames(samples: Samples, sample_rate: int) -> Samples:
    """Return squared magnitudes of Hann-windowed frames, half a frame apart, shape (frames, bins).

    Args:
        samples: float64, shape (n,), full scale 1.0; an incomplete frame at the end is omitted.
        sample_rate: Hz.
    """
    from scipy.fft import rfft

    size = frame_size(sample_rate)
    samples = np.pad(samples, (0, max(size - len(samples), 0)))
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[:: size // 2]
    out = np.empty((len(frames), size // 2 + 1))
    for first in range(0, len(frames), _BLOCK_FRAMES):
        spectra = rfft(frames[first : first + _BLOCK_FRAMES] * hann(size), axis=-1, overwrite_x=True)
        out[first : first + _BLOCK_FRAMES] = spectra.real**2 + spectra.imag**2
    return out


def _smooth_bins(spectrum: Power, frames: int) -> Power:
    """Smooth the mean of a few frames over more bins, the fewer frames there are."""
    reach = max(-(-_SMOOTH_BELOW_FRAMES // frames) // 2, 0) if frames < _SMOOTH_BELOW_FRAMES else 0
    padded = np.pad(spectrum, reach, mode="reflect")
    return np.convolve(padded, np.full(2 * reach + 1, 1 / (2 * reach + 1)), "valid")


def band_envelopes(whitened: Samples, sample_rate: int) -> Envelopes:
    """Return the log levels of the bands, smoothed over about 150 ms, less their means, shape (frames, BANDS).

    Args:
        whitened: squared frames over their mean spectrum, dimensionless, shape (frames, bins). So all bins of a band
            count equally, and the estimate scatters least.
        sample_rate: Hz.
    """
    bands = band_weights(sample_rate)
    levels = np.pad(whitened @ (bands / bands.sum(axis=1, keepdims=True)).T, ((1, 1), (0, 0)), mode="edge")
    levels = 0.25 * levels[:-2] + 0.5 * levels[1:-1] + 0.25 * levels[2:]
    logs = np.log(np.maximum(levels, _FLOOR))
    return np.asarray(logs - logs.mean(axis=0))


@lru_cache
def _own_noise(sample_rate: int) -> Matrix:
    """Return the covariance of the `band_envelopes` of stationary noise: what the estimate adds by itself."""
    size = frame_size(sample_rate)
    stationary = gaussian_noise(
        np.ones(size // 2 + 1),
        num_samples=_REFERENCE_SECONDS * sample_rate,
        sample_rate=sample_rate,
        rng=audio_generator(0, _NOISE),
    )
    squares = squared_frames(stationary, sample_rate)
    envelopes = band_envelopes(squares / squares.mean(axis=0), sample_rate)
    return np.asarray(envelopes.T @ envelopes / len(envelopes))


def shrink_to_signal(envelopes: Envelopes, own: Matrix) -> Matrix:
    """Return the matrix, shape (BANDS, BANDS), that takes `envelopes` to their own covariance less `own`.

    The measured level of a band fluctuates even if the noise is stationary, and the new noise will do so again. So each
    independent direction among the bands shrinks by the part of its variance that is the estimate's own. A gust that
    all bands share remains nearly intact; what one band does alone mostly disappears. Directions below the noise become
    0.

    Args:
        envelopes: natural logarithms, shape (frames, BANDS).
        own: covariance of the estimate itself, squared unit of `envelopes`, shape (BANDS, BANDS).
    """
    values, vectors = np.linalg.eigh(own)
    root, back = (vectors * np.sqrt(values)) @ vectors.T, (vectors / np.sqrt(values)) @ vectors.T
    variances, directions = np.linalg.eigh(back @ (envelopes.T @ envelopes / len(envelopes)) @ back)
    keep = np.sqrt(np.maximum(1 - 1 / np.maximum(variances, 1.0), 0.0))
    return np.asarray(back @ (directions * keep) @ directions.T @ root)


_BLUR = np.convolve([0.2, 0.6, 0.2], [0.25, 0.5, 0.25])
"""How the frames of `gaussian_noise`, then those of `squared_frames` and the smoothing, blur levels over time."""


def undo_smoothing(envelopes: Envelopes) -> Envelopes:
    """Enlarge each band so that its variance is right after the frames have smoothed it again; at most 1.5 times.

    Args:
        envelopes: natural logarithms, shape (frames, BANDS); the result has the same.
    """
    if len(envelopes) < len(_BLUR):
        return envelopes
    blurred = np.stack([np.convolve(band, _BLUR, "valid") for band in envelopes.T], axis=1)
    lost = np.sqrt(envelopes.var(axis=0) / np.maximum(blurred.var(axis=0), np.finfo(float).tiny))
    return np.asarray(envelopes * np.clip(lost, 1.0, 1.5))


def rearrange_blocks(envelopes: Envelopes, frames: int, sample_rate: int, rng: np.random.Generator) -> Envelopes:
    """Arrange blocks of random length with equal-power crossfades between them.

    Equal power, because the mean of the envelopes is 0: a crossfade must keep their variance. The material is a circle
    (Politis and Romano 1992), so that its ends are used as often as its middle. Each block comes from a random position
    in one of as many equal parts as there are blocks in a round; the order of the parts is drawn for each round, so
    that the material is used evenly.

    Args:
        envelopes: natural logarithms, shape (material frames, BANDS).
        frames: of the result.
        sample_rate: Hz.
        rng: of lengths and positions.

    Returns:
        Shape (frames, BANDS).
    """
    hop = frame_size(sample_rate) // 2 / sample_rate
    fade = min(max(round(FADE_SECONDS / hop), 1), len(envelopes) // 2)
    if fade == 0:
        return np.zeros((frames, BANDS))
    low, high = (round(seconds / hop) for seconds in BLOCK_SECONDS)
    low, high = (min(length, len(envelopes) - fade) for length in (low, high))
    turn = np.pi / 2 * (np.arange(fade)[:, None] + 0.5) / fade
    lengths = rng.integers(low, high, size=frames // low + 1, endpoint=True)
    positions = even_positions(len(envelopes), len(envelopes) // ((low + high) // 2), len(lengths), rng)
    around = np.concatenate([envelopes, envelopes])
    out = np.zeros((frames + high + fade, BANDS))
    at = 0
    for length, position in zip(lengths.tolist(), positions.tolist(), strict=True):
        block = around[position : position + length + fade].copy()
        block[:fade] *= np.sin(turn) if at else 1.0
        block[length:] *= np.cos(turn)
        out[at : at + length + fade] += block
        at += length
        if at >= frames:
            break
    return out[:frames]


def even_positions(extent: int, parts: int, count: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Draw `count` random positions in [0, extent), one in each of `parts` equal parts per round."""
    rounds = [rng.permutation(parts) for _ in range(-(-count // parts))]
    return (np.concatenate(rounds)[:count] * extent + rng.integers(0, extent, size=count)) // parts


def _mean_products(envelopes: Envelopes) -> Matrix:
    """Return the mean over time of the products of the amplitude gains of every two bands."""
    gains = np.exp(envelopes / 2)
    return np.asarray(gains.T @ gains / len(gains))
