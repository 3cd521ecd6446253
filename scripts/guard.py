"""Guard a change that should change nothing: digests of all clips, and all numbers of the results of the commands.

    python scripts/guard.py record guard.json      # before: makes every recipe of recipes/, runs the commands
    python scripts/guard.py check guard.json       # after: the same again, and what differs

Clips must be the same byte for byte. Numbers are compared per command: a renamed key is fine, a new number is not. Both
take about two minutes. `--quick` makes the two shortest recipes only.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
QUICK: Final = ("plain", "demo")
#: Where a result holds a measured time.
_TIMES: Final = frozenset({".seconds"})


def run(*words: str | Path, folder: Path) -> str:
    """Run the `synth` of this interpreter in `folder`, and return its stdout; stop with its error if it fails."""
    program = [sys.executable, "-c", "import sys; from synth.cli import main; sys.exit(main())"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "SYNTH_CACHE": str(folder / "cache")}
    process = subprocess.run(
        [*program, *map(str, words)], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if process.returncode not in (0, 5):
        sys.exit(f"synth {' '.join(map(str, words))}\nexit code {process.returncode}\n{process.stderr}")
    return process.stdout


def digests(data_set: Path) -> dict[str, str]:
    """SHA-256 of every clip and stem by its path in the data set."""
    files = (path for name in ("audio", "stems") for path in (data_set / name).rglob("*") if path.is_file())
    return {str(path.relative_to(data_set)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(files)}


def numbers(value: Any, path: str = "") -> Iterator[tuple[str, float | int]]:
    """(path, number) of every number in a JSON value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from numbers(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):  # a named item keeps its path when the order changes
            name = inner.get("name", index) if isinstance(inner, dict) else index
            yield from numbers(inner, f"{path}[{name}]")
    elif isinstance(value, int | float) and not isinstance(value, bool) and path not in _TIMES:
        yield path, value


def score_list(rows: list[dict[str, Any]], target: Path) -> None:
    """Write errors per clip that depend on nothing but its id."""
    lines = ["id,errors,words"]
    for row in rows:
        digest = hashlib.sha256(row["id"].encode()).digest()
        lines.append(f"{row['id']},{(digest[0] < 90) + (digest[1] < 40)},4")
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")


def fill_in(review: Path) -> None:
    """Tick the first tags of a review in a fixed pattern, as a person would."""
    with review.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    ticked = rows[0].index("reviewed")
    for number, row in enumerate(rows[1:]):
        row[ticked] = "x"
        row[ticked + 1 + number % 4] = "x"
        row[ticked + 1 + number % 3] = "x"
    with review.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def collect(folder: Path, *, quick: bool) -> dict[str, Any]:
    """Make the data sets and run the commands in `folder`; return digests and numbers."""
    recipes = sorted(path for path in (ROOT / "recipes").glob("*.yaml") if not quick or path.stem in QUICK)
    clips, results = {}, {}

    def record(name: str, *words: str | Path) -> None:
        print(f"  {name}", file=sys.stderr)
        results[name] = dict(numbers(json.loads(run(*words, "--json", folder=folder))))

    for path in recipes:
        print(f"  generate {path.stem}", file=sys.stderr)
        run("-q", "generate", path, "--out", path.stem, "--jobs", "2", folder=folder)
        clips[path.stem] = digests(folder / path.stem)
        record(f"plan {path.stem}", "plan", path)
    rows = [json.loads(line) for line in (folder / "demo" / "manifest.jsonl").read_text("utf-8").splitlines()]
    score_list(rows, folder / "scores.csv")
    record("noise", "noise", ROOT / "fixtures" / "noise" / "car")
    record("profile", "profile", "demo", "--out", "demo.profile")
    record("compare", "compare", "plain", "demo")
    record("diagnose", "diagnose", "--scores", "scores.csv", "--manifest", "demo")
    record(
        "split", "split", ROOT / "fixtures" / "speech" / "metadata.csv", "--out", "sp", "--dev", "10", "--by", "speaker"
    )
    sample = ("errors", "sample", "scores.csv", "--manifest", "demo/manifest.jsonl", "--split", "train")
    record("errors sample", *sample, "--out", "review.csv", "--n", "20", "--right", "10")
    fill_in(folder / "review.csv")
    record("errors summary", "errors", "summary", "review.csv", "--manifest", "demo/manifest.jsonl")
    record("select", "select", "demo", "--to", "plain", "--hours", "0.05", "--out", "selected.jsonl")
    return {"clips": clips, "numbers": results}


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return what differs, one line each. Recipes that only one side made are skipped: `--quick` checks against all."""
    lines = []
    for recipe in sorted(before["clips"].keys() & after["clips"].keys()):
        old, new = before["clips"][recipe], after["clips"][recipe]
        lines += [f"clips of {recipe}: {path} differs" for path in sorted(old) if old[path] != new.get(path)]
        lines += [f"clips of {recipe}: {path} is new" for path in sorted(new.keys() - old.keys())]
    for name in sorted(before["numbers"].keys() & after["numbers"].keys()):
        old, new = before["numbers"][name], after["numbers"][name]
        lines += [f"{name}: {key} was {old[key]}, is {new[key]}" for key in old if key in new and old[key] != new[key]]
        lost, gained = (Counter(a[key] for key in a.keys() - b.keys()) for a, b in ((old, new), (new, old)))
        if lost != gained:  # under other keys, but not the same numbers
            lines.append(f"{name}: without {dict(lost - gained)}, with {dict(gained - lost)}")
    return lines


def main() -> int:
    """Record, or check and print the differences."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=("record", "check"))
    parser.add_argument("file", type=Path, help="the record (JSON)")
    parser.add_argument("--quick", action="store_true", help="two recipes only")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        after = collect(Path(folder), quick=options.quick)
    if options.task == "record":
        options.file.write_text(json.dumps(after, indent=1, sort_keys=True), encoding="utf-8")
        return 0
    lines = changes(json.loads(options.file.read_text("utf-8")), after)
    count = sum(map(len, after["clips"].values()))
    print("\n".join([*lines, f"{count} clips and stems, {len(after['numbers'])} commands: {len(lines)} differences"]))
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
