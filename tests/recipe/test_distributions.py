"""Each distribution is the inverse CDF that its formula promises."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from synth.recipe.distributions import (
    Choice,
    Constant,
    Distribution,
    Integers,
    LogUniform,
    Normal,
    Quantiles,
    Uniform,
    WordChoice,
)

LAST = 1 - 2**-53
"""The greatest u that a draw can give."""

GRID = [0.0, 2**-53, 1e-9, *np.linspace(0.001, 0.999, 499), 1 - 1e-9, LAST]

CONTINUOUS: dict[str, tuple[Distribution, Any]] = {
    "uniform": (Uniform(-3, 7), stats.uniform(-3, 10)),
    "log_uniform": (LogUniform(0.85, 1.18), stats.loguniform(0.85, 1.18)),
    "normal, clipped": (Normal(8, 5, (-5, 25)), stats.truncnorm(-2.6, 3.4, loc=8, scale=5)),
    "normal, clipped on one side of its mean": (Normal(0, 1, (1, 3)), stats.truncnorm(1, 3)),
    "normal": (Normal(2, 0.5), stats.norm(2, 0.5)),
}

EVERY: dict[str, Distribution] = {
    **{name: ours for name, (ours, _) in CONTINUOUS.items()},
    "constant": Constant(4.5),
    "integers": Integers(1, 3),
    "choice": Choice((0.9, 1.0, 1.1), (1, 2, 1)),
    "quantiles": Quantiles((-3.0, 2.0, 5.0, 20.0), (0.0, 0.25, 0.5, 1.0)),
}


@pytest.mark.parametrize("name", CONTINUOUS)
def test_value_is_the_quantile_function(name: str) -> None:
    ours, scipys = CONTINUOUS[name]
    inner = [u for u in GRID if 1e-12 < u < 1 - 1e-12]
    np.testing.assert_allclose([ours.value(u) for u in inner], scipys.ppf(inner), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", EVERY)
def test_values_rise_with_u_and_stay_between_low_and_high(name: str) -> None:
    ours = EVERY[name]
    values = [ours.value(u) for u in GRID]
    assert values == sorted(values)
    assert all(ours.low <= value <= ours.high for value in values)
    assert all(math.isfinite(value) for value in values)
    assert values[0] == ours.low
    assert values[-1] == pytest.approx(ours.high, abs=0.05)


def test_a_clipped_normal_does_not_pile_up_at_its_ends() -> None:
    ours = Normal(0, 1, (-1, 1))
    values = [ours.value((i + 0.5) / 1000) for i in range(1000)]
    # density at the end, by the formula: pdf(1) / (cdf(1) - cdf(-1)) = 0.354 for each unit
    assert sum(value > 0.9 for value in values) == pytest.approx(1000 * 0.1 * 0.365, abs=2)


def test_integers_are_all_equally_often() -> None:
    values = [Integers(1, 3).value(i / 3000) for i in range(3000)]
    assert [values.count(n) for n in (1, 2, 3)] == [1000, 1000, 1000]
    assert {type(value) for value in values} == {int}


def test_weights_are_the_shares_of_the_choices() -> None:
    values = [Choice((5.0, 6.0, 7.0, 8.0), (1, 0, 2, 0)).value(i / 3000) for i in range(3000)]
    assert [values.count(n) for n in (5, 6, 7, 8)] == [1000, 0, 2000, 0]
    assert Choice((5.0, 6.0, 7.0, 8.0), (1, 0, 2, 0)).value(LAST) == 7.0
    assert WordChoice(("a", "b"), (3, 1)).value(0.7499) == "a"
    assert WordChoice(("a", "b"), (3, 1)).value(0.75) == "b"


def test_quantiles_are_met_where_they_are_given() -> None:
    ours = Quantiles((-3.0, 2.0, 5.0, 20.0), (0.0, 0.25, 0.5, 1.0))
    assert [ours.value(u) for u in (0.0, 0.125, 0.25, 0.5, 0.75)] == [-3.0, -0.5, 2.0, 5.0, 12.5]
    assert Quantiles((1.0, 2.0, 4.0)).value(0.75) == 3.0


@pytest.mark.parametrize("name", EVERY)
def test_distributions_can_be_sent_to_workers(name: str) -> None:
    again = pickle.loads(pickle.dumps(EVERY[name]))
    assert again == EVERY[name]
    assert again.value(0.3) == EVERY[name].value(0.3)


IMPOSSIBLE = [
    (lambda: Uniform(2, 1), "the range must rise, not go from 2 to 1"),
    (lambda: Uniform(-1.7e308, 1.7e308), "the range from -1.7e+308 to 1.7e+308 is too wide"),
    (lambda: Integers(2, 1), "the range must rise, not go from 2 to 1"),
    (lambda: LogUniform(0, 1), "the range must rise from above 0, not go from 0 to 1"),
    (lambda: Normal(0, 0), "the standard deviation 0 must be above 0"),
    (lambda: Normal(0, 1, (1, 1)), "the clip must rise, not go from 1 to 1"),
    (lambda: Normal(0, 1, (7, 9)), "less than one draw in a million lies in the clip from 7 to 9"),
    (lambda: Normal(0, 1, (70, 90)), "less than one draw in a million lies in the clip from 70 to 90"),
    (lambda: Choice(()), "there is nothing to choose from"),
    (lambda: Choice((1.0,), (1, 2)), "2 weights for 1 values"),
    (lambda: WordChoice(("a", "b"), (0, 0)), "weights must be 0 or more, and one of them above 0"),
    (lambda: Quantiles((1.0,)), "at least two values are needed"),
    (lambda: Quantiles((1.0, 0.0)), "the values must rise"),
    (lambda: Quantiles((1.0, 2.0), (0.0, 0.9)), "the probabilities must rise from 0 to 1"),
]


@pytest.mark.parametrize(("make", "text"), IMPOSSIBLE, ids=[text for _, text in IMPOSSIBLE])
def test_impossible_distributions_are_refused(make, text: str) -> None:
    with pytest.raises(ValueError) as caught:
        make()
    assert str(caught.value) == text


FINITE = st.floats(-1e6, 1e6)
UNITS = st.integers(0, 2**53 - 1).map(lambda i: i * 2**-53)


@given(FINITE, st.floats(1e-6, 1e5), FINITE, FINITE, UNITS)
def test_any_normal_that_is_accepted_stays_in_its_clip(center: float, sd: float, a: float, b: float, u: float) -> None:
    try:
        ours = Normal(center, sd, (a, b))
    except ValueError:
        return
    assert a <= ours.low <= ours.value(u) <= ours.high <= b


@given(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6), UNITS)
def test_any_log_uniform_stays_in_its_range(a: float, b: float, u: float) -> None:
    low, high = sorted((a, b))
    assert low <= LogUniform(low, high).value(u) <= high
