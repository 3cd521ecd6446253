"""What it costs to export a data set to the formats that hold the audio, against copying the same files; see README.md.

python benchmarks/export.py DATA_SET --work FOLDER            # FOLDER on the same disk, with room for two copies

In each round, the files are copied with `cp -r`, and exported to each format; the clock stops when all is on the disk.
Ratios are taken within a round, because machines are noisy, and the median over the rounds counts.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

FORMATS = {"shar": True, "nemo_tarred": False, "webdataset": True, "huggingface": True}
"""Format -> whether it holds stems."""


@dataclass(frozen=True)
class Cost:
    """What one command took."""

    wall: float  #: s
    cpu: float  #: s, user and system, with its children


def run(work: Path, command: list[str]) -> Cost:
    """Run a command that writes the folder `work / "out"`, until its files are on the disk; then remove them."""
    subprocess.run(["sync", "-f", str(work)], check=True)
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    subprocess.run(["sync", "-f", str(work)], check=True)
    wall = time.perf_counter() - start
    if status:
        sys.exit(f"failed: {' '.join(command)}")
    shutil.rmtree(work / "out")
    return Cost(wall, usage.ru_utime + usage.ru_stime)


def run_round(data_set: Path, work: Path, formats: list[str], jobs: list[int]) -> dict[str, tuple[Cost, Cost]]:
    """One round: what each export took, and what the copy of its files took."""
    out = work / "out"
    audio = [str(data_set / "audio")]
    stems = [str(data_set / "stems")] if (data_set / "stems").exists() else []
    copies: dict[bool, Cost] = {}
    for with_stems in sorted({FORMATS[name] for name in formats}):
        out.mkdir()
        copies[with_stems] = run(work, ["cp", "-r", *audio, *(stems if with_stems else []), str(out)])
    synth = [sys.executable, "-m", "synth.cli"] if not shutil.which("synth") else ["synth"]
    results = {}
    for name in formats:
        for count in jobs:
            words = ["export", str(data_set), "--to", name, "--out", str(out), "--jobs", str(count)]
            results[f"{name}, {count} worker{'s' * (count > 1)}"] = run(work, [*synth, *words]), copies[FORMATS[name]]
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_set", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--to", nargs="*", default=list(FORMATS), choices=list(FORMATS))
    parser.add_argument("--jobs", nargs="*", type=int, default=[1, 2])
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(arguments.work / "out", ignore_errors=True)
    files = [path for path in arguments.data_set.rglob("*.*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    print(f"{len(files):,} files, {size / 1e6:,.0f} MB, {arguments.rounds} rounds")
    run_round(arguments.data_set, arguments.work, arguments.to[:1], arguments.jobs[:1])  # everything is in the cache
    rounds = [
        run_round(arguments.data_set, arguments.work, arguments.to, arguments.jobs) for _ in range(arguments.rounds)
    ]
    print("| export | wall s | copy s | wall, of copying | CPU s | copy CPU s | CPU, of copying |\n" + "|---" * 7 + "|")
    for name in rounds[0]:
        pairs = [each[name] for each in rounds]
        walls = [export.wall / copy.wall for export, copy in pairs]
        cpus = [export.cpu / copy.cpu for export, copy in pairs]
        columns = [
            statistics.median(export.wall for export, _ in pairs),
            statistics.median(copy.wall for _, copy in pairs),
            statistics.median(walls),
            statistics.median(export.cpu for export, _ in pairs),
            statistics.median(copy.cpu for _, copy in pairs),
            statistics.median(cpus),
        ]
        print(f"| {name} | " + " | ".join(f"{value:.2f}" for value in columns) + " |", flush=True)


if __name__ == "__main__":
    main()
