"""B4 and B14a: every list that a person makes is read as UTF-8 with lines that end at line feeds, or refused by line."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from synth.catalog.scan import scan
from synth.commands.errors import correct_manifest
from synth.diagnose.labels import read_label_predictions
from synth.diagnose.review.review_csv import Review, ReviewRow, format_review, read_review
from synth.errors import BadInput, UsageError
from synth.lists.audio_list import read_audio_list
from synth.lists.cases import read_cases
from synth.lists.lines import NOT_UTF8, SourceLines
from synth.lists.scores import read_rows
from synth.lists.table import HALF_PAIR, BadRow, TableRow, read_table
from synth.match.measure.features import FEATURES
from synth.match.measure.profile import ClipProfile, Profile, read_profile, write_profile
from synth.recipe.model import Limits, Source
from tests.helpers import REVIEW_DESIGN

LINE_ENDS = "a\u2028b\u0085c\u2029d\x0be\x0cf\x1cg"
"""What str.splitlines takes for line ends, and a list does not."""


def review_of(text: str) -> str:
    row = ReviewRow("id1", "a.wav", "wrong", "turn left", text, 1, 2, True, (), "", "", "g", "all", 1)
    return format_review(Review((row,), ("noise",), REVIEW_DESIGN))


def correct(path: Path) -> Any:
    corrections = path.parent / "corrections.csv"
    corrections.write_text("id,text\nx,new text\n")
    correct_manifest(corrections, path, path.parent / "out.jsonl")
    return (path.parent / "out.jsonl").read_text()


def correct_by(path: Path) -> Any:
    manifest = path.parent / "manifest.jsonl"
    manifest.write_text('{"id": "x", "audio_filepath": "a.wav", "duration": 1.0, "text": "t"}\n')
    correct_manifest(path, manifest, path.parent / "out.jsonl")
    return json.loads((path.parent / "out.jsonl").read_text())["text"]


READERS: dict[str, tuple[str, str, Callable[[Path], Any]]] = {
    "a list as CSV": ("l.csv", "path,text\na.wav,VALUE\n", lambda path: list(read_audio_list(path))),
    "a list as TSV": ("l.tsv", "path\ttext\na.wav\tVALUE\n", lambda path: list(read_audio_list(path))),
    "a list as JSON lines": ("l.jsonl", '\n{"path": "a.wav", "text": "VALUE"}\n', lambda path: list(read_audio_list(path))),
    "scores as CSV": ("s.csv", "id,reference\na,VALUE\n", read_rows),
    "scores as JSON lines": ("s.jsonl", '\n{"id": "a", "reference": "VALUE"}\n', read_rows),
    "a review": ("r.csv", review_of("VALUE"), read_review),
    "corrections": ("c.csv", "id,text\nx,VALUE\n", correct_by),
    "a manifest to correct": (
        "m.jsonl",
        '{"id": "x", "audio_filepath": "a.wav", "text": "t"}\n{"id": "y", "audio_filepath": "b.wav", "text": "VALUE"}\n',
        correct,
    ),
    "a manifest to correct as CSV": ("m.csv", "id,audio_filepath,speaker,text\nx,a.wav,VALUE,t\n", correct),
    "predictions of labels": ("p.csv", "id,wiper\nVALUE,0.5\n", read_label_predictions),
}  # fmt: skip
ROW_BY_ROW = ("a list as CSV", "a list as TSV", "a list as JSON lines")


@pytest.fixture(params=READERS)
def reader(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def read(folder: Path, reader: str, value: bytes) -> Any:
    name, text, function = READERS[reader]
    path = folder / name
    path.write_bytes(text.encode().replace(b"VALUE", value))
    return function(path)


def test_what_unicode_counts_as_a_line_end_stands_inside_a_value(tmp_path: Path, reader: str) -> None:
    """B14a: a file name with U+2028 made a profile that could not be read back."""
    escaped = LINE_ENDS if not READERS[reader][0].endswith("jsonl") else json.dumps(LINE_ENDS, ensure_ascii=False)[1:-1]
    result = read(tmp_path, reader, escaped.encode())
    assert "\u2028" in str(result) or r"\u2028" in repr(result)
    assert "BadInput" not in repr(result)


def test_text_that_is_not_utf8_is_refused_with_its_line(tmp_path: Path, reader: str) -> None:
    """B4: a Latin-1 CSV ended the run as a bug of synth."""
    name = READERS[reader][0]
    if reader in ROW_BY_ROW:
        (row,) = read(tmp_path, reader, b"caf\xe9")
        assert (row.code, row.path, row.message) == ("bad_row", f"{name}:2", NOT_UTF8)
        return
    with pytest.raises(UsageError) as caught:
        read(tmp_path, reader, b"caf\xe9")
    assert str(caught.value) == f"{tmp_path / name}:2: {NOT_UTF8}"


@pytest.mark.parametrize("name", [name for name, (file, *_) in READERS.items() if file.endswith("jsonl")])
def test_half_a_surrogate_pair_is_refused_with_its_line(tmp_path: Path, name: str) -> None:
    """B4: `"\\ud800"` is JSON, but no text."""
    file = READERS[name][0]
    if name in ROW_BY_ROW:
        (row,) = read(tmp_path, name, rb"\ud800")
        assert (row.code, row.path, row.message) == ("bad_row", f"{file}:2", HALF_PAIR)
        return
    with pytest.raises(UsageError) as caught:
        read(tmp_path, name, rb"\ud800")
    assert str(caught.value) == f"{tmp_path / file}:2: {HALF_PAIR}"


def test_a_label_or_a_key_is_text_too(tmp_path: Path) -> None:
    path = tmp_path / "l.jsonl"
    path.write_text('{"path": "a.wav", "\\udcff": 1}\n{"path": "a.wav", "labels": {"accent": ["\\udcff"]}}\n')
    assert [row.message for row in read_audio_list(path) if isinstance(row, BadInput)] == [HALF_PAIR] * 2
    (tmp_path / "l.csv").write_bytes(b"path,caf\xe9\na.wav,1\n")
    with pytest.raises(UsageError, match="csv:1: not UTF-8; save the list as UTF-8"):
        list(read_audio_list(tmp_path / "l.csv"))


def test_a_list_with_one_latin_1_line_is_planned_without_it(tmp_path: Path) -> None:
    """B4: as reported (`path,text / ada_1.flac,caf\\xe9`), through the scan of a source."""
    (tmp_path / "l.csv").write_bytes(
        b"path,text,sampling_rate,num_samples\na.wav,caf\xe9,16000,100\nb.wav,ok,16000,100\n"
    )
    source = Source("speech", str(tmp_path), manifest=str(tmp_path / "l.csv"))
    catalog = scan([source], folder=tmp_path, limits=Limits())
    assert [recording.path for recording in catalog] == ["b.wav"]
    assert [(r.path, r.code, r.message) for r in catalog.refused] == [("l.csv:2", "bad_row", NOT_UTF8)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"snr_db\n5\n\xe9\n", f"3: {NOT_UTF8}"),
        (b'snr_db\n5\n"5\n', "3: not valid CSV: unexpected end of data"),
    ],
)
def test_cases_are_refused_with_the_line(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "cases.csv").write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read_cases(tmp_path / "cases.csv")
    assert str(caught.value) == f"{tmp_path}/cases.csv:{message}"


def test_a_profile_with_line_separators_in_its_names_is_read_back(tmp_path: Path) -> None:
    """B14a: `profile` wrote a file that `compare`, `fit` and `select` could not read."""
    clip = ClipProfile(LINE_ENDS, LINE_ENDS, {feature.name: None for feature in FEATURES}, ())
    profile = Profile(LINE_ENDS, "/", 1, {"16000": 1}, (clip,), (LINE_ENDS,))
    write_profile(profile, tmp_path / "p")
    assert read_profile(tmp_path / "p") == replace(profile, sample_rates={"16000": 1})


@pytest.mark.parametrize(
    ("line", "message"),
    [(b'{"path": "caf\xe9"}', NOT_UTF8), (b'{"path": "\\ud800"}', HALF_PAIR), (b"[" * 100_000, "nested too deeply")],
)
def test_a_damaged_profile_is_refused_with_its_line(tmp_path: Path, line: bytes, message: str) -> None:
    write_profile(Profile("p", "/", 0, {}, ()), tmp_path / "p")
    (tmp_path / "p").write_bytes((tmp_path / "p").read_bytes() + line + b"\n")
    with pytest.raises(UsageError) as caught:
        read_profile(tmp_path / "p")
    assert str(caught.value).startswith(f"{tmp_path}/p:2: ")
    assert str(caught.value).endswith(message)


@pytest.mark.skipif(not Path("/proc/kmsg").exists(), reason="no /proc")
def test_a_file_of_proc_that_blocks_its_reader_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """B14: /proc/kmsg is a regular file of 0 bytes, and who reads it waits for ever."""

    def fail(*args: object, **options: object) -> None:
        raise AssertionError("opened")

    monkeypatch.setattr(Path, "open", fail)
    path = Path("/proc/kmsg")
    assert list(SourceLines(path)) == []
    assert list(read_table(path, json_lines=True)) == []
    for reader in (read_rows, read_cases, read_review, read_profile):
        with pytest.raises(UsageError):
            list(reader(path))  # type: ignore[call-overload]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_header_decides_what_separates_columns(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "l.csv"
    path.write_text(delimiter.join(("id", "text")) + "\n\n" + delimiter.join(("1", '"a,b;c"')) + "\n")
    table = read_table(path)
    assert table.columns == ("id", "text")
    assert [(row.where, row.fields) for row in table] == [(f"{path}:3", {"id": "1", "text": "a,b;c"})]


def test_columns_without_a_name_and_rows_without_a_value_are_skipped(tmp_path: Path) -> None:
    """Spreadsheets leave both."""
    path = tmp_path / "l.csv"
    path.write_text("id,text,,\n1,a,,x\n,,,\n2,b,,\n")
    assert [row.fields for row in read_table(path)] == [{"id": "1", "text": "a"}, {"id": "2", "text": "b"}]


def test_a_bad_row_does_not_end_the_table(tmp_path: Path) -> None:
    path = tmp_path / "l.csv"
    path.write_bytes(b"id,text\n1\n2,caf\xe9\n3,ok\n")
    rows = list(read_table(path).rows_and_mistakes())
    mistakes = [(row.line, row.mistake) for row in rows if isinstance(row, BadRow)]
    assert mistakes == [(2, "1 cell, the header has 2 columns"), (3, NOT_UTF8)]
    assert [row.fields["id"] for row in rows if isinstance(row, TableRow)] == ["3"]


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl"])
def test_kept_text_is_the_file_byte_for_byte(tmp_path: Path, name: str) -> None:
    text = '\ufeffid,text\r\n\r\n1,"two\nlines"\r\n2,x\r\n\r\n'
    if name == "t.jsonl":
        text = '\ufeff{"id": 1}\n\n{"id": 2}\n\n'
    path = tmp_path / name
    path.write_bytes(text.encode())
    table = read_table(path, keep_text=True)
    assert table.header_text + "".join(row.blank_text + row.text for row in table) + table.end_text() == text


def test_nan_is_refused_on_demand(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"x": NaN}\n')
    assert len(list(read_table(path))) == 1
    with pytest.raises(UsageError, match=r"t\.jsonl:1: not JSON: NaN is not a number in JSON"):
        list(read_table(path, allow_nan=False))
