"""Checks of the types of JSON values, put together from small ones: no reader of a data set meets anything else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

Check = Callable[[Any], str | None]
"""None where a value is right, else what is wrong with it, ` is VALUE, expected WHAT`, with the keys in front."""

_MOST: Final = 1 << 53  # beyond it a float is no exact integer
_SHOWN: Final = 60


def fault(check: Check, value: Any) -> str | None:
    """What is wrong with a value, with the key at which it is wrong; None where nothing is."""
    wrong = check(value)
    return None if wrong is None else wrong.strip(". ")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _wrong(value: Any, expected: str) -> str:
    return f" is {_shown(value)}, expected {expected}"


def text(value: Any) -> str | None:
    return None if type(value) is str else _wrong(value, "a text")


def flag(value: Any) -> str | None:
    return None if type(value) is bool else _wrong(value, "true or false")


def number(value: Any) -> str | None:
    kind = type(value)
    if kind is float or (kind is int and -_MOST <= value <= _MOST):
        return None
    return _wrong(value, "a number")


def length(value: Any) -> str | None:
    """Seconds, or a weight."""
    return None if type(value) in (float, int) and 0 <= value <= _MOST else _wrong(value, "a number of 0 or more")


def count(value: Any) -> str | None:
    return None if type(value) is int and 0 <= value <= _MOST else _wrong(value, "an integer of 0 or more")


def positive(value: Any) -> str | None:
    """An integer of 1 or more."""
    return None if type(value) is int and 0 < value <= _MOST else _wrong(value, "an integer of 1 or more")


def integer(value: Any) -> str | None:
    return None if type(value) is int and -_MOST <= value <= _MOST else _wrong(value, "an integer")


def name_or_number(value: Any) -> str | None:
    """An id or a speaker: lists of others have numbers, too."""
    return None if type(value) in (str, int, float) else _wrong(value, "a text")


def anything(value: Any) -> str | None:
    return None


def or_null(check: Check) -> Check:
    def checked(value: Any) -> str | None:
        return None if value is None else check(value)

    return checked


def object_of(fields: Mapping[str, Check], *, required: bool = True) -> Check:
    """An object with these keys (all of them where `required`); others are not looked at."""
    items = tuple((name, check, f".{name}") for name, check in fields.items())

    def checked(value: Any) -> str | None:
        if type(value) is not dict:
            return _wrong(value, "an object")
        for name, check, key in items:
            if name not in value:
                if required:
                    return f"{key} is missing"
                continue
            wrong = check(value[name])
            if wrong is not None:
                return key + wrong
        return None

    return checked


def needing(check: Check, *names: str) -> Check:
    def checked(value: Any) -> str | None:
        missing = next((name for name in names if type(value) is dict and name not in value), None)
        return check(value) if missing is None else f".{missing} is missing"

    return checked


def list_of(item: Check) -> Check:
    def checked(value: Any) -> str | None:
        if type(value) is not list:
            return _wrong(value, "a list")
        for place, one in enumerate(value):
            wrong = item(one)
            if wrong is not None:
                return f"[{place}]{wrong}"
        return None

    return checked


def tuple_of(*checks: Check) -> Check:
    def checked(value: Any) -> str | None:
        if type(value) is not list or len(value) != len(checks):
            return _wrong(value, f"a list of {len(checks)} values")
        for place, (check, one) in enumerate(zip(checks, value, strict=True)):
            wrong = check(one)
            if wrong is not None:
                return f"[{place}]{wrong}"
        return None

    return checked


def mapping(value: Any) -> str | None:
    """An object with any keys."""
    return None if type(value) is dict else _wrong(value, "an object")


def mapping_of(item: Check) -> Check:
    """An object with any keys, whose values are all of one kind."""

    def checked(value: Any) -> str | None:
        if type(value) is not dict:
            return _wrong(value, "an object")
        for key, one in value.items():
            wrong = item(one)
            if wrong is not None:
                return f".{_shown(key)}{wrong}"
        return None

    return checked
