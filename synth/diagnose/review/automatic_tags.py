"""Tags that the profile and the manifest know by themselves, and how much more errors there are where they hold.

Over all clips of dev, right and wrong: so there is more to count than among a hundred errors listened to. What goes
with errors need not be their cause, and tags overlap.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from synth.diagnose.ladder.predictions import Prediction
from synth.diagnose.review.dev_set import DevSet, group_of, profiled
from synth.diagnose.review.manual_tags import Remedy
from synth.match.measure.clip import FLAGS, SHORT_SECONDS
from synth.match.measure.profile import Profile
from synth.match.measure.truth import truth_of
from synth.stats.intervals import Risk, risks

MIN_CLIPS = 5
"""A tag that fewer clips have, or lack, is left out (our own choice)."""
TENTH = 0.1
"""Rare is what lies beyond the first or last tenth of dev (our own choice)."""
_MOST_LABELS = 40

Values = Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one clip by itself: features by name, and flags; None where nothing was measured."""

    clip: Prediction
    values: Values
    flags: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class AutomaticTag:
    """`held`: for every clip whether it holds, None unknown. `share`: of the clips where it is known."""

    name: str
    held: tuple[bool | None, ...]
    remedy: Remedy

    @property
    def clips(self) -> int:
        return self.held.count(True)

    @property
    def known(self) -> int:
        return len(self.held) - self.held.count(None)

    @property
    def share(self) -> float:
        return self.clips / self.known if self.known else 0.0


def automatic_tags(dev: DevSet, profile: Profile | None) -> list[AutomaticTag]:
    """All tags that at least MIN_CLIPS clips have and as many do not."""
    known = _known(dev, profile)
    tags = [*_flag_tags(known), *_limit_tags(known), *_tenths(known), *_label_tags(known)]
    return [tag for tag in tags if tag.clips >= MIN_CLIPS and tag.known - tag.clips >= MIN_CLIPS]


def risks_of(dev: DevSet, tags: Sequence[AutomaticTag], group: str | None) -> list[tuple[AutomaticTag, Risk]]:
    """Each tag with its risk, by attributable error, the largest first."""
    errors = [clip.errors or 0.0 for clip in dev.clips]
    words = [clip.words or 0.0 for clip in dev.clips]
    found = risks(errors, words, [tag.held for tag in tags], [group_of(clip, group) for clip in dev.clips])
    return sorted(zip(tags, found, strict=True), key=lambda pair: (-pair[1].attributable.value, pair[0].name))


def _known(dev: DevSet, profile: Profile | None) -> list[Known]:
    """The profile's features; where there are none what a manifest of ours tells."""
    rows = [None] * len(dev.clips) if profile is None else profiled(dev, profile)
    found = []
    for clip, row in zip(dev.clips, rows, strict=True):
        told: dict[str, Any] = truth_of(dict(clip.row)) if isinstance(clip.row.get("snr_db"), Mapping) else {}
        measured = {} if row is None else {name: v for name, v in row.features.items() if v is not None}
        found.append(Known(clip, {**told, **measured, **(row.truth or {} if row else {})}, row.flags if row else None))
    return found


# --- the tags ---------------------------------------------------------------------------------------------------------

_FLAG_TAGS: Mapping[str, tuple[str, Remedy]] = {
    "non_stationary": (
        "noise not steady",
        Remedy(
            "noise whose level wavers: more such recordings, drift, events; its SNR cannot be measured well: keep it "
            "wide",
            "noise:\n  layers:\n    - {name: unsteady, probability: SHARE, relative_db: [-6, 6],\n"
            "       sources: UNSTEADY_DIR, effects: [{drift: {depth_db: [2, 6], rate_hz: 0.5}}]}\n",
        ),
    ),
    "clipped": (
        "clipped",
        Remedy(
            "a channel that clips, after the noise",
            "channel:\n  - ClippingDistortion: {min_percentile_threshold: 0, max_percentile_threshold: 20}\n"
            "    probability: SHARE\n",
        ),
    ),
    "telephone": (
        "telephone band",
        Remedy("300 to 3400 Hz", "channel:\n  - microphone: {low_hz: 300, high_hz: 3400}\n    probability: SHARE\n"),
    ),
    "lowpass": (
        "nothing in the treble",
        Remedy(
            "a codec or a microphone that ends early",
            "channel:\n  - microphone: {low_hz: [50, 100], high_hz: [3500, 5500]}\n    probability: SHARE\n",
        ),
    ),
    "trimmed": (
        "cut close to the speech",
        Remedy("clips without margins: shorter ones in training, too", "margins_s: [0, 0.1]\n"),
    ),
    "no_speech": (
        "no speech found",
        Remedy("the voice is weak, or there is none: listen to them; if it is there, a lower SNR", ""),
    ),
}


def _flag_tags(known: Sequence[Known]) -> list[AutomaticTag]:
    tags = []
    for flag, (name, remedy) in _FLAG_TAGS.items():
        assert flag in FLAGS
        tags.append(_tag(name, known, partial(_flagged, flag), remedy))
    return tags


def _flagged(flag: str, clip: Known) -> bool | None:
    return None if clip.flags is None else flag in clip.flags


def _tag(name: str, known: Sequence[Known], holds: Callable[[Known], bool | None], remedy: Remedy) -> AutomaticTag:
    tag = AutomaticTag(name, tuple(holds(clip) for clip in known), remedy)
    return AutomaticTag(name, tag.held, remedy.filled(tag.share))


def _limit_tags(known: Sequence[Known]) -> list[AutomaticTag]:
    snr = _numbers(known, "snr_db")
    points = ", ".join(f"{value:.0f}" for value in np.percentile(snr, (2, 25, 50, 75, 98))) if len(snr) else ""
    low = Remedy(
        "train down to the SNRs that dev has; these are its quantiles, as measured (`synth fit` takes their bias out)",
        f"noise:\n  snr_db: {{quantiles: [{points}], probabilities: [0, 0.25, 0.5, 0.75, 1]}}\n",
    )
    short = Remedy("short answers: speech sources that have them", "speech:\n  sources:\n    - SHORT_SPEECH_DIR\n")
    return [
        _tag("SNR below 0 dB", known, lambda clip: _below(clip.values.get("snr_db"), 0.0), low),
        _tag(
            f"shorter than {SHORT_SECONDS:g} s",
            known,
            lambda clip: _below(clip.values.get("duration_s"), SHORT_SECONDS),
            short,
        ),
    ]


def _below(value: float | None, limit: float) -> bool | None:
    return None if value is None else value < limit


def _numbers(known: Sequence[Known], name: str) -> list[float]:
    return [value for clip in known if (value := clip.values.get(name)) is not None]


def _rate(clip: Known) -> float | None:
    """Characters of the reference for each second of speech."""
    seconds, silent = clip.values.get("duration_s"), clip.values.get("nonspeech_share")
    letters = len("".join((clip.clip.reference or "").split()))
    if seconds is None or silent is None or not letters or seconds * (1 - silent) <= 0:
        return None
    return letters / (seconds * (1 - silent))


def _feature(name: str) -> Callable[[Known], float | None]:
    return lambda clip: clip.values.get(name)


def _tenths(known: Sequence[Known]) -> list[AutomaticTag]:
    """What is rare: the clips beyond the first or last tenth of a feature."""
    tempo = "speech:\n  effects:\n    - tempo: {{factor: {factor}, engine: signalsmith}}\n      probability: 0.2\n"
    pitch = (
        "speech:\n  effects:\n    - pitch: {{semitones: {semitones}, engine: signalsmith}}\n      probability: 0.2\n"
    )
    room = "speech:\n  room: {probability: 0.3, sources: [{name: cabins, path: ROOM_DIR}]}\n"
    quiet = "as quiet as these clips: levels over the range that dev's speech has"
    voices = "voices like these: speakers who have them, or pitch"
    blurred = "speech blurred by a room, a far microphone or noise: rooms recorded in cabins"
    return [
        *_ends(
            known, _rate, ("slow speech", "fast speech"), ("[0.75, 0.95]", "[1.05, 1.35]"), "tempo", tempo, "factor"
        ),
        *_ends(
            known, _feature("f0_hz"), ("low voice", "high voice"), ("[-4, 0]", "[0, 4]"), voices, pitch, "semitones"
        ),
        *_lowest(known, "speech_dbfs", "quiet speech", lambda dev: Remedy(quiet, f"level_dbfs: {dev}\n")),
        *_lowest(known, "modulation_4hz", "blurred speech", lambda _: Remedy(blurred, room)),
    ]


def _ends(
    known: Sequence[Known],
    value: Callable[[Known], float | None],
    names: tuple[str, str],
    ranges: tuple[str, str],
    words: str,
    snippet: str,
    key: str,
) -> list[AutomaticTag]:
    numbers = [number for clip in known if (number := value(clip)) is not None]
    if not numbers:
        return []
    low, high = (float(q) for q in np.quantile(numbers, (TENTH, 1 - TENTH)))
    said = "more of it by tempo, or from speakers who have it" if words == "tempo" else words
    first, last = (Remedy(said, snippet.format(**{key: span})) for span in ranges)

    def above(clip: Known) -> bool | None:
        number = value(clip)
        return None if number is None else number > high

    return [
        _tag(f"{names[0]} (the first tenth)", known, lambda clip: _below(value(clip), low), first),
        _tag(f"{names[1]} (the last tenth)", known, above, last),
    ]


def _lowest(known: Sequence[Known], feature: str, name: str, remedy: Callable[[str], Remedy]) -> list[AutomaticTag]:
    numbers = _numbers(known, feature)
    if not numbers:
        return []
    low, middle, high = (float(q) for q in np.quantile(numbers, (0.02, TENTH, 0.98)))
    told = remedy(f"[{min(low, -1.0):.0f}, {min(high, 0.0):.0f}]")
    return [_tag(f"{name} (the first tenth)", known, lambda clip: _below(clip.values.get(feature), middle), told)]


def _label_tags(known: Sequence[Known]) -> list[AutomaticTag]:
    """Labels of the manifest that are true or false, and its conditions."""
    names = dict.fromkeys(name for clip in known for name in (clip.clip.row.get("labels") or {}))
    tags = []
    for name in list(names)[:_MOST_LABELS]:
        remedy = Remedy(f"more clips of training that have the label {name}: a source or an event for it")
        tags.append(_tag(f"label {name}", known, partial(_truth, name), remedy))
    conditions = Counter(str(clip.clip.row["condition"]) for clip in known if clip.clip.row.get("condition"))
    for name, _ in conditions.most_common(8) if len(conditions) > 1 else ():
        remedy = Remedy(f"a larger weight for what is like the condition {name}", "")
        tags.append(_tag(f"condition {name}", known, partial(_in_condition, name), remedy))
    return tags


def _truth(name: str, clip: Known) -> bool | None:
    value = (clip.clip.row.get("labels") or {}).get(name)
    return {"true": True, "1": True, "false": False, "0": False}.get(str(value).lower()) if value is not None else None


def _in_condition(name: str, clip: Known) -> bool | None:
    value = clip.clip.row.get("condition")
    return None if value is None else str(value) == name
