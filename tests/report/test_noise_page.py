"""The page: its numbers, what it must not contain, and a browser's word on it where there is one."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from synth.report.noise_page import noise_page
from synth.report.page import color
from synth.report.spectrum_plot import SpectrumAxes, scale_of
from tests.chromium import dump_page, needs_chromium

BANDS = [50.1, 100.0, 1000.0, 5011.9]
HOSTILE = "<img src=x onerror=alert(1)>&\"'</title><script>alert(2)</script>.wav"


def recording(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "name": name,
        "seconds": 12.5,
        "usable_s": 11.25,
        "level_dbfs": -31.4,
        "level_sd_db": 1.6,
        "stationarity": "stationary",
        "low_hz": 63,
        "high_hz": 8000,
        "band_limited": False,
        "lines": [{"hz": 224.1, "above_db": 8.0}],
        "speech": False,
        "band_profile_db": [10.0, 5.0, -3.0, -12.0],
        "spectrum": 1,
        "warnings": [],
        **changes,
    }


def report(*recordings: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "source": "noise/car",
        "sample_rate": 16000,
        "band_hz": BANDS,
        "recordings": list(recordings),
        "refused": [],
        "near_duplicates": [],
        "spectra": 1,
        "effective_recordings": 2.7,
        "largest_share": 0.4,
        "conclusion": ["12.0 min from 3 recordings", "Only 2.7 recordings' worth of variety"],
        **changes,
    }


def cells(page: str) -> list[list[str]]:
    body = page.split("<tbody>")[1].split("</tbody>", maxsplit=1)[0]
    return [
        [unescape(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)]
        for row in re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)
    ]


def test_the_table_has_the_numbers_of_the_report() -> None:
    page = noise_page(report(recording("a.wav"), recording("b.wav", level_sd_db=None, lines=[], warnings=["w1", "w2"])))
    assert cells(page) == [
        ["a.wav", "12.50", "11.25", "-31.4", "1.6", "63", "8000", "1", "1", "224.1", ""],
        ["b.wav", "12.50", "11.25", "-31.4", "", "63", "8000", "0", "1", "", "w1; w2"],
    ]
    assert all(line in unescape(page) for line in report()["conclusion"])


def test_curves_stand_where_the_spectrum_says() -> None:
    frame = SpectrumAxes(BANDS, -20, 20, width=300, height=150)
    assert frame.x(BANDS[0]) == frame.inset
    assert frame.y(20) == frame.top
    assert frame.y(-20) == frame.height - frame.bottom
    assert frame.x(100.0) - frame.x(50.1) == pytest.approx(
        frame.x(1000.0) - frame.x(501.0), abs=0.1
    )  # octaves are even
    page = noise_page(report(recording("a.wav")))
    frame = SpectrumAxes(BANDS, *scale_of([[10.0, 5.0, -3.0, -12.0]]), width=300, height=150)
    assert f'points="{frame.path([10.0, 5.0, -3.0, -12.0])}"' in page


@pytest.mark.parametrize(
    ("profiles", "scale"),
    [([[3.0, -4.0]], (-10, 10)), ([[0.0]], (-10, 10)), ([], (-10, 10)), ([[31.0], [-1.0]], (-10, 40))],
)
def test_the_scale_holds_all(profiles: list[list[float]], scale: tuple[float, float]) -> None:
    assert scale_of(profiles) == scale


def hostile_page() -> str:
    return noise_page(
        report(
            recording(HOSTILE, warnings=[HOSTILE]),
            source=HOSTILE,
            refused=[{"path": HOSTILE, "code": "not_audio", "message": HOSTILE}],
            near_duplicates=[{"first": HOSTILE, "second": HOSTILE, "common_s": 1.0}],
        )
    )


def test_file_names_are_text_and_nothing_else() -> None:
    page = hostile_page()
    assert "<img" not in page
    assert page.count("<script>") == 1
    assert page.count("</title><script>") == 0
    assert cells(page)[0][0] == HOSTILE


def test_nothing_is_fetched() -> None:
    page = noise_page(report(recording("a.wav")))
    assert not re.search(r"https?:|//[a-z]|url\(|@import|<link|<iframe|\bsrc=|\bhref=", page)
    assert "default-src 'none'" in page


def test_every_element_is_closed() -> None:
    page = re.sub(r"<(script|style)>.*?</\1>", "", hostile_page(), flags=re.DOTALL)
    open_, void = [], {"meta", "!doctype"}
    for closing, name, rest in re.findall(r"<(/?)([a-z!0-9]+)([^>]*)>", page):
        if closing:
            assert open_.pop() == name
        elif name not in void and not rest.endswith("/"):
            open_.append(name)
    assert open_ == []


def test_many_recordings_are_thinned_out_in_the_overview_alone() -> None:
    page = noise_page(report(*(recording(f"{i}.wav") for i in range(1000))))
    assert len(cells(page)) == 1000
    assert "250 of 1000 recordings are drawn" in page


def test_a_rate_too_low_for_bands_still_makes_a_page() -> None:
    page = noise_page(report(recording("a.wav", band_profile_db=[]), band_hz=[]))
    assert "The sample rate is too low for a spectrum." in page


def test_colours_differ() -> None:
    assert len({color(n) for n in range(1, 60)}) == 59


@needs_chromium
def test_a_browser_shows_it_without_complaint_and_runs_no_file_name(tmp_path: Path) -> None:
    document = dump_page(hostile_page(), tmp_path)
    assert document.count("<button>") == document.count('scope="col"') > 0  # the script has made the heads buttons
    assert "<img" not in document
