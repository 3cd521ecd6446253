from __future__ import annotations

from pathlib import Path

import pytest

from synth.commands.export import export
from synth.errors import DamagedDataset
from synth.export.clip_files import packed_row
from tests.export.exported_set import make_set
from tests.export.rows import row
from tests.small_set import make_inline, make_sources, plan_into, tree

PACKED = ("huggingface", "nemo_tarred", "shar", "webdataset")


def test_a_packed_row_names_what_is_beside_it_and_no_place_in_the_data_set() -> None:
    stems = {"speech": "a.tar/x.flac", "speech_sha256": "1", "noise": None, "noise_sha256": None}
    inside = packed_row(row(stems=stems, shard_id=3, tar_offset=512), "x.flac", {"speech": "x.speech.flac"})
    assert inside == row(audio_filepath="x.flac", stems={**stems, "speech": "x.speech.flac"})


def test_a_data_set_of_tar_files_is_exported_to_the_same_bytes(tmp_path: Path) -> None:
    dataset = plan_into(make_sources(tmp_path / "tar"), tmp_path / "tar/set", ["output.layout=tar"])
    make_inline(dataset, range(3))
    make_set(tmp_path / "files")
    assert list((tmp_path / "tar/set").glob("audio/train/*.tar"))
    for name in PACKED:
        trees = []
        for layout in ("tar", "files"):
            export(tmp_path / layout / "set", tmp_path / layout / name, to=name)
            trees.append({k: v for k, v in tree(tmp_path / layout / name).items() if k != "export.json"})
        assert trees[0] == trees[1]
        assert trees[0]


@pytest.mark.parametrize("name", PACKED)
def test_damaged_audio_is_not_packed(tmp_path: Path, name: str) -> None:
    data_set = make_set(tmp_path)
    victim = sorted(data_set.glob("audio/**/*.flac"))[3]
    data = bytearray(victim.read_bytes())
    data[-1] ^= 1
    victim.write_bytes(data)
    with pytest.raises(DamagedDataset, match=victim.name):
        export(data_set, tmp_path / "out", to=name)
    assert not (tmp_path / "out/export.json").exists()
