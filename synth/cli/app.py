"""The table of all commands, and the program that typer makes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from synth.cli import errors, output
from synth.cli.compare import compare
from synth.cli.diagnose import diagnose
from synth.cli.explain import explain
from synth.cli.export import export
from synth.cli.finish import finish
from synth.cli.fit import fit
from synth.cli.frame import Group, switch
from synth.cli.generate import generate
from synth.cli.grow import grow
from synth.cli.init import init
from synth.cli.labels import labels
from synth.cli.noise import noise
from synth.cli.plan import plan
from synth.cli.profile import profile
from synth.cli.replay import replay
from synth.cli.schema import schema
from synth.cli.select import select
from synth.cli.split import split
from synth.cli.stages import stages
from synth.cli.status import status
from synth.cli.verify import verify
from synth.version import __version__

#: All commands, by the section of `synth --help` that lists them; each has the name of its function. The modules import
#: nothing slow: a command imports what it needs when it is run, so that `synth --help` stays fast.
COMMANDS: dict[str, tuple[Callable[..., None], ...]] = {
    "Make": (init, plan, generate, finish, status, verify, explain, replay, export, schema),
    "Noise": (noise, grow),
    "Match": (profile, compare, fit, select),
    "Decide": (split, diagnose, labels, stages),
}
#: The commands of `synth errors`.
ERRORS = (errors.sample, errors.summary, errors.mislabeled, errors.correct)


def make_app() -> typer.Typer:
    """Make the program of `COMMANDS` and `ERRORS`."""
    app = typer.Typer(
        name="synth",
        cls=Group,
        help="Make training sets for in-car speech: clean speech mixed with car noise, following a recipe.",
        epilog="Every printed figure is defined in docs/glossary.md.\n\n"
        "Common options may come before or after the command. The environment variable of an option is "
        "SYNTH_<COMMAND>_<OPTION>, such as SYNTH_GENERATE_JOBS; of a common option SYNTH_<OPTION>, such as "
        "SYNTH_QUIET.\n\n"
        "Exit codes: 0 ok, 1 failed (run again to resume), 2 recipe or usage is wrong, 3 too many bad inputs, "
        "4 verify found a difference or a data set is damaged, 5 a threshold was not met, 75 locked by another run, "
        "130/143 interrupted.",
        no_args_is_help=True,
        add_completion=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(take_common_options)
    app.command("help", hidden=True)(print_help)
    for section, functions in COMMANDS.items():
        for function in functions:
            app.command(function.__name__, rich_help_panel=section)(function)
    group = typer.Typer(cls=Group, help="Analyze errors clip by clip.", no_args_is_help=True, rich_markup_mode=None)
    for function in ERRORS:
        group.command(function.__name__)(function)
    app.add_typer(group, name="errors", rich_help_panel="Decide")
    return app


def _print_version(value: bool) -> None:
    if value:
        output.print_text(__version__)
        raise typer.Exit


def take_common_options(
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the result and errors only.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print details on stderr: shards, cache, checks, timings.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Print the traceback of an error.")] = False,
    json_: Annotated[
        bool, typer.Option("--json", help="Print the result, or the error, as one JSON object on stdout.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Take the options of every command, where they come before it."""
    switch(quiet=quiet, verbose=verbose, debug=debug, json=json_)


def print_help(
    context: typer.Context,
    words: Annotated[list[str] | None, typer.Argument(help="The command.", metavar="COMMAND")] = None,
) -> None:
    """Print the help of a command."""
    root: Any = context.find_root()
    root.command.main([*(words or ()), "--help"], prog_name=root.info_name, standalone_mode=False)


app = make_app()
