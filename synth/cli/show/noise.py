"""What `synth noise` prints: a row per recording, notes on each, and what all of it is enough for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synth.cli.terminal import table

_HEAD = ["recording", "seconds", "usable", "dBFS", "SD dB", "from Hz", "to Hz", "lines", "strongest Hz", "spectrum"]


def noise_text(report: Mapping[str, Any]) -> str:
    """Describe a collection of noise, from its report (`NoiseReport.to_json()`)."""
    recordings = report["recordings"]
    lines = table([_HEAD, *(_row(recording) for recording in recordings)])
    notes = [f"  {recording['name']}: {text}" for recording in recordings for text in recording["warnings"]]
    if notes:
        lines += ["", "notes", *notes]
    return "\n".join([*lines, "", *report["conclusion"]])


def _row(recording: Mapping[str, Any]) -> list[str]:
    sd, tones = recording["level_sd_db"], recording["lines"]
    strongest = max(tones, key=lambda tone: float(tone["above_db"])) if tones else None
    return [
        recording["name"],
        f"{recording['seconds']:.2f}",
        f"{recording['usable_s']:.2f}",
        f"{recording['level_dbfs']:.1f}",
        "-" if sd is None else f"{sd:.1f}",
        str(recording["low_hz"]),
        str(recording["high_hz"]),
        str(len(tones)),
        "-" if strongest is None else f"{strongest['hz']:.1f}",
        str(recording["spectrum"]),
    ]
