"""The keys of the recipe's conditions: weighted variants of it, such as matched and wide."""

from __future__ import annotations

from dataclasses import dataclass
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
        Field("bands_db", _SPREAD, 0.0, "SD around the noise spectrum of a case, smooth over frequency"),
    ),
    Jitter,
)


@dataclass(frozen=True, slots=True)
class BandNumbers(Kind):
    """A number for each band, or one for all."""

    each: Number
    count: int = BANDS  #: number of bands
    what: str = "noise band"  #: what a band is, in words

    def read(self, node: Node, at: KeyPath, reading: Reading) -> Any:
        """A tuple of `count` numbers."""
        if not isinstance(node.value, list):
            number = self.each.read(node, at, reading)
            return number if number is WRONG else (number,) * self.count
        if len(node.value) != self.count:
            text = f"{len(node.value)} numbers; give {self.count}, one for each {self.what}, or one"
            return reading.wrong(node, at, text)
        numbers = [read_with(self.each, item, at.child(str(k)), reading) for k, item in enumerate(node.value)]
        return WRONG if any(number is WRONG for number in numbers) else tuple(numbers)

    def write(self, value: tuple[float, ...]) -> Any:
        """A list."""
        return [self.each.write(number) for number in value]

    def schema(self) -> dict[str, Any]:
        """A number, or an array of them."""
        number = self.each.schema()
        array = {"type": "array", "items": number, "minItems": self.count, "maxItems": self.count}
        return {"anyOf": [number, array]}


MATCH_SPECTRUM = Record(
    "a noise spectrum",
    (
        Field("mean_db", BandNumbers(Number(Range(-200, 200, "dB"))), help="mean of each noise band"),
        Field("sd_db", BandNumbers(_SPREAD), (0.0,) * BANDS, "SD around the mean, smooth over frequency"),
        Field("limit_db", Number(Range(0, 60, "dB")), 30.0, "no band is changed by more"),
        Field(
            "rumble_db",
            BandNumbers(Number(Range(-200, 200, "dB")), RUMBLE_BANDS, "band of rumble"),
            None,
            "bands of 20 to 35 and 35 to 60 Hz, against the mean of the twelve bands",
        ),
        Field(
            "rumble_sd_db", BandNumbers(_SPREAD, RUMBLE_BANDS, "band of rumble"), (0.0,) * RUMBLE_BANDS, "SD around it"
        ),
    ),
    MatchSpectrum,
)


def _jitter_needs_cases(section: Section) -> None:
    if section.get("jitter") not in (None, Jitter()) and not section.gives("cases"):
        section.wrong("jitter is around the values of cases; give cases as well", "jitter")


def _limits_in_order(section: Section) -> None:
    low, high = section.get("low_hz"), section.get("high_hz")
    if low is not None and high is not None and low.high >= high.low:
        section.wrong(
            f"low_hz up to {low.high:g} Hz leaves nothing below high_hz, which goes down to {high.low:g} Hz", "low_hz"
        )


CONDITION = Record(
    "a condition",
    (
        Field("name", NAME, help="a name, such as matched or wide"),
        Field("weight", Number(Range(0, 1e6)), 1.0, "how often clips draw it, against the others"),
        Field("cases", PathText(), None, "list (CSV) of what was measured of real clips; a clip draws one row"),
        Field("jitter", JITTER, Jitter(), "around a case"),
        Field("snr_db", DrawnNumber(Range(-60, 100, "dB")), None, "in place of noise.snr_db"),
        Field("level_dbfs", DrawnNumber(Range(-90, 0, "dBFS")), None, "in place of the recipe's"),
        Field("margins_s", DrawnNumber(Range(0, 60, "s")), None, "in place of the recipe's"),
        Field("match_spectrum", MATCH_SPECTRUM, None, "spectral shape that the noise is equalized to"),
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
