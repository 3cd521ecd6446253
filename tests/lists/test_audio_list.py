"""Lists as CSV, TSV and JSON lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.errors import BadInput, UsageError
from synth.lists.audio_list import AudioRow, read_audio_list


def csv_rows(
    tmp_path: Path, text: str | bytes, *, name: str = "list.csv", **options: object
) -> list[AudioRow | BadInput]:
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return list(read_audio_list(path, **options))  # type: ignore[arg-type]


def json_rows(tmp_path: Path, *lines: str | bytes, **options: object) -> list[AudioRow | BadInput]:
    path = tmp_path / "list.jsonl"
    path.write_bytes(b"\n".join(line.encode() if isinstance(line, str) else line for line in lines))
    return list(read_audio_list(path, **options))  # type: ignore[arg-type]


def mistakes(rows: list[AudioRow | BadInput]) -> list[str]:
    assert all(isinstance(row, BadInput) and row.code == "bad_row" for row in rows), rows
    return [f"{row.path}: {row.message}" for row in rows]  # type: ignore[union-attr]


def test_all_columns_of_a_csv_list_are_read(tmp_path: Path) -> None:
    rows = csv_rows(
        tmp_path,
        "path,offset,duration,text,speaker,sampling_rate,num_samples,channels,street,alignment\r\n"
        'a b.wav,1.5,2,"turn ""left"", now",s1,16000,32000,2,yes,"[[""turn"", 0.1, 0.25]]"\r\n'
        "c.wav,,,,,,,,,\r\n",
    )
    labels = {"street": "yes"}
    detail = {"text": 'turn "left", now', "speaker": "s1", "alignment": [["turn", 0.1, 0.25]], "labels": labels}
    assert rows[0] == AudioRow("a b.wav", 2, 1.5, 2.0, 32000, 16000, 2, detail)
    assert rows[1] == AudioRow("c.wav", 3, detail={"labels": {"street": None}}), (
        "an empty cell is unknown, never an empty text"
    )


@pytest.mark.parametrize(("name", "tab"), [("l.tsv", "\t"), ("l.tab", "\t"), ("l.txt", "\t"), ("l.txt", ",")])
def test_tabs_or_commas_part_the_columns(tmp_path: Path, name: str, tab: str) -> None:
    text = f"\ufefffile_name{tab}text\na.wav{tab}ü 数字\n\n"
    assert csv_rows(tmp_path, text, name=name) == [AudioRow("a.wav", 2, detail={"text": "ü 数字"})]


def test_nemo_lines_are_read(tmp_path: Path) -> None:
    line = {
        "audio_filepath": "/data/a.wav",
        "duration": 4.25,
        "text": "turn left",
        "offset": 0,
        "lang": "en",
        "ok": None,
    }
    labels = {"lang": "en", "ok": None}
    assert json_rows(tmp_path, json.dumps(line), "", " ") == [
        AudioRow("/data/a.wav", 1, 0.0, 4.25, detail={"text": "turn left", "labels": labels})
    ]


def test_a_manifest_of_our_own_is_read(tmp_path: Path) -> None:
    line = {"audio_filepath": "a.flac", "duration": 1.5, "num_samples": 24000, "sampling_rate": 16000, "channels": 1}
    line |= {"text": None, "speaker": None, "labels": {"wiper": None, "street": True}, "alignment": None}
    (row,) = json_rows(tmp_path, json.dumps(line))
    assert row == AudioRow("a.flac", 1, 0.0, 1.5, 24000, 16000, 1, {"labels": {"wiper": None, "street": True}})
    assert isinstance(row, AudioRow) and row.trusted


def test_columns_may_have_other_names(tmp_path: Path) -> None:
    columns = {"path": "wav", "text": "transcript", "speaker": "client_id"}
    rows = csv_rows(tmp_path, "wav,transcript,client_id,text\na.wav,yes,7,a label\n", columns=columns)
    assert rows == [AudioRow("a.wav", 2, detail={"text": "yes", "speaker": "7", "labels": {"text": "a label"}})]


def test_alignments_may_have_ends_or_durations(tmp_path: Path) -> None:
    words = [{"word": "a", "start": 0.5, "end": 0.75}, {"text": "b", "start": 1, "duration": 0.5}, ["c", 2, 0]]
    (row,) = json_rows(tmp_path, json.dumps({"file": "a.wav", "alignment": words}))
    assert isinstance(row, AudioRow)
    assert row.detail["alignment"] == [["a", 0.5, 0.25], ["b", 1.0, 0.5], ["c", 2.0, 0.0]]


def test_each_bad_line_of_a_csv_list_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    rows = csv_rows(
        tmp_path,
        b"path,offset,num_samples,alignment\n"
        b"a.wav,x,,\n"
        b"a.wav,1\n"
        b",1,,\n"
        b"a.wav,-1,,\n"
        b"a.wav,nan,,\n"
        b"a.wav,,1.5,\n"
        b"a.wav,,0,\n"
        b"a.wav,,,[[1]]\n"
        b"a.wav,,," + b"y" * 200_000 + b"\n"
        b"a.wav,,," + b"z" * 2_000_000 + b"\n"
        b"good.wav,,,\n",
    )
    assert rows.pop() == AudioRow("good.wav", 12)
    assert mistakes(rows) == [
        "list.csv:2: offset is 'x'; a number of seconds, 0 or more, is needed",
        "list.csv:3: 2 cells, the header has 4 columns",
        "list.csv:4: no path",
        "list.csv:5: offset is '-1'; a number of seconds, 0 or more, is needed",
        "list.csv:6: offset is 'nan'; a number of seconds, 0 or more, is needed",
        "list.csv:7: num_samples is '1.5'; a whole number above 0 is needed",
        "list.csv:8: num_samples is '0'; a whole number above 0 is needed",
        "list.csv:9: alignment: not enough values to unpack (expected 3, got 1); [[word, start, duration], ...] in seconds is needed",
        "list.csv:10: not valid CSV: field larger than field limit (131072)",
        "list.csv:11: the line is longer than 1048576 characters",
    ]


def test_each_bad_json_line_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    good = '{"path": "a.wav"}'
    rows = json_rows(
        tmp_path,
        "{x",
        "[]",
        '{"path": 3}',
        '{"path": "a.wav", "duration": NaN}',
        '{"path": "a.wav", "duration": true}',
        '{"path": "a.wav", "text": ["no"]}',
        '{"path": "a.wav", "offset": 1e300}',
        b'{"path": "\xff.wav"}',
        "[" * 100_000,
        '{"path": "' + "x" * 2_000_000 + '"}',
        good,
    )
    assert rows.pop() == AudioRow("a.wav", 11)
    assert mistakes(rows) == [
        "list.jsonl:1: not JSON: Expecting property name enclosed in double quotes at character 2",
        "list.jsonl:2: not a JSON object",
        "list.jsonl:3: the path is 3, not text",
        "list.jsonl:4: not JSON: NaN is not a number in JSON",
        "list.jsonl:5: duration is True; a number of seconds, 0 or more, is needed",
        "list.jsonl:6: text is ['no'], not text",
        "list.jsonl:7: offset is 1e+300; a number of seconds, 0 or more, is needed",
        "list.jsonl:8: not UTF-8; save the list as UTF-8",
        "list.jsonl:9: not JSON: nested too deeply",
        "list.jsonl:10: the line is longer than 1048576 characters",
    ]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("text,speaker\n", "no column path or audio_filepath or file or file_name in the header (text, speaker)"),
        ("", "no column path or audio_filepath or file or file_name in the header (empty)"),
        ("path,text,text\n", "duplicate column 'text'"),
    ],
)
def test_a_header_that_cannot_be_used_ends_it(tmp_path: Path, header: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        csv_rows(tmp_path, header)
    assert str(caught.value) == f"{tmp_path}/list.csv:1: {message}"


@given(line=st.binary(max_size=60))
def test_no_bytes_in_a_list_do_more_than_refuse_their_line(tmp_path_factory, line: bytes) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    csv_rows(folder, b"path,offset,alignment\n" + line + b"\ngood.wav,,\n")
    rows = json_rows(folder, line, b'{"path": "good.wav"}')
    assert rows[-1] == AudioRow("good.wav", line.count(b"\n") + 2)
