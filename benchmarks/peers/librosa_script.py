"""A script with librosa: load, resample for the speed, add a random stretch of a random noise recording, write.

python librosa_script.py SPEECH NOISE OUT [--copies N] [--pitch-tempo]

It reads each utterance once and makes all copies of it, and reads only the stretch of noise that it needs.
"""

import argparse
import random
from pathlib import Path

import librosa
import numpy as np
import soundfile

RATE = 16_000


def load_noise(path: Path, seconds: float, size: int) -> np.ndarray:
    """A random stretch of a recording, repeated if the recording is shorter."""
    offset = random.uniform(0, max(0.0, librosa.get_duration(path=path) - seconds))
    noise, _ = librosa.load(path, sr=RATE, offset=offset, duration=seconds)
    return np.resize(noise, size)


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("speech", "noise", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--pitch-tempo", action="store_true")
    arguments = parser.parse_args()
    random.seed(1)
    recordings = sorted(arguments.noise.iterdir())
    for path in sorted(arguments.speech.iterdir()):
        speech, _ = librosa.load(path, sr=RATE)
        for copy in range(arguments.copies):
            factor = random.choice((0.9, 1.0, 1.1))
            samples = librosa.resample(speech, orig_sr=RATE * factor, target_sr=RATE) if factor != 1.0 else speech
            if arguments.pitch_tempo:
                samples = librosa.effects.time_stretch(samples, rate=random.uniform(0.9, 1.1))
                samples = librosa.effects.pitch_shift(samples, sr=RATE, n_steps=random.uniform(-2, 2))
            noise = load_noise(random.choice(recordings), len(samples) / RATE, len(samples))
            ratio = np.mean(samples**2) / max(np.mean(noise**2), 1e-12) / 10 ** (random.uniform(0, 20) / 10)
            mix = samples + np.sqrt(ratio) * noise
            mix /= max(1.0, np.abs(mix).max())
            soundfile.write(arguments.out / f"{path.stem}-{copy}.flac", mix, RATE, subtype="PCM_16")


if __name__ == "__main__":
    main()
