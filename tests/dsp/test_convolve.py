import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.dsp.convolve import convolve


@settings(deadline=None)
@given(st.integers(1, 3000), st.integers(1, 60), st.integers(0, 9))
def test_equals_the_direct_sum(num_samples, num_taps, seed):
    generator = np.random.default_rng(seed)
    samples, taps = generator.standard_normal(num_samples), generator.standard_normal(num_taps)
    np.testing.assert_allclose(convolve(samples, taps), np.convolve(samples, taps), atol=1e-11)


def test_nothing_with_anything_is_nothing():
    assert convolve(np.zeros(0), np.ones(3)).shape == (0,)
    assert convolve(np.ones(3), np.zeros(0)).shape == (0,)
