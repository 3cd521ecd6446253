"""Render one clip of a data set again from its sources: `synth replay`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synth.commands.explain import find_row
from synth.commands.plan import StrPath
from synth.dataset.dataset_dir import DatasetDir
from synth.errors import UsageError
from synth.paths import output_path
from synth.plan.clip_name import find_clip

__all__ = ["ReplayedClip", "replay"]


@dataclass(frozen=True, slots=True)
class ReplayedClip:
    """A clip that was rendered again."""

    clip_id: str
    path: Path  # the file that was written
    sha256: str
    same: bool | None  # whether its bytes are those of the data set; None if that has no such clip yet

    def to_json(self) -> dict[str, Any]:
        """The result as JSON values."""
        return {"path": str(self.path), "sha256": self.sha256, "same": self.same}


def replay(out: StrPath, clip: str, target: StrPath) -> ReplayedClip:
    """Render one clip again, and write it to `target` (never into the data set).

    Args:
        out: the data set's directory.
        clip: the clip, as `find_clip` takes it.
        target: an audio file of the format of the data set.

    Raises:
        UsageError: no such clip; `target` must not be written (synth/paths/output_path.py), or its name does not end as
            the clips of the data set do.
        BadInput: the clip cannot be made; the sources are not what they were.
    """
    from synth.dataset.saved_plan import reading_plan
    from synth.execute.clip_maker import ClipMaker
    from synth.render.progress import NoProgress

    out, target = Path(out), Path(target)
    output_path.check_file(target, "clip", inputs=(out,))
    dataset = DatasetDir(out)
    with reading_plan(dataset) as saved:
        index = find_clip(saved.plan, clip, out)
        extension = saved.plan.recipe.output.format
        if target.suffix.lower() != f".{extension}":
            raise UsageError(
                f"--out {target}: the clips of this data set are {extension.upper()}, and replay writes the same "
                f"bytes; name a file that ends in .{extension}, such as {target.with_suffix('.' + extension)}"
            )
        row = find_row(dataset, saved.plan, index)
        if row is not None:
            # The source may have been touched or copied since it was planned; the same content will do.
            source = int(saved.plan.clips["recording"][index])
            saved.plan.speech = saved.plan.speech.with_hash(source, row["source"]["sha256"])
        data = ClipMaker(dataset, saved).make(index, NoProgress()).files[0][1]
        clip_id = saved.plan.clip_id(index)
    output_path.write(target, data, "clip")
    digest = hashlib.sha256(data).hexdigest()
    return ReplayedClip(clip_id, target, digest, None if row is None else row["sha256"] == digest)
