"""The condition that a clip draws, with the values that replace the recipe's own distributions."""

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

CasesByCondition = Mapping[str, Cases]
"""Condition name -> its cases; only of conditions that have some."""

_NORMAL = NormalDist()
_LARGEST_DEVIATION = 4.0  # SDs: one clip in 16,000 would be further off, and a case should stay recognizable
_FLUCTUATION_DRAW = draw_name("conditions", "fluctuation_db")


@dataclass(frozen=True, slots=True)
class TargetSpectrum:
    """The spectral shape that a clip's noise is equalized to."""

    bands_db: tuple[float, ...]  #: level of each noise band, from the lowest
    limit_db: float  #: no band is changed by more
    rumble_db: tuple[float, ...] | None = None  #: level of the bands below; None leaves them to the noise


@dataclass(frozen=True, slots=True)
class ConditionValues:
    """What a clip's condition decides; None leaves the value to the recipe's own distribution."""

    condition: str | None = None  #: its name
    case: int | None = None  #: number of its case, from 0
    snr_db: float | None = None
    level_dbfs: float | None = None
    before_s: float | None = None  #: margin before the speech
    after_s: float | None = None  #: margin after the speech
    target_spectrum: TargetSpectrum | None = None
    fluctuation_db: float | None = None  #: SD of the 100-ms levels that the noise is given
    microphone: Microphone | None = None  #: band limits behind the channel


_WITHOUT_CONDITION = ConditionValues()


def draw_condition(recipe: Recipe, cases: CasesByCondition, draws: ClipDraws) -> ConditionValues:
    """Draw a condition, a case of it if it has some, and their values.

    The value of a case holds, with jitter; what the case leaves open is drawn from the condition.
    """
    if not recipe.conditions:
        return _WITHOUT_CONDITION
    condition = recipe.conditions[_weighted(tuple(c.weight for c in recipe.conditions), draws("condition"))]
    number, case = None, Case()
    if condition.name in cases:
        rows = cases[condition.name]
        number = _weighted(_case_weights(rows), draws(condition.key + ".case"))
        case = rows.rows[number]
    drawing = _Drawing(condition, case, draws)
    return ConditionValues(
        condition=condition.name,
        case=number,
        snr_db=drawing.jittered("snr_db"),
        level_dbfs=drawing.jittered("level_dbfs", highest=recipe.max_peak_dbfs),
        before_s=drawing.margin("before"),
        after_s=drawing.margin("after"),
        target_spectrum=drawing.target_spectrum(),
        fluctuation_db=drawing.fluctuation(),
        microphone=drawing.microphone(recipe.sample_rate),
    )


@lru_cache(maxsize=16)
def _cumulative(weights: tuple[float, ...]) -> list[float]:
    return list(accumulate(weights))


@lru_cache(maxsize=16)
def _case_weights(cases: Cases) -> tuple[float, ...]:
    return tuple(case.weight for case in cases.rows)


def _weighted(weights: tuple[float, ...], u: float) -> int:
    """The index that u in [0, 1) falls on."""
    sums = _cumulative(weights)
    return min(bisect_right(sums, u * sums[-1]), len(sums) - 1)


@dataclass(frozen=True, slots=True)
class _Drawing:
    """The values of one clip: the case's with jitter, else those that the condition draws."""

    condition: Condition
    case: Case
    draws: ClipDraws

    def jittered(self, name: str, highest: float = float("inf")) -> float | None:
        """`snr_db` or `level_dbfs`, at most `highest`; that of a case with jitter."""
        measured: float | None = getattr(self.case, name)
        if measured is not None:
            spread = getattr(self.condition.jitter, name)
            jitter = spread * self._normal(f"jitter.{name}") if spread else 0.0
            return round(min(measured + jitter, highest), 3)
        drawn = self._drawn(name, name)
        return None if drawn is None else round(drawn, 3)

    def fluctuation(self) -> float | None:
        drawn = self._drawn("fluctuation_db", _FLUCTUATION_DRAW)
        if self.case.fluctuation_db is not None or drawn is None:
            return self.case.fluctuation_db
        return round(drawn, 3)

    def margin(self, side: str) -> float | None:
        measured: float | None = getattr(self.case, f"{side}_s")
        return self._drawn("margins_s", f"margins_s.{side}") if measured is None else measured

    def target_spectrum(self) -> TargetSpectrum | None:
        target, measured = self.condition.match_spectrum, self.case.bands_db
        limit = target.limit_db if target else self.condition.limit_db
        if measured is not None:
            spread = (self.condition.jitter.bands_db,) * len(measured)
            return TargetSpectrum(self._bands(measured, spread), limit, self._rumble(self.case.rumble_db, spread))
        if target is None:
            return None
        rumble = self._rumble(target.rumble_db, target.rumble_sd_db)
        return TargetSpectrum(self._bands(target.mean_db, target.sd_db), limit, rumble)

    def microphone(self, sample_rate: int) -> Microphone | None:
        low, high = self._band_limit("low_hz"), self._band_limit("high_hz")
        if low is None and high is None:
            return None
        return Microphone(low_hz=round(low or 0.0, 1), high_hz=round(high or sample_rate / 2, 1), order=4)

    def _band_limit(self, name: str) -> float | None:
        measured: float | None = getattr(self.case, name)
        return self._drawn(name, name) if measured is None else measured

    def _rumble(self, mean: tuple[float, ...] | None, spread: tuple[float, ...]) -> tuple[float, ...] | None:
        if mean is None:
            return None
        deviations = [self._normal(f"rumble.{k}") for k in range(len(mean))]
        return tuple(round(m + s * z, 3) for m, s, z in zip(mean, spread, deviations, strict=False))

    def _bands(self, mean: tuple[float, ...], spread: tuple[float, ...]) -> tuple[float, ...]:
        # Neighboring bands move together, because what differs between cars is smooth over frequency. The weights
        # 1, 2, 1 over sqrt(6) keep the variance at 1.
        own = [self._normal(f"bands.{k}") for k in range(len(mean) + 2)]
        smooth = [(a + 2 * b + c) / 6**0.5 for a, b, c in zip(own, own[1:], own[2:], strict=False)]
        return tuple(round(m + s * z, 3) for m, s, z in zip(mean, spread, smooth, strict=True))

    def _drawn(self, name: str, key: str) -> float | None:
        """The condition's own value; None if it leaves it to the recipe."""
        distribution = getattr(self.condition, name)
        return None if distribution is None else float(distribution.value(self.draws(f"{self.condition.key}.{key}")))

    def _normal(self, key: str) -> float:
        u = min(max(self.draws(f"{self.condition.key}.{key}"), 1e-9), 1 - 1e-9)
        return max(-_LARGEST_DEVIATION, min(_LARGEST_DEVIATION, _NORMAL.inv_cdf(u)))
