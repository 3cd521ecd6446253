"""D9: the recipe that a data set holds runs from where it is, though its paths are those of the recipe that was run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from synth.commands.generate import generate
from synth.commands.plan import changed_clips, make_plan
from synth.errors import UsageError
from synth.recipe.load import load_recipe
from tests.small_set import make_sources, tree


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`work/my/recipe.yaml`, which extends another recipe and has cases, and its data set `work/data/set`."""
    work = tmp_path_factory.mktemp("work")
    base = make_sources(work / "my", speech=2)
    base.rename(work / "my" / "base.yaml")
    (work / "my" / "speech" / "list.csv").write_text("path\nspeech0.wav\nspeech1.wav\n")
    (work / "my" / "cases.csv").write_text("snr_db\n3.0\n")
    (work / "my" / "recipe.yaml").write_text(
        "extends: base.yaml\nspeech: {sources: [{name: speech, manifest: speech/list.csv}]}\n"
        "conditions: [{name: one, cases: cases.csv}]\n"
    )
    generate(work / "my" / "recipe.yaml", work / "data" / "set")
    return work / "data" / "set"


def files_of(data_set: Path) -> dict[str, str]:
    return {name: data for name, data in tree(data_set).items() if not name.startswith(".synth/")}


def test_a_saved_recipe_plans_the_same_clips(generated: Path) -> None:
    planned = make_plan(generated / "recipe.yaml")
    assert changed_clips(planned, generated) == (0, 0, 0)
    assert len(planned.plan) == 4


def test_a_saved_recipe_makes_the_same_data_set_elsewhere(generated: Path, tmp_path: Path) -> None:
    before = tree(generated)
    generate(generated / "recipe.yaml", tmp_path / "deep" / "other")
    assert files_of(tmp_path / "deep" / "other") == files_of(generated)
    generate(generated / "recipe.yaml", generated)  # and resumes its own
    assert tree(generated) == before
    text = b"".join((generated / name).read_bytes() for name in files_of(generated))
    assert str(generated.parent.parent).encode() not in text  # no absolute path outside .synth


def test_a_saved_recipe_may_be_extended(generated: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(f"extends: {generated}/recipe.yaml\ncopies: 3\n")
    assert len(make_plan(tmp_path / "mine.yaml").plan) == 6


def test_a_data_set_is_moved_with_its_recipe(generated: Path, tmp_path: Path) -> None:
    shutil.copytree(generated, tmp_path / "moved")
    planned = make_plan(tmp_path / "moved" / "recipe.yaml")
    assert changed_clips(planned, tmp_path / "moved") == (0, 0, 0)


@pytest.mark.parametrize("damage", ["gone", "damaged", "folder"])
def test_a_saved_recipe_whose_folder_is_not_known_says_so(generated: Path, tmp_path: Path, damage: str) -> None:
    copy = Path(shutil.copytree(generated, tmp_path / "copy"))
    header = copy / ".synth" / "plan.json"
    if damage == "gone":
        shutil.rmtree(copy / ".synth")
        why = f"{header}, which records that folder, is missing or damaged"
    elif damage == "damaged":
        header.write_text("[" * 5000)
        why = f"{header}, which records that folder, is missing or damaged"
    else:
        header.write_text(json.dumps({**json.loads(header.read_text()), "recipe_folder": str(tmp_path / "none")}))
        why = f"that folder, {tmp_path}/none, does not exist"
    with pytest.raises(UsageError) as caught:
        load_recipe(copy / "recipe.yaml")
    assert str(caught.value) == (
        f"{copy}/recipe.yaml: this recipe was saved with a data set, and its paths, such as speech, start from the folder "
        f"of the recipe that the data set was made with; {why}. Copy recipe.yaml to a folder from which its paths lead "
        "to the audio, and run that copy"
    )
    shutil.copyfile(copy / "recipe.yaml", generated.parent.parent / "my" / "copy.yaml")
    assert load_recipe(generated.parent.parent / "my" / "copy.yaml").seed == 3  # as the message says


def test_any_other_recipe_starts_from_its_own_folder(generated: Path, tmp_path: Path) -> None:
    shutil.copyfile(generated / "recipe.yaml", generated / "other.yaml")
    try:
        assert load_recipe(generated / "other.yaml").folder == generated.resolve()
    finally:
        (generated / "other.yaml").unlink()
    shutil.copyfile(generated / "recipe.yaml", tmp_path / "recipe.yaml")
    assert load_recipe(tmp_path / "recipe.yaml").folder == tmp_path.resolve()
