"""The measured tables of docs/performance.md, between marks, and its plot."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks.costs.bars import bars, hours_of, wall
from benchmarks.costs.plot import Series, cost_svg
from benchmarks.costs.results import Results, Run, cpu_per_hour, line_through
from benchmarks.costs.variants import HOURS, WORKLOADS

COMMAND = ".venv/bin/python benchmarks/speed.py --render docs/performance.json"
PROFILED: Mapping[str, str] = {"basic": "basic", "default": "default measure", "pitch_tempo": "pitch and tempo"}
SIZES = ("tiny", "short", "middle", "long")
TITLES: Mapping[str, str] = {
    "floor": "decode and encode alone (the floor)",
    "synth_basic": "basic",
    "synth_default": "default measure",
    "synth_pitch_tempo": "pitch and tempo",
    "prototype_basic": "prototype of 100 lines",
    "audiomentations_basic": "audiomentations",
    "librosa_basic": "librosa script",
    "lhotse_basic": "lhotse",
}


def _ratio(value: float | None, unit: str = "") -> str:
    return "-" if value is None else f"{value:.2f}{unit}"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _throughput(results: Results, workload: str, variant: str) -> str:
    """Hours of audio per core-hour."""
    per_hour = [cpu_per_hour(run) for run in results.of(workload, variant).values()]
    return "-" if not per_hour else f"{3600 / sorted(per_hour)[len(per_hour) // 2]:.0f}"


def speech_hours(results: Results, workload: str) -> float:
    """Hours of speech of a workload: the same for all variants, while `synth` adds margins to its clips."""
    return float(WORKLOADS[workload].hours / HOURS * results.about["settings"]["hours"] / WORKLOADS[workload].copies)


def _speech_throughput(results: Results, workload: str, variant: str) -> str:
    """Hours of speech per core-hour."""
    cpu_s = results.median(workload, variant)
    return f"{3600 * speech_hours(results, workload) / cpu_s:.0f}" if cpu_s else "-"


def machine(results: Results) -> Iterable[str]:
    """Date, machine, versions."""
    about = results.about
    libraries = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    commits = about["commits"]
    before = f"; before: commit {commits['before']}" if "before" in commits else ""
    place = f"{about['date']} on {about['machine']}, one thread per library"
    yield f"Measured on {place}, Python {about['python']}, {libraries}."
    yield (
        f"After: commit {commits['after']}{before}. "
        f"Speech: {about['utterances']} utterances, {about['speech_mean_s']:.1f} s on average; "
        f"noise: {about['noise_files']} recordings, {about['noise_h'] * 60:.0f} minutes, {about['noise_format']}."
    )


def table_of_bars(results: Results) -> Iterable[str]:
    """Each bar, met or not."""
    yield "| bar | measured | limit | |"
    yield "|---|---|---|---|"
    yield from (bar.row() for bar in bars(results))


def before_and_after(results: Results) -> Iterable[str]:
    """Cost of the recipes before and after, relative to the floor of the same rounds."""
    yield "| | output | before: CPU s | / floor | after: CPU s | / floor | after / before | after: h per core-hour |"
    yield "|---|---|---|---|---|---|---|---|"
    for workload, copies in (("long", "1 copy"), ("copies", "3 copies"), ("short", "1 copy")):
        hours = hours_of(results, workload)
        floor = (workload, "floor")
        if not results.of(*floor):
            continue
        cells = [
            f"{hours:.2g} h, {copies}",
            "",
            "",
            _seconds(results.median(*floor)),
            "1",
            "",
            _throughput(results, *floor),
        ]
        yield f"| {TITLES['floor']} | " + " | ".join(cells) + " |"
        for name in ("basic", "default", "pitch_tempo"):
            old, new = (workload, f"before_{name}"), (workload, f"synth_{name}")
            if not results.of(*new):
                continue
            pairs = [f"{_seconds(results.median(*one))} | {_ratio(results.ratio(one, floor))}" for one in (old, new)]
            gain = _ratio(results.ratio(new, old))
            title = TITLES[f"synth_{name}"]
            cells = [title, f"{hours:.2g} h, {copies}", *pairs, gain, _throughput(results, *new)]
            yield "| " + " | ".join(cells) + " |"


def other_figures(results: Results) -> Iterable[str]:
    """Start, plan, memory: before and after."""
    rows: Sequence[tuple[str, str, str, str, str]] = (
        ("`synth --help`, CPU", "alone", "help", "cpu_s", "s"),
        ("`generate` of 100 clips, warm cache, basic, CPU", "hundred", "synth_warm_basic", "cpu_s", "s"),
        ("the same, default measure", "hundred", "synth_warm_default", "cpu_s", "s"),
        ("the same, pitch and tempo", "hundred", "synth_warm_pitch_tempo", "cpu_s", "s"),
        ("`verify` of {hours:.2g} h, CPU", "long", "verify", "cpu_s", "s"),
        ("decoding the same clips alone, CPU", "long", "decode", "cpu_s", "s"),
        ("private memory of a worker", "alone", "synth_memory", "private_mb", "MB"),
        ("plan of a million clips, wall time", "alone", "million", "wall_s", "s"),
        ("plan of a million clips, CPU", "alone", "million", "cpu_s", "s"),
        ("plan of a million clips, peak memory", "alone", "million", "peak_mb", "MB"),
    )
    yield "| | before | after |"
    yield "|---|---|---|"
    for title, workload, variant, figure, unit in rows:
        old = f"before_{variant.removeprefix('synth_')}"
        values = [results.median(workload, one, figure) for one in (old, variant)]
        if values[1] is not None:
            digits = 0 if unit == "MB" else 2
            name = title.format(hours=hours_of(results, "long"))
            yield f"| {name} | " + " | ".join("-" if v is None else f"{v:.{digits}f} {unit}" for v in values) + " |"


def table_of_peers(results: Results) -> Iterable[str]:
    """Hours of audio per core-hour of all programs over the short workload."""
    hours = speech_hours(results, "short")
    yield f"| {hours:.2g} h of speech | basic: h of speech per core-hour | with pitch and tempo | peak MB |"
    yield "|---|---|---|---|"
    rows = (
        (TITLES["floor"], "floor", None),
        ("prototype of 100 lines (pitch: Signalsmith)", "prototype_basic", "prototype_pitch_tempo"),
        ("**synth**", "synth_basic", "synth_pitch_tempo"),
        ("**synth**, default measure", "synth_default", None),
        ("synth before", "before_basic", "before_pitch_tempo"),
        ("audiomentations", "audiomentations_basic", "audiomentations_pitch_tempo"),
        ("librosa script", "librosa_basic", "librosa_pitch_tempo"),
        ("lhotse (cannot change the pitch)", "lhotse_basic", None),
    )
    for title, basic, pitch in rows:
        if results.of("short", basic):
            second = _speech_throughput(results, "short", pitch) if pitch else "-"
            peak = results.median("short", basic, "peak_mb") or 0.0
            yield f"| {title} | {_speech_throughput(results, 'short', basic)} | {second} | {peak:.0f} |"


def profile(results: Results) -> Iterable[str]:
    """CPU time of each step of making a clip, and its share."""
    profiles = {name: steps for name, steps in results.about.get("profile", {}).items() if steps}
    if not profiles:
        return
    yield "| step: CPU ms per clip (share) | " + " | ".join(PROFILED[name] for name in profiles) + " |"
    yield "|---" * (len(profiles) + 1) + "|"
    for step in dict.fromkeys(step for steps in profiles.values() for step in steps):
        spent = [(steps.get(step, 0.0), sum(steps.values())) for steps in profiles.values()]
        if any(one / total >= 0.01 for one, total in spent):
            yield f"| {step} | " + " | ".join(f"{one:.2f} ({one / total:.0%})" for one, total in spent) + " |"
    yield (
        "| all, with steps below 1 % | "
        + " | ".join(f"{sum(steps.values()):.2f}" for steps in profiles.values())
        + " |"
    )


def points(results: Results, variant: str) -> list[tuple[float, float]]:
    """(hours of speech, CPU seconds) of a variant: the median of each size."""
    sizes = [size for size in SIZES if results.of(size, variant)]
    return [(speech_hours(results, size), results.median(size, variant) or 0.0) for size in sizes]


def fixed_and_marginal(results: Results) -> Iterable[str]:
    """Intercept and slope of the least-squares line of each variant."""
    yield "| | fixed: CPU s per run | marginal: CPU s per hour of speech | ms per s of speech | sizes (h) |"
    yield "|---|---|---|---|---|"
    rows = {**TITLES, "before_basic": "basic, before", "before_default": "default measure, before"}
    rows |= {
        "before_pitch_tempo": "pitch and tempo, before",
        "audiomentations_pitch_tempo": "audiomentations, pitch and tempo",
    }
    for variant, title in rows.items():
        measured = points(results, variant)
        line = line_through(measured)
        if line:
            sizes = ", ".join(f"{hours:.2g}" for hours, _ in measured)
            yield f"| {title} | {line[0]:.1f} | {line[1]:.2f} | {line[1] / 3.6:.2f} | {sizes} |"


def what_to_do(results: Results) -> Iterable[str]:
    """What makes a run faster, with the measured factor."""
    basic = ("long", "synth_basic")
    rows: Sequence[tuple[str, str, tuple[str, str], tuple[str, str], Callable[[Run], float]]] = (
        ("`--jobs 2` (as many as cores; the default)", "wall time", basic, ("long", "synth_basic_2"), wall),
        ("write WAV: `output: {format: wav}`", "CPU", basic, ("long", "synth_wav"), cpu_per_hour),
        ("three copies per utterance: `copies: 3`", "CPU", basic, ("copies", "synth_basic"), cpu_per_hour),
        (
            "`measure: rms`, `weighting: none`, if you do not need speech levels by ITU-T P.56",
            "CPU", ("long", "synth_default"), basic, cpu_per_hour,
        ),
        (
            "the engine `wsola` for pitch and tempo (the default), not `signalsmith`",
            "CPU", ("short", "synth_pitch_tempo_signalsmith"), ("short", "synth_pitch_tempo"), cpu_per_hour,
        ),
        (
            "noise as 16-kHz mono FLAC, not as recorded (first run only: the cache keeps it)",
            "CPU", ("long", "synth_noise_as_is"), basic, cpu_per_hour,
        ),
        (
            "keep the cache: the second run over the same noise",
            "CPU", ("short", "synth_basic"), ("short", "synth_warm"), cpu_per_hour,
        ),
    )  # fmt: skip
    yield "| what you do | output | faster by a factor of | in |"
    yield "|---|---|---|---|"
    for title, measure, slow, fast, cost in rows:
        factor = results.ratio(slow, fast, cost)
        if factor is None:
            slow_cost, fast_cost = (_median_cost(results, one, cost) for one in (slow, fast))
            factor = slow_cost / fast_cost if slow_cost and fast_cost else None
        if factor is not None:
            yield f"| {title} | {hours_of(results, fast[0]):.2g} h | {factor:.2f} | {measure} |"


def _median_cost(results: Results, key: tuple[str, str], cost: Callable[[Run], float]) -> float | None:
    costs = sorted(cost(run) for run in results.of(*key).values())
    return costs[len(costs) // 2] if costs else None


BLOCKS: Mapping[str, Callable[[Results], Iterable[str]]] = {
    "machine": machine,
    "what to do": what_to_do,
    "before and after": before_and_after,
    "other figures": other_figures,
    "peers": table_of_peers,
    "fixed and marginal": fixed_and_marginal,
    "profile": profile,
    "bars": table_of_bars,
}


def marks(name: str) -> tuple[str, str]:
    """The comments around a block of the page."""
    return f"<!-- speed.py writes: {name} -->", f"<!-- end of {name} -->"


def into_page(text: str, results: Results) -> str:
    """The page with all blocks written again."""
    for name, block in BLOCKS.items():
        begin, end = marks(name)
        lines = "\n".join(block(results))
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        if not pattern.search(text):
            raise SystemExit(f"the page has no block between {begin} and {end}")
        text = pattern.sub(lambda _, new=f"{begin}\n{lines}\n{end}": new, text)  # type: ignore[misc]
    return text


def plot(results: Results) -> str:
    """The plot of cost over hours of output."""
    labels = {"audiomentations_basic": "audiomentations", "synth_pitch_tempo": "synth, pitch and tempo"}
    labels |= {
        "synth_default": "synth, default measure",
        "synth_basic": "synth, basic",
        "floor": "decode + encode alone",
    }
    series = [Series(label, points(results, variant)) for variant, label in reversed(labels.items())]
    floor, basic = (line_through(points(results, variant)) for variant in ("floor", "synth_basic"))
    title = "CPU time of a run: a fixed cost, and a cost per hour of audio"
    if floor and basic:
        times = f"{basic[1] / floor[1]:.2f} times the cost of decoding and encoding"
        title = f"Basic recipe: {basic[0]:.1f} s to start, then {times}"
    note = (
        "Where a line meets the left axis is the fixed cost of a run; its slope is the cost of each hour. One process."
    )
    return cost_svg(series, title=title, note=note)


def render(results: Results, docs: Path) -> None:
    """Write the blocks of performance.md, the plot and the results into the folder."""
    page = docs / "performance.md"
    page.write_text(into_page(page.read_text(encoding="utf-8"), results), encoding="utf-8")
    (docs / "performance.svg").write_text(plot(results), encoding="utf-8")
    results.write(docs / "performance.json")
