"""Rows of Parquet files: their bytes, and what damaged and hostile files cost."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from synth.archives import parquet_pages, parquet_reader
from synth.archives.member_path import open_window
from synth.archives.parquet_reader import split_row_name
from synth.errors import BadInput, UsageError

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

KIND = pa.struct({"bytes": pa.binary(), "path": pa.string()})


def write(path: Path, contents: list[bytes | None], **options: Any) -> Path:
    audio = pa.array([{"bytes": data, "path": None} for data in contents], KIND)
    pq.write_table(pa.table({"audio": audio, "text": ["x"] * len(contents)}), path, **options)
    return path


def read(path: Path | str) -> bytes:
    window = open_window(str(path))
    try:
        return window.read_at(0, window.size)
    finally:
        os.close(window.descriptor)


def refusal(path: Path | str) -> tuple[str, str]:
    with pytest.raises(BadInput) as caught:
        read(path)
    return caught.value.code, caught.value.message


CONTENTS = [bytes([k]) * (1000 * k + 1) for k in range(20)]


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd", "lz4", "brotli"])
@pytest.mark.parametrize("dictionary", [False, True])
def test_each_row_has_its_own_bytes_in_any_order(tmp_path: Path, compression: str, dictionary: bool) -> None:
    options = {"row_group_size": 7, "compression": compression, "use_dictionary": dictionary, "data_page_size": 4000}
    path = write(tmp_path / "a.parquet", CONTENTS, **options)
    for number in (0, 1, 2, 19, 6, 7, 5, 5, 13, 14, 0):
        assert read(path / str(number)) == CONTENTS[number]


def test_the_version_two_of_data_pages_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", CONTENTS, data_page_version="2.0", compression="zstd", write_page_index=True)
    assert read(path / "11") == CONTENTS[11]


def test_a_row_that_is_not_there_is_missing_by_name(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", [b"x", None])
    assert refusal(path / "2") == ("missing", "Parquet file a.parquet: it has 2 rows, and no row 2")
    assert refusal(path / "1")[0] == "missing"
    assert "not the number of a row" in refusal(path / "x.wav")[1]
    assert refusal(path / "other" / "0")[0] == "bad_row"


@pytest.mark.parametrize(
    ("member", "expected"),
    [
        ("17", (None, 17)),
        ("noisy/0", ("noisy", 0)),
        ("a/b/3", ("a/b", 3)),
        ("01", None),
        ("-1", None),
        ("٣", None),
        ("", None),
        ("9" * 40, None),
    ],
)
def test_names_of_rows(member: str, expected: object) -> None:
    assert split_row_name(member) == expected


def test_a_file_without_audio_says_what_to_do(tmp_path: Path) -> None:
    pq.write_table(pa.table({"audio": [[0.1, 0.2]], "text": ["x"]}), tmp_path / "a.parquet")
    code, message = refusal(tmp_path / "a.parquet" / "0")
    assert code == "not_audio"
    assert "datasets.Audio" in message


def test_a_cut_or_encrypted_file_is_refused(tmp_path: Path) -> None:
    data = write(tmp_path / "a.parquet", CONTENTS).read_bytes()
    for changed in (data[:-100], data[:8], data[:-4] + b"PARE", data[:-8] + (1 << 31).to_bytes(4, "little") + b"PAR1"):
        (tmp_path / "b.parquet").write_bytes(changed)
        assert refusal(tmp_path / "b.parquet" / "0")[0] in ("truncated", "corrupt")


def test_a_page_that_says_it_is_huge_is_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bomb: 20 MB of zeros in a page of some hundred bytes. The limit is on what the page says, before it is read."""
    path = write(tmp_path / "a.parquet", [bytes(20_000_000)], compression="zstd", use_dictionary=False)
    assert path.stat().st_size < 20_000
    assert len(read(path / "0")) == 20_000_000
    monkeypatch.setattr(parquet_reader, "MAX_PAGE", 10_000_000)
    parquet_reader._files.clear()
    code, message = refusal(path / "0")
    assert code == "unsupported"
    assert "a page of 20,000,0" in message
    assert "smaller row groups" in message


def test_a_large_row_group_is_read_row_by_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in memory is a page: pyarrow makes a new one after each `write_batch_size` rows."""
    contents = [bytes([k]) * 1_000_000 for k in range(100)]
    options = {"compression": "zstd", "use_dictionary": False, "write_batch_size": 4}
    path = write(tmp_path / "a.parquet", contents, **options)
    parquet_reader._files.clear()
    before = pa.total_allocated_bytes()
    peak = 0
    for number in (0, 50, 99, 98):
        assert read(path / str(number)) == contents[number]
        peak = max(peak, pa.total_allocated_bytes() - before)
    assert peak < 20_000_000


def test_a_small_row_group_is_decompressed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.parquet", CONTENTS)
    assert read(path / "19") == CONTENTS[19]
    monkeypatch.setattr(parquet_reader.ParquetAudio, "_open_rows", None)
    assert read(path / "3") == CONTENTS[3]


def test_a_dictionary_with_one_large_value_is_not_multiplied(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.parquet", [b"x" * 3_000_000] * 100, use_dictionary=True, dictionary_pagesize_limit=1 << 24
    )
    before = pa.default_memory_pool().max_memory()
    assert len(read(path / "99")) == 3_000_000
    assert pa.default_memory_pool().max_memory() - before < 50_000_000


def test_a_file_that_changes_is_read_afresh(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", [b"one"])
    assert read(path / "0") == b"one"
    write(path, [b"other"])
    assert read(path / "0") == b"other"


def test_only_few_files_stay_open(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{k}.parquet", [b"x"]) for k in range(12)]
    before = len(list(Path("/dev/fd").iterdir()))
    for path in paths:
        read(path / "0")
    assert len(list(Path("/dev/fd").iterdir())) - before <= parquet_reader._OPEN_FILES


def test_without_pyarrow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.parquet", [b"x"])
    parquet_reader._files.clear()
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match=r"pip install 'synth\[export\]'"):
        read(path / "0")


def test_page_headers_that_are_none_are_refused() -> None:
    for data in (b"", b"\x00", b"\xff" * 100, b"\x15\x00\x15", bytes(1000), b"\x19\xf5" + b"\xff" * 20, b"\x1c" * 50):
        source = io.BytesIO(data)

        def read_at(position: int, count: int, source: io.BytesIO = source) -> bytes:
            source.seek(position)
            return source.read(count)

        with pytest.raises(parquet_pages.PageError):
            parquet_pages.check_pages(read_at, 0, max(1, len(data)), 100)
