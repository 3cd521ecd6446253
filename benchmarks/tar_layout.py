"""What `output.layout: tar` costs against files: generating, opening, random reads, numbers of files; see README.md.

python benchmarks/tar_layout.py RECIPE [--rounds 5] [--rows 100000] [--set KEY=VALUE ...] [--work FOLDER]

Both layouts take turns in each round, in fresh processes with a warm cache; ratios are taken within a round.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

LAYOUTS: Final = ("files", "tar")
SHARD: Final = 128  # clips, as in the default of a recipe
READS: Final = 2000


def synth(*words: str | Path) -> tuple[float, float]:
    """Run `synth`; (wall seconds, CPU seconds of the process and its children)."""
    code = "import sys; from synth.cli import main; sys.exit(main())"
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", code, "-q", *map(str, words)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def generate(recipe: Path, work: Path, rounds: int, words: Sequence[str], jobs: str) -> None:
    """Generate both layouts in turns, and print the ratios; the last of each stays in `work`."""
    print(f"| round | files, wall s | tar, wall s | ratio | files, CPU s | tar, CPU s | ratio |\n{'|---' * 7}|")
    walls, cpus = [], []
    for number in range(-1, rounds):  # the first warms the cache
        times = {}
        for layout in LAYOUTS if number % 2 else reversed(LAYOUTS):
            shutil.rmtree(work / layout, ignore_errors=True)
            options = ["--set", f"output.layout={layout}", *words]
            times[layout] = synth("generate", recipe, "--out", work / layout, "--jobs", jobs, *options)
        if number < 0:
            continue
        (wall_files, cpu_files), (wall_tar, cpu_tar) = times["files"], times["tar"]
        walls.append(wall_tar / wall_files)
        cpus.append(cpu_tar / cpu_files)
        print(
            f"| {number + 1} | {wall_files:.2f} | {wall_tar:.2f} | {walls[-1]:.3f} "
            f"| {cpu_files:.2f} | {cpu_tar:.2f} | {cpus[-1]:.3f} |",
            flush=True,
        )
    if walls:
        print(f"median ratio tar / files: wall {statistics.median(walls):.3f}, CPU {statistics.median(cpus):.3f}\n")


def count_files(work: Path) -> None:
    """Print the number of files for 1,000 hours of clips as long as these."""
    rows = [json.loads(line) for line in (work / "files" / "manifest.jsonl").open(encoding="utf-8")]
    hours = sum(row["duration"] for row in rows) / 3600
    clips = len(rows) / hours * 1000
    per_shard = len({row["split"] for row in rows})
    with_stems = 1 + 2 * bool(rows[0]["stems"]["speech"])
    print(f"| {clips:,.0f} clips of {3600 * hours / len(rows):.1f} s = 1,000 h | files of audio |\n|---|---|")
    print(f"| layout: files | {clips * with_stems:,.0f} |")
    for shard in (SHARD, 1024):
        tars = -(-clips // shard) * per_shard * with_stems
        print(f"| layout: tar, shard_size {shard}, {per_shard} splits | {tars:,.0f} |")
    print()


def multiply(data_set: Path, folder: Path, count: int) -> None:
    """Write `count` rows in both layouts: the clips of a data set over and over, under new names."""
    from synth.archives.tar_writer import TarWriter

    rows = [json.loads(line) for line in (data_set / "manifest.jsonl").open(encoding="utf-8")]
    clips = [(data_set / row["audio_filepath"]).read_bytes() for row in rows]
    suffix = Path(rows[0]["audio_filepath"]).suffix
    for layout in LAYOUTS:
        (folder / layout).mkdir()
        (folder / layout / "dataset.json").write_text("{}")  # its manifest is read as that of a data set
    with (folder / "files/manifest.jsonl").open("w") as files, (folder / "tar/manifest.jsonl").open("w") as tars:
        for shard in range(0, count, SHARD):
            path = f"audio/train/audio_{shard // SHARD:06d}.tar"
            (folder / "tar" / path).parent.mkdir(parents=True, exist_ok=True)
            with (folder / "tar" / path).open("wb") as out:
                tar = TarWriter(out)
                for number in range(shard, min(count, shard + SHARD)):
                    row, clip = rows[number % len(rows)], clips[number % len(rows)]
                    name = f"clip-{number:08d}"
                    loose = f"audio/train/{number % 256:02x}/{name}{suffix}"
                    (folder / "files" / loose).parent.mkdir(parents=True, exist_ok=True)
                    (folder / "files" / loose).write_bytes(clip)
                    files.write(json.dumps({**row, "id": name, "audio_filepath": loose}, sort_keys=True) + "\n")
                    place = {"audio_filepath": f"{path}/{name}{suffix}", "shard_id": shard // SHARD}
                    place["tar_offset"] = tar.position + 512
                    line = json.dumps({**row, "id": name, **place}, sort_keys=True) + "\n"
                    tar.add(f"{name}{suffix}", clip)
                    tar.add(f"{name}.json", line.encode())
                    tars.write(line)
                tar.close()


#: Opens a manifest in a fresh process, and prints the seconds that it takes.
OPENER: Final = """
import sys, time
import synth
start = time.perf_counter()
data = synth.open_dataset(sys.argv[1])
print(time.perf_counter() - start)
"""


def open_in_turns(folder: Path, rounds: int) -> None:
    """Open both layouts in fresh processes; imports of what only an open data set needs are counted."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    times: dict[str, list[float]] = {layout: [] for layout in LAYOUTS}
    for number in range(rounds):
        for layout in LAYOUTS if number % 2 else reversed(LAYOUTS):
            command = [sys.executable, "-c", OPENER, str(folder / layout / "manifest.jsonl")]
            done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
            times[layout].append(float(done.stdout))
    for layout, seconds in times.items():
        print(f"open, {layout}: median {statistics.median(seconds):.3f} s, slowest {max(seconds):.3f} s")
    print(flush=True)


def read_in_turns(folder: Path, rounds: int, *, drop: bool) -> None:
    """Read the same random clips of both layouts in turns, in one process, and print the ratios."""
    import synth

    data = {layout: synth.open_dataset(folder / layout / "manifest.jsonl") for layout in LAYOUTS}
    title = "not in the page cache" if drop else "in the page cache"
    print(f"{READS:,} random reads per round, {title}")
    print(f"| round | files, wall s | tar, wall s | ratio | files, CPU s | tar, CPU s | ratio |\n{'|---' * 7}|")
    walls, cpus = [], []
    for number in range(-1, rounds):  # the first warms up: its clips are read again in all rounds
        chosen = random.Random(0).sample(range(len(data["files"])), READS)
        times = {}
        for layout in LAYOUTS if number % 2 else reversed(LAYOUTS):
            if drop:
                drop_pages(folder / layout)
            wall, cpu = time.perf_counter(), time.process_time()
            for index in chosen:
                data[layout][index].audio()
            times[layout] = time.perf_counter() - wall, time.process_time() - cpu
        if number < 0:
            continue
        (wall_files, cpu_files), (wall_tar, cpu_tar) = times["files"], times["tar"]
        walls.append(wall_tar / wall_files)
        cpus.append(cpu_tar / cpu_files)
        print(
            f"| {number + 1} | {wall_files:.2f} | {wall_tar:.2f} | {walls[-1]:.3f} "
            f"| {cpu_files:.2f} | {cpu_tar:.2f} | {cpus[-1]:.3f} |",
            flush=True,
        )
    print(f"median ratio tar / files: wall {statistics.median(walls):.3f}, CPU {statistics.median(cpus):.3f}\n")


def drop_pages(folder: Path) -> None:
    """Ask the system to forget the contents of all files of a folder."""
    os.sync()
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--jobs", default="1")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides")
    parser.add_argument("--work", type=Path, help="folder for the data sets (default: a temporary one)")
    arguments = parser.parse_args()
    words = list(itertools.chain.from_iterable(("--set", override) for override in arguments.overrides))
    with tempfile.TemporaryDirectory(dir=arguments.work) as name:
        work = Path(name)
        os.environ.setdefault("SYNTH_CACHE", str(work / "cache"))
        generate(arguments.recipe, work, arguments.rounds, words, arguments.jobs)
        count_files(work)
        many = work / "many"
        many.mkdir()
        multiply(work / "files", many, arguments.rows)
        print(f"{arguments.rows:,} rows: {sum(1 for p in (many / 'tar').rglob('*.tar')):,} tar files")
        open_in_turns(many, arguments.rounds)
        read_in_turns(many, arguments.rounds, drop=False)
        read_in_turns(many, arguments.rounds, drop=True)


if __name__ == "__main__":
    main()
