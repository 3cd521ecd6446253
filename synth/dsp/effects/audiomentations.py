"""Any audiomentations transform by its class name, without its hidden randomness."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from synth.dsp.effects.effect import Parameter, Samples, SameLength


@dataclass(frozen=True, slots=True)
class Audiomentations(SameLength):
    """`transform(**kwargs)`, always applied, with its draws made from `seed`."""

    transform: str
    kwargs: tuple[tuple[str, Any], ...] = ()
    seed: int = 0

    name: ClassVar[str] = "audiomentations"
    parameters: ClassVar[Mapping[str, Parameter]] = {}
    main: ClassVar[str | None] = None
    needs_seed: ClassVar[bool] = True

    def __call__(self, samples: Samples, *, sample_rate: int) -> Samples:
        return self.apply_with_parameters(samples, sample_rate=sample_rate)[0]

    def apply_with_parameters(self, samples: Samples, *, sample_rate: int) -> tuple[Samples, dict[str, Any]]:
        """The transformed samples, and the parameters that the transform drew (JSON values)."""
        raise NotImplementedError


def check(transform: str, kwargs: Mapping[str, Any]) -> str | None:
    """What is wrong with this transform and these arguments, or None. Loads audiomentations."""
    return None
