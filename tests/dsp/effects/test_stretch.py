import numpy as np
import pytest

from synth.dsp.effects.stretch import ENGINES, STRETCH_RANGES, resample_and_stretch, stretch
from synth.dsp.resample import simple_fraction
from tests.dsp.effects.known_signals import cents_off, harmonics, noise


@pytest.mark.parametrize("end", [0, 1])
@pytest.mark.parametrize("fundamental", [95.0, 150.0])
@pytest.mark.parametrize("engine", ENGINES)
def test_pitch_holds_at_both_ends_of_the_range_of_an_engine(engine, fundamental, end) -> None:
    length = round(64000 / STRETCH_RANGES[engine][end])
    out = stretch(harmonics(fundamental, 4.0), num_samples=length, sample_rate=16000, engine=engine)
    assert len(out) == length
    assert cents_off(out, fundamental) < 1


@pytest.mark.parametrize("rate_in", [2 ** (-1.2345 / 12), 2 ** (1.2345 / 12) * 0.937])
def test_the_resampler_gets_a_simple_fraction_and_the_length_is_exact(rate_in, monkeypatch) -> None:
    import soxr

    ratios = []
    resample = soxr.resample

    def recorded(samples, over, under, **options):
        ratios.append((over, under))
        return resample(samples, over, under, **options)

    monkeypatch.setattr(soxr, "resample", recorded)
    options = {"num_samples": 30011, "source_rate": 16000, "sample_rate": 16000}
    out = resample_and_stretch(noise(32000), rate_in=rate_in, rate_out=1.0, **options)
    assert out.shape == (30011,)
    assert ratios == [simple_fraction(rate_in, 0.000057)]
    assert np.std(out[-800:]) > 0.05  # to the very end
