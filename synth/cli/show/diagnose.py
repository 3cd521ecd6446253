"""What `synth diagnose` prints: the verdict, the ladder, its gaps, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import wrap
from typing import Any

from synth.cli.terminal import table, width

_WIDTH = 110  # columns that sentences take at most


def diagnosis_text(diagnosis: Mapping[str, Any]) -> str:
    """Describe a diagnosis, from its JSON values (`Diagnosis.to_json()`)."""
    unit = " (points)" if diagnosis["unit"] else ""
    rungs = [[diagnosis["measure"], "error", "95 %", "clips", "words or n", "groups"]]
    rungs += map(_rung_row, diagnosis["rungs"])
    gaps = [[f"gap{unit}", "size", "95 %", f"of {diagnosis['reference']}", ""]]
    gaps += [
        [gap["name"], gap["shown"], gap["interval_shown"], gap["share_shown"], _remark(gap)]
        for gap in diagnosis["gaps"]
    ]
    columns = min(_WIDTH, width() or _WIDTH)
    lines = [*wrap(diagnosis["headline"], columns), "", *table(rungs), "", *table(gaps)]
    for action in diagnosis["actions"]:
        lines += ["", *wrap(f"next, {action['title']}: {action['words']}", columns)]
        lines += [f"  {line}" for line in (action["recipe"] or "").splitlines()]
        lines += [f"  $ {command}" for command in action["commands"]]
    if diagnosis["notes"]:
        lines += ["", "notes"]
        for note in diagnosis["notes"]:
            lines += wrap(note, columns, initial_indent="  ", subsequent_indent="    ")
    return "\n".join(lines)


def _rung_row(rung: Mapping[str, Any]) -> list[str]:
    counts = ["" if rung[key] is None else f"{rung[key]:,.12g}" for key in ("clips", "words", "groups")]
    return [rung["title"], rung["shown"], rung["interval_shown"], *counts]


def _remark(gap: Mapping[str, Any]) -> str:
    if not gap["is_step"]:
        return "no step: a bound"
    if gap["named"]:
        return "<- work on this"
    if gap["large"]:
        return "large"
    return "" if gap["clear"] else "may be chance"
