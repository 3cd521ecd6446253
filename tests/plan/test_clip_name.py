"""A clip is named by its id, by the beginning of it, or by its file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from synth.errors import UsageError
from synth.plan.clip_name import find_clip


class Ids:
    """A plan's clips, as far as names go."""

    def __init__(self, ids: Sequence[str]) -> None:
        self._ids = ids

    def __len__(self) -> int:
        return len(self._ids)

    def clip_id(self, index: int) -> str:
        return self._ids[index]

    def find(self, clip_id: str) -> int | None:
        return self._ids.index(clip_id) if clip_id in self._ids else None


CLIPS = Ids(["ada_1_0a1b2c3d-0", "ada_1_0a1b2c3d-1", "ben_1_99887766-0", "ben_12_11223344-0"])


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("ada_1_0a1b2c3d-1", 1),
        ("ben_12", 3),
        ("ben_1_", 2),
        ("audio/train/99/ben_1_99887766-0.flac", 2),
        ("stems/train/99/ben_1_99887766-0.noise.flac", 2),
        ("ben_1_99887766-0.wav", 2),
        ("{folder}/audio/train/99/ben_1_99887766-0.flac", 2),
    ],
)
def test_names_of_a_clip(name: str, index: int, tmp_path: Path) -> None:
    """Section L of the trials: `explain DIR audio/.../x.flac` was refused."""
    audio = tmp_path / "audio" / "train" / "99" / "ben_1_99887766-0.flac"
    audio.parent.mkdir(parents=True)
    audio.touch()
    assert find_clip(CLIPS, name.format(folder=tmp_path), tmp_path) == index


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "ada_1",
            "{folder}: 2 clips begin with 'ada_1': ada_1_0a1b2c3d-0, ada_1_0a1b2c3d-1; give more of the id",
        ),
        (
            "bne_12_11223344-0",
            "{folder} has no clip 'bne_12_11223344-0'; the closest ids are ben_12_11223344-0, ",
        ),
        ("zz", "{folder} has no clip 'zz'; the closest ids are ada_1_0a1b2c3d-0, ada_1_0a1b2c3d-1, ben_1_99887766-0"),
        (
            "audio/train/99/ben_1_9988776-0.flac",
            "{folder} has no clip 'audio/train/99/ben_1_9988776-0.flac'; the closest ids are ben_1_99887766-0",
        ),
    ],
)
def test_a_name_of_none_or_several_names_the_closest(name: str, text: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        find_clip(CLIPS, name, tmp_path)
    assert str(caught.value).startswith(text.format(folder=tmp_path))


def test_a_file_of_another_data_set_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other" / "ben_1_99887766-0.flac"
    other.parent.mkdir()
    other.touch()
    folder = tmp_path / "set"
    folder.mkdir()
    with pytest.raises(UsageError) as caught:
        find_clip(CLIPS, str(other), folder)
    assert str(caught.value) == f"{other} is not a file of the data set {folder}; give a clip of this data set"


def test_a_member_of_a_tar_file_is_a_clip_of_its_own_data_set_only(tmp_path: Path) -> None:
    for name in ("set", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "audio_000000.tar").touch()
    member = "audio_000000.tar/ben_1_99887766-0.flac"
    for path in (member, f"{tmp_path}/set/{member}"):
        assert find_clip(CLIPS, path, tmp_path / "set") == 2
    with pytest.raises(UsageError, match="is not a file of the data set"):
        find_clip(CLIPS, f"{tmp_path}/other/{member}", tmp_path / "set")


def test_the_closest_ids_of_many_clips_are_found(tmp_path: Path) -> None:
    clips = Ids([f"utterance_{k:06}_0-0" for k in range(30_000)])
    with pytest.raises(UsageError, match="the closest ids are utterance_029999_0-0, "):
        find_clip(clips, "utterance_029999_0-1", tmp_path)
