"""A dev set that shares a file with the training sources is refused, also if either is a member of an archive."""

from __future__ import annotations

from pathlib import Path

import pytest

from synth.catalog.scan import scan
from synth.errors import GuardError
from synth.match.fit.guards import refuse_shared_files
from synth.match.measure.profile import ClipProfile, Profile
from synth.recipe.model import Limits, Source
from tests.foreign_sets import some_clips, write_huggingface, write_kaldi, write_webdataset

CLIPS = some_clips()


def profile_of(folder: Path, *paths: str) -> Profile:
    return Profile("dev", str(folder), len(paths), {}, tuple(ClipProfile(path, path, {}) for path in paths))


@pytest.mark.parametrize("name", ["webdataset", "huggingface"])
def test_a_clip_of_dev_that_is_in_an_archive_of_the_training_set_is_named(tmp_path: Path, name: str) -> None:
    write = {"webdataset": write_webdataset, "huggingface": write_huggingface}[name]
    write(tmp_path / "train", CLIPS[:2])
    write_kaldi(tmp_path / "dev", CLIPS[1:3])
    catalog = scan([Source(name="s", path="train", format=name)], folder=tmp_path, limits=Limits())
    refuse_shared_files(profile_of(tmp_path / "dev", "wav/clip-2.flac"), [catalog])
    with pytest.raises(GuardError, match=r"wav/clip-1\.flac"):
        refuse_shared_files(profile_of(tmp_path / "dev", "wav/clip-2.flac", "wav/clip-1.flac"), [catalog])


def test_a_member_of_the_same_archive_is_the_same_by_its_path(tmp_path: Path) -> None:
    write_webdataset(tmp_path / "train", CLIPS)
    catalog = scan([Source(name="s", path="train", format="webdataset")], folder=tmp_path, limits=Limits())
    with pytest.raises(GuardError, match=r"car-000000\.tar/clip-0\.flac"):
        refuse_shared_files(profile_of(tmp_path / "train", "car-000000.tar/clip-0.flac"), [catalog])
