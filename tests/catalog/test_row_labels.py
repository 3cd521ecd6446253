"""Speakers and sessions from paths: folders, patterns, and patterns that never end."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from synth.catalog import row_labels
from synth.catalog.row_labels import SlowPattern, add_path_labels
from synth.catalog.scan import scan
from synth.dev_test.group_keys import GroupKeys, from_path_of_json, parse_group_keys
from synth.errors import RecipeError, UsageError
from synth.lists.audio_list import AudioRow
from synth.processes.pool import Pool
from synth.recipe.load import load_recipe
from synth.recipe.model import FromPath, Limits, Recipe
from synth.recipe.resolved import dump_resolved

RATE = 8000
FILES = ("84/121123/84-121123-0001.wav", "84/121550/84-121550-0001.wav", "1272/5/1272-5-0000.wav", "loose.wav")


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labels") / "speech"
    for number, name in enumerate(FILES):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / name, np.random.RandomState(number).standard_normal(RATE // 4) * 0.1, RATE)
    return folder


def recipe_of(speech: Path, source: str) -> Recipe:
    path = speech.parent / "recipe.yaml"
    path.write_text(
        f"speech:\n  sources: [{{path: speech, {source}}}]\nnoise:\n  snr_db: 5\n  layers: [{{name: a, sources: n}}]\n"
    )
    return load_recipe(path)


def labels_of(speech: Path, source: str) -> dict[str, tuple[object, object]]:
    """File -> (speaker, session)."""
    recipe = recipe_of(speech, source)
    catalog = scan(recipe.speech.sources, folder=recipe.folder, limits=Limits(), cache=speech.parent / "cache")
    return {one.path: (one.speaker, (one.labels or {}).get("session")) for one in catalog}


@pytest.mark.parametrize(
    "source",
    [
        "speaker: {from: folder}, session: {from: folder, level: 2}",
        r"speaker: {from: path, pattern: '(\d+)-\d+-\d+'}, session: {from: path, pattern: '\d+-(\d+)-'}",
        r"speaker: {from: path, pattern: '^(?P<speaker>\d+)/(\d+)'}, session: {from: path, pattern: '/(?P<session>\d+)/(.)'}",
    ],
)
def test_a_speaker_is_taken_from_the_path(speech: Path, source: str) -> None:
    """D23: speakers could not be had from paths."""
    assert labels_of(speech, source) == {
        FILES[0]: ("84", "121123"),
        FILES[1]: ("84", "121550"),
        FILES[2]: ("1272", "5"),
        FILES[3]: (None, None),
    }


def test_a_list_goes_before_the_path(speech: Path) -> None:
    (speech / "list.csv").write_text(f"path,speaker,session\n{FILES[0]},anna,\n{FILES[2]},,monday\n")
    source = "manifest: speech/list.csv, speaker: {from: folder}, session: {from: folder, level: 2}"
    assert labels_of(speech, source) == {FILES[0]: ("anna", "121123"), FILES[2]: ("1272", "monday")}


def test_the_keys_are_written_back(speech: Path) -> None:
    recipe = recipe_of(speech, r"speaker: {from: path, pattern: '(\d+)-'}, session: {from: folder, level: 2}")
    again = speech.parent / "again.yaml"
    again.write_text(dump_resolved(recipe))
    assert load_recipe(again) == recipe
    assert recipe.speech.sources[0].path_labels == {"speaker": FromPath(r"(\d+)-"), "session": FromPath(level=2)}


def test_a_session_may_say_what_one_recording_is(speech: Path) -> None:
    recipe = recipe_of(speech, "recording_column: session, session: {from: folder}")
    assert recipe.speech.sources[0].recording_column == "session"


def test_a_pattern_that_does_not_end_is_an_error_in_time(speech: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A catastrophic pattern is stopped, and reported at its place in the recipe."""
    monkeypatch.setattr(row_labels, "TIMEOUT_S", 0.4)
    long = speech / ("a" * 60 + ".wav")
    soundfile.write(long, np.random.RandomState(9).standard_normal(RATE // 4) * 0.1, RATE)
    start = time.monotonic()
    try:
        with pytest.raises(RecipeError) as caught:
            labels_of(speech, "speaker: {from: path, pattern: '^(a+)+$'}")
    finally:
        long.unlink()
    assert time.monotonic() - start < 15
    assert str(caught.value).split("\n")[0] == (
        f"{speech.parent}/recipe.yaml:2:37: speech.sources.0.speaker - the pattern '^(a+)+$' takes more than 0.4 s; "
        "write it without nested repeats"
    )


def test_labels_of_any_name_are_put_beside_others() -> None:
    rows = [
        AudioRow("a/b.wav", detail={"labels": {"road": "wet"}}),
        AudioRow("a/c.wav", detail={"labels": {"drive": "x"}}),
    ]
    with Pool() as pool:
        named = add_path_labels(rows, {"drive": FromPath(level=1)}, pool)
    assert [row.detail for row in named] == [
        {"labels": {"road": "wet", "drive": "a"}},
        {"labels": {"drive": "x"}},
    ]
    assert issubclass(SlowPattern, Exception)


def test_by_names_columns_patterns_and_folders() -> None:
    by = parse_group_keys(["speaker, car", "session=([0-9]{1,3})-", "drive=folder:2"])
    assert by == GroupKeys(
        ("speaker", "car", "session", "drive"),
        {"session": FromPath("([0-9]{1,3})-"), "drive": FromPath(level=2)},
    )
    assert from_path_of_json(by.to_json()) == by.from_path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("session=(", "'(' is not a regular expression: missing ), unterminated subpattern at position 0"),
        (
            "session=x",
            "'x' has no group; put parentheses around the part that is the session, such as '([0-9]+)-'",
        ),
        ("session=(a)(b)", "'(a)(b)' has 2 groups; name the one that is the session: (?P<session>...)"),
        ("session=folder:0", "give a level from 1 (the first folder) to 16"),
        ("path=(a)", "a label cannot be called 'path'; use speaker, session or another name"),
        ("=(a)", "a label cannot be called ''; use speaker, session or another name"),
        ("session=(" + "a" * 300 + ")", "the pattern has 302 characters; give at most 300"),
    ],
)
def test_a_wrong_by_says_what_to_do(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_group_keys([text])
    assert str(caught.value) == f"--by {text}: {message}"
