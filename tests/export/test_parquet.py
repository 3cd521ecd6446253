from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest

from synth.errors import UsageError
from synth.export import parquet
from synth.export.columns import ALIGNMENT, CLIP, ROW, label_columns
from synth.export.parquet import ParquetWriter
from tests.export.rows import row

COLUMNS = (*CLIP, ALIGNMENT, *label_columns({"street": "bool"}), ROW)
ROWS = [
    row("a-v0", labels={"street": True}, alignment=[["é", 0.1, 0.2]]),
    row("b-v0", text=None, labels={"street": None}, alignment=[]),
    row("c-v0", text="", case=3),
]


def written(rows: list[dict[str, Any]], audio: list[bytes | None]) -> bytes:
    out = io.BytesIO()
    with ParquetWriter(out, COLUMNS, audio={"audio": 16000}) as writer:
        for each, data in zip(rows, audio, strict=True):
            writer.add(each, {"audio": None if data is None else (f"{each['id']}.flac", data)})
    return out.getvalue()


def read(data: bytes) -> Any:
    from pyarrow import parquet as reader

    return reader.ParquetFile(io.BytesIO(data))


def test_what_is_read_back_is_what_was_written() -> None:
    table = read(written(ROWS, [b"fLaC\0\xff", None, b""])).read().to_pylist()
    assert [each["audio"] for each in table] == [
        {"bytes": b"fLaC\0\xff", "path": "a-v0.flac"},
        None,
        {"bytes": b"", "path": "c-v0.flac"},
    ]
    assert [each["text"] for each in table] == [ROWS[0]["text"], None, ""]
    assert [each["label_street"] for each in table] == [True, None, None]
    assert [each["alignment"] for each in table] == [[{"word": "é", "start": 0.1, "duration": 0.2}], [], None]
    assert [json.loads(each["row"]) for each in table] == ROWS


def test_the_same_rows_give_the_same_bytes() -> None:
    assert written(ROWS, [b"x" * 1000] * 3) == written(ROWS, [b"x" * 1000] * 3)


def test_the_types_of_columns_do_not_depend_on_the_rows() -> None:
    nulls = read(written([row("a-v0", text=None, weight=None, labels={})], [None]))
    assert nulls.schema_arrow == read(written(ROWS, [b"", b"", b""])).schema_arrow


def test_row_groups_hold_a_bounded_number_of_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "ROW_GROUP_BYTES", 1000)
    sizes = [400, 400, 400, 5000, 10, 990, 1]
    data = written([row(f"{k}-v0") for k in range(len(sizes))], [b"x" * size for size in sizes])
    metadata = read(data).metadata
    assert [metadata.row_group(k).num_rows for k in range(metadata.num_row_groups)] == [2, 1, 1, 2, 1]


def test_audio_is_stored_as_it_is() -> None:
    audio = b"RIFF-like zeros" + bytes(100_000)
    data = written([row("a-v0")], [audio])
    assert audio in data  # not compressed, not divided
    columns = read(data).metadata.row_group(0)
    has_statistics = {
        columns.column(k).path_in_schema: columns.column(k).is_stats_set for k in range(columns.num_columns)
    }
    assert not has_statistics["audio.bytes"]  # of short files, the least and the largest would be in the file once more
    assert has_statistics["duration"]


def test_the_file_says_to_the_datasets_library_what_is_audio() -> None:
    info = json.loads(read(written(ROWS, [b""] * 3)).schema_arrow.metadata[b"huggingface"])
    features = info["info"]["features"]
    assert features["audio"] == {"sampling_rate": 16000, "_type": "Audio"}
    assert features["text"] == {"dtype": "string", "_type": "Value"}
    assert set(features) == {"audio", *(column.name for column in COLUMNS)}


def test_a_file_without_rows_has_the_columns() -> None:
    assert read(written([], [])).metadata.num_rows == 0


def test_an_exception_leaves_a_file_without_its_end() -> None:
    out = io.BytesIO()
    with pytest.raises(KeyError), ParquetWriter(out, COLUMNS) as writer:
        writer.add(ROWS[0])
        raise KeyError
    assert out.getvalue() == b"PAR1"  # the beginning, written at once


def test_without_pyarrow_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match=r"needs pyarrow, .* pip install 'synth\[export\]'"):
        ParquetWriter(io.BytesIO(), COLUMNS)
