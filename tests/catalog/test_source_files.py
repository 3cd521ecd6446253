"""What the `path` and `manifest` of a source may name, and where its mistakes are reported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from synth.catalog.scan import scan
from synth.catalog.source_files import path_kind, refuse_missing, source_from_path
from synth.dev_test.real_set import open_real_set
from synth.errors import RecipeError, UsageError
from synth.match.measure.audio_set import open_set
from synth.recipe.load import load_recipe
from synth.recipe.model import Limits, Recipe, Source
from synth.recipe.resolved import dump_resolved

RATE = 8000


def sound(path: Path, seconds: float = 0.5, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.random.RandomState(seed).standard_normal(round(seconds * RATE)) * 0.1, RATE)
    return path


def read(folder: Path, speech: str, noise: str = "sources: noise") -> Recipe:
    path = folder / "recipe.yaml"
    path.write_text(f"speech:\n  {speech}\nnoise:\n  snr_db: 5\n  layers:\n    - name: cabin\n      {noise}\n")
    return load_recipe(path)


def paths_of(source: Source, folder: Path) -> list[str]:
    return [recording.path for recording in scan([source], folder=folder, limits=Limits(), cache=None)]


def test_a_source_may_be_one_file(tmp_path: Path) -> None:
    """D24: a source that is a file was refused with "there is no folder /x/y.wav"."""
    for name in ("a/b[1].wav", "a/c.wav", "a/deep/b[1].wav"):
        sound(tmp_path / name)
    recipe = read(tmp_path, "sources: 'a/b[1].wav'")
    assert paths_of(recipe.speech.sources[0], recipe.folder) == ["b[1].wav"]
    (tmp_path / "again.yaml").write_text(dump_resolved(recipe))
    assert load_recipe(tmp_path / "again.yaml") == recipe


def test_commands_that_take_a_folder_take_a_file(tmp_path: Path) -> None:
    """D24: `profile`, `compare`, `select` and `fit` (sets) and `split` take one file as well."""
    path = sound(tmp_path / "x.wav")
    sound(tmp_path / "y.wav")
    assert [(clip.path, clip.group) for clip in open_set(path).clips] == [("x.wav", "x.wav")]
    assert [row.path for row in open_real_set(path).rows] == ["x.wav"]
    assert open_real_set(path).root == str(tmp_path)


def test_all_missing_sources_are_reported_at_their_places(tmp_path: Path) -> None:
    """Section L of the trials: a missing folder was reported without line and column."""
    (tmp_path / "list.csv").write_text("path\n")
    sources = "sources:\n    - sp\n    - {path: ., manifest: none.csv}\n    - {path: list.csv}"
    recipe = read(tmp_path, sources, "sources: {name: n, path: gone.wav}")
    with pytest.raises(RecipeError) as caught:
        refuse_missing(recipe.sources, recipe.folder)
    relative = f"paths are relative to the recipe's folder, {tmp_path}"
    name = tmp_path / "recipe.yaml"
    assert [text.split("\n")[0] for text in caught.value.mistakes] == [
        f"{name}:3:7: speech.sources.0.path - there is no folder {tmp_path}/sp; {relative}",
        f"{name}:4:27: speech.sources.1.manifest - there is no list {tmp_path}/none.csv; {relative}",
        f"{name}:5:14: speech.sources.2.path - {tmp_path}/list.csv is a list of files; give it as `manifest`",
        f"{name}:10:32: noise.layers.0.sources.0.path - there is no file {tmp_path}/gone.wav; {relative}",
    ]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{path: empty}", "2:19: speech.sources.0.path - no audio file in {folder}/empty"),
        (
            "{path: empty, glob: '*.xy'}",
            "2:32: speech.sources.0.glob - no file that matches '*.xy' in {folder}/empty",
        ),
        (
            "{path: x.wav, glob: '*.xy'}",
            "2:32: speech.sources.0.glob - glob chooses files of a folder, but {folder}/x.wav is a file; remove it",
        ),
    ],
)
def test_a_source_without_audio_is_reported_at_its_place(source: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    sound(tmp_path / "x.wav")
    recipe = read(tmp_path, f"sources: {source}")
    with pytest.raises(RecipeError) as caught:
        paths_of(recipe.speech.sources[0], recipe.folder)
    assert str(caught.value).split("\n")[0] == f"{tmp_path}/recipe.yaml:{text.format(folder=tmp_path)}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a[1].wav", "b.FLAC", "list.csv", "rows.jsonl", "words.txt", "metadata.csv"):
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def test_kinds(folder: Path) -> None:
    kinds = {"a[1].wav": "audio", "b.FLAC": "audio", "list.csv": "list", "rows.jsonl": "list", "words.txt": "list"}
    assert {name: path_kind(folder / name) for name in kinds} == kinds
    assert (path_kind(folder), path_kind(folder / "gone")) == ("folder", None)


def test_sources(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    there = Path(folder.name)
    whole = source_from_path(there, name="speech", glob="*.wav")
    assert (whole.name, whole.path, whole.glob, whole.manifest) == ("speech", str(folder), "*.wav", None)
    assert source_from_path(there, list_names=("none.csv", "metadata.csv")).manifest == str(folder / "metadata.csv")
    listed = source_from_path(there / "rows.jsonl")
    assert (listed.path, listed.manifest, listed.glob) == (str(folder), str(folder / "rows.jsonl"), None)
    one = source_from_path(there / "a[1].wav")
    assert (one.path, one.manifest, one.glob) == (str(folder / "a[1].wav"), None, None)


def test_nothing_and_a_pattern_for_a_list_are_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder, list or file"):
        source_from_path(folder / "gone")
    with pytest.raises(UsageError, match=r"--glob chooses files of a folder, but .*list\.csv is a list"):
        source_from_path(folder / "list.csv", glob="*.wav")
