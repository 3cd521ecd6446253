"""The commands. No logic: each parses, calls one function of the pipeline, and prints what came back."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Optional

import typer

from synth import __version__
from synth.cli.terminal import width, wrapped

app = typer.Typer(
    name="synth",
    help="Training sets for in-car speech, made from clean speech and car noise by a recipe.",
    epilog="Exit codes: 0 ok, 1 failed (run again to go on), 2 recipe or usage wrong, 3 too many bad inputs, "
    "4 verify found a difference, 5 a threshold was not met, 75 locked by another run, 130/143 interrupted.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@dataclass
class State:
    """Options that stand before any command."""

    debug: bool = False
    verbosity: int = 1


state = State()


def _version(value: bool) -> None:
    if value:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _common(
    debug: Annotated[bool, typer.Option("--debug", envvar="SYNTH_DEBUG", help="Show tracebacks.")] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", envvar="SYNTH_QUIET", help="No progress, only errors.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", envvar="SYNTH_VERBOSE", help="Say more.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    state.debug = debug
    state.verbosity = 0 if quiet else 2 if verbose else 1


Recipe = Annotated[
    Path, typer.Argument(help="The recipe (YAML), or its folder.", metavar="RECIPE", envvar="SYNTH_RECIPE")
]
DataSet = Annotated[Path, typer.Argument(help="The data set's directory.", metavar="DIR", envvar="SYNTH_DATASET")]
Clip = Annotated[str, typer.Argument(help="The clip: its id, the beginning of its id, or its file.", metavar="CLIP")]
Set = Annotated[
    Optional[list[str]],  # noqa: UP045 - typer reads the annotation
    typer.Option(
        "--set",
        envvar="SYNTH_SET",
        metavar="KEY=VALUE",
        help="Override one key of the recipe, such as noise.snr_db='[0, 15]'.",
    ),
]
Jobs = Annotated[int, typer.Option("--jobs", "-j", min=1, envvar="SYNTH_JOBS", help="Worker processes.")]
Json = Annotated[bool, typer.Option("--json", envvar="SYNTH_JSON", help="Print one JSON object.")]


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="A new folder for the recipe.", metavar="DIR")],
    speech: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(envvar="SYNTH_SPEECH", help="Folder of clean speech (a metadata list in it is used)."),
    ] = None,
    noise: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(envvar="SYNTH_NOISE", help="Folder of car noise."),
    ] = None,
) -> None:
    """Write a starter recipe, with comments, for the folders named; without them a small generated example set."""
    from synth.starter import init as start

    made = start(folder, speech=speech, noise=noise)
    _print(made.recipe)
    for line in made.notes:
        _note(line)
    _note(f"next: synth plan {made.recipe}")


@app.command()
def plan(
    recipe: Recipe,
    set_: Set = None,
    jobs: Jobs = 2,
    against: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(envvar="SYNTH_AGAINST", help="A data set's directory: how many of its clips would change."),
    ] = None,
    json_: Json = False,
) -> None:
    """Dry run: check the recipe, show clips, hours, size, noise ledger, first draws. Writes nothing but the cache."""
    from synth import pipeline
    from synth.cli import show
    from synth.cli.progress import Screen

    with Screen(state.verbosity) as screen:
        planned = pipeline.make_plan(recipe, overrides=set_ or (), jobs=jobs, progress=screen.scanned)
    changed = pipeline.changed_clips(planned, against) if against else None
    _print(show.as_json(show.plan_json(planned, changed)) if json_ else show.plan_text(planned, changed))


@app.command()
def generate(
    recipe: Recipe,
    out: Annotated[Path, typer.Option("--out", "-o", envvar="SYNTH_OUT", help="The data set's directory.")],
    set_: Set = None,
    jobs: Jobs = 2,
    part: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            envvar="SYNTH_PART", metavar="I/N", help="Only this share of the shards (0-based), or auto in a job array."
        ),
    ] = None,
    json_: Json = False,
) -> None:
    """Make the data set. Run again to go on after an interruption; finished shards are not made twice."""
    from synth import pipeline
    from synth.cli import show
    from synth.cli.progress import Screen

    with Screen(state.verbosity) as screen:
        heard = pipeline.Listeners(scan=screen.scanned, render=screen.rendered, message=screen.message)
        done = pipeline.generate(recipe, out, overrides=set_ or (), jobs=jobs, part=part, listeners=heard)
    _print(show.as_json(show.generated_json(done, out)) if json_ else show.generated_text(done, out))


@app.command()
def finish(
    dataset: DataSet,
    accept_timeouts: Annotated[
        bool, typer.Option(envvar="SYNTH_ACCEPT_TIMEOUTS", help="Take clips that timed out as refused for good.")
    ] = False,
    json_: Json = False,
) -> None:
    """Merge the parts of a data set whose shards are all done. May be run again at any time."""
    from synth import pipeline
    from synth.cli import show

    content = pipeline.finish(dataset, accept_timeouts=accept_timeouts)
    _print(show.as_json(content) if json_ else show.content_text(content, dataset))


@app.command()
def status(dataset: DataSet, json_: Json = False) -> None:
    """What is done and what is missing."""
    from synth.cli import show
    from synth.dataset.dataset_dir import DatasetDir
    from synth.dataset.status import status as look

    found = look(DatasetDir(dataset))
    _print(show.as_json(found.to_json()) if json_ else show.status_text(found, dataset))


@app.command()
def verify(
    dataset: DataSet,
    quick: Annotated[bool, typer.Option(envvar="SYNTH_QUICK", help="Files and sizes only, no hashes.")] = False,
    json_: Json = False,
) -> None:
    """Check every file, hash, length and level against the manifest. Ends with 4 where anything differs."""
    from synth.cli import show
    from synth.dataset.dataset_dir import DatasetDir
    from synth.dataset.verify import verify as check

    report = check(DatasetDir(dataset), quick=quick)
    _print(show.as_json(report.to_json()) if json_ else show.verify_text(report, dataset))
    report.raise_for_problems()


@app.command()
def explain(dataset: DataSet, clip_id: Clip, json_: Json = False) -> None:
    """How a clip was made: its pieces, and each draw with the setting of the recipe that it came from."""
    from synth import pipeline
    from synth.cli import show

    told = pipeline.explain(dataset, clip_id)
    _print(show.as_json(show.explained_json(told)) if json_ else show.explained_text(told))


@app.command()
def replay(
    dataset: DataSet,
    clip_id: Clip,
    out: Annotated[Path, typer.Option("--out", "-o", envvar="SYNTH_CLIP_OUT", help="The file to write.")],
    json_: Json = False,
) -> None:
    """Make one clip again from its sources, and compare it with the data set's. Ends with 4 where the bytes differ."""
    from synth import pipeline
    from synth.cli import show
    from synth.errors import VerifyMismatch

    again = pipeline.replay(dataset, clip_id, out)
    _print(show.as_json(show.replayed_json(again)) if json_ else show.replayed_text(again))
    if again.same is False:
        raise VerifyMismatch(
            f"{again.clip_id}: the bytes differ from those in {dataset}: sources or versions have changed"
        )


@app.command()
def grow(
    source: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Argument(help="A folder, a list or a file of noise; none for cabin.", metavar="SOURCE"),
    ] = None,
    *,
    method: Annotated[
        str, typer.Option(envvar="SYNTH_METHOD", help="quilt, shaped, separate or cabin, as in a recipe's `grow`.")
    ],
    minutes: Annotated[float, typer.Option(min=0.001, max=100_000, envvar="SYNTH_MINUTES", help="How much noise.")],
    out: Annotated[Path, typer.Option("--out", "-o", envvar="SYNTH_OUT", help="A new folder for the files.")],
    set_: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--set", metavar="KEY=VALUE", help="A parameter of the method, such as segment_ms='[30, 120]'."),
    ] = None,
    file_seconds: Annotated[
        float, typer.Option(min=0.1, max=3600, envvar="SYNTH_FILE_SECONDS", help="Length of each file.")
    ] = 60.0,
    seed: Annotated[int, typer.Option(min=0, envvar="SYNTH_SEED", help="Another seed, other noise.")] = 0,
    sample_rate: Annotated[
        int, typer.Option(min=4000, max=192_000, envvar="SYNTH_SAMPLE_RATE", help="Of the files, in Hz.")
    ] = 16000,
    jobs: Jobs = 2,
    json_: Json = False,
) -> None:
    """Grow noise from a few recordings, or from a model of a car, and write it to files."""
    from synth.cli import show
    from synth.cli.progress import Screen
    from synth.grow import grow as make

    with Screen(state.verbosity) as screen:
        made = make(
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
        )
    _print(show.as_json(show.grown_json(made)) if json_ else show.grown_text(made))


@app.command()
def schema() -> None:
    """Print the JSON Schema of the recipe, for editors."""
    from synth.recipe.schema import json_schema

    _print(json.dumps(json_schema(), indent=2))


def _print(text: object) -> None:
    """A result. Where its reader has gone away the command still ends with the exit code that it has earned."""
    try:
        typer.echo(text if str(text).startswith("{") else wrapped(str(text), width()))  # JSON stays as it is
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it flushes


def _note(text: str) -> None:
    if state.verbosity:
        sys.stderr.write(f"{wrapped(text, width(sys.stderr))}\n")


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
