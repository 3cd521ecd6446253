"""The bars: what is measured against what, and whether it is met."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.costs.results import Results, Run


@dataclass(frozen=True)
class Bar:
    """A measured figure with its limit."""

    name: str
    measured: float
    limit: float
    at_least: bool = False
    unit: str = ""

    @property
    def met(self) -> bool:
        """Whether the figure keeps to the limit."""
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit

    def row(self) -> str:
        """The bar as a row of a Markdown table."""
        sign = "≥" if self.at_least else "≤"
        word = "met" if self.met else "**unmet**"
        return f"| {self.name} | {self.measured:.2f}{self.unit} | {sign} {self.limit:.3g}{self.unit} | {word} |"


def wall(run: Run) -> float:
    """Wall time per hour of audio."""
    return run.wall_s / (run.hours or 1.0)


def gain_of_two(results: Results) -> float | None:
    """Gain of two workers in wall time, relative to what the floor gains from two processes."""
    ours = results.ratio(("long", "synth_basic"), ("long", "synth_basic_2"), wall)
    alone = results.ratio(("long", "floor"), ("long", "floor_2"), wall)
    return ours / alone if ours and alone else None


def throughput(workload: str, recipe: str) -> Callable[[Results], float | None]:
    """Throughput relative to the loop of audiomentations, in hours of speech.

    `synth` writes some more audio than the loop, for its clips have margins; this counts for nothing here.
    """
    peer, ours = (workload, f"audiomentations_{recipe}"), (workload, f"synth_{recipe}")
    return lambda results: results.ratio(peer, ours, lambda run: run.cpu_s)


def over_floor(workload: str, variant: str) -> Callable[[Results], float | None]:
    """CPU per hour of audio relative to decoding and encoding alone."""
    return lambda results: results.ratio((workload, variant), (workload, "floor"))


def figure(workload: str, variant: str, name: str = "cpu_s") -> Callable[[Results], float | None]:
    """Median of a figure."""
    return lambda results: results.median(workload, variant, name)


@dataclass(frozen=True)
class Limit:
    """A bar before it is measured. `{long}` and `{short}` in the name are hours of output."""

    name: str
    figure: Callable[[Results], float | None]
    limit: float
    at_least: bool = False
    unit: str = ""


LIMITS = (
    Limit("basic / floor, {long} h", over_floor("long", "synth_basic"), 1.5),
    Limit("default measure / floor, {long} h", over_floor("long", "synth_default"), 1.75),
    Limit("basic / floor, 3 copies", over_floor("copies", "synth_basic"), 1.25),
    Limit("default measure / floor, 3 copies", over_floor("copies", "synth_default"), 1.4),
    Limit("pitch and tempo / floor, {long} h", over_floor("long", "synth_pitch_tempo"), 2.4),
    Limit("throughput / audiomentations, pitch and tempo, {long} h", throughput("long", "pitch_tempo"), 5.0, True),
    Limit("throughput / audiomentations, basic, {short} h", throughput("short", "basic"), 1.8, True),
    Limit("gain of two workers / of two floors", gain_of_two, 0.95, True),
    Limit("`verify` / decoding alone", lambda results: results.ratio(("long", "verify"), ("long", "decode")), 1.3),
    Limit("`generate` of 100 clips, warm cache, CPU", figure("hundred", "synth_warm_basic"), 1.5, unit=" s"),
    Limit("plan of a million clips, wall time", figure("alone", "million", "wall_s"), 40, unit=" s"),
    Limit("plan of a million clips, peak memory", figure("alone", "million", "peak_mb"), 300, unit=" MB"),
    Limit(
        "private memory of a worker, one hour of noise", figure("alone", "synth_memory", "private_mb"), 200, unit=" MB"
    ),
    Limit("`synth --help`, CPU", figure("alone", "help"), 1 / 3, unit=" s"),
)


def hours_of(results: Results, workload: str) -> float:
    """Hours of output of a workload; 0 if nothing was measured."""
    return max((run.hours for run in results.runs if run.workload == workload), default=0.0)


def bars(results: Results) -> list[Bar]:
    """All bars that the results have figures for."""
    hours = {name: f"{hours_of(results, name):.2g}" for name in ("long", "short")}
    pairs = [(limit, limit.figure(results)) for limit in LIMITS]
    return [
        Bar(limit.name.format(**hours), value, limit.limit, limit.at_least, limit.unit)
        for limit, value in pairs
        if value is not None
    ]
