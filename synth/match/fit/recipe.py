"""The recipes of `fit`: the user's own with other sources, its conditions, and the text of the result."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from synth import files
from synth.catalog.source_files import source_from_path
from synth.dsp.analysis.bands import RUMBLE_BANDS
from synth.errors import UsageError
from synth.lists.cases import Case
from synth.match.fit.dev_cases import Trust, knots_of, tails_of
from synth.match.fit.noise_model import NoiseModel
from synth.recipe.distributions import Constant, Distribution, Quantiles
from synth.recipe.load import PlainYaml, load_recipe, resolved_dict
from synth.recipe.model import Condition, Event, Jitter, Layer, MatchSpectrum, Recipe, Source

MATCHED, WIDE, EDGE = 0.6, 0.3, 0.1
"""The defensive mixture (science.md 3.1, step 6): what is matched may be matched to a wrong number."""
LIMIT_DB = 30.0
CASES = "cases.csv"
_MOSTLY = 0.5
_IN_ORDER = 0.9
_LISTS = ("metadata.csv", "manifest.csv")


@dataclass(frozen=True, slots=True)
class Matched:
    """What was found: cases, the jitter around them, the noise of dev as a model, and what of dev can be trusted."""

    cases: tuple[Case, ...]
    jitter: Jitter
    model: NoiseModel | None
    trust: Trust


def base_recipe(
    path: Path, overrides: Sequence[str] = (), *, speech: Path | None = None, noise: Path | None = None
) -> Recipe:
    """The recipe without conditions, its speech and the noise of its first layer taken from other folders or lists.

    Raises RecipeError; UsageError where it mixes no noise, or a folder is missing.
    """
    recipe = load_recipe(path, overrides)
    if recipe.noise is None or not recipe.noise.layers:
        raise UsageError(f"{path}: the recipe mixes no noise, so there is nothing to match: give it a layer of noise")
    recipe = replace(recipe, conditions=())
    if speech is not None:
        recipe = replace(
            recipe, speech=replace(recipe.speech, sources=(source_from_path(speech, name="speech", list_names=_LISTS),))
        )
    if noise is not None:
        assert recipe.noise is not None
        first = replace(recipe.noise.layers[0], sources=(source_from_path(noise, name="noise", list_names=_LISTS),))
        recipe = replace(recipe, noise=replace(recipe.noise, layers=(first, *recipe.noise.layers[1:])))
    return recipe


def with_paths_from(recipe: Recipe, folder: Path) -> Recipe:
    """The same recipe with its paths as they are from another folder."""

    def path_of(text: str) -> str:
        return Path(os.path.relpath(recipe.folder.absolute() / text, folder.absolute())).as_posix()

    def source(one: Source) -> Source:
        return replace(one, path=path_of(one.path), manifest=None if one.manifest is None else path_of(one.manifest))

    def layer(one: Layer) -> Layer:
        return replace(one, sources=tuple(map(source, one.sources)))

    def event(one: Event) -> Event:
        return replace(one, sources=tuple(map(source, one.sources)))

    speech, noise = recipe.speech, recipe.noise
    room = None if speech.room is None else replace(speech.room, sources=tuple(map(source, speech.room.sources)))
    return replace(
        recipe,
        folder=folder.absolute(),
        speech=replace(speech, sources=tuple(map(source, speech.sources)), room=room),
        noise=noise and replace(noise, layers=tuple(map(layer, noise.layers)), events=tuple(map(event, noise.events))),
    )


def matched_condition(found: Matched, *, weight: float = MATCHED) -> Condition:
    """The condition of cases. What a case does not say, the SNR of the others does."""
    known = [case for case in found.cases if case.snr_db is not None]
    lacks = known and len(known) < len(found.cases)
    return Condition(
        name="matched",
        weight=weight,
        cases=CASES,
        jitter=found.jitter,
        snr_db=_quantiles(known, "snr_db", found.jitter.snr_db) if lacks else None,
        limit_db=LIMIT_DB,
    )


def shareable_condition(found: Matched, *, weight: float = MATCHED) -> Condition:
    """The condition without a case: each number by itself, as 25 quantiles, and the colour as mean and SD.

    Margins: one distribution for both sides. Limits of the band and wavering only where most cases have them: a
    distribution cannot say that a clip has none.
    """
    high = _alone(found, "high_hz", share=_MOSTLY)
    return Condition(
        name="matched",
        weight=weight,
        snr_db=_alone(found, "snr_db", jitter=found.jitter.snr_db),
        level_dbfs=_alone(found, "level_dbfs"),
        margins_s=_alone(found, "before_s", "after_s", share=_MOSTLY),
        match_spectrum=_spectrum(found),
        fluctuation_db=_alone(found, "fluctuation_db", share=_MOSTLY),
        low_hz=_below(_alone(found, "low_hz", share=_MOSTLY), high),
        high_hz=high,
    )


def _alone(found: Matched, *names: str, jitter: float = 0.0, share: float = 0.0) -> Distribution | None:
    """25 quantiles of what the cases say under these names; None where fewer than two, or `share` of them, say it."""
    said = [(getattr(case, name), case.weight) for name in names for case in found.cases]
    known = [(value, weight) for value, weight in said if value is not None]
    if len(known) < 2 or len(known) < share * len(said):
        return None
    values, weights = zip(*known, strict=True)
    knots = knots_of(list(values), list(weights), jitter=jitter)
    return Constant(knots[0]) if knots[0] == knots[-1] else Quantiles(knots)


def _below(low: Distribution | None, high: Distribution | None) -> Distribution | None:
    """The lower limits, none of them as high as an upper one: together in a case they were in order, alone they need
    not be."""
    if not isinstance(low, Quantiles) or high is None or low.high < high.low:
        return low if low is None or high is None or low.low < high.low else None
    return Quantiles(tuple(min(value, _IN_ORDER * high.low) for value in low.values))


def edge_condition(found: Matched) -> Condition | None:
    """The tails of the dev set's SNR and 3 dB beyond; None where the SNR is not to be trusted."""
    known = [(case.snr_db, case.weight) for case in found.cases if case.snr_db is not None]
    if len(known) < 2:
        return None
    tails = tails_of(*(list(column) for column in zip(*known, strict=True)))
    return Condition(
        name="edge", weight=EDGE, snr_db=Quantiles(tails, (0.0, 0.45, 0.55, 1.0)), match_spectrum=_spectrum(found)
    )


def mixture(found: Matched, *, shareable: bool) -> tuple[Condition, ...]:
    """matched .6, wide .3, edge .1; without an edge its share goes to wide."""
    edge = edge_condition(found)
    wide = Condition(name="wide", weight=WIDE if edge else WIDE + EDGE)
    return (shareable_condition(found) if shareable else matched_condition(found), wide, *([edge] if edge else []))


def _spectrum(found: Matched) -> MatchSpectrum | None:
    """Mean and SD of the cases' own colours (those of dev, corrected), so that nothing is said of a single clip."""
    from synth.match.fit.noise_model import noise_model

    known = [case for case in found.cases if case.bands_db is not None]
    if not known:
        return None
    count = min(len(case.bands_db or ()) for case in known)
    if count < 12:
        return None  # a recipe wants all twelve; cases may have fewer
    model = noise_model([list(case.bands_db or ()) for case in known], [case.weight for case in known], least_sd_db=0.5)
    rounded = [tuple(round(value, 2) for value in each) for each in (model.mean_db, model.sd_db)]
    rumble, rumble_sd = _rumble(known)
    return MatchSpectrum(
        mean_db=rounded[0], sd_db=rounded[1], limit_db=LIMIT_DB, rumble_db=rumble, rumble_sd_db=rumble_sd
    )


def _rumble(cases: Sequence[Case]) -> tuple[tuple[float, ...] | None, tuple[float, ...]]:
    """Weighted mean and SD of the rumble of those cases that have one."""
    known = [case for case in cases if case.rumble_db is not None]
    if not known:
        return None, (0.0,) * RUMBLE_BANDS
    values, weights = np.array([case.rumble_db for case in known]), np.array([case.weight for case in known])
    mean = np.average(values, axis=0, weights=weights)
    spread = np.sqrt(np.average((values - mean) ** 2, axis=0, weights=weights))
    return tuple(np.round(mean, 2).tolist()), tuple(np.round(spread, 2).tolist())


def _quantiles(cases: Sequence[Case], name: str, jitter: float) -> Quantiles:
    return Quantiles(knots_of([getattr(c, name) for c in cases], [c.weight for c in cases], jitter=jitter))


# ---------------------------------------------------------------------------------------------------------- the text

_KEPT = ("schema", "seed", "sample_rate", "copies", "hours", "name", "path", "weight", "snr_db", "train")
_ABOUT = {
    "speech": "what is spoken",
    "margins_s": "before and after the speech; noise only",
    "noise": "the pool; where a condition has cases or a colour, a clip's noise is equalised before its SNR is set",
    "level_dbfs": "of the finished clip (RMS), where its condition says nothing else",
    "conditions": "a clip draws one of these first; what it says takes the place of what stands above",
}
_TEMPLATE = """\
schema: 1
seed: 0
copies: 1
speech: {sources: x}
noise: {snr_db: 0, layers: [{name: a, sources: x}]}
conditions: [{name: a}]
"""


def recipe_text(recipe: Recipe, notes: Sequence[str]) -> str:
    """The recipe as a person would write it: what is as by default is left out, sections have a comment each."""
    plain = _sparse(resolved_dict(recipe), _defaults())
    lines = [*(f"# {note}" for note in notes), ""]
    for key, value in plain.items():
        if key in _ABOUT:
            lines.append(f"\n# {_ABOUT[key]}")
        lines.append(
            yaml.dump({key: value}, Dumper=PlainYaml, sort_keys=False, allow_unicode=True, width=118).rstrip("\n")
            if not isinstance(value, dict | list)
            else yaml.dump(
                {key: value},
                Dumper=PlainYaml,
                sort_keys=False,
                allow_unicode=True,
                default_flow_style=None,
                width=118,
            ).rstrip("\n")
        )
    return "\n".join(lines) + "\n"


def _defaults() -> dict[str, Any]:
    """A least recipe with every default filled in."""
    with files.scratch_folder() as folder:
        path = folder / "least.yaml"
        files.write_file(path, _TEMPLATE.encode())
        return resolved_dict(load_recipe(path))


def _sparse(value: Any, default: Any) -> Any:
    """The value without what is as in `default`; items of a list are held against the default's first item."""
    if isinstance(value, dict) and isinstance(default, dict):
        return {
            key: _sparse(one, default.get(key))
            for key, one in value.items()
            if (key in _KEPT and one is not None) or key not in default or one != default[key]
        }
    if isinstance(value, list) and isinstance(default, list) and default and isinstance(default[0], dict):
        return [_sparse(one, default[0]) for one in value]
    return value
