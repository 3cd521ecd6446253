"""How large a split is wanted: `2000` clips, `2h`, `90min`, `10%` of the clips, or `rest`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from synth.errors import UsageError

SPLITS = ("dev", "test", "train")

Kind: TypeAlias = Literal["clips", "ms", "rest"]

_NUMBER = re.compile(r"(\d+(?:[_,]\d{3})+|\d+(?:\.\d+)?|\.\d+)\s*(%|h|hours?|min|minutes?|s|seconds?|clips?)?")
_MS = {"h": 3_600_000, "m": 60_000, "s": 1000}


@dataclass(frozen=True, slots=True)
class Target:
    """What a split should reach: so many clips, or milliseconds; of `rest` the amount is 0."""

    kind: Kind
    amount: int


@dataclass(frozen=True, slots=True)
class Size:
    """A size as a person gave it. `share` of the clips, or None; `target` is what it is where no share was given.
    `unasked`: nobody gave it."""

    text: str
    target: Target
    share: float | None = None
    unasked: bool = False

    def of(self, clips: int) -> Target:
        """The target in a set of so many clips."""
        return self.target if self.share is None else Target("clips", math.floor(self.share * clips + 0.5))


def read_size(name: str, text: str) -> Size:
    """A size from the command line. Raises UsageError."""
    plain = text.strip().lower()
    if plain == "rest":
        return Size(plain, Target("rest", 0))
    found = _NUMBER.fullmatch(plain)
    if not found:
        raise UsageError(f"--{name} {text}: a size is a number of clips (2000), 2h, 90min, 10% (of the clips), or rest")
    number, unit = float(re.sub("[_,]", "", found[1])), (found[2] or "clips")[0]
    if unit == "%":
        if not 0 < number <= 100:
            raise UsageError(f"--{name} {text}: a share is above 0 % and at most 100 %")
        return Size(plain, Target("clips", 0), number / 100)
    kind: Kind = "clips" if unit == "c" else "ms"
    if number <= 0 or (kind == "clips" and number != int(number)):
        raise UsageError(f"--{name} {text}: {'a whole number of clips' if kind == 'clips' else 'a time'} above 0")
    return Size(plain, Target(kind, math.floor(number * _MS.get(unit, 1) + 0.5)))


def read_sizes(texts: Mapping[str, str | None]) -> dict[str, Size]:
    """The sizes asked for, by split. What is left over goes to train where nothing is said of it.

    Raises UsageError where two are `rest`, or neither dev nor test is asked for.
    """
    sizes = {name: read_size(name, text) for name in SPLITS if (text := texts.get(name)) is not None}
    if "rest" not in {size.text for size in sizes.values()} and "train" not in sizes:
        sizes["train"] = Size("rest", Target("rest", 0), unasked=True)
    rests = [name for name, size in sizes.items() if size.text == "rest"]
    if len(rests) > 1:
        raise UsageError(f"{' and '.join(f'--{name}' for name in rests)} cannot both be the rest")
    if not {"dev", "test"} & set(sizes):
        raise UsageError("say how large dev and test should be, such as --dev 2000 --test 2000 (or 2h, or 10%)")
    return sizes


def targets(sizes: Mapping[str, Size], clips: int, milliseconds: int) -> dict[str, Target]:
    """What each split should reach in a set of so many clips and milliseconds.

    Where the others ask for all there is, the largest of them becomes the rest, so that no group is left over; a train
    that was not asked for is then none. Raises UsageError where more is asked for than there is.
    """
    there = {"clips": clips, "ms": milliseconds}
    wanted = {name: size.of(clips) for name, size in sizes.items()}
    shares = {name: _share(size, there) for name, size in sizes.items() if size.target.kind != "rest"}
    if sum(shares.values()) > 1 + 1e-9:
        asked = ", ".join(f"{name} {size.text}" for name, size in sizes.items() if name in shares)
        raise UsageError(
            f"{asked} is more than there is: {clips:,} clips, {milliseconds / 3.6e6:.2f} h. Ask for less, or for "
            "shares (--dev 10% --test 10%)"
        )
    if sum(shares.values()) > 1 - 1e-9:
        wanted = {name: one for name, one in wanted.items() if name in shares or not sizes[name].unasked}
        if all(name in shares for name in wanted):
            wanted[max(shares, key=lambda name: shares[name])] = Target("rest", 0)
    return wanted


def _share(size: Size, there: Mapping[str, int]) -> float:
    return size.share if size.share is not None else size.target.amount / max(1, there[size.target.kind])
