"""Checks of the types of JSON values, put together from small ones.

A check is a function of a value. It returns None if the value is right, else a fault: ` is VALUE, expected WHAT`, with
the keys that lead to the value in front. Every document of a data set passes one before anybody works with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

Check = Callable[[Any], str | None]

_MAX_EXACT: Final = 1 << 53  # beyond it a float is no exact integer
_MAX_SHOWN: Final = 60  # characters of a value


def fault(check: Check, value: Any) -> str | None:
    """What is wrong with a value, and at which key; None if nothing is."""
    problem = check(value)
    return None if problem is None else problem.strip(". ")


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."


def _fault(value: Any, expected: str) -> str:
    return f" is {_shortened(value)}, expected {expected}"


def text(value: Any) -> str | None:
    """A string."""
    return None if type(value) is str else _fault(value, "a text")


def flag(value: Any) -> str | None:
    """True or false."""
    return None if type(value) is bool else _fault(value, "true or false")


def number(value: Any) -> str | None:
    """A finite number."""
    kind = type(value)
    if kind is float or (kind is int and -_MAX_EXACT <= value <= _MAX_EXACT):
        return None
    return _fault(value, "a number")


def length(value: Any) -> str | None:
    """A number of 0 or more: seconds, or a weight."""
    return None if type(value) in (float, int) and 0 <= value <= _MAX_EXACT else _fault(value, "a number of 0 or more")


def count(value: Any) -> str | None:
    """An integer of 0 or more."""
    return None if type(value) is int and 0 <= value <= _MAX_EXACT else _fault(value, "an integer of 0 or more")


def positive(value: Any) -> str | None:
    """An integer of 1 or more."""
    return None if type(value) is int and 0 < value <= _MAX_EXACT else _fault(value, "an integer of 1 or more")


def integer(value: Any) -> str | None:
    """An integer."""
    return None if type(value) is int and -_MAX_EXACT <= value <= _MAX_EXACT else _fault(value, "an integer")


def name_or_number(value: Any) -> str | None:
    """A string or a number: in manifests of others, ids and speakers may be numbers."""
    return None if type(value) in (str, int, float) else _fault(value, "a text")


def anything(value: Any) -> str | None:
    """Any value."""
    return None


def or_null(check: Check) -> Check:
    """Null, or what passes `check`."""

    def checked(value: Any) -> str | None:
        return None if value is None else check(value)

    return checked


def object_of(fields: Mapping[str, Check], *, required: bool = True) -> Check:
    """An object with these keys (all of them if `required`); other keys are not looked at."""
    items = tuple((name, check, f".{name}") for name, check in fields.items())

    def checked(value: Any) -> str | None:
        if type(value) is not dict:
            return _fault(value, "an object")
        for name, check, key in items:
            if name not in value:
                if required:
                    return f"{key} is missing"
                continue
            problem = check(value[name])
            if problem is not None:
                return key + problem
        return None

    return checked


def needing(check: Check, *names: str) -> Check:
    """What passes `check`, and has these keys."""

    def checked(value: Any) -> str | None:
        missing = next((name for name in names if type(value) is dict and name not in value), None)
        return check(value) if missing is None else f".{missing} is missing"

    return checked


def list_of(item: Check) -> Check:
    """A list whose items all pass `item`."""

    def checked(value: Any) -> str | None:
        if type(value) is not list:
            return _fault(value, "a list")
        for position, each in enumerate(value):
            problem = item(each)
            if problem is not None:
                return f"[{position}]{problem}"
        return None

    return checked


def tuple_of(*checks: Check) -> Check:
    """A list with one item for each of `checks`."""

    def checked(value: Any) -> str | None:
        if type(value) is not list or len(value) != len(checks):
            return _fault(value, f"a list of {len(checks)} values")
        for position, (check, each) in enumerate(zip(checks, value, strict=True)):
            problem = check(each)
            if problem is not None:
                return f"[{position}]{problem}"
        return None

    return checked


def mapping(value: Any) -> str | None:
    """An object with any keys."""
    return None if type(value) is dict else _fault(value, "an object")


def mapping_of(item: Check) -> Check:
    """An object with any keys, whose values all pass `item`."""

    def checked(value: Any) -> str | None:
        if type(value) is not dict:
            return _fault(value, "an object")
        for key, each in value.items():
            problem = item(each)
            if problem is not None:
                return f".{_shortened(key)}{problem}"
        return None

    return checked
