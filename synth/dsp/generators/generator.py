"""What grows noise: a frozen dataclass of parameters that makes any length of it from stretches of recordings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from synth.dsp.arrays import Samples
from synth.dsp.parameters import Parametrized

MATERIAL_SECONDS = 30.0
"""A recording's usable sound is cut into materials of at most this length, each overlapping the next by half."""

T = TypeVar("T")


class Material:
    """A stretch of one recording's usable sound that noise is grown from.

    `samples`: shape (n,), int16, read-only, joins crossfaded; `samples * scale` has full scale 1.0.
    """

    __slots__ = ("_known", "sample_rate", "samples", "scale")

    def __init__(self, samples: npt.NDArray[np.int16], *, scale: float, sample_rate: int) -> None:
        self.samples = samples
        self.scale = scale
        self.sample_rate = sample_rate
        self._known: dict[object, Any] = {}

    def known(self, key: object, find: Callable[[Material], T]) -> T:
        """What `find` says of this material, asked once: the statistics that a generator works from."""
        if key not in self._known:
            self._known[key] = find(self)
        found: T = self._known[key]
        return found

    def heard(self) -> Samples:
        """The samples in float64 at full scale 1.0, shape (n,)."""
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
        raise NotImplementedError

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
