"""What every command has in common, added to the tree of commands in one place.

The options `-q`, `-v`, `--debug` and `--json` are declared once, before the command, and copied into every command.
Each option and argument has one environment variable, `SYNTH_<COMMAND>_<OPTION>`.
"""

from __future__ import annotations

import copy
import functools
from typing import Any

import typer
from typer.core import TyperGroup, TyperOption

from synth.cli.output import state
from synth.cli.plain_values import PlainValue

GLOBALS = ("quiet", "verbose", "debug", "json")
_WITHOUT_VARIABLE = ("version", "help", "install_completion", "show_completion")
_ALSO = "Options of every command: -q, -v, --debug, --json (see `synth --help`)."
#: Options and commands that had another name in an earlier version.
RENAMED = {"--allow-synthesised": "--allow-synthesized", "--pattern": "--glob", "mislabelled": "mislabeled"}


class Group(TyperGroup):
    """A group of commands that lists them in sections, and knows old names and words that are options."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, in the sections of the table of commands."""
        visible = {name: command for name, command in self.commands.items() if not command.hidden}
        limit = formatter.width - 6 - max(map(len, visible))
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, command in visible.items():
            panel = getattr(command, "rich_help_panel", None)  # the commands of a group have none
            section = panel if isinstance(panel, str) else "Commands"
            sections.setdefault(section, []).append((name, command.get_short_help_str(limit)))
        for title, rows in sections.items():
            with formatter.section(title):
                formatter.write_dl(rows)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that the first word names."""
        word = args[0]
        options = {name.lstrip("-"): name for param in self.get_params(ctx) for name in param.opts}
        if word not in self.commands and not ctx.resilient_parsing:
            if RENAMED.get(word) in self.commands:
                ctx.fail(f"No such command {word!r}: it is now called {RENAMED[word]!r}.")
            if word in options:
                ctx.fail(f"No such command {word!r}. Did you mean {options[word]!r}?")
        return super().resolve_command(ctx, args)


@functools.cache
def program(app: typer.Typer) -> TyperGroup:
    """Return the tree of commands of `app`, with what all have in common."""
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    _name_variables(root, "SYNTH")
    shared = [param for param in root.params if param.name.strip("_") in GLOBALS]
    for name, command in root.commands.items():
        _complete(command, f"SYNTH_{name.upper()}", shared)
    return root


def switch(*, quiet: bool = False, verbose: bool = False, debug: bool = False, json: bool = False) -> None:
    """Switch common options on; an option that is on stays on. `quiet` wins over `verbose`."""
    state.debug |= debug
    state.json |= json
    if quiet:
        state.verbosity = 0
    elif verbose and state.verbosity == 1:
        from synth.cli.verbose import end_log, show_log

        state.verbosity, state.end_log = 2, end_log
        show_log()


def _complete(command: Any, prefix: str, shared: list[Any]) -> None:
    _name_variables(command, prefix)
    command.params += [_after_the_command(param) for param in shared]
    command.epilog = command.epilog or _ALSO
    for name, sub in getattr(command, "commands", {}).items():
        _complete(sub, f"{prefix}_{name.upper()}", shared)


def _after_the_command(param: Any) -> Any:
    """Copy a common option for the place after the command."""
    copied = copy.copy(param)
    copied.hidden = "--json" not in param.opts
    copied.envvar = None
    copied.expose_value = False
    copied.is_eager = True  # before other options, so that an error in those is reported as JSON if that is switched on
    copied.callback = _switch_on
    return copied


def _switch_on(_: Any, param: Any, value: bool) -> None:
    if value:
        switch(**{param.name.strip("_"): True})


def _read_help_plainly(command: Any) -> None:
    """Read `--help`, which a command makes when it needs it, as other options."""
    make = command.get_help_option

    def get_help_option(context: Any) -> Any:
        option = make(context)
        if option is not None:
            option._runtime_param = PlainValue()
        return option

    command.get_help_option = get_help_option


def _name_variables(command: Any, prefix: str) -> None:
    _read_help_plainly(command)
    for param in command.params:
        param.show_envvar = False
        param.metavar = param.metavar or _metavar(param)
        if hasattr(param, "_runtime_param"):
            param._runtime_param = PlainValue()
        if param.name not in _WITHOUT_VARIABLE:
            param.envvar = f"{prefix}_{_variable_stem(param)}"


def _metavar(param: Any) -> str | None:
    """Name the value of a number in the help; typer itself would write `<int range>`."""
    names: dict[Any, str] = {int: "N", float: "NUMBER"}
    return names.get(getattr(getattr(param, "type_descriptor", None), "annotation", None))


def _variable_stem(param: Any) -> str:
    """`SNR_DB` for the option `--snr-db`, `RECIPE` for the argument `recipe`."""
    name = max(param.opts, key=len) if isinstance(param, TyperOption) else str(param.name)
    return name.strip("-_").replace("-", "_").upper()
