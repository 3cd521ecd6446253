"""files.py is the only writer, and a name is never given to half a file."""

from __future__ import annotations

import ast
import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

import synth
from synth import files
from synth.errors import StorageError

PACKAGE = Path(synth.__file__).parent

# ----------------------------------------------------------------------------------------------- nobody else writes

WRITING_METHODS = {
    "write_text", "write_bytes", "touch", "mkdir", "rename", "unlink", "rmdir", "symlink_to", "hardlink_to", "chmod", "tofile",
}  # fmt: skip
WRITING_FUNCTIONS = {
    "os": {"rename", "replace", "renames", "remove", "unlink", "rmdir", "removedirs", "mkdir", "makedirs", "link", "symlink",
           "truncate", "ftruncate", "pwrite", "chmod", "mkfifo"},
    "shutil": {"copy", "copy2", "copyfile", "copytree", "move", "rmtree", "make_archive"},
    "np": {"save", "savez", "savez_compressed", "savetxt"},
    "tempfile": {"mkstemp", "mkdtemp", "NamedTemporaryFile", "TemporaryDirectory", "TemporaryFile"},
}  # fmt: skip


def _mode(call: ast.Call, position: int) -> object:
    for keyword in call.keywords:
        if keyword.arg == "mode":
            return getattr(keyword.value, "value", "?")
    return getattr(call.args[position], "value", "?") if len(call.args) > position else "r"


def _writes(call: ast.Call) -> bool:
    function = call.func
    if isinstance(function, ast.Name):
        return function.id == "open" and bool(set("wax+?") & set(str(_mode(call, 1))))
    if not isinstance(function, ast.Attribute):
        return False
    owner = function.value.id if isinstance(function.value, ast.Name) else ""
    if owner in WRITING_FUNCTIONS:
        return function.attr in WRITING_FUNCTIONS[owner]
    if function.attr == "open" and owner not in {"os", "soundfile", "sf"}:
        return bool(set("wax+?") & set(str(_mode(call, 0))))
    return function.attr in WRITING_METHODS


def writing_calls(source: str) -> list[int]:
    return [node.lineno for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and _writes(node)]


def test_no_other_module_writes() -> None:
    found = {
        f"{path.relative_to(PACKAGE)}:{line}"
        for path in PACKAGE.rglob("*.py")
        if path != PACKAGE / "files.py"
        for line in writing_calls(path.read_text())
    }
    assert found == set()


@pytest.mark.parametrize(
    "line",
    ["open('x', 'w')", "open(x, mode='ab')", "Path(x).write_text('')", "os.replace(a, b)", "Path(a).rename(b)",
     "np.save(a, b)", "Path(a).open('wb')", "a.tofile(b)", "shutil.rmtree(a)"],
)  # fmt: skip
def test_the_rule_finds_a_writing_line(line: str) -> None:
    assert writing_calls(line) == [1]


@pytest.mark.parametrize(
    "line", ["open('x')", "Path(x).open('rb')", "'a'.replace('a', 'b')", "os.open(x, y)", "x.read_text()"]
)
def test_the_rule_lets_reading_pass(line: str) -> None:
    assert writing_calls(line) == []


# ---------------------------------------------------------------------------------------------------------- one file


def test_write_file_replaces_and_leaves_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b.txt"
    files.write_file(target, b"one")
    files.write_file(target, [b"tw", b"o"])
    assert target.read_bytes() == b"two"
    assert [p.name for p in target.parent.iterdir()] == ["b.txt"]


def test_create_file_keeps_what_is_there(tmp_path: Path) -> None:
    target = tmp_path / "b.txt"
    files.create_file(target, b"one")
    with pytest.raises(FileExistsError):
        files.create_file(target, b"two")
    assert target.read_bytes() == b"one"
    assert [p.name for p in tmp_path.iterdir()] == ["b.txt"]


def test_create_file_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(source: str, target: Path) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", no_links)
    files.create_file(tmp_path / "b", b"one")
    with pytest.raises(FileExistsError):
        files.create_file(tmp_path / "b", b"two")
    assert (tmp_path / "b").read_bytes() == b"one"
    assert [p.name for p in tmp_path.iterdir()] == ["b"]


def test_an_exception_in_the_block_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "b"
    files.write_file(target, b"old")
    with pytest.raises(RuntimeError), files.writing(target) as out:
        out.write(b"half")
        raise RuntimeError
    assert target.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["b"]


def test_the_temporary_file_lies_where_it_is_told(tmp_path: Path) -> None:
    aside = tmp_path / "aside"
    aside.mkdir()
    with files.writing(tmp_path / "b", temp_folder=aside) as out:
        out.write(b"x")
        assert [p.parent for p in tmp_path.rglob("*.tmp")] == [aside]
    assert (tmp_path / "b").read_bytes() == b"x"


def test_a_failure_names_the_path_and_the_free_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_crash_at", files._steps + 2)
    monkeypatch.setattr(files, "_crash_mode", "enospc")
    with pytest.raises(StorageError, match=r".*/b: writing failed: No space left on device, [\d.]+ MB free; fix this"):
        files.write_file(tmp_path / "b", b"xx")
    assert list(tmp_path.iterdir()) == []


# ----------------------------------------------------------------------------------------------------------- staging


@pytest.mark.parametrize("with_syncfs", [True, False])
def test_staging_publishes_all_and_removes_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_syncfs: bool
) -> None:
    if not with_syncfs:
        monkeypatch.setattr(files, "_syncfs", lambda: None)
    with files.Staging(tmp_path / "s") as staging:
        staging.put(tmp_path / "x/1", b"one")
        staging.put(tmp_path / "y/z/2", b"two")
        assert not (tmp_path / "x").exists()
        staging.publish()
    assert {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*")} == {"x", "x/1", "y", "y/z", "y/z/2"}
    assert (tmp_path / "y/z/2").read_bytes() == b"two"


def test_staging_without_publish_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), files.Staging(tmp_path / "s") as staging:
        staging.put(tmp_path / "1", b"one")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_staging_takes_over_what_a_killed_run_left(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "0").write_bytes(b"left over")
    with files.Staging(tmp_path / "s") as staging:
        staging.put(tmp_path / "1", b"one")
        staging.publish()
    assert (tmp_path / "1").read_bytes() == b"one"


def test_files_of_a_staging_may_be_written_in_parts_and_in_turns(tmp_path: Path) -> None:
    with files.Staging(tmp_path / "s") as staging:
        one, two = staging.begin(tmp_path / "x/1"), staging.begin(tmp_path / "x/2")
        for part in (b"a", bytearray(b"b"), memoryview(b"c")):
            one.write(part)
            two.write(part)
        staging.put(tmp_path / "x/3", b"three")
        staging.publish()
    assert {path.name: path.read_bytes() for path in (tmp_path / "x").iterdir()} == {
        "1": b"abc",
        "2": b"abc",
        "3": b"three",
    }


def test_a_disk_that_fails_under_a_staging_is_named_and_leaves_no_open_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    with (
        pytest.raises(StorageError, match="1: writing failed: No space left"),
        files.Staging(tmp_path / "s") as staging,
    ):
        out = staging.begin(tmp_path / "1")
        monkeypatch.setattr(files, "_crash_at", files._steps + 1)
        monkeypatch.setattr(files, "_crash_mode", "enospc")
        out.write(b"x")
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert not (tmp_path / "1").exists()


# -------------------------------------------------------------------------------------------------------- power loss


def test_nothing_gets_its_name_before_it_is_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    monkeypatch.setattr(files, "_step", lambda action, path, half=None: steps.append(action))
    with files.Staging(tmp_path / "s") as staging:
        staging.put(tmp_path / "out/1", b"one")
        staging.put(tmp_path / "out/2", b"two")
        staging.publish()
    files.create_file(tmp_path / "part", b"part")
    files.write_file(tmp_path / "merged", b"merged")
    made = ["mkdir", *["open", "write"] * 2, "syncfs", "rename", "mkdir", "rename", "rename", "syncfs", "rmtree"]
    assert steps == [*made, "open", "write", "fsync", "link", "fsync", "open", "write", "fsync", "rename", "fsync"]


# ------------------------------------------------------------------------------------------------------ crash points

SCRIPT = """
import sys
from pathlib import Path
from synth import files
root = Path(sys.argv[1])
with files.Staging(root / "staging") as staging:
    for k in range(3):
        staging.put(root / "out" / f"{k}", b"clip %d" % k)
    staging.publish()
files.create_file(root / "part", b"part")
files.write_file(root / "merged", b"merged")
"""
WHOLE = {"out/0": b"clip 0", "out/1": b"clip 1", "out/2": b"clip 2", "part": b"part", "merged": b"merged"}


def _run(root: Path, crash: str) -> tuple[int, bool]:
    """Exit code, and whether the crash point was reached."""
    environment = {**os.environ, "SYNTH_CRASH_AT": crash}
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(root)], env=environment, capture_output=True, check=False)
    return done.returncode, b"crash point" in done.stderr


def _final_files(root: Path) -> dict[str, bytes]:
    found = (p for p in root.rglob("*") if p.is_file() and p.suffix != ".tmp" and "staging" not in p.parts)
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in found}


@pytest.mark.parametrize("mode", ["kill", "enospc", "eio"])
def test_at_every_crash_point_final_names_hold_whole_files_in_order(tmp_path: Path, mode: str) -> None:
    for point in range(1, 100):
        root = tmp_path / str(point)
        root.mkdir()
        code, reached = _run(root, f"{point}:{mode}")
        found = _final_files(root)
        assert all(WHOLE[name] == data for name, data in found.items())
        assert "part" not in found or len(found) >= 4, "the part was published before its clips"
        assert (code == 0) <= (found == WHOLE), "a run that failed to write ended well"
        if not reached:
            break
    assert point > 20
    assert (code, found) == (0, WHOLE)
