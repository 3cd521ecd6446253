import numpy as np
import pytest

from synth.dsp.effects import Gain, Polarity
from tests.dsp.effects.known_signals import noise


@pytest.mark.parametrize(("db", "factor"), [(0, 1), (20, 10), (-20, 0.1), (6.0206, 2)])
def test_gain_multiplies(db, factor) -> None:
    np.testing.assert_allclose(Gain(db)(noise(100), sample_rate=16000), noise(100) * factor, rtol=1e-6)


def test_polarity_turns_every_sample_over_and_twice_is_nothing() -> None:
    turned = Polarity()(noise(100), sample_rate=16000)
    np.testing.assert_array_equal(turned, -noise(100))
    np.testing.assert_array_equal(Polarity()(turned, sample_rate=16000), noise(100))
