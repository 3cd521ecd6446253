"""How noise is grown, in a recipe: shares, parameters, virtual cars; mistakes in broken/grow*.yaml."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from synth.draws import clip_draws
from synth.dsp.generators import GENERATORS
from synth.errors import RecipeError
from synth.recipe.distributions import Constant, Uniform
from synth.recipe.growing import read_grow_method
from synth.recipe.load import load_recipe
from synth.recipe.model import GrowMethod, Recipe
from synth.recipe.resolved import dump_resolved, resolved_dict
from synth.recipe.schema import json_schema

NAMES = list(GENERATORS)
VALIDATOR = jsonschema.Draft202012Validator(json_schema())


def load(folder: Path, grow: str, *overrides: str, more: str = "") -> Recipe:
    text = f"speech: {{sources: x}}\nnoise:\n  snr_db: 5\n  layers: [{{name: cabin, sources: y, grow: {grow}{more}}}]\n"
    (folder / "recipe.yaml").write_text(text)
    return load_recipe(folder / "recipe.yaml", overrides)


def grown(recipe: Recipe) -> tuple[GrowMethod, ...]:
    assert recipe.noise is not None
    return recipe.noise.layers[0].grow


def valid(grow: Any) -> bool:
    layer = {"name": "cabin", "sources": "y", "grow": grow}
    return VALIDATOR.is_valid({"speech": {"sources": "x"}, "noise": {"snr_db": 5, "layers": [layer]}})


def test_a_number_alone_is_a_share(tmp_path: Path) -> None:
    (growth,) = grown(load(tmp_path, "{quilt: 0.25}"))
    assert (growth.name, growth.share, growth.cars, growth.is_model) == ("quilt", 0.25, 0, False)
    assert growth == grown(load(tmp_path, "{quilt: {share: 0.25}}"))[0]


def test_parameters_stand_beside_the_share(tmp_path: Path) -> None:
    quilt, shaped = grown(
        load(tmp_path, "{shaped: {share: 0.5, departure_db: [0, 3]}, quilt: {segment_ms: 90, share: 0.2}}")
    )
    assert quilt.choice.parameters["segment_ms"] == Constant(90)
    assert shaped.choice.parameters == {"departure_db": Uniform(0, 3), "between": Constant(0)}
    assert shaped.is_model


def test_the_order_is_that_of_the_generators_so_that_it_means_nothing(tmp_path: Path) -> None:
    """The shares share one draw."""
    forwards = grown(load(tmp_path, "{" + ", ".join(f"{name}: 0.1" for name in NAMES) + "}"))
    backwards = grown(load(tmp_path, "{" + ", ".join(f"{name}: 0.1" for name in reversed(NAMES)) + "}"))
    assert forwards == backwards
    assert [growth.name for growth in forwards] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_can_be_drawn_by_its_defaults(name: str, tmp_path: Path) -> None:
    """The draws have keys of the layer and the generator."""
    (growth,) = grown(load(tmp_path, f"{{{name}: 1}}", more=", max_synthesized: 1"))
    keys: set[str] = set()

    def draw(key: str) -> float:
        keys.add(key)
        return clip_draws(1, "a")(key)

    generator = growth.choice.draw(draw)
    assert isinstance(generator, GENERATORS[name])
    assert generator.seed != 0
    assert all(key.startswith(f"noise.layers.cabin.grow.{name}.") for key in keys)


def test_nothing_is_grown_where_nothing_is_asked(tmp_path: Path) -> None:
    assert grown(load(tmp_path, "null")) == grown(load(tmp_path, "{}")) == ()


@pytest.mark.parametrize("cars", [2, 7, 10_000])
def test_the_number_of_virtual_cars(cars: int, tmp_path: Path) -> None:
    assert grown(load(tmp_path, f"{{cabin: {{share: 0.4, cars: {cars}}}}}"))[0].cars == cars


def test_there_are_a_hundred_virtual_cars_where_nothing_is_said(tmp_path: Path) -> None:
    assert (
        grown(load(tmp_path, "{cabin: 0.4}"))[0].cars
        == grown(load(tmp_path, "{cabin: {share: 0.4, cars: }}"))[0].cars
        == 100
    )


def test_shares_may_sum_to_1(tmp_path: Path) -> None:
    """Also where their sum in binary is a little more."""
    assert len(grown(load(tmp_path, "{quilt: 0.1, shaped: 0.2, cabin: 0.7}"))) == 3
    with pytest.raises(RecipeError, match=r"sum to 1\.001, which is above 1"):
        load(tmp_path, "{quilt: 0.1, shaped: 0.2, cabin: 0.701}")


@pytest.mark.parametrize(
    "grow",
    [
        "{}",
        "{quilt: 0.5}",
        "{quilt: {share: 0.5, segment_ms: [30, 120]}, shaped: {share: 0.2, between: {choice: [0, 0.5]}}}",
        "{cabin: {share: 0.3, cars: 12, road: {choice: [smooth, coarse]}, speed_kmh: {normal: [80, 20], clip: [0, 130]}}}",
        "{" + ", ".join(f"{name}: 0.1" for name in NAMES) + "}",
    ],
)
def test_what_is_written_back_reads_the_same(grow: str, tmp_path: Path) -> None:
    recipe = load(tmp_path, grow, more=", max_synthesized: 0.9")
    written = dump_resolved(recipe)
    (tmp_path / "again.yaml").write_text(written)
    assert load_recipe(tmp_path / "again.yaml") == recipe
    VALIDATOR.validate(json.loads(json.dumps(resolved_dict(recipe))))


def test_every_default_of_a_generator_stands_in_what_is_written(tmp_path: Path) -> None:
    written = resolved_dict(load(tmp_path, "{" + ", ".join(f"{name}: 0.1" for name in NAMES) + "}"))["noise"]["layers"][
        0
    ]
    assert written["max_synthesized"] == 0.5
    for name, generator in GENERATORS.items():
        beside = {"share", "cars"} if name == "cabin" else {"share"}
        assert set(written["grow"][name]) == beside | set(generator.parameters)


def test_set_changes_a_share_and_a_parameter(tmp_path: Path) -> None:
    overrides = ("noise.layers.cabin.grow.quilt.segment_ms=90", "noise.layers.cabin.grow.shaped=0.3")
    quilt, shaped = grown(load(tmp_path, "{quilt: {share: 0.2}}", *overrides))
    assert quilt.choice.parameters["segment_ms"] == Constant(90)
    assert shaped.share == 0.3


@pytest.mark.parametrize(
    ("grow", "accepted"),
    [
        ({"quilt": 0.5}, True),
        ({"quilt": {"share": 0.5, "segment_ms": {"uniform": [30, 60]}}}, True),
        ({"cabin": {"share": 0.5, "cars": None}}, True),
        ({"cabin": {"share": 0.5, "road": "coarse"}}, True),
        (None, True),
        ({}, True),
        ({"quilted": 0.5}, False),
        ({"quilt": 1.5}, False),
        ({"quilt": None}, False),
        ({"quilt": {"segment_ms": 60}}, False),
        ({"quilt": {"share": 0.5, "cars": 3}}, False),
        ({"quilt": {"share": 0.5, "segment_ms": 10}}, False),
        ({"cabin": {"share": 0.5, "cars": 1}}, False),
        ({"cabin": {"share": 0.5, "car": 1}}, False),
        ({"cabin": {"share": 0.5, "road": "mud"}}, False),
        (["quilt"], False),
        (0.5, False),
    ],
)
def test_schema_and_reader_agree(grow: Any, accepted: bool, tmp_path: Path) -> None:
    assert valid(grow) is accepted
    try:
        load(tmp_path, json.dumps(grow))
        read = True
    except RecipeError:
        read = False
    assert read is accepted


# The settings of `synth grow`


def test_settings_of_the_command_line() -> None:
    growth = read_grow_method("quilt", ["segment_ms=[30, 120]"])
    assert growth.choice.parameters["segment_ms"] == Uniform(30, 120)
    assert read_grow_method("cabin", ["cars=3", "road=cobbles"]).cars == 3


@pytest.mark.parametrize(
    ("method", "settings", "expected"),
    [
        (
            "quilted",
            [],
            "--method:1:1: 'quilted' is not a way to grow noise; did you mean 'quilt'?",
        ),
        ("noise", [], f"--method:1:1: 'noise' is not a way to grow noise; known here: {', '.join(NAMES)}"),
        ("quilt", ["segment_ms"], "--set:1:1: give KEY=VALUE, such as segment_ms='[30, 120]'"),
        (
            "quilt",
            ["segment_ms=10"],
            "--set:1:12: quilt.segment_ms - 10 is outside the range; give a number from 30 to 960 ms",
        ),
        ("quilt", ["segment=60"], "--set:1:1: quilt.segment - unknown parameter; did you mean 'segment_ms'?"),
        (
            "cabin",
            ["road=mud"],
            "--set:1:6: cabin.road - 'mud' is not one of smooth, coarse, cobbles, nor a choice of them",
        ),
    ],
)
def test_wrong_settings_are_shown_in_the_argument(method: str, settings: list[str], expected: str) -> None:
    with pytest.raises(RecipeError) as caught:
        read_grow_method(method, settings)
    assert [mistake.split("\n")[0] for mistake in caught.value.mistakes] == [expected]


def test_all_mistakes_of_settings_come_together() -> None:
    with pytest.raises(RecipeError) as caught:
        read_grow_method("shaped", ["between=2", "departure_db=[3, 1]", "x=1"])
    assert len(caught.value.mistakes) == 3
