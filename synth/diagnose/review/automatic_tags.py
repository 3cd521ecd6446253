"""Tags that follow from the profile and the manifest, and how much higher the error is in clips that have them.

They cover all clips of dev, right and wrong, so they rest on more clips than a review of a hundred errors does. A tag
that goes with errors is not necessarily their cause, and tags overlap.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeAlias

import numpy as np

from synth.diagnose.ladder.predictions import Prediction
from synth.diagnose.review.dev_set import DevSet, group_of, profiled
from synth.diagnose.review.manual_tags import CLIPPING, Remedy
from synth.lists import label_value
from synth.match.measure.clip import SHORT_SECONDS
from synth.match.measure.profile import Profile
from synth.match.measure.truth import truth_of
from synth.stats.intervals import Risk, json_number, risks

#: A tag is dropped if fewer clips than this have it, or fewer than this do not (our own choice).
MIN_CLIPS: Final = 5
#: A value is rare below the first or above the last tenth of dev (our own choice).
TENTH: Final = 0.1
_MAX_LABELS: Final = 40
_MAX_CONDITIONS: Final = 8


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """What is known about a clip without listening to it."""

    clip: Prediction
    values: Mapping[str, float | None]  # feature -> value, in the unit of `match.measure.features`; None: not measured
    flags: tuple[str, ...] | None  # None: the profile does not have the clip


@dataclass(frozen=True, slots=True)
class AutomaticTag:
    """A tag, and which clips of dev have it."""

    name: str
    states: tuple[bool | None, ...]  # one per clip; None: unknown
    remedy: Remedy

    @property
    def clips(self) -> int:
        """Number of clips that have the tag."""
        return self.states.count(True)

    @property
    def known_clips(self) -> int:
        """Number of clips of which it is known whether they have the tag."""
        return len(self.states) - self.states.count(None)

    @property
    def share(self) -> float:
        """Share of `known_clips` that have the tag."""
        return self.clips / self.known_clips if self.known_clips else 0.0


@dataclass(frozen=True, slots=True)
class TagRisk:
    """A tag with the errors of the clips that have it, and of those that do not."""

    tag: AutomaticTag
    risk: Risk

    def to_json(self) -> dict[str, Any]:
        """Return plain values; errors are in percent."""
        return {
            "tag": self.tag.name,
            "clips": self.tag.clips,
            "known": self.tag.known_clips,
            "share": json_number(self.tag.share),
            "error_with": json_number(100 * self.risk.with_property),
            "error_without": json_number(100 * self.risk.without_property),
            "risk_ratio": self.risk.ratio.to_json(),
            "attributable": self.risk.attributable.to_json(100),
            "recipe": self.tag.remedy.to_json(),
        }


_Value: TypeAlias = Callable[[ClipFacts], float | None]
_Predicate: TypeAlias = Callable[[ClipFacts], bool | None]


def automatic_tags(dev: DevSet, profile: Profile | None) -> list[AutomaticTag]:
    """Return all tags that at least MIN_CLIPS clips have and MIN_CLIPS clips do not have."""
    facts = _facts_of(dev, profile)
    tags = [*_flag_tags(facts), *_limit_tags(facts), *_rare_tags(facts), *_label_tags(facts), *_condition_tags(facts)]
    return [tag for tag in tags if tag.clips >= MIN_CLIPS and tag.known_clips - tag.clips >= MIN_CLIPS]


def risks_of(dev: DevSet, tags: Sequence[AutomaticTag], group: str | None) -> list[TagRisk]:
    """Return the risk of each tag, the largest attributable error first. `group`: column of dependent clips."""
    errors = [clip.errors or 0.0 for clip in dev.clips]
    words = [clip.words or 0.0 for clip in dev.clips]
    of_tags = risks(errors, words, [tag.states for tag in tags], [group_of(clip, group) for clip in dev.clips])
    pairs = [TagRisk(tag, risk) for tag, risk in zip(tags, of_tags, strict=True)]
    return sorted(pairs, key=lambda pair: (-pair.risk.attributable.value, pair.tag.name))


def _facts_of(dev: DevSet, profile: Profile | None) -> list[ClipFacts]:
    """Collect what is known of each clip: the manifest's truth, or the profile's features if it has the clip."""
    rows = [None] * len(dev.clips) if profile is None else profiled(dev, profile)
    facts = []
    for clip, row in zip(dev.clips, rows, strict=True):
        values: dict[str, Any] = truth_of(dict(clip.row)) if isinstance(clip.row.get("snr_db"), Mapping) else {}
        if row is not None:
            values |= {name: value for name, value in row.features.items() if value is not None}
            values |= row.truth or {}
        facts.append(ClipFacts(clip, values, None if row is None else row.flags))
    return facts


def _tag(name: str, facts: Sequence[ClipFacts], has_tag: _Predicate, remedy: Remedy) -> AutomaticTag:
    tag = AutomaticTag(name, tuple(has_tag(clip) for clip in facts), remedy)
    return AutomaticTag(name, tag.states, remedy.filled(tag.share))


#: Flag of the profile -> (name of the tag, remedy).
_FLAG_TAGS: Final[Mapping[str, tuple[str, Remedy]]] = {
    "non_stationary": (
        "non-stationary noise",
        Remedy(
            "the level of the noise fluctuates: add such recordings, drift and events; its SNR cannot be measured "
            "well, so keep it wide",
            "noise:\n  layers:\n    - {name: fluctuating, probability: SHARE, relative_db: [-6, 6],\n"
            "       sources: FLUCTUATING_DIR, effects: [{drift: {depth_db: [2, 6], rate_hz: 0.5}}]}\n",
        ),
    ),
    "clipped": ("clipped", CLIPPING),
    "telephone": (
        "telephone band",
        Remedy("300 to 3400 Hz", "channel:\n  - microphone: {low_hz: 300, high_hz: 3400}\n    probability: SHARE\n"),
    ),
    "lowpass": (
        "no high frequencies",
        Remedy(
            "a codec or a microphone that cuts off early",
            "channel:\n  - microphone: {low_hz: [50, 100], high_hz: [3500, 5500]}\n    probability: SHARE\n",
        ),
    ),
    "trimmed": (
        "cut close to the speech",
        Remedy("clips without margins: use shorter margins in training too", "margins_s: [0, 0.1]\n"),
    ),
    "no_speech": (
        "no speech found",
        Remedy("the voice is weak or missing: listen to these clips; if it is there, train at a lower SNR"),
    ),
}


def _flag_tags(facts: Sequence[ClipFacts]) -> list[AutomaticTag]:
    def has_flag(flag: str, clip: ClipFacts) -> bool | None:
        return None if clip.flags is None else flag in clip.flags

    return [_tag(name, facts, partial(has_flag, flag), remedy) for flag, (name, remedy) in _FLAG_TAGS.items()]


def _feature(name: str) -> _Value:
    return lambda clip: clip.values.get(name)


def _below(value: _Value, limit: float) -> _Predicate:
    return lambda clip: None if (number := value(clip)) is None else number < limit


def _numbers(facts: Sequence[ClipFacts], value: _Value) -> list[float]:
    return [number for clip in facts if (number := value(clip)) is not None]


def _limit_tags(facts: Sequence[ClipFacts]) -> list[AutomaticTag]:
    """Return tags with a fixed limit: low SNR, short clips."""
    snr, duration = _feature("snr_db"), _feature("duration_s")
    snrs = _numbers(facts, snr)
    quantiles = ", ".join(f"{value:.0f}" for value in np.percentile(snrs, (2, 25, 50, 75, 98))) if snrs else ""
    low_snr = Remedy(
        "train down to the SNRs of dev; these are its measured quantiles (`synth fit` removes their bias)",
        f"noise:\n  snr_db: {{quantiles: [{quantiles}], probabilities: [0, 0.25, 0.5, 0.75, 1]}}\n",
    )
    short = Remedy("short answers: add speech sources that have them", "speech:\n  sources:\n    - SHORT_SPEECH_DIR\n")
    return [
        _tag("SNR below 0 dB", facts, _below(snr, 0.0), low_snr),
        _tag(f"shorter than {SHORT_SECONDS:g} s", facts, _below(duration, SHORT_SECONDS), short),
    ]


def _speech_rate(facts: ClipFacts) -> float | None:
    """Return the characters of the reference per second of speech."""
    seconds, silent = facts.values.get("duration_s"), facts.values.get("nonspeech_share")
    letters = len("".join((facts.clip.reference or "").split()))
    if seconds is None or silent is None or not letters or seconds * (1 - silent) <= 0:
        return None
    return letters / (seconds * (1 - silent))


def _rare_tags(facts: Sequence[ClipFacts]) -> list[AutomaticTag]:
    """Return tags for clips below the first or above the last tenth of a feature."""

    def effect(words: str, effect: str) -> Remedy:
        line = f"    - {effect}\n"
        return Remedy(words, f"speech:\n  effects:\n{line}      probability: 0.2\n")

    tempo = "vary the tempo more, or add speakers who talk like this"
    pitch = "add speakers with such voices, or change the pitch"
    levels = _numbers(facts, _feature("speech_dbfs"))
    low, high = (float(q) for q in np.quantile(levels, (0.02, 0.98))) if levels else (0.0, 0.0)
    quiet = Remedy(
        "some clips of dev are quiet: cover the range of its speech levels",
        f"level_dbfs: [{min(low, -1.0):.0f}, {min(high, 0.0):.0f}]\n",
    )
    blurred = Remedy(
        "speech is blurred by a room, a far microphone or noise: add room responses recorded in cabins",
        "speech:\n  room: {probability: 0.3, sources: [{name: cabins, path: ROOM_DIR}]}\n",
    )
    ends: tuple[tuple[_Value, tuple[str, Remedy], tuple[str, Remedy] | None], ...] = (
        (
            _speech_rate,
            ("slow speech", effect(tempo, "tempo: {factor: [0.75, 0.95]}")),
            ("fast speech", effect(tempo, "tempo: {factor: [1.05, 1.35]}")),
        ),
        (
            _feature("f0_hz"),
            ("low voice", effect(pitch, "pitch: {semitones: [-4, 0]}")),
            ("high voice", effect(pitch, "pitch: {semitones: [0, 4]}")),
        ),
        (_feature("speech_dbfs"), ("quiet speech", quiet), None),
        (_feature("modulation_4hz"), ("blurred speech", blurred), None),
    )
    tags = []
    for value, lowest, highest in ends:
        numbers = _numbers(facts, value)
        if not numbers:
            continue
        first, last = (float(q) for q in np.quantile(numbers, (TENTH, 1 - TENTH)))
        tags.append(_tag(f"{lowest[0]} (the first tenth)", facts, _below(value, first), lowest[1]))
        if highest is not None:
            is_high = partial(_is_above, value, last)
            tags.append(_tag(f"{highest[0]} (the last tenth)", facts, is_high, highest[1]))
    return tags


def _is_above(value: _Value, limit: float, clip: ClipFacts) -> bool | None:
    number = value(clip)
    return None if number is None else number > limit


def _label_tags(facts: Sequence[ClipFacts]) -> list[AutomaticTag]:
    """Return a tag for each label of the manifest that is true or false."""

    def has_label(name: str, clip: ClipFacts) -> bool | None:
        return label_value.truth_of((clip.clip.row.get("labels") or {}).get(name))

    names = dict.fromkeys(name for clip in facts for name in (clip.clip.row.get("labels") or {}))
    return [
        _tag(
            f"label {name}",
            facts,
            partial(has_label, name),
            Remedy(f"add training clips that have the label {name}: a source or an event for it"),
        )
        for name in list(names)[:_MAX_LABELS]
    ]


def _condition_tags(facts: Sequence[ClipFacts]) -> list[AutomaticTag]:
    """Return a tag for each of the most common conditions of the manifest."""

    def in_condition(name: str, clip: ClipFacts) -> bool | None:
        condition = clip.clip.row.get("condition")
        return None if condition is None else str(condition) == name

    conditions = Counter(str(clip.clip.row["condition"]) for clip in facts if clip.clip.row.get("condition"))
    if len(conditions) < 2:
        return []
    return [
        _tag(
            f"condition {name}",
            facts,
            partial(in_condition, name),
            Remedy(f"give more weight to training clips like those of the condition {name}"),
        )
        for name, _ in conditions.most_common(_MAX_CONDITIONS)
    ]
