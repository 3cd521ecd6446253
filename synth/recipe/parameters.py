"""The parameters of an effect, a generator or an event, as a recipe sets them: a distribution, a word or several."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from synth.dsp.parameters import Parameter, Parametrized
from synth.recipe.distributions import Constant
from synth.recipe.drawn import DrawnNumber, DrawnWord, is_distribution, plain_distribution, write_distribution
from synth.recipe.kinds import REQUIRED, WRONG, Field, KeyPath, Kind, Range, Reading, read_with
from synth.recipe.renamed import renamed_text
from synth.recipe.yaml_text import BROKEN, Node, did_you_mean, shortened


@dataclass(frozen=True, slots=True)
class Several(Kind):
    """`count` independent draws: one distribution for all of them, or a list with one for each."""

    count: int
    each: DrawnNumber

    def read(self, node: Node, at: KeyPath, reading: Reading) -> Any:
        """A tuple of `count` distributions."""
        if isinstance(node.value, list) and len(node.value) == self.count:
            drawn = [self.each.read(item, at.child(str(i)), reading) for i, item in enumerate(node.value)]
            return WRONG if any(value is WRONG for value in drawn) else tuple(drawn)
        if isinstance(node.value, list) and len(node.value) != 2:
            text = f"{len(node.value)} numbers; give one distribution for all {self.count}, or a list of {self.count}"
            return reading.wrong(node, at, text)
        common = self.each.read(node, at, reading)
        return WRONG if common is WRONG else (common,) * self.count

    def write(self, value: tuple[Any, ...]) -> Any:
        """One distribution if all are the same, else a list."""
        written = [write_distribution(each) for each in value]
        return written[0] if all(each == written[0] for each in written) else written

    def schema(self) -> dict[str, Any]:
        """A distribution, or an array of them."""
        each = self.each.schema()
        array = {"type": "array", "items": each, "minItems": self.count, "maxItems": self.count}
        return {"anyOf": [*each["anyOf"], array]}


def parameter_kind(parameter: Parameter) -> Kind:
    """The kind of value that a recipe gives for this parameter."""
    if parameter.choices:
        return DrawnWord(parameter.choices)
    limits = Range(parameter.low, parameter.high, parameter.unit, parameter.integer)
    each = DrawnNumber(limits, constant=not parameter.drawn)
    return Several(parameter.count, each) if parameter.count > 1 else each


def default_of(parameter: Parameter) -> Any:
    """The value of the parameter if a recipe gives none."""
    default = parameter.default
    if isinstance(default, Mapping):
        return plain_distribution(default, integer=parameter.integer)
    if isinstance(default, tuple):
        return tuple(Constant(x) for x in default)
    return default if isinstance(default, str) or default is None else Constant(default)


def read_settings(
    name: str,
    kind: type[Parametrized],
    item: Node,
    at: KeyPath,
    reading: Reading,
    *,
    defaults: Mapping[str, str] = MappingProxyType({}),
) -> Any:
    """Read the parameters of an effect, event or generator from `item.value[name]`.

    Args:
        name: key in the recipe.
        kind: its class.
        item: the mapping with the name, and perhaps keys beside it.
        at: path of the name.
        reading: gets the mistakes.
        defaults: words that stand instead of the class's own defaults in this place of the recipe.

    Returns:
        The parameters by name, defaults filled in; WRONG if one is missing, unknown or out of range.
    """
    node = item.value[name]
    if node.value is BROKEN:
        return WRONG
    if node.value is None:
        node = Node({}, node.position)
    elif not isinstance(node.value, dict) or is_distribution(node):  # the main parameter alone
        if kind.main is None:
            names = (
                f"; name its parameters: {', '.join(kind.parameters)}" if kind.parameters else ", and takes no value"
            )
            return reading.wrong(node, at, f"{name} has no main parameter{names}")
        node = Node({kind.main: node}, node.position, keys={kind.main: node.position})
    settings: dict[str, Any] = {}
    for key, parameter in kind.parameters.items():
        child = node.value.get(key)
        if child is not None and child.value is not None:
            settings[key] = read_with(parameter_kind(parameter), child, at.child(key), reading)
        elif parameter.default is None:
            text = f"this parameter must be given ({parameter.help})"
            settings[key] = reading.wrong(node, at.child(key), text)
        else:
            settings[key] = defaults.get(key, default_of(parameter))
    unknown = [key for key in node.value if key not in kind.parameters]
    for key in unknown:
        if renamed := renamed_text(name, key):
            reading.wrong(node.keys[key], "", renamed)
            continue
        hint = did_you_mean(key, kind.parameters) or f"; {name} has {', '.join(kind.parameters) or 'none'}"
        reading.wrong(node.keys[key], at.child(shortened(key)), f"unknown parameter{hint}")
    return WRONG if unknown or any(value is WRONG for value in settings.values()) else settings


def read_beside(fields: tuple[Field, ...], item: Node, at: KeyPath, reading: Reading) -> dict[str, Any]:
    """Read the keys beside the name of an effect or event, such as `probability`; each may be WRONG."""
    values = {}
    for field in fields:
        child = item.value.get(field.key)
        if child is not None and child.value is not None:
            values[field.key] = read_with(field.kind, child, at.child(field.key), reading)
        elif field.default is REQUIRED:
            values[field.key] = reading.wrong(item, at.child(field.key), f"this key must be given ({field.help})")
        else:
            values[field.key] = field.default
    return values


def write_settings(parameters: Mapping[str, Parameter], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as plain JSON; reading that gives equal ones."""
    return {key: parameter_kind(parameters[key]).write(value) for key, value in settings.items()}


def parameters_schema(kind: type[Parametrized]) -> dict[str, Any]:
    """JSON Schema of the settings of one effect, event or generator."""
    required = [key for key, parameter in kind.parameters.items() if parameter.default is None]
    forms: list[dict[str, Any]] = [] if required else [{"type": "null"}]
    if kind.main is not None:
        forms.append(parameter_kind(kind.parameters[kind.main]).schema())
    properties = {key: parameter_kind(p).schema() | {"description": p.help} for key, p in kind.parameters.items()}
    forms.append({"type": "object", "properties": properties, "required": required, "additionalProperties": False})
    return {"anyOf": forms, "description": (kind.__doc__ or kind.name).split("\n")[0]}
