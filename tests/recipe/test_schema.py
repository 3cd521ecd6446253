"""The JSON Schema says what the reader says, as far as a schema can."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from synth.errors import RecipeError
from synth.recipe.load import load_recipe
from synth.recipe.resolved import resolved_dict
from synth.recipe.schema import json_schema
from synth.recipe.yaml_text import Node, parse, source_text

BROKEN = Path(__file__).parent / "broken"
COMMITTED = sorted((Path(__file__).parents[2] / "recipes").glob("*.yaml"))

BEYOND_A_SCHEMA = {
    "conditions_unusable": "two sections",
    "copies_and_hours": "two keys at once",
    "extends_itself": "another file",
    "held_out_without_noise": "two sections",
    "output_bit_rate": "two sections",
    "output_bit_rate_lossless": "two keys at once",
    "output_sample_rate": "two sections",
    "level_above_headroom": "two keys at once",
    "log_uniform_of_zero": "the order of two numbers",
    "lufs_weighted": "two keys at once",
    "microphone_band": "two parameters at once",
    "pools": "two sections",
    "quantiles": "rising numbers",
    "grow_over_one": "a sum",
    "same_names": "names in other places",
    "shares": "a sum",
    "stages_in_capitals": "names in other places",
    "trim": "the order of effects, and where they stand",
    "length_in_channel": "where an effect stands",
}


def plain(node: Node) -> Any:
    if isinstance(node.value, dict):
        return {key: plain(child) for key, child in node.value.items()}
    return [plain(child) for child in node.value] if isinstance(node.value, list) else node.value


def read(path: Path) -> Any:
    """The file's values, or None where it is no clean YAML."""
    mistakes: list[Any] = []
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None
    root = parse(text, source_text(path.name, text, path.parent), mistakes)
    return None if mistakes or root is None else plain(root)


VALIDATOR = jsonschema.Draft202012Validator(json_schema())


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())
    assert json.loads(json.dumps(json_schema(), allow_nan=False)) == json_schema()


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.name)
def test_committed_recipes_are_valid_and_so_is_what_is_written_back(path: Path) -> None:
    VALIDATOR.validate(read(path))
    VALIDATOR.validate(json.loads(json.dumps(resolved_dict(load_recipe(path)))))


@pytest.mark.parametrize("path", sorted(BROKEN.glob("*.yaml")), ids=lambda path: path.stem)
def test_broken_recipes_are_not_valid_where_a_schema_can_say_it(path: Path) -> None:
    values = read(path)
    assert values is None or VALIDATOR.is_valid(values) is (path.stem in BEYOND_A_SCHEMA)


@pytest.mark.parametrize(
    "value",
    [
        {"speech": {"sources": "x"}, "level_dbfs": -20},
        {"speech": {"sources": ["x", {"path": "y"}], "effects": ["trim", {"speed": [0.9, 1.1], "probability": 0.5}]}},
        {"extends": "base.yaml"},
        {"speech": {"sources": "x"}, "noise": None, "splits": {"by": "speaker", "train": 1}},
        {"speech": {"sources": "x"}, "margins_s": {"quantiles": [0, 1], "probabilities": [0, 1]}},
        {"speech": {"sources": "x", "effects": [{"equalizer": {"bands_db": [1, 2, 3, 4, 5, 6, 7, [8, 9]]}}]}},
        {"speech": {"sources": "x"}, "channel": [{"Mp3Compression": {"min_bitrate": 8}}, "Normalize"]},
    ],
)
def test_short_forms_are_valid(value: dict[str, Any]) -> None:
    VALIDATOR.validate(value)


@pytest.mark.parametrize("key", ["seed", "output", "noise", "level_dbfs"])
def test_each_key_has_a_line_of_help_for_the_editor(key: str) -> None:
    assert json_schema()["properties"][key]["description"]


def test_schema_and_reader_agree_on_values_at_the_edges(tmp_path: Path) -> None:
    base = {"speech": {"sources": "x"}}
    edges: list[tuple[str, Any]] = [("sample_rate", n) for n in (3999, 4000, 192_000, 192_001, 16000.5)]
    edges += [("seed", n) for n in (-1, 0, 2**53 - 1, 2**53)] + [("copies", n) for n in (0, 1, True)]
    edges += [("margins_s", m) for m in (-0.1, 0, 60, 61, [0, 61], [1], "x", {"uniform": [0, 1], "clip": [0, 1]})]
    for key, value in edges:
        path = tmp_path / "recipe.yaml"
        path.write_text(json.dumps({**base, key: value}))
        try:
            load_recipe(path)
            accepted = True
        except RecipeError:
            accepted = False
        assert VALIDATOR.is_valid({**base, key: value}) is accepted, (key, value)
