"""What `synth grow` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from synth.text import count_of, duration_text

if TYPE_CHECKING:
    from synth.commands.grow import GrownFolder


def grown_text(folder: GrownFolder) -> str:
    """Describe a folder of synthesized noise."""
    sources = len({file.recording for file in folder.files})
    source = count_of(sources, "virtual car" if folder.method == "cabin" else "recording")
    files = count_of(len(folder.files), "file")
    text = f"{folder.folder}: {files}, {duration_text(folder.seconds)} of {folder.method} noise from {source}"
    return f"{text}\nlist: {folder.listed}"
