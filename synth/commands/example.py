"""A small generated set for `synth init` without folders: speech-like syllables and shaped noise, for a trial."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from synth.audio.encode import encode, quantize
from synth.dsp.arrays import Samples
from synth.paths import output_path

KIND = "example file"
_RATE = 16000  # Hz
_SPEAKERS = 10
_UTTERANCES = 3  # per speaker
_CARS = 12
_CAR_SECONDS = 8


def write(folder: Path, *, speech: bool, noise: bool) -> int:
    """Write example files below `folder`, the same each time; return how many sound files there are."""
    sounds: dict[str, Samples] = {}
    if speech:
        rows = []
        for number in range(_SPEAKERS * _UTTERANCES):
            speaker = number % _SPEAKERS
            name = f"speaker{speaker:02}/utterance{number // _SPEAKERS}.flac"
            sounds[f"speech/{name}"] = _syllables(speaker, number)
            rows.append(json.dumps({"audio_filepath": name, "speaker": f"speaker{speaker:02}", "text": None}))
        output_path.write(folder / "speech" / "metadata.jsonl", ("\n".join(rows) + "\n").encode(), KIND)
    if noise:
        sounds |= {f"noise/car{car:02}.flac": _cabin(car) for car in range(_CARS)}
    for name, samples in sounds.items():
        output_path.write(folder / name, encode(quantize(samples), _RATE, "flac"), KIND)
    return len(sounds)


def _syllables(speaker: int, number: int) -> Samples:
    """Four to seven voiced bursts with a falling pitch and two formants: the level contour of speech, no words."""
    # RandomState, here and below: its streams are frozen, so that the example is the same in every version of numpy.
    rng = np.random.RandomState(1000 + number)
    base = 90 + 14 * speaker
    parts = [np.zeros(_RATE // 10)]
    for _ in range(rng.randint(4, 8)):
        n = int(_RATE * rng.uniform(0.12, 0.28))
        t = np.arange(n) / _RATE
        pitch = base * (1.1 - 0.3 * t / t[-1]) * rng.uniform(0.95, 1.05)
        phase = 2 * np.pi * np.cumsum(pitch) / _RATE
        formants = rng.uniform(300, 900), rng.uniform(1000, 2500)
        weight = [sum(1 / (1 + ((k * base - f) / 120) ** 2) for f in formants) + 0.02 for k in range(1, 25)]
        voice = sum(w * np.sin(k * phase) for k, w in enumerate(weight, 1) if k * base < 0.45 * _RATE)
        parts += [0.05 * voice * np.hanning(n), np.zeros(int(_RATE * rng.uniform(0.03, 0.12)))]
    return np.asarray(np.concatenate([*parts, np.zeros(_RATE // 10)]))


def _cabin(car: int) -> Samples:
    """Noise with a car's falling spectrum, another slope and resonance for each car."""
    rng = np.random.RandomState(2000 + car)
    n = _RATE * _CAR_SECONDS
    hz = np.fft.rfftfreq(n, 1 / _RATE)
    corner, slope, line = rng.uniform(80, 300), rng.uniform(1.0, 2.2), rng.uniform(60, 250)
    shape = 1 / (1 + (hz / corner) ** slope) + 2 / (1 + ((hz - line) / 8) ** 2)
    shape *= hz**2 / (hz**2 + rng.uniform(30, 90) ** 2)
    samples = np.fft.irfft(np.fft.rfft(rng.standard_normal(n)) * shape, n)
    return np.asarray(0.1 * samples / np.sqrt(np.mean(samples**2)))
