"""The first pass: lengths as planned, hours reached, noise from the first sample to the last."""

from __future__ import annotations

from itertools import pairwise
from math import prod
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.dsp.effects.chain import planned_length
from synth.dsp.effects.effect import Effect
from synth.dsp.effects.speed import Speed
from synth.dsp.effects.tempo import Tempo
from synth.errors import GuardError
from synth.plan.builder import source_samples
from synth.plan.clip_spec import ClipSpec, NoiseSegment
from tests.plan.sources import RATE, layer, listed, noise_folder, noise_text, planned, recipe

SPEED = "noise.layers.0.effects=[{speed: {log_uniform: [0.85, 1.18]}}]"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """40 utterances of 0.5 to 9 s, 10 recordings of 0.4 to 3 s."""
    listed(tmp_path / "speech.csv", [0.5 + k * 8.5 / 39 for k in range(40)])
    noise_folder(tmp_path / "car", [0.4, 0.7, 1.0, 1.3, 1.6, 2.0, 2.3, 2.6, 2.8, 3.0])
    return recipe(tmp_path, noise=noise_text(layer("car", "car", max_reuse=10000)))


def tracks(spec: ClipSpec) -> dict[tuple[str, int], list[NoiseSegment]]:
    found: dict[tuple[str, int], list[NoiseSegment]] = {}
    for piece in spec.noise:
        found.setdefault((piece.layer, piece.track), []).append(piece)
    return found


@pytest.mark.parametrize("override", ["copies=2", SPEED, "noise.layers.0.recordings={choice: [1, 2, 3]}"])
def test_noise_covers_the_clip_from_its_first_sample_to_its_last(override: str, path: Path) -> None:
    plan = planned(path, override)
    chained = 0
    for spec in plan:
        for pieces in tracks(spec).values():
            chained += len(pieces) > 1
            assert pieces[0].at == pieces[0].fade_in == 0
            assert pieces[-1].at + pieces[-1].num_samples == spec.num_samples
            for before, after in pairwise(pieces):
                assert after.at + after.fade_in == before.at + before.num_samples
                assert 0 < after.fade_in <= min(before.num_samples, after.num_samples) / 2
    assert chained > 20


def test_every_piece_is_what_its_effects_make_of_its_source(path: Path) -> None:
    for spec in planned(path, SPEED, "copies=3"):
        for piece in spec.noise:
            made = planned_length(piece.source_num_samples, RATE, RATE, piece.effects)
            last = piece.at + piece.num_samples == spec.num_samples
            assert piece.num_samples <= made <= piece.num_samples + (2 if last else 0)


def test_pieces_stay_on_their_circle_and_take_at_most_one_lap(path: Path) -> None:
    plan = planned(path, SPEED, "copies=3")
    for spec in plan:
        for piece in spec.noise:
            size = plan.circle(piece.layer, spec.pool, piece.recording).circumference
            assert 0 <= piece.offset < size
            assert 0 < piece.source_num_samples <= size


@settings(max_examples=200, deadline=None)
@given(
    num_samples=st.integers(1, 500_000),
    factors=st.lists(st.tuples(st.sampled_from(["speed", "tempo"]), st.integers(500, 2000)), max_size=3),
)
def test_source_samples_are_enough_and_hardly_more(num_samples: int, factors: list[tuple[str, int]]) -> None:
    effects: list[Effect] = [{"speed": Speed, "tempo": Tempo}[name](factor=factor / 1000) for name, factor in factors]
    count = source_samples(num_samples, RATE, effects)
    one_more = 1 / prod(factor / 1000 for _, factor in factors)
    assert num_samples <= planned_length(count, RATE, RATE, effects) <= num_samples + one_more + 2


def test_copies_of_an_utterance_hear_different_recordings(path: Path) -> None:
    """Of one use each, as long as there are enough recordings."""
    plan = planned(path, "copies=3", "margins_s=0")
    short = [spec for spec in plan if len(spec.noise) == 1]
    heard: dict[str, list[int]] = {}
    for spec in short:
        heard.setdefault(spec.source_id, []).append(spec.noise[0].recording)
    again = sum(len(set(used)) < len(used) for used in heard.values())
    assert len(heard) > 8
    assert again <= 1


@pytest.mark.parametrize("hours", [0.005, 0.02, 0.05, 0.3, 1.0])
def test_hours_are_reached_within_one_clip(hours: float, path: Path) -> None:
    plan = planned(path, f"hours={hours}", "copies=null")
    total, longest = plan.seconds, float(plan.clips["num_samples"].max()) / RATE
    assert hours * 3600 <= total < hours * 3600 + longest


def test_hours_give_every_utterance_as_many_copies_as_every_other_but_one(path: Path) -> None:
    counts: dict[str, int] = {}
    for spec in planned(path, "hours=0.3", "copies=null"):
        counts[spec.source_id] = max(counts.get(spec.source_id, 0), spec.copy + 1)
    assert len(counts) == 40
    assert max(counts.values()) - min(counts.values()) == 1


def test_more_hours_keep_the_clips_of_fewer(path: Path) -> None:
    few = {spec.clip_id for spec in planned(path, "hours=0.1", "copies=null")}
    assert few < {spec.clip_id for spec in planned(path, "hours=0.2", "copies=null")}


def test_clips_stand_in_catalog_order_copies_together(path: Path) -> None:
    plan = planned(path, "copies=3")
    assert [(spec.recording, spec.copy) for spec in plan] == [(r, c) for r in range(40) for c in range(3)]


def test_lengths_are_of_speech_and_margins(path: Path) -> None:
    for spec in planned(path, "speech.effects=[{speed: {choice: [0.9, 1.1]}}, {tempo: [0.8, 1.2]}]", "copies=2"):
        assert 0.1 * RATE <= spec.onset <= 0.4 * RATE
        after = spec.num_samples - spec.onset - spec.speech_num_samples
        assert 0.1 * RATE <= after <= 0.4 * RATE
        assert after != spec.onset  # drawn apart


def test_speech_without_samples_cannot_fill_hours(path: Path) -> None:
    listed(path.parent / "speech.csv", [0.00001])
    with pytest.raises(GuardError, match=r"none of the recordings can be used|hours: the speech has no samples"):
        planned(path, "hours=1", "copies=null", "margins_s=0")
