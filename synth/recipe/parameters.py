"""The parameters of an effect, a generator or an event, as a recipe sets them: a distribution, a word or several."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from synth.dsp.parameters import Parameter, Parametrized
from synth.recipe.distributions import Constant
from synth.recipe.drawn import DrawnNumber, DrawnWord, is_distribution, plain_distribution, write_distribution
from synth.recipe.kinds import WRONG, KeyPath, Kind, Range, Reading, read_with
from synth.recipe.renamed import renamed_text
from synth.recipe.yaml_text import BROKEN, Node, did_you_mean, shortened


@dataclass(frozen=True, slots=True)
class Several(Kind):
    """`count` independent draws: one distribution for all of them, or a list with one for each."""

    count: int
    each: DrawnNumber

    def read(self, node: Node, at: KeyPath, reading: Reading) -> Any:
        if isinstance(node.value, list) and len(node.value) == self.count:
            every = [self.each.read(item, at.child(str(i)), reading) for i, item in enumerate(node.value)]
            return WRONG if any(one is WRONG for one in every) else tuple(every)
        if isinstance(node.value, list) and len(node.value) != 2:
            text = f"{len(node.value)} numbers; give one distribution for all {self.count}, or a list of {self.count}"
            return reading.wrong(node, at, text)
        one = self.each.read(node, at, reading)
        return WRONG if one is WRONG else (one,) * self.count

    def write(self, value: tuple[Any, ...]) -> Any:
        written = [write_distribution(one) for one in value]
        return written[0] if all(one == written[0] for one in written) else written

    def schema(self) -> dict[str, Any]:
        one = self.each.schema()
        return {
            "anyOf": [*one["anyOf"], {"type": "array", "items": one, "minItems": self.count, "maxItems": self.count}]
        }


def parameter_kind(parameter: Parameter) -> Kind:
    """The kind of value that a recipe gives for this parameter."""
    if parameter.choices:
        return DrawnWord(parameter.choices)
    limits = Range(parameter.low, parameter.high, parameter.unit, parameter.integer)
    each = DrawnNumber(limits, constant=not parameter.drawn)
    return Several(parameter.count, each) if parameter.count > 1 else each


def default_of(parameter: Parameter) -> Any:
    """What the parameter is where a recipe does not say."""
    default = parameter.default
    if isinstance(default, Mapping):
        return plain_distribution(default, whole=parameter.integer)
    if isinstance(default, tuple):
        return tuple(Constant(x) for x in default)
    return default if isinstance(default, str) or default is None else Constant(default)


def _by_name(kind: type[Parametrized], node: Node) -> Node | None:
    """The settings as a mapping of parameters; None where they are neither that nor the main parameter alone."""
    if node.value is None:
        return Node({}, node.position)
    if isinstance(node.value, dict) and not is_distribution(node):
        return node
    if kind.main is None:
        return None
    return Node({kind.main: node}, node.position, keys={kind.main: node.position})


def read_settings(name: str, kind: type[Parametrized], item: Node, at: KeyPath, reading: Reading) -> Any:
    """The parameters in `item.value[name]` by name, defaults filled in; WRONG where one is missing, unknown or out of
    range."""
    node = item.value[name]
    if node.value is BROKEN:
        return WRONG
    given = _by_name(kind, node)
    if given is None:
        known = f"; name its parameters: {', '.join(kind.parameters)}" if kind.parameters else ", and takes no value"
        return reading.wrong(node, at, f"{name} has no main parameter{known}")
    settings = {key: _setting(key, p, given, at, reading) for key, p in kind.parameters.items()}
    unknown = [key for key in given.value if key not in kind.parameters]
    for key in unknown:
        if renamed := renamed_text(name, key):
            reading.wrong(given.keys[key], "", renamed)
            continue
        hint = did_you_mean(key, kind.parameters) or f"; {name} has {', '.join(kind.parameters) or 'none'}"
        reading.wrong(given.keys[key], at.child(shortened(key)), f"unknown parameter{hint}")
    return WRONG if unknown or any(value is WRONG for value in settings.values()) else settings


def _setting(key: str, parameter: Parameter, given: Node, at: KeyPath, reading: Reading) -> Any:
    node = given.value.get(key)
    if node is not None and node.value is not None:
        return read_with(parameter_kind(parameter), node, at.child(key), reading)
    if parameter.default is None:
        return reading.wrong(given, at.child(key), f"this parameter must be given ({parameter.help})")
    return default_of(parameter)


def write_settings(known: Mapping[str, Parameter], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as plain JSON; reading that gives equal ones."""
    return {key: parameter_kind(known[key]).write(value) for key, value in settings.items()}


def parameters_schema(kind: type[Parametrized]) -> dict[str, Any]:
    """JSON Schema of the settings of one effect."""
    forms: list[dict[str, Any]] = (
        [{"type": "null"}] if not any(p.default is None for p in kind.parameters.values()) else []
    )
    if kind.main is not None:
        forms.append(parameter_kind(kind.parameters[kind.main]).schema())
    properties = {key: parameter_kind(p).schema() | {"description": p.help} for key, p in kind.parameters.items()}
    required = [key for key, p in kind.parameters.items() if p.default is None]
    forms.append({"type": "object", "properties": properties, "required": required, "additionalProperties": False})
    return {"anyOf": forms, "description": (kind.__doc__ or kind.name).split("\n")[0]}
