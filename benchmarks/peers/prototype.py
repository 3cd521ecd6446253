"""What a hundred lines reach with soundfile, soxr and numpy. They write no manifest and no hashes, and have no plan.

python prototype.py SPEECH NOISE OUT [--copies N] [--pitch-tempo]

Each noise recording is decoded once, to a mapped file of int16 at the target rate. Each utterance is read once for
all of its copies. Pitch and tempo: Signalsmith changes the length, then soxr resamples, so that the pitch is exact.
"""

import argparse
import random
from pathlib import Path

import numpy as np
import soundfile
import soxr

RATE = 16_000


def decode_noise(folder: Path, store: Path) -> list[np.ndarray]:
    """Every recording as a mapped int16 array of shape (n,) at RATE."""
    store.mkdir()
    recordings = []
    for path in sorted(folder.iterdir()):
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        mono = samples.mean(axis=1)
        if rate != RATE:
            mono = soxr.resample(mono, rate, RATE)
        target = store / f"{path.stem}.npy"
        np.save(target, np.clip(np.rint(mono * 32768), -32768, 32767).astype(np.int16))
        recordings.append(np.load(target, mmap_mode="r"))
    return recordings


def segment(recording: np.ndarray, size: int) -> np.ndarray:
    """A stretch of the recording at a random place, repeated if the recording is shorter; float32, full scale 1."""
    if len(recording) < size:
        recording = np.resize(recording, size)
    start = random.randint(0, len(recording) - size)
    return recording[start : start + size].astype(np.float32) / np.float32(32768)


def power(samples: np.ndarray) -> float:
    """Mean square."""
    return float(np.dot(samples, samples)) / len(samples)


def stretch(samples: np.ndarray, factor: float) -> np.ndarray:
    """Shorter by this factor, at the same pitch."""
    from python_stretch import Signalsmith

    engine = Signalsmith.Stretch()
    engine.preset(1, RATE)
    engine.setTimeFactor(factor)
    return np.ravel(np.asarray(engine.process(samples[np.newaxis]), dtype=np.float32))


def change_pitch_and_tempo(samples: np.ndarray) -> np.ndarray:
    """Tempo 0.9 to 1.1 and pitch of -2 to 2 semitones: one stretch, then one resampling."""
    tempo, pitch = random.uniform(0.9, 1.1), round(2 ** (random.uniform(-2, 2) / 12), 3)
    return np.asarray(soxr.resample(stretch(samples, tempo / pitch), RATE * pitch, RATE))


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("speech", "noise", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--pitch-tempo", action="store_true")
    arguments = parser.parse_args()
    random.seed(1)
    recordings = decode_noise(arguments.noise, arguments.out / "noise")
    for path in sorted(arguments.speech.iterdir()):
        speech, _ = soundfile.read(path, dtype="float32")
        for copy in range(arguments.copies):
            factor = random.choice((0.9, 1.0, 1.1))
            samples = soxr.resample(speech, RATE * factor, RATE) if factor != 1.0 else speech
            if arguments.pitch_tempo:
                samples = change_pitch_and_tempo(samples)
            noise = segment(random.choice(recordings), len(samples))
            snr_db = random.uniform(0, 20)
            noise *= np.sqrt(power(samples) / max(power(noise), 1e-12) / 10 ** (snr_db / 10))
            noise += samples
            peak = max(float(noise.max()), -float(noise.min()), 1.0)
            pcm = np.rint(noise * np.float32(32767 / peak)).astype(np.int16)
            soundfile.write(arguments.out / f"{path.stem}-{copy}.flac", pcm, RATE, subtype="PCM_16")


if __name__ == "__main__":
    main()
