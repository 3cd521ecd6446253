"""What `synth generate` prints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from synth.cli.show.dataset import content_text
from synth.text import count_of

if TYPE_CHECKING:
    from synth.commands.generate import GeneratedDataset


def generated_text(generated: GeneratedDataset, out: Path) -> str:
    """Describe what one run rendered, and the data set if it is complete."""
    run = generated.result
    if run.shards:
        speed = run.seconds / run.elapsed if run.elapsed > 0 else 0.0
        text = f"rendered {count_of(run.clips, 'clip')}, {run.seconds / 3600:.2f} h, in {run.elapsed:.1f} s"
        text += f" ({speed:,.0f}x real time)"
        if run.refused:
            text += f"; {run.refused:,} refused"
    else:
        text = "already complete: nothing to render"
    if generated.content is not None:
        return f"{text}\n{content_text(generated.content, out)}"
    assert generated.part is not None
    part = f"part {generated.part.index} of {generated.part.count}"
    return f"{text}\n{part} is complete; run `synth finish {out}` when all parts are"
