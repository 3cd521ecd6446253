"""Noise as it is stored makes the same clip as its samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from synth.render import noise_stem
from synth.render.clip_renderer import ClipRenderer
from synth.render.progress import NoProgress
from synth.render.stored_noise import StoredNoise, as_samples, power_in
from tests import small_set

STEPS = (np.random.RandomState(1).standard_normal(5000) * 3000).astype(np.int16)
STORED = StoredNoise(STEPS, 2.5e-5)


def test_power_and_samples_are_those_of_the_steps_times_the_scale() -> None:
    samples = as_samples(STORED)
    assert np.array_equal(samples, STEPS * 2.5e-5)
    assert as_samples(samples) is samples
    for span in (slice(0, 5000), slice(100, 101), slice(700, 4000)):
        assert power_in(STORED, span) == pytest.approx(float(np.mean(samples[span] ** 2)), rel=1e-12)
        assert power_in(samples, span) == pytest.approx(power_in(STORED, span), rel=1e-12)
    assert power_in(STORED, slice(0, 0)) == 0.0


@pytest.mark.parametrize("overrides", [[], ["noise.measure=active"], ["level_dbfs=-20"]])
def test_a_clip_does_not_depend_on_how_its_noise_comes(
    overrides: list[str], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from synth.dataset.saved_plan import open_plan

    recipe = small_set.make_sources(tmp_path)
    saved = open_plan(small_set.plan_into(recipe, tmp_path / "out", overrides))
    count, counted = len(saved.plan), []

    def clips() -> list[Any]:
        renderer = ClipRenderer(saved.plan, saved.noise)
        return [renderer.render(k, NoProgress()).rendered for k in range(count)]

    is_one_recording = noise_stem._is_one_recording

    def count_plain(spec: Any) -> bool:
        counted.append(is_one_recording(spec))
        return counted[-1]

    monkeypatch.setattr(noise_stem, "_is_one_recording", count_plain)
    stored = clips()
    assert any(counted)
    monkeypatch.setattr(noise_stem, "_is_one_recording", lambda spec: False)
    for one, two in zip(stored, clips(), strict=True):
        assert np.array_equal(one.pcm, two.pcm)
        assert one.measurements.snr.measured == pytest.approx(two.measurements.snr.measured, abs=1e-9)
