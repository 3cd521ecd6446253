import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.dsp import convolve as overlap_add
from synth.dsp.convolve import convolve


@settings(deadline=None)
@given(st.integers(1, 3000), st.integers(1, 60), st.integers(0, 9))
def test_equals_the_direct_sum(num_samples, num_taps, seed) -> None:
    generator = np.random.default_rng(seed)
    samples, taps = generator.standard_normal(num_samples), generator.standard_normal(num_taps)
    np.testing.assert_allclose(convolve(samples, taps), np.convolve(samples, taps), atol=1e-11)


def test_nothing_with_anything_is_nothing() -> None:
    assert convolve(np.zeros(0), np.ones(3)).shape == (0,)
    assert convolve(np.ones(3), np.zeros(0)).shape == (0,)


def test_filters_of_seconds_are_convolved_in_smaller_blocks(monkeypatch) -> None:
    """B5: a transform of five times the filter took gigabytes for a filter of minutes."""
    sizes = []
    forward = np.fft.rfft

    def rfft(samples, size):
        sizes.append(size)
        return forward(samples, size)

    generator = np.random.default_rng(1)
    samples, taps = generator.standard_normal(5000), generator.standard_normal(700)
    expected = convolve(samples, taps)
    monkeypatch.setattr(overlap_add, "_LARGE", 1024)
    monkeypatch.setattr(np.fft, "rfft", rfft)
    np.testing.assert_allclose(convolve(samples, taps), expected, atol=1e-11)
    assert set(sizes) == {2048}
