"""Imports and loads what workers will need, once, before they are forked.

Only what the plan's recipe can use is loaded: a plain recipe needs no library for effects. Nothing here starts a
thread, since a process with several threads does not fork.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from synth.dsp.effects.stretch import DEFAULT_ENGINE, ENGINE_MODULES
from synth.recipe.distributions import WordChoice
from synth.recipe.effect_choice import EffectChoice
from synth.recipe.model import LombardChoice, Recipe

_KERNELS: Final = (
    "mixing:energy_and_peak",
    "mixing:round_sum",
    "mixing:energy_of_steps",
    "filters:block_sums",
    "filters:filter_lanes",
    "filters:average",
)
"""What the levels of any clip are measured with, and what it is mixed with."""


def preload(recipe: Recipe) -> None:
    """Import and load what clips of the recipe need. What is not installed is reported by the clip that needs it."""
    from synth.dsp.kernels import native

    for needed in sorted({*_KERNELS, *slow_modules(recipe)}):
        module, _, kernel = needed.partition(":")
        if kernel:
            native.load(module, kernel)
            continue
        with contextlib.suppress(ImportError):
            importlib.import_module(module)


def slow_modules(recipe: Recipe) -> Iterator[str]:
    """Yield the `slow_modules` of effects, events and generators of a recipe, some more than once."""
    for part in _parts(recipe):
        if isinstance(part, LombardChoice):
            yield ENGINE_MODULES[DEFAULT_ENGINE]
        if isinstance(part, EffectChoice):
            kind: Any = part.kind
            yield from kind.slow_modules
            for setting in part.parameters.values():
                words = setting.values if isinstance(setting, WordChoice) else (setting,)
                for word in words:
                    if isinstance(word, str) and word in kind.slow_modules_of:
                        yield kind.slow_modules_of[word]


def _parts(value: Any) -> Iterator[Any]:
    """All dataclasses in a value, itself included."""
    inner: Iterable[Any] = ()
    if dataclasses.is_dataclass(value):
        yield value
        inner = (getattr(value, field.name) for field in dataclasses.fields(value))
    elif isinstance(value, Mapping):
        inner = value.values()
    elif isinstance(value, tuple | list):
        inner = value
    for each in inner:
        yield from _parts(each)
