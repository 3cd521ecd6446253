"""synth.open_plan: what is rendered on the fly is what the file holds, bit for bit, wherever it is rendered."""

from __future__ import annotations

import gc
import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

import synth
from synth.commands.generate import generate
from synth.errors import SynthError, UsageError
from tests.helpers import FIXTURES, ROOT, fixture_recipe
from tests.rendered_rows import check_equal, in_processes

SMALL = ["copies=null", "hours=0.004", "splits={by: [speaker], train: 1.0}"]
TWO_STAGES = """\
stages: [pre, fine]
stage: pre
speech:
  sources:
    - {name: clean, path: '/', manifest: 'clean.csv'}
    - {name: real, path: '/', manifest: 'real.csv', unchanged: true, stage: fine, loss_weight: 4}"""


def write_list(path: Path, numbers: list[int]) -> None:
    """These utterances of four speakers."""
    files = [FIXTURES / "speech" / who / f"{who}_{k}.flac" for who in ("ada", "ben", "fay", "hal") for k in numbers]
    path.write_text("".join(["path,speaker\n", *(f"{file},{file.parent.name}\n" for file in files)]))


@pytest.fixture(scope="module")
def two_stages(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A recipe with two stages and speech that is taken unchanged, and its data set."""
    folder = tmp_path_factory.mktemp("stages")
    write_list(folder / "clean.csv", [1, 2])
    write_list(folder / "real.csv", [3])
    recipe = fixture_recipe(
        folder, speech=TWO_STAGES, effects="", splits="splits: {by: [speaker], train: 0.5, train-dev: 0.5}"
    )
    generate(recipe, folder / "out")
    return recipe, folder / "out"


def test_a_spawned_process_opens_the_plan_for_itself(two_stages: tuple[Path, Path]) -> None:
    recipe, out = two_stages
    plan = synth.open_plan(recipe)
    answers = in_processes(plan, "spawn", 2)
    assert os.getpid() not in {answer[0] for answer in answers}
    check_equal(plan, out, answers)


def test_rows_are_those_of_the_manifest(two_stages: tuple[Path, Path]) -> None:
    """But for the hash of a file that was not encoded."""
    recipe, out = two_stages
    plan, data = synth.open_plan(recipe), synth.open_dataset(out)
    for made, written in zip(plan, data, strict=True):
        assert {**made.manifest, "sha256": written.manifest["sha256"]} == written.manifest
        assert made.manifest["sha256"] is None
        assert (made.id, made.stage, made.weight, made.snr_db) == (
            written.id,
            written.stage,
            written.weight,
            written.snr_db,
        )
        assert made.path == written.path.relative_to(out)


def test_parts_are_those_of_the_data_set(two_stages: tuple[Path, Path]) -> None:
    recipe, out = two_stages
    plan, data = synth.open_plan(recipe), synth.open_dataset(out)
    assert plan.splits == data.splits == ("train", "train-dev")
    assert plan.stages == data.stages == ("fine", "pre")
    assert np.array_equal(plan.weights, data.weights) and set(plan.weights) == {1.0, 4.0}
    assert np.array_equal(plan.durations, data.durations)
    for asked in ({"split": "train"}, {"stage": "fine"}, {"min_weight": 2}, {"split": "train-dev", "stage": "pre"}):
        ids = [row.id for row in data.select(**asked)]
        assert 0 < len(ids) < len(data)
        assert [row.id for row in plan.select(**asked)] == ids


def test_conditions_are_told_without_rendering() -> None:
    plan = synth.open_plan(ROOT / "recipes" / "reference.yaml", overrides=SMALL)
    assert sum(len(plan.select(condition=name)) for name in plan.conditions) == len(plan)
    name = plan.conditions[0]
    assert {row.condition for row in plan.select(condition=name)[:2]} == {name}


def test_a_saved_plan_opens_by_its_data_set(two_stages: tuple[Path, Path]) -> None:
    recipe, out = two_stages
    saved, fresh = synth.open_plan(out), synth.open_plan(recipe)
    assert saved.plan_digest == fresh.plan_digest
    assert np.array_equal(saved[2].pcm(), fresh[2].pcm())
    with pytest.raises(UsageError, match="overrides change a recipe"):
        synth.open_plan(out, overrides=["seed=2"])


def test_pickles_are_small_and_so_are_those_of_parts(two_stages: tuple[Path, Path]) -> None:
    plan = synth.open_plan(two_stages[0])
    len(plan), plan[0]
    part = plan.select(split="train")[::-1]
    assert max(len(pickle.dumps(plan)), len(pickle.dumps(part))) < 1000
    again = pickle.loads(pickle.dumps(part))
    assert [row.id for row in again] == [row.id for row in part]


def test_the_folder_of_a_plan_goes_with_the_last_who_has_it(two_stages: tuple[Path, Path]) -> None:
    part = synth.open_plan(two_stages[0])[1:]
    folder = part._store.saved_in.path
    pid = os.fork()
    if pid == 0:
        del part
        gc.collect()
        os._exit(0)
    os.waitpid(pid, 0)
    assert part[0].id and folder.is_dir()  # a fork that ends takes nothing away
    left = pickle.loads(pickle.dumps(part))
    del part
    gc.collect()
    assert not folder.exists()
    with pytest.raises(UsageError, match=r"the plan of .* is gone.*open it again"):
        left[0]


# -------------------------------------------------------------------------------------------------------------- epochs


def noise_of(row: synth.Row) -> str:
    return json.dumps(row.manifest["noise"])


def test_an_epoch_has_fresh_noise_and_the_same_splits(two_stages: tuple[Path, Path]) -> None:
    first = synth.open_plan(two_stages[0])
    second, third = first.epoch(1), first.epoch(2)
    assert len({first.plan_digest, second.plan_digest, third.plan_digest}) == 3
    for rows in zip(first, second, third, strict=True):
        assert len({row.source_id for row in rows}) == len({row.split for row in rows}) == 1
        changed = len({noise_of(row) for row in rows}), len({row.pcm().tobytes() for row in rows})
        assert changed == ((1, 1) if rows[0].stage == "fine" else (3, 3))  # what is taken unchanged stays
    assert len({row.id for plan in (first, second, third) for row in plan if row.stage == "pre"}) == 3 * len(
        first.select(stage="pre")
    )


def test_an_epoch_is_a_function_of_its_number(two_stages: tuple[Path, Path]) -> None:
    recipe, out = two_stages
    one, other = synth.open_plan(recipe).epoch(2), synth.open_plan(out, epoch=2)
    assert one.plan_digest == other.plan_digest == one.epoch(1).epoch(2).plan_digest
    assert all(np.array_equal(a.pcm(), b.pcm()) for a, b in zip(one, other, strict=True))
    assert one.epoch(0).plan_digest == synth.open_plan(recipe).plan_digest
    with pytest.raises(UsageError, match="counted from 0"):
        one.epoch(-1)


def test_held_out_noise_stays_held_out_in_every_epoch(tmp_path: Path) -> None:
    """What a new seed would not do: it deals the recordings anew."""
    recipe = fixture_recipe(tmp_path, splits="splits: {by: [speaker], train: 0.6, train-dev-noise: 0.4}")
    plan = synth.open_plan(recipe, overrides=["noise.layers.cabin.min_recordings=1"])
    heard: dict[str, set[str]] = {"train": set(), "train-dev-noise": set()}
    for epoch in range(4):
        opened = plan.epoch(epoch)._store.plan
        for spec in opened:
            heard[spec.split].update(piece.recording_id for piece in spec.noise)
    assert heard["train"] and heard["train-dev-noise"]
    assert not heard["train"] & heard["train-dev-noise"]


# -------------------------------------------------------------------------------------------------------------- errors


def test_there_must_be_a_recipe_or_a_data_set(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no.yaml: cannot be read"):
        synth.open_plan(tmp_path / "no.yaml")
    with pytest.raises(UsageError, match=r"this folder has no recipe\.yaml; name a recipe, or run `synth init"):
        synth.open_plan(tmp_path)


def test_a_clip_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    sounds = tmp_path / "speech"
    sounds.mkdir()
    for k, path in enumerate(sorted((FIXTURES / "speech").rglob("*.flac"))[:3]):
        (sounds / f"s{k}.flac").write_bytes(path.read_bytes())
    recipe = fixture_recipe(tmp_path, speech=f"speech:\n  sources: ['{sounds}']", splits="")
    plan = synth.open_plan(recipe)
    (sounds / "s1.flac").unlink()
    assert plan[0].audio().size
    with pytest.raises(SynthError, match=r"clip .*s1.* \(number 1 of .*recipe.yaml\) cannot be made: .*missing"):
        plan[1]


def test_indices_are_checked(two_stages: tuple[Path, Path]) -> None:
    plan = synth.open_plan(two_stages[1])
    assert plan[-1].id == plan[len(plan) - 1].id
    for index in (len(plan), -len(plan) - 1):
        with pytest.raises(IndexError, match=f"clip {index} of {len(plan)}"):
            plan[index]
    with pytest.raises(UsageError, match=r"has no split 'dev'; it has train, train-dev"):
        plan.select(split="dev")
