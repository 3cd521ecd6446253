"""A profile at a glance: quantiles, flags and what follows from them, errors of the estimators."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from synth.match.measure.features import BAND_NAMES, BY_NAME, FEATURES
from synth.match.measure.profile import ClipProfile, Profile
from synth.match.measure.profiler import ProfiledSet
from synth.match.measure.trust import is_trusted
from synth.text import count_of

FEW_CLIPS, FEW_GROUPS = 100, 8
"""Below these a set says little (docs/science.md, "Fitting a recipe")."""

FLAG_WORDS: Mapping[str, str] = {
    "trimmed": "cut close to the speech, with too little noise alone: their SNR cannot be measured",
    "non_stationary": "the noise level fluctuates by over 5 dB: SNR cannot be measured; keep `snr_db` wide for them",
    "fluctuating": "the noise level fluctuates by 3 to 5 dB: their SNR is less sure",
    "short": "too short for all measurements",
    "telephone": "telephone band: training clips need that channel (channel: microphone low_hz, high_hz)",
    "lowpass": "cut off above, by a lower rate or a codec: training clips need that, too (microphone high_hz, codec)",
    "clipped": "samples at a ceiling: without clipping, training clips differ from these",
    "no_speech": "no speech detected: their SNR is unknown",
    "clean": "cleaner than the calibration reached: their SNR is that or more",
}
"""What follows from a flag, in words."""

_RARE, _MOST = 0.05, 0.5  # shares of clips: from when a warning is given, and from when it is a strong one
_WIDE_BAND_HZ = 16000


@dataclass(frozen=True, slots=True)
class EstimatorError:
    """Measured less true value over the clips of a set of ours."""

    name: str
    shown: str  # the name in reports
    unit: str
    clips: int
    bias: float  # mean of the errors
    sd: float  # standard deviation of the errors
    trusted: bool  # of clips without a flag in DISTRUSTED


def estimator_errors(clips: Sequence[ClipProfile]) -> list[EstimatorError]:
    """The error of each measured value whose true value is known, for trusted clips and for the others."""
    values = [(clip.features, clip.truth, is_trusted(clip)) for clip in clips if clip.truth]
    names = dict.fromkeys(name for _, truth, _ in values for name in truth)
    result = []
    for name in [*(f.name for f in FEATURES if f.name in names), *(name for name in names if name not in BY_NAME)]:
        feature = BY_NAME.get(name)
        shown, unit = (feature.shown, feature.unit) if feature else (name, "")
        if name == "level_dbfs":
            shown, unit = "level of the whole clip", "dBFS"
        for trusted in (True, False):
            errors = [
                measured - truth[name]
                for features, truth, trusted_clip in values
                if trusted_clip == trusted and name in truth and (measured := features.get(name)) is not None
            ]
            if errors:
                bias, sd = round(float(np.mean(errors)), 3), round(float(np.std(errors)), 3)
                result.append(EstimatorError(name, shown, unit, len(errors), bias, sd, trusted))
    return result


def summary(profiled: ProfiledSet) -> dict[str, Any]:
    """The profile at a glance, as JSON values; what is printed is made from these."""
    profile, clips = profiled.profile, profiled.profile.clips
    features = []
    for f in FEATURES:
        values = np.array([value for clip in clips if (value := clip.features.get(f.name)) is not None])
        if len(values):
            quantiles = zip(("p10", "p50", "p90"), np.quantile(values, [0.1, 0.5, 0.9]).tolist(), strict=True)
            row = {"name": f.name, "shown": f.shown, "unit": f.unit, "clips": len(values)}
            features.append(row | {name: round(value, 4) for name, value in quantiles})
    counts = Counter(flag for clip in clips for flag in clip.flags)
    return {
        "name": profile.name,
        "root": profile.root,
        "clips": len(clips),
        "of_clips": profile.total,
        "hours": round(profiled.seconds / 3600, 4),
        "groups": len(set(profile.groups)),
        "sample_rates": dict(profile.sample_rates),
        "features": features,
        "flags": [
            {"flag": flag, "clips": count, "share": round(count / len(clips), 4), "means": FLAG_WORDS.get(flag, "")}
            for flag, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        ],
        "estimators": [asdict(error) for error in estimator_errors(clips)],
        "notes": list(profile.notes),
        "warnings": warnings(profile),
        "refused": [{"path": e.path, "code": e.code, "message": e.message} for e in profiled.refused],
        "remembered": profiled.remembered,
    }


def warnings(profile: Profile) -> list[str]:
    """What to be careful about, in sentences."""
    clips, groups = profile.clips, len(set(profile.groups))
    texts = []
    if len(clips) < FEW_CLIPS:
        texts.append(f"{len(clips)} clips: below {FEW_CLIPS} the quantiles are uncertain by 0.1 SD and more; add clips")
    if groups < FEW_GROUPS:
        texts.append(
            f"{count_of(groups, 'group')}: clips of one group are not independent, so this set says little about other "
            "drives and speakers, and no half of it can be held out"
        )
    distrusted = sum(not is_trusted(clip) for clip in clips) / len(clips)
    if distrusted > _MOST:
        texts.append(f"the SNR of {distrusted:.0%} of the clips cannot be measured: keep `snr_db` wide for them")
    elif distrusted > _RARE:
        texts.append(f"the SNR of {distrusted:.0%} of the clips cannot be measured; they do not count for the SNR")
    if len(profile.sample_rates) > 1:
        rates = ", ".join(f"{count} at {rate} Hz" for rate, count in profile.sample_rates.items())
        texts.append(f"several sample rates ({rates}): not all clips have what is above half the lowest rate")
    is_wide_band = max(int(rate) for rate in profile.sample_rates) >= _WIDE_BAND_HZ
    narrow = sum("telephone" in clip.flags for clip in clips) / len(clips)
    if is_wide_band and narrow > _RARE:
        texts.append(f"{narrow:.0%} of the clips are in the telephone band in a wide-band set: give them a channel")
    missing = [name for name in BAND_NAMES if all(clip.features.get(name) is None for clip in clips)]
    if missing and len(missing) < len(BAND_NAMES):
        hz = BY_NAME[missing[0]].shown.removeprefix("noise at ")
        texts.append(f"the noise spectrum is unknown from {hz} on: the sample rate is too low")
    return texts
