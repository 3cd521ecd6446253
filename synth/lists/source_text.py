"""Kept until its last users read with `synth.lists.table`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from synth.errors import UsageError
from synth.lists.lines import MAX_LINE, SourceLines
from synth.lists.table import HALF_PAIR, _is_all_utf8

__all__ = ["MAX_LINE", "json_object", "text_lines"]


def text_lines(path: Path, *, keep_mark: bool = False) -> Iterator[str]:
    """The lines of a list, with their ends. Raises UsageError with the line."""
    lines = SourceLines(path)
    for line in lines:
        if lines.complaint:
            raise UsageError(f"{path}:{lines.number}: {lines.complaint}")
        yield line


def json_object(line: str, where: str) -> dict[str, Any]:
    """The object that a line of JSON lines holds; `where` is file:line. Raises UsageError."""
    try:
        fields = json.loads(line)
        if not isinstance(fields, dict):
            raise UsageError(f"{where}: not a JSON object")
        if not _is_all_utf8(fields):
            raise UsageError(f"{where}: {HALF_PAIR}")
    except RecursionError:
        raise UsageError(f"{where}: not JSON: nested too deeply") from None
    except ValueError as error:
        raise UsageError(f"{where}: not JSON: {error}") from None
    return fields
