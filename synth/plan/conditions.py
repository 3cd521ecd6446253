"""The condition of a clip, and what it says: values that replace the recipe's own distributions."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from statistics import NormalDist

from synth.draws import ClipDraws
from synth.dsp.effects.microphone import Microphone
from synth.lists.cases import Case, Cases
from synth.recipe.model import Condition, Recipe
from synth.recipe.renamed import draw_name

_NORMAL = NormalDist()
_NOTHING = Case()

CasesByCondition = Mapping[str, Cases]
"""Condition name -> its cases; only of conditions that have some."""


@dataclass(frozen=True, slots=True)
class TargetSpectrum:
    """The colour that a clip's noise is equalised to: bands in dB, changed by at most `limit_db`; `rumble_db` below."""

    bands_db: tuple[float, ...]
    limit_db: float
    rumble_db: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class ConditionValues:
    """What a clip's condition says of it; None where the recipe's own distribution holds. `case` numbers its case."""

    condition: str | None = None
    case: int | None = None
    snr_db: float | None = None
    level_dbfs: float | None = None
    before_s: float | None = None
    after_s: float | None = None
    target_spectrum: TargetSpectrum | None = None
    fluctuation_db: float | None = None
    microphone: Microphone | None = None


def draw_condition(recipe: Recipe, cases: CasesByCondition, draws: ClipDraws) -> ConditionValues:
    """The condition that a clip draws, the case that it draws from it, and their values."""
    if not recipe.conditions:
        return ConditionValues()
    condition = recipe.conditions[_weighted(tuple(c.weight for c in recipe.conditions), draws("condition"))]
    number, case = None, _NOTHING
    if condition.name in cases:
        rows = cases[condition.name]
        number = _weighted(_weights(rows), draws(condition.key + ".case"))
        case = rows.rows[number]
    draw = _Draw(condition, case, draws)
    return ConditionValues(
        condition=condition.name,
        case=number,
        snr_db=draw.value("snr_db"),
        level_dbfs=draw.value("level_dbfs", highest=recipe.max_peak_dbfs),
        before_s=draw.margin("before"),
        after_s=draw.margin("after"),
        target_spectrum=draw.target_spectrum(),
        fluctuation_db=draw.wavering(),
        microphone=draw.microphone(recipe.sample_rate),
    )


@lru_cache(maxsize=16)
def _cumulative(weights: tuple[float, ...]) -> list[float]:
    return list(accumulate(weights))


@lru_cache(maxsize=16)
def _weights(cases: Cases) -> tuple[float, ...]:
    return tuple(case.weight for case in cases.rows)


def _weighted(weights: tuple[float, ...], u: float) -> int:
    """The index that u in [0, 1) falls on."""
    sums = _cumulative(weights)
    return min(bisect_right(sums, u * sums[-1]), len(sums) - 1)


@dataclass(frozen=True, slots=True)
class _Draw:
    """The values of one clip: the case's with jitter, else those that the condition draws."""

    condition: Condition
    case: Case
    draws: ClipDraws

    def value(self, name: str, highest: float = float("inf")) -> float | None:
        """`snr_db` or `level_dbfs`."""
        said: float | None = getattr(self.case, name)
        key = f"{self.condition.key}.{name}"
        if said is not None:
            return round(min(said + self._jitter(name, f"{self.condition.key}.jitter.{name}"), highest), 3)
        setting = getattr(self.condition, name)
        return None if setting is None else round(float(setting.value(self.draws(key))), 3)

    def wavering(self) -> float | None:
        """SD in dB of the 100-ms levels that the noise is given."""
        setting = self.condition.fluctuation_db
        key = f"{self.condition.key}.{draw_name('conditions', 'fluctuation_db')}"
        drawn = None if setting is None else round(float(setting.value(self.draws(key))), 3)
        return drawn if self.case.fluctuation_db is None else self.case.fluctuation_db

    def margin(self, side: str) -> float | None:
        said: float | None = getattr(self.case, f"{side}_s")
        if said is not None:
            return said
        margins = self.condition.margins_s
        return None if margins is None else float(margins.value(self.draws(f"{self.condition.key}.margins_s.{side}")))

    def _jitter(self, name: str, key: str) -> float:
        spread = getattr(self.condition.jitter, name)
        return spread * _normal(self.draws(key)) if spread else 0.0

    def target_spectrum(self) -> TargetSpectrum | None:
        wanted, said = self.condition.match_spectrum, self.case.bands_db
        limit = wanted.limit_db if wanted else self.condition.limit_db
        if said is not None:
            spread = (self.condition.jitter.bands_db,) * len(said)
            return TargetSpectrum(self._bands(said, spread), limit, self._rumble(self.case.rumble_db, spread))
        if wanted is None:
            return None
        below = self._rumble(wanted.rumble_db, wanted.rumble_sd_db)
        return TargetSpectrum(self._bands(wanted.mean_db, wanted.sd_db), limit, below)

    def _rumble(self, mean: tuple[float, ...] | None, spread: tuple[float, ...]) -> tuple[float, ...] | None:
        if mean is None:
            return None
        own = [_normal(self.draws(f"{self.condition.key}.rumble.{k}")) for k in range(len(mean))]
        return tuple(round(m + s * z, 3) for m, s, z in zip(mean, spread, own, strict=False))

    def _bands(self, mean: tuple[float, ...], spread: tuple[float, ...]) -> tuple[float, ...]:
        """Neighbouring bands wander together: what differs between cars is smooth over frequency."""
        own = [_normal(self.draws(f"{self.condition.key}.bands.{k}")) for k in range(len(mean) + 2)]
        smooth = [(a + 2 * b + c) / 6**0.5 for a, b, c in zip(own, own[1:], own[2:], strict=False)]
        return tuple(round(m + s * z, 3) for m, s, z in zip(mean, spread, smooth, strict=True))

    def microphone(self, sample_rate: int) -> Microphone | None:
        low, high = self._limit("low_hz"), self._limit("high_hz")
        if low is None and high is None:
            return None
        return Microphone(low_hz=round(low or 0.0, 1), high_hz=round(high or sample_rate / 2, 1), order=4)

    def _limit(self, name: str) -> float | None:
        """`low_hz` or `high_hz`."""
        said: float | None = getattr(self.case, name)
        setting = getattr(self.condition, name)
        if said is not None or setting is None:
            return said
        return float(setting.value(self.draws(f"{self.condition.key}.{name}")))


def _normal(u: float) -> float:
    """A normal number from one in [0, 1), at most 4 standard deviations out."""
    return max(-4.0, min(4.0, _NORMAL.inv_cdf(min(max(u, 1e-9), 1 - 1e-9))))
