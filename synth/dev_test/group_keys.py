"""What `synth split --by` names: columns of the list, or labels that are in the paths."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from synth.catalog import row_labels
from synth.dev_test.real_set import RealSet
from synth.errors import UsageError
from synth.processes.pool import Pool
from synth.recipe.model import FromPath
from synth.recipe.path_labels import MAX_LEVEL, pattern_complaint

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LEVEL: Final = re.compile(r"folder:([0-9]{1,3})")
_RESERVED: Final = ("file", "folder", "path", "text", "alignment", "labels")


@dataclass(frozen=True, slots=True)
class GroupKeys:
    """Columns whose values the clips of a group share."""

    columns: tuple[str, ...] = ()
    from_path: Mapping[str, FromPath] = field(default_factory=dict)  # those of the columns that are in the paths

    def to_json(self) -> dict[str, dict[str, Any]]:
        """Return `from_path` as split.json has it."""
        return {
            name: {"pattern": rule.pattern} if rule.level is None else {"level": rule.level}
            for name, rule in self.from_path.items()
        }


def parse_group_keys(texts: Sequence[str]) -> GroupKeys:
    """Parse `speaker,session` (columns), `session=([0-9]+)-` (a regular expression) or `session=folder:1`.

    Raises:
        UsageError: a text is none of these.
    """
    names: list[str] = []
    from_path: dict[str, FromPath] = {}
    for text in texts:
        name, equals, rule = text.partition("=")
        if not equals:
            names += [column.strip() for column in text.split(",") if column.strip()]
            continue
        names.append(name)
        from_path[name] = _parse_rule(name, rule)
    return GroupKeys(tuple(dict.fromkeys(names)), from_path)


def _parse_rule(name: str, text: str) -> FromPath:
    option = f"--by {name}={text}"
    if not _NAME.fullmatch(name) or name in _RESERVED:
        raise UsageError(f"{option}: a label cannot be called {name!r}; use speaker, session or another name")
    if level := _LEVEL.fullmatch(text):
        if not 1 <= int(level[1]) <= MAX_LEVEL:
            raise UsageError(f"{option}: give a level from 1 (the first folder) to {MAX_LEVEL}")
        return FromPath(level=int(level[1]))
    if complaint := pattern_complaint(text, name):
        raise UsageError(f"{option}: {complaint}")
    return FromPath(pattern=text)


def from_path_of_json(value: Any) -> dict[str, FromPath]:
    """Return what `GroupKeys.to_json` was made of. Raises ValueError or TypeError for anything else."""
    rules = {str(name): FromPath(rule.get("pattern"), rule.get("level")) for name, rule in (value or {}).items()}
    for name, rule in rules.items():
        if rule.level is None and pattern_complaint(str(rule.pattern), name):
            raise ValueError("from_path")
    return rules


def add_path_labels(real_set: RealSet, from_path: Mapping[str, FromPath]) -> RealSet:
    """Return the set with labels from its paths.

    Raises:
        UsageError: a regular expression does not come to an end.
    """
    if not from_path:
        return real_set
    try:
        with Pool() as pool:
            return replace(real_set, rows=tuple(row_labels.add_path_labels(real_set.rows, from_path, pool)))
    except row_labels.SlowPattern as error:
        raise UsageError(f"--by {error.label}: {error}") from None
