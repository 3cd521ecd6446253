"""Cuts of lhotse: perturb the speed, mix with noise, save.

python lhotse_cuts.py SPEECH NOISE OUT [--copies N]

lhotse cannot change the pitch. It changes the tempo with the sox effects of old torchaudio only.
"""

import argparse
import random
from pathlib import Path

from lhotse import CutSet, Recording


def cuts_of(folder: Path) -> CutSet:
    """Each file as one cut."""
    return CutSet.from_cuts(Recording.from_file(path).to_cut() for path in sorted(folder.iterdir()))


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("speech", "noise", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--copies", type=int, default=1)
    arguments = parser.parse_args()
    choices = random.Random(1)
    speech, noise = cuts_of(arguments.speech).to_eager(), cuts_of(arguments.noise).to_eager()
    for copy in range(arguments.copies):
        factors = (choices.choice((0.9, 1.0, 1.1)) for _ in speech)
        faster = CutSet.from_cuts(
            cut if factor == 1.0 else cut.perturb_speed(factor) for cut, factor in zip(speech, factors, strict=True)
        )
        for cut in faster.mix(noise, snr=(0, 20), seed=copy, random_mix_offset=True, preserve_id="left"):
            cut.save_audio(arguments.out / f"{cut.id}-{copy}.flac")


if __name__ == "__main__":
    main()
