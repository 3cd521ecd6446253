"""The page of a comparison: the numbers of the JSON, nothing fetched, and sound that a browser plays."""

from __future__ import annotations

import base64
import io
import json
import re
import struct
import zlib
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf

from synth.match.compare.analysis import compare
from synth.match.measure.profile import Profile, write_profile
from synth.report.clip_card import ClipSound, sound_of, spectrogram
from synth.report.compare_page import compare_page
from synth.report.comparison_plots import quantile_plot
from synth.report.png import png
from tests.chromium import dump_page, needs_chromium
from tests.helpers import run_synth
from tests.match.feature_sets import CLEAN, profile

HOSTILE = "<img src=x onerror=alert(1)>&\"'</title><script>alert(2)</script>"
# Run in the page after it: plays every sound, and notes what came of it, and what was fetched from anywhere.
PROBE = """<script>
(async () => {
  const said = [];
  for (const audio of document.querySelectorAll("audio")) {
    audio.muted = true;
    try { await audio.play(); } catch (error) { said.push(String(error)); }
    said.push([audio.readyState, audio.duration.toFixed(2), audio.error ? audio.error.message : ""].join(":"));
  }
  const fetched = performance.getEntriesByType("resource").filter(entry => !entry.name.startsWith("data:")).length;
  const drawn = [...document.images].every(image => image.complete && image.naturalHeight === 128);
  document.body.dataset.probe = JSON.stringify({said, fetched, drawn});
})();
</script></body>"""


def tone(seconds: float, rate: int = 16000) -> np.ndarray:
    return 0.3 * np.sin(2 * np.pi * 1000 * np.arange(round(seconds * rate)) / rate)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Profile, Profile]:
    """Two profiles; of the dev set two thirds of the files are there."""
    folder = tmp_path_factory.mktemp("sets")
    training = replace(profile(clips=60, groups=15, seed=1, name="training", shift={"snr_db": 6}), root=str(folder))
    dev = replace(profile(clips=50, groups=10, seed=2, name="dev"), root=str(folder))
    for k, clip in enumerate((*training.clips, *dev.clips)):
        if clip.group.startswith("training") or k % 3:
            sf.write(folder / clip.path, tone(12.5 if k % 5 == 0 else 1.5), 16000)
    for one in (training, dev):
        write_profile(one, folder / f"{one.name}.profile")
    return folder, training, dev


@pytest.fixture(scope="module")
def found(made: tuple[Path, Profile, Profile]) -> dict[str, Any]:
    _, training, dev = made
    return compare(training, dev, clean=profile(CLEAN, clips=50, groups=10, seed=3, name="clean")).to_json()


@pytest.fixture(scope="module")
def written(made: tuple[Path, Profile, Profile], found: dict[str, Any]) -> str:
    root = str(made[0])
    return compare_page(found, training=lambda path: sound_of(root, path), dev=lambda path: sound_of(root, path))


def cells(table: str) -> list[list[str]]:
    body = table.split("<tbody>")[1]
    return [
        [unescape(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)]
        for row in re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)
    ]


def numbers(text: str) -> list[float]:
    return [float(number) for number in text.split(" / ")] if text else []


def test_the_numbers_are_those_of_the_json(written: str, found: dict[str, Any]) -> None:
    references, features = (cells(part) for part in written.split("</table>")[:2])
    assert [float(row[1]) for row in references] == [found["auc_clean"], found["auc"], found["auc_dev"]]
    assert [float(row[2]) for row in references[1:]] == [found["coverage"], found["coverage_dev"]]
    assert len(features) == len(found["features"])
    for row, feature in zip(features, found["features"], strict=True):
        assert row[0] == feature["shown"] + (f", {feature['unit']}" if feature["unit"] else "")
        assert numbers(row[1]) == feature["training"]
        assert numbers(row[2]) == feature["dev"]
        assert row[3:5] == [feature["w1_shown"], feature["null95_shown"]]
        assert float(row[5]) == feature["p"]
        assert row[6] == feature["verdict_shown"]
    text = unescape(written)
    said = [found["headline"], *found["explained"], *found["advice"], *found["notes"]]
    assert all(line in text for line in said)
    for clip in (*found["most_synthetic"], *found["most_uncovered"]):
        assert clip["path"] in text
        assert f" {clip['score']:g}" in text
        assert clip["odd"] in text


def test_clips_are_heard_or_it_is_said_why_not(written: str, found: dict[str, Any], made: Any) -> None:
    there = [c for c in (*found["most_synthetic"], *found["most_uncovered"]) if (made[0] / c["path"]).exists()]
    assert 10 <= len(there) < 20
    players = re.findall(r'<audio[^>]* src="data:audio/flac;base64,([^"]+)"', written)
    assert len(players) == len(there) == written.count('<img alt="Spectrogram of ')
    assert written.count("cannot be played: ") == 20 - len(there)
    for player, clip in zip(players, there, strict=True):
        heard, rate = sf.read(io.BytesIO(base64.b64decode(player)))
        original, _ = sf.read(made[0] / clip["path"])
        assert rate == 16000
        assert len(heard) == min(len(original), 160_000)
        assert np.abs(heard - original[: len(heard)]).max() < 1e-4


def test_nothing_is_fetched(written: str) -> None:
    bare = re.sub(r'src="data:[a-z]+/[a-z]+;base64,[A-Za-z0-9+/=]+"', "", written)
    assert not re.search(r"https?:|//[a-z]|url\(|@import|<link|<iframe|\bsrc=|\bhref=", bare)
    assert "default-src 'none'; img-src data:; media-src data:; style-src" in written


def test_names_are_text_and_nothing_else(found: dict[str, Any]) -> None:
    clips = [{**clip, "path": HOSTILE, "odd": HOSTILE} for clip in found["most_synthetic"]]
    features = [{**feature, "words": HOSTILE, "shown": HOSTILE} for feature in found["features"]]
    hostile = {
        **found,
        "training": {**found["training"], "name": HOSTILE},
        "advice": [HOSTILE],
        "notes": [HOSTILE],
        "most_synthetic": clips,
        "most_uncovered": clips,
        "features": features,
    }
    page = compare_page(hostile, training=lambda _: HOSTILE, dev=lambda _: ClipSound(b"", b"", 1.0, 1.0, 16000))
    assert "<img src=x" not in page
    assert page.count("<script>") == 1
    open_, void = [], {"meta", "!doctype", "br", "img"}
    for closing, name, rest in re.findall(
        r"<(/?)([a-z!0-9]+)([^>]*)>", re.sub(r"<(script|style)>.*?</\1>", "", page, flags=re.DOTALL)
    ):
        if closing:
            assert open_.pop() == name
        elif name not in void and not rest.endswith("/"):
            open_.append(name)
    assert open_ == []


def test_a_comparison_without_numbers_has_a_page() -> None:
    dev = profile(clips=40, groups=8, seed=2, name="dev")
    empty = replace(dev, clips=tuple(replace(clip, features=dict.fromkeys(clip.features)) for clip in dev.clips))
    page = compare_page(compare(profile(clips=40, groups=8, seed=1), empty).to_json(), training=str, dev=str)
    assert "not measured" in page
    assert "Noise spectra" not in page


def test_the_page_of_few_clips_marks_what_is_likely() -> None:
    """D26: the column of advice was empty."""
    training = profile(clips=60, groups=12, seed=1, shift={"speech_dbfs": -24.0})
    few = compare(training, profile(clips=17, groups=8, seed=2, name="dev")).to_json()
    page = compare_page(few, training=str, dev=str)
    assert few["features"][0]["name"] == "speech_dbfs"
    row = re.search(r"<tr>(?:(?!</tr>).)*speech level.*?</tr>", page, re.DOTALL)
    assert row is not None
    assert 'class="amber"' in row[0]
    assert unescape(row[0]).count(few["features"][0]["words"]) == 1
    assert few["headline"] in unescape(page)


def test_equal_quantiles_lie_on_the_dashed_line(found: dict[str, Any]) -> None:
    feature = found["features"][0]
    equal = quantile_plot({**feature, "knots": [feature["knots"][1]] * 2})
    line = [float(v) for v in re.search(r'class="equal" x1="(.+?)" y1="(.+?)" x2="(.+?)" y2="(.+?)"', equal).groups()]  # type: ignore[union-attr]
    for x, y in re.findall(r'cx="(.+?)" cy="(.+?)"', equal):
        share = (float(x) - line[0]) / (line[2] - line[0])
        assert float(y) == pytest.approx(line[1] + share * (line[3] - line[1]), abs=0.2)
    above = quantile_plot({**feature, "knots": [[v + 5 for v in feature["knots"][1]], feature["knots"][1]]})
    points = re.findall(r'cx="(.+?)" cy="(.+?)"', above)
    assert all(float(y) < 208 - (float(x) - 52) / 160 * 192 for x, y in points)  # higher on the page


def test_a_tone_is_a_line_in_its_spectrogram() -> None:
    pixels = decoded(spectrogram(tone(1.0), 16000))
    assert pixels.shape[0] == 128
    assert set(pixels.argmax(axis=0).tolist()) <= {111, 112}  # 1 kHz of 8 kHz, from below: row 128 - 16
    assert decoded(spectrogram(np.zeros(10), 8000)).shape == (128, 1)
    assert decoded(spectrogram(tone(60.0), 16000)).shape[1] <= 640


def decoded(picture: bytes) -> np.ndarray:
    """Palette indices of a PNG of ours, read by the standard's words."""
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    chunks, at = {}, 8
    while at < len(picture):
        (size,), kind = struct.unpack(">I", picture[at : at + 4]), picture[at + 4 : at + 8]
        chunks[kind] = picture[at + 8 : at + 8 + size]
        assert zlib.crc32(kind + chunks[kind]) == struct.unpack(">I", picture[at + 8 + size : at + 12 + size])[0]
        at += 12 + size
    width, height, bits, colour = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert (bits, colour) == (8, 3)
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, width + 1)
    assert (lines[:, 0] == 0).all()
    return lines[:, 1:]


def test_a_picture_survives() -> None:
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    assert (decoded(png(pixels, np.zeros((6, 3), np.uint8))) == pixels).all()


def test_parts_of_files_and_odd_files(tmp_path: Path) -> None:
    sf.write(tmp_path / "drive.wav", np.concatenate([np.zeros(16000), tone(2.0)]), 16000, subtype="FLOAT")
    part = sound_of(str(tmp_path), "drive.wav#t=1,2.5")
    assert isinstance(part, ClipSound)
    heard, _ = sf.read(io.BytesIO(part.audio))
    assert len(heard) == 24000
    assert np.abs(heard).max() == pytest.approx(0.3, abs=0.01)
    assert isinstance(sound_of(str(tmp_path), str(tmp_path / "drive.wav")), ClipSound)
    (tmp_path / "not.wav").write_text("hello")
    for path in ("gone.wav", "not.wav", "", "drive.wav#t=9,10", "."):
        assert isinstance(sound_of(str(tmp_path), path), str)


def test_the_command_writes_it_and_overwrites_nothing_else(made: Any, tmp_path: Path) -> None:
    folder = made[0]
    target = tmp_path / "gap.html"
    done = run_synth("compare", folder / "training.profile", folder / "dev.profile", "--html", target, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["headline"] in unescape(target.read_text())
    (tmp_path / "notes.txt").write_text("mine")
    refused = run_synth(
        "compare", folder / "training.profile", folder / "dev.profile", "--html", tmp_path / "notes.txt"
    )
    assert refused.returncode == 2
    assert "this exists, and it is not an unchanged page that synth wrote" in refused.stderr


@needs_chromium
def test_a_browser_plays_it_and_fetches_nothing(written: str, tmp_path: Path) -> None:
    document = dump_page(
        written.replace("</body>", PROBE),
        tmp_path,
        "--autoplay-policy=no-user-gesture-required",
        "--virtual-time-budget=30000",
    )
    told = json.loads(unescape(re.search(r'data-probe="([^"]*)"', document)[1]))  # type: ignore[index]
    assert told["fetched"] == 0
    assert told["drawn"]
    assert len(told["said"]) == written.count("<audio") > 0
    assert {heard.split(":")[1] for heard in told["said"]} <= {"1.50", "10.00"}
    assert all(int(heard.split(":")[0]) >= 2 and heard.endswith(":") for heard in told["said"])
