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
from synth.recipe.effect_choice import EffectChoice
from synth.recipe.model import Layer, Recipe

_log = logging.getLogger(__name__)

_GRID = tuple((i + 0.5) / 32 for i in range(32))  # draws over which a distribution is averaged
_MARGIN = 1.25  # an estimate must miss by a quarter before it refuses; the finished plan is checked exactly
_ROUNDING = 1e-9  # shares that sum to the limit are within it


def refuse_from_totals(recipe: Recipe, speech: Catalog, noise: Catalog) -> None:
    """Refuse a recipe whose noise cannot be enough by the catalogs' totals alone, before anything slow is done.

    The use is an estimate: a plan within a quarter of the limit is left to `refuse_from_use`.

    Raises:
        GuardError: with a line per mistake.
    """
    layers = recipe.noise.layers if recipe.noise else ()
    mistakes = [text for layer in layers for text in _layer_mistakes(recipe, layer, speech, noise)]
    if mistakes:
        raise GuardError("\n".join(mistakes))


def refuse_from_use(recipe: Recipe, uses: Sequence[PoolUse]) -> None:
    """Refuse a finished plan by its use of noise, in any pool.

    Raises:
        GuardError: a layer's noise is used more often than `max_reuse`, train has fewer than `min_recordings`, or
            models made too much of the noise in files.
    """
    layers = {layer.name: layer for layer in recipe.noise.pooled_layers} if recipe.noise else {}
    reused, few, synthesized = [], [], []
    for use in uses:
        layer = layers[use.layer]
        _log.info(
            "guard %s/%s: each second used %.1f times (max_reuse %g), %d recordings%s, %.0f %% from models "
            "(max_synthesized %.0f %%)",
            *(layer.key, use.pool, use.reuse_mean, layer.max_reuse, use.count),
            f" (min_recordings {layer.min_recordings})" if use.pool == "train" else "",
            *(100 * use.synthesized_share, 100 * layer.max_synthesized),
        )
        if use.reuse_mean > layer.max_reuse:
            reused.append(_reuse_text(layer, use.pool, use.used_s / 3600, use.unique_s / 3600))
        if use.pool == "train" and use.count < layer.min_recordings:
            few.append(_few_text(layer, use.count))
        from_files = (1 - sum(method.share for method in layer.grow)) * use.synthesized_file_share
        share = from_files + _synthesized_share(layer)
        if use.synthesized_file_share and share > layer.max_synthesized + _ROUNDING:
            files = (r.grown_file for r in use.recordings if r.grown_file is not None)
            methods = sorted({file.method for file in files if file.is_model})
            synthesized.append(_synthesized_text(layer, share, [f"files of synth grow ({name})" for name in methods]))
    if reused or few or synthesized:
        raise GuardError("\n".join([*reused, *few, *synthesized]))


def clip_hours(recipe: Recipe, speech: Catalog) -> float:
    """Hours of clips that the recipe asks for, estimated from the catalog's totals."""
    if recipe.hours is not None:
        return recipe.hours
    return changed_hours(recipe, speech) + _unchanged_hours(recipe, speech)


def changed_hours(recipe: Recipe, speech: Catalog) -> float:
    """`clip_hours` without the recordings that are taken as they are."""
    if recipe.hours is not None:
        return max(recipe.hours - _unchanged_hours(recipe, speech), 0.0)
    changed = ~unchanged_recordings(recipe, speech)
    seconds = float((speech.num_samples / speech.sample_rates)[changed].sum()) * _mean_stretch(recipe.speech.effects)
    margins = 2 * fmean(float(recipe.margins_s.value(u)) for u in _GRID) * int(changed.sum())
    return (seconds + margins) * (recipe.copies or 1) / 3600


def _unchanged_hours(recipe: Recipe, speech: Catalog) -> float:
    unchanged = unchanged_recordings(recipe, speech)
    return float((speech.num_samples / speech.sample_rates)[unchanged].sum()) / 3600


def _layer_mistakes(recipe: Recipe, layer: Layer, speech: Catalog, noise: Catalog) -> list[str]:
    assert recipe.noise is not None
    names = {source.name for source in layer.sources}
    indices = [i for i in range(len(noise)) if noise.source(i).name in names]
    unique_h = sum(int(noise.num_samples[i]) / int(noise.sample_rates[i]) for i in indices) / 3600
    groups = {recording_group(noise[i], noise.source(i).recording_column) for i in indices}
    share = recipe.noise.probability * layer.probability * fmean(float(layer.recordings.value(u)) for u in _GRID)
    share *= 1 - sum(method.share for method in layer.grow)
    used_h = changed_hours(recipe, speech) * share / _mean_stretch(layer.effects)
    if needs_held_out(recipe):
        unique_h *= 1 - recipe.noise.held_out
        used_h *= 1 - recipe.splits.shares["train-dev-noise"]
    mistakes = []
    if len(groups) < layer.min_recordings:
        mistakes.append(_few_text(layer, len(groups)))
    if _synthesized_share(layer) > layer.max_synthesized + _ROUNDING:
        mistakes.append(_synthesized_text(layer, _synthesized_share(layer), []))
    if unique_h <= 0 or used_h > _MARGIN * layer.max_reuse * unique_h:
        mistakes.append(_reuse_text(layer, "train", used_h, unique_h))
    return mistakes


def _synthesized_share(layer: Layer) -> float:
    """Share of the layer's clips whose noise a model makes."""
    return sum(method.share for method in layer.grow if method.is_model)


def _mean_stretch(effects: Sequence[EffectChoice]) -> float:
    """Mean factor by which effects change a length."""
    stretch = 1.0
    for choice in effects:
        value = getattr(choice.parameters.get("factor"), "value", None)
        if choice.name in ("speed", "tempo") and value is not None:
            stretch *= 1 + choice.probability * (fmean(1 / float(value(u)) for u in _GRID) - 1)
    return stretch


def _reuse_text(layer: Layer, pool: str, used_h: float, unique_h: float) -> str:
    reuse = used_h / unique_h if unique_h else float("inf")
    return (
        f"{layer.key}: {used_h:,.1f} h of noise from {unique_h:,.2f} h of recordings for {pool}: each second would be "
        f"used {reuse:,.0f} times (max_reuse: {layer.max_reuse:g}). The model would learn these recordings by heart. "
        f"Add at least {max(used_h / layer.max_reuse - unique_h, 0):,.1f} h of other recordings, or grow noise from "
        f"these ({layer.key}.grow), or ask for at most {1 / reuse * layer.max_reuse:.2%} of these clips (copies, "
        f"hours), or lower the layer's probability; or raise {layer.key}.max_reuse if you accept that risk"
    )


def _synthesized_text(layer: Layer, share: float, files: Sequence[str]) -> str:
    models = " and ".join([*files, *(method.name for method in layer.grow if method.is_model)])
    return (
        f"{layer.key}: {models} would make the noise of {share:.0%} of the clips (max_synthesized: "
        f"{layer.max_synthesized:.0%}). A model of noise has errors of its own, and whoever trains on it alone learns "
        "them. Leave more to the recordings, or to quilt and separate, which are made of recorded sound; or raise "
        f"{layer.key}.max_synthesized if you accept that risk"
    )


def _few_text(layer: Layer, count: int) -> str:
    return (
        f"{layer.key}: {count} {'recording' if count == 1 else 'recordings'} for train (min_recordings: "
        f"{layer.min_recordings}). What counts is the number of different recordings, not their hours: add "
        f"{layer.min_recordings - count} or more (other cars, other roads), or lower {layer.key}.min_recordings"
    )
