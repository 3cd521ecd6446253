"""A difference between two sets in words: how large it is, which way, and what to change in the recipe."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from synth.dsp.analysis.bands import CENTERS_HZ, RUMBLE_CENTERS_HZ
from synth.match.measure.features import BAND_NAMES, RUMBLE_NAMES, Feature
from synth.text import count_of

Verdict = Literal["green", "amber", "red"]

MIN_CLIPS = 30
MIN_GROUPS = 4
"""Below these a set gets no verdict: a convention (docs/science.md, "Distance of one feature")."""

_MOSTLY_SHIFT = 0.5  # of the distance: from here on it is described as a shift, else by its spread or shape
_WIDER = 1.25  # ratio of the P10-P90 ranges from which the spread is named


@dataclass(frozen=True, slots=True)
class Difference:
    """Training against dev in one feature, on its scale of comparison."""

    w1: float  # Wasserstein-1 distance
    shift: float  # median of the differences of equal quantiles, training less dev
    widths: tuple[float, float]  # from P10 to P90, of training and of dev

    @property
    def is_shift(self) -> bool:
        """Whether most of the distance is a shift of the whole distribution."""
        return abs(self.shift) >= _MOSTLY_SHIFT * self.w1


# Feature -> what to do if training is too high, and if it is too low; {amount} is how much.
_REMEDIES = {
    "snr_db": ("lower noise.snr_db by about {amount}", "raise noise.snr_db by about {amount}"),
    "speech_dbfs": ("lower level_dbfs by about {amount}", "raise level_dbfs by about {amount}"),
    "noise_dbfs": (
        "lower level_dbfs, or raise noise.snr_db, by about {amount}",
        "raise level_dbfs, or lower noise.snr_db, by about {amount}",
    ),
    "fluctuation_db": (
        "use noise whose level fluctuates less, or less drift and fewer events",
        "use noise whose level fluctuates more, or add drift or events",
    ),
    "low_hz": (
        "lower the microphone's low_hz in channel by about {amount}",
        "raise the microphone's low_hz in channel by about {amount}",
    ),
    "high_hz": (
        "lower the microphone's high_hz in channel by about {amount}, or add the codec that dev has been through",
        "raise the microphone's high_hz in channel by about {amount}, or drop a codec; a source that has nothing "
        "up there stays as it is",
    ),
    "speech_tilt_db": (
        "turn speech.effects' shelf or equalizer down above 1 kHz by about {amount}",
        "turn speech.effects' shelf or equalizer up above 1 kHz by about {amount}",
    ),
    "modulation_4hz": (
        "speech stands out too clearly: lower noise.snr_db, or add more of speech.room",
        "speech is too blurred: raise noise.snr_db, or use less of speech.room",
    ),
    "duration_s": (
        "use shorter utterances, a faster tempo or shorter margins_s (about {amount} shorter)",
        "use longer utterances, a slower tempo or longer margins_s (about {amount} longer)",
    ),
    "nonspeech_share": ("shorten margins_s, or trim the speech", "lengthen margins_s"),
    "clipped_share": (
        "omit speech sources that clip, or weaken the distortion in channel",
        "add a distortion to channel, after the noise",
    ),
    "f0_hz": (
        "use more low voices, or pitch the speech down by about {amount}",
        "use more high voices, or pitch the speech up by about {amount}",
    ),
}
_RUMBLE_REMEDY = (
    "use noise with less around {hz} Hz, a microphone with a higher low_hz in channel, or match_spectrum with about "
    "{amount} less in rumble_db",
    "use noise with more around {hz} Hz, a microphone with a lower low_hz in channel, or match_spectrum with about "
    "{amount} more in rumble_db",
)
_BAND_REMEDY = (
    "use noise sources with less around {hz} Hz, or match_spectrum with about {amount} less there",
    "use noise sources with more around {hz} Hz, or match_spectrum with about {amount} more there",
)


def amount(feature: Feature, value: float) -> str:
    """A difference on the scale of comparison for people: `4.2 dB`, `23 %`, `2.0 semitones`, `3.1-fold odds`.

    A difference of logarithms is a ratio: `23 %` means that the larger is 1.23 times the smaller.
    """
    value = abs(value)
    if feature.scale == "logit":
        return f"{math.exp(min(value, 50.0)):.1f}-fold odds"
    if feature.scale == "log2":
        if feature.name == "f0_hz":
            return f"{12 * value:.1f} semitones"
        return f"{100 * (2 ** min(value, 50) - 1):.0f} %"
    return f"{value:.1f} dB" if feature.unit.startswith("dB") else f"{value:.3f}"


def scale_unit(feature: Feature) -> str:
    """The unit of W1, its null and the tolerance."""
    return {"log2": "octaves", "logit": "log-odds"}.get(feature.scale, "dB" if feature.unit[:2] == "dB" else "")


def reason_for_no_verdict(clips: int, groups: int) -> str | None:
    """Why a set of this size gets no verdict; None if it gets one."""
    if clips < MIN_CLIPS:
        return f"{clips} clips are too few for a verdict (fewer than {MIN_CLIPS}: our convention)"
    if groups < MIN_GROUPS:
        return (
            f"{clips} clips from {count_of(groups, 'group')} are too few for a verdict (fewer than {MIN_GROUPS} "
            "groups: our convention)"
        )
    return None


def verdict(feature: Feature, w1: float, null95: float, family: float) -> Verdict:
    """The traffic light of one feature.

    Green up to the larger of tolerance and null95; red above twice the tolerance and above what chance reaches in any
    feature (null95 times `family`); amber between. The limits are conventions of this project:
    docs/science.md, "Distance of one feature".
    """
    if w1 <= max(feature.tolerance, null95):
        return "green"
    return "red" if w1 > 2 * feature.tolerance and w1 > family * null95 else "amber"


def difference_words(feature: Feature, difference: Difference, light: Verdict) -> str:
    """What differs and what to change."""
    if light == "green":
        is_small = difference.w1 <= feature.tolerance
        return "no difference that matters" if is_small else "no more than chance at these numbers of clips and groups"
    if difference.is_shift:
        return _shift_words(feature, difference.shift)
    training, dev = difference.widths
    ranges = f"training spreads over {amount(feature, training)}, dev over {amount(feature, dev)} (P10 to P90)"
    if training * _WIDER < dev:
        return f"{feature.shown}: training is too narrow, {ranges}: widen {feature.remedy}"
    if training > dev * _WIDER:
        return f"{feature.shown}: training is too wide, {ranges}: narrow {feature.remedy}"
    return f"{feature.shown}: middle and spread agree, the shape differs (see the quantiles): look at {feature.remedy}"


def difference_size(feature: Feature, difference: Difference) -> str:
    """How large a difference is and which way: `speech level 24.5 dB too low`."""
    if difference.is_shift:
        direction = "high" if difference.shift > 0 else "low"
        return f"{feature.shown} {amount(feature, difference.shift)} too {direction}"
    return f"{feature.shown} {amount(feature, difference.w1)} apart in spread or shape"


def _shift_words(feature: Feature, shift: float) -> str:
    direction = "high" if shift > 0 else "low"
    about = _rounded_amount(feature, shift)
    if feature.name in RUMBLE_NAMES:
        hz = round(RUMBLE_CENTERS_HZ[RUMBLE_NAMES.index(feature.name)])
        remedy = _RUMBLE_REMEDY[shift < 0].format(amount=about, hz=hz)
    elif feature.name in BAND_NAMES:
        remedy = _BAND_REMEDY[shift < 0].format(amount=about, hz=round(CENTERS_HZ[BAND_NAMES.index(feature.name)]))
    else:
        remedy = _REMEDIES[feature.name][shift < 0].format(amount=about)
    return f"training's {feature.shown} is {amount(feature, shift)} too {direction}: {remedy}"


def _rounded_amount(feature: Feature, value: float) -> str:
    """Half a dB or semitone below 3, whole ones above; percentages in steps of five from 10 on."""
    shown = amount(feature, value)
    number, _, unit = shown.partition(" ")
    if feature.scale == "logit" or not unit:
        return shown
    size = float(number)
    step = 1.0 if size >= 3 else 0.5
    if unit == "%":
        step = 5.0 if size >= 10 else 1.0
    return f"{max(step, round(size / step) * step):g} {unit}"
