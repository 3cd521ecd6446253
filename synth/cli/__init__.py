"""The command line: parses words, calls `commands`, prints, exits. Imports nothing above `training`."""

from __future__ import annotations

from typing import NoReturn


def main() -> NoReturn:
    """Run `synth` with the arguments of this process."""
    import gc
    import sys

    from synth.cli.signals import Stopped, end_listening, listen

    try:
        listen()  # before anything slow: Ctrl-C during the imports below must not print a traceback
        # Imports make many objects and no garbage: a tenth of the start was collecting it.
        gc.set_threshold(50_000, 20, 20)
        from synth.processes.threads import pin_threads

        pin_threads()  # before numpy is imported by a command
        code = run(sys.argv[1:])
        end_listening()
    except Stopped as stop:  # while modules were imported, or while an error was reported
        from synth.cli.output import error_line

        error_line(f"synth: {stop}")
        code = stop.error.exit_code
    sys.exit(code)


def run(words: list[str]) -> int:
    """Run one command line in this process and return its exit code."""
    from synth.cli.failures import report
    from synth.cli.output import state
    from synth.cli.signals import Stopped, end_listening

    state.reset()
    state.json = "--json" in words  # until the words are parsed: an error in them is reported as JSON too
    try:
        from synth.cli.app import app
        from synth.cli.frame import program

        code = program(app).main(words or ["--help"], prog_name="synth", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # the reader of --help has gone away; typer makes it a 1
            return 0
        return end.code if isinstance(end.code, int) else 1
    except Stopped as stop:
        return report(stop.error)
    except Exception as error:
        end_listening()
        return report(error)
    finally:
        if state.end_log is not None:
            state.end_log()
