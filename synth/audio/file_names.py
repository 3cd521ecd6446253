"""Names of audio files: which extensions are read, which are refused by name, and globs over relative paths."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

EXTENSIONS: Final = frozenset(
    ("wav", "wave", "rf64", "w64", "flac", "ogg", "oga", "opus", "mp3", "aif", "aiff", "aifc", "au", "snd", "caf")
)
UNREAD: Final = frozenset(
    ("m4a", "m4b", "aac", "adts", "wma", "webm", "weba", "amr", "awb", "3ga", "ac3", "eac3", "alac", "ape", "wv", "tta",
     "spx", "sph", "nist", "gsm", "ra", "ram", "mka", "mpc", "dsf", "dff", "mp2", "qcp", "voc", "8svx")
)  # fmt: skip
"""Extensions of audio that is not read here: such files are refused by name, never skipped in silence."""


def extension(path: str) -> str:
    """What follows the last dot of the name, in lower case; the whole name if it has no dot."""
    return path.rpartition("/")[2].rpartition(".")[2].lower()


def unread_message(path: str) -> str:
    """Why a file of audio that is not read here is refused, and what to do."""
    return f"audio of the kind .{extension(path)} is not read; convert it to FLAC or WAV"


_GLOB: Final = {"**/": r"(?:[^/]+/)*", "**": r".*", "*": r"[^/]*", "?": r"[^/]"}


def glob_matcher(glob: str) -> Callable[[str], object]:
    """A test for relative paths: `*` and `?` stay within one name, `**/` is any number of folders, `[ab]` a choice."""
    # not fnmatch, whose * crosses slashes
    parts: list[str] = []
    for token in re.findall(r"\*\*/|\*\*|\*|\?|\[[^\]]+\]|.", glob.removeprefix("./"), re.DOTALL):
        if token in _GLOB:
            parts.append(_GLOB[token])
        elif len(token) == 1:
            parts.append(re.escape(token))
        else:
            choice = token[1:-1].replace("\\", "\\\\").replace("[", "\\[")
            parts.append(f"[^{choice[1:]}]" if choice.startswith("!") else f"[{choice}]")
    return re.compile("".join(parts), re.DOTALL).fullmatch
