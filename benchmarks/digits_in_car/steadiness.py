"""Which targets are stationary, by the rule of docs/science.md, "Stationary noise"."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import soxr

from synth.audio.read import read_samples
from synth.dsp.levels import weight

from .features import RATE
from .material import Audio, Stretch

MOST_SD_DB = 3.0
"""SD of 100-ms levels in the band of the SNR up to which a blind SNR is trusted."""


def unsteadiness_db(audio: Audio, one: Stretch) -> float:
    """SD in dB of the levels of 100-ms frames of a file, at 8 kHz, within the SNR's band."""
    samples, rate = read_samples(audio.noise / one.path)
    heard = weight(soxr.resample(samples, rate, RATE), weighting="band", sample_rate=RATE)
    frame = RATE // 10
    powers = (heard[: len(heard) // frame * frame].reshape(-1, frame) ** 2).mean(axis=1)
    return float((10 * np.log10(powers + 1e-12)).std())


def steady_targets(audio: Audio, targets: Sequence[str]) -> list[str]:
    """Those of which every file is."""
    files = {name: [one for one in audio.recordings if one.recording == name] for name in targets}
    return [name for name, mine in files.items() if max(unsteadiness_db(audio, one) for one in mine) <= MOST_SD_DB]
