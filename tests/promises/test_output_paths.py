"""Issue 10, item 1 (D1, D2, D4, D5, D16, D17): one rule for every path that a command writes to.

The options are read from the command line itself: a new command with a path is an error here until the table below
says whether that path is read or written, and what is written there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer

from synth import files
from synth.cli.app import app
from synth.errors import SynthError, UsageError
from synth.paths import output_path
from synth.paths.folders import data_set_around, is_data_set
from tests.small_set import tree

READ = {
    "init --speech",
    "init --noise",
    "plan RECIPE",
    "plan --against",
    "generate RECIPE",
    "finish DIR",
    "status DIR",
    "verify DIR",
    "explain DIR",
    "export DIR",
    "replay DIR",
    "grow SOURCE",
    "compare TRAIN",
    "compare DEV",
    "compare --clean",
    "diagnose --scores",
    "diagnose --manifest",
    "errors sample PREDICTIONS",
    "errors sample --manifest",
    "errors summary REVIEW",
    "errors summary --manifest",
    "errors summary --predictions",
    "errors summary --profile",
    "errors mislabeled PREDICTIONS",
    "errors mislabeled --manifest",
    "errors correct CORRECTIONS",
    "errors correct --manifest",
    "fit RECIPE",
    "fit --to",
    "fit --noise",
    "fit --speech",
    "labels SET",
    "labels --predictions",
    "noise SET",
    "profile SET",
    "select DIR",
    "select --to",
    "select --profile",
    "split SET",
    "split --keep",
}
"""Paths that are read alone. `finish` names a data set that is there; it writes no other place."""


@dataclass(frozen=True)
class Written:
    """A path that a command writes: the words before it, what is written, and which input folder it may not be in."""

    words: str
    kind: str
    folder: bool = False
    source: str = ""


WRITTEN = {
    "init DIR": Written("init --speech speech --noise noise", "starter recipe", folder=True, source="speech"),
    "generate --out": Written("generate recipe.yaml", "", folder=True, source="noise"),
    "export --out": Written("export set --to nemo", "", folder=True, source="set"),
    "replay --out": Written("replay set clip", "clip", source="set"),
    "grow --out": Written("grow noise --method quilt --minutes 1", "file of synthesized noise", True, "noise"),
    "compare --html": Written("compare speech noise", "page", source="noise"),
    "diagnose --html": Written("diagnose --scores predictions.csv --manifest set", "page", source="set"),
    "errors sample --out": Written("errors sample predictions.csv --manifest set", "review", source="set"),
    "errors sample --html": Written(
        "errors sample predictions.csv --manifest set --out review.csv", "page", False, "set"
    ),
    "errors mislabeled --out": Written(
        "errors mislabeled predictions.csv --manifest set", "list of candidates", source="set"
    ),
    "errors correct --out": Written(
        "errors correct predictions.csv --manifest set", "corrected manifest", source="set"
    ),
    "fit --out": Written("fit recipe.yaml --to speech", "fitted recipe", folder=True, source="noise"),
    "noise --html": Written("noise noise", "page", source="noise"),
    "profile --out": Written("profile speech", "profile", source="speech"),
    "select --out": Written("select set --to dev.profile --hours 1", "selection", source="set"),
    "split --out": Written("split speech", "split", folder=True, source="speech"),
}

RECIPE = "speech: {sources: speech}\nnoise: {snr_db: 5, layers: [{name: car, sources: noise}]}\n"


def paths_of_the_command_line() -> Iterator[str]:
    """`command --option` or `command ARGUMENT` of every parameter that is a path, or is called as outputs are."""

    def leaves(command: Any, name: str) -> Iterator[tuple[str, Any]]:
        for word, inner in getattr(command, "commands", {}).items():
            yield from leaves(inner, f"{name} {word}".strip())
        if not hasattr(command, "commands"):
            yield name, command

    for name, command in leaves(typer.main.get_command(app), ""):
        for parameter in command.params:
            options = [option for option in parameter.opts if option.startswith("--")]
            is_path = "Path" in str(parameter.type_descriptor.annotation)
            if is_path or set(options) & {"--out", "--html"}:
                yield f"{name} {options[0] if options else parameter.metavar.strip('[].')}"


def test_every_path_of_the_command_line_is_known_to_be_read_or_written() -> None:
    paths = list(paths_of_the_command_line())
    assert len(paths) > 50
    assert sorted(paths) == sorted(READ | set(WRITTEN))


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Inputs that no command can use: whoever looks at them before the output complains of them instead."""
    folder = tmp_path_factory.mktemp("ground")
    for name in ("speech", "noise"):
        (folder / name).mkdir()
        for k in range(3):
            (folder / name / f"{k}.wav").write_bytes(b"RIFF")
    (folder / "set" / ".synth").mkdir(parents=True)
    for name in (".synth/plan.json", "dataset.json", "manifest.jsonl"):
        (folder / "set" / name).write_text("{}")
    (folder / "recipe.yaml").write_text(RECIPE)
    (folder / "predictions.csv").write_text("nothing\n")
    (folder / "dev.profile").write_text("nothing\n")
    return folder


def run(ground: Path, name: str, target: Path | str) -> SynthError:
    """The error of a command that is to write to `target`. Its inputs are no use, so that there always is one."""
    case = WRITTEN[name]
    *command, option = name.split()
    rest = case.words.split()[len(command) :]
    words = [*command, *(str(ground / word) if (ground / word).exists() or "." in word else word for word in rest)]
    with pytest.raises(SynthError) as caught:
        app([*words, *([option] if option.startswith("--") else []), str(target)], standalone_mode=False)
    return caught.value


def refusal(ground: Path, name: str, target: Path | str, *, shown: Path | str | None = None) -> str:
    """The reason, of a refusal with exit code 2 that begins with the option and the path."""
    error = run(ground, name, target)
    begin = f"{name.rsplit(maxsplit=1)[-1]} {shown or target}: "
    assert isinstance(error, UsageError) and error.exit_code == 2
    assert str(error).startswith(begin), str(error)
    return str(error).removeprefix(begin)


def of_kind(folder: bool) -> list[str]:
    return [name for name, case in WRITTEN.items() if case.folder == folder]


def own_name(name: str) -> str:
    """A file that the command writes into its folder."""
    return {"init DIR": "recipe.yaml", "split --out": "split.json"}.get(name, "recipe.yaml")


@pytest.mark.parametrize("name", of_kind(folder=False))
def test_a_file_that_is_not_ours_is_left_as_it_is(ground: Path, tmp_path: Path, name: str) -> None:
    """D1: `select --out recipe.yaml` replaced the recipe."""
    target = tmp_path / "mine.yaml"
    for content in (b"mine", b""):
        target.write_bytes(content)
        before = tree(tmp_path)
        assert refusal(ground, name, target) == (
            f"this exists, and it is not an unchanged {WRITTEN[name].kind} that synth wrote; it is left as it is. Name "
            "another file, or move this one away"
        )
        assert tree(tmp_path) == before


@pytest.mark.parametrize("name", of_kind(folder=False))
def test_an_output_is_replaced_until_somebody_edits_it(ground: Path, tmp_path: Path, name: str) -> None:
    target, case = tmp_path / "out.txt", WRITTEN[name]
    output_path.write(target, b"as written", case.kind)
    assert str(target) not in str(run(ground, name, target))  # it goes on to its inputs
    target.write_bytes(b"as written, and edited")
    assert "is not an unchanged" in refusal(ground, name, target)
    assert target.read_bytes() == b"as written, and edited"
    output_path.write(tmp_path / "other.txt", b"of another kind", "something else")
    assert "is not an unchanged" in refusal(ground, name, tmp_path / "other.txt")


@pytest.mark.parametrize("name", of_kind(folder=False))
def test_a_folder_is_not_a_file(ground: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "out").mkdir()
    assert refusal(ground, name, tmp_path / "out").startswith("this is a folder, but the ")
    (tmp_path / "file").write_text("x")
    assert refusal(ground, name, tmp_path / "file" / "x").endswith(
        f"{tmp_path / 'file'} is not a folder; name a file in a folder"
    )
    assert (
        refusal(ground, name, tmp_path / "none" / "x")
        == f"there is no folder {tmp_path / 'none'}; create it, or name another file"
    )
    (tmp_path / "link").symlink_to("nowhere")
    assert "is not an unchanged" in refusal(ground, name, tmp_path / "link")


@pytest.mark.parametrize("name", of_kind(folder=True))
def test_a_folder_with_files_of_others_is_left_as_it_is(ground: Path, tmp_path: Path, name: str) -> None:
    """D4: a refused `generate` left `.synth/` in the folder."""
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / own_name(name)).write_text("mine")
    if name == "split --out":
        (folder / own_name(name)).rename(folder / "dev.jsonl")
    before = tree(tmp_path)
    error = run(ground, name, folder)
    assert isinstance(error, UsageError) and str(folder) in str(error)
    assert "is not an unchanged" in str(error) or "that synth has begun" in str(error)
    assert tree(tmp_path) == before
    assert sorted(path.name for path in folder.iterdir()) == sorted({path.split("/")[0] for path in tree(folder)})


@pytest.mark.parametrize("name", of_kind(folder=True))
def test_a_folder_of_ours_is_written_to_until_somebody_edits_it(ground: Path, tmp_path: Path, name: str) -> None:
    """D2: `fit --out` replaced an edited recipe."""
    if name == "generate --out":
        pytest.skip("a data set is resumed by its plan, not by digests; tests/promises/test_resume.py")
    if name == "export --out":
        pytest.skip("an export is resumed by its header, and replaces nothing; tests/export/test_run.py")
    folder, file = tmp_path / "out", tmp_path / "out" / own_name(name)
    output_path.write(file, b'{"digests": {}}', WRITTEN[name].kind)
    assert str(folder) not in str(run(ground, name, folder))
    file.write_bytes(b"edited")
    if name != "split --out":  # which looks at its lists first; tests/commands/test_split.py
        assert "is not an unchanged" in str(run(ground, name, folder))
    assert file.read_bytes() == b"edited"


@pytest.mark.parametrize("name", of_kind(folder=True))
def test_a_file_is_not_a_folder(ground: Path, tmp_path: Path, name: str) -> None:
    target = tmp_path / "file"
    target.write_text("mine")
    assert refusal(ground, name, target) == "this is a file, but a folder is needed; name a new folder"
    assert refusal(ground, name, target / "below").endswith(
        f"{target} is a file, but a folder is needed; name a new folder"
    )
    assert target.read_text() == "mine"


@pytest.mark.parametrize("name", WRITTEN)
def test_nothing_is_written_into_a_data_set(ground: Path, name: str) -> None:
    before = tree(ground / "set")
    for target in (ground / "set" / "new.flac", ground / "set" / "audio" / "new"):
        assert refusal(ground, name, target).startswith(f"this lies in the data set {ground / 'set'}, which no command")
    assert tree(ground / "set") == before


@pytest.mark.parametrize("name", WRITTEN)
def test_nothing_is_written_into_an_input(ground: Path, tmp_path: Path, name: str) -> None:
    """D5: clips below a source folder became clean speech."""
    source = ground / WRITTEN[name].source
    before = tree(source)
    (tmp_path / "link").symlink_to(source)
    for target in (source / "new", tmp_path / "link" / "new"):
        message = refusal(ground, name, target)
        assert "which no command adds files to" in message or "inputs are never changed" in message
    assert tree(source) == before


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("url", ["s3://bucket/x.flac", "gs://bucket/deep/x", "file:///tmp/x", "https://a.b/c"])
def test_a_url_is_refused_and_makes_no_folder(
    ground: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, url: str
) -> None:
    """`--out s3://bucket/x` made a local folder named `s3:`."""
    monkeypatch.chdir(tmp_path)
    scheme, _, rest = url.partition("://")
    assert refusal(ground, name, url, shown=f"{scheme}://{rest.lstrip('/')}") == (
        "synth writes to local folders only, not to URLs; write to a local path, and copy the result there afterwards"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", WRITTEN)
def test_a_folder_without_permission_is_found_at_once(
    ground: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """D17: what is wrong with an output is known before anything slow."""
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    assert refusal(ground, name, tmp_path / "new").startswith(
        f"the folder {tmp_path} cannot be written to (no permission"
    )


@pytest.mark.parametrize("name", ["generate --out", "fit --out"])
def test_a_source_below_the_output_is_refused(ground: Path, name: str) -> None:
    """D5"""
    before = tree(ground)
    assert refusal(ground, name, ground).endswith(
        ", an input of this command, lies in this folder; name a folder of its own"
    )
    assert tree(ground) == before


def test_two_outputs_need_two_names(ground: Path, tmp_path: Path) -> None:
    words = ["errors", "sample", str(ground / "predictions.csv"), "--manifest", str(ground / "set")]
    with pytest.raises(
        UsageError, match=r"--html .*: this is the other output of this command as well; name two files"
    ):
        app([*words, "--out", str(tmp_path / "a"), "--html", str(tmp_path / "a")], standalone_mode=False)


# ------------------------------------------------------------------------------------------------- the module itself


def test_an_input_file_is_not_an_output(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    (tmp_path / "b").hardlink_to(tmp_path / "a")
    for target in ("a", "b"):
        with pytest.raises(UsageError, match="this is an input of this command, which is never changed"):
            output_path.check_file(tmp_path / target, "page", inputs=(tmp_path / "a", None))


def test_without_a_cache_an_output_counts_as_foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "no").write_text("a file, where the cache's folder should be")
    monkeypatch.setenv("SYNTH_CACHE", str(tmp_path / "no" / "cache"))
    output_path.write(tmp_path / "out", b"data", "page")
    assert (tmp_path / "out").read_bytes() == b"data"
    assert not output_path.is_unchanged(tmp_path / "out", "page")
    output_path.write(tmp_path / "out", b"data", "page")  # the same bytes are no loss
    with pytest.raises(UsageError, match="is not an unchanged page"):
        output_path.write(tmp_path / "out", b"other", "page")


def test_a_file_that_appears_meanwhile_is_left_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="another file appeared here while synth was working"):  # noqa: SIM117
        with output_path.writing(tmp_path / "out", "page") as out:
            (tmp_path / "out").write_text("mine")
            out.write(b"data")
    assert (tmp_path / "out").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_is_written_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    output_path.write_folder(tmp_path, {"a": b"1", "b": b"1", "c": b"1"}, "split")
    (tmp_path / "b").write_text("edited")
    with pytest.raises(UsageError, match="b: this exists"):
        output_path.write_folder(tmp_path, {"a": b"2", "b": b"2"}, "split", stale=("c",))
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "1", "b": "edited", "c": "1"}
    output_path.write_folder(tmp_path, {"a": b"2", "b": b"2"}, "split", stale=("c",), replaces=("b",))
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "2", "b": "2"}


def test_what_a_killed_run_has_left_does_not_count(tmp_path: Path) -> None:
    (tmp_path / ".page.1.0.tmp").write_text("half")
    output_path.check_folder(tmp_path, "split")
    assert files.is_temporary(".page.1.0.tmp") and not files.is_temporary("page.tmp")


def test_a_data_set_is_recognized_by_its_own_files(tmp_path: Path) -> None:
    """D4: a stray `.synth/` is no data set."""
    (tmp_path / "stray" / ".synth" / "locks").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    for name in ("dataset.json", "manifest.jsonl"):
        (tmp_path / "other" / name).write_text('{"name": "of another tool"}')
    assert not is_data_set(tmp_path / "stray") and not is_data_set(tmp_path / "other")
    (tmp_path / "stray" / ".synth" / "plan.json").write_text("{}")
    (tmp_path / "other" / "dataset.json").write_text('{"fingerprint": "0", "format_version": 1}')
    assert is_data_set(tmp_path / "stray") and is_data_set(tmp_path / "other")
    assert data_set_around(tmp_path / "stray" / "deep" / "er") == tmp_path / "stray"
    assert data_set_around(tmp_path / "stray", itself=False) is None
