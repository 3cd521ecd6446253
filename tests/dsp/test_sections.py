"""Filters are those of scipy.signal."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import signal

from synth.dsp import sections

RATES = (8000, 16000, 22050, 44100, 48000)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("order", range(1, 9))
@pytest.mark.parametrize(
    ("low_hz", "high_hz", "kind"),
    [
        (None, 3000.0, "lowpass"),
        (None, 500.0, "lowpass"),
        (80.0, None, "highpass"),
        (1000.0, None, "highpass"),
        (200.0, 3600.0, "bandpass"),
        (300.0, 500.0, "bandpass"),
    ],
)
def test_butterworth_has_the_sections_of_scipy(
    rate: int, order: int, low_hz: float | None, high_hz: float | None, kind: str
) -> None:
    edges = [hz for hz in (low_hz, high_hz) if hz is not None]
    expected = signal.butter(order, edges if len(edges) == 2 else edges[0], kind, fs=rate, output="sos")
    designed = sections.butterworth(order, low_hz=low_hz, high_hz=high_hz, sample_rate=rate)
    np.testing.assert_allclose(designed[0, :3], expected[0, :3], rtol=1e-11)
    np.testing.assert_allclose(designed, expected, rtol=0, atol=1e-12)


FILTERS = {
    "one section": ({"order": 2, "high_hz": 1000.0}, 1),
    "odd order": ({"order": 3, "low_hz": 80.0}, 2),
    "band": ({"order": 4, "low_hz": 200.0, "high_hz": 3600.0}, 4),
    "slow": ({"order": 2, "low_hz": 20.0}, 1),
    "more than four": ({"order": 6, "low_hz": 100.0, "high_hz": 3000.0}, 6),
}


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("name", FILTERS)
def test_filtered_is_what_scipy_gives_for_any_length(rate: int, name: str) -> None:
    settings, count = FILTERS[name]
    sos = sections.butterworth(sample_rate=rate, **settings)  # type: ignore[arg-type]
    assert len(sos) == count
    random = np.random.RandomState(0)
    for size in (1, 2, 7, 8, 9, 63, 1000, rate // 2 + 3, 3 * rate + 1):
        samples = random.standard_normal(size) + 0.5
        expected = signal.sosfilt(sos, samples)
        difference = np.abs(sections.filtered(sos, samples) - expected).max()
        assert difference <= 1e-12 * np.abs(expected).max(), size


def test_filtered_takes_rows_and_views_and_leaves_them_alone() -> None:
    sos = sections.butterworth(2, high_hz=1000.0, sample_rate=16000)
    both = np.random.RandomState(0).standard_normal((2, 5000))
    both.flags.writeable = False
    np.testing.assert_allclose(sections.filtered(sos, both), signal.sosfilt(sos, both), rtol=0, atol=1e-12)
    view = both[0, ::2]
    np.testing.assert_allclose(sections.filtered(sos, view), signal.sosfilt(sos, view), rtol=0, atol=1e-12)
    assert sections.filtered(sos, np.zeros(0)).shape == (0,)
    np.testing.assert_array_equal(sections.filtered(sections.NOTHING, both), both)


@pytest.mark.parametrize("size", [1, 15, 16, 17, 127, 128, 129, 1000, 20001])
@pytest.mark.parametrize("block", [1, 16, 64])
def test_block_sums_are_those_of_the_filtered_samples(size: int, block: int) -> None:
    sos = sections.butterworth(4, low_hz=200.0, high_hz=7000.0, sample_rate=16000)
    samples = np.random.RandomState(1).standard_normal(size)
    filtered = signal.sosfilt(sos, samples)
    for start, stop in ((0, size), (size // 3, size - size // 5)):
        sums = sections.block_sums(sos, samples, block=block, span=slice(start, stop))
        starts = np.arange(0, stop - start, block)
        assert sums.shape == (2, starts.size)
        for row, values in zip(sums, (np.abs(filtered), filtered**2), strict=True):
            np.testing.assert_allclose(row, np.add.reduceat(values[start:stop], starts), rtol=1e-10, atol=1e-12)


def test_a_filter_forgets_its_past() -> None:
    sos = sections.butterworth(4, low_hz=200.0, high_hz=7000.0, sample_rate=16000)
    memory = sections.memory(sos)
    tail = signal.sosfilt(sos, [1.0, *np.zeros(3 * memory)])[memory:]
    assert np.abs(tail).max() < 1e-13
    assert memory < 0.1 * 16000
    assert sections.memory(sections.NOTHING) == 0


@pytest.mark.parametrize("start", [0.0, 0.7])
def test_running_mean_is_an_exponential_average(start: float) -> None:
    samples = np.random.RandomState(2).random(1000)
    keep = math.exp(-1 / 50)
    expected, _ = signal.lfilter([1 - keep], [1, -keep], samples, zi=[keep * start])
    np.testing.assert_allclose(sections.running_mean(samples, keep, start), expected, rtol=1e-13)
