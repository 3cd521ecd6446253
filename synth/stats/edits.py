"""Edit errors between two transcripts: how many words or characters must be changed, put in or left out."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Final, Literal, TypeAlias, get_args

from synth.errors import UsageError

Unit: TypeAlias = Literal["word", "character", "clip"]
UNITS: Final = get_args(Unit)


def edit_errors(reference: str, hypothesis: str, unit: str = "word") -> tuple[int, int]:
    """(errors, length) of one clip: the Levenshtein distance, and how many units the reference has.

    Texts are compared as they stand (case and punctuation count); runs of white space count as one space.
    `unit`: "word"; "character" (spaces between words count); "clip" (1 error unless the texts are equal, length 1).
    An empty reference has length 0 and as many errors as the hypothesis has units.
    """
    told, heard = reference.split(), hypothesis.split()
    if unit == "word":
        return edit_distance(told, heard), len(told)
    if unit == "character":
        one, other = " ".join(told), " ".join(heard)
        return edit_distance(one, other), len(one)
    if unit == "clip":
        return int(told != heard), 1
    raise UsageError(f"unit {unit!r}: one of {', '.join(UNITS)} is needed")


def edit_distance(a: Sequence[Hashable], b: Sequence[Hashable]) -> int:
    """Levenshtein distance: the fewest substitutions, insertions and deletions that turn `a` into `b`.

    Bit-parallel (Myers 1999, J. ACM 46(3), in the form of Hyyro 2003, from memory): one column of the table is two
    integers of len(a) bits, so that a step is a few operations on them.
    """
    if not a or not b:
        return max(len(a), len(b))
    where: dict[Hashable, int] = {}
    for k, unit in enumerate(a):
        where[unit] = where.get(unit, 0) | 1 << k
    full, last = (1 << len(a)) - 1, 1 << (len(a) - 1)
    up, down, distance = full, 0, len(a)
    for unit in b:
        equal = where.get(unit, 0)
        diagonal = ((((equal & up) + up) ^ up) | equal | down) & full
        more, less = down | (full & ~(diagonal | up)), up & diagonal
        distance += bool(more & last) - bool(less & last)
        more, less = (more << 1 | 1) & full, (less << 1) & full
        up, down = less | (full & ~(diagonal | more)), more & diagonal
    return distance
