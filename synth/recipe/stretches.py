"""Whether an engine can stretch as far as the tempo and pitch of a recipe may ask of it, alone and together."""

from __future__ import annotations

import re
from typing import Any, TypeAlias

from synth.dsp.effects.stretch import STRETCH_RANGES
from synth.recipe.distributions import WordChoice
from synth.recipe.effect_choice import EffectChoice
from synth.recipe.kinds import Reading

_EFFECT = re.compile(r"(.+)\.\d+\.\w+")
_Range: TypeAlias = tuple[float, float]


def check_stretches(reading: Reading) -> None:
    """Each run of tempo and pitch is one stretch, which must stay in the range of its engine."""
    group = ""
    runs: dict[str, _Range] = {}
    for key, choice in reading.values.items():
        if not isinstance(choice, EffectChoice) or not (match := _EFFECT.fullmatch(key)):
            continue
        if match[1] != group:
            group, runs = match[1], {}
        reach = _stretch(choice)
        if reach is None:
            if choice.name != "speed" and choice.probability == 1:
                runs = {}  # the effects before and after this one are rendered apart
            continue
        complaints = []
        for engine in _engines(choice.parameters["engine"]):
            is_first = engine not in runs
            low, high = runs.get(engine, (1.0, 1.0))
            low, high = runs[engine] = low * reach[0], high * reach[1]
            if not is_first and _leaves(low, high, engine):
                complaints.append(_complaint(low, high, engine))
        if complaints:
            reading.wrong(reading.positions[key], key, complaints[0])


def _stretch(choice: EffectChoice) -> _Range | None:
    """How many times as fast the stretch of an effect plays, at least and at most; None if it is no stretch."""
    if choice.name not in ("tempo", "pitch"):
        return None
    setting: Any = choice.parameters["factor" if choice.name == "tempo" else "semitones"]
    low, high = setting.low, setting.high
    if choice.name == "pitch":  # a shift up makes the sound shorter, which the stretch makes up for
        low, high = 2.0 ** (-high / 12), 2.0 ** (-low / 12)
    return (low, high) if choice.probability == 1 else (min(low, 1.0), max(high, 1.0))


def _engines(setting: Any) -> tuple[str, ...]:
    return setting.values if isinstance(setting, WordChoice) else (setting,)


def _leaves(low: float, high: float, engine: str) -> bool:
    least, greatest = STRETCH_RANGES[engine]
    return round(low, 6) < least or round(high, 6) > greatest


def _complaint(low: float, high: float, engine: str) -> str:
    least, greatest = STRETCH_RANGES[engine]
    others = [f"{name} ({a:g} to {b:g})" for name, (a, b) in STRETCH_RANGES.items() if not _leaves(low, high, name)]
    advice = f", or set engine: {others[0]}" if others else ""
    return (
        f"together with the tempo and pitch before it, this plays {low:.3g} to {high:.3g} times as fast at the same "
        f"pitch, and the engine {engine} is valid from {least:g} to {greatest:g}; narrow their ranges{advice}"
    )
