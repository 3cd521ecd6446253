"""Data sets of other tools as sources and as dev sets: the same clips, whatever format they come in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from synth.audio.read import read_samples
from synth.catalog.scan import scan
from synth.dev_test.real_set import open_real_set
from synth.errors import SynthError
from synth.lists.formats.registry import SOURCE_FORMATS, detect_format
from synth.match.measure.audio_set import open_set
from synth.recipe.model import Limits, Source
from tests.foreign_sets import RATE, SETS, Clip, some_clips


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    return some_clips()


def scanned(folder: Path, source: Source):
    return scan([source], folder=folder, limits=Limits(), jobs=1)


def test_every_format_has_a_set_here() -> None:
    assert {name for name, _ in SETS.values()} == set(SOURCE_FORMATS)


@pytest.mark.parametrize("name", SETS)
def test_as_a_source_it_gives_the_same_clips(tmp_path: Path, clips: list[Clip], name: str) -> None:
    kind, write = SETS[name]
    write(tmp_path / "set", clips)
    catalog = scanned(tmp_path, Source(name="s", path="set", format=kind))
    assert list(catalog.refused) == []
    by_id = {(row.labels or {}).get("id"): (k, row) for k, row in enumerate(catalog)}
    assert set(by_id) == {clip.id for clip in clips}
    for clip in clips:
        k, row = by_id[clip.id]
        assert (row.text, row.speaker, row.num_samples, row.sample_rate) == (
            clip.text,
            clip.speaker,
            len(clip.samples),
            RATE,
        )
        assert (row.labels or {}).get("language") == clip.language
        samples, _ = read_samples(catalog.file(k), offset=row.offset, num_samples=row.num_samples)
        assert np.array_equal(np.rint(samples * 32768).astype(np.int16), clip.samples)


@pytest.mark.parametrize("name", [name for name in SETS if name != "audiofolder"])
def test_it_is_recognized(tmp_path: Path, clips: list[Clip], name: str) -> None:
    kind, write = SETS[name]
    assert detect_format(write(tmp_path / "set", clips)) == kind
    assert len(scanned(tmp_path, Source(name="s", path="set"))) == len(clips)


@pytest.mark.parametrize("name", SETS)
def test_a_folder_with_loose_audio_is_a_folder_as_before(
    tmp_path: Path, clips: list[Clip], make_sound, name: str
) -> None:
    SETS[name][1](tmp_path / "set", clips)
    make_sound("set/loose.wav")
    assert detect_format(tmp_path / "set") is None


@pytest.mark.parametrize("name", SETS)
def test_as_a_dev_set_it_gives_the_same_clips(tmp_path: Path, clips: list[Clip], name: str) -> None:
    _, write = SETS[name]
    folder = write(tmp_path / "set", clips)
    real_set = open_real_set(folder)
    assert real_set.refused == ()
    assert sorted(row.detail.get("text") for row in real_set.rows) == sorted(clip.text for clip in clips)
    if name != "audiofolder":  # `synth profile` reads a folder with metadata as a folder, and says so
        audio_set = open_set(folder)
        assert len(audio_set.clips) == len(clips)
        assert {clip.group for clip in audio_set.clips} == {"spk0", "spk1"}


def test_audio_that_is_elsewhere_needs_the_folder_that_it_is_in(tmp_path: Path, clips: list[Clip]) -> None:
    folder = SETS["kaldi"][1](tmp_path / "set", clips)
    (tmp_path / "set" / "wav").rename(tmp_path / "corpus")
    lines = "".join(f"{clip.id} {tmp_path}/corpus/{clip.id}.flac\n" for clip in clips)
    (folder / "wav.scp").write_text(lines)
    with pytest.raises(SynthError, match=r"`manifest: set`, and the folder that all its audio is in as `path`"):
        scanned(tmp_path, Source(name="s", path="set", format="kaldi"))
    catalog = scanned(tmp_path, Source(name="s", path="corpus", manifest="set", format="kaldi"))
    assert sorted(row.path for row in catalog) == sorted(f"{clip.id}.flac" for clip in clips)
    assert len(open_real_set(folder).rows) == len(clips)
