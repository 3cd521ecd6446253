"""Hugging Face's data sets in Parquet: a column of audio, and all other columns as text, speaker and labels.

The threat: Parquet is decoded by a large library in C++. So a listing is made in a worker process, which may die of it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, Final

from synth.archives.parquet_reader import ParquetAudio, feature_names, require_pyarrow
from synth.archives.window import Window
from synth.errors import BadInput
from synth.lists.audio_list import AudioRow
from synth.lists.formats.listing import Listing, Rows
from synth.lists.formats.webdataset import row_of
from synth.lists.table import RowMistake
from synth.processes.pool import shared_pool

_SPLIT: Final = re.compile(r"(?:^|/)([^/]+?)-\d{5}-of-\d{5}(?:-[0-9a-f]+)?\.parquet$")
_TIMEOUT_S: Final = 120.0
_MAX_TEXT: Final = 1 << 20  # characters of one value
_OUTSIDE: Final = "\0outside"  # no column: the audio is not in the file, only its path


def read_huggingface(listing: Listing) -> Rows:
    """The rows of a Parquet file, or of all files below a folder that match the glob.

    Raises:
        UsageError: there is no such file, pyarrow is missing, or the folder has several splits and no glob.
    """
    require_pyarrow()
    paths = listing.files(".parquet")
    listing.refuse_splits(paths, _SPLIT)
    column = (listing.columns or {}).get("path")
    tasks: list[tuple[Any, ...]] = [(path, column, -1) for path in paths]
    with shared_pool(listing.pool, 1) as workers:
        function = f"{__name__}:list_rows"
        for path, shape in zip(paths, _answers(workers, function, tasks), strict=True):
            shown = listing.relative(path)
            if isinstance(shape, BadInput):
                yield BadInput(shape.code, shown, shape.message, "scan")
                continue
            name, groups = shape
            parts: list[tuple[Any, ...]] = [(path, column, group) for group in range(groups)]
            for rows in _answers(workers, function, parts):
                if isinstance(rows, BadInput):
                    yield BadInput(rows.code, shown, rows.message, "scan")
                    continue
                for number, audio_path, values in rows:
                    yield _row(listing, shown, name, number, audio_path, values)


def _row(
    listing: Listing, shown: str, column: str, number: int, audio_path: str | None, values: dict[str, Any]
) -> AudioRow | BadInput:
    """The row of one row of the file `shown`; `column` is that of the audio, if member paths need it."""
    path = f"{shown}/{column}/{number}" if column else f"{shown}/{number}"
    if values.pop(_OUTSIDE, False):
        folder, slash, _ = shown.rpartition("/")
        if audio_path is None:
            return BadInput("bad_row", path, "it has neither bytes nor a path of audio", "scan")
        path = audio_path if audio_path.startswith("/") else folder + slash + audio_path
    key = str(values.pop("id", None) or audio_path or number)
    try:
        return listing.with_split(row_of(path, values, key, listing, number + 1), shown, _SPLIT)
    except RowMistake as mistake:
        return BadInput("bad_row", path, str(mistake), "scan")


def _answers(workers: Any, function: str, tasks: list[tuple[Any, ...]]) -> list[Any]:
    answers: list[Any] = [None] * len(tasks)
    for index, answer in workers.map(function, tasks, timeout_s=_TIMEOUT_S, batch=1):
        answers[index] = answer
    return answers


def list_rows(path: str, column: str | None, group: int) -> Any:
    """What a Parquet file holds besides the audio, in a worker process.

    Args:
        path: of the file.
        column: of the audio; None: the usual one.
        group: number of a row group; -1: about the file.

    Returns:
        About the file: (name of the audio column if member paths need it, number of row groups). Of a row group:
        a list of (number of the row in the file, path of the audio or None, other values).

    Raises:
        BadInput: the file is damaged, or has no audio.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise BadInput("missing", path, f"it cannot be opened: {error.strerror}", "scan") from None
    try:
        file = ParquetAudio(Window.of_file(descriptor), path)
        name = file.audio_column(column)
        if group < 0:
            return ("" if column is None else name), file.num_groups
        with file.explained():
            return _group_rows(file, name, group)
    finally:
        os.close(descriptor)


def _group_rows(file: ParquetAudio, audio: str, group: int) -> list[tuple[int, str | None, dict[str, Any]]]:
    kind = file.schema.field(audio).type
    has_path = any(kind.field(i).name == "path" for i in range(kind.num_fields))
    columns = [field.name for field in file.schema if not _has_binary(field.type) and not _is_vector(field.type)]
    columns += [f"{audio}.path"] if has_path else []
    classes = feature_names(file.schema)
    start = file.group_start(group)
    count = file.group_start(group + 1) - start
    is_outside = count > 0 and file.nulls(group, f"{audio}.bytes") == count
    if not columns:
        return [(start + i, None, {}) for i in range(count)]
    rows = []
    for i, values in enumerate(file.group_rows(group, columns)):
        struct = values.pop(audio, None)
        audio_path = struct.get("path") if isinstance(struct, Mapping) else None
        plain = {key: _plain(value, classes.get(key)) for key, value in values.items() if value is not None}
        if is_outside:
            plain[_OUTSIDE] = True
        rows.append((start + i, audio_path if isinstance(audio_path, str) else None, plain))
    return rows


def _has_binary(kind: Any) -> bool:
    import pyarrow as pa

    if pa.types.is_nested(kind):
        return any(_has_binary(kind.field(i).type) for i in range(kind.num_fields))
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def _is_vector(kind: Any) -> bool:
    """Whether a column has lists of numbers, such as embeddings: data for a model, no label of a clip."""
    import pyarrow as pa

    while pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        kind = kind.value_type
        if pa.types.is_floating(kind) or pa.types.is_integer(kind):
            return True
    return False


def _plain(value: Any, names: list[str] | None) -> Any:
    """A value as JSON has it; the number of a class becomes its name."""
    if names and isinstance(value, int) and not isinstance(value, bool):
        return names[value] if 0 <= value < len(names) else None
    if isinstance(value, str):
        return value if len(value) <= _MAX_TEXT else None
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(each, None) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each, None) for each in value]
    return str(value)
