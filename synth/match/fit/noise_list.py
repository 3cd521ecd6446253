"""Which recordings of the recipe's first noise layer fit the dev set, and the list of those to keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from synth.catalog.noise_store import NoiseStore
from synth.dsp.analysis.bands import band_levels, normalize_levels
from synth.dsp.levels import weight
from synth.dsp.spectral_shape import power_spectrum
from synth.match.fit.fitter import model_of
from synth.match.fit.held_out import held_out_split
from synth.match.fit.noise_model import RecordingVerdict, judge_recordings
from synth.match.measure.profile import Profile
from synth.match.measure.trust import trust_in
from synth.plan.plan import Plan
from synth.recipe.model import Recipe
from synth.text import csv_line

NOISE_LIST = "noise.csv"
_MEASURED_SECONDS = 20.0  # enough for a mean spectrum, and quick for hundreds of recordings
_FRAME_SECONDS = 0.1  # as the fluctuation of dev's noise is measured


def judge_first_layer(dev: Profile, plan: Plan, noise: NoiseStore, *, seed: int) -> tuple[RecordingVerdict, ...]:
    """Compare each recording of the first noise layer with the noise of dev.

    Only the clips that are fitted to are used. The result is empty if dev's noise spectrum cannot be trusted.
    """
    fitted, _ = held_out_split(dev.groups, seed=seed)
    clips = dev.at(fitted).clips
    model = model_of(clips) if trust_in(clips).spectrum else None
    indices = _first_layer(plan)
    if model is None or not indices:
        return ()
    measured = [_measure_recording(noise, k) for k in indices]
    size = min(len(model.mean_db), *(len(bands) for bands, _ in measured))
    model = replace(model, mean_db=model.mean_db[:size], sd_db=model.sd_db[:size])
    names = [plan.noise[k].path for k in indices]
    return tuple(judge_recordings(names, [bands[:size] for bands, _ in measured], model, [sd for _, sd in measured]))


def noise_list_text(recipe: Recipe, plan: Plan, verdicts: Sequence[RecordingVerdict]) -> str | None:
    """The list (CSV) of the recordings to keep.

    None if all are kept, or if the layer has a list of its own or several sources: those are the user's own choice.
    """
    excluded = {verdict.name for verdict in verdicts if verdict.verdict == "left out"}
    assert recipe.noise is not None
    sources = recipe.noise.layers[0].sources
    chosen_by_user = len(sources) != 1 or sources[0].manifest is not None or (recipe.folder / sources[0].path).is_file()
    if not excluded or chosen_by_user:
        return None
    paths = [plan.noise[k].path for k in _first_layer(plan)]
    return "".join(csv_line([cell]) for cell in ("path", *(path for path in paths if path not in excluded)))


def with_noise_list(recipe: Recipe, folder: Path) -> Recipe:
    """The recipe whose first noise layer uses only the recordings of the list in `folder`."""
    assert recipe.noise is not None
    first = recipe.noise.layers[0]
    manifest = NOISE_LIST if recipe.folder == folder.absolute() else str(folder / NOISE_LIST)
    first = replace(first, sources=(replace(first.sources[0], manifest=manifest, glob=None),))
    return replace(recipe, noise=replace(recipe.noise, layers=(first, *recipe.noise.layers[1:])))


def _first_layer(plan: Plan) -> list[int]:
    """Indices in the catalog of the recordings of the first layer, ascending."""
    noise = plan.recipe.noise
    layer = noise.layers[0].name if noise else ""
    return sorted({r.index for (name, _), pool in plan.pools.items() if name == layer for r in pool})


def _measure_recording(noise: NoiseStore, index: int) -> tuple[list[float], float | None]:
    """(band levels in dB about their mean, SD in dB of the 100-ms levels in the SNR's band) of a recording's start."""
    rate = noise.sample_rate
    stored = noise.samples(index)[: int(_MEASURED_SECONDS * rate)]
    samples = stored.astype(np.float64) * noise.scale(index)
    bands = normalize_levels(band_levels(power_spectrum(samples, sample_rate=rate), sample_rate=rate))
    frame = int(_FRAME_SECONDS * rate)
    in_band = weight(samples, weighting="band", sample_rate=rate)
    powers = (in_band[: len(in_band) // frame * frame].reshape(-1, frame) ** 2).mean(axis=1)
    sd = float((10 * np.log10(np.maximum(powers, 1e-20))).std()) if len(powers) > 1 else None
    return bands.tolist(), sd
