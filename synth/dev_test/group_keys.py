"""What `synth split --by` names: columns, or labels that are in the paths."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from synth.catalog.row_labels import SlowPattern, add_path_labels
from synth.dev_test.real_set import RealSet
from synth.errors import UsageError
from synth.processes.pool import Pool
from synth.recipe.model import FromPath
from synth.recipe.path_labels import MAX_LEVEL, pattern_complaint

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LEVEL = re.compile(r"folder:([0-9]{1,3})")
_TAKEN = ("file", "folder", "path", "text", "alignment", "labels")


@dataclass(frozen=True, slots=True)
class By:
    """Columns that a group shares. `from_path`: those of them that are in the paths."""

    columns: tuple[str, ...] = ()
    from_path: Mapping[str, FromPath] = field(default_factory=dict)

    def to_json(self) -> dict[str, dict[str, Any]]:
        """`from_path` as split.json has it."""
        return {
            name: {"pattern": rule.pattern} if rule.level is None else {"level": rule.level}
            for name, rule in self.from_path.items()
        }


def read_by(texts: Sequence[str]) -> By:
    """`speaker,session` (columns), `session=([0-9]+)-` (a regular expression) or `session=folder:1`.

    Raises UsageError for a text that is none of these.
    """
    names: list[str] = []
    from_path: dict[str, FromPath] = {}
    for text in texts:
        name, equals, rule = text.partition("=")
        if not equals:
            names += [column.strip() for column in text.split(",") if column.strip()]
            continue
        names.append(name)
        from_path[name] = _rule(name, rule)
    return By(tuple(dict.fromkeys(names)), from_path)


def _rule(name: str, text: str) -> FromPath:
    if not _NAME.fullmatch(name) or name in _TAKEN:
        raise UsageError(f"--by {name}={text}: {name!r} cannot be the name of a label; use speaker, session or another")
    if level := _LEVEL.fullmatch(text):
        if not 1 <= int(level[1]) <= MAX_LEVEL:
            raise UsageError(f"--by {name}={text}: give a level from 1 (the first folder) to {MAX_LEVEL}")
        return FromPath(level=int(level[1]))
    if complaint := pattern_complaint(text, name):
        raise UsageError(f"--by {name}={text}: {complaint}")
    return FromPath(pattern=text)


def from_json(noted: Any) -> dict[str, FromPath]:
    """`By.to_json` back. Raises ValueError or TypeError for anything else."""
    rules = {str(name): FromPath(rule.get("pattern"), rule.get("level")) for name, rule in (noted or {}).items()}
    for name, rule in rules.items():
        if rule.level is None and pattern_complaint(str(rule.pattern), name):
            raise ValueError("from_path")
    return rules


def labeled(real_set: RealSet, from_path: Mapping[str, FromPath]) -> RealSet:
    """The set with labels from its paths. Raises UsageError for a pattern that does not come to an end."""
    if not from_path:
        return real_set
    try:
        with Pool() as pool:
            return replace(real_set, rows=tuple(add_path_labels(real_set.rows, from_path, pool)))
    except SlowPattern as error:
        raise UsageError(f"--by {error.label}: {error}") from None
