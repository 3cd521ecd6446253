"""What `synth select` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synth.cli.terminal import number_text, table
from synth.text import listed

_HEAD = ["feature", "unit", "before", "after", "tolerance"]
_CELLS = 10  # kinds of missing clips that are listed


def selection_text(selection: Mapping[str, Any]) -> str:
    """Describe a selection, from its JSON values with `out`, the manifest."""
    kind = "a subset of" if selection["subset"] else "weights for"
    reach = "-" if selection["within_reach"] is None else f"{selection['within_reach']:.0%}"
    lines = [
        f"{kind} {selection['clips']:,} of {selection['of_clips']:,} clips, {selection['hours']:.2f} h "
        f"({selection['method']})",
        f"effective sample size  {selection['ess']:.2f} of the clips",
        f"target within reach    {reach}",
        *(f"note: {note}" for note in selection["notes"]),
        "",
        "Wasserstein-1 distance from the target",
        *table([_HEAD, *map(_distance_row, selection["distances"])]),
    ]
    cells = selection["to_generate"]
    if cells:
        lines += ["", f"clips that would have to be generated: {sum(cell['clips'] for cell in cells):,}"]
        texts = [cell["text"] for cell in cells]
        lines.append("  " + listed(texts, _CELLS, separator="\n  ", noun="cells (--json lists them)"))
    return "\n".join([*lines, "", f"written to {selection['out']}, with absolute paths"])


def _distance_row(distance: Mapping[str, Any]) -> list[str]:
    unit = {"log2": f"log2 {distance['unit']}", "logit": "log-odds"}.get(distance["scale"], distance["unit"] or "-")
    values = [number_text(distance[side]) for side in ("before", "after")]
    return [distance["shown"], unit, *values, f"{distance['tolerance']:.2g}"]
