"""Kills and faults of whole runs of `synth generate`, hundreds of them; each run is then resumed.

After every one: whatever has a final name is whole; a rerun ends with the same bytes as a run that nobody disturbed; no
temporary file is left; no traceback was printed, and the exit code is one of the documented ones.

python -m tests.crash_loop --kills 200 --faults 280
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from synth import files
from synth.cli import main
from synth.cli.signals import listen
from synth.processes.threads import pin_threads
from tests import small_set

RECIPE = small_set.RECIPE.replace("shard_size: 3, stems: true", "shard_size: 4")
STRIKES = 4
"""Runs of one directory that are disturbed before one is left alone, on average."""
COLD = 0.05
"""Share of the runs that begin with an empty cache, and so start processes that scan and decode."""
MODES = ("enospc", "eio")
_REACHED = re.compile(rb"crash point \d+: (\w+) at (\w+) ")
_HIGHEST_POINT = 260


@dataclass(slots=True)
class Bench:
    """A recipe, its golden tree, and what is counted."""

    folder: Path
    random: random.Random
    golden: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)

    @classmethod
    def make(cls, folder: Path, seed: int, layout: str) -> Bench:
        bench = cls(folder, random.Random(seed))
        recipe = RECIPE.replace("shard_size: 4", f"shard_size: 4, layout: {layout}")
        small_set.make_sources(folder / "in", speech=8).write_text(recipe)
        small_set.make_inline(small_set.plan_into(folder / "in" / "recipe.yaml", folder / "warm"), range(4))

        for path in (folder / "in").rglob("*.wav"):
            os.utime(path, (1e9, 1e9))  # old enough for the cache
        bench.undisturbed(folder / "first", cold=False)
        start = time.monotonic()
        bench.undisturbed(folder / "golden", cold=False)
        bench.seconds = time.monotonic() - start
        bench.golden = small_set.tree(folder / "golden")
        audio = [name for name in bench.golden if name.startswith("audio/")]
        assert {Path(name).suffix for name in audio} == {".tar" if layout == "tar" else ".flac"}
        assert len(audio) == (4 if layout == "tar" else 16)
        return bench

    def start(self, out: Path, *, cold: bool, crash: str = "") -> Child:
        """`synth generate` with two workers in a child, the leader of a process group."""
        cache = out.with_suffix(".cache") if cold else self.folder / "cache"
        words = ["generate", str(self.folder / "in" / "recipe.yaml"), "--out", str(out), "--jobs", "2", "--quiet"]
        return Child.start(words, cache, crash)

    def undisturbed(self, out: Path, *, cold: bool) -> None:
        code, stderr = self.start(out, cold=cold).wait()
        assert (code, stderr) == (0, b""), (code, stderr)

    def check_no_lie(self, out: Path) -> None:
        """Whatever has a final name is whole; `dataset.json` is there only with all the rest."""
        before = small_set.tree(out)
        assert all(self.golden[name] == sha256 for name, sha256 in before.items()), "half-written under a final name"
        assert "dataset.json" not in before or before == self.golden

    def check_resumed(self, out: Path, *, cold: bool) -> None:
        """Resume what disturbed runs left, and compare; then remove it."""
        self.undisturbed(out, cold=cold)
        assert small_set.tree(out) == self.golden
        left = [path for path in out.rglob("*") if path.name.endswith(".tmp") or "tmp" in path.parent.parts[-1:]]
        assert not left, left
        shutil.rmtree(out)
        shutil.rmtree(out.with_suffix(".cache"), ignore_errors=True)


@dataclass(slots=True)
class Child:
    """A forked process: it starts in a millisecond, with all imports done."""

    pid: int
    stderr: Path

    @classmethod
    def start(cls, words: list[str], cache: Path, crash: str) -> Child:
        descriptor, name = tempfile.mkstemp(suffix=".stderr")
        pid = os.fork()
        if pid == 0:
            code = 130
            # A second Ctrl-C may come after the program has ended: the child must not return into the tests.
            try:
                try:
                    code = _run_in_child(words, descriptor, cache, crash)
                finally:
                    os._exit(code)
            finally:
                os._exit(code)
        os.close(descriptor)
        return cls(pid, Path(name))

    def signal(self, number: int, *, group: bool) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number) if group else os.kill(self.pid, number)

    def signal_a_worker(self, number: int, random_: random.Random) -> bool:
        """Wait for a worker and kill it; False if there was none for two seconds."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        for _ in range(200):
            if workers := children.read_text().split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(random_.choice(workers)), number)
                return True
            time.sleep(0.01)
        return False

    def wait(self) -> tuple[int, bytes]:
        _, status = os.waitpid(self.pid, 0)
        stderr = self.stderr.read_bytes()
        self.stderr.unlink()
        return os.waitstatus_to_exitcode(status), stderr


def _run_in_child(words: list[str], stderr: int, cache: Path, crash: str) -> int:
    listen()  # an interpreter that is still starting is not what is tested
    os.setsid()
    os.dup2(stderr, 2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.environ["SYNTH_CACHE"] = str(cache)
    files._crash_at, files._crash_mode = files._crash_plan(crash)
    files._steps = 0
    return _as_a_program(words)


def _as_a_program(words: list[str]) -> int:
    sys.argv = ["synth", *words]
    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    return 99


def check_words(stderr: bytes) -> None:
    """Nothing that a person sees is a traceback, or says that a fault of the machine is a bug."""
    assert b"Traceback" not in stderr and b"bug" not in stderr and b"internal error" not in stderr, stderr.decode()


# ------------------------------------------------------------------------------------------------------------- kills

KINDS = {
    "SIGKILL group": {-signal.SIGKILL, 0},
    "SIGKILL parent": {-signal.SIGKILL, 0},
    "SIGKILL worker": {0},
    "SIGTERM group": {143, 0},
    "SIGTERM parent": {143, 0},
    "SIGINT group": {130, 0},
    "SIGINT group twice": {130, 0},
}


def kill_once(bench: Bench, number: int) -> None:
    """Runs into one directory, each ended at a random moment; then one that goes on to the end."""
    out = bench.folder / f"kill{number}"
    cold = bench.random.random() < COLD
    for _ in range(bench.random.randint(1, 2 * STRIKES)):
        kind = bench.random.choice(list(KINDS))
        child = bench.start(out, cold=cold)
        time.sleep(bench.random.uniform(0, bench.seconds * (3 if cold else 1)))
        done = _strike(child, kind, bench.random)
        code, stderr = child.wait()
        assert code in KINDS[kind], (kind, code, stderr)
        check_words(stderr)
        bench.counts[kind] += done
        bench.counts["ended the run"] += code != 0
        time.sleep(0.05)  # the kernel ends the workers of a killed parent
        bench.check_no_lie(out)
    bench.check_resumed(out, cold=cold)


def _strike(child: Child, kind: str, random_: random.Random) -> bool:
    name, whom, *twice = kind.split()
    number = getattr(signal, name)
    if whom == "worker":
        return child.signal_a_worker(number, random_)
    child.signal(number, group=whom == "group")
    if twice:
        time.sleep(random_.uniform(0, 0.05))
        child.signal(number, group=True)
    return True


# ------------------------------------------------------------------------------------------------------------ faults


def fail_once(bench: Bench, number: int) -> None:
    """Runs into one directory, in each of which one step of one process fails; then one that goes on to the end."""
    out = bench.folder / f"fault{number}"
    cold = bench.random.random() < COLD
    for _ in range(bench.random.randint(1, 2 * STRIKES)):
        mode = bench.random.choice(MODES)
        child = bench.start(out, cold=cold, crash=f"{bench.random.randint(1, _HIGHEST_POINT)}:{mode}")
        code, stderr = child.wait()
        reached = _REACHED.search(stderr)
        assert code in ((0, 1) if reached else (0,)), (code, stderr)
        check_words(stderr)
        bench.check_no_lie(out)
        if not reached:
            break
        bench.counts[f"{mode} at {reached[2].decode()}"] += 1
        bench.counts["ended the run"] += code != 0
    bench.check_resumed(out, cold=cold)


def loop(folder: Path, *, kills: int, faults: int, seed: int = 1, layout: str = "files") -> dict[str, Counter[str]]:
    """Do all of it in `folder`; what was hit, and how often."""
    results = {}
    for name, count, strike in (("kills", kills, kill_once), ("faults", faults, fail_once)):
        bench = Bench.make(folder / name, seed, layout)
        number = 0
        while sum(bench.counts.values()) - bench.counts["ended the run"] < count:
            strike(bench, number)
            number += 1
            if number % 10 == 0:
                print(f"{name}: {number} directories, {dict(bench.counts)}", file=sys.stderr, flush=True)
        results[name] = bench.counts
    return results


def crash() -> None:
    """Read the options, do it, and print what was hit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--faults", type=int, default=280)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--layout", choices=("files", "tar"), default="files")
    options = parser.parse_args()
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        results = loop(
            Path(folder), kills=options.kills, faults=options.faults, seed=options.seed, layout=options.layout
        )
    for name, counts in results.items():
        total = sum(counts.values()) - counts["ended the run"]
        print(f"{name}: {total}, all resumed with the same bytes: {dict(sorted(counts.items()))}")
    print(f"{time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    pin_threads()
    crash()
