"""Noise made to waver more or less: its own swells, larger or smaller."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from synth.dsp.fluctuation import measure_levels, set_fluctuation

RATE = 16_000


def _swelling(swell_db: float, seconds: float = 4.0) -> npt.NDArray[np.float64]:
    noise = np.random.Generator(np.random.Philox(key=[3, 1])).normal(0, 0.05, int(seconds * RATE))
    at = np.arange(len(noise)) / RATE
    return noise * 10 ** (swell_db * np.sin(2 * np.pi * 0.7 * at) / 20)


@pytest.mark.parametrize(("swell", "wanted"), [(3.0, 1.0), (3.0, 2.0), (3.0, 5.0), (0.0, 0.2), (8.0, 3.0)])
def test_the_levels_get_the_spread_that_is_wanted(swell: float, wanted: float) -> None:
    made = set_fluctuation(_swelling(swell), wanted, sample_rate=RATE)
    assert measure_levels(made, sample_rate=RATE).std(ddof=1) == pytest.approx(wanted, rel=0.03)


def test_swells_stay_where_they_were() -> None:
    noise = _swelling(4.0)
    before, after = (
        measure_levels(x, sample_rate=RATE) for x in (noise, set_fluctuation(noise, 1.5, sample_rate=RATE))
    )
    assert np.corrcoef(before, after)[0, 1] > 0.97
    assert after.mean() == pytest.approx(before.mean(), abs=0.3)


def test_a_factor_has_its_limit() -> None:
    noise = _swelling(3.0)
    before, after = (
        measure_levels(x, sample_rate=RATE) for x in (noise, set_fluctuation(noise, 29.0, sample_rate=RATE))
    )
    assert after.std(ddof=1) == pytest.approx(2.5 * before.std(ddof=1), rel=0.1)


@pytest.mark.parametrize("noise", [np.zeros(RATE), _swelling(3.0, seconds=0.25)])
def test_what_does_not_waver_or_is_too_short_is_left(noise: npt.NDArray[np.float64]) -> None:
    assert np.array_equal(set_fluctuation(noise, 4.0, sample_rate=RATE), noise)
