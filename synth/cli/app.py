"""The table of all commands, and the program that typer makes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import typer

from synth.cli import (
    compare,
    diagnose,
    errors,
    explain,
    finish,
    fit,
    generate,
    grow,
    init,
    labels,
    noise,
    output,
    plan,
    profile,
    replay,
    schema,
    select,
    split,
    stages,
    status,
    verify,
)
from synth.cli.frame import Group, switch
from synth.version import __version__


class Command(NamedTuple):
    """A command: its words, the function that runs it, and the section of `synth --help` that lists it."""

    words: str
    function: Callable[..., None]
    section: str


#: All commands, in the order of the help. Their modules import nothing slow: a command imports what it needs when it is
#: run, so that `synth --help` stays fast.
COMMANDS = (
    Command("init", init.init, "Make"),
    Command("plan", plan.plan, "Make"),
    Command("generate", generate.generate, "Make"),
    Command("finish", finish.finish, "Make"),
    Command("status", status.status, "Make"),
    Command("verify", verify.verify, "Make"),
    Command("explain", explain.explain, "Make"),
    Command("replay", replay.replay, "Make"),
    Command("schema", schema.schema, "Make"),
    Command("noise", noise.noise, "Noise"),
    Command("grow", grow.grow, "Noise"),
    Command("profile", profile.profile, "Match"),
    Command("compare", compare.compare, "Match"),
    Command("fit", fit.fit, "Match"),
    Command("select", select.select, "Match"),
    Command("split", split.split, "Decide"),
    Command("diagnose", diagnose.diagnose, "Decide"),
    Command("labels", labels.labels, "Decide"),
    Command("stages", stages.stages, "Decide"),
    Command("errors sample", errors.sample, "Decide"),
    Command("errors summary", errors.summary, "Decide"),
    Command("errors mislabeled", errors.mislabeled, "Decide"),
    Command("errors correct", errors.correct, "Decide"),
)
#: The commands of several words: the first word, and its help.
GROUPS = {"errors": "Analyze errors clip by clip."}


def make_app() -> typer.Typer:
    """Make the program of `COMMANDS`."""
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
    groups: dict[str, typer.Typer] = {}
    for command in COMMANDS:
        first, _, second = command.words.partition(" ")
        if not second:
            app.command(first, rich_help_panel=command.section)(command.function)
            continue
        if first not in groups:
            groups[first] = typer.Typer(cls=Group, help=GROUPS[first], no_args_is_help=True, rich_markup_mode=None)
            app.add_typer(groups[first], name=first, rich_help_panel=command.section)
        groups[first].command(second)(command.function)
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
