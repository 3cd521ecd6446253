"""What grows noise: a frozen dataclass of parameters that makes any length of it from stretches of recordings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from synth.dsp.arrays import Samples
from synth.dsp.effects.effect import Parameter

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


class Generator(Protocol):
    """A generator is its parameters; every field of the dataclass goes into the manifest under its own name.

    The same fields and the same materials give the same samples, in any process.
    """

    name: ClassVar[str]
    parameters: ClassVar[Mapping[str, Parameter]]
    main: ClassVar[str | None]
    needs_seed: ClassVar[bool]
    is_model: ClassVar[bool]
    """True where the sound is a model's, False where it is made of recorded sound."""

    @property
    def seed(self) -> int:
        """An integer drawn for the clip, for what is random inside the sound."""
        ...

    def sources(self) -> int:
        """How many materials it takes: 0, 1 or 2, of different recordings."""
        ...

    def __call__(self, num_samples: int, *, sample_rate: int, materials: Sequence[Material]) -> Samples:
        """Noise of any length, shape (num_samples,), at the level of its (first) material."""
        ...
