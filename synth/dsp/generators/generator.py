"""A generator of noise: a frozen dataclass of parameters that synthesizes any length from recordings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from synth.dsp.arrays import Samples
from synth.dsp.parameters import Parametrized

MATERIAL_SECONDS = 30.0
"""The usable sound of a recording is cut into materials of at most this length, each overlapping the next by half."""

T = TypeVar("T")


class Material:
    """A stretch of one recording's usable sound from which noise is synthesized.

    Attributes:
        samples: int16, shape (n,), read-only; joins are crossfaded.
        scale: `samples * scale` has full scale 1.0.
        sample_rate: Hz.
    """

    __slots__ = ("_analyses", "sample_rate", "samples", "scale")

    def __init__(self, samples: npt.NDArray[np.int16], *, scale: float, sample_rate: int) -> None:
        self.samples = samples
        self.scale = scale
        self.sample_rate = sample_rate
        self._analyses: dict[object, Any] = {}

    def analysis(self, key: object, analyze: Callable[[Material], T]) -> T:
        """Return `analyze(self)`, computed once per key: the statistics that a generator works from."""
        if key not in self._analyses:
            self._analyses[key] = analyze(self)
        result: T = self._analyses[key]
        return result

    def to_float(self) -> Samples:
        """Return the samples as float64 at full scale 1.0, shape (n,)."""
        return np.multiply(self.samples, self.scale, dtype=np.float64)


class Generator(Parametrized):
    """Base of all generators. The same fields and the same materials give the same samples, in any process."""

    __slots__ = ()

    is_model: ClassVar[bool]
    """True if a model makes the sound, False if it is made of recorded sound."""
    seed: int
    """Drawn for the clip, for what is random inside the sound."""

    def sources(self) -> int:
        """Return how many materials it takes: 0, 1 or 2, of different recordings."""
        return 1

    def __call__(self, num_samples: int, *, sample_rate: int, materials: Sequence[Material]) -> Samples:
        """Synthesize noise of any length.

        Args:
            num_samples: length of the result.
            sample_rate: Hz, that of the materials too.
            materials: `sources()` of them.

        Returns:
            float64, shape (num_samples,), full scale 1.0, at the level of the first material.
        """
        raise NotImplementedError
