"""The loop that most people write with audiomentations: soundfile, soxr for the speed, audiomentations for the rest.

python audiomentations_loop.py SPEECH NOISE OUT [--copies N] [--pitch-tempo]

It reads each utterance once and makes all copies of it. Pitch and tempo are changed as audiomentations does it by
default (Signalsmith).
"""

import argparse
import random
from pathlib import Path

import soundfile
import soxr
from audiomentations import AddBackgroundNoise, Compose, PitchShift, TimeStretch

RATE = 16_000


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("speech", "noise", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--pitch-tempo", action="store_true")
    arguments = parser.parse_args()
    random.seed(1)
    changes = []
    if arguments.pitch_tempo:
        changes = [
            TimeStretch(min_rate=0.9, max_rate=1.1, leave_length_unchanged=False, p=1.0),
            PitchShift(min_semitones=-2, max_semitones=2, p=1.0),
        ]
    augment = Compose([*changes, AddBackgroundNoise(arguments.noise, min_snr_db=0, max_snr_db=20, p=1.0)])
    for path in sorted(arguments.speech.iterdir()):
        speech, _ = soundfile.read(path, dtype="float32")
        for copy in range(arguments.copies):
            factor = random.choice((0.9, 1.0, 1.1))
            samples = soxr.resample(speech, RATE * factor, RATE) if factor != 1.0 else speech
            noisy = augment(samples, sample_rate=RATE)
            soundfile.write(arguments.out / f"{path.stem}-{copy}.flac", noisy, RATE, subtype="PCM_16")


if __name__ == "__main__":
    main()
