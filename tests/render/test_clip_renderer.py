"""What a renderer keeps between clips changes no clip: any order, and a new renderer for each, give the same."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from synth.dataset.saved_plan import SavedPlan, open_plan
from synth.render import clip_renderer
from synth.render.clip_renderer import ClipRenderer, RenderedClip
from synth.render.played_speech import play_speech
from synth.render.progress import NoProgress
from tests import small_set


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> SavedPlan:
    folder = tmp_path_factory.mktemp("renderer")
    recipe = small_set.make_sources(folder)
    return open_plan(small_set.plan_into(recipe, folder / "out", ["copies=7"]))


def render(renderer: ClipRenderer, indices: Sequence[int]) -> dict[int, RenderedClip]:
    return {index: renderer.render(index, NoProgress()) for index in indices}


def same(a: RenderedClip, b: RenderedClip) -> bool:
    return (
        a.spec == b.spec
        and a.recording == b.recording
        and a.source_sha256 == b.source_sha256
        and a.rendered.measurements == b.rendered.measurements
        and np.array_equal(a.rendered.samples, b.rendered.samples)
    )


def test_any_order_and_a_renderer_of_its_own_give_the_same_clips(saved: SavedPlan) -> None:
    count = len(saved.plan)
    alone = {k: ClipRenderer(saved.plan, saved.noise).render(k, NoProgress()) for k in range(count)}
    shuffled = list(range(count))
    random.Random(1).shuffle(shuffled)
    for order in (range(count), range(count - 1, -1, -1), shuffled, [*range(5), 3, 3, *range(count)]):
        clips = render(ClipRenderer(saved.plan, saved.noise), order)
        assert all(same(clips[k], alone[k]) for k in range(count))


def test_copies_with_the_same_effects_are_played_and_measured_once(
    saved: SavedPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []

    def play(spec: Any, *args: Any, **rest: Any) -> Any:
        calls.append((spec.recording, spec.speech_effects))
        return play_speech(spec, *args, **rest)

    monkeypatch.setattr(clip_renderer, "play_speech", play)
    specs = [saved.plan[k] for k in range(len(saved.plan))]
    clips = render(ClipRenderer(saved.plan, saved.noise), range(len(specs)))
    distinct = {(spec.recording, spec.speech_effects) for spec in specs}
    assert len(calls) == len(distinct) < len(clips)


def test_the_speech_that_is_kept_is_bounded(saved: SavedPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clip_renderer, "_SPEECH_BYTES", 1)
    renderer = ClipRenderer(saved.plan, saved.noise)
    for index in range(len(saved.plan)):
        renderer.render(index, NoProgress())
        assert len(renderer._played) == 1
    assert len(renderer._ahead) < clip_renderer._AHEAD
