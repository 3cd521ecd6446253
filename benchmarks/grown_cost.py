"""What a clip with grown noise costs, against one with recorded noise; see README.md here.

python -m benchmarks.grown_cost                       # 2 hours of output from fixtures/, 3 rounds
python -m benchmarks.grown_cost --speech MY_SPEECH --noise MY_NOISE --hours 4
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.costs.bars import Bar
from benchmarks.costs.inputs import convert_noise, prepare_speech, recipe_text
from benchmarks.costs.processes import Cost, measure
from benchmarks.costs.variants import ROOT

METHODS = {"quilt": 2.0, "shaped": 2.0, "cabin": 3.0, "separate": None}


def write_recipes(work: Path, *, copies: int) -> None:
    """One recipe for recorded noise and one for each method, with and without an equaliser on each piece of noise."""
    text = recipe_text("default", work=work, speech=str(work / "speech"), copies=copies)
    head, layer = text.split("    - {name: car")
    for extra, effects in (("", ""), ("_eq", ", effects: [{equalizer: {bands_db: {normal: [0, 3]}}}]")):
        for method in ("recorded", *METHODS):
            grow = "" if method == "recorded" else f", max_synthesized: 1, grow: {{{method}: 1}}"
            changed = layer.replace("min_recordings: 1}", f"min_recordings: 1{grow}{effects}}}")
            (work / f"{method}{extra}.yaml").write_text(f"{head}    - {{name: car{changed}")


def run(name: str, work: Path) -> Cost:
    """One run in a fresh process, with an empty cache and an empty folder of output."""
    for folder in ("out", "cache"):
        shutil.rmtree(work / folder, ignore_errors=True)
    start = "import sys; from synth.cli import main; sys.exit(main())"
    words = ["generate", str(work / f"{name}.yaml"), "--out", str(work / "out"), "--jobs", "1"]
    env = {"PYTHONPATH": str(ROOT), "SYNTH_CACHE": str(work / "cache")}
    return measure([sys.executable, "-P", "-c", start, *words], log=work / f"{name}.log", env=env)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speech", type=Path, default=ROOT / "fixtures" / "speech")
    parser.add_argument("--noise", type=Path, default=ROOT / "fixtures" / "noise" / "car")
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--copies", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--noise-format", default="as-is", choices=("as-is", "wav", "flac"))
    parser.add_argument("--work", type=Path, default=ROOT / "benchmarks" / "work" / "grown")
    arguments = parser.parse_args()
    work = arguments.work.resolve()
    shutil.rmtree(work, ignore_errors=True)
    files = prepare_speech(arguments.speech, work / "speech", hours=arguments.hours / arguments.copies)
    hours = sum(seconds for _, seconds in files) / 3600 * arguments.copies
    convert_noise(arguments.noise, work / "noise", form=arguments.noise_format)
    write_recipes(work, copies=arguments.copies)
    names = [f"{method}{extra}" for extra in ("", "_eq") for method in ("recorded", *METHODS)]
    costs: dict[str, list[Cost]] = {name: [] for name in names}
    for number in range(arguments.rounds):
        print(f"round {number + 1} of {arguments.rounds}, about {hours:.1f} h of output", flush=True)
        for name in names:
            costs[name].append(run(name, work))
            print(f"  {name:12} {costs[name][-1].cpu_s:8.1f} s CPU", flush=True)
    print("\n| grown / recorded, CPU of a whole run | measured | bar | |\n|---|---|---|---|")
    for name in names:
        method, _, extra = name.partition("_")
        if method == "recorded":
            continue
        against = costs["recorded_eq" if extra else "recorded"]
        pairs = zip(costs[name], against, strict=True)
        measured = statistics.median(one.cpu_s / other.cpu_s for one, other in pairs)
        title = f"{method}, with an equaliser" if extra else method
        limit = METHODS[method]
        print(f"| {title} | {measured:.2f} | - | |" if limit is None else Bar(title, measured, limit).row())
    shutil.rmtree(work)


if __name__ == "__main__":
    main()
