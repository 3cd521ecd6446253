"""Which recordings a noise model accepts: known spectra, the limits of docs/science.md, "Accepting noise recordings", and the floor on variety."""

from __future__ import annotations

import numpy as np
import pytest

from synth.dsp.analysis.bands import BANDS
from synth.match.fit.noise_model import LEAST_SD_DB, NoiseModel, judge_recordings, noise_model

SLOPE = np.linspace(20, -20, BANDS)


def _random(count: int, sd: float, purpose: int = 1) -> np.ndarray:
    rng = np.random.Generator(np.random.Philox(key=[7, purpose]))
    return SLOPE + rng.normal(0, sd, (count, BANDS))


def test_the_model_is_the_mean_and_a_spread_of_at_least_three_decibels() -> None:
    model = noise_model(_random(400, 5.0), np.ones(400))
    assert np.abs(np.array(model.mean_db) - SLOPE).max() < 1
    assert np.array(model.sd_db) == pytest.approx(5.0, abs=0.6)
    tight = noise_model(_random(400, 0.5), np.ones(400))
    assert tight.sd_db == (LEAST_SD_DB,) * BANDS


def test_weights_count() -> None:
    colours = np.vstack([np.tile(SLOPE, (90, 1)), np.tile(SLOPE[::-1], (10, 1))])
    weights = np.array([1 / 90] * 90 + [1 / 10] * 10)
    assert np.abs(np.array(noise_model(colours, weights).mean_db)).max() < 1e-9


def test_near_is_accepted_far_is_equalised() -> None:
    model = noise_model(_random(200, 2.0), np.ones(200))
    colours = [SLOPE + 12.0, SLOPE[::-1] * 0.4, SLOPE + np.where(np.arange(BANDS) == 5, 25.0, 0.0)]
    found = judge_recordings(["same, louder", "another slope", "one line"], colours, model)
    assert [one.verdict for one in found] == ["accepted", "equalized", "equalized"]
    assert found[0].mean_db < 1
    assert found[2].max_z > 4


def _pool(good: int, bad: int) -> list[str]:
    model = NoiseModel(tuple(SLOPE), (LEAST_SD_DB,) * BANDS, 200)
    colours = np.vstack([_random(good, 1.0, 2), np.tile(-2 * SLOPE, (bad, 1))])
    return [one.verdict for one in judge_recordings([f"r{k}" for k in range(good + bad)], colours, model)]


@pytest.mark.parametrize(("good", "bad", "kept"), [(20, 10, 20), (12, 10, 16), (3, 4, 7), (0, 30, 16)])
def test_the_pool_never_falls_below_sixteen_or_what_there_is(good: int, bad: int, kept: int) -> None:
    verdicts = _pool(good, bad)
    assert sum(verdict != "left out" for verdict in verdicts) == kept
    assert verdicts[:good] == ["accepted"] * good


def test_noise_less_steady_than_dev_is_left_out_and_the_steadiest_of_it_stays_longest() -> None:
    model = NoiseModel(tuple(SLOPE), (LEAST_SD_DB,) * BANDS, 200, fluctuation_db=2.0)
    sds = [1.0] * 14 + [9.0, 4.5, 7.0, 12.0]
    found = judge_recordings([f"r{k}" for k in range(18)], np.tile(SLOPE, (18, 1)), model, sds)
    assert [one.verdict for one in found[14:]] == ["left out", "accepted", "accepted", "left out"]
    unknown = judge_recordings(["r"], [SLOPE], model, [None])
    assert unknown[0].verdict == "accepted"
