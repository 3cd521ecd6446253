"""What an effect is: a frozen dataclass whose fields are its drawn values, and which can be called on samples."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, runtime_checkable

from synth.dsp.arrays import Samples


@dataclasses.dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an effect, as a recipe may set it.

    A number (or a distribution of numbers) within [low, high], drawn at `resolution`; or, where `choices` is given, one
    of these words; or, where `count` > 1, that many independent draws of the same distribution (keys `name.0`,
    `name.1`, ...). `default` None means: must be given; a mapping is a distribution in the recipe's own notation.
    """

    help: str
    low: float = float("-inf")
    high: float = float("inf")
    unit: str = ""
    default: float | str | tuple[float, ...] | Mapping[str, Any] | None = None
    resolution: float = 0.001
    choices: tuple[str, ...] = ()
    count: int = 1
    integer: bool = False
    drawn: bool = True
    """False: must be one constant for the whole recipe (used at plan time)."""


@runtime_checkable
class Effect(Protocol):
    """A transform is its parameters. Every field of the dataclass goes into the manifest under its own name."""

    name: ClassVar[str]
    parameters: ClassVar[Mapping[str, Parameter]]
    main: ClassVar[str | None]
    """The parameter that a recipe may give alone: `speed: 0.9` is `speed: {factor: 0.9}`."""
    needs_seed: ClassVar[bool]
    """True: the dataclass has a field `seed`, filled by the plan with an integer drawn for the clip."""

    def output_length(self, num_samples: int, sample_rate: int) -> int:
        """Samples that come out of `num_samples`, exactly."""
        ...

    def map_position(self, position: int, num_samples: int, sample_rate: int) -> int:
        """Where sample `position` of an input of `num_samples` comes to lie in the output (for alignments)."""
        ...

    def __call__(self, samples: Samples, *, sample_rate: int) -> Samples:
        """The effect itself: shape (n,) in, shape (output_length(n),) out; never changes its input."""
        ...


class SameLength:
    """Base for effects that keep the length and do not move the signal in time."""

    __slots__ = ()

    def output_length(self, num_samples: int, sample_rate: int) -> int:
        return num_samples

    def map_position(self, position: int, num_samples: int, sample_rate: int) -> int:
        return position


def effect_to_json(effect: Effect) -> dict[str, Any]:
    """`{"name": ..., **fields}`: what stands in the manifest, and what `effect_from_json` takes back."""
    fields = {f.name: getattr(effect, f.name) for f in dataclasses.fields(effect)}  # type: ignore[arg-type]
    return {"name": effect.name, **fields}
