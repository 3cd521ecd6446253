"""What the value of a label means: the label is present, absent or unknown; or it is something else, such as an accent.

In a list without types (CSV) `true` and `false` in any case are truth values, and an empty cell, `unknown` and `null`
are unknown (None). All other text stays text, `1` and `yes` too, because a column of numbers or words may have them.
JSON lines keep their types.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

State: TypeAlias = Literal["present", "absent", "unknown", "other"]
STATES: Final[tuple[State, ...]] = ("present", "absent", "unknown", "other")

_TRUTH: Final = {"true": True, "false": False}
_UNKNOWN: Final = frozenset(("", "unknown", "null"))
_TRUTH_WORDS: Final = {**_TRUTH, "yes": True, "no": False, "1": True, "0": False, "1.0": True, "0.0": False}


def label_of_text(text: object) -> object:
    """The value of a label that is `text` in a list without types."""
    if not isinstance(text, str):
        return text
    word = text.strip().lower()
    return None if word in _UNKNOWN else _TRUTH.get(word, text)


def truth_of(value: object) -> bool | None:
    """Whether a label is present, by its value; None if that is unknown, or the value is something else.

    Here 0 and 1, `yes` and `no` count as well, because the question is yes or no.
    """
    return value if isinstance(value, bool) else _TRUTH_WORDS.get(str(value).strip().lower())


def state_of(value: object) -> State:
    """What a value means; `other` is a value that is neither present nor absent."""
    if value is None or (isinstance(value, str) and value.strip().lower() in _UNKNOWN):
        return "unknown"
    truth = truth_of(value)
    if truth is None:
        return "other"
    return "present" if truth else "absent"
