"""What `synth finish` and `synth status` print."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synth.text import count_of, listed

if TYPE_CHECKING:
    from synth.dataset.status import Status


def content_text(content: Mapping[str, Any], out: Path) -> str:
    """Describe a finished data set in a few lines, from the values of its dataset.json."""
    splits = ", ".join(
        f"{name} {count_of(totals['clips'], 'clip')} {totals['hours']:.2f} h"
        for name, totals in content["splits"].items()
    )
    lines = [
        f"{out}: {count_of(content['clips'], 'clip')}, {content['hours']:.2f} h ({splits})",
        f"manifest: {out / 'manifest.jsonl'}",
    ]
    if content["refused"]:
        refused = ", ".join(f"{count} {code}" for code, count in content["refused"].items())
        lines.append(f"refused: {refused}; see {out / 'quarantine.jsonl'}")
    return "\n".join(lines)


def status_text(status: Status, out: Path) -> str:
    """Describe how much of a data set is rendered."""
    state = "complete (files not checked: `synth verify` does that)" if status.complete else "not complete"
    lines = [
        f"{out}: {state}",
        f"shards   {status.shards_done:,} of {status.shards:,}",
        f"clips    {status.clips:,} of {status.planned_clips:,}",
        f"hours    {status.seconds / 3600:.2f}",
    ]
    if status.missing:
        lines.append(f"missing  {listed(status.missing, 20)}")
    if status.refused:
        lines.append("refused  " + ", ".join(f"{count} {code}" for code, count in sorted(status.refused.items())))
    lines += [f"locked   by {run}" for run in status.held_by]
    return "\n".join(lines)
