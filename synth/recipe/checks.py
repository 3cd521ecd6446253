"""Checks across sections. Each takes what was read, whatever is wrong elsewhere, and notes what cannot be."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from synth.recipe.distributions import Distribution
from synth.recipe.effect_choice import EffectChoice
from synth.recipe.kinds import Reading, number_text
from synth.recipe.model import Source
from synth.recipe.stages import stages_are_known

_LAYER = re.compile(r"noise\.layers\.(\d+)\.")


def check_all(reading: Reading) -> None:
    """Run every check of CHECKS."""
    for check in CHECKS:
        check(reading)


def _matching(reading: Reading, pattern: str) -> Iterator[tuple[str, Any]]:
    """What was read at the keys that match, in the order of the recipe."""
    return ((key, value) for key, value in reading.values.items() if re.fullmatch(pattern, key))


def level_below_headroom(reading: Reading) -> None:
    level: Distribution | None = reading.values.get("level_dbfs")
    headroom = reading.values.get("max_peak_dbfs")
    if level is None or headroom is None or level.high < headroom:
        return
    text = f"levels up to {number_text(level.high)} cannot stay below max_peak_dbfs, which is {number_text(headroom)}"
    reading.wrong(reading.positions["level_dbfs"], "level_dbfs", text)


def layer_names_differ(reading: Reading) -> None:
    seen: dict[str, str] = {}
    for key, name in _matching(reading, r"noise\.layers\.\d+\.name"):
        if name in seen:
            reading.wrong(
                reading.positions[key], key, f"the layer {name!r} is there already ({seen[name]}); choose another name"
            )
        seen.setdefault(name, key)


def source_names_differ(reading: Reading) -> None:
    """Within the speech, within all noise layers together, within the rooms: the names become part of the ids."""
    for pattern in (r"speech\.sources", r"noise\.layers\.\d+\.sources", r"speech\.room\.sources"):
        seen: set[str] = set()
        for key, sources in _matching(reading, pattern):
            for source in sources:
                if source.name in seen:
                    text = f"two sources are called {source.name!r}; give each a name of its own with `name:`"
                    reading.wrong(reading.positions[key], key, text)
                seen.add(source.name)


def pools_are_for_noise(reading: Reading) -> None:
    for key, sources in _matching(reading, r"speech\.(room\.)?sources"):
        if any(source.pool is not None for source in sources):
            reading.wrong(reading.positions[key], key, "pool is for noise sources alone; leave it out here")


def splits_of_sources_exist(reading: Reading) -> None:
    splits = reading.values.get("splits")
    for key, split in _matching(reading, r"speech\.sources\.\d+\.split"):
        if split is not None and splits is not None and split not in splits.shares:
            there = ", ".join(splits.shares)
            reading.wrong(reading.positions[key], key, f"the recipe makes no {split}: its share is 0; it makes {there}")


def held_out_noise_exists(reading: Reading) -> None:
    """The split train-dev-noise needs noise that train never hears, and train needs the other noise."""
    splits = reading.values.get("splits")
    if splits is None:
        return
    if "train-dev-noise" in splits.shares:
        _needs_held_out(reading)
    if splits.shares.keys() & {"train", "train-dev"}:
        for key, sources in _layer_sources(reading):
            if all(source.pool == "held_out" for source in sources):
                reading.wrong(
                    reading.positions[key], key, "every source is held out, so that train has no noise of this layer"
                )


def _needs_held_out(reading: Reading) -> None:
    here = "splits.train-dev-noise"
    if reading.values.get("noise", "wrong") is None:
        reading.wrong(reading.positions[here], here, "there is no noise; leave out this split, or add noise")
    if reading.values.get("noise.held_out") != 0:
        return
    for key, sources in _layer_sources(reading):
        if all(source.pool != "held_out" for source in sources):
            text = (
                "held_out is 0 and no source has `pool: held_out`, so that train-dev-noise has no noise of this layer"
            )
            reading.wrong(reading.positions[key], key, text)


def _layer_sources(reading: Reading) -> Iterator[tuple[str, tuple[Source, ...]]]:
    return _matching(reading, r"noise\.layers\.\d+\.sources")


def microphone_band_is_there(reading: Reading) -> None:
    sample_rate = reading.values.get("sample_rate")
    for key, choice in _matching(reading, r".*\.microphone"):
        if isinstance(choice, EffectChoice) and sample_rate is not None:
            problem = _band_problem(choice.parameters["low_hz"], choice.parameters["high_hz"], sample_rate / 2)
            if problem is not None:
                reading.wrong(reading.positions[key], key, problem)


def _band_problem(low: Any, high: Any, nyquist: float) -> str | None:
    upper, limit = low.high, min(high.low, nyquist)
    if upper < limit:
        return None
    what = "high_hz" if high.low <= nyquist else "half the sample rate"
    return f"low_hz up to {number_text(upper)} leaves nothing below {what} ({number_text(limit)} Hz)"


def conditions_can_be_drawn(reading: Reading) -> None:
    """Their names are keys of draws, their weights shares, and an SNR needs noise."""
    conditions = reading.values.get("conditions") or ()
    seen: set[str] = set()
    for k, condition in enumerate(conditions):
        place = reading.positions[f"conditions.{k}.name"]
        if condition.name in seen:
            text = f"the condition {condition.name!r} is there already; choose another name"
            reading.wrong(place, f"conditions.{k}.name", text)
        seen.add(condition.name)
        if condition.snr_db is not None and reading.values.get("noise", "wrong") is None:
            reading.wrong(place, f"conditions.{k}.snr_db", "there is no noise; leave this out, or add noise")
    if conditions and not any(condition.weight > 0 for condition in conditions):
        reading.wrong(reading.positions["conditions"], "conditions", "every weight is 0; give one above 0")


CHECKS: tuple[Callable[[Reading], None], ...] = (
    level_below_headroom,
    layer_names_differ,
    source_names_differ,
    pools_are_for_noise,
    held_out_noise_exists,
    splits_of_sources_exist,
    conditions_can_be_drawn,
    microphone_band_is_there,
    stages_are_known,
)
