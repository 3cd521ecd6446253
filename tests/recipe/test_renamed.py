"""Renamed keys: an old one is an error that names the new one, and the draws of the new one are those of the old."""

from __future__ import annotations

from pathlib import Path

import pytest

from synth.errors import RecipeError, UsageError
from synth.lists.cases import read_cases
from synth.recipe.load import load_recipe
from synth.recipe.renamed import RENAMED, draw_name, present_key, renamed_text


def test_an_old_key_is_an_error_that_names_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("speech: {sources: s}\nconditions:\n  - {name: wide, wavering_db: 1}\n")
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    assert caught.value.mistakes == [
        f"{path}:3:18: the key `wavering_db` was renamed: write `fluctuation_db`\n"
        "    - {name: wide, wavering_db: 1}\n                   ^"
    ]


def test_an_old_key_of_set_is_an_error_too(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("speech: {sources: s}\n")
    with pytest.raises(RecipeError, match=r"^--set:1:8: the key `max_seconds` was renamed: write `max_speech_s`"):
        load_recipe(path, ["limits.max_seconds=10"])


def test_an_old_column_is_an_error_that_names_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "cases.csv"
    path.write_text("wavering_db\n2\n")
    with pytest.raises(UsageError) as caught:
        read_cases(path)
    assert str(caught.value) == f"{path}:1: the column `wavering_db` was renamed: write `fluctuation_db`"


def test_every_renamed_key_of_the_table_is_tried_in_a_broken_recipe() -> None:
    messages = (Path(__file__).parent / "broken" / "renamed.txt").read_text(encoding="utf-8")
    for (_, old), new in RENAMED.items():
        assert f"the key `{old}` was renamed: write `{new}`" in messages


def test_a_key_counts_as_renamed_in_its_section_alone() -> None:
    assert renamed_text("speech.sources.0.speaker", "pattern") is None
    assert renamed_text("speech.sources.0", "pattern") == "the key `pattern` was renamed: write `glob`"


@pytest.mark.parametrize(
    ("draw_key", "key"),
    [
        ("conditions.wide.wavering_db", "conditions.wide.fluctuation_db"),
        ("noise.layers.cabin.grow.cabin.rain", "noise.layers.cabin.grow.cabin.rain_drops_per_s"),
        ("noise.layers.cabin.1.0.grow.cabin.rain", "noise.layers.cabin.1.0.grow.cabin.rain_drops_per_s"),
        ("noise.events.indicator#2.1.second", "noise.events.indicator#2.1.ratio"),
        ("noise.layers.rain.probability", "noise.layers.rain.probability"),
        ("condition", "condition"),
    ],
)
def test_the_draws_keep_their_key_and_are_shown_with_the_new_one(draw_key: str, key: str) -> None:
    assert present_key(draw_key) == key


def test_the_draws_of_a_renamed_key_are_called_as_before() -> None:
    assert draw_name("conditions", "fluctuation_db") == "wavering_db"
    assert draw_name("conditions", "snr_db") == "snr_db"
