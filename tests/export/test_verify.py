"""`synth verify` sees every change of an export."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from synth.commands.dataset import verify
from synth.commands.export import export
from synth.errors import UsageError
from tests.export.exported_set import awkward_set, rewrite
from tests.helpers import rows_of, run_synth
from tests.small_set import in_child


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    export(awkward_set(tmp_path), tmp_path / "out", to="nemo")
    return tmp_path / "out"


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def link(path: Path) -> None:
    copy = path.parent.parent / "copy"
    path.rename(copy)
    path.symlink_to(copy)


DAMAGE: dict[str, tuple[Callable[[Path], object], str, bool]] = {
    "flipped": (flip, "is not as it was written", False),
    "cut": (cut, "bytes, export.json says", True),
    "missing": (Path.unlink, "No such file", True),
    "linked": (link, "is a link", True),
}


@pytest.mark.parametrize("name", DAMAGE)
@pytest.mark.parametrize("file", ["train_last.jsonl", "input_cfg.yaml"])
def test_damage_is_seen(exported: Path, name: str, file: str) -> None:
    damage, what, seen_quickly = DAMAGE[name]
    assert verify(exported).findings == verify(exported, quick=True).findings == []
    damage(exported / file)
    (finding,) = verify(exported).findings
    assert finding.path == file
    assert what in finding.what
    assert bool(verify(exported, quick=True).findings) is seen_quickly


def test_damage_of_export_json_is_seen(exported: Path) -> None:
    text = (exported / "export.json").read_text()
    for broken in (text.replace('"clips": 8', '"clips": 9'), text[:-20], text.replace('"files"', '"fils"')):
        (exported / "export.json").write_text(broken)
        findings = verify(exported).findings
        assert [finding.path for finding in findings] == ["export.json"]


def test_files_of_others_are_seen(exported: Path) -> None:
    (exported / "deep").mkdir()
    (exported / "deep" / "note.txt").write_text("mine")
    assert [str(finding) for finding in verify(exported).findings] == ["deep/note.txt: does not belong to the export"]


def test_a_data_set_that_changed_or_went_away_is_seen(exported: Path) -> None:
    data_set = exported.parent / "set"
    rows = rows_of(data_set / "manifest.jsonl")
    rewrite(data_set, rows[:-1])
    (finding,) = verify(exported).findings
    assert finding.what == "the data set that the lists refer to is another one by now: ../set"
    data_set.rename(exported.parent / "moved")
    (finding,) = verify(exported).findings
    assert finding.what.startswith("the data set that the lists refer to cannot be read")


def test_a_prefix_refers_to_no_data_set_here(tmp_path: Path) -> None:
    data_set = awkward_set(tmp_path)
    export(data_set, tmp_path / "out", to="nemo", paths="s3://bucket/set")
    data_set.rename(tmp_path / "moved")
    assert verify(tmp_path / "out").findings == []


def test_an_unfinished_export_is_not_verified(tmp_path: Path) -> None:
    data_set = awkward_set(tmp_path)
    in_child(lambda: export(data_set, tmp_path / "out", to="nemo"), "20:kill")
    with pytest.raises(UsageError, match="is not complete"):
        verify(tmp_path / "out")


def test_the_command_exits_with_its_code(exported: Path) -> None:
    assert run_synth("verify", exported).stdout == f"{exported}: 8 clips as nemo, 4 files: all as export.json says\n"
    flip(exported / "train-dev.jsonl")
    printed = run_synth("verify", exported)
    assert printed.returncode == 4
    assert "train-dev.jsonl: is not as it was written" in printed.stdout
