"""What `synth stages` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synth.cli.terminal import table

_HEAD = ["stage", "clips", "hours", "of sources", "weight", "mean", "synthetic"]
_SOURCES = "where these rules come from: docs/labels_and_stages.md"


def stages_text(report: Mapping[str, Any]) -> str:
    """Tabulate the stages, and list the checks of their balance."""
    lines = table([_HEAD, *(_stage_row(stage) for stage in report["stages"])])
    if report["other_splits"]:
        lines.append(f"{report['other_splits']:,} clips of other splits than train are not counted")
    checks = [f"{check['verdict']}: {check['text']}" for check in report["checks"]]
    return "\n".join([*lines, "", *checks, _SOURCES])


def _stage_row(stage: Mapping[str, Any]) -> list[str]:
    clips, hours, weight = stage["clips"], stage["hours"], stage["weight"]
    return [
        stage["stage"] or "(none)",
        f"{clips:,}",
        f"{hours:.2f}",
        f"{stage['source_hours']:.2f}",
        f"{weight:,.6g}",
        f"{weight / clips:.3g}" if clips else "-",
        f"{stage['synthetic']['hours'] / hours:.0%}" if hours else "-",
    ]
