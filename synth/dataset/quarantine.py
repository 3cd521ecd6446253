"""A line of `quarantine.jsonl`: which input was refused, with which code, and which clip it cost."""

from __future__ import annotations

import os
from typing import Any

from synth.catalog.recording import Recording
from synth.errors import BadInput
from synth.plan.clip_spec import ClipSpec


def refusal_of(error: BadInput, spec: ClipSpec, recording: Recording, *, root: str) -> dict[str, Any]:
    """The line of a clip that could not be made. The path is the speech recording's, relative to its source's root.

    Where another file is to blame (an impulse response, noise), the message begins with that file's name.
    """
    file = os.path.join(root, recording.path)
    to_blame = "" if error.path in ("", file, spec.source_id) else f"{os.path.basename(error.path)}: "
    return {
        "clip_id": spec.clip_id,
        "code": error.code,
        "message": to_blame + error.message.replace(root.rstrip("/") + "/", ""),
        "offset": recording.offset,
        "path": recording.path,
        "source": recording.source,
        "stage": error.stage,
    }
