"""The speech, noise and recipes that all variants read."""

from __future__ import annotations

import csv
import os
import random
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

RATE = 16_000
EXTENSIONS = (".flac", ".wav", ".ogg", ".mp3", ".aiff")


def audio_files(folder: Path) -> list[Path]:
    """All audio files below the folder, sorted."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in EXTENSIONS)


def as_int16(source: Path) -> Any:
    """Mono at RATE as int16, shape (n,)."""
    import numpy as np
    import soundfile
    import soxr

    samples, rate = soundfile.read(source, always_2d=True)
    mono = soxr.resample(samples.mean(axis=1), rate, RATE)
    return np.clip(np.rint(mono * 32768), -32768, 32767).astype(np.int16)


def convert_noise(folder: Path, out: Path, *, form: str) -> float:
    """Write the recordings as 16-kHz mono `flac` or `wav`, or copy them `as-is`; returns their hours."""
    import soundfile

    out.mkdir(parents=True, exist_ok=True)
    seconds = 0.0
    for number, path in enumerate(audio_files(folder)):
        length = soundfile.info(path).duration
        if not 0.3 <= length <= 7200.0:
            continue
        seconds += length
        if form == "as-is":
            shutil.copyfile(path, out / f"{number:05d}{path.suffix}")
        else:
            soundfile.write(out / f"{number:05d}.{form}", as_int16(path), RATE, subtype="PCM_16")
    if not seconds:
        raise SystemExit(f"{folder}: no audio between 0.3 s and 2 h")
    return seconds / 3600


def prepare_speech(source: Path, out: Path, *, hours: float) -> list[tuple[Path, float]]:
    """Write the utterances as 16-kHz FLAC in random order until there are enough hours; returns (path, seconds).

    If there are too few, they are repeated, each time without 10 ms more of their beginning, so that no two are equal.
    """
    import soundfile

    out.mkdir(parents=True, exist_ok=True)
    sources = [path for path in audio_files(source) if 0.5 <= soundfile.info(path).duration <= 40.0]
    if not sources:
        raise SystemExit(f"{source}: no audio between 0.5 and 40 s")
    random.Random(1).shuffle(sources)
    decoded = {path: as_int16(path) for path in sources}
    files: list[tuple[Path, float]] = []
    turn, total = 0, 0.0
    while total < hours * 3600:
        for path in sources:
            samples = decoded[path][turn * RATE // 100 :]
            target = out / f"{len(files):06d}.flac"
            soundfile.write(target, samples, RATE, subtype="PCM_16")
            files.append((target, len(samples) / RATE))
            total += len(samples) / RATE
            if total >= hours * 3600:
                break
        turn += 1
    return files


def take(files: list[tuple[Path, float]], out: Path, *, hours: float = 1e9, count: int = 1_000_000) -> float:
    """Link the first files to another folder, up to these hours and this number; returns the hours."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    total = 0.0
    for path, seconds in files[:count]:
        if total >= hours * 3600:
            break
        os.link(path, out / path.name)
        total += seconds
    return total / 3600


RECIPE = """
seed: 1
sample_rate: 16000
copies: {copies}
speech:
  sources: {speech}
  effects:
    - speed: {{choice: [0.9, 1.0, 1.1]}}{effects}
noise:
  snr_db: [0, 20]
{measure}  layers:
    - {{name: car, sources: {noise}, max_reuse: 1000000, min_recordings: 1}}
{rest}"""
RMS = "  measure: rms\n  weighting: none\n"
SIGNALSMITH = """
    - tempo: {factor: [0.9, 1.1], engine: signalsmith}
    - pitch: {semitones: [-2, 2], engine: signalsmith}"""
PITCH_AND_TEMPO = "\n    - tempo: [0.9, 1.1]\n    - pitch: [-2, 2]"

#: What each recipe changes in RECIPE.
RECIPES: Mapping[str, Mapping[str, str]] = {
    "basic": {"measure": RMS},
    "default": {},
    "pitch_tempo": {"measure": RMS, "effects": PITCH_AND_TEMPO},
    "pitch_tempo_signalsmith": {"measure": RMS, "effects": SIGNALSMITH},
    "wav": {"measure": RMS, "rest": "output: {format: wav}\n"},
    "noise_as_is": {"measure": RMS, "noise": "noise_as_is"},
    "long_noise": {"noise": "noise_hour"},
}


def recipe_text(name: str, *, work: Path, speech: str, copies: int) -> str:
    """The recipe of this name over the speech, both in `work`."""
    values = {"measure": "", "effects": "", "rest": "", "noise": "noise", **RECIPES[name]}
    noise = work / values.pop("noise")
    return RECIPE.format(copies=copies, speech=speech, noise=noise, **values)


def write_million(work: Path, *, clips: int) -> None:
    """Write million.csv, a list of utterances with lengths, and its recipe. None of the files exists."""
    lengths = random.Random(1)
    with (work / "million.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("path", "sampling_rate", "num_samples", "text", "speaker"))
        for index in range(clips):
            seconds = lengths.uniform(2, 12)
            table.writerow((f"{index // 1000:04d}/{index:07d}.flac", RATE, int(seconds * RATE), "go", index % 2000))
    speech = f"{{manifest: {work / 'million.csv'}}}"
    (work / "million.yaml").write_text(recipe_text("default", work=work, speech=speech, copies=1))


def write_long_noise(folder: Path, *, minutes: int) -> None:
    """One recording of white noise, which is this long."""
    import numpy as np
    import soundfile

    folder.mkdir(exist_ok=True)
    generator = np.random.default_rng(1)
    with soundfile.SoundFile(folder / "hour.wav", "w", RATE, 1, "PCM_16") as file:
        for _ in range(minutes):
            file.write((generator.standard_normal(60 * RATE) * 1000).astype(np.int16))
