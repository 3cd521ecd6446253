"""How an effect, an event or a generator declares its parameters: each once, in the annotation of its field.

    @dataclass(frozen=True, slots=True)
    class Speed(Effect):
        name = "speed"
        main = "factor"

        factor: Annotated[float, Parameter("times as fast", low=0.25, high=4.0)]

From this come the keys of a recipe, their checks and error messages, the JSON Schema, and the draws of the plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, get_type_hints


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter, as a recipe may set it: a number, a word, or a distribution of either."""

    help: str  # shown in error messages and in the schema
    low: float = float("-inf")  # least number allowed
    high: float = float("inf")  # greatest number allowed
    unit: str = ""
    default: float | str | tuple[float, ...] | Mapping[str, Any] | None = None
    """Value if a recipe gives none: a distribution in the recipe's notation, or else the field's own default. None if
    the field has no default either: then a recipe must give it."""
    resolution: float = 0.001  # drawn numbers are rounded to multiples of this
    choices: tuple[str, ...] = ()  # if given, the value is one of these words
    count: int = 1  # above 1: so many independent draws, with the keys `name.0`, `name.1`, ...
    integer: bool = False
    drawn: bool = True  # False: must be one constant for the whole recipe, because it is used at plan time


class Parametrized:
    """Base of effects, events and generators: frozen dataclasses whose fields are drawn values.

    Every field goes into the manifest under its own name. A field whose annotation holds a `Parameter` can be set by a
    recipe; the others are filled by the plan.
    """

    __slots__ = ()

    name: ClassVar[str]
    """The key in a recipe."""
    main: ClassVar[str | None] = None
    """The parameter that a recipe may give alone: `speed: 0.9` is `speed: {factor: 0.9}`."""
    parameters: ClassVar[Mapping[str, Parameter]] = {}
    """By field name, in the order of the fields."""
    needs_seed: ClassVar[bool] = False
    """True if there is a field `seed`, which the plan fills with an integer drawn for the clip."""
    slow_modules: ClassVar[tuple[str, ...]] = ()
    """What a call imports that takes long, or a kernel (`filters:block_sums`): a run loads it once, before it starts
    workers."""
    slow_modules_of: ClassVar[Mapping[str, str]] = {}
    """The same, by the word of a parameter with which a call imports it."""

    def __init_subclass__(cls) -> None:
        """Derive `parameters` and `needs_seed` from the annotations of the class."""
        if "parameters" in vars(cls):  # dataclass(slots=True) makes the class a second time, without its defaults
            return
        hints = get_type_hints(cls, include_extras=True)
        parameters = {
            key: parameter
            for key, hint in hints.items()
            for parameter in getattr(hint, "__metadata__", ())
            if isinstance(parameter, Parameter)
        }
        cls.parameters = {
            key: parameter if parameter.default is not None else replace(parameter, default=vars(cls).get(key))
            for key, parameter in parameters.items()
        }
        cls.needs_seed = "seed" in hints
