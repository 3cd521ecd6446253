"""Sizes of splits: `2000` clips, `2h`, `90min`, `10%` of the clips, or `rest`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from synth.errors import UsageError

SPLITS: Final = ("dev", "test", "train")

SizeUnit: TypeAlias = Literal["clips", "ms", "rest"]

_SIZE: Final = re.compile(
    r"(\d+(?:[_,]\d{3})+|\d+(?:\.\d+)?|\.\d+)\s*(%|h|hours?|min|minutes?|s|seconds?|clips?)?",
)
_MS: Final = {"h": 3_600_000, "m": 60_000, "s": 1000}


@dataclass(frozen=True, slots=True)
class TargetSize:
    """How large a split should be."""

    unit: SizeUnit
    amount: int  # in `unit`; 0 for the rest


@dataclass(frozen=True, slots=True)
class RequestedSize:
    """A size as the user gave it."""

    text: str
    target: TargetSize  # without meaning if `share` is given
    share: float | None = None  # of the clips, 0 to 1
    is_default: bool = False  # nobody gave it

    def target_of(self, clips: int) -> TargetSize:
        """Return the target in a set of `clips` clips."""
        return self.target if self.share is None else TargetSize("clips", math.floor(self.share * clips + 0.5))


def parse_size(name: str, text: str) -> RequestedSize:
    """Parse the size of the split `name`. Raises UsageError."""
    plain = text.strip().lower()
    if plain == "rest":
        return RequestedSize(plain, TargetSize("rest", 0))
    match = _SIZE.fullmatch(plain)
    if not match:
        raise UsageError(f"--{name} {text}: a size is a number of clips (2000), 2h, 90min, 10% (of the clips), or rest")
    number, unit = float(re.sub("[_,]", "", match[1])), (match[2] or "clips")[0]
    if unit == "%":
        if not 0 < number <= 100:
            raise UsageError(f"--{name} {text}: a share must be above 0 % and at most 100 %")
        return RequestedSize(plain, TargetSize("clips", 0), number / 100)
    if unit == "c":
        if number <= 0 or number != int(number):
            raise UsageError(f"--{name} {text}: a whole number of clips above 0 is needed")
        return RequestedSize(plain, TargetSize("clips", int(number)))
    if number <= 0:
        raise UsageError(f"--{name} {text}: a time above 0 is needed")
    return RequestedSize(plain, TargetSize("ms", math.floor(number * _MS[unit] + 0.5)))


def parse_sizes(texts: Mapping[str, str | None]) -> dict[str, RequestedSize]:
    """Parse the sizes by split. If train has no size, it gets the rest.

    Raises:
        UsageError: two splits are `rest`, or neither dev nor test has a size.
    """
    sizes = {name: parse_size(name, text) for name in SPLITS if (text := texts.get(name)) is not None}
    if "rest" not in {size.text for size in sizes.values()} and "train" not in sizes:
        sizes["train"] = RequestedSize("rest", TargetSize("rest", 0), is_default=True)
    rests = [name for name, size in sizes.items() if size.text == "rest"]
    if len(rests) > 1:
        raise UsageError(f"{' and '.join(f'--{name}' for name in rests)} cannot both be the rest")
    if not {"dev", "test"} & set(sizes):
        raise UsageError("give the sizes of dev and test, such as --dev 2000 --test 2000 (or 2h, or 10%)")
    return sizes


def target_sizes(sizes: Mapping[str, RequestedSize], clips: int, milliseconds: int) -> dict[str, TargetSize]:
    """Return the target of each split in a set of `clips` clips and `milliseconds` ms.

    If the other splits take everything, there is no default train, and if there is no rest, the largest split becomes
    the rest, so that no group is left over.

    Raises:
        UsageError: the sizes are more than there is.
    """
    totals = {"clips": clips, "ms": milliseconds}
    targets = {name: size.target_of(clips) for name, size in sizes.items()}
    shares = {}
    for name, size in sizes.items():
        if size.target.unit != "rest":
            share = size.target.amount / max(1, totals[size.target.unit])
            shares[name] = share if size.share is None else size.share
    if sum(shares.values()) > 1 + 1e-9:
        texts = ", ".join(f"{name} {size.text}" for name, size in sizes.items() if name in shares)
        raise UsageError(
            f"{texts} is more than there is: {clips:,} clips, {milliseconds / 3.6e6:.2f} h. Use smaller sizes, or "
            "shares (--dev 10% --test 10%)"
        )
    if sum(shares.values()) > 1 - 1e-9:
        targets = {name: t for name, t in targets.items() if name in shares or not sizes[name].is_default}
        if all(name in shares for name in targets):
            targets[max(shares, key=lambda name: shares[name])] = TargetSize("rest", 0)
    return targets
