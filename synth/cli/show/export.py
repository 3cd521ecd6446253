"""What `synth export` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synth.text import count_of, listed


def export_text(result: Mapping[str, Any]) -> str:
    """Describe an export: what it has, what is lost, and the lines that read it."""
    splits = ", ".join(f"{name} {sums['clips']:,}" for name, sums in result["splits"].items())
    size = f"{count_of(result['files'], 'file')}, {result['bytes'] / 1e6:,.1f} MB"
    clips = f"{count_of(result['clips'], 'clip')} ({splits}), {result['hours']:.2f} h"
    lines = [f"{result['out']}: {clips} as {result['format']}, {size}"]
    if result["was_complete"]:
        lines.append("already complete; nothing was written")
    lines += [f"{lost['clips']:,} of {result['clips']:,} clips {lost['text']}" for lost in result["lost"]]
    if result["left_out"]:
        names = listed(result["left_out"], len(result["left_out"]))
        lines.append(f"not in this format: {names}; the manifest of the data set has them")
    return "\n".join([*lines, "read it with:", *(f"  {line}" for line in result["reading"])])
