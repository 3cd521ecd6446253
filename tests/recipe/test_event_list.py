"""Events in a recipe: made or recorded, with how often and how loud beside; mistakes in broken/events*.yaml."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from synth.dsp.events import EVENTS
from synth.errors import RecipeError
from synth.recipe.distributions import Choice, Constant, Uniform
from synth.recipe.load import load_recipe
from synth.recipe.model import EventChoice, Recipe
from synth.recipe.resolved import dump_resolved, resolved_dict
from synth.recipe.schema import json_schema

VALIDATOR = jsonschema.Draft202012Validator(json_schema())
ALL = "[" + ", ".join(EVENTS) + ", {recorded: z, label: klaxon, seconds: [0.5, 2]}]"


def load(folder: Path, events: str, *overrides: str) -> Recipe:
    text = f"speech: {{sources: x}}\nnoise:\n  snr_db: 5\n  layers: [{{name: cabin, sources: y}}]\n  events: {events}\n"
    (folder / "recipe.yaml").write_text(text)
    return load_recipe(folder / "recipe.yaml", overrides)


def events_of(recipe: Recipe) -> dict[str, EventChoice]:
    assert recipe.noise is not None
    return {event.key: event for event in recipe.noise.events}


def valid(events: Any) -> bool:
    noise = {"snr_db": 5, "layers": [{"name": "cabin", "sources": "y"}], "events": events}
    return VALIDATOR.is_valid({"speech": {"sources": "x"}, "noise": noise})


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_may_be_its_name_alone(name: str, tmp_path: Path) -> None:
    forms = [
        f"[{name}]",
        f"[{{{name}: }}]",
        f"[{{{name}: {{}}}}]",
        f"[{{{name}: {{}}, probability: 0.1, count: 1, relative_db: [-3, 9]}}]",
    ]
    read = [events_of(load(tmp_path, form)) for form in forms]
    assert all(one == read[0] for one in read)
    (event,) = read[0].values()
    assert (event.label, event.key, event.probability) == (name, f"noise.events.{name}", 0.1)
    assert (event.count, event.relative_db, event.sources) == (Constant(1), Uniform(-3, 9), ())
    assert event.choice is not None and event.choice.kind is EVENTS[name]


def test_what_stands_beside(tmp_path: Path) -> None:
    text = "[{horn: {seconds: [1, 2], hz: 400}, probability: 0.7, count: {choice: [1, 2]}, relative_db: 6}]"
    (event,) = events_of(load(tmp_path, text)).values()
    assert event.probability == 0.7
    assert isinstance(event.count, Choice)
    assert event.relative_db == Constant(6)
    assert event.choice is not None
    assert event.choice.parameters["seconds"] == Uniform(1, 2)
    assert event.choice.parameters["hz"] == Constant(400)


def test_a_recorded_event_has_sources_and_a_label(tmp_path: Path) -> None:
    text = "[{recorded: [horns, {path: more, pool: held_out}], label: klaxon, seconds: 2}]"
    (event,) = events_of(load(tmp_path, text)).values()
    assert (event.label, event.key, event.choice) == ("klaxon", "noise.events.klaxon", None)
    assert [source.path for source in event.sources] == ["horns", "more"]
    assert event.seconds == Constant(2)
    layer = event.layer
    assert (layer.name, layer.key, layer.is_event, layer.crossfade_s) == (
        "events.klaxon",
        "noise.events.klaxon",
        True,
        0,
    )


def test_the_layers_that_recordings_are_shared_out_for(tmp_path: Path) -> None:
    noise = load(tmp_path, ALL).noise
    assert noise is not None
    assert [layer.name for layer in noise.pooled_layers] == ["cabin", "events.klaxon"]


def test_of_one_name_each_has_a_key_of_its_own(tmp_path: Path) -> None:
    """A made one and a recorded one of the same label too; adding one at the end leaves the keys of the others."""
    text = "[horn, {horn: {seconds: 3}}, indicator, {recorded: z, label: horn}]"
    assert list(events_of(load(tmp_path, text))) == [
        "noise.events.horn",
        "noise.events.horn#2",
        "noise.events.indicator",
        "noise.events.horn#3",
    ]


@pytest.mark.parametrize(
    "events",
    [
        "[]",
        ALL,
        "[{horn: {}, count: {choice: [1, 3]}, probability: 1}, horn, {recorded: [{path: a, manifest: b.csv}], label: x-1}]",
    ],
)
def test_what_is_written_back_reads_the_same(events: str, tmp_path: Path) -> None:
    recipe = load(tmp_path, events)
    (tmp_path / "again.yaml").write_text(dump_resolved(recipe))
    assert load_recipe(tmp_path / "again.yaml") == recipe
    VALIDATOR.validate(json.loads(json.dumps(resolved_dict(recipe))))


@pytest.mark.parametrize("name", ["horn", "klaxon", "indicator"])
def test_set_reaches_an_event_by_its_name_or_label(name: str, tmp_path: Path) -> None:
    """Also where it stands there as a name alone; what stands beside it, and its own parameters."""
    overrides = [f"noise.events.{name}.{key}" for key in ("probability=1", "count=2", "relative_db=-4", "seconds=1.5")]
    event = events_of(load(tmp_path, ALL, *overrides))[f"noise.events.{name}"]
    assert (event.probability, event.count, event.relative_db) == (1, Constant(2), Constant(-4))
    seconds = event.choice.parameters["seconds"] if event.choice else event.seconds
    assert seconds == Constant(1.5)


def test_set_reaches_the_sources_of_a_recorded_event(tmp_path: Path) -> None:
    (source,) = events_of(load(tmp_path, ALL, "noise.events.klaxon.recorded=elsewhere"))["noise.events.klaxon"].sources
    assert source.path == "elsewhere"


def test_set_leaves_the_others_as_they_were(tmp_path: Path) -> None:
    before, after = events_of(load(tmp_path, ALL)), events_of(load(tmp_path, ALL, "noise.events.horn.probability=1"))
    assert {key for key in before if before[key] != after[key]} == {"noise.events.horn"}


def test_set_of_an_event_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        load(tmp_path, "[horn]", "noise.events.hron.probability=1")
    expected = "--set:1:14: noise.events - the list has no item 'hron'; did you mean 'horn'?"
    assert [mistake.split("\n")[0] for mistake in caught.value.mistakes] == [expected]


@pytest.mark.parametrize(
    ("events", "accepted"),
    [
        (["horn"], True),
        ([], True),
        (None, True),
        ([{"horn": None}], True),
        ([{"horn": {}, "probability": None}], True),
        ([{"horn": {"hz": [300, 400]}, "count": [1, 3]}], True),
        ([{"recorded": "z", "label": "klaxon"}], True),
        ([{"recorded": ["z"], "label": "klaxon", "seconds": None}], True),
        ("horn", False),
        (["hornn"], False),
        ([{"probability": 0.5}], False),
        ([{}], False),
        ([{"horn": {}, "indicator": {}}], False),
        ([{"horn": {}, "label": "x"}], False),
        ([{"horn": {}, "level": 3}], False),
        ([{"horn": 420}], False),
        ([{"horn": {"hz": 5}}], False),
        ([{"horn": {}, "probability": 2}], False),
        ([{"horn": {}, "count": 0}], False),
        ([{"horn": {}, "relative_db": 61}], False),
        ([{"recorded": "z"}], False),
        ([{"recorded": "z", "label": None}], False),
        ([{"recorded": "z", "label": "a b"}], False),
        ([{"recorded": "z", "label": "x", "seconds": 0}], False),
        ([{"recorded": "z", "label": "x", "horn": {}}], False),
        ([{"recorded": [], "label": "x"}], False),
    ],
)
def test_schema_and_reader_agree(events: Any, accepted: bool, tmp_path: Path) -> None:
    assert valid(events) is accepted
    try:
        load(tmp_path, json.dumps(events))
        read = True
    except RecipeError:
        read = False
    assert read is accepted
