"""Reads texts, paths and whole numbers of the command line as typer does, without pydantic.

typer reads every value through pydantic, whose import takes 0.08 s: as long as numpy's. What is not plain, or wrong, is
still left to typer, so that its messages are the same.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

_MOST_DIGITS: Final = 9
_NOT_PLAIN: Final = object()
_LISTS: Final[dict[Any, type]] = {list[str]: str, list[Path]: Path}


class PlainValue:
    """In place of typer's reader of one parameter (its `_runtime_param`)."""

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """Read the value of an option or argument, as text, several texts, or the default.

        Raises:
            BadParameter: typer refuses it.
        """
        result = _read(value, param)
        if result is _NOT_PLAIN:
            param._runtime_param = None  # so that typer makes its own
            return param.get_runtime_param().coerce(value, param=param, ctx=ctx)
        return result


def _read(value: Any, param: Any) -> Any:
    kind = param.type_descriptor.annotation
    if value is None:
        return () if param.multiple or param.nargs == -1 else None
    if kind in (str, Path, int):
        return _read_one(value, kind, param.type_descriptor.parameter_info)
    if kind in _LISTS and isinstance(value, list | tuple):
        items = [_read_one(item, _LISTS[kind], param.type_descriptor.parameter_info) for item in value]
        return _NOT_PLAIN if _NOT_PLAIN in items else items
    return _NOT_PLAIN


def _read_one(value: Any, kind: type, info: Any) -> Any:
    if kind is int:
        if not isinstance(value, str):
            return value if value.__class__ is int else _NOT_PLAIN
        if not (value.isascii() and value.isdecimal() and len(value) <= _MOST_DIGITS):
            return _NOT_PLAIN
        number = int(value)
        is_inside = (info.min is None or number >= info.min) and (info.max is None or number <= info.max)
        return number if is_inside else _NOT_PLAIN
    if not isinstance(value, str):
        return value if isinstance(value, kind) else _NOT_PLAIN
    if kind is str:
        return value
    return Path(value) if not os.path.lexists(value) or os.access(value, os.R_OK) else _NOT_PLAIN
