"""The long form: `python -m tests.fuzz --audio 2000 --archives 1000 --lists 1000 --recipes 1000 --datasets 500 --tar-datasets 500 --profiles 300 --seed 1`."""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

from tests.fuzz import archives, audio, datasets, documents, lists, recipes
from tests.fuzz.bench import Bench, Run
from tests.fuzz.outcome import HANG_S, HEAD, Campaign
from tests.warm_process import WarmProcess

CAMPAIGNS: Final[dict[str, Run]] = {
    "audio": partial(audio.run, real=True),
    "archives": archives.run,
    "lists": lists.run,
    "recipes": recipes.run,
    "datasets": datasets.run,
    "tar-datasets": datasets.run_tars,
    "profiles": documents.run,
}


def main() -> int:
    """Exit code 1 if any property is violated."""
    options = _options()
    if options.only:
        kind, _, index = options.only.partition(":")
        work = {kind: [[int(index)]]}
    else:
        work = {
            kind: _shares(range(options.start, options.start + getattr(options, kind.replace("-", "_"))), options.jobs)
            for kind in CAMPAIGNS
        }
    violations = 0
    print(HEAD)
    for kind, shares in work.items():
        start = time.monotonic()
        total = Campaign(kind)
        with ThreadPoolExecutor(max(1, options.jobs)) as pool:
            for campaign in pool.map(partial(_run, kind, options), shares):
                total.add(campaign)
        if total.tried:
            print(f"{total.row()}  [{time.monotonic() - start:.0f} s]", flush=True)
        for violation in total.violations:
            print(f"  seed {options.seed} {violation}", flush=True)
        violations += len(total.violations)
    return int(violations > 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    for kind in CAMPAIGNS:
        parser.add_argument(f"--{kind}", type=int, default=0, metavar="N", help="Number of mutants.")
    parser.add_argument("--seed", type=int, default=1, help="Seed of all mutants.")
    parser.add_argument("--start", type=int, default=0, metavar="INDEX", help="Index of the first mutant.")
    parser.add_argument("--jobs", type=int, default=2, help="Campaigns side by side.")
    parser.add_argument("--only", metavar="KIND:INDEX", help="Make one mutant again, and keep it.")
    parser.add_argument(
        "--hang", type=float, default=HANG_S, metavar="SECONDS", help="A command that takes longer hangs."
    )
    return parser.parse_args()


def _shares(indices: Sequence[int], count: int) -> list[Sequence[int]]:
    return [indices[k::count] for k in range(count)]


def _run(kind: str, options: argparse.Namespace, indices: Iterable[int]) -> Campaign:
    indices = list(indices)
    if not indices:
        return Campaign(kind)
    keep = bool(options.only)
    with _folder(kind, keep=keep) as folder, WarmProcess() as warm:
        return CAMPAIGNS[kind](Bench(folder, warm, options.hang, keep), options.seed, indices)


@contextlib.contextmanager
def _folder(kind: str, *, keep: bool) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=f"fuzz-{kind}-"))
    if keep:
        print(f"kept: {folder}")
    try:
        yield folder
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
