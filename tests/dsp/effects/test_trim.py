import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.dsp.effects import Trim

RAMP = np.arange(100.0)


@pytest.mark.parametrize(
    ("start", "num_samples", "first", "length"),
    [
        (0, None, 0, 100),
        (10, None, 10, 90),
        (10, 20, 10, 20),
        (90, 20, 90, 10),
        (100, 5, None, 0),
        (150, None, None, 0),
    ],
)
def test_keeps_the_planned_samples(start, num_samples, first, length) -> None:
    out = Trim(40.0, start, num_samples)(RAMP, sample_rate=16000)
    np.testing.assert_array_equal(out, RAMP[first : first + length] if length else [])
    assert Trim(40.0, start, num_samples).output_length(100, 16000) == length


@given(st.integers(0, 120), st.one_of(st.none(), st.integers(0, 120)), st.integers(0, 99))
def test_a_sample_that_is_kept_is_found_where_map_position_says(start, num_samples, position) -> None:
    trim = Trim(40.0, start, num_samples)
    out = trim(RAMP, sample_rate=16000)
    place = trim.map_position(position, 100, 16000)
    assert 0 <= place <= len(out)
    if position in out:
        assert out[place] == position
