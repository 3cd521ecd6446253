from __future__ import annotations

from pathlib import Path

from synth.commands.export import export
from tests.export.packed_clips import rows_by_id


def test_one_file_has_a_row_per_clip_with_typed_columns(data_set: Path, tmp_path: Path) -> None:
    from pyarrow import types
    from pyarrow.parquet import read_table

    export(data_set, tmp_path / "out", to="table_parquet", shard_size=3)
    table = read_table(tmp_path / "out/table.parquet")
    rows = {**rows_by_id(data_set, "train"), **rows_by_id(data_set, "train-dev")}
    values = table.to_pylist()
    assert [each["id"] for each in values] == list(rows)
    assert [each["text"] for each in values] == [row["text"] for row in rows.values()]
    assert [each["label_rain"] for each in values] == [row["labels"]["rain"] for row in rows.values()]
    assert [each["weight"] for each in values] == [row["weight"] for row in rows.values()]
    assert all(Path(each["audio_filepath"]).is_file() for each in values)
    assert not any(types.is_null(field.type) or types.is_nested(field.type) for field in table.schema)
