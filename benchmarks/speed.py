"""What synth costs, against decoding and encoding alone and against peers; see README.md here.

python benchmarks/speed.py                                  # from fixtures/, with all peers
python benchmarks/speed.py --speech MY_SPEECH --noise MY_NOISE
python benchmarks/speed.py --only 'synth_*' floor           # some variants
python benchmarks/speed.py --resume                         # go on where the last run stopped
python benchmarks/speed.py --before CHECKOUT                # an older checkout in the same rounds
python benchmarks/speed.py --render docs/performance.json   # write the tables and the plot of docs/performance.md
python benchmarks/speed.py --quick                          # does it run at all: no peers, one round
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.costs import inputs, page, variants
from benchmarks.costs.bars import bars
from benchmarks.costs.processes import CommandFailed, in_a_child
from benchmarks.costs.results import Results, commit_of, describe, read_results
from benchmarks.costs.variants import HOURS, ROOT, SCRIPTS, Bench, missing, select

HERE = Path(__file__).resolve().parent


def parser() -> argparse.ArgumentParser:
    """The options."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = arguments.add_argument
    add("--speech", type=Path, default=ROOT / "fixtures" / "speech", help="Folder of utterances.")
    add("--noise", type=Path, default=ROOT / "fixtures" / "noise" / "car", help="Folder of noise recordings.")
    forms, text = ("flac", "wav", "as-is"), "Noise that all variants read: 16-kHz mono (default: flac), or as recorded."
    add("--noise-format", choices=forms, default="flac", help=text)
    add("--hours", type=float, default=HOURS, help=f"Hours of output of the longest workload (default: {HOURS}).")
    add("--rounds", type=int, default=3, help="Rounds at most (default: 3). Slow variants take part in fewer.")
    add("--peers", nargs="*", choices=sorted(SCRIPTS), default=list(SCRIPTS), help="Peers to measure (default: all).")
    add("--before", type=Path, metavar="CHECKOUT", help="An older checkout, measured in the same rounds.")
    text = "Variants to measure, such as 'synth_*', long/floor, or profile (default: all)."
    add("--only", nargs="+", default=[], metavar="PATTERN", help=text)
    text = "Go on with the inputs and the results of --work; what was measured is not measured again."
    add("--resume", action="store_true", help=text)
    add("--again", action="store_true", help="With --resume: measure the variants of --only again.")
    add("--quick", action="store_true", help="Does it run at all: a few minutes of output, one round, no peers.")
    add("--work", type=Path, default=HERE / "work", help="Folder for inputs, results and environments of peers.")
    text = "Measure nothing; write the tables and the plot of these results into docs/."
    add("--render", type=Path, metavar="RESULTS", help=text)
    return arguments


def settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """What decides the inputs; a run can be resumed only with the same."""
    return {"hours": arguments.hours, "noise_format": arguments.noise_format, "quick": arguments.quick}


def start(arguments: argparse.Namespace, bench: Bench) -> Results:
    """The results of the run to resume, or new inputs and empty results. Environments of peers are kept."""
    file = bench.work / "results.json"
    checkouts = {"after": ROOT} | ({"before": bench.before} if bench.before else {})
    if arguments.resume and file.exists():
        results = read_results(file)
        if results.about["settings"] != settings(arguments):
            raise SystemExit(
                f"{file}: measured with {results.about['settings']}; resume it with the same, or start anew"
            )
        for name, path in checkouts.items():
            if results.about["commits"].get(name) != commit_of(path):
                print(
                    f"warning: the runs so far are of commit {results.about['commits'].get(name)} ({name})", flush=True
                )
        return results
    for path in bench.work.glob("*"):
        if path.name != "environments":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    bench.work.mkdir(parents=True, exist_ok=True)
    print(f"writing speech and noise to {bench.work}", flush=True)
    scale, form = arguments.hours / HOURS, arguments.noise_format
    hours = in_a_child(bench.prepare, arguments.speech, arguments.noise, form, scale, not arguments.quick)
    inputs.write_million(bench.work, clips=2_000 if arguments.quick else 1_000_000)
    utterances = len(list((bench.work / "speech").iterdir()))
    about = {**describe(checkouts), "settings": settings(arguments), "noise_format": noise_title(form)}
    about |= {"utterances": utterances, "speech_mean_s": hours["speech"] * 3600 / utterances}
    about |= {"noise_files": len(list((bench.work / "noise").iterdir())), "noise_h": hours["noise"]}
    results = Results(about)
    results.write(file)
    return results


def noise_title(form: str) -> str:
    """The form of the noise in words."""
    return "as recorded" if form == "as-is" else f"as 16-kHz mono {form.upper()}"


def main() -> None:
    """Run the benchmark."""
    arguments = parser().parse_args()
    if arguments.render:
        return page.render(read_results(arguments.render), ROOT / "docs")
    if arguments.quick:
        arguments.hours, arguments.rounds, arguments.peers = HOURS / 80, 1, []
    before = arguments.before.resolve() if arguments.before else None
    bench = Bench(arguments.work.resolve(), before)
    bench.check_before()
    results = start(arguments, bench)
    chosen = list(select(arguments.only, before=before is not None, peers=arguments.peers, rounds=arguments.rounds))
    peers = {variants.peer_name(variant) for _, _, variant in chosen if variant.kind == "peer"}
    ready = bench.install(name for name in SCRIPTS if name in peers)
    failed: list[str] = []
    for number, workload, variant in chosen:
        if variant.kind == "peer" and variants.peer_name(variant) not in ready:
            continue
        if not arguments.again and not missing(results, workload, variant, number):
            continue
        title = f"{workload}/{variant.name}"
        try:
            run = bench.run(workload, variant, number)
        except CommandFailed as failure:  # the others are worth having
            failed.append(title)
            print(f"  round {number}  {title}: {failure}", flush=True)
            continue
        results.add(run)
        results.write(bench.work / "results.json")
        print(
            f"  round {number}  {title:36} {run.cpu_s:8.2f} s CPU {run.wall_s:8.2f} s wall {run.peak_mb:6.0f} MB",
            flush=True,
        )
    if not arguments.quick and (not arguments.only or "profile" in arguments.only):
        results.about["profile"] = {recipe: bench.profile(recipe) for recipe in page.PROFILED}
        results.write(bench.work / "results.json")
    for block in ("before and after", "other figures", "peers", "fixed and marginal", "what to do", "profile", "bars"):
        print("\n" + "\n".join(page.BLOCKS[block](results)))
    met = [bar.met for bar in bars(results)]
    print(f"\n{sum(met)} of {len(met)} bars are met; all figures: {bench.work / 'results.json'}")
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}; fix it and run again with --resume")
    return None


if __name__ == "__main__":
    main()
