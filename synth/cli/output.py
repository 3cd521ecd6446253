"""What the command line prints, and where: the result on stdout, all else on stderr. Nothing else in `cli` prints.

Whatever the text holds (file names, texts, keys of a recipe), no control character reaches the terminal.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from synth.cli.terminal import shortened, width, wrapped
from synth.text import printable_json, printable_lines

SCHEMA_VERSION = 1
_REFUSED_SHOWN = 20
_PATH_SHOWN = 500  # characters; a damaged list may hold what is no path at all


@dataclass
class State:
    """The options that every command has."""

    debug: bool = False
    verbosity: int = 1  # 0 with --quiet, 2 with --verbose
    json: bool = False
    has_result: bool = False  # whether the one result of this run is on stdout
    end_log: Callable[[], None] | None = None  # what to do at the end, with --verbose
    above_bar: Callable[[str], None] | None = None  # prints lines while there is a progress bar

    def reset(self) -> None:
        """Forget the options of an earlier command line in this process."""
        vars(self).update(vars(State()))


state = State()


def print_result(value: Mapping[str, Any], text: Callable[[], str]) -> None:
    """Print the result of a command: with `--json` as one object, else as `text()`."""
    state.has_result = True
    if state.json:
        print_json(value)
    else:
        _write(sys.stdout, wrapped(printable_lines(text()), width()))


def print_json(value: Mapping[str, Any]) -> None:
    """Print one JSON object on stdout, with the version of its layout."""
    print_text(json.dumps({"schema_version": SCHEMA_VERSION, **value}, ensure_ascii=False, indent=1, sort_keys=True))


def print_text(json_text: str) -> None:
    """Print JSON text on stdout as it is."""
    _write(sys.stdout, printable_json(json_text))


def note(text: str) -> None:
    """Print a line on stderr that a person may want to know; nothing with `--quiet`."""
    if state.verbosity:
        error_line(text)


def report_inputs(
    refused: Sequence[Mapping[str, Any]],
    warnings: Iterable[str],
    *,
    count: int | None = None,
    notes: Iterable[str] = (),
) -> None:
    """Print refused inputs (rows with path, code, message; `count` of them if not all are listed), notes and warnings.

    They go to stderr: they are no part of the result, which has all of them with `--json`.
    """
    if refused:
        count = count or len(refused)
        note(f"refused inputs: {count:,}")
        for row in refused[:_REFUSED_SHOWN]:
            note(f"  {shortened(row['path'], _PATH_SHOWN)}: {row['code']}: {row['message']}")
        if count > _REFUSED_SHOWN:
            note(f"  and {count - min(len(refused), _REFUSED_SHOWN):,} more (--json lists them)")
    for text in notes:
        note(f"note: {text}")
    for text in warnings:
        note(f"warning: {text}")


def detail(text: str) -> None:
    """Print a line on stderr with `--verbose` only."""
    if state.verbosity > 1:
        error_line(text)


def next_step(command: str) -> None:
    """Suggest the command that usually follows; nothing with `--quiet` or `--json`."""
    if not state.json:
        note(f"next: {command}")


def error_line(text: str) -> None:
    """Print on stderr, with `--quiet` too."""
    shown = wrapped(printable_lines(text), width(sys.stderr))
    if state.above_bar is not None:
        state.above_bar(shown)
    else:
        _write(sys.stderr, shown)


def _write(stream: TextIO, text: str) -> None:
    """If the reader has gone away, the command still ends with the exit code that it earned."""
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        stream.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # or Python complains when it flushes at exit
