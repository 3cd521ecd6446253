"""What `synth diagnose` prints: the verdict, the ladder, its gaps, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import wrap
from typing import Any

from synth.cli.terminal import table, width

_WIDTH = 110


def diagnosis_text(found: Mapping[str, Any]) -> str:
    """A diagnosis (`Diagnosis.to_json()`) for people."""
    unit = " (points)" if found["unit"] else ""
    rungs = [[found["measure"], "error", "95 %", "clips", "words or n", "groups"], *map(_rung, found["rungs"])]
    gaps = [[f"gap{unit}", "size", "95 %", f"of {found['reference']}", ""], *map(_gap, found["gaps"])]
    columns = min(_WIDTH, width() or _WIDTH)
    lines = [*wrap(found["headline"], columns), "", *table(rungs), "", *table(gaps)]
    for action in found["actions"]:
        lines += ["", *wrap(f"next, {action['title']}: {action['words']}", columns)]
        lines += [f"  {line}" for line in (action["recipe"] or "").splitlines()]
        lines += [f"  $ {command}" for command in action["commands"]]
    if found["notes"]:
        notes = (wrap(note, columns, initial_indent="  ", subsequent_indent="    ") for note in found["notes"])
        lines += ["", "notes", *(line for note in notes for line in note)]
    return "\n".join(lines)


def _rung(rung: Mapping[str, Any]) -> list[str]:
    counts = ["" if rung[key] is None else f"{rung[key]:,.12g}" for key in ("clips", "words", "groups")]
    return [rung["title"], rung["shown"], rung["interval_shown"], *counts]


def _gap(gap: Mapping[str, Any]) -> list[str]:
    return [gap["name"], gap["shown"], gap["interval_shown"], gap["share_shown"], _mark(gap)]


def _mark(gap: Mapping[str, Any]) -> str:
    if not gap["is_step"]:
        return "no step: a bound"
    return "<- work on this" if gap["named"] else "large" if gap["large"] else "" if gap["clear"] else "may be chance"
