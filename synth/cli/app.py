"""The commands. No logic: each parses, calls one function of the pipeline, and prints its result."""

from __future__ import annotations

import json
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from synth.cli import output
from synth.cli.frame import Group, switch
from synth.cli.options import Clip, DataSet, GrowMethod, Jobs, Recipe, Set, StrictInputs
from synth.cli.output import next_step, note, print_result, report_inputs, state
from synth.version import __version__

app = typer.Typer(
    name="synth",
    cls=Group,
    help="Make training sets for in-car speech: clean speech mixed with car noise, following a recipe.",
    epilog="Every printed figure is defined in docs/glossary.md.\n\n"
    "Common options may stand before or after the command. The environment variable of an option is "
    "SYNTH_<COMMAND>_<OPTION>, such as SYNTH_GENERATE_JOBS; of a common option SYNTH_<OPTION>, such as SYNTH_QUIET.\n\n"
    "Exit codes: 0 ok, 1 failed (run again to resume), 2 recipe or usage is wrong, 3 too many bad inputs, "
    "4 verify found a difference or a data set is damaged, 5 a threshold was not met, 75 locked by another run, "
    "130/143 interrupted.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        output.print_text(__version__)
        raise typer.Exit


@app.callback()
def _common(
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the result and errors only.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print details on stderr: shards, cache, checks, timings.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Print the traceback of an error.")] = False,
    json_: Annotated[
        bool, typer.Option("--json", help="Print the result, or the error, as one JSON object on stdout.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    switch(quiet=quiet, verbose=verbose, debug=debug, json=json_)


@app.command("help", hidden=True)
def help_(
    context: typer.Context,
    words: Annotated[list[str] | None, typer.Argument(help="The command.", metavar="COMMAND")] = None,
) -> None:
    """Print the help of a command."""
    root = context.find_root()
    root.command.main([*(words or ()), "--help"], prog_name=root.info_name, standalone_mode=False)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="A new folder for the recipe.", metavar="DIR")],
    speech: Annotated[
        Path | None,
        typer.Option(
            metavar="SET",
            help="Clean speech: a folder, a list or a file. A metadata list in the folder is used; the layouts of "
            "LibriSpeech, VCTK and Common Voice are recognized.",
        ),
    ] = None,
    noise: Annotated[Path | None, typer.Option(metavar="SET", help="Car noise: a folder, a list or a file.")] = None,
    jobs: Jobs = 2,
) -> None:
    """Write a starter recipe with comments.

    It takes the speech and noise that are named, and `synth plan` accepts it. Without them, a small generated example
    set is written too.
    """
    from synth.cli.progress import Screen
    from synth.commands.init import init as start

    with Screen(state.verbosity) as screen:
        starter = start(folder, speech=speech, noise=noise, jobs=jobs, progress=screen.scanned)
    print_result({"recipe": str(starter.recipe), "notes": list(starter.notes)}, lambda: str(starter.recipe))
    for line in starter.notes:
        note(line)
    next_step(f"synth plan {quote(str(starter.recipe))}")


@app.command()
def plan(
    recipe: Recipe,
    set_: Set = None,
    jobs: Jobs = 2,
    against: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of a data set: count the clips of it that would change."),
    ] = None,
    strict_inputs: StrictInputs = False,
) -> None:
    """Check a recipe and preview its data set.

    This dry run prints clips, hours, size, use of noise and the first draws. Only the cache is written.
    """
    from synth.cli import show
    from synth.cli.progress import Screen
    from synth.commands.plan import changed_clips, make_plan

    with Screen(state.verbosity) as screen:
        planned = make_plan(
            recipe, overrides=set_ or (), jobs=jobs, progress=screen.scanned, strict_inputs=strict_inputs
        )
    changed = changed_clips(planned, against) if against else None
    planned_json = show.plan_json(planned, changed)
    print_result(planned_json, lambda: show.plan_text(planned, changed))
    report_inputs(planned_json["refused"], planned.warnings, notes=planned.notes)
    next_step(f"synth generate {quote(str(recipe))} --out {quote(str(against)) if against else 'DIR'}")


@app.command()
def generate(
    recipe: Recipe,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder of the data set.")],
    set_: Set = None,
    jobs: Jobs = 2,
    part: Annotated[
        str | None,
        typer.Option(
            metavar="I/N", help="Render only this share of the shards, counted from 0; `auto` inside a job array."
        ),
    ] = None,
    strict_inputs: StrictInputs = False,
) -> None:
    """Make the data set of a recipe.

    Run the same command again to resume after an interruption; finished shards are kept.
    """
    from synth.cli import show
    from synth.cli.progress import Screen
    from synth.commands import generate as pipeline

    with Screen(state.verbosity) as screen:
        listeners = pipeline.Listeners(scan=screen.scanned, render=screen.rendered, message=screen.message)
        result = pipeline.generate(
            recipe,
            out,
            overrides=set_ or (),
            jobs=jobs,
            part=part,
            strict_inputs=strict_inputs,
            listeners=listeners,
        )
    print_result(show.generated_json(result, out), lambda: show.generated_text(result, out))
    if result.content is not None:
        if result.content["clips"]:
            from synth.training.dataset import open_dataset

            note(f"listen: {out / open_dataset(out)[0].path.relative_to(out.absolute())}")
        next_step(f"synth verify {quote(str(out))}")


@app.command()
def finish(
    dataset: DataSet,
    accept_timeouts: Annotated[
        bool, typer.Option("--accept-timeouts", help="Count clips that timed out as refused, for good.")
    ] = False,
) -> None:
    """Merge the parts of a data set.

    All shards must be rendered. The command may be run again at any time.
    """
    from synth.cli import show
    from synth.commands import dataset as pipeline

    content = pipeline.finish(dataset, accept_timeouts=accept_timeouts)
    print_result(content, lambda: show.content_text(content, dataset))
    next_step(f"synth verify {quote(str(dataset))}")


@app.command()
def status(dataset: DataSet) -> None:
    """Show how much of a data set is rendered."""
    from synth.cli import show
    from synth.dataset.dataset_dir import DatasetDir
    from synth.dataset.status import status as read_status

    progress = read_status(DatasetDir(dataset))
    print_result(progress.to_json(), lambda: show.status_text(progress, dataset))


@app.command()
def verify(
    dataset: DataSet,
    quick: Annotated[bool, typer.Option("--quick", help="Check files and sizes only, no hashes.")] = False,
) -> None:
    """Check a data set against its manifest.

    Every file, hash, length and level is checked. The command exits with code 4 if anything differs.
    """
    from synth.cli import show
    from synth.dataset.dataset_dir import DatasetDir
    from synth.dataset.verify import verify as check

    report = check(DatasetDir(dataset), quick=quick)
    print_result(report.to_json(), lambda: show.verify_text(report, dataset))
    report.raise_for_problems()


@app.command()
def explain(dataset: DataSet, clip_id: Clip) -> None:
    """Show how a clip was made.

    The output lists its sources and each draw, with the setting of the recipe that it came from.
    """
    from synth.cli import show
    from synth.commands import explain as pipeline

    explained = pipeline.explain(dataset, clip_id)
    print_result(show.explained_json(explained), lambda: show.explained_text(explained))


@app.command()
def replay(
    dataset: DataSet,
    clip_id: Clip,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The audio file to write.")],
) -> None:
    """Render one clip again from its sources.

    The new clip is compared with the one in the data set. The command exits with code 4 if the bytes differ.
    """
    from synth.cli import show
    from synth.commands import replay as pipeline
    from synth.errors import VerifyMismatch

    replayed = pipeline.replay(dataset, clip_id, out)
    print_result(show.replayed_json(replayed), lambda: show.replayed_text(replayed))
    if replayed.same is False:
        raise VerifyMismatch(
            f"{replayed.clip_id}: the bytes differ from those in {dataset}: sources or versions have changed"
        )


@app.command()
def grow(
    source: Annotated[
        Path | None,
        typer.Argument(help="Folder, list or file of noise; omit it for `--method cabin`.", metavar="SOURCE"),
    ] = None,
    *,
    method: Annotated[
        GrowMethod,
        typer.Option(help="How the noise is synthesized, as in `grow` of a recipe."),
    ],
    minutes: Annotated[float, typer.Option(min=0.001, max=100_000, help="Length of all files together, in minutes.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="A new folder for the files.")],
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="A parameter of the method, such as segment_ms='[30, 120]'. Repeatable."
        ),
    ] = None,
    file_seconds: Annotated[
        float, typer.Option(min=0.1, max=3600, help="Longest length of a file, in seconds.")
    ] = 60.0,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the noise.")] = 0,
    sample_rate: Annotated[int, typer.Option(min=4000, max=192_000, help="Sample rate of the files, in Hz.")] = 16000,
    jobs: Jobs = 2,
) -> None:
    """Synthesize more noise, and write it to files.

    The noise is made from a few recordings, or from a model of a car (`--method cabin`). The minutes are shared among
    all recordings: each gets at least one file, if that file is at least a second long.
    """
    from synth.cli import show
    from synth.cli.progress import Screen
    from synth.commands.grow import grow as make

    with Screen(state.verbosity) as screen:
        grown = make(
            source,
            out,
            method=method,
            minutes=minutes,
            file_seconds=file_seconds,
            seed=seed,
            sample_rate=sample_rate,
            settings=set_ or (),
            jobs=jobs,
            progress=screen.scanned,
            message=screen.message,
        )
    print_result(show.grown_json(grown), lambda: show.grown_text(grown))
    for text in grown.refused:
        note(f"refused: {text}")
    next_step(f"synth noise {quote(str(out))}")


@app.command()
def schema() -> None:
    """Print the JSON Schema of recipes.

    Editors use it to complete and check a recipe."""
    from synth.recipe.schema import json_schema

    output.print_text(json.dumps(json_schema(), indent=2))


from synth.cli import compare as _compare  # noqa: E402, F401
from synth.cli import diagnose as _diagnose  # noqa: E402, F401
from synth.cli import errors as _errors  # noqa: E402, F401
from synth.cli import fit as _fit  # noqa: E402, F401
from synth.cli import labels as _labels  # noqa: E402, F401
from synth.cli import noise as _noise  # noqa: E402, F401 - it registers its command with `app`
from synth.cli import profile as _profile  # noqa: E402, F401
from synth.cli import select as _select  # noqa: E402, F401
from synth.cli import split as _split  # noqa: E402, F401
from synth.cli import stages as _stages  # noqa: E402, F401
