"""Grown noise against real noise, by measures that know nothing of synth; see README.md here.

python benchmarks/grown_noise.py --noise MY_CAR_NOISE                      # tables of likeness, period and cost
python benchmarks/grown_noise.py --noise MY_CAR_NOISE --other MORE_NOISE --pictures OUT
python benchmarks/grown_noise.py --noise MY_CAR_NOISE --quick              # does it run at all
"""

from __future__ import annotations

import argparse
import importlib
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soxr

from synth.dsp.arrays import Samples

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "dsp" / "generators")]
measures: Any = importlib.import_module("sound_measures")

from synth.audio.read import read_samples  # noqa: E402
from synth.dsp.generators.generator import MATERIAL_SECONDS, Material  # noqa: E402
from synth.report.png import png  # noqa: E402

Grow = Callable[[int], Samples]

RATE = 16_000
SHORTEST_SECONDS = 20.0
BAND_HZ = (200.0, 7000.0)
EXTENSIONS = (".flac", ".wav", ".ogg", ".mp3", ".aiff", ".opus")
GENERATORS = {"quilt": "quilt.Quilt", "shaped": "shaped.Shaped", "separate": "separate.Separate"}
BAND_ERROR_OVER_REAL = 0.5
SPREAD_BARS = {"quilt": (0.85, 1.15), "shaped": (0.8, 1.2)}
ENVELOPE_BAR, WINDOW_BAR, SHARE_BAR = 0.2, 0.5, 2.0


# --- recordings and generators ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Recording:
    name: str
    samples: Samples

    def halves(self) -> tuple[Samples, Samples]:
        middle = len(self.samples) // 2
        return self.samples[:middle], self.samples[middle:]


def recordings(folder: Path) -> Iterator[Recording]:
    """All files of at least 20 s, mono at 16 kHz."""
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in EXTENSIONS):
        samples, rate = read_samples(path)
        if len(samples) >= SHORTEST_SECONDS * rate:
            yield Recording(path.stem, samples if rate == RATE else soxr.resample(samples, rate, RATE))


def materials(samples: Samples) -> list[Material]:
    """Stretches of at most 30 s, each overlapping the next by half."""
    scale = float(np.abs(samples).max()) / 32767
    pcm = np.rint(samples / scale).astype(np.int16)
    size = round(MATERIAL_SECONDS * RATE)
    firsts = range(0, max(1, len(pcm) - size // 2), size // 2)
    return [Material(pcm[first : first + size], scale=scale, sample_rate=RATE) for first in firsts]


def available() -> dict[str, Any]:
    """The generators that can be imported."""
    found = {}
    for name, place in GENERATORS.items():
        module, kind = place.split(".")
        try:
            found[name] = getattr(importlib.import_module(f"synth.dsp.generators.{module}"), kind)
        except ImportError as error:
            print(f"{name} is left out: {error}")
    return found


def grow(kind: Any, from_: Sequence[Material], count: int, seed: int) -> Samples:
    """One clip with the generator's default values, from the seed's own material."""
    generator = kind(seed=seed)
    chosen = [from_[(seed + k) % len(from_)] for k in range(generator.sources())]
    return np.asarray(generator(count, sample_rate=RATE, materials=chosen))


def white(count: int, seed: int) -> Samples:
    return np.random.default_rng(seed).standard_normal(count) * 0.1


def tiled(samples: Samples, count: int, seconds: float = 5.0) -> Samples:
    return np.resize(samples[: round(seconds * RATE)], count)


# --- likeness ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Likeness:
    """What was grown from the first half, against the second; means over the clips."""

    error: float
    spread: float
    spread_in_band: float
    spread_scatter: float  # standard deviation over the clips


def likeness(clips: Sequence[Samples], second: Samples) -> Likeness:
    ratios = [measures.level_sd(clip, RATE) / measures.level_sd(second, RATE) for clip in clips]
    in_band = measures.level_sd(second, RATE, band=BAND_HZ)
    return Likeness(
        float(np.mean([measures.mean_band_error(clip, second, RATE) for clip in clips])),
        float(np.mean(ratios)),
        float(np.mean([measures.level_sd(clip, RATE, band=BAND_HZ) / in_band for clip in clips])),
        float(np.std(ratios)),
    )


def spread_met(name: str, ratio: float, real: float) -> bool:
    """Within the bar, or no further off than the recording's own halves are."""
    low, high = SPREAD_BARS[name]
    return low <= ratio <= high or abs(math.log(ratio)) <= abs(math.log(real))


def word(met: bool) -> str:
    return "met" if met else "**unmet**"


def row(*cells: object) -> str:
    return "| " + " | ".join(f"{c:.2f}" if isinstance(c, float) else str(c) for c in cells) + " |"


def table(*names: str) -> None:
    print("\n" + row(*names))
    print("|" + "---|" * len(names))


def likeness_table(all_: Sequence[Recording], kinds: Mapping[str, Any], seeds: int) -> None:
    print(f"\n## Grown from the first half, judged against the second; means over {seeds} seeds\n")
    print(
        f"Band error: third octaves from 50 Hz, level-normalised, dB; at most the halves' own + {BAND_ERROR_OVER_REAL}"
    )
    print(
        "SD ratio: of 100-ms levels, made / second half; within its bar, or no further off than the first half's own is"
    )
    print("Scatter: the ratio's standard deviation over the seeds")
    table("recording", "noise", "band error", "bar", "SD ratio", "bar", "scatter", "SD ratio 200-7000 Hz")
    for recording in all_:
        first, second = recording.halves()
        real = likeness([first], second)
        print(row(recording.name, "real halves", real.error, "floor", real.spread, "floor", "", real.spread_in_band))
        sources = materials(first)
        for name, kind in kinds.items():
            found = likeness([grow(kind, sources, len(second), seed) for seed in range(seeds)], second)
            near = word(found.error <= real.error + BAND_ERROR_OVER_REAL) if name in SPREAD_BARS else "none"
            even = word(spread_met(name, found.spread, real.spread)) if name in SPREAD_BARS else "none"
            print(row("", name, found.error, near, found.spread, even, found.spread_scatter, found.spread_in_band))
        for name, clips in {
            "tiling of 5 s": [tiled(first, len(second))],
            "white noise": [white(len(second), seed) for seed in range(seeds)],
        }.items():
            found = likeness(clips, second)
            print(row("", name, found.error, "ceiling", found.spread, "ceiling", "", found.spread_in_band), flush=True)


# --- period -----------------------------------------------------------------------------------------------------------


def period_row(name: str, source: str, samples: Samples, templates: int, share: float | None, barred: bool) -> None:
    peak, lag = measures.envelope_peak(samples, RATE)
    window = measures.window_correlation(samples, RATE, templates=templates)
    met = peak <= ENVELOPE_BAR and window <= WINDOW_BAR and (share is None or share <= SHARE_BAR)
    shown = "" if share is None else share
    print(row(source, name, peak, f"{lag:.1f} s", window, shown, word(met) if barred else "control"), flush=True)


def period_table(all_: Sequence[Recording], kinds: Mapping[str, Any], minutes: float, templates: int) -> None:
    print(f"\n## Period: {minutes:g} min grown from the first 5 s of each recording\n")
    print("Envelope: largest autocorrelation of 10-ms levels, high-passed at 1 Hz, beyond 1 s, and its lag; bar 0.2")
    print(f"Windows: largest correlation of {templates} 1-s windows with any other at any lag, from 200 Hz; bar 0.5")
    table("recording", "noise", "envelope", "lag", "windows", "most used / even share", "bars")
    count = round(minutes * 60 * RATE)
    period_row("white noise", "", white(count, 0), templates, None, False)
    for recording in all_:
        sources = materials(recording.samples[: 5 * RATE])
        period_row("tiling", recording.name, tiled(recording.samples, count), min(templates, 6), None, False)
        for name, kind in kinds.items():
            share = most_used(kind, sources, count) if name == "quilt" else None
            period_row(name, "", grow(kind, sources, count, 0), templates, share, True)


def most_used(kind: Any, sources: Sequence[Material], count: int) -> float:
    quilt = kind(seed=0)
    pieces = quilt.segments(count, sample_rate=RATE, materials=sources)
    used = np.bincount(pieces, minlength=quilt.cells(sources[0]))
    return float(used.max() / used.mean())


# --- cost -------------------------------------------------------------------------------------------------------------


def cpu_ms(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return 1000 * (time.process_time() - begin)


def cost_table(all_: Sequence[Recording], kinds: Mapping[str, Any]) -> None:
    print("\n## CPU milliseconds, best of 15 (of 3 for the analysis), 10-s clips at 16 kHz from 30 s of material\n")
    table("noise", "a clip", "first clip of a material, its analysis included")
    samples = np.resize(max(all_, key=lambda r: len(r.samples)).samples, round(MATERIAL_SECONDS * RATE))
    for name, kind in kinds.items():
        known = materials(samples)
        grow(kind, known, RATE, 0)
        first = min(cpu_ms(lambda kind=kind: grow(kind, materials(samples), 10 * RATE, 0)) for _ in range(3))  # type: ignore[misc]
        clip = min(cpu_ms(lambda k=k, kind=kind, known=known: grow(kind, known, 10 * RATE, k)) for k in range(15))  # type: ignore[misc]
        print(row(name, clip, first))


# --- pictures ---------------------------------------------------------------------------------------------------------

Pixels = npt.NDArray[np.uint8]

COLOURS = {"real": (0, 0, 0), "quilt": (214, 39, 40), "shaped": (31, 119, 180), "separate": (44, 160, 44)}
_HEAT = np.array([[0, 0, 8], [60, 10, 110], [190, 50, 90], [250, 150, 40], [255, 255, 170]], float)


def write_png(path: Path, pixels: Pixels) -> None:
    """pixels: shape (height, width, 3), 8 bit."""
    path.write_bytes(png(pixels))


def spectrogram(samples: Samples, *, seconds: float = 10.0, height: int = 256) -> Pixels:
    """0 to 8 kHz upwards, 10 ms a column; 80 dB from the loudest down."""
    hop, size = RATE // 100, 2 * height
    part = samples[: round(seconds * RATE)]
    frames = np.lib.stride_tricks.sliding_window_view(part, size)[::hop] * np.hanning(size)
    levels = 20 * np.log10(np.abs(np.fft.rfft(frames)[:, 1:]).T[::-1] + 1e-9)
    heat = np.clip((levels - np.percentile(levels, 99.8)) / 80 + 1, 0, 1) * (len(_HEAT) - 1)
    low = np.minimum(heat.astype(int), len(_HEAT) - 2)
    share = (heat - low)[..., None]
    return np.asarray(_HEAT[low] * (1 - share) + _HEAT[low + 1] * share, np.uint8)


def stacked(pictures: Sequence[Pixels]) -> Pixels:
    gap = np.full((6, pictures[0].shape[1], 3), 255, np.uint8)
    parts = [part for picture in pictures for part in (picture, gap)]
    return np.concatenate(parts[:-1])


def spectra(all_: Mapping[str, Samples], *, width: int = 900, height: int = 500) -> Pixels:
    """Third-octave profiles as lines; grey lines every octave from 62.5 Hz and every 10 dB."""
    centres = np.log2(measures.band_centres(RATE))
    profiles = {name: measures.band_profile(samples, RATE) for name, samples in all_.items()}
    top = 10 * math.ceil(max(p.max() for p in profiles.values()) / 10)
    bottom = 10 * math.floor(min(p.min() for p in profiles.values()) / 10)
    picture = np.full((height, width, 3), 255, np.uint8)
    across = (width - 1) / (centres[-1] - centres[0])
    for octave in np.log2(62.5 * 2.0 ** np.arange(8)):
        if centres[0] <= octave <= centres[-1]:
            picture[:, round((octave - centres[0]) * across)] = 215
    down = (height - 1) / (top - bottom)
    for level in range(bottom, top + 1, 10):
        picture[round((top - level) * down)] = 215
    for name, profile in profiles.items():
        xs = np.linspace(0, width - 1, 4 * width)
        ys = np.interp(xs, (centres - centres[0]) * across, (top - profile) * down)
        for thick in (0, 1):
            rows = np.clip(np.rint(ys).astype(int) + thick, 0, height - 1)
            picture[rows, np.rint(xs).astype(int)] = COLOURS.get(name, (120, 120, 120))
    return picture


def draw(all_: Sequence[Recording], kinds: Mapping[str, Any], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    print(f"\n## Pictures in {folder}\n")
    print("NAME_spectra.png: third octaves, 50 Hz to 6.3 kHz; grey lines: octaves from 62.5 Hz, and every 10 dB")
    print("black real (second half), red quilt, blue shaped, green separate")
    print("NAME_spectrograms.png: 10 s, 0 to 8 kHz, from above: real (second half), " + ", ".join(kinds))
    for recording in all_:
        first, second = recording.halves()
        sources = materials(first)
        sounds = {"real": second, **{name: grow(kind, sources, len(second), 0) for name, kind in kinds.items()}}
        write_png(folder / f"{recording.name}_spectra.png", spectra(sounds))
        pictures = [spectrogram(samples) for samples in sounds.values()]
        write_png(folder / f"{recording.name}_spectrograms.png", stacked(pictures))


# --- the command ------------------------------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--noise", type=Path, required=True, help="folder of recordings; those of 20 s or more are used"
    )
    parser.add_argument("--other", type=Path, help="more recordings, for the first table only")
    parser.add_argument("--pictures", type=Path, help="folder for spectra and spectrograms")
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument(
        "--templates", type=int, default=120, help="windows of the period table held against all others"
    )
    parser.add_argument("--quick", action="store_true")
    words = parser.parse_args()
    kinds, cars = available(), list(recordings(words.noise))
    if not cars:
        parser.error(f"no recording of {SHORTEST_SECONDS:g} s or more in {words.noise}")
    others = list(recordings(words.other)) if words.other else []
    likeness_table([*cars, *others], kinds, 2 if words.quick else words.seeds)
    period_table(cars, kinds, 1 if words.quick else 10, 8 if words.quick else words.templates)
    cost_table(cars, kinds)
    if words.pictures:
        draw([*cars, *others], kinds, words.pictures)


if __name__ == "__main__":
    main()
