"""The features of a clip that a profile holds: names, units, and how large a difference must be to matter.

The tolerances are conventions of this project: docs/science.md, "Features of a clip".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from synth.dsp.analysis.bands import BANDS, CENTERS_HZ, RUMBLE_CENTERS_HZ
from synth.dsp.arrays import Matrix

FeatureValues: TypeAlias = Mapping[str, float | None]
"""Feature name -> value in its unit; None if it could not be measured."""

_SHARE_FLOOR = 1e-4  # the log-odds of 0 are infinite, so up to one clipped sample in 10,000 counts as none


@dataclass(frozen=True, slots=True)
class Feature:
    """One measured property of a clip."""

    name: str
    shown: str  # its name in reports
    unit: str
    tolerance: float  # a difference on the scale of comparison that does not matter
    scale: Literal["linear", "log2", "logit"] = "linear"  # how it is compared: as it is, log base 2, or log-odds
    remedy: str = ""  # keys of the recipe that change it

    def scaled(self, value: float | None) -> float:
        """The value on the scale of comparison; NaN if there is none."""
        if value is None or not math.isfinite(value):
            return math.nan
        if self.scale == "linear":
            return value
        if self.scale == "log2":
            return math.log2(value) if value > 0 else math.nan
        share = min(max(value, _SHARE_FLOOR), 1 - _SHARE_FLOOR)
        return math.log(share / (1 - share))


BAND_NAMES = tuple(f"noise_band_{k}" for k in range(1, BANDS + 1))
RUMBLE_NAMES = tuple(f"rumble_{k}" for k in range(1, len(RUMBLE_CENTERS_HZ) + 1))
_NOISE_KEYS = "noise sources, match_spectrum"

FEATURES: tuple[Feature, ...] = (
    Feature("snr_db", "SNR (200-7000 Hz)", "dB", 1.0, remedy="noise.snr_db"),
    Feature("speech_dbfs", "speech level", "dBFS", 1.0, remedy="level_dbfs"),
    Feature("noise_dbfs", "noise level", "dBFS", 1.0, remedy="level_dbfs, noise.snr_db"),
    *(
        Feature(name, f"noise at {round(hz)} Hz", "dB", 1.0, remedy=_NOISE_KEYS)
        for name, hz in zip(BAND_NAMES, CENTERS_HZ, strict=True)
    ),
    *(
        Feature(name, f"rumble at {round(hz)} Hz", "dB", 1.0, remedy=_NOISE_KEYS)
        for name, hz in zip(RUMBLE_NAMES, RUMBLE_CENTERS_HZ, strict=True)
    ),
    Feature("fluctuation_db", "level fluctuation of the noise", "dB", 0.5, remedy="noise sources, drift, events"),
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
BY_NAME: Mapping[str, Feature] = {feature.name: feature for feature in FEATURES}
TOLERANCES = tuple(feature.tolerance for feature in FEATURES)
"""One per column of `matrix`, on the scales of comparison."""


def matrix(rows: Sequence[FeatureValues], features: Sequence[Feature] = FEATURES) -> Matrix:
    """The values on their scales of comparison, float64, shape (clips, features); NaN if one was not measured."""
    scaled = [[feature.scaled(row.get(feature.name)) for feature in features] for row in rows]
    return np.array(scaled, np.float64).reshape(len(rows), len(features))
