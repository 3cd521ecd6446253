"""The correction finds the distribution that gives what was measured, through a measurement with a bias and an error."""

from __future__ import annotations

import numpy as np
import pytest

from synth.lists.cases import Case
from synth.match.fit.corrections import (
    comparable_snr,
    correct_field,
    correct_spectra,
    corrected_values,
    with_missing_snrs,
)
from synth.match.measure.profile import ClipProfile


def _rng(purpose: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=[5, purpose]))


def _measured(truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A measurement that compresses, is biased, and errs."""
    return 0.8 * truth + 3.0 + rng.normal(0, 1.0, len(truth))


def test_rounds_of_correction_recover_two_heaps() -> None:
    truth = np.concatenate([_rng(1).normal(-2, 1.5, 90), _rng(2).normal(12, 2, 60)])
    dev = _measured(truth, _rng(3))
    cases = dev.copy()  # as measured: 3 dB wrong and too narrow
    errors = []
    for k in range(5):
        drawn = _rng(10 + k).choice(cases, 500) + _rng(20 + k).normal(0, 0.5, 500)
        errors.append(np.abs(np.sort(cases) - np.sort(truth)).mean())
        cases = corrected_values(
            cases, np.ones(150), dev=dev, dev_weights=np.ones(150), simulated=_measured(drawn, _rng(30 + k))
        )
    assert errors[0] > 1.5
    assert errors[-1] < 0.8  # Wasserstein-1 to the truth, dB


def test_nothing_is_moved_where_nothing_lacks_and_the_order_stays() -> None:
    values = _rng(4).normal(5, 4, 200)
    same = corrected_values(values, np.ones(200), dev=values, dev_weights=np.ones(200), simulated=values)
    assert np.abs(same - values).max() < 0.15
    moved = corrected_values(values, np.ones(200), dev=values * 0.2, dev_weights=np.ones(200), simulated=values)
    assert (np.diff(moved[np.argsort(values)]) >= 0).all()


def test_a_shift_is_taken_out_by_seven_tenths() -> None:
    values = _rng(5).normal(0, 3, 300)
    moved = corrected_values(values, np.ones(300), dev=values + 4, dev_weights=np.ones(300), simulated=values)
    assert np.median(moved - values) == pytest.approx(2.8, abs=0.15)


def test_only_cases_that_say_it_are_moved() -> None:
    cases = [Case(snr_db=float(k), level_dbfs=-20.0) for k in range(10)] + [Case(level_dbfs=-30.0)]
    wanted = [(float(k) + 2, 1.0) for k in range(10)]
    new = correct_field(cases, "snr_db", wanted, [float(k) for k in range(10)])
    assert new[10] == cases[10]
    assert new[4].snr_db == pytest.approx(5.4, abs=0.01)
    assert new[4].level_dbfs == -20.0


def test_colours_get_the_mean_that_they_lack_and_stay_without_one() -> None:
    base = np.linspace(6, -6, 12)
    rng = _rng(6)
    cases = [Case(bands_db=tuple(row - row.mean())) for row in base + rng.normal(0, 1, (300, 12))]
    lack = np.where(np.arange(12) < 6, 2.0, -2.0)
    scatter = rng.normal(0, 1, (300, 12))
    new = correct_spectra(cases, base + lack + scatter, np.ones(300), base + scatter)
    before = np.mean([case.bands_db for case in cases], axis=0)
    after = np.mean([case.bands_db for case in new], axis=0)
    assert after - before == pytest.approx(lack, abs=0.2)
    assert np.mean([case.bands_db for case in new], axis=1) == pytest.approx(0.0, abs=1e-9)


def test_scatter_of_the_measurement_is_taken_out_of_the_colours() -> None:
    """Two bands move together by 3 dB in truth; measuring adds 2 dB to each band, and to each of the rumble. The cases
    begin as measured, so that simulated clips are measured too wide; two rounds bring them back to the truth."""
    rng = _rng(16)
    together = np.zeros((400, 14))
    together[:, 4], together[:, 5] = (rng.normal(0, 3, (400, 1)) * [1, -1]).T
    measured = together + rng.normal(0, 2, (400, 14))
    cases = [Case(bands_db=tuple(row[:12] - row[:12].mean()), rumble_db=tuple(row[12:])) for row in measured]
    for _ in range(2):
        said = np.array([(*case.bands_db, *case.rumble_db) for case in cases])
        found = said[rng.integers(0, 400, 800)] + rng.normal(0, 2, (800, 14))
        cases = correct_spectra(cases, measured, np.ones(400), found)
    covariance = np.cov(np.array([(*case.bands_db, *case.rumble_db) for case in cases]).T)
    assert np.sqrt(covariance[4, 4]) == pytest.approx(3.0, abs=0.35)
    assert covariance[4, 5] / np.sqrt(covariance[4, 4] * covariance[5, 5]) < -0.9
    others = [0, 1, 2, 8, 10, 12, 13]
    assert np.sqrt(np.diag(covariance))[others].max() < 1.1  # 0.6 is what 400 clips leave of variances of 4


def test_flagged_snrs_count_where_flags_fall_on_both_sides_alike() -> None:
    def clips(flagged: int) -> list[ClipProfile]:
        flags = [("non_stationary",)] * flagged + [()] * (100 - flagged)
        return [ClipProfile("x", "g", {"snr_db": 3.0}, flags=each) for each in flags]

    alike, other = comparable_snr(clips(40), clips(30)), comparable_snr(clips(40), clips(10))
    assert alike(clips(1)[0]) == 3.0
    assert other(clips(1)[0]) is None
    assert other(clips(0)[0]) == 3.0


def test_cases_without_an_snr_get_the_one_that_is_known() -> None:
    cases = [Case(snr_db=1.0), Case(level_dbfs=-20.0), Case()]
    assert [case.snr_db for case in with_missing_snrs(cases, [5.0, 6.0, None])] == [1.0, 6.0, None]


def test_too_wide_a_measurement_does_not_lift_the_whole_distribution() -> None:
    """What is found is wider than wanted: the low end goes up, the high end down, and the mean stays."""
    values = _rng(8).normal(0, 1, 300)
    moved = corrected_values(values, np.ones(300), dev=values, dev_weights=np.ones(300), simulated=values * 4)
    assert np.mean(moved) == pytest.approx(np.mean(values), abs=0.2)
