"""`synth fit` from files to files: dev in, a folder with the recipe, its cases and the report out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np

from synth import files
from synth.catalog.catalog import Catalog
from synth.catalog.source_files import refuse_missing
from synth.dsp.analysis.bands import band_levels, normalised
from synth.dsp.levels import weight
from synth.dsp.spectral_shape import power_spectrum
from synth.errors import UsageError
from synth.match.fit.cases import case_text, trust_in
from synth.match.fit.dev_copies import refuse_copies
from synth.match.fit.dev_guard import refuse_shared, refuse_test
from synth.match.fit.noise_model import Judged, judge
from synth.match.fit.recipe import CASES, base_recipe, rebased, recipe_text
from synth.match.fit.report import report_json, report_text
from synth.match.fit.rounds import ROUNDS, Fitted, fit_cases, held_out_split, model_of
from synth.match.fit.trial import Planned, Progress
from synth.match.measure.profile import Profile, read_profile, selected
from synth.paths import output_path
from synth.recipe.model import Recipe, Source
from synth.recipe.source_folders import source_folders
from synth.text import csv_line

RECIPE, REPORT, TEXT = "recipe.yaml", "fit_report.json", "fit_report.md"
_NOISE_LIST = "noise.csv"
_HEARD_SECONDS = 20.0
_FRAME_SECONDS = 0.1

MakePlan = Callable[[Path], Planned]


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asks for. `overrides` as in `load_recipe`. `speech` and `noise` take the place of the recipe's own
    sources (noise: of its first layer). `not_a_test`: a dev set that is called test, but is none."""

    recipe: Path
    dev: Path
    out: Path
    overrides: tuple[str, ...] = ()
    speech: Path | None = None
    noise: Path | None = None
    shareable: bool = False
    jobs: int = 1
    seed: int = 0
    clips: int = 500
    rounds: int = ROUNDS
    not_a_test: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """A fit, the verdicts on the noise of the first layer, and the files that were written."""

    fitted: Fitted
    judged: tuple[Judged, ...]
    files: tuple[Path, ...]
    report: dict[str, object]
    text: str


def fit(request: Request, *, make_plan: MakePlan, progress: Progress, message: Callable[[str], None]) -> Result:
    """Fit, and write the folder.

    Raises:
        RecipeError, GuardError, UsageError: as `make_plan`; a test set; a dev set that shares recordings with the
            sources; a folder that must not be written to (synth/paths/output_path.py).
    """
    recipe = base_recipe(request.recipe, request.overrides, speech=request.speech, noise=request.noise)
    inputs = (request.recipe, request.dev, request.speech, request.noise, *source_folders(recipe))
    output_path.check_folder(request.out, _KIND, inputs=inputs)
    refuse_missing(recipe.sources, recipe.folder)  # later errors are about a copy of the recipe, not the person's file
    dev = _dev(request, progress)
    with files.scratch_folder() as folder:
        ground = _planned(recipe, folder, make_plan)
        refuse_shared(dev, [ground.plan.speech, ground.plan.noise])
        for note in refuse_copies(dev, ground.plan.speech, ground.plan.noise, ground.noise):
            message(note)
        judged = _judged(dev, ground, request.seed)
        lists = _without(recipe, ground, judged)
        if lists is not None:
            text, recipe = lists
            files.write_file(folder / _NOISE_LIST, text.encode())
            ground = _planned(_listed(recipe, folder), folder, make_plan)
        fitted = fit_cases(
            dev,
            ground.plan.recipe,
            ground,
            clips=request.clips,
            rounds=request.rounds,
            shareable=request.shareable,
            jobs=request.jobs,
            seed=request.seed,
            progress=progress,
            message=message,
        )
        final = rebased(replace(recipe, conditions=fitted.recipe.conditions), request.out)
    if lists is not None:
        final = _listed(final, request.out)
    return _written(request, dev, fitted, judged, final, lists[0] if lists else None)


_KIND = "fitted recipe"
_OURS = frozenset((RECIPE, CASES, REPORT, TEXT, _NOISE_LIST))


def _dev(request: Request, progress: Progress) -> Profile:
    """The dev set's profile: read, or measured. Raises UsageError for a test set."""
    if not request.not_a_test:
        refuse_test(request.dev)
    if request.dev.is_file() and _is_profile(request.dev):
        dev = read_profile(request.dev)
    else:
        from synth.match.measure.profile_set import profile_set

        dev = profile_set(request.dev, jobs=request.jobs, progress=progress)
    if not request.not_a_test:
        refuse_test(request.dev, dev)
    if len(dev.clips) < 4:
        raise UsageError(f"{request.dev}: {len(dev.clips)} clips; a distribution cannot be fitted to so few")
    return dev


def _is_profile(path: Path) -> bool:
    with path.open("rb") as file:
        return b'"synth-profile"' in file.readline(1 << 20)


def _planned(recipe: Recipe, folder: Path, make_plan: MakePlan) -> Planned:
    path = folder / "recipe.yaml"
    files.write_file(path, recipe_text(rebased(recipe, folder), ()).encode())
    return make_plan(path)


# ----------------------------------------------------------------------------------------- the noise of the first layer


def _judged(dev: Profile, ground: Planned, seed: int) -> tuple[Judged, ...]:
    """Verdicts on the recordings of the first layer; none where dev's noise tells nothing."""
    part, _ = held_out_split(dev.groups, seed=seed)
    clips = selected(dev, part).clips
    model = model_of(clips) if trust_in(clips).colour else None
    indices = _recordings(ground)
    if model is None or not indices:
        return ()
    heard = [_heard(ground, k) for k in indices]
    size = min(len(model.mean_db), *(len(colour) for colour, _ in heard))
    known = replace(model, mean_db=model.mean_db[:size], sd_db=model.sd_db[:size])
    names = [ground.plan.noise[k].path for k in indices]
    return tuple(judge(names, [colour[:size] for colour, _ in heard], known, [sd for _, sd in heard]))


def _recordings(ground: Planned) -> list[int]:
    """The recordings of the first layer, in the order of the catalog."""
    noise = ground.plan.recipe.noise
    layer = noise.layers[0].name if noise else ""
    members = {r.index for (name, _), pool in ground.plan.pools.items() if name == layer for r in pool}
    return sorted(members)


def _heard(ground: Planned, index: int) -> tuple[list[float], float | None]:
    """(colour, SD in dB of the level in frames of 100 ms within the SNR's band) of the first 20 s of a recording."""
    rate = ground.noise.sample_rate
    stored = ground.noise.samples(index)[: int(_HEARD_SECONDS * rate)]
    samples = stored.astype(np.float64) * ground.noise.scale(index)
    colour = normalised(band_levels(power_spectrum(samples, sample_rate=rate), sample_rate=rate))
    frame = int(_FRAME_SECONDS * rate)
    inside = weight(samples, weighting="band", sample_rate=rate)
    powers = (inside[: len(inside) // frame * frame].reshape(-1, frame) ** 2).mean(axis=1)
    sd = float((10 * np.log10(np.maximum(powers, 1e-20))).std()) if len(powers) > 1 else None
    return colour.tolist(), sd


def _without(recipe: Recipe, ground: Planned, judged: Sequence[Judged]) -> tuple[str, Recipe] | None:
    """(list of the recordings to keep, the recipe) where some are left out; None where none is, or where the layer has
    a list of its own or several sources, which are a person's own choice."""
    gone = {one.name for one in judged if one.verdict == "left out"}
    assert recipe.noise is not None
    sources = recipe.noise.layers[0].sources
    if not gone or len(sources) != 1 or sources[0].manifest is not None or (recipe.folder / sources[0].path).is_file():
        return None
    noise: Catalog = ground.plan.noise
    kept = [noise[k].path for k in _recordings(ground) if noise[k].path not in gone]
    return "".join(csv_line([cell]) for cell in ("path", *kept)), recipe


def _listed(recipe: Recipe, folder: Path) -> Recipe:
    """The recipe with the list of noise that lies in `folder`."""
    assert recipe.noise is not None
    source: Source = recipe.noise.layers[0].sources[0]
    manifest = str(PurePosixPath(_NOISE_LIST)) if recipe.folder == folder.absolute() else str(folder / _NOISE_LIST)
    first = replace(recipe.noise.layers[0], sources=(replace(source, manifest=manifest, pattern=None),))
    return replace(recipe, noise=replace(recipe.noise, layers=(first, *recipe.noise.layers[1:])))


# ------------------------------------------------------------------------------------------------------- what comes out


def _written(
    request: Request, dev: Profile, fitted: Fitted, judged: Sequence[Judged], final: Recipe, noise_list: str | None
) -> Result:
    report = report_json(dev, fitted, judged, shareable=request.shareable, seed=request.seed)
    text = report_text(report)
    notes = _notes(request, dev, fitted)
    content = {RECIPE: recipe_text(final, notes), REPORT: files_json(report), TEXT: text}
    if fitted.helped and not request.shareable:
        content[CASES] = case_text(fitted.matched.cases)
    if noise_list is not None:
        content[_NOISE_LIST] = noise_list
    encoded = {name: body.encode("utf-8", "surrogateescape") for name, body in content.items()}
    output_path.write_folder(request.out, encoded, _KIND, stale=_OURS)
    return Result(fitted, tuple(judged), tuple(request.out / name for name in content), report, text)


def files_json(report: dict[str, object]) -> str:
    import json

    return json.dumps(report, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def _notes(request: Request, dev: Profile, fitted: Fitted) -> list[str]:
    """What stands at the head of the recipe."""
    where = (
        "distributions" if request.shareable else f"{len(fitted.matched.cases)} clips of dev, each a case in {CASES}"
    )
    if not fitted.helped:
        return [f"As it was: no condition fitted to {dev.name!r} stood better on the groups held out ({TEXT})."]
    return [
        f"Fitted to {dev.name!r} by `synth fit`; what that was worth stands in {TEXT}.",
        f"matched: as dev was measured ({where}); wide: this recipe as it was; edge: the tails of dev and 3 dB beyond.",
        "Keep some wide: it costs little where the match is right, and saves much where an estimate was wrong.",
        *(f"warning: {warning}" for warning in fitted.warnings),
    ]
