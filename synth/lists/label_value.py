"""What a label's value says: the label is present, absent, or unknown; or it is something else, such as an accent.

In a list as text (CSV) `true` and `false` in any case are truth values, and an empty cell, `unknown` and `null` are
unknown (None); all other text stays text, `1` and `yes` too, because a column of numbers or words may hold them. JSON
lines keep the types that they have.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

State: TypeAlias = Literal["present", "absent", "unknown", "other"]
STATES: Final[tuple[State, ...]] = ("present", "absent", "unknown", "other")

_TRUTH: Final = {"true": True, "false": False}
_UNKNOWN: Final = frozenset(("", "unknown", "null"))
_SAID: Final = {**_TRUTH, "yes": True, "no": False, "1": True, "0": False, "1.0": True, "0.0": False}


def label_of_text(text: object) -> object:
    """The value of a label that stands as `text` in a list without types."""
    if not isinstance(text, str):
        return text
    word = text.strip().lower()
    return None if word in _UNKNOWN else _TRUTH.get(word, text)


def truth_of(value: object) -> bool | None:
    """A label's value where it is asked whether the label is present; None where it is unknown, or says something else.
    0 and 1, `yes` and `no` are understood as well."""
    return value if isinstance(value, bool) else _SAID.get(str(value).strip().lower())


def state_of(value: object) -> State:
    """What a value says; `other` is known, but neither present nor absent."""
    if value is None or (isinstance(value, str) and value.strip().lower() in _UNKNOWN):
        return "unknown"
    truth = truth_of(value)
    return "other" if truth is None else "present" if truth else "absent"
