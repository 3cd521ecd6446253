"""The command line: `main` is the script. It parses, calls the pipeline, prints, ends with the error's exit code."""

from __future__ import annotations

import signal
import sys
import traceback
from types import FrameType
from typing import NoReturn

from synth.errors import Interrupted, SynthError, Terminated


def main() -> NoReturn:
    """Run `synth` with the arguments of this process."""
    from synth.execute.threads import pin_threads

    pin_threads()  # before numpy is imported by a command
    _listen_to_signals()
    sys.exit(_run())


def _run() -> int:
    from synth.cli.app import app, state

    try:
        app(prog_name="synth")
    except SynthError as error:
        return _say(error, state.debug)
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # by --help; typer turns it into a 1
            return 0
        return end.code if isinstance(end.code, int) else 1
    except Exception as error:
        return _say_bug(error, state.debug)
    return 0


def _say(error: SynthError, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    for line in str(error).splitlines() or [type(error).__name__]:
        sys.stderr.write(f"synth: {line}\n" if not line.startswith((" ", "\t")) else f"{line}\n")
    return error.exit_code


def _say_bug(error: Exception, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    sys.stderr.write(
        f"synth: {type(error).__name__}: {error}\n"
        "This is a bug of synth, or a broken installation: --debug shows where.\n"
    )
    return 1


def _listen_to_signals() -> None:
    """Ctrl-C and SIGTERM as errors of ours, with their exit codes. The engine listens itself while it runs."""

    def interrupted(number: int, frame: FrameType | None) -> NoReturn:
        raise Interrupted("interrupted; run again to go on")

    def terminated(number: int, frame: FrameType | None) -> NoReturn:
        raise Terminated("terminated; run again to go on")

    signal.signal(signal.SIGINT, interrupted)
    signal.signal(signal.SIGTERM, terminated)
