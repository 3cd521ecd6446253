"""docs/exporting.md: every command runs, and its tables name every format and every option."""

from __future__ import annotations

import contextlib
import re
import shlex
from pathlib import Path

import pytest

from synth.commands.export import export
from synth.export.formats import FORMATS
from tests.export.exported_set import awkward_set
from tests.helpers import ROOT, run_synth

PAGE = (ROOT / "docs" / "exporting.md").read_text(encoding="utf-8")
COMMANDS = [
    shlex.split(line)
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    (folder / "data").mkdir()
    awkward_set(folder / "made")
    (folder / "made" / "set").rename(folder / "data" / "augmented")
    return folder


def test_every_command_runs_in_this_order(folder: Path) -> None:
    assert len(COMMANDS) >= 9
    for command in COMMANDS:
        assert command[0] == "synth"
        done = run_synth(*command[1:], cwd=folder)
        assert done.returncode == 0, (command, done.stderr)
        assert done.stdout


def test_every_option_is_on_the_page() -> None:
    shown = run_synth("export", "--help").stdout
    options = set(re.findall(r"--[a-z-]+", shown)) - {"--help", "--json", "--debug"}
    assert options >= {"--split", "--paths", "--jobs", "--shard-size"}
    assert sorted(option for option in options if option not in PAGE) == []


@pytest.fixture(scope="module")
def printed(folder: Path) -> dict[str, str]:
    """The lines that read the export to each format."""
    with contextlib.chdir(folder):
        return {
            name: "\n".join(export(Path("data/augmented"), Path(f"all/{name}"), to=name).reading) for name in FORMATS
        }


def test_the_table_has_every_format_and_the_files_that_it_writes(folder: Path, printed: dict[str, str]) -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \| (?:yes|no) \|", PAGE, re.MULTILINE))
    assert set(rows) == set(FORMATS) == set(printed)
    holding = set(re.findall(r"^\| `(\w+)` \| .*? \| yes \|", PAGE, re.MULTILINE))
    assert holding == {name for name, kind in FORMATS.items() if kind.holds_audio}
    for name, cell in rows.items():
        written = {path.name for path in (folder / "all" / name).rglob("*") if path.is_file()}
        for file in re.findall(r"`([^`]+)`", cell):
            pattern = re.sub(r"<\w+>|\\\*", r"[\\w.-]+", re.escape(file.rpartition("/")[2]).replace(r"\-", "-"))
            if file != "segments":  # with --cut-margins
                assert any(re.fullmatch(pattern, each) for each in written), (name, file, written)


def test_the_lines_that_are_printed_name_files_that_exist(folder: Path, printed: dict[str, str]) -> None:
    for name, lines in printed.items():
        first_of_range = re.sub(r"(_OP_|\{)(\d+)\.\.\d+(_CL_|\})", r"\2", lines)
        first_of_range = re.sub(r"manifest__|audio__", lambda match: match[0][:-1], first_of_range)
        paths = re.findall(rf"all/{name}(?:[\w./-]*\w)?", first_of_range)
        assert paths, name
        assert [path for path in paths if not (folder / path).exists()] == [], name
