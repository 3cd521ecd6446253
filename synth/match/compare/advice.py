"""A difference between two sets in words: how large, which way, and what to change in the recipe."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from synth.dsp.analysis.bands import CENTERS_HZ, RUMBLE_CENTERS_HZ
from synth.match.measure.features import BAND_NAMES, RUMBLE_NAMES, Feature

Verdict = Literal["green", "amber", "red"]

MIN_CLIPS = 30
MIN_GROUPS = 4
"""Below these a set gets no verdict (our own convention)."""
_MOSTLY_SHIFT = 0.5  # of the distance: then it is said as a shift, else as a difference in spread or shape
_WIDER = 1.25  # ratio of the P10-P90 ranges from which the spread is named


@dataclass(frozen=True, slots=True)
class Difference:
    """Training against dev in one feature, on its scale of comparison. `shift`: median of the differences of equal
    quantiles, training less dev. `widths`: P10 to P90 of training and of dev."""

    w1: float
    shift: float
    widths: tuple[float, float]


# What to do where training is too high, and where it is too low; {amount} is how much.
_REMEDIES = {
    "snr_db": ("lower noise.snr_db by about {amount}", "raise noise.snr_db by about {amount}"),
    "speech_dbfs": ("lower level_dbfs by about {amount}", "raise level_dbfs by about {amount}"),
    "noise_dbfs": (
        "lower level_dbfs, or raise noise.snr_db, by about {amount}",
        "raise level_dbfs, or lower noise.snr_db, by about {amount}",
    ),
    "fluctuation_db": (
        "take noise whose level is steadier, or less drift and fewer events",
        "take noise whose level wavers more, or add drift or events",
    ),
    "low_hz": (
        "lower the microphone's low_hz in channel by about {amount}",
        "raise the microphone's low_hz in channel by about {amount}",
    ),
    "high_hz": (
        "lower the microphone's high_hz in channel by about {amount}, or add the codec that dev has been through",
        "raise the microphone's high_hz in channel by about {amount}, or drop a codec; a source that has nothing "
        "up there cannot be helped",
    ),
    "speech_tilt_db": (
        "turn speech.effects' shelf or equalizer down above 1 kHz by about {amount}",
        "turn speech.effects' shelf or equalizer up above 1 kHz by about {amount}",
    ),
    "modulation_4hz": (
        "speech stands out too clearly: lower noise.snr_db, or add more of speech.room",
        "speech is too blurred: raise noise.snr_db, or take less of speech.room",
    ),
    "duration_s": (
        "take shorter utterances, a faster tempo or shorter margins_s (about {amount} shorter)",
        "take longer utterances, a slower tempo or longer margins_s (about {amount} longer)",
    ),
    "nonspeech_share": ("shorten margins_s, or trim the speech", "lengthen margins_s"),
    "clipped_share": (
        "leave out speech sources that clip, or soften what distorts in channel",
        "add what clips in dev to channel (a distortion), after the noise",
    ),
    "f0_hz": (
        "take more low voices, or pitch the speech down by about {amount}",
        "take more high voices, or pitch the speech up by about {amount}",
    ),
}
_RUMBLE_REMEDY = (
    "take noise with less around {hz} Hz, a microphone with a higher low_hz in channel, or match_spectrum with about "
    "{amount} less in rumble_db",
    "take noise with more around {hz} Hz, a microphone with a lower low_hz in channel, or match_spectrum with about "
    "{amount} more in rumble_db",
)
_BAND_REMEDY = (
    "take noise sources with less around {hz} Hz, or match_spectrum with about {amount} less there",
    "take noise sources with more around {hz} Hz, or match_spectrum with about {amount} more there",
)


def amount(feature: Feature, value: float) -> str:
    """A difference on the scale of comparison as people say it: `4.2 dB`, `23 %`, `2.0 semitones`, `3.1-fold odds`.

    A difference of logarithms is a ratio: `23 %` says that the larger is 1.23 times the smaller.
    """
    value = abs(value)
    if feature.scale == "logit":
        return f"{math.exp(min(value, 50.0)):.1f}-fold odds"
    if feature.scale == "log2":
        return f"{12 * value:.1f} semitones" if feature.name == "f0_hz" else f"{100 * (2 ** min(value, 50) - 1):.0f} %"
    return f"{value:.1f} dB" if feature.unit.startswith("dB") else f"{value:.3f}"


def scale_unit(feature: Feature) -> str:
    """The unit of W1, its null and the tolerance."""
    return {"log2": "octaves", "logit": "log-odds"}.get(feature.scale, "dB" if feature.unit[:2] == "dB" else "")


def too_few(clips: int, groups: int) -> str | None:
    """Why a set of this size gets no verdict; None where it does."""
    if clips < MIN_CLIPS:
        return f"{clips} clips are too few for a verdict (fewer than {MIN_CLIPS}: our convention)"
    if groups < MIN_GROUPS:
        return f"{clips} clips from {groups} group{'s' * (groups != 1)} are too few for a verdict " + (
            f"(fewer than {MIN_GROUPS} groups: our convention)"
        )
    return None


def verdict(feature: Feature, w1: float, null95: float, family: float) -> Verdict:
    """Green up to the larger of tolerance and null95; red above twice the tolerance and above what chance reaches in
    any feature (null95 times `family`); amber between. These cut-offs are our own convention (science notes, 2.3)."""
    if w1 <= max(feature.tolerance, null95):
        return "green"
    return "red" if w1 > 2 * feature.tolerance and w1 > family * null95 else "amber"


def words(feature: Feature, found: Difference, light: Verdict) -> str:
    """What differs and what to change."""
    if light == "green":
        small = found.w1 <= feature.tolerance
        return "no difference that matters" if small else "no more than chance at these numbers of clips and groups"
    if abs(found.shift) >= _MOSTLY_SHIFT * found.w1:
        return _shifted(feature, found.shift)
    wide, dev = found.widths
    there = f"training spreads over {amount(feature, wide)}, dev over {amount(feature, dev)} (P10 to P90)"
    if wide * _WIDER < dev:
        return f"{feature.shown}: training is too narrow, {there}: widen {feature.remedy}"
    if wide > dev * _WIDER:
        return f"{feature.shown}: training is too wide, {there}: narrow {feature.remedy}"
    return f"{feature.shown}: middle and spread agree, the shape differs (see the quantiles): look at {feature.remedy}"


def size(feature: Feature, found: Difference) -> str:
    """How large a difference is and which way, without what to do: `speech level 24.5 dB too low`."""
    if abs(found.shift) >= _MOSTLY_SHIFT * found.w1:
        return f"{feature.shown} {amount(feature, found.shift)} too {'high' if found.shift > 0 else 'low'}"
    return f"{feature.shown} {amount(feature, found.w1)} apart in spread or shape"


def _shifted(feature: Feature, shift: float) -> str:
    which = "high" if shift > 0 else "low"
    about = _rounded(feature, shift)
    if feature.name in RUMBLE_NAMES:
        hz = round(RUMBLE_CENTERS_HZ[RUMBLE_NAMES.index(feature.name)])
        remedy = _RUMBLE_REMEDY[shift < 0].format(amount=about, hz=hz)
    elif feature.name in BAND_NAMES:
        remedy = _BAND_REMEDY[shift < 0].format(amount=about, hz=round(CENTERS_HZ[BAND_NAMES.index(feature.name)]))
    else:
        remedy = _REMEDIES[feature.name][shift < 0].format(amount=about)
    return f"training's {feature.shown} is {amount(feature, shift)} too {which}: {remedy}"


def _rounded(feature: Feature, value: float) -> str:
    """To half a dB or a semitone below 3, to a whole one above; per cents to five."""
    shown = amount(feature, value)
    number, _, unit = shown.partition(" ")
    if feature.scale == "logit" or not unit:
        return shown
    size = float(number)
    step = (5 if size >= 10 else 1) if unit == "%" else (1 if size >= 3 else 0.5)
    return f"{max(step, round(size / step) * step):g} {unit}"
