"""Speed of clips rendered on the fly, against the same clips made by `synth generate`'s workers; see README.md here.

python benchmarks/open_plan.py                        # recipes/street_numbers.yaml, 4 processes, 3 rounds
python benchmarks/open_plan.py RECIPE --set copies=3 --processes 2
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # for all variants, before numpy is loaded

ROOT = Path(__file__).resolve().parent.parent
_BATCH = 16

_work: Any = None  # what a worker works on, made once in each


def _begin(make: Callable[[Any], Any], what: Any) -> None:
    global _work
    _work = make(what)
    _work(range(1))  # imports and first tables are no speed of rendering


def _do(indices: Sequence[int]) -> float:
    """CPU seconds that these clips took."""
    start = time.process_time()
    _work(indices)
    return time.process_time() - start


def _opened(plan: Any) -> Callable[[Sequence[int]], int]:
    """What a DataLoader does in its worker: rows of the plan, and their samples."""
    return lambda indices: sum(len(plan[i].audio()) for i in indices)


def _offline(folder: str, *, encode: bool) -> Callable[[Sequence[int]], int]:
    """What a worker of `synth generate` does with a clip: render it, and (`encode`) FLAC, hashes and its row."""
    from synth.execute.clip_maker import open_clip_maker
    from synth.processes.memory import keep_freed_memory
    from synth.render.progress import NoProgress

    keep_freed_memory()
    maker, progress = open_clip_maker(folder), NoProgress()
    if encode:
        return lambda indices: sum(maker.make(i, progress).row["num_samples"] for i in indices)
    return lambda indices: sum(len(maker._renderer.render(i, progress).rendered.samples) for i in indices)


def _encoding(folder: str) -> Callable[[Sequence[int]], int]:
    return _offline(folder, encode=True)


def _rendering(folder: str) -> Callable[[Sequence[int]], int]:
    return _offline(folder, encode=False)


def seconds(make: Callable[[Any], Any], what: Any, order: Sequence[int], processes: int) -> tuple[float, float]:
    """(CPU, wall) seconds of all clips in `order`, with workers that have started."""
    batches = [order[k : k + _BATCH] for k in range(0, len(order), _BATCH)]
    context = multiprocessing.get_context("fork")
    with context.Pool(processes, _begin, (make, what)) as pool:
        pool.map(_do, [range(1)] * processes, chunksize=1)
        start = time.perf_counter()
        cpu = sum(pool.imap_unordered(_do, batches))
        return cpu, time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path, nargs="?", default=ROOT / "recipes" / "street_numbers.yaml")
    parser.add_argument("--set", dest="overrides", action="append", default=[], help="as `synth generate --set`")
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()

    import synth

    with tempfile.TemporaryDirectory() as cache:
        os.environ.setdefault("SYNTH_CACHE", cache)
        plan = synth.open_plan(arguments.recipe, overrides=arguments.overrides)
        plan[0]  # loads the libraries, once before all forks
        folder, order = str(plan._store.saved_in.path), list(range(len(plan)))
        shuffled = order.copy()
        random.Random(1).shuffle(shuffled)
        variants: dict[str, tuple[Callable[[Any], Any], Any, Sequence[int]]] = {
            "offline, rendering and encoding": (_encoding, folder, order),
            "offline, rendering alone": (_rendering, folder, order),
            "open_plan, in order": (_opened, plan, order),
            "open_plan, shuffled": (_opened, plan, shuffled),
            "offline, rendering alone, shuffled": (_rendering, folder, shuffled),
        }
        hours = float(plan.durations.sum()) / 3600
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in variants}
        for _ in range(arguments.rounds):
            for name, (make, what, sequence) in variants.items():
                taken[name].append(seconds(make, what, sequence, arguments.processes))
    report(taken, clips=len(order), hours=hours, processes=arguments.processes)


def report(taken: dict[str, list[tuple[float, float]]], *, clips: int, hours: float, processes: int) -> None:
    """Speed of each variant over that of the two offline ones, by CPU time and by wall time."""
    print(f"{clips} clips, {hours:.2f} h, {processes} processes; medians of {len(next(iter(taken.values())))} rounds")
    print("| variant | CPU ms/clip | clips/s | speed / encoding, CPU (wall) | speed / rendering, CPU (wall) |")
    print("|---|---|---|---|---|")
    first, second = list(taken)[:2]
    speed: dict[tuple[str, str, int], float] = {}
    for name, times in taken.items():
        for other in (first, second):
            for k in (0, 1):
                pairs = zip(taken[other], times, strict=True)
                speed[name, other, k] = statistics.median(base[k] / own[k] for base, own in pairs)
        cpu, wall = (statistics.median(t[k] for t in times) for k in (0, 1))
        cells = [f"{speed[name, other, 0]:.2f} ({speed[name, other, 1]:.2f})" for other in (first, second)]
        print(f"| {name} | {cpu / clips * 1000:.1f} | {clips / wall:.1f} | {' | '.join(cells)} |")
    met = speed["open_plan, in order", second, 0]
    print(f"open_plan in order / offline rendering alone, CPU: {met:.2f} (bar 0.9: {'met' if met >= 0.9 else 'UNMET'})")


if __name__ == "__main__":
    main()
