"""The measured runs, kept in a JSON file after each run, so that a benchmark can be stopped and resumed."""

from __future__ import annotations

import datetime
import json
import os
import platform
import statistics
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

LIBRARIES = ("numpy", "scipy", "numba", "soundfile", "soxr")


@dataclass(frozen=True)
class Run:
    """One measured run of a variant over a workload."""

    workload: str
    variant: str
    round: int  # from 1
    hours: float  # of audio written; 0 if there is none
    cpu_s: float
    wall_s: float
    peak_mb: float
    private_mb: float = 0.0


@dataclass
class Results:
    """All runs of a benchmark, and where they were measured."""

    about: dict[str, Any]
    runs: list[Run] = field(default_factory=list)

    def of(self, workload: str, variant: str) -> dict[int, Run]:
        """The runs of a variant over a workload by round."""
        return {run.round: run for run in self.runs if (run.workload, run.variant) == (workload, variant)}

    def add(self, run: Run) -> None:
        """Add a run, in place of an earlier one of the same round."""
        key = (run.workload, run.variant, run.round)
        self.runs = [other for other in self.runs if (other.workload, other.variant, other.round) != key]
        self.runs.append(run)

    def median(self, workload: str, variant: str, figure: str = "cpu_s") -> float | None:
        """Median of a figure over the rounds."""
        values = [getattr(run, figure) for run in self.of(workload, variant).values()]
        return float(statistics.median(values)) if values else None

    def ratio(
        self, first: tuple[str, str], second: tuple[str, str], cost: Callable[[Run], float] | None = None
    ) -> float | None:
        """Median over the rounds of the cost of the first (workload, variant) relative to the second.

        Each pair is of one round. The cost is CPU time per hour of audio if no other is given.
        """
        cost = cost or cpu_per_hour
        over, under = self.of(*first), self.of(*second)
        pairs = [cost(over[number]) / cost(under[number]) for number in over if number in under]
        return float(statistics.median(pairs)) if pairs else None

    def write(self, path: Path) -> None:
        """Write the file in place of the old one."""
        runs = ",\n  ".join(json.dumps(asdict(run)) for run in self.runs)
        about = json.dumps(self.about, indent=1)
        part = path.with_suffix(".part")
        part.write_text(f'{{"about": {about},\n "runs": [\n  {runs}\n ]}}\n')
        part.replace(path)


def cpu_per_hour(run: Run) -> float:
    """CPU seconds per hour of audio; CPU seconds if no audio was written."""
    return run.cpu_s / (run.hours or 1.0)


def read_results(path: Path) -> Results:
    """Read the file that `Results.write` wrote."""
    data = json.loads(path.read_text())
    return Results(data["about"], [Run(**run) for run in data["runs"]])


def commit_of(checkout: Path) -> str:
    """The short commit of a checkout, with + if files differ from it; empty without git."""
    git = ["git", "-C", os.fspath(checkout)]
    commit = subprocess.run([*git, "rev-parse", "--short=7", "HEAD"], capture_output=True, text=True, check=False)
    changed = subprocess.run([*git, "diff", "--quiet", "HEAD", "--", "synth"], capture_output=True, check=False)
    return commit.stdout.strip() + ("+" if changed.returncode == 1 else "")


def processor() -> str:
    """The name of the processor (Linux), else what Python says."""
    info = Path("/proc/cpuinfo")
    names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    return names[0] if info.exists() and names else platform.processor()


def describe(checkouts: dict[str, Path]) -> dict[str, Any]:
    """Date, machine, versions and commits."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores of {processor()}, {memory:.0f} GB, {platform.system()}",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in LIBRARIES},
        "commits": {name: commit_of(path) for name, path in checkouts.items()},
    }


def line_through(points: Sequence[tuple[float, float]]) -> tuple[float, float] | None:
    """Intercept and slope of the least-squares line; nothing if all x are the same."""
    if not points:
        return None
    mean_x = statistics.fmean(x for x, _ in points)
    mean_y = statistics.fmean(y for _, y in points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    if spread < 1e-9:
        return None
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    return mean_y - slope * mean_x, slope
