"""Variants that are no command of their own. Run as a script: python -P children.py NAME INPUT OUT."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


def floor(clips: Sequence[Path], out: Path) -> None:
    """Decode and encode finished clips: same samples, same FLAC settings, nothing else."""
    import soundfile

    for index, path in enumerate(clips):
        samples, rate = soundfile.read(path, dtype="int16")
        soundfile.write(out / f"{index}.flac", samples, rate, subtype="PCM_16", format="FLAC")


def floor_in_two(clips: Sequence[Path], out: Path) -> None:
    """The same in two processes."""
    import soundfile  # noqa: F401  loaded once, before the fork

    children = []
    for half in range(2):
        folder = out / str(half)
        folder.mkdir()
        child = os.fork()
        if child == 0:
            floor(clips[half::2], folder)
            os._exit(0)
        children.append(child)
    if any(os.waitpid(child, 0)[1] for child in children):
        raise SystemExit("a child failed")


def decode(clips: Sequence[Path], out: Path) -> None:
    """Decode finished clips, and nothing else."""
    import soundfile

    for path in clips:
        soundfile.read(path, dtype="int16")


def plan_million(recipe: Path, out: Path) -> None:
    """Scan a list with lengths, make the plan and its ledger, and every ClipSpec."""
    from synth.commands.plan import make_plan

    planned = make_plan(recipe, check=False)  # the files of the list do not exist
    samples = sum(planned.plan[index].num_samples for index in range(len(planned.plan)))
    used = sum(pool["used_s"] for pool in planned.ledger["pools"])
    print(f"{len(planned.plan)} clips, {samples / 16_000 / 3600:.0f} h, {used / 3600:.0f} h of noise used")


OVER_CLIPS: Mapping[str, Callable[[Sequence[Path], Path], None]] = {
    "floor": floor,
    "floor_2": floor_in_two,
    "decode": decode,
}


def main() -> None:
    name, source, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    if name in OVER_CLIPS:
        OVER_CLIPS[name](sorted(source.rglob("*.flac")), out)
    else:
        plan_million(source, out)


if __name__ == "__main__":
    main()
