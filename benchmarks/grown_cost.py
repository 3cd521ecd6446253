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

from benchmarks.speed import BASIC, HERE, ROOT, Bar, Cost, prepare, run_variant

METHODS = {"quilt": 2.0, "shaped": 2.0, "cabin": 3.0, "separate": None}


def write_recipes(work: Path, *, copies: int) -> None:
    """One recipe for recorded noise and one for each method, with and without an equaliser on each piece of noise."""
    (work / "copies").write_text(str(copies))
    text = BASIC.format(copies=copies, speech="speech", noise="noise", measure="", effects="")
    head, layer = text.split("    - {name: car")
    for extra, effects in (("", ""), ("_eq", ", effects: [{equalizer: {bands_db: {normal: [0, 3]}}}]")):
        for method in ("recorded", *METHODS):
            grow = "" if method == "recorded" else f", max_synthesized: 1, grow: {{{method}: 1}}"
            changed = layer.replace("min_recordings: 1}", f"min_recordings: 1{grow}{effects}}}")
            (work / f"{method}{extra}.yaml").write_text(f"{head}    - {{name: car{changed}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speech", type=Path, default=ROOT / "fixtures" / "speech")
    parser.add_argument("--noise", type=Path, default=ROOT / "fixtures" / "noise" / "car")
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--copies", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--noise-format", default="as-is", choices=("as-is", "wav", "flac"))
    parser.add_argument("--work", type=Path, default=HERE / "work")
    arguments = parser.parse_args()
    hours = prepare(arguments, arguments.work) * arguments.copies
    write_recipes(arguments.work, copies=arguments.copies)
    names = [f"{method}{extra}" for extra in ("", "_eq") for method in ("recorded", *METHODS)]
    costs: dict[str, list[Cost]] = {name: [] for name in names}
    for number in range(arguments.rounds):
        print(f"round {number + 1} of {arguments.rounds}, about {hours:.1f} h of output", flush=True)
        for name in names:
            costs[name].append(run_variant(f"synth_{name}_1", arguments.work))
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
    shutil.rmtree(arguments.work)


if __name__ == "__main__":
    main()
