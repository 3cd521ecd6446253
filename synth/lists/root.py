"""What the relative paths of a list are relative to: the list's own folder, or what `synth split` noted beside it."""

from __future__ import annotations

import json
import os
from pathlib import Path

SPLIT_FILE, SPLIT_FORMAT = "split.json", "synth-split"
"""The file that `synth split` writes beside its lists, and the value of its key `format`. Its `root` is the folder of
the audio, relative to that file; `lists` are the names of the lists."""


def list_root(path: Path) -> Path:
    """The absolute folder that the paths of the list `path` are relative to; links stay links."""
    own = Path(os.path.abspath(path.parent))  # noqa: PTH100
    try:
        noted = json.loads((own / SPLIT_FILE).read_bytes())
        if noted["format"] == SPLIT_FORMAT and path.name in noted["lists"]:
            return Path(os.path.normpath(own / str(noted["root"])))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass
    return own
