"""shaped: Gaussian noise with a recording's spectrum and the rise and fall of its bands, or between two recordings.

The spectrum is Welch's estimate (1967). The levels of 20 bands over time are cut into blocks of about a second, and the
blocks put together anew, each with all its bands, so that gusts and bumps stay whole (the block bootstrap of Künsch
1989). Every sample is fresh: nothing of the recording is heard twice, and there is no period.
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
BLOCK_SECONDS = (0.7, 1.4)  # about a second, as the block bootstrap of science.md 4.5 has it; the spread is a choice
FADE_SECONDS = 0.2
KNOTS_PER_OCTAVE = 1.5  # twelve knots at 16 kHz; a choice between 8 and 20
LOWEST_KNOT_HZ = 40.0

_NOISE, _DEPARTURE, _BLOCKS = 0, 1, 2  # what random numbers are for; the second recording's blocks have one more
_REFERENCE_SECONDS = 60
_FEWEST_FRAMES = 4  # below it there is nothing to be said of the levels over time
_STEADY_FRAMES = 16  # below it neighbouring bins help each other to a steady spectrum
_FLOOR = 1e-12  # of the strongest bin, 120 dB down: so that nothing is divided by nothing
_BLOCK_FRAMES = 32


@dataclass(frozen=True, slots=True)
class Known:
    """What is remembered of a material: the form of its spectrum (sum 1), its mean square, its bands' levels."""

    spectrum: Power
    mean_square: float
    envelopes: Envelopes


@dataclass(frozen=True, slots=True)
class Shaped(Generator):
    """Gaussian noise that sounds like one recording, or like something between two.

    `departure_db`: standard deviation of a smooth random curve over the logarithm of frequency that the spectrum is
    changed by; the level stays. `between`: weight of the second recording's log spectrum and of the variance of its
    bands' levels; 0 is the first alone. The level is the first one's. Tonal lines are kept as narrow-band noise only.

    That real recordings of one car differ by 0.3 to 1.5 dB between their halves is measured; `departure_db` of 3 as
    what makes another car of it is the random equaliser's of science.md 4.5; the knots' spacing is a choice.
    """

    name = "shaped"
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
        """One recording, or two where the noise lies between them."""
        return 2 if self.between > 0 else 1

    def __call__(self, num_samples: int, *, sample_rate: int, materials: Sequence[Material]) -> Samples:
        """Noise of any length, shape (num_samples,), full scale 1.0, at the level of the first material."""
        known = [material.known("shaped", analyze_spectrum) for material in materials[: self.sources()]]
        weights = (1 - self.between, self.between)[: len(known)]
        moving = np.zeros((frame_count(num_samples, sample_rate), BANDS))
        squares = np.ones((BANDS, BANDS))
        for number, (one, weight) in enumerate(zip(known, weights, strict=True)):
            levels = one.envelopes * np.sqrt(weight)  # so that the variances, not the deviations, are weighted
            moving += rearrange_blocks(levels, len(moving), sample_rate, audio_generator(self.seed, _BLOCKS + number))
            squares *= _mean_products(levels)
        gains, bands = np.exp(moving / 2), band_weights(sample_rate)
        power = self._spectrum(known, weights, sample_rate) * known[0].mean_square
        still = np.sqrt(power / ((squares @ bands) * bands).sum(axis=0))

        def amplitude(first: int, last: int) -> Samples:
            made = gains[first:last] @ bands
            made *= still
            return np.asarray(made)

        random = audio_generator(self.seed, _NOISE)
        return gaussian_frames(amplitude, num_samples=num_samples, sample_rate=sample_rate, random=random)

    def _spectrum(self, known: Sequence[Known], weights: Sequence[float], sample_rate: int) -> Power:
        """The form of the spectrum, sum 1: the geometric mean of the recordings', and away from it."""
        logs = sum((w * np.log(one.spectrum) for w, one in zip(weights, known, strict=True)), start=np.zeros(1))
        curve = smooth_curve(sample_rate, audio_generator(self.seed, _DEPARTURE))
        made = np.exp(logs + self.departure_db * np.log(10) / 10 * curve)
        return np.asarray(made / made.sum())


def smooth_curve(sample_rate: int, random: np.random.Generator) -> Samples:
    """A smooth random curve over log frequency, one value for each bin, variance 1 everywhere.

    Independent normal values at knots, 2/3 octave apart from 40 Hz on, and between two of them their sum with weights
    whose squares add up to 1. The same random numbers give the same curve at every rate.
    """
    hertz = np.maximum(bin_hz(sample_rate), LOWEST_KNOT_HZ)
    place = KNOTS_PER_OCTAVE * np.log2(hertz / LOWEST_KNOT_HZ)
    knot = place.astype(int)
    values, turn = random.standard_normal(int(knot[-1]) + 2), np.pi / 2 * (place - knot)
    return np.asarray(values[knot] * np.cos(turn) + values[knot + 1] * np.sin(turn))


@lru_cache
def band_weights(sample_rate: int) -> Samples:
    """Weight of each bin in each band, shape (BANDS, bins): triangles that add up to 1.

    The bands are equally wide on the scale of the ear's critical bands (ERB-rate, Glasberg and Moore 1990).
    """
    rate = 21.4 * np.log10(1 + 0.00437 * bin_hz(sample_rate))
    place = np.clip(rate / rate[-1] * BANDS - 0.5, 0, BANDS - 1)
    return np.asarray(np.maximum(1 - np.abs(place - np.arange(BANDS)[:, None]), 0.0))


def analyze_spectrum(material: Material) -> Known:
    """The statistics of a material that `Shaped` works from."""
    heard = material.heard()
    squares = squared_frames(heard, material.sample_rate)
    mean = _steadied(squares.mean(axis=0), len(squares))
    mean = np.maximum(mean, _FLOOR * mean.max() + np.finfo(float).tiny)
    mean = _with_fine_form(mean, squares, material.sample_rate)
    envelopes = band_envelopes(squares / mean, material.sample_rate)
    if len(envelopes) < _FEWEST_FRAMES or not heard.any():
        envelopes = np.zeros((1, BANDS))
    else:
        envelopes = undo_smoothing(envelopes @ shrink_to_signal(envelopes, _own_noise(material.sample_rate)))
    return Known(spectrum=mean / mean.sum(), mean_square=float(np.mean(heard**2)), envelopes=envelopes)


def _with_fine_form(mean: Power, squares: Samples, sample_rate: int) -> Power:
    """The mean spectrum band by band, but inside a band the form of what sounds all the time (the mean of the logs).

    A few clicks can make most of the mean; their own form, spread over all the time, is heard as whistles and gaps.
    """
    lasting = np.exp(np.log(np.maximum(squares, _FLOOR * mean)).mean(axis=0))
    lasting = _steadied(lasting, len(squares))
    bands = band_weights(sample_rate)
    ratio = (bands @ mean) / (bands @ lasting)
    return np.asarray(lasting * (ratio @ bands))


def squared_frames(samples: Samples, sample_rate: int) -> Samples:
    """Squared magnitudes of Hann-windowed frames, half a frame apart, shape (frames, bins). A short end is left out."""
    from scipy.fft import rfft

    size = frame_size(sample_rate)
    samples = np.pad(samples, (0, max(size - len(samples), 0)))
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[:: size // 2]
    out = np.empty((len(frames), size // 2 + 1))
    for first in range(0, len(frames), _BLOCK_FRAMES):
        spectra = rfft(frames[first : first + _BLOCK_FRAMES] * hann(size), axis=-1, overwrite_x=True)
        out[first : first + _BLOCK_FRAMES] = spectra.real**2 + spectra.imag**2
    return out


def _steadied(spectrum: Power, frames: int) -> Power:
    """The mean of a few frames, smoothed over as many bins as there are too few frames."""
    reach = max(-(-_STEADY_FRAMES // frames) // 2, 0) if frames < _STEADY_FRAMES else 0
    padded = np.pad(spectrum, reach, mode="reflect")
    return np.convolve(padded, np.full(2 * reach + 1, 1 / (2 * reach + 1)), "valid")


def band_envelopes(whitened: Samples, sample_rate: int) -> Envelopes:
    """Log levels of the bands, smoothed over about 150 ms, less their means.

    whitened: squared frames over their mean spectrum, so that all bins of a band count alike and the estimate's own
    noise is least.
    """
    bands = band_weights(sample_rate)
    found = np.pad(whitened @ (bands / bands.sum(axis=1, keepdims=True)).T, ((1, 1), (0, 0)), mode="edge")
    found = 0.25 * found[:-2] + 0.5 * found[1:-1] + 0.25 * found[2:]
    logs = np.log(np.maximum(found, _FLOOR))
    return np.asarray(logs - logs.mean(axis=0))


@lru_cache
def _own_noise(sample_rate: int) -> Matrix:
    """Covariance of the `band_envelopes` of noise that is steady: what the estimate adds of itself."""
    size = frame_size(sample_rate)
    steady = gaussian_noise(
        np.ones(size // 2 + 1),
        num_samples=_REFERENCE_SECONDS * sample_rate,
        sample_rate=sample_rate,
        random=audio_generator(0, _NOISE),
    )
    squares = squared_frames(steady, sample_rate)
    envelopes = band_envelopes(squares / squares.mean(axis=0), sample_rate)
    return np.asarray(envelopes.T @ envelopes / len(envelopes))


def shrink_to_signal(envelopes: Envelopes, own: Matrix) -> Matrix:
    """The matrix that takes `envelopes` to their own covariance less `own`.

    A band's measured level wavers even where the noise is steady, and the new noise will waver so again. So each
    independent direction among the bands is shrunk by the part of its variance that is the estimate's own: a gust that
    all bands share stays nearly whole, what one band does alone mostly goes. Directions below the noise go to 0.
    """
    values, vectors = np.linalg.eigh(own)
    root, back = (vectors * np.sqrt(values)) @ vectors.T, (vectors / np.sqrt(values)) @ vectors.T
    found, directions = np.linalg.eigh(back @ (envelopes.T @ envelopes / len(envelopes)) @ back)
    keep = np.sqrt(np.maximum(1 - 1 / np.maximum(found, 1.0), 0.0))
    return np.asarray(back @ (directions * keep) @ directions.T @ root)


_SMOOTHED_AGAIN = np.convolve([0.2, 0.6, 0.2], [0.25, 0.5, 0.25])
"""What the frames of `gaussian_noise`, and then those of `squared_frames` and the smoothing, make of levels set."""


def undo_smoothing(envelopes: Envelopes) -> Envelopes:
    """Each band enlarged so that its variance is right after the frames have smoothed it again; at most 1.5 times."""
    if len(envelopes) < len(_SMOOTHED_AGAIN):
        return envelopes
    again = np.stack([np.convolve(band, _SMOOTHED_AGAIN, "valid") for band in envelopes.T], axis=1)
    lost = np.sqrt(envelopes.var(axis=0) / np.maximum(again.var(axis=0), np.finfo(float).tiny))
    return np.asarray(envelopes * np.clip(lost, 1.0, 1.5))


def rearrange_blocks(envelopes: Envelopes, frames: int, sample_rate: int, random: np.random.Generator) -> Envelopes:
    """Blocks of random length with equal-power crossfades between them, shape (frames, BANDS).

    Equal power, because the envelopes' mean is 0: what must stay through a crossfade is their variance. The material is
    a circle (Politis and Romano 1992), so that its ends are heard as often as its middle; each block comes from a
    random place in one of as many equal parts as there are blocks in a round, the parts in an order drawn for each
    round, so that the material is used evenly.
    """
    hop = frame_size(sample_rate) // 2 / sample_rate
    fade = min(max(round(FADE_SECONDS / hop), 1), len(envelopes) // 2)
    if fade == 0:
        return np.zeros((frames, BANDS))
    low, high = (round(seconds / hop) for seconds in BLOCK_SECONDS)
    low, high = (min(length, len(envelopes) - fade) for length in (low, high))
    turn = np.pi / 2 * (np.arange(fade)[:, None] + 0.5) / fade
    lengths = random.integers(low, high, size=frames // low + 1, endpoint=True)
    places = even_places(len(envelopes), len(envelopes) // ((low + high) // 2), len(lengths), random)
    around = np.concatenate([envelopes, envelopes])
    out = np.zeros((frames + high + fade, BANDS))
    at = 0
    for length, place in zip(lengths.tolist(), places.tolist(), strict=True):
        block = around[place : place + length + fade].copy()
        block[:fade] *= np.sin(turn) if at else 1.0
        block[length:] *= np.cos(turn)
        out[at : at + length + fade] += block
        at += length
        if at >= frames:
            break
    return out[:frames]


def even_places(extent: int, parts: int, count: int, random: np.random.Generator) -> npt.NDArray[np.int64]:
    """`count` random places in [0, extent), as many in each of `parts` equal parts as there are rounds of them."""
    rounds = [random.permutation(parts) for _ in range(-(-count // parts))]
    return (np.concatenate(rounds)[:count] * extent + random.integers(0, extent, size=count)) // parts


def _mean_products(envelopes: Envelopes) -> Matrix:
    """Mean over time of the products of every two bands' amplitude gains."""
    gains = np.exp(envelopes / 2)
    return np.asarray(gains.T @ gains / len(gains))
