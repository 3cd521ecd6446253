"""What `synth compare` prints: the headline, a row per feature, and what to change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synth.cli.terminal import table

_HEAD = ["feature", "unit", "training P10 / 50 / 90", "dev P10 / 50 / 90", "W1", "95 % by chance", "p", "verdict"]


def compare_text(comparison: Mapping[str, Any]) -> str:
    """Describe a comparison, from its JSON values (`Comparison.to_json()`)."""
    lines = [comparison["headline"], *comparison["explained"], ""]
    lines += table([_HEAD, *(_row(feature) for feature in comparison["features"])])
    if comparison["advice"]:
        lines += ["", "what to change, largest difference first", *(f"  {text}" for text in comparison["advice"])]
    if comparison["notes"]:
        lines += ["", "notes", *(f"  {text}" for text in comparison["notes"])]
    return "\n".join(lines)


def _row(feature: Mapping[str, Any]) -> list[str]:
    quantiles = [
        " / ".join(f"{value:.6g}" for value in feature[side]) if feature[side] else "-" for side in ("training", "dev")
    ]
    return [
        feature["shown"],
        feature["unit"],
        *quantiles,
        feature["w1_shown"] or "-",
        feature["null95_shown"] or "-",
        "-" if feature["p"] is None else f"{feature['p']:g}",
        feature["verdict_shown"],
    ]
