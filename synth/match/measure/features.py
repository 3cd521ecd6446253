"""What is measured of a clip: names, units, and how large a difference must be to matter."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from synth.dsp.analysis.bands import BANDS, CENTRES_HZ, RUMBLE_CENTRES_HZ
from synth.dsp.arrays import Matrix

Values = Mapping[str, float | None]
"""Feature name -> value in its unit; None where it could not be measured."""


_SHARE_FLOOR = 1e-4


@dataclass(frozen=True, slots=True)
class Feature:
    """One measured property of a clip.

    `scale`: how it is compared: as it is, as its logarithm to base 2 (`log2`), or a share by its log-odds (`logit`,
    after a floor of 1e-4). `tolerance`: a difference that does not matter, on that scale (science: a convention).
    `shown`: what people call it. `remedy`: the recipe's keys that move it.
    """

    name: str
    shown: str
    unit: str
    tolerance: float
    scale: Literal["linear", "log2", "logit"] = "linear"
    remedy: str = ""

    def scaled(self, value: float | None) -> float:
        """The value on the scale of comparison; NaN for None, and for what the scale has no value for."""
        if value is None or not math.isfinite(value):
            return math.nan
        if self.scale == "linear":
            return value
        if self.scale == "log2":
            return math.log2(value) if value > 0 else math.nan
        share = min(max(value, _SHARE_FLOOR), 1 - _SHARE_FLOOR)
        return math.log(share / (1 - share))


FEATURES: tuple[Feature, ...] = (
    Feature("snr_db", "SNR (200-7000 Hz)", "dB", 1.0, remedy="noise.snr_db"),
    Feature("speech_dbfs", "speech level", "dBFS", 1.0, remedy="level_dbfs"),
    Feature("noise_dbfs", "noise level", "dBFS", 1.0, remedy="level_dbfs, noise.snr_db"),
    *(
        Feature(f"noise_band_{k}", f"noise at {round(hz)} Hz", "dB", 1.0, remedy="noise sources, match_spectrum")
        for k, hz in enumerate(CENTRES_HZ, start=1)
    ),
    *(
        Feature(f"rumble_{k}", f"rumble at {round(hz)} Hz", "dB", 1.0, remedy="noise sources, match_spectrum")
        for k, hz in enumerate(RUMBLE_CENTRES_HZ, start=1)
    ),
    Feature("level_sd_db", "level fluctuation of the noise", "dB", 0.5, remedy="noise sources, drift, events"),
    Feature("low_hz", "lower end of the band", "Hz", 0.1, "log2", remedy="channel: microphone low_hz"),
    Feature("high_hz", "upper end of the band", "Hz", 0.1, "log2", remedy="channel: microphone high_hz, codec"),
    Feature(
        "speech_tilt_db",
        "tilt of the speech (1-4 kHz against 0.2-1 kHz)",
        "dB",
        1.0,
        remedy="speech.effects: shelf, equalizer",
    ),
    Feature("modulation_4hz", "share of 2-8 Hz modulation", "", 0.05, remedy="speech.room, noise.snr_db"),
    Feature("duration_s", "length of the clip", "s", 0.07, "log2", remedy="speech sources, tempo, margins_s"),
    Feature("nonspeech_share", "share without speech", "", 0.05, remedy="margins_s, trim"),
    Feature("clipped_share", "clipped samples", "", 0.7, "logit", remedy="max_peak_dbfs, channel"),
    Feature("f0_hz", "pitch of the voice", "Hz", 1 / 12, "log2", remedy="speech sources, pitch"),
)
"""The profile vector of science.md 1.4 (its tolerances; those of clipping and duration are our own), and the rumble."""

BAND_NAMES = tuple(f"noise_band_{k}" for k in range(1, BANDS + 1))
RUMBLE_NAMES = tuple(f"rumble_{k}" for k in range(1, len(RUMBLE_CENTRES_HZ) + 1))
BY_NAME: Mapping[str, Feature] = {feature.name: feature for feature in FEATURES}


def matrix(rows: Sequence[Values], features: Sequence[Feature] = FEATURES) -> Matrix:
    """The values on their scales of comparison, shape (clips, features), NaN where one was not measured."""
    return np.array([[f.scaled(row.get(f.name)) for f in features] for row in rows], np.float64).reshape(
        len(rows), len(features)
    )
