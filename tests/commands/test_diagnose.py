"""`synth diagnose` as a person runs it, its page, docs/diagnosing.md, and that its advice can be followed."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from synth.cli.app import app
from synth.diagnose.ladder.diagnosis import diagnose
from synth.diagnose.ladder.ladder import read_ladder
from synth.diagnose.ladder.next_steps import ACTIONS, Action, actions_for
from synth.recipe.load import load_recipe
from synth.report.ladder_page import ladder_page
from tests.chromium import dump_page, needs_chromium
from tests.diagnose.scored_set import write_scored_set
from tests.helpers import FIXTURES, ROOT, run_synth

PAGE = (ROOT / "docs" / "diagnosing.md").read_text(encoding="utf-8")
LADDER = {"train": "1", "train-dev": "2", "train-dev-noise": "9", "dev": "10", "test": "11", "oracle": "6"}


def found_of(n: float = 10_000, **given: str) -> dict[str, Any]:
    return diagnose(read_ladder((), given=given or LADDER, n=n)).to_json()


# --- docs -------------------------------------------------------------------------------------------------------------


def blocks(language: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return [text for name, text in found if name == language]


def test_the_page_of_the_docs_is_what_happens(tmp_path: Path) -> None:
    write_scored_set(tmp_path)
    lines, printed = "".join(blocks("sh")).splitlines(), blocks("")
    assert len(lines) == 2
    done = [run_synth(*line.split()[1:], cwd=tmp_path) for line in lines]
    assert [one.returncode for one in done] == [0, 0], done[-1].stderr
    assert done[0].stdout.startswith("noise overfitting: 7 points")
    shown, said = printed
    assert (tmp_path / "scores.csv").read_text().startswith(shown.removesuffix("...\n"))
    assert done[1].stdout == said
    assert (tmp_path / "ladder.html").read_text().startswith("<!doctype html>")


# --- the command ------------------------------------------------------------------------------------------------------


def test_json_and_page_tell_the_same_numbers(tmp_path: Path) -> None:
    write_scored_set(tmp_path)
    words = ("diagnose", "--scores", "scores.csv", "--manifest", "data/augmented", "--manifest", "splits/dev.csv")
    done = run_synth(*words, "--html", "ladder.html", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    cells = re.findall(r"<td[^>]*>(.*?)</td>", (tmp_path / "ladder.html").read_text())
    told = [unescape(cell) for cell in cells]
    for rung in found["rungs"]:
        k = told.index(rung["title"])
        counts = ["" if rung[key] is None else f"{rung[key]:,.12g}" for key in ("clips", "words", "groups")]
        assert told[k + 1 : k + 6] == [rung["shown"], rung["interval_shown"], *counts]
    for gap in found["gaps"]:
        k = told.index(gap["name"])
        assert told[k + 1 : k + 6] == [gap[key] for key in ("from", "to", "shown", "interval_shown", "share_shown")]


def test_errors_of_the_example_are_those_of_its_list(tmp_path: Path) -> None:
    """Counted here by hand from scores.csv."""
    write_scored_set(tmp_path)
    rows = [line.split(",") for line in (tmp_path / "scores.csv").read_text().splitlines()[1:]]
    wrong = sum(int(errors) for name, errors, _ in rows if name.startswith("dev_"))
    ladder = read_ladder([tmp_path / "scores.csv"], [tmp_path / "data" / "augmented", tmp_path / "splits" / "dev.csv"])
    assert ladder.rungs["dev"].error == wrong / 3000


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "a gap needs two errors; there is only human"),
        (("--train", "1", "--dev", "9"), "--train: of how many clips or words?"),
        (("--train", "1", "--dev", "nine", "--n", "50"), "--dev is 'nine'; percent (9)"),
        (("--scores", "none.csv"), "none.csv: cannot be read"),
    ],
)
def test_mistakes_end_with_2_and_one_line(words: tuple[str, ...], told: str, tmp_path: Path) -> None:
    done = run_synth("diagnose", *words, cwd=tmp_path)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_page_is_not_written_over_something_else(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    done = run_synth("diagnose", "--train", "1@50", "--dev", "9@50", "--html", "notes.txt", cwd=tmp_path)
    assert done.returncode == 2
    assert (tmp_path / "notes.txt").read_text() == "mine"


# --- what is new is new -----------------------------------------------------------------------------------------------


def test_what_is_not_new_is_said(tmp_path: Path) -> None:
    """Train's noise in train-dev-noise, and its speakers in train-dev."""
    rows = [
        {"id": f"{split}{k}", "audio_filepath": f"{split}{k}.wav", "duration": 1, "split": split, "noise": [{"recording": name}]}
        | {"speaker": f"{split.removesuffix('-dev')}{k % 3}"}
        for split, name in (("train", "car/1"), ("train-dev", "car/1"), ("train-dev-noise", "car/1"))
        for k in range(30)
    ]  # fmt: skip
    (tmp_path / "manifest.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "scores.csv").write_text("\n".join(["id,error", *(f"{row['id']},0" for row in rows)]))
    notes = "\n".join(read_ladder([tmp_path / "scores.csv"], [tmp_path]).notes)
    assert "1 of 1 noise recordings of train-dev-noise are in train or train-dev too (the first is car/1)" in notes
    assert "train-dev-noise has only 1 noise recording" in notes
    assert "30 of 30 clips of train-dev have speakers of train" in notes


# --- advice -----------------------------------------------------------------------------------------------------------


def every_action() -> list[Action]:
    """Of each step alone, and of each gap that spans some for want of a rung."""
    found = list(ACTIONS.values())
    names = list(LADDER)[:-1]
    for upper in range(len(names)):
        for lower in range(upper + 1, len(names)):
            given = {name: LADDER[name] for name in (names[upper], names[lower])}
            for gap in diagnose(read_ladder((), given=given, n=1000)).analysis.gaps:
                found += actions_for(gap)
    return found


def test_recipe_lines_are_a_recipe(tmp_path: Path) -> None:
    lines = sorted({action.recipe for action in every_action() if action.recipe})
    assert len(lines) >= 3
    for k, text in enumerate(lines):
        recipe: dict[str, Any] = {"schema": 1, "speech": {}, "noise": {"layers": [{"name": "cabin"}]}}
        added = yaml.safe_load(text)
        recipe["speech"] |= added.pop("speech", {})
        recipe |= added
        recipe["speech"]["sources"] = str(FIXTURES / "speech")
        recipe["noise"]["snr_db"] = [0, 20]
        recipe["noise"]["layers"][0]["sources"] = str(FIXTURES / "noise" / "car")
        path = tmp_path / f"{k}.yaml"
        path.write_text(yaml.safe_dump(recipe))
        load_recipe(path)


def test_commands_are_commands() -> None:
    """Each option that is named is one of its command."""
    known: Any = typer.main.get_command(app)
    lines = {command for action in every_action() for command in action.commands}
    assert len(lines) >= 4
    for line in lines:
        words = line.split()[1:]
        command: Any = known
        while words and hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        options = {name for parameter in command.params for name in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, line


def test_every_gap_has_an_action() -> None:
    assert all(action.words and (action.recipe or action.commands) for action in ACTIONS.values())
    assert all(action.words for action in every_action())


# --- the page ---------------------------------------------------------------------------------------------------------


def test_the_picture_has_each_rung_and_each_gap() -> None:
    found = found_of()
    page = ladder_page(found)
    picture = re.search(r"<svg.*?</svg>", page, re.DOTALL)[0]  # type: ignore[index]
    assert picture.count('class="error"') == len(found["rungs"]) == 7
    assert picture.count('class="gap') == len(found["gaps"]) == 6
    assert picture.count('class="gap named"') == 1
    assert ">noise overfitting 7</text>" in picture
    ends = dict(re.findall(r'width="([\d.]+)" height="22"/>\n(?:<line.*\n)+<text class="rung"[^>]*>([\w-]+) ', picture))
    widths = {name: float(width) for width, name in ends.items()}
    assert widths["dev"] == pytest.approx(10 * widths["train"], rel=0.01)


@pytest.mark.parametrize(
    "given", [{"train": "0", "dev": "0"}, {"train": "30", "dev": "10"}, {"train": "0", "dev": "100"}]
)
def test_odd_ladders_have_a_page_too(given: dict[str, str]) -> None:
    page = ladder_page(found_of(100, **given))
    assert "nan" not in page.lower().replace("nance", "")


def test_what_a_file_names_cannot_break_the_page(tmp_path: Path) -> None:
    scores = tmp_path / "scores.csv"
    scores.write_text("id,split,error\n" + "".join(f"{k},{s},0\n" for s in ("train", "dev", "<b>x") for k in range(9)))
    page = ladder_page(diagnose(read_ladder([scores])).to_json())
    assert "<b>x" not in page
    assert "&lt;b&gt;x" in page


def test_the_page_fetches_nothing() -> None:
    page = ladder_page(found_of())
    assert "default-src 'none'" in page
    assert not re.search(r"(?:src|href)\s*=|url\(|https?://", page)


@needs_chromium
def test_a_browser_draws_it_without_a_complaint(tmp_path: Path) -> None:
    document = dump_page(ladder_page(found_of()), tmp_path)
    assert document.count("<button>") == 13  # its script ran: both tables can be sorted
