"""Plans that would spoil the model are refused, with the numbers and the remedies."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from statistics import fmean

from synth.catalog.catalog import Catalog
from synth.errors import GuardError
from synth.plan.noise_use import PoolUse
from synth.plan.pools import needs_held_out
from synth.plan.recording_groups import recording_group
from synth.plan.unchanged import unchanged_recordings
from synth.recipe.model import EffectChoice, Layer, Recipe

_log = logging.getLogger(__name__)

_GRID = tuple((i + 0.5) / 32 for i in range(32))
_CLEARLY = 1.25  # an estimate must miss by a quarter before it refuses; the finished plan is judged exactly


def refuse_from_totals(recipe: Recipe, speech: Catalog, noise: Catalog) -> None:
    """Raise GuardError where the catalogs' totals alone show that the noise cannot do: before anything slow.

    The use is an estimate: a plan within a quarter of the limit is left to `refuse_from_ledger`.
    """
    mistakes = [text for layer in _layers(recipe) for text in _layer_totals(recipe, layer, speech, noise)]
    if mistakes:
        raise GuardError("\n".join(mistakes))


def refuse_from_ledger(recipe: Recipe, uses: Sequence[PoolUse]) -> None:
    """Raise GuardError where the finished plan uses a layer's noise more often than `max_reuse`, in any pool."""
    layers = {layer.name: layer for layer in recipe.noise.pooled_layers} if recipe.noise else {}
    for use in uses:
        layer = layers[use.layer]
        needed = f" (min_recordings {layer.min_recordings})" if use.pool == "train" else ""
        _log.info(
            "guard %s/%s: each second used %.1f times (max_reuse %g), %d recordings%s, %.0f %% from models "
            "(max_synthesized %.0f %%)",
            *(layer.key, use.pool, use.reuse_mean, layer.max_reuse, use.count, needed),
            *(100 * use.synthesized_share, 100 * layer.max_synthesized),
        )
    mistakes = [
        _reuse_text(layers[use.layer], use.pool, use.used_s / 3600, use.unique_s / 3600)
        for use in uses
        if use.reuse_mean > layers[use.layer].max_reuse
    ]
    mistakes += [
        _few_text(layers[use.layer], use.count)
        for use in uses
        if use.pool == "train" and use.count < layers[use.layer].min_recordings
    ]
    mistakes += [text for use in uses if (text := _grown_files_text(layers[use.layer], use))]
    if mistakes:
        raise GuardError("\n".join(mistakes))


def _grown_files_text(layer: Layer, use: PoolUse) -> str | None:
    """The refusal of a pool with too much noise that a model made and `synth grow` wrote to files."""
    if not use.synthesized_file_share:
        return None
    from_files = (1 - sum(growth.share for growth in layer.grow)) * use.synthesized_file_share
    modelled = from_files + sum(growth.share for growth in layer.grow if growth.is_model)
    if modelled <= layer.max_synthesized + 1e-9:
        return None
    methods = {r.grown_file.method for r in use.recordings if r.grown_file is not None and r.grown_file.is_model}
    return _grown_text(layer, modelled, [f"files of synth grow ({name})" for name in sorted(methods)])


def _layers(recipe: Recipe) -> tuple[Layer, ...]:
    return recipe.noise.layers if recipe.noise else ()


def _layer_totals(recipe: Recipe, layer: Layer, speech: Catalog, noise: Catalog) -> list[str]:
    assert recipe.noise is not None
    names = {source.name for source in layer.sources}
    mine = [i for i in range(len(noise)) if noise.source(i).name in names]
    unique = sum(int(noise.num_samples[i]) / int(noise.sample_rates[i]) for i in mine) / 3600
    groups = {recording_group(noise[i], noise.source(i).recording_column) for i in mine}
    kept = 1 - recipe.noise.held_out if needs_held_out(recipe) else 1.0
    share = recipe.noise.probability * layer.probability * fmean(float(layer.recordings.value(u)) for u in _GRID)
    share *= 1 - sum(growth.share for growth in layer.grow)
    used = made_hours(recipe, speech) * share / _shrink(layer.effects)
    if needs_held_out(recipe):
        used *= 1 - recipe.splits.shares["train-dev-noise"]
    found = []
    if len(groups) < layer.min_recordings:
        found.append(_few_text(layer, len(groups)))
    modelled = sum(growth.share for growth in layer.grow if growth.is_model)
    if modelled > layer.max_synthesized + 1e-9:
        found.append(_grown_text(layer, modelled, []))
    if unique <= 0 or used > _CLEARLY * layer.max_reuse * unique * kept:
        found.append(_reuse_text(layer, "train", used, unique * kept))
    return found


def clip_hours(recipe: Recipe, speech: Catalog) -> float:
    """Hours of clips that the recipe asks for, estimated from the catalog's totals."""
    if recipe.hours is not None:
        return recipe.hours
    return made_hours(recipe, speech) + _unchanged_hours(recipe, speech)


def made_hours(recipe: Recipe, speech: Catalog) -> float:
    """`clip_hours` without the recordings that are taken as they are."""
    if recipe.hours is not None:
        return max(recipe.hours - _unchanged_hours(recipe, speech), 0.0)
    changed = ~unchanged_recordings(recipe, speech)
    seconds = float((speech.num_samples / speech.sample_rates)[changed].sum()) * _shrink(recipe.speech.effects)
    margins = 2 * fmean(float(recipe.margins_s.value(u)) for u in _GRID) * int(changed.sum())
    return (seconds + margins) * (recipe.copies or 1) / 3600


def _unchanged_hours(recipe: Recipe, speech: Catalog) -> float:
    unchanged = unchanged_recordings(recipe, speech)
    return float((speech.num_samples / speech.sample_rates)[unchanged].sum()) / 3600


def _shrink(effects: Sequence[EffectChoice]) -> float:
    """Mean factor by which effects change a length."""
    factor = 1.0
    for choice in effects:
        setting = choice.parameters.get("factor")
        value = getattr(setting, "value", None)
        if choice.name in ("speed", "tempo") and value is not None:
            changed = fmean(1 / float(value(u)) for u in _GRID)
            factor *= 1 + choice.probability * (changed - 1)
    return factor


def _reuse_text(layer: Layer, pool: str, used: float, unique: float) -> str:
    reuse = used / unique if unique else float("inf")
    return (
        f"{layer.key}: {used:,.1f} h of noise from {unique:,.2f} h of recordings for {pool}: each second would be used "
        f"{reuse:,.0f} times (max_reuse: {layer.max_reuse:g}). The model would learn these recordings by heart. "
        f"Add at least {max(used / layer.max_reuse - unique, 0):,.1f} h of other recordings, or grow noise from these "
        f"({layer.key}.grow), or ask for at most "
        f"{1 / reuse * layer.max_reuse:.2%} of these clips (copies, hours), or lower the layer's probability; "
        f"or raise {layer.key}.max_reuse and know what you do"
    )


def _grown_text(layer: Layer, modelled: float, files: Sequence[str]) -> str:
    models = " and ".join([*files, *(growth.name for growth in layer.grow if growth.is_model)])
    return (
        f"{layer.key}: {models} would make the noise of {modelled:.0%} of the clips "
        f"(max_synthesized: {layer.max_synthesized:.0%}). "
        "A model of noise has its own mistakes, and who trains on it alone learns them. Leave more to the recordings, "
        "or to quilt and separate, which are made of recorded sound; "
        f"or raise {layer.key}.max_synthesized and know what you do"
    )


def _few_text(layer: Layer, count: int) -> str:
    return (
        f"{layer.key}: {count} {'recording' if count == 1 else 'recordings'} for train (min_recordings: "
        f"{layer.min_recordings}). What counts is the number of different recordings, not their hours: add "
        f"{layer.min_recordings - count} or more (other cars, other roads), or lower {layer.key}.min_recordings"
    )
