"""separate: the tonal and the broadband part of a recording, changed separately and added again.

The parts come from median filters along time and along frequency (Fitzgerald, DAFx 2010), with a margin between them
(Driedger, Mueller and Disch, ISMIR 2014), as librosa has them. What stands out in frequency and lasts is tonal (engine
orders, whines, blowers); all else is broadband (road, wind, air). The tonal part is then played faster or slower, and
louder or softer; the broadband part is equalized. It sounds like another engine on another road. Both are prolonged
separately, in segments that fit each other, so that the sum has any length and no period.

Chosen: frames, filters and margin of the separation (checked on tones in noise and on car recordings), the lengths of
the segments, the reach of the search for a join. See docs/science.md, "Synthesized noise from recordings".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt

from synth.draws import audio_generator
from synth.dsp.arrays import Samples
from synth.dsp.convolve import convolve
from synth.dsp.generators.gaussian import Power, frame_size
from synth.dsp.generators.generator import Generator, Material
from synth.dsp.generators.quilt import Quilt
from synth.dsp.generators.shaped import even_positions, smooth_curve, squared_frames
from synth.dsp.parameters import Parameter
from synth.dsp.resample import resample
from synth.dsp.windows import periodic_hann
from synth.units import resampled_length, thousandths

Pcm = npt.NDArray[np.int16]

MARGIN = 2.5
"""Ratio of amplitudes to the surroundings in frequency at which a bin is half tonal."""
SHARPNESS = 8.0
TONE_SECONDS = 0.7
"""A tone must last at least half of this."""
TONE_HZ = 100.0
"""A peak must be narrower than half of this."""

TONAL_SEGMENT_SECONDS = (0.24, 0.48)
TONAL_FADE_SECONDS = 0.04
TONAL_REACH_SECONDS = 0.008
"""A join may move by this much either way: a whole period of 63 Hz."""
BROADBAND_SEGMENT_MS = 60.0
JOIN_HZ = 16_000
"""Joins are searched at about this rate, Hz, whatever the rate of the material."""

_POSITIONS, _CURVE = 0, 1  # purposes of random numbers
_EDGE = 64  # samples in which the resampler starts and ends
_CHUNK = 1 << 19
_LONG = 15  # frames of 128 ms: a material this long can lose its ends


@dataclass(frozen=True, slots=True)
class Parts:
    """A material divided in two."""

    tonal: Material
    broadband: Material
    spectrum: Power  # of the broadband part
    mean_squares: tuple[float, float, float]
    """Mean squares of the tonal part, of the broadband part, and of the material; full scale 1.0."""


@dataclass(frozen=True, slots=True)
class Separate(Generator):
    """A recording whose tonal and broadband parts are changed separately.

    `tonal_factor` is how many times as fast the tonal part is played, so that its lines move. `tonal_db` changes its
    level relative to the broadband part. `equalizer_db` is the standard deviation of a smooth random change of the
    broadband part's spectrum, which keeps its level. The level of the sum is that of the material. The ranges are
    chosen: docs/science.md, "Synthesized noise from recordings".
    """

    name = "separate"
    slow_modules = ("librosa",)
    is_model = False

    tonal_factor: Annotated[
        float,
        Parameter(
            "times as fast that the tonal part is played", low=0.8, high=1.25, default={"log_uniform": [0.85, 1.18]}
        ),
    ] = 1.0
    tonal_db: Annotated[
        float,
        Parameter(
            "level of the tonal part against the broadband one",
            low=-12,
            high=12,
            unit="dB",
            default={"uniform": [-4, 4]},
        ),
    ] = 0.0
    equalizer_db: Annotated[
        float,
        Parameter(
            "SD of a smooth random change of the broadband part's spectrum",
            low=0,
            high=12,
            unit="dB",
            default={"uniform": [0, 3]},
        ),
    ] = 0.0
    seed: int = 0

    def __call__(self, num_samples: int, *, sample_rate: int, materials: Sequence[Material]) -> Samples:
        """Synthesize noise, float64, shape (num_samples,), full scale 1.0, at the level of its material."""
        parts = materials[0].analysis(self.name, separate_parts)
        tonal, broadband, total = parts.mean_squares
        gain = 10 ** (self.tonal_db / 20)
        both = gain**2 * tonal + broadband
        out = self._broadband(parts, num_samples, sample_rate)
        if tonal > 0:
            out += gain * self._tonal(parts, num_samples)
        out *= np.sqrt(total / both) if both > 0 else 0.0
        return out

    def _tonal(self, parts: Parts, num_samples: int) -> Samples:
        rate = thousandths(self.tonal_factor)
        count = num_samples + 2 * _EDGE
        played = prolong(
            parts.tonal, resampled_length(count, 1000, rate) + _EDGE, audio_generator(self.seed, _POSITIONS)
        )
        return resample(played, rate_in=rate, rate_out=1000, num_samples=count)[_EDGE:-_EDGE]

    def _broadband(self, parts: Parts, num_samples: int, sample_rate: int) -> Samples:
        quilt = Quilt(segment_ms=BROADBAND_SEGMENT_MS, seed=self.seed)
        if self.equalizer_db == 0:
            return quilt(num_samples, sample_rate=sample_rate, materials=[parts.broadband])
        curve = self.equalizer_db * smooth_curve(sample_rate, audio_generator(self.seed, _CURVE))
        taps = equalizer_taps(curve, parts.spectrum)
        quilted = quilt(num_samples + len(taps) - 1, sample_rate=sample_rate, materials=[parts.broadband])
        return _filtered(quilted, taps)


def equalizer_taps(curve_db: Samples, spectrum: Power) -> Samples:
    """Return a zero-phase filter whose gain in each bin is `curve_db`, scaled so that a given sound keeps its level.

    Args:
        curve_db: gain of each bin, dB, shape (bins,).
        spectrum: power of the sound in each bin, shape (bins,).

    Returns:
        Taps, shape (2 * bins - 2,); the middle is at index bins - 1.
    """
    gains = 10 ** (curve_db / 20)
    gains *= np.sqrt(spectrum.sum() / (spectrum * gains**2).sum()) if spectrum.any() else 1.0
    taps = np.fft.fftshift(np.fft.irfft(gains))
    return np.asarray(taps * periodic_hann(len(taps)))


def _filtered(samples: Samples, taps: Samples) -> Samples:
    """Filter without the ends, shape (n - taps + 1,); in stretches, so that memory stays bounded."""
    count = len(samples) - len(taps) + 1
    out = np.empty(count)
    for first in range(0, count, _CHUNK):
        last = min(first + _CHUNK, count)
        out[first:last] = convolve(samples[first : last + len(taps) - 1], taps)[len(taps) - 1 :][: last - first]
    return out


def separate_parts(material: Material) -> Parts:
    """Divide a material in two parts that add up to it, without its ends, where a cut-off tone is not narrow."""
    samples = material.to_float()
    tonal = tonal_part(samples, material.sample_rate)
    end = frame_size(material.sample_rate)
    inner = slice(end, -end) if len(samples) >= _LONG * end else slice(None)
    parts = [_material(part[inner], material.sample_rate) for part in (tonal, samples - tonal)]
    squares = [float(np.mean(part.to_float() ** 2)) for part in (*parts, material)]
    spectrum = squared_frames(parts[1].to_float(), material.sample_rate).mean(axis=0)
    return Parts(parts[0], parts[1], spectrum, (squares[0], squares[1], squares[2]))


def tonal_part(samples: Samples, sample_rate: int) -> Samples:
    """Extract what lasts and is narrow: frames of 256 ms, a quarter apart, with everything else masked.

    Args:
        samples: float64, shape (n,), full scale 1.0; the result has the same shape.
        sample_rate: Hz.

    Source: harmonic-percussive separation by median filters, Fitzgerald, DAFx 2010, with a margin (Driedger, Mueller
    and Disch, ISMIR 2014), as in librosa.
    """
    import librosa

    size = min(2 * frame_size(sample_rate), 1 << (len(samples).bit_length() - 1))
    hop = size // 4
    spectra = librosa.stft(samples, n_fft=size, hop_length=hop, dtype=np.complex128)
    lasting, narrow = _odd(TONE_SECONDS * sample_rate / hop), _odd(TONE_HZ * size / sample_rate)
    mask, _ = librosa.decompose.hpss(
        np.abs(spectra), kernel_size=(lasting, narrow), power=SHARPNESS, mask=True, margin=(MARGIN, 1.0)
    )
    return np.asarray(librosa.istft(spectra * mask, n_fft=size, hop_length=hop, length=len(samples), dtype=np.float64))


def _odd(count: float) -> int:
    """Round to an odd number, so that a filter has a middle."""
    return 2 * int(count / 2) + 1


def _material(samples: Samples, sample_rate: int) -> Material:
    """Convert samples to 16-bit numbers that fill their range."""
    scale = float(np.abs(samples).max()) / 32767 or 1 / 32768
    return Material(np.rint(samples / scale).astype(np.int16), scale=scale, sample_rate=sample_rate)


@dataclass(frozen=True, slots=True)
class _Lengths:
    """Lengths in samples that are multiples of `every`."""

    every: int  # a join moves in such steps
    fade: int
    reach: int
    shortest: int  # segment
    longest: int  # segment

    @classmethod
    def of(cls, num_samples: int, sample_rate: int) -> _Lengths:
        every = max(sample_rate // JOIN_HZ, 1)

        def on_grid(seconds: float, share: int) -> int:
            return max(min(round(seconds * sample_rate), num_samples // share) // every, 1) * every

        shortest, longest = (on_grid(seconds, 2) for seconds in TONAL_SEGMENT_SECONDS)
        return cls(every, on_grid(TONAL_FADE_SECONDS, 8), on_grid(TONAL_REACH_SECONDS, 16), shortest, longest)


def prolong(material: Material, num_samples: int, rng: np.random.Generator) -> Samples:
    """Prolong a material by segments that are joined where their waveforms fit.

    Their lengths and positions are random. A join is placed by integer arithmetic, so that it is the same on every
    processor. The gains over a join follow its correlation, so that the power neither dips nor bumps.

    Args:
        material: to prolong.
        num_samples: length of the result.
        rng: of lengths and positions.

    Returns:
        float64, shape (num_samples,), full scale 1.0.
    """
    pcm = material.samples
    lengths = _Lengths.of(len(pcm), material.sample_rate)
    coarse = pcm[:: lengths.every].astype(np.float64)
    count = num_samples // lengths.shortest + 2
    steps = lengths.every * rng.integers(
        lengths.shortest // lengths.every, lengths.longest // lengths.every, size=count, endpoint=True
    )
    room = len(pcm) - lengths.longest - lengths.fade - 2 * lengths.reach
    parts = max(len(pcm) // lengths.longest, 1)
    positions = even_positions(room // lengths.every, parts, count, rng) * lengths.every
    out = np.zeros(num_samples + lengths.longest + lengths.fade)
    at, tail = 0, np.zeros(0)
    for step, position in zip(steps.tolist(), positions.tolist(), strict=True):
        shift = _best_shift(coarse, position // lengths.every, tail[:: lengths.every], lengths) if at else 0
        first = position + lengths.every * shift
        segment = pcm[first : first + step + lengths.fade].astype(np.float64)
        if at:
            segment[: lengths.fade] = _crossfade(tail, segment[: lengths.fade])
        out[at : at + step] = segment[:step]
        at, tail = at + step, segment[step:]
        if at >= num_samples:
            break
    return np.asarray(out[:num_samples] * material.scale)


def _best_shift(coarse: Samples, position: int, tail: Samples, lengths: _Lengths) -> int:
    """Return by how many coarse samples, at most twice the reach, a segment moves to be most like `tail`."""
    candidates = coarse[position : position + 2 * lengths.reach // lengths.every + len(tail)]
    products = np.correlate(candidates, tail, "valid")  # sums of products of integers: exact in any order
    summed = np.concatenate([[0.0], np.cumsum(candidates**2)])
    energies = np.maximum(summed[len(tail) :] - summed[: -len(tail)], 1.0)
    return int(np.argmax(products / np.sqrt(energies)))


def _crossfade(tail: Samples, head: Samples) -> Samples:
    turn = np.pi / 2 * (np.arange(len(tail)) + 0.5) / len(tail)
    fall, rise = np.cos(turn), np.sin(turn)
    energy = np.sqrt(np.dot(tail, tail) * np.dot(head, head))
    correlation = np.clip(np.dot(tail, head) / energy, -0.5, 1.0) if energy > 0 else 0.0
    return np.asarray((fall * tail + rise * head) / np.sqrt(1 + 2 * correlation * fall * rise))
