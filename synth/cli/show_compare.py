"""What `synth compare` prints: the headline, the verdict, a line a feature, and what to change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synth.cli.terminal import table

_HEAD = ["feature", "unit", "training P10 / 50 / 90", "dev P10 / 50 / 90", "W1", "95 % by chance", "p", "verdict"]


def compare_text(found: Mapping[str, Any]) -> str:
    """The comparison (`Comparison.to_json()`) for people."""
    lines = [found["headline"], *found["explained"], ""]
    lines += table([_HEAD, *(_row(feature) for feature in found["features"])])
    for title, said in (("what to change, the farthest first", found["advice"]), ("notes", found["notes"])):
        if said:
            lines += ["", title, *(f"  {line}" for line in said)]
    return "\n".join(lines)


def _row(feature: Mapping[str, Any]) -> list[str]:
    return [
        feature["shown"],
        feature["unit"],
        *(
            " / ".join(f"{value:.6g}" for value in feature[side]) if feature[side] else "-"
            for side in ("training", "dev")
        ),
        feature["w1_shown"] or "-",
        feature["null95_shown"] or "-",
        "-" if feature["p"] is None else f"{feature['p']:g}",
        feature["verdict_shown"],
    ]
