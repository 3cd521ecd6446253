"""Made-up sets of measured clips, with groups, as in-car sets are: what the comparison is tested on.

A clip is the sum of its group's part (a speaker in a car), its own part, and a few things that move features together
(the louder the car the lower the SNR, the flatter the modulation, the less of the band's ends is heard). The sizes of
the parts are chosen, and are stated here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from synth.match.measure.features import BAND_NAMES, BY_NAME, FEATURES, RUMBLE_NAMES
from synth.match.measure.profile import ClipProfile, Profile

BAND_DB = (14.0, 13.0, 10.0, 6.0, 3.0, 0.0, -3.0, -6.0, -8.0, -9.0, -10.0, -10.0)


@dataclass(frozen=True)
class Set:
    """How a set is made. `centre`, `group`, `own`: middle, SD between groups and SD within, on the scales compared."""

    centre: Mapping[str, float]
    group: Mapping[str, float]
    own: Mapping[str, float]
    missing: Mapping[str, float]


IN_CAR = Set(
    centre={
        "snr_db": 6.0,
        "speech_dbfs": -27.0,
        "fluctuation_db": 2.0,
        "low_hz": math.log2(90.0),
        "high_hz": math.log2(7000.0),
        "speech_tilt_db": -8.0,
        "modulation_4hz": 0.4,
        "duration_s": math.log2(3.0),
        "nonspeech_share": 0.3,
        "clipped_share": -9.0,
        "f0_hz": math.log2(150.0),
        **dict(zip(BAND_NAMES, BAND_DB, strict=True)),
        **dict(zip(RUMBLE_NAMES, (6.0, 12.0), strict=True)),
    },
    group={
        "snr_db": 2.0,
        "speech_dbfs": 1.5,
        "fluctuation_db": 0.3,
        "low_hz": 0.1,
        "high_hz": 0.05,
        "speech_tilt_db": 1.0,
        "modulation_4hz": 0.02,
        "duration_s": 0.05,
        "nonspeech_share": 0.03,
        "clipped_share": 0.0,
        "f0_hz": 0.35,
        **dict.fromkeys(BAND_NAMES, 1.2),
        **dict.fromkeys(RUMBLE_NAMES, 1.2),
    },
    own={
        "snr_db": 3.0,
        "speech_dbfs": 2.0,
        "fluctuation_db": 0.7,
        "low_hz": 0.15,
        "high_hz": 0.1,
        "speech_tilt_db": 1.5,
        "modulation_4hz": 0.06,
        "duration_s": 0.4,
        "nonspeech_share": 0.08,
        "clipped_share": 0.3,
        "f0_hz": 0.12,
        **dict.fromkeys(BAND_NAMES, 1.2),
        **dict.fromkeys(RUMBLE_NAMES, 1.2),
    },
    missing={"f0_hz": 0.05, "snr_db": 0.02},
)
CLEAN = replace(
    IN_CAR,
    centre={**IN_CAR.centre, "snr_db": 40.0, "modulation_4hz": 0.6, **dict.fromkeys(BAND_NAMES, 0.0)},
)


def values(made: Set, count: int, groups: int, rng: np.random.Generator) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Feature -> values on the scale of comparison, shape (count,), and the group of each clip."""
    group = rng.permutation(np.arange(count) % groups)
    loud = rng.standard_normal(groups)[group] * 0.5 + rng.standard_normal(count) * 0.5
    found = {}
    for name, centre in made.centre.items():
        part = rng.standard_normal(groups)[group] * made.group[name] + rng.standard_normal(count) * made.own[name]
        found[name] = centre + part
    for k, name in enumerate(BAND_NAMES):
        found[name] = found[name] + loud * (2.0 - 0.36 * k)  # the louder, the steeper
    bands = np.stack([found[name] for name in BAND_NAMES])
    found |= dict(zip(BAND_NAMES, bands - bands.mean(axis=0), strict=True))
    found["snr_db"] = found["snr_db"] - 2 * loud
    found["modulation_4hz"] = found["modulation_4hz"] - 0.02 * loud
    found["noise_dbfs"] = found["speech_dbfs"] - found["snr_db"] + rng.standard_normal(count)
    return found, group


def in_units(name: str, scaled: float) -> float:
    """The inverse of Feature.scaled, within what the unit allows."""
    scale = BY_NAME[name].scale
    if scale == "log2":
        return float(2**scaled)
    return float(1 / (1 + math.exp(-scaled))) if scale == "logit" else float(scaled)


def profile(
    made: Set = IN_CAR,
    *,
    clips: int = 200,
    groups: int = 50,
    seed: int = 0,
    shift: Mapping[str, float] | None = None,
    name: str = "made",
) -> Profile:
    """A profile of a set that was never recorded. `shift` moves features, on their scales of comparison."""
    rng = np.random.default_rng(seed)
    found, group = values(made, clips, groups, rng)
    for feature, by in (shift or {}).items():
        found[feature] = found[feature] + by
    absent = {feature: rng.random(clips) < share for feature, share in made.missing.items()}
    rows = [
        {
            f.name: None if f.name in absent and absent[f.name][k] else in_units(f.name, float(found[f.name][k]))
            for f in FEATURES
        }
        for k in range(clips)
    ]
    made_clips = tuple(
        ClipProfile(path=f"{name}-{seed}-{k:04d}.wav", group=f"{name}-{seed}-{group[k]}", features=row)
        for k, row in enumerate(rows)
    )
    return Profile(name, f"/nowhere/{name}", clips, {"16000": clips}, made_clips)
