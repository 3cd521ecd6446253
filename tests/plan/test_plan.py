"""A plan is a pure function of its index: any order, any number of times, from disk or from memory."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from synth.commands.plan import PlannedRecipe, make_plan
from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.saved_plan import open_plan, save_plan
from synth.dsp.effects.chain import planned_length
from synth.plan.plan import Plan
from tests.helpers import FIXTURES, fixture_recipe

EFFECTS = f"""  effects:
    - trim: 30
    - speed: {{choice: [0.9, 1.0, 1.1]}}
    - tempo: [0.9, 1.1]
      probability: 0.5
  room: {{probability: 0.5, sources: [{{name: room, path: '{FIXTURES}/room'}}]}}"""


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> PlannedRecipe:
    recipe = fixture_recipe(
        tmp_path_factory.mktemp("plan"),
        effects=EFFECTS,
        head="seed: 23\nsample_rate: 16000\ncopies: 2",
        channel="channel: [{microphone: {}}]",
        splits="splits: {by: [speaker], train: 0.6, train-dev: 0.2, train-dev-noise: 0.2}",
        output="output: {shard_size: 7}",
    )
    return make_plan(recipe, check=False)


@pytest.fixture(scope="module")
def plan(planned: PlannedRecipe) -> Plan:
    return planned.plan


def test_any_order_gives_the_same_clips(plan: Plan) -> None:
    forward = list(plan)
    order = list(range(len(plan)))
    random.Random(1).shuffle(order)
    assert {i: plan[i] for i in order} == dict(enumerate(forward))
    assert [spec.index for spec in forward] == list(range(len(plan)))


def test_a_saved_plan_gives_the_same_clips(planned: PlannedRecipe, tmp_path: Path) -> None:
    dataset = DatasetDir(tmp_path)
    save_plan(dataset, planned.plan, planned.noise)
    from synth.dataset.plan_header import publish_plan_header
    from synth.dataset.saved_plan import header_of

    publish_plan_header(dataset, header_of(planned.plan, planned.noise, ledger=planned.ledger))
    again = open_plan(dataset).plan
    assert list(again) == list(planned.plan)
    assert again.part_digests == planned.plan.part_digests


def test_ids_are_unique_and_safe_as_file_names(plan: Plan) -> None:
    ids = [plan.clip_id(i) for i in range(len(plan))]
    assert len(set(ids)) == len(plan) == 120
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-") for name in ids)


@pytest.mark.parametrize("index", [-1, 120, 10**9])
def test_there_is_no_clip_outside_the_plan(index: int, plan: Plan) -> None:
    with pytest.raises(IndexError, match=f"clip {index} of a plan of 120 clips"):
        plan[index]


def test_shards_hold_every_clip_once(plan: Plan) -> None:
    assert [i for k in range(plan.num_shards) for i in plan.shard(k)] == list(range(120))
    assert {len(plan.shard(k)) for k in range(plan.num_shards - 1)} == {7}
    with pytest.raises(IndexError, match="shard 18 of 18"):
        plan.shard(18)


def test_the_planned_length_is_that_of_the_effects_drawn(plan: Plan) -> None:
    """The first pass draws only what changes a length; the spec draws all: they must agree."""
    for spec in plan:
        recording = plan.speech[spec.recording]
        made = planned_length(recording.num_samples, recording.sample_rate, spec.sample_rate, spec.speech_effects)
        assert made == spec.speech_num_samples


def test_trim_takes_the_bounds_that_were_measured(plan: Plan) -> None:
    for spec in plan:
        (trim, *_), recording = spec.speech_effects, plan.speech[spec.recording]
        assert recording.trim is not None
        assert (trim.start, trim.start + trim.num_samples) == recording.trim  # type: ignore[attr-defined]


def test_rooms_are_drawn_as_often_as_asked_and_all_of_them(plan: Plan) -> None:
    used = [spec.room for spec in plan if spec.room is not None]
    assert 40 < len(used) < 80
    assert set(used) == {0, 1}


def test_fingerprints_tell_what_changed(tmp_path: Path) -> None:
    recipe = fixture_recipe(tmp_path)
    before = make_plan(recipe, check=False).plan.part_digests
    after = make_plan(recipe, overrides=["noise.snr_db=3"], check=False).plan.part_digests
    assert {key for key in before if before[key] != after[key]} == {"recipe"}


def test_a_recipe_elsewhere_with_the_same_audio_has_the_same_fingerprint(tmp_path: Path) -> None:
    one, two = (fixture_recipe(tmp_path / name) for name in ("one", "two/deeper"))
    assert make_plan(one, check=False).plan.digest == make_plan(two, check=False).plan.digest
