"""A row of `quarantine.jsonl`: which input was refused, with which code, and which clip it cost."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synth.catalog.recording import Recording, Refusal
from synth.errors import BadInput
from synth.plan.clip_spec import ClipSpec


def scan_refusal(refusal: Refusal) -> dict[str, Any]:
    """The row of an input that was refused before any clip was planned from it."""
    return {
        "clip_id": refusal.clip_id,
        "code": refusal.code,
        "message": refusal.message,
        "offset": None,
        "path": refusal.path,
        "source": None,
        "step": refusal.step,
    }


def clip_refusal(
    error: BadInput, spec: ClipSpec, recording: Recording, *, root: str, rooms: Mapping[str, str]
) -> dict[str, Any]:
    """The row of a clip that could not be made.

    Its path is relative to the root of a source: that of the impulse response if that file is to blame, else that of
    the speech. If a noise file is to blame, the message begins with its name.

    Args:
        error: why.
        spec: the plan of the clip.
        recording: its speech.
        root: of the source of the speech.
        rooms: root of each source of impulse responses, by its name.
    """
    speech_names = ("", str(Path(root, recording.path)), spec.source_id)
    for source, folder in rooms.items():
        if error.path not in speech_names and error.path.startswith(folder.rstrip("/") + "/"):
            blamed = BadInput(error.code, "", error.message, error.step)
            refusal = clip_refusal(blamed, spec, recording, root=folder, rooms={})
            return {**refusal, "path": os.path.relpath(error.path, folder), "source": source, "offset": None}
    to_blame = "" if error.path in speech_names else f"{Path(error.path).name}: "
    return {
        "clip_id": spec.clip_id,
        "code": error.code,
        "message": to_blame + error.message.replace(root.rstrip("/") + "/", ""),
        "offset": recording.offset,
        "path": recording.path,
        "source": recording.source,
        "step": error.step,
    }
