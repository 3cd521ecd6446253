r"""Labels from paths: `speaker: {from: path, pattern: '(\d+)-'}` or `speaker: {from: folder, level: 1}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from synth.recipe.kinds import Field, KeyPath, Keyword, Kind, Number, Range, Reading, Record, Section, Text, number_text
from synth.recipe.model import FromPath
from synth.recipe.yaml_text import Node

LABELS = ("speaker", "session")
"""What can be taken from a path."""

MAX_LEVEL = 16
_MAX_PATTERN = 300


def pattern_complaint(pattern: str, label: str) -> str | None:
    """What is wrong with a regular expression for a label; None if nothing is."""
    if len(pattern) > _MAX_PATTERN:
        return f"the pattern has {len(pattern)} characters; give at most {_MAX_PATTERN}"
    try:
        compiled = re.compile(pattern)
    except (re.error, RecursionError, OverflowError, ValueError) as error:
        return f"'{pattern}' is not a regular expression: {error}"
    if compiled.groups == 1 or label in compiled.groupindex:
        return None
    if compiled.groups == 0:
        return f"'{pattern}' has no group; put parentheses around the part that is the {label}, such as '([0-9]+)-'"
    return f"'{pattern}' has {compiled.groups} groups; name the one that is the {label}: (?P<{label}>...)"


class PatternText(Kind):
    """A regular expression with the group that its label is in."""

    def read(self, node: Node, at: KeyPath, reading: Reading) -> Any:
        """A str."""
        text = Text(r"[^\x00]+", "a regular expression").read(node, at, reading)
        label = at.shown.split(".")[-2]
        if not isinstance(text, str) or (complaint := pattern_complaint(text, label)) is None:
            return text
        return reading.wrong(node, at, complaint)

    def schema(self) -> dict[str, Any]:
        """A string."""
        return {"type": "string", "minLength": 1, "maxLength": _MAX_PATTERN}


def _one_way(section: Section) -> None:
    way = section.get("from")
    if way == "path" and not section.gives("pattern"):
        section.wrong("give the pattern, a regular expression with one group, such as '([0-9]+)-'", "pattern")
    for key, of in (("pattern", "path"), ("level", "folder")):
        if section.gives(key) and way not in (None, of):
            section.wrong(f"{key} goes with `from: {of}`; remove it, or change `from`", key)


def _build_rule(**values: Any) -> FromPath:
    # keyword arguments, because `from` is no name in Python
    if values["from"] == "path":
        return FromPath(pattern=values["pattern"])
    return FromPath(level=values["level"] or 1)


def _rule_parts(rule: FromPath) -> Mapping[str, Any]:
    return {"from": "folder" if rule.pattern is None else "path", "pattern": rule.pattern, "level": rule.level}


FROM_PATH = Record(
    "a rule for a label",
    (
        Field("from", Keyword(("path", "folder")), help="path (a part of it) or folder (one of its folders)"),
        Field(
            "pattern", PatternText(), None, "regular expression; its group in the path below the source is the label"
        ),
        Field(
            "level",
            Number(Range(1, MAX_LEVEL, integer=True)),
            None,
            f"which folder of the path below the source, 1 (the first) to {number_text(MAX_LEVEL)} (default: 1)",
        ),
    ),
    _build_rule,
    _rule_parts,
    checks=(_one_way,),
)
