"""What a profile says at a glance: quantiles, flags and what follows from them, the estimators' errors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from synth.match.measure.features import BAND_NAMES, BY_NAME, FEATURES
from synth.match.measure.profile import ClipProfile, Profile
from synth.match.measure.profiler import ProfiledSet

FEW_CLIPS, FEW_GROUPS = 100, 8
"""Below these a set says little (100: science.md 3.1 is for 100 clips or more; 8 groups: our own convention)."""

DISTRUSTED = ("trimmed", "non_stationary")
"""Flags with which the SNR, and the levels that follow from it, are not to be trusted."""

FLAG_WORDS: Mapping[str, str] = {
    "trimmed": "cut close to the speech, too little noise alone to measure it in: their SNR cannot be measured",
    "non_stationary": "the noise level fluctuates by over 5 dB: SNR cannot be measured here; keep `snr_db` wide for them",
    "fluctuating": "the noise level fluctuates by 3 to 5 dB: their SNR is less sure",
    "short": "too short for all measurements",
    "telephone": "telephone band: training clips need that channel (channel: microphone low_hz, high_hz)",
    "lowpass": "cut off above, by a lower rate or a codec: training clips need that, too (microphone high_hz, codec)",
    "clipped": "samples at a ceiling: training clips that never clip can be told by that",
    "no_speech": "no speech found: nothing is known of their SNR",
    "clean": "cleaner than calibration reached: their SNR is that or more",
}
"""What follows from a flag, in words."""

_UNITS = {"level_dbfs": "dBFS"}
_SHOWN = {"level_dbfs": "level of the whole clip"}
_RARE, _MOSTLY = 0.05, 0.5
_WIDE_HZ = 16000


@dataclass(frozen=True, slots=True)
class EstimatorError:
    """Measured less true value over the clips of a set of ours. `trusted`: of clips without a flag that forbids it."""

    name: str
    shown: str
    unit: str
    clips: int
    bias: float
    sd: float
    trusted: bool


def estimator_errors(clips: Sequence[ClipProfile]) -> list[EstimatorError]:
    """The error of each measured value that the manifest knows better, for clips that are trusted and that are not."""
    found = []
    names = [name for name in _names(clips) if any(clip.truth and name in clip.truth for clip in clips)]
    for name in names:
        for trusted in (True, False):
            errors = [e for clip in clips if _trusted(clip) == trusted and (e := _error(clip, name)) is not None]
            if errors:
                found.append(_estimator_error(name, errors, trusted=trusted))
    return found


def _names(clips: Sequence[ClipProfile]) -> list[str]:
    told = dict.fromkeys(name for clip in clips for name in clip.truth or ())
    return [*(f.name for f in FEATURES if f.name in told), *(name for name in told if name not in BY_NAME)]


def _trusted(clip: ClipProfile) -> bool:
    return not any(flag in DISTRUSTED for flag in clip.flags)


def _error(clip: ClipProfile, name: str) -> float | None:
    measured, true = clip.features.get(name), (clip.truth or {}).get(name)
    return None if measured is None or true is None else measured - true


def _estimator_error(name: str, errors: Sequence[float], *, trusted: bool) -> EstimatorError:
    feature = BY_NAME.get(name)
    shown = feature.shown if feature else _SHOWN.get(name, name)
    unit = feature.unit if feature else _UNITS.get(name, "")
    return EstimatorError(
        name, shown, unit, len(errors), round(float(np.mean(errors)), 3), round(float(np.std(errors)), 3), trusted
    )


def summary(made: ProfiledSet) -> dict[str, Any]:
    """The profile at a glance, as JSON values; what is printed is made from these."""
    profile, clips = made.profile, made.profile.clips
    return {
        "name": profile.name,
        "root": profile.root,
        "clips": len(clips),
        "of_clips": profile.total,
        "hours": round(made.seconds / 3600, 4),
        "groups": len(set(profile.groups)),
        "sample_rates": dict(profile.sample_rates),
        "features": [row for f in FEATURES if (row := _quantiles(clips, f.name, f.shown, f.unit))],
        "flags": _flags(clips),
        "estimators": [asdict(error) for error in estimator_errors(clips)],
        "notes": list(profile.notes),
        "warnings": warnings(profile),
        "refused": [{"path": e.path, "code": e.code, "message": e.message} for e in made.refused],
        "remembered": made.remembered,
    }


def _quantiles(clips: Sequence[ClipProfile], name: str, shown: str, unit: str) -> dict[str, Any] | None:
    values = np.array([value for clip in clips if (value := clip.features.get(name)) is not None])
    if not len(values):
        return None
    p10, p50, p90 = (round(float(q), 4) for q in np.quantile(values, [0.1, 0.5, 0.9]))
    return {"name": name, "shown": shown, "unit": unit, "clips": len(values), "p10": p10, "p50": p50, "p90": p90}


def _flags(clips: Sequence[ClipProfile]) -> list[dict[str, Any]]:
    counted = Counter(flag for clip in clips for flag in clip.flags)
    return [
        {"flag": flag, "clips": count, "share": round(count / len(clips), 4), "means": FLAG_WORDS.get(flag, "")}
        for flag, count in sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    ]


def warnings(profile: Profile) -> list[str]:
    """What to be careful about, in words."""
    clips, groups = profile.clips, len(set(profile.groups))
    found = []
    if len(clips) < FEW_CLIPS:
        found.append(f"{len(clips)} clips: below {FEW_CLIPS} the quantiles are uncertain by 0.1 SD and more; add clips")
    if groups < FEW_GROUPS:
        found.append(
            f"{groups} group{'' if groups == 1 else 's'}: clips of one group are not independent, so this set says "
            "little about other drives and speakers, and no half of it can be held out"
        )
    return [*found, *_flag_warnings(clips), *_band_warnings(profile)]


def _flag_warnings(clips: Sequence[ClipProfile]) -> list[str]:
    distrusted = sum(not _trusted(clip) for clip in clips) / len(clips)
    if distrusted > _MOSTLY:
        return [f"the SNR of {distrusted:.0%} of the clips cannot be measured: keep `snr_db` wide for them"]
    if distrusted > _RARE:
        return [f"the SNR of {distrusted:.0%} of the clips cannot be measured; they do not count for the SNR"]
    return []


def _band_warnings(profile: Profile) -> list[str]:
    found = []
    if len(profile.sample_rates) > 1:
        rates = ", ".join(f"{count} at {rate} Hz" for rate, count in profile.sample_rates.items())
        found.append(f"several sample rates ({rates}): what lies above half the lowest is not there in all clips")
    wide = max(int(rate) for rate in profile.sample_rates) >= _WIDE_HZ
    narrow = sum("telephone" in clip.flags for clip in profile.clips) / len(profile.clips)
    if wide and narrow > _RARE:
        found.append(f"{narrow:.0%} of the clips are in the telephone band in a wide-band set: a channel of its own")
    lacking = [name for name in BAND_NAMES if all(clip.features.get(name) is None for clip in profile.clips)]
    if lacking and len(lacking) < len(BAND_NAMES):
        hz = BY_NAME[lacking[0]].shown.removeprefix("noise at ")
        found.append(f"the noise's colour is not known from {hz} on: the rate is too low")
    return found
