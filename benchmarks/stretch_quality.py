"""How well the engines of tempo and pitch keep clicks, noise, onsets and the pitch of voices; see README.md here.

python -m benchmarks.stretch_quality --speech MY_SPEECH --pictures FOLDER
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from synth.dsp.arrays import Indices, Samples
from synth.dsp.effects import Pitch, Tempo
from synth.dsp.effects.stretch import ENGINES
from synth.dsp.resample import resample
from synth.report.clip_card import spectrogram

RATE = 16000
SECONDS = 6  # of each utterance
CHANGES = [("tempo", 0.8), ("tempo", 0.9), ("tempo", 1.1), ("tempo", 1.25)]
CHANGES += [("pitch", -3.0), ("pitch", -1.0), ("pitch", 1.0), ("pitch", 3.0)]
SHOWN = [("tempo", 0.8), ("tempo", 1.25), ("pitch", -3.0), ("pitch", 3.0)]


def changed(samples: Samples, change: tuple[str, float], engine: str) -> Samples:
    """The sound at another tempo (a factor) or pitch (semitones)."""
    name, value = change
    return (Tempo if name == "tempo" else Pitch)(value, engine)(samples, sample_rate=RATE)


def white(seconds: float, seed: int = 0) -> Samples:
    """White noise, standard deviation 0.1."""
    return 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))


def click_train(count: int) -> tuple[Samples, Indices]:
    """Clicks 25 to 100 ms apart over noise 60 dB below them, and their places."""
    places = np.cumsum(np.random.default_rng(1).integers(RATE // 40, RATE // 10, count))
    samples = 0.01 * white((places[-1] + RATE // 20) / RATE)
    samples[places] = 1.0
    return samples, places


def count_clicks(samples: Samples) -> int:
    """Groups of loud samples, 3 ms or more apart. Resampling and phase vocoders leave ringing within a group."""
    loud = np.flatnonzero(np.abs(samples) > 0.25)
    return int(len(loud) > 0) + int(np.sum(np.diff(loud) > 0.003 * RATE))


def click_width_ms(samples: Samples) -> float:
    """From the first to the last sample within 30 dB of the greatest."""
    loud = np.flatnonzero(np.abs(samples) > 10 ** (-30 / 20) * np.abs(samples).max())
    return float(loud[-1] - loud[0] + 1) * 1000 / RATE


def repetition(samples: Samples) -> float:
    """Mean over 50-ms windows of the greatest autocorrelation at 2.5 to 20 ms: what a buzz would raise."""
    size, low, high = RATE // 20, RATE // 400, RATE // 50
    windows = samples[: len(samples) // size * size].reshape(-1, size)
    power = np.abs(np.fft.rfft(windows, 2 * size)) ** 2
    correlation = np.fft.irfft(power)[:, :high] / (size - np.arange(high)) * size
    return float(np.mean(correlation[:, low:].max(axis=1) / correlation[:, 0]))


def flatness(samples: Samples) -> float:
    """Of the mean spectrum of noise, 200 Hz to 7.8 kHz (pitch shifts empty the top): geometric over arithmetic mean."""
    windows = np.lib.stride_tricks.sliding_window_view(samples, 512)[::128] * np.hanning(512)
    power = np.mean(np.abs(np.fft.rfft(windows)) ** 2, axis=0)[6:200]
    return float(np.exp(np.mean(np.log(power))) / np.mean(power))


def swing_db(samples: Samples) -> float:
    """Standard deviation of the levels of 8 ms."""
    size = RATE // 125
    windows = samples[: len(samples) // size * size].reshape(-1, size)
    return float(np.std(10 * np.log10(np.mean(windows**2, axis=1) + 1e-12)))


def pitch_contour(samples: Samples) -> Samples:
    """Hz every 10 ms, NaN where there is no voice (librosa's pyin)."""
    import librosa

    contour, voiced, _ = librosa.pyin(samples, fmin=60, fmax=420, sr=RATE, frame_length=1024, hop_length=RATE // 100)
    return np.where(voiced, contour, np.nan)


def onset_places(samples: Samples) -> Samples:
    """Onsets in samples (librosa's spectral flux, 4-ms hops)."""
    import librosa

    strength = librosa.onset.onset_strength(y=samples, sr=RATE, hop_length=64, n_fft=512)
    places = librosa.onset.onset_detect(onset_envelope=strength, sr=RATE, hop_length=64, units="samples")
    return np.asarray(places, dtype=np.float64)


def matched(expected: Samples, places: Samples, tolerance_s: float = 0.025) -> int:
    """How many of the expected places have one of their own near them."""
    free = list(places)
    count = 0
    for place in expected:
        nearest = min(free, key=lambda each: abs(each - place), default=np.inf)
        if abs(nearest - place) <= tolerance_s * RATE:
            free.remove(nearest)
            count += 1
    return count


def speech_row(speech: list[Samples], change: tuple[str, float], engine: str, cache: dict[int, Any]) -> list[str]:
    """CPU time, pitch contour, voicing and onsets of an engine."""
    cents: list[Samples] = []
    agreement: list[float] = []
    expected_count = count = hits = 0
    began = time.process_time()
    results = [changed(samples, change, engine) for samples in speech]
    cpu = (time.process_time() - began) * 1000 / sum(len(samples) / RATE for samples in speech)
    for number, (samples, result) in enumerate(zip(speech, results, strict=True)):
        before, expected = cache.setdefault(number, (pitch_contour(samples), onset_places(samples)))
        after = pitch_contour(result)
        at = np.minimum(np.arange(len(before)) * len(result) / len(samples) + 0.5, len(after) - 1).astype(int)
        after = after[at] / (2 ** (change[1] / 12) if change[0] == "pitch" else 1)
        both = np.isfinite(before) & np.isfinite(after)
        cents.append(1200 * np.abs(np.log2(after[both] / before[both])))
        agreement.append(float(np.mean(np.isnan(before) == np.isnan(after))))
        places = onset_places(result)
        hits += matched(expected * len(result) / len(samples), places)
        expected_count, count = expected_count + len(expected), count + len(places)
    pitch = np.concatenate(cents)
    numbers = f"{np.median(pitch):.1f}", f"{np.percentile(pitch, 90):.0f}", f"{100 * np.mean(agreement):.1f}"
    return [f"{cpu:.2f}", *numbers, f"{100 * hits / expected_count:.0f}", f"{count / expected_count:.2f}"]


def signal_row(change: tuple[str, float], engine: str) -> list[str]:
    """Clicks and noise of known truth."""
    train, places = click_train(200)
    alone = np.zeros(RATE)
    alone[RATE // 2] = 1.0
    noise = changed(white(20), change, engine)
    return [
        f"{count_clicks(changed(train, change, engine))}/{len(places)}",
        f"{click_width_ms(changed(alone, change, engine)):.1f}",
        f"{flatness(noise):.3f}",
        f"{repetition(noise):.3f}",
        f"{swing_db(noise):.2f}",
        f"{20 * np.log10(np.std(noise) / 0.1):+.1f}",
    ]


def read_speech(folder: Path, count: int) -> list[Samples]:
    """Utterances spread over a folder, at 16 kHz, 6 s each at most."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix in (".flac", ".wav"))
    speech = []
    for path in paths[:: max(len(paths) // count, 1)][:count]:
        samples, rate = soundfile.read(path, dtype="float64", always_2d=True)
        speech.append(resample(samples.mean(axis=1), rate_in=rate, rate_out=RATE)[: SECONDS * RATE])
    return speech


def write_pictures(samples: Samples, folder: Path) -> None:
    """Spectrograms of the sound and of what each engine makes of it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "as_it_is.png").write_bytes(spectrogram(samples, RATE))
    for name, value in SHOWN:
        for engine in ENGINES:
            picture = spectrogram(changed(samples, (name, value), engine), RATE)
            (folder / f"{name}_{value:g}_{engine}.png").write_bytes(picture)


TITLES = "change, engine, CPU ms/s, F0 cents (median), F0 cents (90 %), voicing %, onsets kept %, onsets per onset, "
TITLES += "clicks, click ms, flatness, repetition, swing dB, noise dB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speech", type=Path, required=True, help="folder of utterances")
    parser.add_argument("--utterances", type=int, default=12)
    parser.add_argument("--changes", type=int, default=len(CHANGES), help="the first of the table alone")
    parser.add_argument("--pictures", type=Path, help="folder for spectrograms")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    speech = read_speech(arguments.speech, arguments.utterances)
    if arguments.pictures:
        write_pictures(speech[0][: 3 * RATE], arguments.pictures)
    row: Callable[[list[str]], None] = lambda cells: print("| " + " | ".join(cells) + " |", flush=True)  # noqa: E731
    row(TITLES.split(", "))
    row(["---"] * len(TITLES.split(", ")))
    noise = white(20)
    alone = ["-"] * 6
    measured = [f"{flatness(noise):.3f}", f"{repetition(noise):.3f}", f"{swing_db(noise):.2f}", "+0.0"]
    row(["none", "-", *alone, "200/200", "0.1", *measured])
    for engine in ENGINES:
        changed(speech[0], ("tempo", 0.9), engine)  # loads it
    cache: dict[int, Any] = {}
    for change in CHANGES[: arguments.changes]:
        for engine in ENGINES:
            cells = speech_row(speech, change, engine, cache) + signal_row(change, engine)
            row([f"{change[0]} {change[1]:g}", engine, *cells])


if __name__ == "__main__":
    main()
