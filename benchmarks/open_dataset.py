"""What it costs to open a data set of a million clips in Python; see README.md here.

python benchmarks/open_dataset.py DATA_SET            # its rows, over and over, as one manifest
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import pickle
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def write(path: Path, data_set: Path, count: int) -> None:
    rows = [json.loads(line) for line in (data_set / "manifest.jsonl").open(encoding="utf-8")]
    with path.open("w", encoding="utf-8") as out:
        for k, row in zip(range(count), itertools.cycle(rows), strict=False):
            row["id"] = f"clip-{k:08d}"
            out.write(json.dumps(row, sort_keys=True) + "\n")


def timed(what: str, work: Callable[[], T]) -> T:
    cpu, wall = time.process_time(), time.perf_counter()
    found = work()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"| {what} | {cpu:.2f} | {wall:.2f} | {peak:.0f} |", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_set", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "manifest.jsonl"
        write(path, arguments.data_set, arguments.rows)
        os.environ["SYNTH_CACHE"] = folder
        measure(path)


def measure(path: Path) -> None:
    import synth

    print(f"{path.stat().st_size / 1e9:.2f} GB\n| | CPU s | wall s | peak MB |\n|---|---|---|---|")
    data = timed("open", lambda: synth.open_dataset(path))
    split = data[0].split or ""
    timed("first select (every row is parsed once)", lambda: len(data.select(split=split)))
    part = timed("second select", lambda: data.select(split=split, min_weight=0.5)[1:])
    timed("1,000 rows, far apart", lambda: [part[k] for k in range(0, len(part), max(1, len(part) // 1000))])
    again: synth.OpenDataset = pickle.loads(pickle.dumps(part))
    timed("first row of it in another process (a pickle, opened anew)", lambda: again[0])
    print(f"pickled: {len(pickle.dumps(part))} bytes; {len(data):,} rows")


if __name__ == "__main__":
    main()
