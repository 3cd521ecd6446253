"""What must be true of every command on a mutated input, and the counts of a campaign."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

from tests.warm_process import Ended

HANG_S: Final = 20.0
MEMORY_MB: Final = 300.0
_LONGEST: Final = 20_000  # characters of a message; what is longer nobody reads
_BUGS: Final = ("Traceback", "bug of synth", "bug in synth", "internal error")
_WARNING: Final = re.compile(r"\b[A-Z]\w+Warning: ")
_DECODER: Final = re.compile(r"Illegal Audio-MPEG|\[src/libmpg123")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@dataclass(slots=True)
class Campaign:
    """Counts of one kind of input: cases tried, exit codes, violations."""

    name: str
    tried: int = 0
    accepted: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    largest_mb: float = 0.0
    slowest_s: float = 0.0

    def note(self, where: str, ended: Ended, problems: Iterable[str]) -> None:
        """Add one command."""
        self.codes[str(ended.returncode)] += 1
        self.largest_mb = max(self.largest_mb, ended.peak_mb)
        self.slowest_s = max(self.slowest_s, ended.wall_s)
        self.violations += [f"{where}: {problem}" for problem in problems]

    def add(self, other: Campaign) -> None:
        """Put the counts of another campaign to these."""
        self.tried += other.tried
        self.accepted += other.accepted
        self.codes += other.codes
        self.violations += other.violations
        self.largest_mb = max(self.largest_mb, other.largest_mb)
        self.slowest_s = max(self.slowest_s, other.slowest_s)

    def row(self) -> str:
        """One line of the table."""
        codes = ", ".join(f"{code}: {count}" for code, count in sorted(self.codes.items()))
        return (
            f"{self.name:<10} {self.tried:>6} {self.accepted:>9} {len(self.violations):>11} {self.largest_mb:>8.0f} "
            f"{self.slowest_s:>8.1f}  {codes}"
        )


HEAD: Final = (
    f"{'inputs':<10} {'tried':>6} {'accepted':>9} {'violations':>11} {'max MB':>8} {'max s':>8}  exit codes or refusals"
)


def problems_of(ended: Ended, *, codes: Collection[int], names: Collection[str]) -> list[str]:
    """What is wrong with how a command ended.

    Args:
        ended: the command.
        codes: exit codes that are documented for it.
        names: a refusal must have one of these texts, such as the mutant's file name.
    """
    if ended.hung:
        return [f"hung for {ended.wall_s:.0f} s"]
    text = ended.stdout + ended.stderr
    problems = [f"{bug}: {_last_line(ended.stderr)}" for bug in _BUGS if bug in text][:1]
    if ended.returncode not in codes:
        problems.append(f"exit code {ended.returncode}: {_last_line(ended.stderr)}")
    if ended.peak_mb > MEMORY_MB:
        problems.append(f"{ended.peak_mb:.0f} MB")
    if found := _WARNING.search(ended.stderr) or _DECODER.search(ended.stderr):
        problems.append(f"litter on stderr: {_line_at(ended.stderr, found.start())}")
    if control := _CONTROL.search(text):
        problems.append(f"control character {control[0]!r} in the output: {_line_at(text, control.start())!r}")
    if ended.returncode and not any(name in ended.stderr + ended.stdout for name in names):
        problems.append(f"the refusal names no file: {_last_line(ended.stderr)}")
    if len(ended.stderr) > _LONGEST:
        problems.append(f"a message of {len(ended.stderr)} characters")
    return problems


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip() and "This is a bug" not in line]
    return lines[-1][:300] if lines else "(nothing)"


def _line_at(text: str, at: int) -> str:
    return text[text.rfind("\n", 0, at) + 1 : at + 150].split("\n", maxsplit=1)[0][:300]
