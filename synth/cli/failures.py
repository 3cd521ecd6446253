"""Report an error: on stderr in plain words, with `--json` also as one object on stdout."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Mapping
from typing import Any, NamedTuple

import typer

from synth.cli.frame import RENAMED
from synth.cli.output import error_line, print_json, state
from synth.errors import BadInput, RecipeError, SynthError
from synth.text import cut_long_words

#: What to do about an error of the operating system, by its number.
_ADVICE: Mapping[int, str] = {
    errno.ENOSPC: "free some disk space and run again",
    errno.EDQUOT: "free some of your quota and run again",
    errno.EFBIG: "raise the limit for the size of files and run again",
    errno.EROFS: "the disk is read-only: choose another place",
    errno.EACCES: "check the permissions of the file and of its folder",
    errno.EPERM: "check the permissions of the file and of its folder",
    errno.EIO: "the disk failed to read or write: check it and run again",
    errno.ENOENT: "check that the file exists and was not removed during the run",
    errno.EMFILE: "raise the limit of open files (`ulimit -n`), or use fewer workers (`--jobs`)",
    errno.ENFILE: "close other programs, or use fewer workers (`--jobs`)",
    errno.ENOMEM: "close other programs, or use fewer workers (`--jobs`)",
    errno.ENAMETOOLONG: "choose a shorter name",
}


def report(error: BaseException) -> int:
    """Print an error and return the exit code that belongs to it."""
    if state.debug:
        for line in "".join(traceback.format_exception(error)).splitlines():
            error_line(line)
    kind, text, code = _describe(error)
    text = cut_long_words(text)
    for line in text.splitlines():
        error_line(line if line.startswith(" ") else f"synth: {line}")
    if state.json and not state.has_result:
        print_json({"error": {"kind": kind, "message": text, "exit_code": code, **_details(error)}})
    return code


class _Description(NamedTuple):
    """An error as it is reported."""

    kind: str
    text: str
    exit_code: int


def _describe(error: BaseException) -> _Description:
    kind = type(error).__name__
    if isinstance(error, SynthError):
        return _Description(kind, str(error) or kind, error.exit_code)
    if isinstance(error, typer.TyperException):
        context = getattr(error, "ctx", None)
        path = context.command_path if context else "synth"
        message = error.format_message().replace(": Value error, ", ": ")  # pydantic, below typer, puts these words in
        option = str(getattr(error, "option_name", ""))
        if option in RENAMED and message.startswith("No such option"):
            message = f"No such option: {option}: it is now called {RENAMED[option]}."
        if context and message == context.get_help():  # what typer says of a group without a command
            message = "Missing command."
        return _Description("UsageError", f"{message}\n  Help: {path} --help", error.exit_code)
    if isinstance(error, OSError):
        return _Description("OSError", _os_error_text(error), 1)
    if isinstance(error, MemoryError):
        text = "not enough memory: use fewer workers (--jobs 1), or shorter recordings, and run again"
        return _Description(kind, text, 1)
    if isinstance(error, RecursionError):
        text = "an input file is nested too deeply to be read: check the recipe, lists and profiles"
        return _Description(kind, text, 1)
    text = f"{kind}: {error}\nThis is a bug in synth, or a broken installation. Run again with --debug to see where."
    return _Description("Bug", text, 1)


def _os_error_text(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    names = [str(name) for name in (error.filename, error.filename2) if name is not None]
    where = f"{' -> '.join(names)}: " if names else ""
    advice = _ADVICE.get(error.errno or 0, "run again; --debug shows where it happened")
    return f"{where}{reason}; {advice}"


def _details(error: BaseException) -> dict[str, Any]:
    """Further values of an error, for `--json`."""
    if isinstance(error, RecipeError):
        return {"mistakes": error.mistakes}
    if isinstance(error, BadInput):
        return {"code": error.code, "path": error.path, "step": error.step}
    if isinstance(error, OSError):
        return {"path": None if error.filename is None else str(error.filename), "errno": error.errno}
    return {}
