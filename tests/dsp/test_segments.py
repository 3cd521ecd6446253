"""Noise as a circle: nothing is lost at a join, nothing clicks, nothing is tiled."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.dsp.segments import Circle, crossfade_into, read_circle

RATE = 16000


def circle_of(*stretches: tuple[int, int], crossfade: int = 800) -> Circle:
    return Circle.of(stretches, crossfade=crossfade)


def test_circumference_is_the_stretches_less_a_crossfade_each() -> None:
    assert circle_of((0, 10_000), (20_000, 5_000)).circumference == 15_000 - 2 * 800
    assert circle_of((0, 1_000)).circumference == 750  # the crossfade is at most a quarter of the shortest


def test_inside_a_stretch_the_samples_are_the_recording() -> None:
    recording = np.arange(20_000, dtype=np.int16)
    circle = circle_of((2_000, 10_000))
    assert np.array_equal(read_circle(recording, circle, offset=1_000, num_samples=5_000), np.arange(3_000, 8_000))


def test_what_is_left_out_is_never_heard() -> None:
    recording = np.ones(30_000)
    recording[10_000:20_000] = 1e6
    circle = circle_of((0, 10_000), (20_000, 10_000))
    assert np.abs(read_circle(recording, circle, offset=0, num_samples=100_000)).max() < 2


@given(offset=st.integers(0, 10**6), num_samples=st.integers(1, 60_000), cut=st.integers(1, 59_999))
def test_a_use_is_the_same_in_one_piece_and_in_two(offset: int, num_samples: int, cut: int) -> None:
    recording = np.random.RandomState(0).standard_normal(24_000)
    circle = circle_of((100, 9_000), (12_000, 11_000))
    whole = read_circle(recording, circle, offset=offset, num_samples=num_samples)
    cut = min(cut, num_samples)
    first = read_circle(recording, circle, offset=offset, num_samples=cut)
    rest = read_circle(recording, circle, offset=offset + cut, num_samples=num_samples - cut)
    assert whole.size == num_samples
    assert np.array_equal(whole, np.concatenate([first, rest]))


def test_joins_keep_the_level_and_leave_no_click() -> None:
    """250 wraps of stationary noise: the mean 100-ms level at a join is within 1 dB, no sample leaps out."""
    changes, leaps = [], []
    for seed in range(250):
        recording = np.convolve(np.random.RandomState(seed).standard_normal(RATE + 63), np.hanning(64), "valid")
        circle = circle_of((0, RATE))
        at = circle.circumference
        samples = read_circle(recording, circle, offset=0, num_samples=2 * at)
        join = samples[at - 400 : at + 1200]  # 100 ms around the crossfade of 50 ms
        steady = samples[at // 2 - 4000 : at // 2 + 4000]
        changes.append(10 * np.log10(np.mean(join**2) / np.mean(steady**2)))
        leaps.append(np.abs(np.diff(join)).max() / np.abs(np.diff(steady)).max())
    assert abs(np.mean(changes)) < 0.3
    assert np.mean(leaps) < 1.0
    assert np.max(leaps) < 1.6


def test_a_butt_join_would_fail_the_test_above() -> None:
    """The control: without a crossfade the leap at the seam is far larger."""
    ratios = []
    for seed in range(20):
        recording = np.convolve(np.random.RandomState(seed).standard_normal(RATE + 63), np.hanning(64), "valid")
        looped = np.concatenate([recording, recording])
        ratios.append(np.abs(np.diff(looped))[RATE - 1] / np.abs(np.diff(recording)).max())
    assert np.max(ratios) > 1.6


def test_crossfade_into_keeps_the_power_of_unlike_signals() -> None:
    random = np.random.RandomState(1)
    powers = []
    for _ in range(200):
        track = np.zeros(4000)
        crossfade_into(track, random.standard_normal(2500), at=0, fade_in=0)
        crossfade_into(track, random.standard_normal(2500), at=1500, fade_in=1000)
        powers.append(np.mean(track[1500:2500] ** 2))
        assert np.all(track != 0)
    assert np.mean(powers) == pytest.approx(1.0, abs=0.02)


def test_no_stretch_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one stretch"):
        Circle.of([], crossfade=10)


@given(st.integers(0, 2000), st.integers(1, 700))
def test_a_place_without_join_is_the_use_itself(offset: int, num_samples: int) -> None:
    recording = np.arange(3000.0)
    circle = Circle.of([(100, 800), (1500, 600)], crossfade=50)
    place = circle.place_without_join(offset, num_samples)
    use = read_circle(recording, circle, offset=offset, num_samples=num_samples)
    is_one_run = bool(np.all(np.diff(use) == 1.0)) and use[0] == int(use[0])
    if place is None:
        # a use that is one run all the same can only lie in the crossfade, where it is no copy of the recording
        assert not is_one_run or num_samples == 1
    else:
        assert np.array_equal(recording[place : place + num_samples], use)
