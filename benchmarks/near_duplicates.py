"""How well near-duplicates of noise are told from different recordings, and what it costs.

python benchmarks/near_duplicates.py MY_NOISE [MORE_FOLDERS]     # real recordings: the bars and the distributions
python benchmarks/near_duplicates.py MY_NOISE --cost             # and the cost of 1,000 recordings of a minute

Pairs are made by cutting (5 to 8 s in common), gaining, equalising (±12 dB) and coding (MP3 and Opus at 48 kb/s and
more, counted from the bytes). Different recordings are those of different files, and two parts of one that share no
sample. A file that is a loop (its end repeats its beginning) is rightly found to be like itself.
"""

from __future__ import annotations

import argparse
import io
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile as sf
import soxr

from synth.catalog.near_duplicates import find_pairs
from synth.dsp.analysis import fingerprint as prints
from synth.dsp.arrays import Samples

RATE = 16_000
EXTENSIONS = (".flac", ".wav", ".ogg", ".mp3")
_LEAST_KBPS = 48.0
_FIRST_LEVEL = {"opus": 0.85, "mp3": 0.15, "mp3 48k": 0.7}
"""Compression levels of soundfile that give less than 48 kb/s for noise, or just as much: where the search begins."""


@dataclass(frozen=True)
class Sound:
    name: str
    samples: Samples  # mono, at RATE


@dataclass(frozen=True)
class Made:
    """Two near-duplicates made of one recording; the second begins `lag_s` after the first."""

    name: str
    first: Samples
    second: Samples
    lag_s: float
    common_s: float
    how: str


def read(path: Path) -> Sound:
    samples, rate = sf.read(path, always_2d=True)
    return Sound(path.name, soxr.resample(samples.mean(axis=1), rate, RATE))


def recordings(folders: Sequence[Path], *, least_s: float) -> list[Sound]:
    """All sound files below the folders that are so long."""
    paths = [path for folder in folders for path in sorted(folder.rglob("*")) if path.suffix.lower() in EXTENSIONS]
    return [sound for sound in map(read, paths) if len(sound.samples) >= least_s * RATE]


def words_of(samples: Samples, sample_rate: int = RATE) -> prints.Words:
    """The fingerprint of samples in any scale, as the store of noise makes it."""
    steps = np.rint(samples / np.abs(samples).max() * 32767)
    return np.concatenate([np.zeros(0, np.uint32), *prints.compute_fingerprint([steps], sample_rate=sample_rate)])


def equalised(samples: Samples, gains_db: npt.NDArray[np.float64]) -> Samples:
    """Gains at eight octaves from 50 Hz, straight lines between them over the logarithm of the frequency."""
    hz = np.fft.rfftfreq(len(samples), 1 / RATE)
    curve = np.interp(np.log2(np.maximum(hz, 1) / 50), np.arange(8), gains_db)
    return np.asarray(np.fft.irfft(np.fft.rfft(samples) * 10 ** (curve / 20), len(samples)))


def coded(samples: Samples, codec: str) -> tuple[Samples, float]:
    """(decoded, at RATE; kb/s of the file) at the lowest bit rate from 48 kb/s on that the encoder can be set to."""
    form: dict[str, Any] = (
        {"format": "OGG", "subtype": "OPUS"}
        if codec.startswith("opus")
        else {"format": "MP3", "subtype": "MPEG_LAYER_III"}
    )
    rate = 48_000 if codec.endswith("48k") else RATE
    for level in np.arange(_FIRST_LEVEL[codec], 0.0, -0.05):
        file = io.BytesIO()
        sf.write(file, np.clip(soxr.resample(samples, RATE, rate), -1, 1), rate, compression_level=level, **form)
        kbps = 8 * file.tell() / (len(samples) / RATE) / 1000
        if kbps >= _LEAST_KBPS:
            break
    file.seek(0)
    decoded, decoded_rate = sf.read(file)
    return soxr.resample(decoded, decoded_rate, RATE), kbps


def made_pair(sound: Sound, random: np.random.RandomState, codec: str) -> Made:
    """Two cuts with 5 to 8 s in common (the recording has 6 s at least), the second changed and coded."""
    total = len(sound.samples) / RATE
    common = random.uniform(5.0, min(8.0, total - 0.5))
    start = random.uniform(0, total - common)
    before, after = random.uniform(0, min(start, 8.0)), random.uniform(0, min(total - start - common, 8.0))
    edges = (start - before, start + common), (start, start + common + after)
    first, second = (sound.samples[round(a * RATE) : round(b * RATE)] for a, b in edges)
    second = equalised(second, random.uniform(-12, 12, 8))
    second *= 10 ** (random.uniform(-20, 0) / 20) / np.abs(second).max()
    changed, kbps = coded(second, codec)
    return Made(sound.name, first, changed, before, common, f"{codec} {kbps:.0f} kb/s")


def made_pairs(sounds: Sequence[Sound], count: int, *, seed: int) -> Iterator[Made]:
    """`count` pairs, of the recordings in turn."""
    random = np.random.RandomState(seed)
    codecs = itertools.cycle(("opus", "mp3", "mp3 48k"))
    for number in range(count):
        yield made_pair(sounds[number % len(sounds)], random, next(codecs))


def parts_of(sound: Sound) -> list[Sound]:
    """A recording of 20 s or more as two with a second between; a shorter one as it is."""
    half, gap = len(sound.samples) // 2, RATE // 2
    if 2 * half < 20 * RATE:
        return [sound]
    return [
        Sound(f"{sound.name} (first half)", sound.samples[: half - gap]),
        Sound(f"{sound.name} (second half)", sound.samples[half + gap :]),
    ]


def best_block(first: prints.Words, second: prints.Words) -> float:
    """The smallest share of wrong bits in any block of 256 words at any offset: what the threshold is set against."""
    size, best = prints.BLOCK, 1.0
    for lag in range(size - len(second), len(first) - size + 1):
        count = min(len(first) - max(0, lag), len(second) - max(0, -lag))
        wrong, heard = prints.wrong_bits(first[max(0, lag) :][:count], second[max(0, -lag) :][:count])
        sums, bits = (np.cumsum(np.concatenate([[0], x])) for x in (wrong, heard))
        whole = bits[size:] - bits[:-size] == size
        if whole.any():
            best = min(best, float((sums[size:] - sums[:-size])[whole].min() / (32 * size)))
    return best


def found(first: prints.Words, second: prints.Words) -> tuple[int, float] | None:
    """(lag in words, error rate), where the two are near-duplicates."""
    pairs = find_pairs([first, second])
    return (pairs[0][2], pairs[0][4]) if pairs else None


def quantiles(values: Sequence[float]) -> str:
    points = np.quantile(values, (0.0, 0.05, 0.5, 0.95, 1.0))
    return "min {:.3f}, 5 % {:.3f}, median {:.3f}, 95 % {:.3f}, max {:.3f}".format(*points)


def bar_of_made(sounds: Sequence[Sound], count: int) -> None:
    rates = []
    for pair in made_pairs([sound for sound in sounds if len(sound.samples) >= 6 * RATE], count, seed=1):
        answer = found(words_of(pair.first), words_of(pair.second))
        if answer is None:
            print(f"  missed: {pair.name} {pair.how}, {pair.common_s:.1f} s in common")
        else:
            rates.append(answer[1])
    print(f"found {len(rates)} of {count} made pairs (bar: 48 of 50); wrong bits: {quantiles(rates)}")


def bar_of_different(sounds: Sequence[Sound], count: int) -> None:
    parts = [part for sound in sounds for part in parts_of(sound)]
    words = [words_of(part.samples) for part in parts]
    pairs = list(itertools.combinations(range(len(parts)), 2))
    kin = [(a, b) for a, b in pairs if parts[a].name.split(" (")[0] == parts[b].name.split(" (")[0]]
    others = [pair for pair in pairs if pair not in set(kin)]
    np.random.RandomState(2).shuffle(others)
    some = [*kin, *others][:count]
    alike = [(a, b) for a, b in some if found(words[a], words[b])]
    for a, b in alike:
        print(f"  joined: {parts[a].name} and {parts[b].name}")
    print(f"joined {len(alike)} of {len(some)} different pairs (bar: 2 of 200)")
    joined = find_pairs(words)  # at once, as the store does
    print(f"joined {len(joined)} of all {len(pairs)} pairs: {[(parts[a].name, parts[b].name) for a, b, *_ in joined]}")
    best = [best_block(words[a][:860], words[b][:860]) for a, b in some if (a, b) not in alike]
    print(f"wrong bits in the best block at any offset of the others (10 s of each): {quantiles(best)}")


def cost(count: int, seconds: float) -> None:
    random = np.random.RandomState(3)
    start = time.process_time()
    words = [words_of(random.standard_normal(round(seconds * 8000)), 8000) for _ in range(count)]
    print(f"fingerprints of {count} recordings of {seconds:.0f} s: {time.process_time() - start:.1f} s of CPU")
    start = time.process_time()
    pairs = find_pairs(words)
    print(f"search among them: {time.process_time() - start:.1f} s of CPU; {len(pairs)} pairs (truth: 0)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--pairs", type=int, default=50)
    parser.add_argument("--different", type=int, default=200)
    parser.add_argument("--cost", action="store_true")
    asked = parser.parse_args()
    sounds = recordings(asked.folders, least_s=4.0)
    print(f"{len(sounds)} recordings of 4 s or more")
    bar_of_made(sounds, asked.pairs)
    bar_of_different(sounds, asked.different)
    if asked.cost:
        cost(1000, 60.0)


if __name__ == "__main__":
    main()
