"""What `synth` promises to a Python program: types, paths as text, clips by id, a list of what is public."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from importlib import import_module
from pathlib import Path

import pytest

import synth
from synth.commands.dataset import finish
from synth.commands.explain import explain
from synth.commands.generate import generate
from synth.commands.plan import changed_clips, make_plan
from synth.commands.replay import replay
from tests.helpers import ROOT, run_synth

SNIPPET = """\
import synth
from synth.commands.generate import GeneratedDataset, generate

data = synth.open_dataset("data/augmented")
clip_id: str = data["some-id"].id
data.select(splitt="train")
done: GeneratedDataset = generate("my-set/recipe.yaml", "data/augmented", jobs=2)
"""


def test_a_downstream_type_check_sees_our_types(tmp_path: Path) -> None:
    """D10: without py.typed `open_dataset(...)` was Any, and `select(splitt=...)` passed."""
    (tmp_path / "use.py").write_text(SNIPPET)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), "use.py"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.stdout.splitlines()[0] == (
        'use.py:6: error: Unexpected keyword argument "splitt" for "select" of "View"; did you mean "split"?  [call-arg]'
    )
    assert run.stdout.splitlines()[-1] == "Found 1 error in 1 file (checked 1 source file)"


def test_the_wheel_has_the_mark_of_types(tmp_path: Path) -> None:
    """D10."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert "synth/py.typed" in archive.namelist()


STABLE = {
    "plan": ["ChangedClips", "PlannedRecipe", "SplitTotals", "changed_clips", "make_plan"],
    "generate": ["GeneratedDataset", "Listeners", "generate"],
    "dataset": ["finish", "read_status", "verify"],
    "explain": ["ClipExplanation", "explain"],
    "replay": ["ReplayedClip", "replay"],
    "schema": ["schema_text"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example of `init`."""
    folder = tmp_path_factory.mktemp("api")
    assert run_synth("-q", "init", "my", cwd=folder).returncode == 0
    return folder


def test_paths_may_be_text(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Section 7 of the trials: `generate("r.yaml", "out")` raised TypeError."""
    monkeypatch.chdir(folder)
    planned = make_plan("my/recipe.yaml", check=False)
    generated = generate("my/recipe.yaml", "out")
    assert generated.content is not None
    assert generated.content["clips"] == len(planned.plan) == 30
    assert finish("out") == generated.content
    assert changed_clips(planned, "out") == (0, 0, 0)
    clip = synth.open_dataset("out")[7].id
    assert explain("out", clip).clip_id == clip
    assert replay("out", clip, "clip.flac").same is True
    check_lookup(synth.open_dataset("out"))
    check_lookup(synth.open_plan("out"))


def check_lookup(data: synth.OpenDataset | synth.OpenPlan) -> None:
    """Section 7: `data["id"]` raised "'str' object cannot be interpreted as an integer"."""
    clip = data[7].id
    assert data[clip].id == clip
    assert data[clip].num_samples == data[7].num_samples
    part = data.select(split=data[7].split)
    assert part[clip].id == clip
    other_split = data.select(split=next(name for name in data.splits if name != data[7].split))
    with pytest.raises(KeyError, match=f"has no clip '{clip}'"):
        other_split[clip]
    with pytest.raises(KeyError, match="has no clip 'x'"):
        data["x"]
    with pytest.raises(TypeError, match=r"a clip is named by its number or its id, not by float 1\.5"):
        data[1.5]  # type: ignore[call-overload]


def test_each_use_case_lists_what_is_stable() -> None:
    """Section 7: `dir(pipeline)` showed 40 names of helpers."""
    for module, names in STABLE.items():
        assert set(names) == set(import_module(f"synth.commands.{module}").__all__)
