"""separate: the tonal and the broadband part of a recording, changed apart and put together again.

The parts come from median filters along time and along frequency (Fitzgerald 2010), with a margin between them
(Driedger, Müller and Disch 2014), as librosa has them: what stands out in frequency and lasts is tonal
(engine orders, whines, blowers), all else is broadband (road, wind, air). The tonal part is then played faster or
slower, and louder or softer, the broadband part is re-equalised: another engine on another road. Both are prolong
apart, in pieces that fit each other, so that the sum has any length and no period.

Own choices, without a source: frames, filters and margin of the separation (tried on tones in noise and on the car
recordings at hand), the lengths of the pieces, the reach of the search for a join.
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
from synth.dsp.generators.shaped import even_places, smooth_curve, squared_frames
from synth.dsp.parameters import Parameter
from synth.dsp.resample import resample
from synth.dsp.windows import periodic_hann
from synth.units import resampled_length, thousandths

Pcm = npt.NDArray[np.int16]

MARGIN = 2.5
"""How much stronger than its surroundings in frequency a bin must be, in amplitude, to be half tonal."""
SHARPNESS = 8.0
TONE_SECONDS = 0.7
"""Half of it and more is what a tone must last."""
TONE_HZ = 100.0
"""A peak must be narrower than half of it."""

TONAL_PIECE_SECONDS = (0.24, 0.48)
TONAL_FADE_SECONDS = 0.04
TONAL_REACH_SECONDS = 0.008
"""A join may move by this much either way: a whole period of 63 Hz."""
BROADBAND_PIECE_MS = 60.0
JOIN_HZ = 16_000
"""Joins are searched at about this rate, whatever the material's."""

_PLACES, _CURVE = 0, 1  # what random numbers are for
_EDGE = 64  # samples in which the resampler starts and ends
_CHUNK = 1 << 19
_LONG = 15  # frames of 128 ms: a material so long can spare its ends


@dataclass(frozen=True, slots=True)
class Parts:
    """What is remembered of a material: two materials, and the power of each bin of the broadband one."""

    tonal: Material
    broadband: Material
    spectrum: Power
    mean_squares: tuple[float, float, float]
    """Of the tonal part, of the broadband part, and of the material."""


@dataclass(frozen=True, slots=True)
class Separate(Generator):
    """A recording whose tonal and broadband parts are changed apart.

    `tonal_factor`: how many times as fast the tonal part is played, so that its lines move. `tonal_db`: its level
    against the broadband part's, in dB more than it was. `equalizer_db`: standard deviation of a smooth random change
    of the broadband part's spectrum, which leaves its level. The level of the sum is the material's.

    +-20 % and +-4 dB are science.md 4.5 F's, which has no source for them; `equalizer_db` up to 3 is that of its random
    equaliser (4.5 A).
    """

    name = "separate"
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

    def sources(self) -> int:
        """One recording."""
        return 1

    def __call__(self, num_samples: int, *, sample_rate: int, materials: Sequence[Material]) -> Samples:
        """Noise of any length, shape (num_samples,), full scale 1.0, at the level of its material."""
        parts = materials[0].known(self.name, separate_parts)
        tonal, broadband, whole = parts.mean_squares
        gain = 10 ** (self.tonal_db / 20)
        both = gain**2 * tonal + broadband
        out = self._broadband(parts, num_samples, sample_rate)
        if tonal > 0:
            out += gain * self._tonal(parts, num_samples)
        out *= np.sqrt(whole / both) if both > 0 else 0.0
        return out

    def _tonal(self, parts: Parts, num_samples: int) -> Samples:
        rate = thousandths(self.tonal_factor)
        wanted = num_samples + 2 * _EDGE
        played = prolong(parts.tonal, resampled_length(wanted, 1000, rate) + _EDGE, audio_generator(self.seed, _PLACES))
        return resample(played, rate_in=rate, rate_out=1000, num_samples=wanted)[_EDGE:-_EDGE]

    def _broadband(self, parts: Parts, num_samples: int, sample_rate: int) -> Samples:
        quilt = Quilt(segment_ms=BROADBAND_PIECE_MS, seed=self.seed)
        if self.equalizer_db == 0:
            return quilt(num_samples, sample_rate=sample_rate, materials=[parts.broadband])
        curve = self.equalizer_db * smooth_curve(sample_rate, audio_generator(self.seed, _CURVE))
        taps = equalizer_taps(curve, parts.spectrum)
        quilted = quilt(num_samples + len(taps) - 1, sample_rate=sample_rate, materials=[parts.broadband])
        return _filtered(quilted, taps)


def equalizer_taps(curve_db: Samples, spectrum: Power) -> Samples:
    """Taps of a filter without delay about its middle, whose gain in each bin is `curve_db`, shape (2 * bins - 1,).

    A sound of this spectrum keeps its level.
    """
    gains = 10 ** (curve_db / 20)
    gains *= np.sqrt(spectrum.sum() / (spectrum * gains**2).sum()) if spectrum.any() else 1.0
    taps = np.fft.fftshift(np.fft.irfft(gains))
    return np.asarray(taps * periodic_hann(len(taps)))


def _filtered(samples: Samples, taps: Samples) -> Samples:
    """Filtered, without the ends, shape (n - taps + 1,); in stretches, so that memory does not grow."""
    count = len(samples) - len(taps) + 1
    out = np.empty(count)
    for first in range(0, count, _CHUNK):
        last = min(first + _CHUNK, count)
        out[first:last] = convolve(samples[first : last + len(taps) - 1], taps)[len(taps) - 1 :][: last - first]
    return out


# --- the parts of a material ------------------------------------------------------------------------------------------


def separate_parts(material: Material) -> Parts:
    """The two parts of a material, which add up to it; without its ends, where a tone that breaks off is not narrow."""
    heard = material.heard()
    tonal = tonal_part(heard, material.sample_rate)
    end = frame_size(material.sample_rate)
    inner = slice(end, -end) if len(heard) >= _LONG * end else slice(None)
    parts = [_material(part[inner], material.sample_rate) for part in (tonal, heard - tonal)]
    squares = [float(np.mean(part.heard() ** 2)) for part in (*parts, material)]
    spectrum = squared_frames(parts[1].heard(), material.sample_rate).mean(axis=0)
    return Parts(parts[0], parts[1], spectrum, (squares[0], squares[1], squares[2]))


def tonal_part(samples: Samples, sample_rate: int) -> Samples:
    """What lasts and is narrow, shape (n,): frames of 256 ms, a quarter apart, with what is not tonal masked out."""
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
    """The odd whole number next to it, so that a filter has a middle."""
    return 2 * int(count / 2) + 1


def _material(samples: Samples, sample_rate: int) -> Material:
    """Samples as 16-bit numbers that fill their range."""
    scale = float(np.abs(samples).max()) / 32767 or 1 / 32768
    return Material(np.rint(samples / scale).astype(np.int16), scale=scale, sample_rate=sample_rate)


# --- a tonal part of any length ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Lengths:
    """In samples, all of them multiples of `every`: a join moves in such steps."""

    every: int
    fade: int
    reach: int
    shortest: int
    longest: int

    @classmethod
    def of(cls, num_samples: int, sample_rate: int) -> _Lengths:
        every = max(sample_rate // JOIN_HZ, 1)

        def whole(seconds: float, share: int) -> int:
            return max(min(round(seconds * sample_rate), num_samples // share) // every, 1) * every

        shortest, longest = (whole(seconds, 2) for seconds in TONAL_PIECE_SECONDS)
        return cls(every, whole(TONAL_FADE_SECONDS, 8), whole(TONAL_REACH_SECONDS, 16), shortest, longest)


def prolong(material: Material, num_samples: int, random: np.random.Generator) -> Samples:
    """Pieces of a material, joined where their waveforms fit, shape (num_samples,).

    Their lengths and places are random. The place of a join is decided on whole numbers, so that it is the same on
    every processor. The gains over a join follow its correlation, so that its power neither dips nor bumps.
    """
    pcm = material.samples
    lengths = _Lengths.of(len(pcm), material.sample_rate)
    coarse = pcm[:: lengths.every].astype(np.float64)
    count = num_samples // lengths.shortest + 2
    steps = lengths.every * random.integers(
        lengths.shortest // lengths.every, lengths.longest // lengths.every, size=count, endpoint=True
    )
    room = len(pcm) - lengths.longest - lengths.fade - 2 * lengths.reach
    parts = max(len(pcm) // lengths.longest, 1)
    places = even_places(room // lengths.every, parts, count, random) * lengths.every
    out = np.zeros(num_samples + lengths.longest + lengths.fade)
    at, tail = 0, np.zeros(0)
    for step, place in zip(steps.tolist(), places.tolist(), strict=True):
        shift = _best_shift(coarse, place // lengths.every, tail[:: lengths.every], lengths) if at else 0
        first = place + lengths.every * shift
        piece = pcm[first : first + step + lengths.fade].astype(np.float64)
        if at:
            piece[: lengths.fade] = _crossfaded(tail, piece[: lengths.fade])
        out[at : at + step] = piece[:step]
        at, tail = at + step, piece[step:]
        if at >= num_samples:
            break
    return np.asarray(out[:num_samples] * material.scale)


def _best_shift(coarse: Samples, place: int, tail: Samples, lengths: _Lengths) -> int:
    """By how many coarse samples, at most twice the reach, a piece is moved so that it is most like `tail`."""
    candidates = coarse[place : place + 2 * lengths.reach // lengths.every + len(tail)]
    products = np.correlate(candidates, tail, "valid")  # sums of products of whole numbers: exact in any order
    summed = np.concatenate([[0.0], np.cumsum(candidates**2)])
    energies = np.maximum(summed[len(tail) :] - summed[: -len(tail)], 1.0)
    return int(np.argmax(products / np.sqrt(energies)))


def _crossfaded(tail: Samples, head: Samples) -> Samples:
    turn = np.pi / 2 * (np.arange(len(tail)) + 0.5) / len(tail)
    fall, rise = np.cos(turn), np.sin(turn)
    energy = np.sqrt(np.dot(tail, tail) * np.dot(head, head))
    alike = np.clip(np.dot(tail, head) / energy, -0.5, 1.0) if energy > 0 else 0.0
    return np.asarray((fall * tail + rise * head) / np.sqrt(1 + 2 * alike * fall * rise))
