"""Shar, NeMo's tars, WebDataset and Parquet: damage costs the clip or the archive it is in, and is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from synth.errors import BadInput, UsageError
from synth.lists.audio_list import AudioRow
from synth.lists.formats.listing import Listing
from synth.lists.formats.registry import read_format
from tests.foreign_sets import cut, some_clips, write_huggingface, write_nemo_tarred, write_shar, write_webdataset
from tests.tars import END, entry, write_tar

CLIPS = some_clips()


def read(name: str, path: Path, **options: object) -> tuple[list[AudioRow], dict[str, str]]:
    root = path if path.is_dir() else path.parent
    items = list(read_format(name, Listing(path, str(root), **options)))
    refused = {item.path: item.message for item in items if isinstance(item, BadInput)}
    return [item for item in items if isinstance(item, AudioRow)], refused


@pytest.mark.parametrize(
    ("name", "write"), [("shar", write_shar), ("nemo_tarred", write_nemo_tarred), ("webdataset", write_webdataset)]
)
def test_a_cut_archive_costs_its_clips_and_no_others(tmp_path: Path, name: str, write) -> None:
    folder = write(tmp_path / "set", CLIPS)
    archive = sorted(folder.glob("*.tar"))[1]
    archive.write_bytes(archive.read_bytes()[:10_000])
    rows, refused = read(name, folder)
    assert len(rows) == 3
    assert len(refused) == 1
    assert all(archive.name in message for message in refused.values())


def test_a_link_in_an_archive_is_refused_by_name(tmp_path: Path) -> None:
    data = entry(b"a.flac", CLIPS[0].flac) + entry(b"b.flac", kind=b"2") + entry(b"../c.flac", b"x")
    (tmp_path / "a.tar").write_bytes(data + END)
    rows, refused = read("webdataset", tmp_path / "a.tar")
    assert [row.path for row in rows] == ["a.tar/a.flac"]
    assert set(refused) == {"a.tar/b.flac", "a.tar/../c.flac"}


def test_an_archive_in_an_archive_is_refused_by_name(tmp_path: Path) -> None:
    write_tar(tmp_path / "a.tar", [("a.flac", CLIPS[0].flac), ("more.tar", b"x" * 600), ("z.zip", b"")])
    rows, refused = read("webdataset", tmp_path)
    assert len(rows) == 1
    assert set(refused) == {"a.tar/more.tar", "a.tar/z.zip"}


def test_samples_of_webdataset(tmp_path: Path) -> None:
    members = [
        ("dir/a.flac", CLIPS[0].flac),
        ("dir/a.speech.flac", CLIPS[1].flac),
        ("dir/a.json", json.dumps({"text": "one", "labels": {"car": "A4"}, "windows": None, "offset": 3}).encode()),
        ("b.left.flac", CLIPS[0].flac),
        ("b.right.flac", CLIPS[0].flac),
        ("c.flac", CLIPS[0].flac),
        ("c.json", b"{"),
        ("d.png", b"x"),
        ("e.flac", CLIPS[0].flac),
        ("e.txt", b"\xff"),
        ("f.flac", CLIPS[0].flac),
        ("f.json", b'{"alignment": [["x"]]}'),
        ("g.flac", CLIPS[0].flac),
        ("g.json", b"x" * (1 << 21)),
    ]
    write_tar(tmp_path / "a.tar", members)
    rows, refused = read("webdataset", tmp_path)
    assert [(row.path, row.offset, row.detail) for row in rows] == [
        ("a.tar/dir/a.flac", 0.0, {"text": "one", "labels": {"id": "dir/a", "car": "A4"}})
    ]
    assert set(refused) == {f"a.tar/{key}" for key in "bcefg"}


def test_rows_of_nemo_find_their_member(tmp_path: Path) -> None:
    write_tar(tmp_path / "audio_7.tar", [("a.flac", CLIPS[0].flac), ("b-sub3.flac", CLIPS[1].flac)])
    rows = [
        {"audio_filepath": "a.flac", "duration": 0.5, "shard_id": 7},
        {"audio_filepath": "a-sub1.flac", "duration": 0.2, "offset": 0.1, "shard_id": 7},
        {"audio_filepath": "x/b-sub3.flac", "duration": 0.5, "shard_id": 7},
        {"audio_filepath": "c.flac", "duration": 0.5, "shard_id": 7},
        {"audio_filepath": "a.flac", "duration": 0.5, "shard_id": 8},
    ]
    (tmp_path / "tarred_audio_manifest.json").write_text("".join(json.dumps(row) + "\n" for row in rows))
    good, refused = read("nemo_tarred", tmp_path)
    assert [(row.path, row.offset) for row in good] == [
        ("audio_7.tar/a.flac", 0.0),
        ("audio_7.tar/a.flac", 0.1),
        ("audio_7.tar/b-sub3.flac", 0.0),
    ]
    assert set(refused) == {"tarred_audio_manifest.json:4", "tarred_audio_manifest.json:5"}


def test_a_sharded_manifest_names_its_archive_by_its_own_number(tmp_path: Path) -> None:
    folder = write_nemo_tarred(tmp_path / "set", CLIPS)
    rows = [json.loads(line) for line in (folder / "tarred_audio_manifest.json").read_text().splitlines()]
    (folder / "tarred_audio_manifest.json").unlink()
    (folder / "sharded_manifests").mkdir()
    for row in rows:
        with (folder / "sharded_manifests" / f"manifest_{row.pop('shard_id')}.json").open("a") as file:
            file.write(json.dumps(row) + "\n")
    assert len(read("nemo_tarred", folder)[0]) == len(CLIPS)


def test_a_cut_of_a_shar_without_its_audio_is_refused(tmp_path: Path) -> None:
    folder = write_shar(tmp_path / "set", CLIPS[:1])
    (folder / "cuts.000000.jsonl.gz").unlink()
    lines = [json.dumps(cut(clip, "", "shar")) for clip in CLIPS[:2]]
    (folder / "cuts.000000.jsonl").write_text("\n".join(lines))
    rows, refused = read("shar", folder)
    assert [row.path for row in rows] == ["recording.000000.tar/clip-0.flac"]
    assert set(refused) == {"cuts.000000.jsonl:2"}


def test_splits_are_never_read_as_one(tmp_path: Path) -> None:
    folder = write_huggingface(tmp_path / "set", CLIPS)
    name = folder / "data" / "train-00000-of-00002.parquet"
    (folder / "data" / "test-00000-of-00001.parquet").write_bytes(name.read_bytes())
    with pytest.raises(
        UsageError, match=r"it has the splits test, train; choose one, such as `glob: '\*\*/test-\[0-9\]\*'`"
    ):
        read("huggingface", folder)
    rows, _ = read("huggingface", folder, glob="**/train-*")
    assert [row.path for row in rows][:2] == [f"data/train-00000-of-00002.parquet/{k}" for k in range(2)]
    assert len(rows) == len(CLIPS)


def test_splits_of_webdataset_are_never_read_as_one(tmp_path: Path) -> None:
    folder = write_webdataset(tmp_path / "set", CLIPS)
    (folder / "car-dev-000000.tar").write_bytes((folder / "car-000000.tar").read_bytes())
    with pytest.raises(UsageError, match=r"it has the splits car, car-dev; choose one, such as `glob: '\*\*/car-\["):
        read("webdataset", folder)
    assert len(read("webdataset", folder, glob="**/car-[0-9]*")[0]) == len(CLIPS)
    assert len(read("webdataset", folder, splits="join")[0]) == len(CLIPS) + 3
    labeled = [dict(row.detail["labels"])["split"] for row in read("webdataset", folder, splits="label")[0]]
    assert (labeled.count("car"), labeled.count("car-dev")) == (len(CLIPS), 3)


def test_parquet_with_classes_paths_and_two_columns_of_audio(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    features = {"label": {"names": ["city", "highway"], "_type": "ClassLabel"}}
    kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    audio = pa.array([{"bytes": clip.flac, "path": None} for clip in CLIPS], kind)
    paths = pa.array([{"bytes": None, "path": f"wav/{k}.flac"} for k in range(4)], kind)
    metadata = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    table = pa.table(
        {"clean": audio, "noisy": paths, "label": [0, 1, None, 7], "vector": [[[0.5]]] * 4}
    ).replace_schema_metadata(metadata)
    pq.write_table(table, tmp_path / "a.parquet")
    _, refused = read("huggingface", tmp_path)
    assert "several columns of audio (clean, noisy)" in refused["a.parquet"]
    rows, _ = read("huggingface", tmp_path, columns={"path": "clean"})
    assert [row.path for row in rows] == [f"a.parquet/clean/{k}" for k in range(4)]
    assert [dict(row.detail["labels"]).get("label") for row in rows] == ["city", "highway", None, None]
    assert not any("vector" in dict(row.detail["labels"]) for row in rows)
    rows, _ = read("huggingface", tmp_path, columns={"path": "noisy"})
    assert [row.path for row in rows] == [f"wav/{k}.flac" for k in range(4)]


def test_a_name_in_parquet_that_is_not_utf8_is_damage(tmp_path: Path) -> None:
    """Fuzzing came upon it: the name of a column in the description of a row group, which pyarrow decodes late."""
    data = (write_huggingface(tmp_path, CLIPS[:1]) / "data" / "train-00000-of-00001.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(data.replace(b"audio\x05bytes", b"audio\x05by\x80es"))
    rows, refused = read("huggingface", tmp_path / "a.parquet")
    assert rows == []
    assert "a.parquet: it cannot be decoded" in refused["a.parquet"]
