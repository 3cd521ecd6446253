"""An effect as a recipe has it: how often, and where its parameters come from; `draw` makes the effect of one clip."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import floor
from typing import Any, TypeAlias, get_args

from synth.draws import ClipDraws
from synth.dsp.effects.effect import Effect
from synth.dsp.parameters import Parameter
from synth.recipe.distributions import Constant, Distribution, WordChoice
from synth.recipe.renamed import draw_name

Plain: TypeAlias = float | str | bool | tuple["Plain", ...] | Mapping[str, "Plain"] | None
"""What is handed to a library transform as the recipe has it."""

Setting: TypeAlias = Distribution | WordChoice | tuple[Distribution, ...] | Plain
"""What a parameter is set to: a distribution, one for each of several draws, a word, or a value of a library."""

DRAWN = (*get_args(Distribution), WordChoice)
"""The classes of settings that are drawn for each clip."""

_Scalar: TypeAlias = tuple[str, str, Callable[[float], float | str], int, int]  # name, key's end, inverse CDF, grid
_Vector: TypeAlias = tuple[str, tuple[tuple[str, Callable[[float], float]], ...], int, int]

_MOST_DRAWN = 4096  # effects that a choice remembers

_UNROUNDED = Parameter("", resolution=0)
"""For the parameters of a library transform: we do not know on which scale they lie."""


def _grid(parameter: Parameter) -> tuple[int, int]:
    """The resolution as a fraction: `floor(x * den / num + 0.5) * num / den` is then the nearest float to a decimal."""
    if parameter.integer or parameter.choices or parameter.resolution <= 0:
        return 0, 0
    grid = Fraction(parameter.resolution).limit_denominator(10**9)
    return grid.numerator, grid.denominator


def _on_grid(x: Any, num: int, den: int) -> Any:
    return floor(x * den / num + 0.5) * num / den if num and x.__class__ is float else x


@dataclass(frozen=True, slots=True)
class EffectChoice:
    """An effect (or event, or generator) that a clip may get, with where its parameters come from."""

    name: str  #: in the recipe; one that begins with a capital is a class of audiomentations
    key: str  #: what the keys of its draws begin with
    kind: Callable[..., Any]  #: its class; of audiomentations an adapter that takes `transform`, `kwargs` and `seed`
    parameters: Mapping[str, Setting]  #: every parameter, defaults filled in
    probability: float = 1.0  #: share of the clips that get it
    makes_unknown: tuple[str, ...] = ()  #: labels that are unknown in a clip that gets it
    # What `draw` needs, computed once, because it is called for every clip and segment:
    _fixed: dict[str, Any] = field(init=False, repr=False, compare=False)
    _scalars: tuple[_Scalar, ...] = field(init=False, repr=False, compare=False)
    _vectors: tuple[_Vector, ...] = field(init=False, repr=False, compare=False)
    _seeded: bool = field(init=False, repr=False, compare=False)
    _always: Effect | None = field(init=False, repr=False, compare=False)
    _drawn: dict[float, Any] | None = field(init=False, repr=False, compare=False)  # of an effect with one parameter

    def __post_init__(self) -> None:
        fixed: dict[str, Any] = {}
        scalars: list[_Scalar] = []
        vectors: list[_Vector] = []
        parameters: Mapping[str, Parameter] = getattr(self.kind, "parameters", {})
        for name, setting in self.parameters.items():
            grid = _grid(parameters.get(name, _UNROUNDED))
            if isinstance(setting, Constant):
                fixed[name] = _on_grid(setting.number, *grid)
            elif isinstance(setting, DRAWN):
                scalars.append((name, f".{draw_name(self.name, name)}", setting.value, *grid))
            elif isinstance(setting, tuple) and setting and isinstance(setting[0], DRAWN):
                elements: tuple[Any, ...] = setting
                parts = tuple((f".{name}.{i}", element.value) for i, element in enumerate(elements))
                vectors.append((name, parts, *grid))
            else:
                fixed[name] = setting
        is_seeded = bool(getattr(self.kind, "needs_seed", False))
        always = None if scalars or vectors or is_seeded else self._build(fixed)
        has_one = len(scalars) == 1 and not (vectors or is_seeded or self.is_library)
        computed = {"_fixed": fixed, "_scalars": tuple(scalars), "_vectors": tuple(vectors), "_seeded": is_seeded}
        for name, value in (computed | {"_always": always, "_drawn": {} if has_one else None}).items():
            object.__setattr__(self, name, value)  # the dataclass is frozen

    @property
    def is_library(self) -> bool:
        """Whether it is a transform of audiomentations."""
        return self.name[:1].isupper()

    def _build(self, values: dict[str, Any]) -> Any:
        if not self.is_library:
            return self.kind(**values)
        seed = values.pop("seed", 0)
        return self.kind(transform=self.name, kwargs=tuple(sorted(values.items())), seed=seed)

    def draw(self, draws: ClipDraws, key: str | None = None) -> Effect | None:
        """Draw the effect with its values for one clip.

        The keys of the draws are `key` + `.probability`, `.<parameter>`, `.<parameter>.<i>` if a parameter is several
        draws, and `.seed`.

        Args:
            draws: the draws of the clip.
            key: what the keys begin with (default: the effect's own key).

        Returns:
            The effect; None if the clip does not get it.
        """
        prefix = self.key if key is None else key
        if self.probability < 1.0 and draws(prefix + ".probability") >= self.probability:
            return None
        if self._always is not None:
            return self._always
        if self._drawn is not None:
            return self._draw_one(draws, prefix, self._drawn)
        values = self._fixed.copy()
        for name, suffix, value, num, den in self._scalars:
            values[name] = _on_grid(value(draws(prefix + suffix)), num, den)
        for name, parts, num, den in self._vectors:
            values[name] = tuple(_on_grid(value(draws(prefix + suffix)), num, den) for suffix, value in parts)
        if self._seeded:
            values["seed"] = int(draws(prefix + ".seed") * 4294967296)
        built: Effect = self._build(values)
        return built

    def _draw_one(self, draws: ClipDraws, prefix: str, drawn: dict[float, Any]) -> Effect:
        """Draw an effect with one parameter. A value on a grid comes again and again, and so does the effect."""
        ((name, suffix, value, num, den),) = self._scalars
        number = _on_grid(value(draws(prefix + suffix)), num, den)
        effect: Effect | None = drawn.get(number) if num else None
        # 1 and 1.0 are one key, and are written differently: only floats are remembered
        if effect is None or number.__class__ is not float:
            effect = self._build({**self._fixed, name: number})
            if num and number.__class__ is float and len(drawn) < _MOST_DRAWN:
                drawn[number] = effect
        return effect
