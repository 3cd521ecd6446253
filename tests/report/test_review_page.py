"""The page of a review: what stands in it; and in a browser from disk it plays, tags, keeps and saves."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from synth.commands.errors import sample_errors, summarize_review
from synth.diagnose.review.review_csv import format_review, read_review
from synth.diagnose.review.sample import ErrorSample
from synth.report.review_page import review_page
from tests.chromium import Browser, needs_chromium
from tests.diagnose.dev_lists import DevList, dev_list

HOSTILE = "<img src=x onerror=alert(1)>&\"'</script><script>alert(2)</script>, \n"


def cells(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[DevList, ErrorSample, Path]:
    """A hundred wrong clips and ten right ones, with their page."""
    folder = tmp_path_factory.mktemp("review")
    dev = dev_list(folder, clips=600, sound=600)
    drawn = sample_errors(
        dev.predictions,
        dev.manifest,
        folder / "review.csv",
        n=100,
        right=10,
        own_tags=["rattle"],
        html=folder / "review.html",
    )
    return dev, drawn, folder


@pytest.fixture(scope="module")
def page(made: tuple[DevList, ErrorSample, Path]) -> str:
    return (made[2] / "review.html").read_text()


def test_every_clip_has_its_sound_its_words_and_its_tags(made: tuple[DevList, ErrorSample, Path], page: str) -> None:
    rows = made[1].review.rows
    cards = page.split("<article")[1:]
    assert len(cards) == len(rows) == 110
    for card, row in zip(cards, rows, strict=True):
        assert f"<span>{row.id}</span>" in card
        assert card.count('src="data:audio/flac;base64,') == card.count('src="data:image/png;base64,') == 1
        above, below = (re.findall(rf'<{mark} dir="auto">(.*?)</{mark}>', card) for mark in "bi")
        assert " ".join(filter(None, above)) == row.reference
        assert " ".join(filter(None, below)) == row.hypothesis
        assert card.count('<span class="substituted"') == (1 if row.kind == "wrong" else 0) == row.errors
        values = re.findall(r'<input type="checkbox" value="(.*?)"', card)
        assert tuple(values) == made[1].review.tags
        assert "rattle" in values


def test_nothing_is_fetched(page: str) -> None:
    bare = re.sub(r'src="data:[a-z]+/[a-z]+;base64,[A-Za-z0-9+/=]+"', "", page)
    assert not re.search(r"https?:|//[a-z]|url\(|@import|<link|<iframe|\bsrc=|\bhref=", bare)
    assert "default-src 'none'; img-src data:; media-src data:; style-src" in page


def hostile(sample: ErrorSample) -> ErrorSample:
    """A card of nothing but names that try to be more than text, and one that cannot be heard."""
    rows = [
        replace(row, id=f"{k}{HOSTILE}", reference=HOSTILE, hypothesis="x " + HOSTILE, group=HOSTILE, stratum=HOSTILE)
        for k, row in enumerate(sample.review.rows[:3])
    ]
    rows[1] = replace(rows[1], audio="no" + HOSTILE)
    return replace(sample, review=replace(sample.review, rows=tuple(rows), tags=(*sample.review.tags[:3], HOSTILE)))


def test_names_are_text_and_nothing_else(made: tuple[DevList, ErrorSample, Path]) -> None:
    page = review_page(hostile(made[1]), name=HOSTILE)
    assert "<img src=x" not in page
    assert page.count("<script") == 3  # the data, the review's, the page's
    assert page.count("cannot be played: ") == 1
    assert HOSTILE.strip() in unescape(page)
    data = json.loads(re.findall(r'id="review">(.*?)</script>', page)[0])
    assert data["rows"][0]["head"][3] == HOSTILE


@needs_chromium
def test_a_person_with_a_browser(made: tuple[DevList, ErrorSample, Path], tmp_path: Path) -> None:
    """Opened from disk: it plays, tags by keys and mouse, keeps that over a reload, and saves what `summary` takes."""
    dev, drawn, folder = made
    first, second, third = drawn.review.rows[:3]
    with Browser(tmp_path) as browser:
        browser.open(folder / "review.html")
        drawn_there = "[...document.images].every(image => image.complete && image.naturalHeight === 128)"
        assert browser.value(drawn_there)
        browser.press(" ")
        browser.until(lambda: browser.value("document.querySelector('audio').currentTime > 0.1"))
        assert browser.value("document.querySelector('audio').duration.toFixed(2)") == "1.50"
        for key in ("1", "r", "Enter", "2", "j"):  # car noise and rattle; reviewed; wind; on
            browser.press(key)
        browser.press("c")
        browser.write("hm, 2")
        browser.press("Enter")
        browser.value("document.querySelector('[name=tag]').focus()")
        browser.write("wet road")
        browser.press("Enter")
        browser.value("[...document.querySelectorAll('article')][2].querySelector('.tags label:last-child').click()")
        assert browser.value("document.getElementById('count').textContent") == "3 of 110 reviewed"
        complaints, fetched = browser.complaints, browser.fetched
        browser.open(folder / "review.html")
        assert browser.value("document.getElementById('count').textContent") == "3 of 110 reviewed"
        browser.press("x")
        browser.write(" then")
        browser.press("Escape")
        browser.press("s")
        saved = tmp_path / "review.csv"
        browser.until(saved.is_file)
        assert complaints + browser.complaints == []
        assert set(fetched + browser.fetched) == {(folder / "review.html").as_uri()}
    found = read_review(saved)
    assert found.tags == (*drawn.review.tags, "wet road")
    assert [row.reviewed for row in found.rows] == [True] * 3 + [False] * 107
    told = {row.id: row for row in found.rows}
    assert told[first.id].tags == ("car noise", "rattle", "mislabeled")
    assert told[first.id].correction == f"{first.reference} then"
    assert told[second.id].tags == ("wind",)
    assert told[third.id].tags == ("wet road",)
    assert told[third.id].comment == "hm, 2"
    given = folder / "from_page.csv"
    given.write_bytes(saved.read_bytes())
    summary = summarize_review(given, dev.manifest).to_json()
    assert summary["sample"]["wrong"] + summary["sample"]["right"] == 3
    kept = [{name: cell for name, cell in row.items() if name != "wet road"} for row in cells(given)]
    assert kept[3:] == cells(folder / "review.csv")[3:]


@needs_chromium
def test_a_browser_saves_hostile_names_as_they_are(made: tuple[DevList, ErrorSample, Path], tmp_path: Path) -> None:
    sample = hostile(made[1])
    (tmp_path / "page.html").write_text(review_page(sample, name="saved.csv"))
    with Browser(tmp_path) as browser:
        browser.open(tmp_path / "page.html")
        browser.press("s")
        browser.until((tmp_path / "saved.csv").is_file)
        assert browser.complaints == []
        assert browser.value("document.querySelectorAll('img').length") == 2
    assert (tmp_path / "saved.csv").read_bytes() == format_review(sample.review).encode()
