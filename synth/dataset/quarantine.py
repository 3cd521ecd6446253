"""A line of `quarantine.jsonl`: which input was refused, with which code, and which clip it cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from synth.catalog.recording import Recording, Refusal
from synth.errors import BadInput
from synth.plan.clip_spec import ClipSpec


def scan_refusal(refusal: Refusal) -> dict[str, Any]:
    """The line of an input that was refused before any clip was planned of it."""
    return {
        "clip_id": refusal.clip_id,
        "code": refusal.code,
        "message": refusal.message,
        "offset": None,
        "path": refusal.path,
        "source": None,
        "stage": refusal.stage,
    }


def refusal_of(error: BadInput, spec: ClipSpec, recording: Recording, *, root: str) -> dict[str, Any]:
    """The line of a clip that could not be made. The path is the speech recording's, relative to its source's root.

    Where another file is to blame (an impulse response, noise), the message begins with that file's name.
    """
    own = ("", str(Path(root, recording.path)), spec.source_id)
    to_blame = "" if error.path in own else f"{Path(error.path).name}: "
    return {
        "clip_id": spec.clip_id,
        "code": error.code,
        "message": to_blame + error.message.replace(root.rstrip("/") + "/", ""),
        "offset": recording.offset,
        "path": recording.path,
        "source": recording.source,
        "stage": error.stage,
    }
