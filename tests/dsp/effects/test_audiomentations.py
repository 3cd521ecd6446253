"""Every class that audiomentations exports works here, or is refused for a stated reason."""

import importlib.util
import inspect
import json
import random

import audiomentations
import numpy as np
import pytest

from synth.dsp.effects.audiomentations import LARGEST_DELAY_S, PACKAGES, REFUSED, Audiomentations, check
from tests.dsp.effects.known_signals import noise

EXPORTED = sorted(name for name, value in vars(audiomentations).items() if inspect.isclass(value))
USABLE = [name for name in EXPORTED if name not in REFUSED]


def installed(transform: str) -> bool:
    package = PACKAGES.get(transform)
    return package is None or importlib.util.find_spec(package.replace("-", "_")) is not None


def delay(before: np.ndarray, after: np.ndarray) -> int:
    """Samples by which `after` is late, by brute cross-correlation over 200 ms."""
    middle = before[4000:-4000]
    return max(range(-1600, 1601), key=lambda lag: abs(np.dot(middle, after[4000 + lag : lag - 4000])), default=0)


def test_the_table_names_only_what_there_is() -> None:
    assert set(REFUSED) <= set(EXPORTED)
    assert set(PACKAGES) <= set(USABLE)
    assert len(USABLE) >= 20


@pytest.mark.parametrize("transform", EXPORTED)
def test_every_exported_class_works_or_is_refused_with_a_reason(transform) -> None:
    if transform in REFUSED:
        assert check(transform, {}) == f"{transform} is refused: {REFUSED[transform]}"
        with pytest.raises(ValueError, match=f"^{transform} is refused: "):
            Audiomentations(transform)(noise(1000), sample_rate=16000)
    elif not installed(transform):
        package = PACKAGES[transform]
        assert check(transform, {}) == f"{transform} needs a package that is not installed; pip install {package}"
    else:
        assert check(transform, {}) is None
        for seed in (1, 2**32 - 1):
            works(transform, seed)


def works(transform: str, seed: int) -> None:
    before = noise(16000)
    before.setflags(write=False)
    out, drawn = Audiomentations(transform, (), seed).apply_and_report(before, sample_rate=16000)
    assert out.dtype == np.float64
    assert out.shape == before.shape
    assert np.isfinite(out).all()
    assert json.loads(json.dumps(drawn, allow_nan=False)) == drawn
    if np.any(out[4000:-4000]):
        assert abs(delay(before, out)) <= LARGEST_DELAY_S * 16000
    again, drawn_again = Audiomentations(transform, (), seed).apply_and_report(before, sample_rate=16000)
    assert again.tobytes() == out.tobytes()
    assert drawn_again == drawn


def global_state() -> tuple[object, ...]:
    name, keys, *rest = np.random.get_state(legacy=True)
    return random.getstate(), name, keys.tobytes(), *rest


@pytest.mark.parametrize("transform", [name for name in USABLE if installed(name)])
def test_the_global_generators_are_as_they_were(transform) -> None:
    before = global_state()
    Audiomentations(transform, (), 3)(noise(2000), sample_rate=16000)
    check(transform, {})
    assert global_state() == before


def test_the_global_generators_are_as_they_were_after_an_error() -> None:
    before = global_state()
    with pytest.raises(TypeError):
        Audiomentations("Gain", (("loud", 1),), 3)(noise(2000), sample_rate=16000)
    assert global_state() == before


@pytest.mark.parametrize("transform", ["Gain", "AddGaussianNoise", "AddColorNoise", "TimeMask"])
def test_the_global_generators_do_not_decide(transform) -> None:
    outs = set()
    for seed in (1, 2):
        random.seed(seed)
        np.random.seed(seed)
        outs.add(Audiomentations(transform, (), 3)(noise(2000), sample_rate=16000).tobytes())
    assert len(outs) == 1


def test_the_seed_decides_and_the_record_is_true() -> None:
    gains = set()
    for seed in range(20):
        out, drawn = Audiomentations.of("Gain", {}, seed).apply_and_report(noise(2000), sample_rate=16000)
        np.testing.assert_allclose(out, noise(2000) * drawn["amplitude_ratio"], rtol=1e-6)
        gains.add(drawn["amplitude_ratio"])
    assert len(gains) == 20


def test_transforms_inside_a_transform_are_recorded() -> None:
    _, drawn = Audiomentations("SevenBandParametricEQ").apply_and_report(noise(2000), sample_rate=16000)
    assert sorted(drawn) == ["high_shelf_filter", "low_shelf_filter", "peaking_filters"]
    assert [sorted(band) for band in drawn["peaking_filters"]] == [["center_freq", "gain_db", "q_factor"]] * 5


def test_arguments_reach_the_transform() -> None:
    effect = Audiomentations.of("ClippingDistortion", {"max_percentile_threshold": 40, "min_percentile_threshold": 40})
    out = effect(noise(16000), sample_rate=16000)
    assert np.mean((out == out.max()) | (out == out.min())) == pytest.approx(0.4, abs=0.01)


def test_arguments_are_canonical() -> None:
    one = Audiomentations.of("Gain", {"min_gain_db": -3, "max_gain_db": [1, 2]})
    assert one.kwargs == (("max_gain_db", (1, 2)), ("min_gain_db", -3))
    assert hash(one) == hash(Audiomentations.of("Gain", {"max_gain_db": (1, 2), "min_gain_db": -3}))


@pytest.mark.parametrize(
    ("transform", "kwargs", "text"),
    [
        ("BitCrsh", {}, "BitCrsh is not an audiomentations transform; did you mean BitCrush?"),
        ("NOISE_COLOR_DECAYS", {}, "NOISE_COLOR_DECAYS is not an audiomentations transform"),
        ("Gain", {"p": 0.5}, "Gain: p is not for a recipe; write `probability` beside the transform"),
        ("Gain", {"min_gain": 1}, "Gain takes no argument 'min_gain'; did you mean 'min_gain_db'?"),
        ("PolarityInversion", {"x": 1}, "PolarityInversion takes no argument 'x'; it takes no arguments"),
        ("AddGaussianNoise", {"min_amplitude": -1}, "AddGaussianNoise: these arguments are refused: min_amplitude=-1"),
    ],
)
def test_mistakes_are_told(transform, kwargs, text) -> None:
    assert check(transform, kwargs) == text


def test_a_filter_that_delays_is_refused() -> None:
    narrow = {
        "min_center_freq": 200,
        "max_center_freq": 200,
        "min_bandwidth_fraction": 0.05,
        "max_bandwidth_fraction": 0.05,
    }
    text = check("BandPassFilter", narrow)
    assert text is not None
    assert text.startswith("BandPassFilter delays the signal by ")
    assert text.endswith(" ms, and the alignment would be untrue")
    assert check("BandPassFilter", narrow | {"zero_phase": True}) is None


def test_what_gives_nan_is_refused_by_the_rate_of_the_data_set() -> None:
    above_nyquist = {"min_center_freq": 5000, "max_center_freq": 7000}
    assert check("PeakingFilter", above_nyquist, sample_rate=16000) is None
    text = check("PeakingFilter", above_nyquist, sample_rate=8000)
    assert text is not None
    assert text.startswith("PeakingFilter gave NaN or infinity with {'center_freq': ")


def test_no_samples_stay_no_samples() -> None:
    assert Audiomentations("Gain")(np.zeros(0), sample_rate=16000).shape == (0,)


@pytest.mark.parametrize("sample_rate", [8000, 48000])
@pytest.mark.parametrize("num_samples", [1, 7, 500])
@pytest.mark.parametrize("transform", [name for name in USABLE if installed(name)])
def test_the_shortest_signal_works(transform, num_samples, sample_rate) -> None:
    if (transform, sample_rate) in [("PeakingFilter", 8000), ("SevenBandParametricEQ", 8000)]:
        return  # their default bands lie above 4 kHz; see test_what_gives_nan_...
    out = Audiomentations(transform)(noise(num_samples), sample_rate=sample_rate)
    assert out.shape == (num_samples,)
    assert np.isfinite(out).all()
