"""The keys of the recipe's conditions: weighted variants of it, such as matched, wide and edge."""

from __future__ import annotations

from typing import Any

from synth.dsp.analysis.bands import BANDS, RUMBLE_BANDS
from synth.recipe.drawn import DrawnNumber
from synth.recipe.kinds import (
    NAME,
    WRONG,
    Field,
    KeyPath,
    Kind,
    ListOf,
    Number,
    PathText,
    Range,
    Reading,
    Record,
    Section,
    read_with,
)
from synth.recipe.model import Condition, Jitter, MatchSpectrum
from synth.recipe.stages import LOSS_WEIGHT, STAGE
from synth.recipe.yaml_text import Node

_SPREAD = Number(Range(0, 60, "dB"))

JITTER = Record(
    "the jitter",
    (
        Field("snr_db", _SPREAD, 0.0, "SD around the SNR of a case"),
        Field("level_dbfs", _SPREAD, 0.0, "SD around the level of a case"),
        Field("bands_db", _SPREAD, 0.0, "SD around the noise colour of a case, smooth over frequency"),
    ),
    Jitter,
)


class BandNumbers(Kind):
    """A number for each of the twelve noise bands (or of the bands of `what`), or one for all."""

    def __init__(self, each: Number, count: int = BANDS, what: str = "noise band") -> None:
        self._each, self._count, self._what = each, count, what

    def read(self, node: Node, at: KeyPath, reading: Reading) -> Any:
        if not isinstance(node.value, list):
            one = self._each.read(node, at, reading)
            return one if one is WRONG else (one,) * self._count
        if len(node.value) != self._count:
            said = f"{len(node.value)} numbers; give {self._count}, one for each {self._what}, or one"
            return reading.wrong(node, at, said)
        found = [read_with(self._each, item, at.child(str(k)), reading) for k, item in enumerate(node.value)]
        return WRONG if any(value is WRONG for value in found) else tuple(found)

    def write(self, value: tuple[float, ...]) -> Any:
        return [self._each.write(one) for one in value]

    def schema(self) -> dict[str, Any]:
        one = self._each.schema()
        return {"anyOf": [one, {"type": "array", "items": one, "minItems": self._count, "maxItems": self._count}]}


MATCH_SPECTRUM = Record(
    "a noise colour",
    (
        Field("mean_db", BandNumbers(Number(Range(-200, 200, "dB"))), help="of each noise band, without the level"),
        Field("sd_db", BandNumbers(_SPREAD), (0.0,) * BANDS, "around the mean, smooth over frequency"),
        Field("limit_db", Number(Range(0, 60, "dB")), 30.0, "no band is changed by more"),
        Field(
            "rumble_db",
            BandNumbers(Number(Range(-200, 200, "dB")), RUMBLE_BANDS, "band of rumble"),
            None,
            "of 20 to 35 and 35 to 60 Hz, against the mean of the twelve bands",
        ),
        Field("rumble_sd_db", BandNumbers(_SPREAD, RUMBLE_BANDS, "band of rumble"), (0.0,) * RUMBLE_BANDS, "around it"),
    ),
    MatchSpectrum,
)


def _jitter_needs_cases(section: Section) -> None:
    if section.get("jitter") not in (None, Jitter()) and not section.gives("cases"):
        section.wrong("this is about the cases; give cases as well", "jitter")


def _limits_in_order(section: Section) -> None:
    low, high = section.get("low_hz"), section.get("high_hz")
    if low is not None and high is not None and low.high >= high.low:
        section.wrong(
            f"up to {low.high:g} Hz, where high_hz goes down to {high.low:g} Hz: nothing is left between", "low_hz"
        )


CONDITION = Record(
    "a condition",
    (
        Field("name", NAME, help="a name, such as matched or wide"),
        Field("weight", Number(Range(0, 1e6)), 1.0, "how often clips draw it, against the others"),
        Field("cases", PathText(), None, "list (CSV) of what was measured of real clips; a clip draws one whole"),
        Field("jitter", JITTER, Jitter(), "around a case"),
        Field("snr_db", DrawnNumber(Range(-60, 100, "dB")), None, "in place of noise.snr_db"),
        Field("level_dbfs", DrawnNumber(Range(-90, 0, "dBFS")), None, "in place of the recipe's"),
        Field("margins_s", DrawnNumber(Range(0, 60, "s")), None, "in place of the recipe's"),
        Field("match_spectrum", MATCH_SPECTRUM, None, "equalise the noise to this colour"),
        Field("limit_db", Number(Range(0, 60, "dB")), 30.0, "no band of the noise is changed by more for a case"),
        Field(
            "fluctuation_db",
            DrawnNumber(Range(0, 30, "dB")),
            None,
            "level fluctuation that the noise is given: SD of its 100-ms levels",
        ),
        Field(
            "low_hz",
            DrawnNumber(Range(0, 2000, "Hz")),
            None,
            "lower limit of a microphone behind the channel; 0 is none",
        ),
        Field(
            "high_hz",
            DrawnNumber(Range(1000, 96000, "Hz")),
            None,
            "upper limit of that microphone; half the sample rate or more is none",
        ),
        STAGE,
        LOSS_WEIGHT,
    ),
    Condition,
    checks=(_jitter_needs_cases, _limits_in_order),
)

CONDITIONS = ListOf(CONDITION, "condition", may_be_empty=True)
