"""Print: the result on stdout, all else on stderr. Nothing else in `cli` prints.

No control character reaches the terminal, whatever a text holds (file names, transcripts, keys of a recipe).
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
"""Version of the layout of all JSON results."""
_REFUSED_SHOWN = 20  # inputs
_PATH_SHOWN = 500  # characters; what a damaged list calls a path may be anything


@dataclass
class State:
    """The common options, and what a run has printed so far."""

    debug: bool = False  # print tracebacks
    verbosity: int = 1  # 0 with --quiet, 2 with --verbose
    json: bool = False  # print the result as JSON
    has_result: bool = False  # the one result of this run is on stdout
    end_log: Callable[[], None] | None = None  # to be called at the end, with --verbose
    print_above_bar: Callable[[str], None] | None = None  # prints a line while there is a progress bar

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
    # Ours comes last, because the values of dataset.json have a version too: that of the file.
    result = {**value, "schema_version": SCHEMA_VERSION}
    print_text(json.dumps(result, ensure_ascii=False, indent=1, sort_keys=True))


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
    """Print refused inputs, notes and warnings on stderr; with `--json` the result has all of them.

    Args:
        refused: inputs with path, code and message.
        warnings: on the inputs.
        count: of refused inputs, if `refused` does not have all of them.
        notes: on the inputs.
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
    if state.print_above_bar is not None:
        state.print_above_bar(shown)
    else:
        _write(sys.stderr, shown)


def _write(stream: TextIO, text: str) -> None:
    """Write a line. A reader that has gone away is no error: the command still exits with its own code."""
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        stream.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # or Python complains when it flushes at exit
