"""Checks across sections. Each takes what was read, whatever is wrong elsewhere, and notes what does not fit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from synth.audio.formats import LOSSY_FORMATS
from synth.recipe.distributions import Distribution
from synth.recipe.effect_choice import EffectChoice
from synth.recipe.kinds import Range, Reading, number_text
from synth.recipe.stages import check_stages
from synth.recipe.stretches import check_stretches
from synth.text import listed

_LAYER_SOURCES = r"noise\.layers\.\d+\.sources"


def check_all(reading: Reading) -> None:
    """Run every check of CHECKS."""
    for check in CHECKS:
        check(reading)


def _matching(reading: Reading, pattern: str) -> Iterator[tuple[str, Any]]:
    """(key, value) of the keys that match, in the order of the recipe."""
    return ((key, value) for key, value in reading.values.items() if re.fullmatch(pattern, key))


def check_level_below_peak(reading: Reading) -> None:
    """A level cannot be at or above the highest peak."""
    level: Distribution | None = reading.values.get("level_dbfs")
    peak = reading.values.get("max_peak_dbfs")
    if level is not None and peak is not None and level.high >= peak:
        text = f"levels up to {number_text(level.high)} cannot stay below max_peak_dbfs, which is {number_text(peak)}"
        reading.wrong(reading.positions["level_dbfs"], "level_dbfs", text)


def check_layer_names(reading: Reading) -> None:
    """No two layers have the same name: it is part of the keys of draws."""
    seen: dict[str, str] = {}
    for key, name in _matching(reading, r"noise\.layers\.\d+\.name"):
        if name in seen:
            text = f"another layer ({seen[name]}) is called {name!r}; choose another name"
            reading.wrong(reading.positions[key], key, text)
        seen.setdefault(name, key)


def check_source_names(reading: Reading) -> None:
    """Source names differ within the speech, all noise layers together, and the rooms: they are part of the ids."""
    for pattern in (r"speech\.sources", _LAYER_SOURCES, r"speech\.room\.sources"):
        seen: set[str] = set()
        for key, sources in _matching(reading, pattern):
            for source in sources:
                if source.name in seen:
                    text = f"two sources are called {source.name!r}; give each a name of its own with `name:`"
                    reading.wrong(reading.positions[key], key, text)
                seen.add(source.name)


def check_pools_of_speech(reading: Reading) -> None:
    """Only noise has pools."""
    for key, sources in _matching(reading, r"speech\.(room\.)?sources"):
        if any(source.pool is not None for source in sources):
            reading.wrong(reading.positions[key], key, "only noise sources have a pool; remove `pool` here")


def check_splits_of_sources(reading: Reading) -> None:
    """A source's split is one that the recipe makes."""
    splits = reading.values.get("splits")
    for key, split in _matching(reading, r"speech\.sources\.\d+\.split"):
        if split is not None and splits is not None and split not in splits.shares:
            text = f"the recipe makes no {split}: its share is 0; it makes {', '.join(splits.shares)}"
            reading.wrong(reading.positions[key], key, text)


def check_held_out_noise(reading: Reading) -> None:
    """The split train-dev-noise needs noise that train never hears, and train needs the other noise."""
    splits = reading.values.get("splits")
    if splits is None:
        return
    layers = list(_matching(reading, _LAYER_SOURCES))
    if "train-dev-noise" in splits.shares:
        key = "splits.train-dev-noise"
        if reading.values.get("noise", "wrong") is None:
            reading.wrong(reading.positions[key], key, "there is no noise; remove this split, or add noise")
        if reading.values.get("noise.held_out") == 0:
            text = (
                "held_out is 0 and no source has `pool: held_out`, so train-dev-noise has no noise of this layer; "
                "raise held_out, or give a source that pool"
            )
            for key, sources in layers:
                if all(source.pool != "held_out" for source in sources):
                    reading.wrong(reading.positions[key], key, text)
    if splits.shares.keys() & {"train", "train-dev"}:
        text = "every source is held out, so train has no noise of this layer; remove `pool` from one"
        for key, sources in layers:
            if all(source.pool == "held_out" for source in sources):
                reading.wrong(reading.positions[key], key, text)


def check_microphone_bands(reading: Reading) -> None:
    """A microphone lets something pass, whatever is drawn."""
    sample_rate = reading.values.get("sample_rate")
    for key, choice in _matching(reading, r".*\.microphone"):
        if isinstance(choice, EffectChoice) and sample_rate is not None:
            low: Any = choice.parameters["low_hz"]
            high: Any = choice.parameters["high_hz"]
            limit = min(high.low, sample_rate / 2)
            if low.high >= limit:
                what = "high_hz" if high.low <= sample_rate / 2 else "half the sample rate"
                text = f"low_hz up to {number_text(low.high)} leaves nothing below {what} ({number_text(limit)} Hz)"
                reading.wrong(reading.positions[key], key, text)


def check_conditions(reading: Reading) -> None:
    """The names of conditions are keys of draws, their weights shares, and an SNR needs noise."""
    conditions = reading.values.get("conditions") or ()
    seen: set[str] = set()
    for k, condition in enumerate(conditions):
        position = reading.positions[f"conditions.{k}.name"]
        if condition.name in seen:
            text = f"another condition is called {condition.name!r}; choose another name"
            reading.wrong(position, f"conditions.{k}.name", text)
        seen.add(condition.name)
        if condition.snr_db is not None and reading.values.get("noise", "wrong") is None:
            reading.wrong(position, f"conditions.{k}.snr_db", "there is no noise; remove this, or add noise")
    if conditions and not any(condition.weight > 0 for condition in conditions):
        reading.wrong(reading.positions["conditions"], "conditions", "every weight is 0; give one above 0")


def check_output_rates(reading: Reading) -> None:
    """A lossy format holds the sample rate, and has the bit rate at that sample rate."""
    file_format, sample_rate = reading.values.get("output.format"), reading.values.get("sample_rate")
    bit_rate = reading.values.get("output.bit_rate_kbps")
    if file_format is None or sample_rate is None:
        return
    lossy = LOSSY_FORMATS.get(file_format)
    if lossy is not None and sample_rate not in lossy.sample_rates:
        text = (
            f"{file_format} cannot hold the sample_rate {sample_rate}, only {listed(lossy.sample_rates, limit=9)} Hz; "
            "change sample_rate, or write flac or wav"
        )
        reading.wrong(reading.positions["output.format"], "output.format", text)
    elif bit_rate is not None:
        if lossy is None:
            complaint: str | None = f"{file_format} has no bit rate; remove this key, or write opus or mp3"
        else:
            bit_rates = Range(*lossy.bit_rate_range(sample_rate), f"kbit/s for {file_format} at {sample_rate} Hz")
            complaint = bit_rates.complaint(bit_rate, bit_rate)
        if complaint:
            reading.wrong(reading.positions["output.bit_rate_kbps"], "output.bit_rate_kbps", complaint)


CHECKS: tuple[Callable[[Reading], None], ...] = (
    check_level_below_peak,
    check_layer_names,
    check_source_names,
    check_pools_of_speech,
    check_held_out_noise,
    check_splits_of_sources,
    check_conditions,
    check_microphone_bands,
    check_stretches,
    check_stages,
    check_output_rates,
)
