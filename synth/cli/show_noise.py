"""What `synth noise` prints: a row per recording, notes on each, and what all of it is enough for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synth.cli.terminal import table


def noise_text(report: Mapping[str, Any]) -> str:
    """The report (`NoiseReport.to_json()`) for people."""
    recordings = report["recordings"]
    lines = table([_HEAD, *(_row(recording) for recording in recordings)])
    known = [f"  {r['name']}: {text}" for r in recordings for text in r["warnings"]]
    if known:
        lines += ["", "notes", *known]
    return "\n".join([*lines, "", *report["conclusion"]])


_HEAD = ["recording", "seconds", "usable", "dBFS", "SD dB", "from Hz", "to Hz", "lines", "strongest Hz", "spectrum"]


def _row(recording: Mapping[str, Any]) -> list[str]:
    sd, lines = recording["level_sd_db"], recording["lines"]
    strongest = max(lines, key=lambda line: float(line["above_db"])) if lines else None
    return [
        recording["name"],
        f"{recording['seconds']:.2f}",
        f"{recording['usable_s']:.2f}",
        f"{recording['level_dbfs']:.1f}",
        "-" if sd is None else f"{sd:.1f}",
        str(recording["low_hz"]),
        str(recording["high_hz"]),
        str(len(lines)),
        "-" if strongest is None else f"{strongest['hz']:.1f}",
        str(recording["spectrum"]),
    ]
