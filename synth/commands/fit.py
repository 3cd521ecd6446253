"""Fit a recipe to real dev audio: a recipe and a dev set in, a folder with the fitted recipe and a report out."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from synth import files
from synth.catalog.source_files import refuse_missing
from synth.commands.plan import PlannedRecipe, make_plan
from synth.errors import UsageError
from synth.match.fit.conditions import CASES
from synth.match.fit.copies import refuse_copies
from synth.match.fit.dev_cases import case_text
from synth.match.fit.fitter import ROUNDS, fit_conditions
from synth.match.fit.guards import refuse_shared_files, refuse_test_set
from synth.match.fit.noise_list import NOISE_LIST, judge_first_layer, noise_list_text, with_noise_list
from synth.match.fit.noise_model import RecordingVerdict
from synth.match.fit.recipe import base_recipe, recipe_text, with_paths_from
from synth.match.fit.report import report_json, report_text
from synth.match.fit.result import FitResult
from synth.match.measure.profile import Profile
from synth.match.measure.profiler import Progress, read_or_measure
from synth.paths import output_path
from synth.recipe.model import Recipe
from synth.recipe.source_folders import source_folders

__all__ = ["FitOutcome", "FitRequest", "fit_recipe"]

RECIPE, REPORT, TEXT = "recipe.yaml", "fit_report.json", "fit_report.md"
LEAST_CLIPS = 4
_KIND = "fitted recipe"


@dataclass(frozen=True, slots=True)
class FitRequest:
    """What to fit, to what, and how."""

    recipe: Path
    dev: Path  # real audio or its profile
    out: Path  # folder for the result
    overrides: tuple[str, ...] = ()  # as in `load_recipe`
    speech: Path | None = None  # replaces the speech of the recipe
    noise: Path | None = None  # replaces the noise of the recipe's first layer
    shareable: bool = False  # write distributions only, no values of single dev clips
    jobs: int = 1  # worker processes
    seed: int = 0  # of the held-out groups and the tests
    clips: int = 500  # simulated per round
    rounds: int = ROUNDS  # at most
    not_a_test: bool = False  # accept a dev set that is called test


@dataclass(frozen=True, slots=True)
class FitOutcome:
    """What a fit found and wrote."""

    fit: FitResult
    verdicts: tuple[RecordingVerdict, ...]  # on the recordings of the first noise layer
    files: tuple[Path, ...]  # written
    report: dict[str, object]  # JSON values
    text: str  # the report in Markdown


def fit_recipe(request: FitRequest, *, progress: Progress, message: Callable[[str], None]) -> FitOutcome:
    """Fit the recipe, and write the folder.

    Args:
        request: what to fit.
        progress: called with (what, number done, number of all).
        message: called with a line about each completed step.

    Raises:
        RecipeError: mistakes in the recipe.
        GuardError: dev shares recordings with the sources, or the recipe cannot be carried out.
        UsageError: dev is a test set or has too few clips, or the folder must not be written to.
    """
    recipe = base_recipe(request.recipe, request.overrides, speech=request.speech, noise=request.noise)
    inputs = (request.recipe, request.dev, request.speech, request.noise, *source_folders(recipe))
    output_path.check_folder(request.out, _KIND, inputs=inputs)
    # Later errors are about a copy of the recipe in a scratch folder, so missing files are reported before.
    refuse_missing(recipe.sources, recipe.folder)
    dev = _dev_profile(request, progress)
    with files.scratch_folder() as folder:
        planned = _plan_copy(recipe, folder, request.jobs, progress)
        refuse_shared_files(dev, [planned.plan.speech, planned.plan.noise])
        for note in refuse_copies(dev, planned.plan.speech, planned.plan.noise, planned.noise):
            message(note)
        verdicts = judge_first_layer(dev, planned.plan, planned.noise, seed=request.seed)
        noise_list = noise_list_text(recipe, planned.plan, verdicts)
        if noise_list is not None:
            files.write_file(folder / NOISE_LIST, noise_list.encode())
            planned = _plan_copy(with_noise_list(recipe, folder), folder, request.jobs, progress)
        fit = fit_conditions(
            dev,
            planned.plan.recipe,
            planned.plan,
            planned.noise,
            clips=request.clips,
            rounds=request.rounds,
            shareable=request.shareable,
            jobs=request.jobs,
            seed=request.seed,
            progress=progress,
            message=message,
        )
    fitted = with_paths_from(replace(recipe, conditions=fit.recipe.conditions), request.out)
    if noise_list is not None:
        fitted = with_noise_list(fitted, request.out)
    return _write_result(request, dev, fit, verdicts, fitted, noise_list)


def _dev_profile(request: FitRequest, progress: Progress) -> Profile:
    """The profile of dev; raises UsageError for a test set."""
    if not request.not_a_test:
        refuse_test_set(request.dev)
    dev = read_or_measure(request.dev, jobs=request.jobs, progress=progress)
    if not request.not_a_test:
        refuse_test_set(request.dev, dev)
    if len(dev.clips) < LEAST_CLIPS:
        raise UsageError(
            f"{request.dev}: {len(dev.clips)} clips are too few to fit a distribution to; at least {LEAST_CLIPS} are "
            "needed, 100 or more are good"
        )
    return dev


def _plan_copy(recipe: Recipe, folder: Path, jobs: int, progress: Progress) -> PlannedRecipe:
    path = folder / RECIPE
    files.write_file(path, recipe_text(with_paths_from(recipe, folder), ()).encode())
    return make_plan(path, jobs=jobs, progress=progress, check=False)


def _write_result(
    request: FitRequest,
    dev: Profile,
    fit: FitResult,
    verdicts: Sequence[RecordingVerdict],
    fitted: Recipe,
    noise_list: str | None,
) -> FitOutcome:
    report = report_json(dev, fit, verdicts, shareable=request.shareable, seed=request.seed)
    text = report_text(report)
    content = {
        RECIPE: recipe_text(fitted, _recipe_notes(request, dev, fit)),
        REPORT: json.dumps(report, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n",
        TEXT: text,
    }
    if fit.helped and not request.shareable:
        content[CASES] = case_text(fit.matched.cases)
    if noise_list is not None:
        content[NOISE_LIST] = noise_list
    encoded = {name: body.encode("utf-8", "surrogateescape") for name, body in content.items()}
    ours = frozenset((RECIPE, CASES, REPORT, TEXT, NOISE_LIST))
    output_path.write_folder(request.out, encoded, _KIND, stale=ours)
    return FitOutcome(fit, tuple(verdicts), tuple(request.out / name for name in content), report, text)


def _recipe_notes(request: FitRequest, dev: Profile, fit: FitResult) -> list[str]:
    """The comment at the head of the recipe."""
    if not fit.helped:
        return [f"Unchanged: no condition fitted to {dev.name!r} was better on the held-out groups ({TEXT})."]
    if request.shareable:
        source = "distributions"
    else:
        source = f"{len(fit.matched.cases)} clips of dev, each a case in {CASES}"
    return [
        f"Fitted to {dev.name!r} by `synth fit`; {TEXT} says how much it helped.",
        f"matched: as measured in dev ({source}); wide: this recipe as it was; edge: the tails of dev and 3 dB beyond.",
        "Keep some wide: it costs little if the match is right, and saves much if an estimate was wrong.",
        *(f"warning: {warning}" for warning in fit.warnings),
    ]
