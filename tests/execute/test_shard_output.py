"""The layout `tar`: what a shard's tar files hold, and that nothing of a shard is left from an earlier try."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

import soundfile

from synth.execute.shard import Failure
from synth.execute.worker import run_shard
from tests import small_set


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path, "r:") as tar:
        return {info.name: tar.extractfile(info).read() for info in tar.getmembers()}  # type: ignore[union-attr]


def test_every_clip_lies_in_the_tar_of_its_shard_and_split_before_its_row(tmp_path: Path) -> None:
    dataset = small_set.plan_two_splits(tmp_path)
    small_set.make_inline(dataset, range(4))
    lines = dataset.manifest.read_text().splitlines(keepends=True)
    rows = [json.loads(line) for line in lines]
    assert len(rows) == 12
    assert {row["split"] for row in rows} == {"train", "train-dev"}
    expected: dict[str, list[str]] = {}
    for number, (row, line) in enumerate(zip(rows, lines, strict=True)):
        tar, _, name = row["audio_filepath"].rpartition("/")
        assert tar == f"audio/{row['split']}/audio_{number // 3:06d}.tar"
        assert row["shard_id"] == number // 3
        assert name == f"{row['id']}.flac"
        content = members(dataset.path / tar)
        assert content[f"{row['id']}.json"] == line.encode()
        assert hashlib.sha256(content[name]).hexdigest() == row["sha256"]
        with (dataset.path / tar).open("rb") as file:
            file.seek(row["tar_offset"])
            assert file.read(len(content[name])) == content[name]
        expected.setdefault(tar, []).extend([name, f"{row['id']}.json"])
        for stem in ("speech", "noise"):
            folder, _, name = row["stems"][stem].rpartition("/")
            assert folder == f"stems/{row['split']}/{stem}_{number // 3:06d}.tar"
            data = members(dataset.path / folder)[name]
            assert hashlib.sha256(data).hexdigest() == row["stems"][f"{stem}_sha256"]
            assert soundfile.info(io.BytesIO(data)).subtype == "PCM_24"
    assert {tar: list(members(dataset.path / tar)) for tar in expected} == expected
    assert {p.relative_to(dataset.path).as_posix() for p in (dataset.path / "audio").rglob("*.tar")} == set(expected)


def test_clips_have_the_same_bytes_in_both_layouts(tmp_path: Path) -> None:
    tars, loose = small_set.plan_two_splits(tmp_path / "tars"), small_set.plan_two_splits(tmp_path / "loose", "files")
    for dataset in (tars, loose):
        small_set.make_inline(dataset, range(4))
    of_tars, of_loose = ([json.loads(line) for line in d.manifest.read_text().splitlines()] for d in (tars, loose))
    places = {"audio_filepath", "shard_id", "tar_offset", "stems"}
    assert [{k: v for k, v in row.items() if k not in places} for row in of_tars] == [
        {k: v for k, v in row.items() if k not in places} for row in of_loose
    ]
    assert all({"shard_id", "tar_offset"}.isdisjoint(row) for row in of_loose)


def test_a_tar_of_an_earlier_try_goes_away_with_its_last_clip(tmp_path: Path) -> None:
    """A shard that was made and then lost its part is made again, and now all clips of a split are refused."""
    dataset = small_set.plan_two_splits(tmp_path)
    small_set.make_inline(dataset, range(4))
    row = next(r for r in map(json.loads, dataset.manifest.read_text().splitlines()) if r["split"] == "train-dev")
    shard, tar = row["shard_id"], dataset.path / f"audio/train-dev/audio_{row['shard_id']:06d}.tar"
    dataset.part(shard).unlink()
    failure = Failure("timeout", "render", "it took too long")
    run_shard(dataset.path, shard, dict.fromkeys(range(3 * shard, 3 * shard + 3), failure))
    assert not tar.exists()
    assert not (dataset.path / f"stems/train-dev/noise_{shard:06d}.tar").exists()
