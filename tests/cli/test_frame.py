"""What every command of `synth` has in common. Commands are discovered, so that a new one is held to the same."""

from __future__ import annotations

import ast
import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import typer

from synth import cli
from synth.cli import frame, options
from synth.cli.app import COMMANDS as SECTIONS
from synth.cli.app import app
from synth.cli.output import state
from synth.errors import RecipeError
from tests.helpers import run_synth

ROOT = frame.program(app)
PACKAGE = Path(cli.__file__).parents[1]
Run = subprocess.CompletedProcess[str]
HOSTILE = "ho\x1b[2J\x07\u202e\u2028\x9b31m\r"


def commands(group: Any = ROOT, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command, of groups too: (its words, the command)."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = dict(commands())
LEAVES = pytest.mark.parametrize("words", COMMANDS, ids=" ".join)


@pytest.fixture(autouse=True)
def one_command_line() -> Iterator[None]:
    yield
    state.reset()


def parsed(text: str) -> dict[str, Any]:
    value = json.loads(text)
    assert isinstance(value, dict)
    assert value["schema_version"] == 1
    return value


# help


def test_every_command_is_in_one_group_of_the_help() -> None:
    """Section L of the trials: commands in no order."""
    listed = ["errors", *(function.__name__ for functions in SECTIONS.values() for function in functions)]
    visible = [name for name, command in ROOT.commands.items() if not command.hidden]
    assert sorted(listed) == sorted(visible)
    lines = run_synth("--help").stdout.splitlines()
    at = [lines.index(f"{title}:") for title in ("Make", "Noise", "Match", "Decide")]
    assert at == sorted(at)
    assert lines[at[0] + 1] == "  init      Write a starter recipe with comments."


@LEAVES
def test_the_summary_of_a_command_is_one_short_sentence(words: tuple[str, ...]) -> None:
    """Section L: summaries were cut at 45 characters."""
    summary = COMMANDS[words].help.split("\n\n")[0]
    assert len(summary) <= 45
    assert summary.endswith(".")
    assert COMMANDS[words].get_short_help_str(60) == summary


@LEAVES
def test_help_shows_no_variables_and_explains_each_option(words: tuple[str, ...]) -> None:
    """D28: `[env var: SYNTH_N]` doubled the length of the help."""
    shown = run_synth(*words, "--help")
    assert shown.returncode == 0
    assert "SYNTH_" not in shown.stdout
    assert "env var" not in shown.stdout
    for param in COMMANDS[words].params:
        assert param.help.endswith((".", ")")), param.name
        assert param.help[0].isupper() or param.help.split()[0].rstrip(",") in ("auto", "quotas"), param.name
        assert param.metavar is None or param.metavar.upper() == param.metavar, param.name


@pytest.mark.parametrize("words", [["help"], ["help", "plan"], ["help", "errors", "sample"], []])
def test_help_is_a_command_too(words: list[str]) -> None:
    run = run_synth(*words)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == run_synth(*words[1:], "--help").stdout


def test_the_word_version_names_the_option() -> None:
    """Section L: `synth version` suggested 'verify'."""
    run = run_synth("version")
    assert run.returncode == 2
    assert run.stderr == "synth: No such command 'version'. Did you mean '--version'?\n  Help: synth --help\n"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("errors mislabelled x", "No such command 'mislabelled': it is now called 'mislabeled'."),
        ("split x --allow-synthesised", "No such option: --allow-synthesised: it is now called --allow-synthesized."),
        ("noise x --pattern y", "No such option: --pattern: it is now called --glob."),
    ],
)
def test_an_old_name_of_a_command_or_option_names_the_new_one(
    line: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(line.split()) == 2
    assert capsys.readouterr().err.startswith(f"synth: {message}\n  Help: synth {line.split(maxsplit=1)[0]} --help\n")


# the common options


@LEAVES
def test_common_options_are_taken_before_and_after_every_command(words: tuple[str, ...]) -> None:
    """D11: `synth plan -q` was refused, and so were `--debug` and `-v` after, and `--json` before."""
    switches = ["-q", "--quiet", "-v", "--verbose", "--debug", "--json", "-qv"]
    assert cli.run([*switches, *words, "--help"]) == 0
    assert cli.run([*words, *switches, "--help"]) == 0


@pytest.mark.parametrize("place", ["before", "after"])
def test_common_options_do_the_same_in_both_places(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    """D11."""

    def ran(*switches: str) -> tuple[int, bool, bool]:
        words = ["status", "nowhere"]
        assert cli.run([*switches, *words] if place == "before" else [*words, *switches]) == 2
        return state.verbosity, state.debug, state.json

    assert ran() == (1, False, False)
    assert ran("-q") == ran("-v", "-q") == ran("-q", "-v") == (0, False, False)
    assert ran("-v") == (2, False, False)
    assert ran("--debug", "--json") == (1, True, True)
    assert "Traceback" in capsys.readouterr().err


def test_common_options_work_inside_a_group(capsys: pytest.CaptureFixture[str]) -> None:
    """D11: for sub-commands too."""
    line = ["errors", "sample", "nowhere.csv", "--manifest", "nowhere.jsonl", "--out", "review.csv"]
    for words in (["--json", *line], ["errors", "--json", *line[1:]], [*line, "--json"]):
        assert cli.run(words) == 2
        assert parsed(capsys.readouterr().out)["error"]["kind"] == "UsageError"


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    """A folder with the example of `init` and its data set `out`; and how `generate -v` ended."""
    folder = tmp_path_factory.mktemp("example")
    assert run_synth("-q", "init", "my", cwd=folder).returncode == 0
    return folder, run_synth("generate", "my", "--out", "out", "-v", cwd=folder)


def test_verbose_prints_what_is_logged(example: tuple[Path, Run]) -> None:
    """D12: `-v` printed nothing. Now: cache, guards, shards, limits, memory; and the result stays alone on stdout."""
    folder, run = example
    assert run.stdout.startswith("rendered 30 clips, ")
    assert "cache" not in run.stdout
    for part in (
        " of 30 measurements known",
        "found 30 recordings of speech, 12 of noise, 0 of rooms",
        "planned 30 clips in 1 shards",
        "guard noise.layers.cabin/train: each second used 1.2 times (max_reuse 100), 10 recordings",
        "guard disk: about ",
        "shard 0: 30 clips, ",
        "guard limits.max_bad: 0 of 42 inputs refused (allowed: 1.00%)",
        "finished; this process took at most ",
    ):
        assert sum(part in line for line in run.stderr.splitlines()) == 1, part
    assert "next: synth verify out\n" in run.stderr
    quiet = run_synth("generate", "my", "--out", "out", "-q", cwd=folder)
    assert (quiet.returncode, quiet.stderr) == (0, "")


# environment variables


def named_params() -> dict[str, list[tuple[tuple[str, ...], Any]]]:
    params_of: dict[str, list[tuple[tuple[str, ...], Any]]] = {}
    for words, command in [((), ROOT), *COMMANDS.items()]:
        for param in command.params:
            if param.envvar is not None:
                params_of.setdefault(param.envvar, []).append((words, param))
    return params_of


def test_each_option_has_a_variable_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """D28: SYNTH_N, SYNTH_BY and SYNTH_MANIFEST had several meanings."""
    variables = named_params()
    assert [name for name, params in variables.items() if len(params) > 1] == []
    assert {"SYNTH_SPLIT_BY", "SYNTH_GENERATE_JOBS", "SYNTH_ERRORS_SAMPLE_N", "SYNTH_PLAN_RECIPE"} <= set(variables)
    assert {name for name, [(words, _)] in variables.items() if not words} == {
        f"SYNTH_{name.upper()}" for name in frame.GLOBALS
    }
    without = {
        (*words, param.name) for words, command in COMMANDS.items() for param in command.params if not param.envvar
    }
    assert {path[-1].strip("_") for path in without} == set(frame.GLOBALS)
    for name, [(words, param)] in variables.items():
        monkeypatch.setenv(name, "3")
        context = typer.Context(COMMANDS[words] if words else ROOT)
        value, _ = param.consume_value(context, {})
        assert value in ("3", ["3"]), name
        monkeypatch.delenv(name)


def test_variables_work(tmp_path: Path) -> None:
    """D28."""
    run = run_synth("status", env={"SYNTH_STATUS_DATASET": "nowhere", "SYNTH_JSON": "1"}, cwd=tmp_path)
    assert run.returncode == 2
    assert "nowhere" in parsed(run.stdout)["error"]["message"]
    verified = run_synth("verify", "nowhere", env={"SYNTH_STATUS_JSON": "1", "SYNTH_QUICK": "x"}, cwd=tmp_path)
    assert (verified.returncode, verified.stdout) == (2, "")


# choices


def test_choices_are_those_that_the_program_knows() -> None:
    from synth.dev_test.earlier_split import ON_CONFLICT
    from synth.diagnose.ladder.predictions import MEASURES
    from synth.dsp.generators import GENERATORS
    from synth.export.formats import FORMATS
    from synth.match.select.selection import Method
    from synth.stats.edits import UNITS

    assert get_args(options.ExportFormat) == tuple(FORMATS)
    assert get_args(options.GrowMethod) == tuple(GENERATORS)
    assert get_args(options.Unit) == UNITS
    assert get_args(options.Measure) == MEASURES
    assert get_args(options.SelectMethod) == get_args(Method)
    assert get_args(options.OnConflict) == ON_CONFLICT


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("synth grow --method ", ["quilt", "shaped", "separate", "cabin"]),
        ("synth diagnose --unit ", ["word", "character", "clip"]),
        ("synth diagnose --measure ", ["errors", "error", "text", "loss"]),
        ("synth errors sample --unit c", ["character", "clip"]),
        ("synth select --method ", ["quotas", "ratio", "balance"]),
        ("synth split --on-conflict ", ["refuse", "drop", "dev", "test", "train"]),
        ("synth plan --js", ["--json"]),
        ("synth repl", ["replay"]),
    ],
)
def test_choices_complete_in_the_shell(line: str, expected: list[str]) -> None:
    """Section L: Tab listed files after --method."""
    words = line.split(" ")
    env = {"_SYNTH_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    assert run_synth(env=env).stdout.split() == expected


# errors


def test_usage_errors_have_one_voice(capsys: pytest.CaptureFixture[str]) -> None:
    """Section L: typer's errors and ours were two voices."""
    assert cli.run(["plan"]) == 2
    assert capsys.readouterr().err == "synth: Missing argument 'RECIPE'.\n  Help: synth plan --help\n"
    assert cli.run(["errors", "sample", "x", "--unit", "words"]) == 2
    text = capsys.readouterr().err
    assert text.startswith("synth: Invalid value for '--unit': 'words' is not one of 'word', 'character', 'clip'.\n")
    assert text.endswith("  Help: synth errors sample --help\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["plan", "--json"], "Missing argument 'RECIPE'.\n  Help: synth plan --help"),
        (["--json", "plan"], "Missing argument 'RECIPE'.\n  Help: synth plan --help"),
        (
            ["plan", "--jsn", "--json"],
            "No such option: --jsn (Possible options: --jobs, --json, --set)\n  Help: synth plan --help",
        ),
        (["--json", "status", "nowhere"], None),
    ],
)
def test_errors_are_objects_with_json(
    words: list[str], message: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Issue item 13: one object on stdout, the text for people on stderr."""
    assert cli.run(words) == 2
    output = capsys.readouterr()
    error = parsed(output.out)["error"]
    assert (error["kind"], error["exit_code"]) == ("UsageError", 2)
    assert error["message"] == message or message is None
    assert output.err.startswith(f"synth: {error['message'].splitlines()[0]}")


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("synth.commands.plan.make_plan", fail)


def test_a_recipe_error_has_its_mistakes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    failing(monkeypatch, RecipeError(["r.yaml:1:1: one", "r.yaml:2:1: two"]))
    assert cli.run(["plan", "r.yaml", "--json"]) == 2
    error = parsed(capsys.readouterr().out)["error"]
    assert error["mistakes"] == ["r.yaml:1:1: one", "r.yaml:2:1: two"]
    assert error["kind"] == "RecipeError"


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "d/.synth/lock"), "OSError",
         "synth: d/.synth/lock: No space left on device; free some disk space and run again\n"),
        (OSError(errno.EIO, "Input/output error"), "OSError",
         "synth: Input/output error; the disk failed to read or write: check it and run again\n"),
        (PermissionError(errno.EACCES, "Permission denied", "x", None, "y"), "OSError",
         "synth: x -> y: Permission denied; check the permissions of the file and of its folder\n"),
        (OSError("odd"), "OSError", "synth: odd; run again; --debug shows where it happened\n"),
        (MemoryError(), "MemoryError",
         "synth: not enough memory: use fewer workers (--jobs 1), or shorter recordings, and run again\n"),
        (RecursionError("maximum recursion depth exceeded"), "RecursionError",
         "synth: an input file is nested too deeply to be read: check the recipe, lists and profiles\n"),
        (KeyError("x"), "Bug",
         "synth: KeyError: 'x'\nsynth: This is a bug in synth, or a broken installation. Run again with --debug to see where.\n"),
    ],
    ids=["full", "disk", "rename", "plain", "memory", "depth", "bug"],
)  # fmt: skip
def test_errors_of_the_system_are_no_bugs(
    error: Exception, kind: str, text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """B13: "OSError: [Errno 28] ... This is a bug of synth" when the disk was full."""
    failing(monkeypatch, error)
    assert cli.run(["plan", "r.yaml", "--json"]) == 1
    output = capsys.readouterr()
    assert output.err == text
    assert parsed(output.out)["error"]["kind"] == kind


def test_a_result_is_never_followed_by_a_second_object(example: tuple[Path, Run], tmp_path: Path) -> None:
    """`verify --json` of a damaged set: its report is the one object, the error is on stderr and in the exit code."""
    shutil.copytree(example[0] / "out", tmp_path / "out")
    next((tmp_path / "out" / "audio").rglob("*.flac")).unlink()
    run = run_synth("verify", "out", "--json", cwd=tmp_path)
    assert run.returncode == 4
    assert "error" not in parsed(run.stdout)
    assert run.stderr.startswith("synth: ")


# where things are printed


def test_nothing_prints_but_the_one_module() -> None:
    """B9: escaping is in one place, which nothing can bypass."""
    bypassing = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name, first = ast.unparse(node.func), ast.unparse(node.args[0]) if node.args else ""
                writes = name.startswith(("sys.stdout.", "sys.stderr.")) and not name.endswith("isatty")
                writes |= name == "os.write" and first in ("1", "2")
                if name in ("print", "typer.echo", "typer.secho") or writes or name.endswith("console.print"):
                    bypassing.append(f"{path.relative_to(PACKAGE)}: {name}")
    assert bypassing == ["cli/progress.py: self._bar.console.print", "files.py: os.write"]


def hostile_line(words: tuple[str, ...], folder: Path) -> list[str]:
    """A command line whose every text is hostile."""
    line = list(words)
    for param in COMMANDS[words].params:
        kind = str(param.type_descriptor.annotation)
        if not param.required and ("bool" in kind or "int" in kind or "float" in kind or "Literal" in kind):
            continue
        value = "quilt" if "Literal" in kind else "1" if "float" in kind else f"{folder}/{HOSTILE}{param.name}"
        line += [param.opts[0], value] if param.param_type_name == "option" else [value]
    return line


@LEAVES
def test_hostile_names_never_reach_the_terminal(
    words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """B9: escape sequences, bidirectional marks and U+009B in paths and other arguments."""
    code = cli.run([*hostile_line(words, tmp_path), "--json", "--debug"])
    output = capsys.readouterr()
    assert code in (0, 1, 2)
    assert all(line.isprintable() for text in output for line in text.splitlines())
    assert "bug in synth" not in output.err
    assert words == ("schema",) or parsed(output.out)


# Ctrl-C


@pytest.mark.parametrize("module", ["synth.processes.threads", "typer", "synth.cli.show.plan", "numpy", "soundfile"])
def test_ctrl_c_during_the_imports_prints_no_traceback(module: str, tmp_path: Path) -> None:
    """B14: a signal that arrives while `module` is imported."""
    (tmp_path / "recipe.yaml").write_text("")
    program = (
        "import os, signal, sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {module!r}: os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder())\n"
        "from synth.cli import main\n"
        "sys.argv = ['synth', 'plan', 'recipe.yaml']\n"
        "main()\n"
    )
    env = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=tmp_path, env=env
    )
    assert run.returncode == 130
    assert run.stdout == ""
    assert run.stderr in ("", "synth: interrupted; run again to resume\n")
