"""The conditions of a fitted recipe, made of cases: matched, wide and edge (docs/science.md, "Defensive mixture")."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synth.dsp.analysis.bands import BANDS, RUMBLE_BANDS
from synth.lists.cases import Case
from synth.match.fit.noise_model import noise_model
from synth.match.fit.quantiles import knots_of, tails_of
from synth.match.measure.trust import Trust
from synth.recipe.distributions import Constant, Distribution, Quantiles
from synth.recipe.model import Condition, Jitter, MatchSpectrum

MATCHED, WIDE, EDGE = 0.6, 0.3, 0.1
"""Weights of the conditions: what is matched may be matched to a wrong number."""
LIMIT_DB = 30.0
"""The most that an equalizer raises or lowers a band of the noise."""
CASES = "cases.csv"

_MOST = 0.5  # of the cases: a distribution cannot say that a clip has no limit or margin, so most must have one
_IN_ORDER = 0.9  # lower limits stay below this share of the smallest upper one
_LEAST_SD_DB = 0.5  # of a band


@dataclass(frozen=True, slots=True)
class MatchedCases:
    """What the condition `matched` is made of."""

    cases: tuple[Case, ...]
    jitter: Jitter  # around the cases
    trust: Trust  # what of dev can be matched


def mixture(matched: MatchedCases, *, shareable: bool) -> tuple[Condition, ...]:
    """The conditions matched 0.6, wide 0.3 and edge 0.1; without an edge its weight goes to wide."""
    edge = edge_condition(matched)
    wide = Condition(name="wide", weight=WIDE if edge else WIDE + EDGE)
    first = shareable_condition(matched) if shareable else matched_condition(matched)
    return (first, wide, *([edge] if edge else []))


def matched_condition(matched: MatchedCases, *, weight: float = MATCHED) -> Condition:
    """The condition of the cases. A case without an SNR draws it from the distribution of the others."""
    with_snr = [case for case in matched.cases if case.snr_db is not None]
    snr = None
    if with_snr and len(with_snr) < len(matched.cases):
        snrs, weights = [case.snr_db or 0.0 for case in with_snr], [case.weight for case in with_snr]
        snr = Quantiles(knots_of(snrs, weights, jitter=matched.jitter.snr_db))
    return Condition(name="matched", weight=weight, cases=CASES, jitter=matched.jitter, snr_db=snr, limit_db=LIMIT_DB)


def shareable_condition(matched: MatchedCases, *, weight: float = MATCHED) -> Condition:
    """The condition without cases: each number by itself as 25 quantiles, and the spectrum as mean and SD.

    The margins before and after the speech share one distribution.
    """
    low, high = _distribution(matched, "low_hz", share=_MOST), _distribution(matched, "high_hz", share=_MOST)
    return Condition(
        name="matched",
        weight=weight,
        snr_db=_distribution(matched, "snr_db", jitter=matched.jitter.snr_db),
        level_dbfs=_distribution(matched, "level_dbfs"),
        margins_s=_distribution(matched, "before_s", "after_s", share=_MOST),
        match_spectrum=_spectrum(matched),
        fluctuation_db=_distribution(matched, "fluctuation_db", share=_MOST),
        low_hz=_kept_below(low, high),
        high_hz=high,
    )


def edge_condition(matched: MatchedCases) -> Condition | None:
    """The tails of dev's SNR and 3 dB beyond; None if the SNR is not to be trusted."""
    pairs = [(case.snr_db, case.weight) for case in matched.cases if case.snr_db is not None]
    if len(pairs) < 2:
        return None
    tails = Quantiles(tails_of([snr for snr, _ in pairs], [weight for _, weight in pairs]), (0.0, 0.45, 0.55, 1.0))
    return Condition(name="edge", weight=EDGE, snr_db=tails, match_spectrum=_spectrum(matched))


def _distribution(matched: MatchedCases, *names: str, jitter: float = 0.0, share: float = 0.0) -> Distribution | None:
    """25 quantiles of what the cases have under these names; None if fewer than two, or less than `share`, have it."""
    pairs = [(getattr(case, name), case.weight) for name in names for case in matched.cases]
    given = [(value, weight) for value, weight in pairs if value is not None]
    if len(given) < 2 or len(given) < share * len(pairs):
        return None
    knots = knots_of([value for value, _ in given], [weight for _, weight in given], jitter=jitter)
    return Constant(knots[0]) if knots[0] == knots[-1] else Quantiles(knots)


def _kept_below(low: Distribution | None, high: Distribution | None) -> Distribution | None:
    """The lower limits, below every upper one: in a case they are in order, drawn singly they need not be."""
    if low is None or high is None:
        return low
    if isinstance(low, Quantiles) and low.high >= high.low:
        return Quantiles(tuple(min(value, _IN_ORDER * high.low) for value in low.values))
    return low if low.low < high.low else None


def _spectrum(matched: MatchedCases) -> MatchSpectrum | None:
    """Mean and SD of the spectra of the cases, so that nothing is told of a single clip.

    None if a band is missing, because a recipe needs all twelve.
    """
    cases = [case for case in matched.cases if case.bands_db is not None]
    if not cases or min(len(case.bands_db or ()) for case in cases) < BANDS:
        return None
    weights = [case.weight for case in cases]
    model = noise_model([list(case.bands_db or ()) for case in cases], weights, least_sd_db=_LEAST_SD_DB)
    with_rumble = [case for case in cases if case.rumble_db is not None]
    rumble, rumble_sd = None, (0.0,) * RUMBLE_BANDS
    if with_rumble:
        values = np.array([case.rumble_db for case in with_rumble])
        weights = [case.weight for case in with_rumble]
        mean = np.average(values, axis=0, weights=weights)
        spread = np.sqrt(np.average((values - mean) ** 2, axis=0, weights=weights))
        rumble, rumble_sd = tuple(np.round(mean, 2).tolist()), tuple(np.round(spread, 2).tolist())
    return MatchSpectrum(
        mean_db=tuple(round(value, 2) for value in model.mean_db),
        sd_db=tuple(round(value, 2) for value in model.sd_db),
        limit_db=LIMIT_DB,
        rumble_db=rumble,
        rumble_sd_db=rumble_sd,
    )
