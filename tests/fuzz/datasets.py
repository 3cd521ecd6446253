"""Damaged data sets: every file, one bit or one field at a time, or another thing in its place; every reading command."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from tests.fuzz.bench import Bench, write_sources
from tests.fuzz.mutators import generator, mutate_bytes, mutate_field
from tests.fuzz.outcome import Campaign, problems_of
from tests.small_set import RECIPE

_READERS: Final = ("verify", "quick", "status", "explain", "replay", "labels", "stages", "open")
_REPLACEMENTS: Final = ("fifo", "zero", "loop", "elsewhere", "folder", "gone", "empty", "sparse", "device")


def make_base(bench: Bench, layout: str = "files") -> Path:
    """A data set of 4 clips with labels and stems, that verifies clean."""
    base = bench.folder / "base"
    if not base.exists():
        write_sources(bench.folder, speech=2)
        lines = [
            {"audio_filepath": f"speech{k}.wav", "text": f"w {k}", "speaker": f"s{k}", "noisy": k > 0} for k in range(2)
        ]
        (bench.folder / "list.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        recipe = bench.folder / "recipe.yaml"
        recipe.write_text(RECIPE.replace("sources: speech", "sources: [{name: s, path: speech, manifest: list.jsonl}]"))
        generate = ("generate", recipe, "--out", base, "--set", f"output.layout={layout}")
        for words in (generate, ("verify", base)):
            ended = bench.call(*words)
            assert ended.returncode == 0, ended.stderr
    return base


def files_of(base: Path) -> list[str]:
    """Every file of the data set, `.synth` too, in order."""
    return sorted(path.relative_to(base).as_posix() for path in base.rglob("*") if path.is_file())


def damage(folder: Path, seed: int, index: int) -> tuple[str, str]:
    """Damage one file of the data set in `folder`; its name and what was done."""
    draw = generator(seed, "datasets", index)
    names = files_of(folder)
    name = names[index % len(names)] if draw.random() < 0.5 else draw.choice([n for n in names if ".npy" not in n])
    path = folder / name
    if draw.random() < 0.3:
        what = draw.choice(_REPLACEMENTS)
        _replace(path, what)
        return name, what
    data = path.read_bytes()
    if name.endswith((".json", ".jsonl", ".catalog", ".store")) and draw.random() < 0.7:
        changed, what = mutate_field(data, draw)
    else:
        changed, what = mutate_bytes(data, draw)
    path.unlink()
    path.write_bytes(changed)
    if draw.random() < 0.5:
        _fit_digests(folder, name, hashlib.sha256(data).hexdigest(), hashlib.sha256(changed).hexdigest())
        what += ", with fitting digests"
    return name, what


def _replace(path: Path, what: str) -> None:
    path.unlink()
    if what == "fifo":
        os.mkfifo(path)
    elif what in ("zero", "device"):
        path.symlink_to("/dev/zero" if what == "zero" else "/dev/tty")
    elif what == "loop":
        path.symlink_to(path.name)
    elif what == "elsewhere":
        path.symlink_to("/etc/passwd")
    elif what == "folder":
        path.mkdir()
    elif what == "empty":
        path.touch()
    elif what == "sparse":
        with path.open("wb") as file:
            file.truncate(5 << 30)


def _fit_digests(folder: Path, name: str, old: str, new: str) -> None:
    """Whoever changes a file on purpose changes what is written of it."""
    for path in (
        folder / "manifest.jsonl",
        *folder.glob("tra*.jsonl"),
        *folder.glob(".synth/parts/*"),
        folder / "dataset.json",
    ):
        if path.is_file() and path.stat().st_size < 1 << 24 and path != folder / name:
            before = path.read_bytes()
            after = before.replace(old.encode(), new.encode())
            if after != before:
                path.write_bytes(after)
                _fit_digests(folder, path.name, hashlib.sha256(before).hexdigest(), hashlib.sha256(after).hexdigest())


def run_tars(bench: Bench, seed: int, indices: Iterable[int]) -> Campaign:
    """As `run`, for data sets whose clips are in tar files."""
    return run(bench, seed, indices, layout="tar")


def run(bench: Bench, seed: int, indices: Iterable[int], *, layout: str = "files") -> Campaign:
    """Every mutant through every reading command."""
    kind = "datasets" if layout == "files" else "tar-datasets"
    campaign = Campaign(kind)
    base = make_base(bench, layout)
    clip = json.loads((base / "manifest.jsonl").read_text().split("\n")[0])["id"]
    for index in indices:
        copy = bench.folder / f"set_{index:05}"
        shutil.copytree(base, copy, symlinks=True)
        name, what = damage(copy, seed, index)
        campaign.tried += 1
        codes = []
        for reader in _READERS:
            ended = _read(bench, reader, copy, clip)
            allowed = (0, 4) if reader in ("verify", "quick") else (0, 2, 4)
            problems = problems_of(ended, codes=allowed, names=[copy.name])
            campaign.note(f"{kind}:{index} ({reader}; {name} {what})", ended, problems)
            codes.append(ended.returncode)
        campaign.accepted += not any(codes)
        if not bench.keep:
            shutil.rmtree(copy)
            (bench.folder / "again.flac").unlink(missing_ok=True)
    return campaign


def _read(bench: Bench, reader: str, folder: Path, clip: str) -> Any:
    if reader == "quick":
        return bench.call("verify", "--quick", folder)
    if reader == "explain":
        return bench.call("explain", folder, clip)
    if reader == "replay":
        return bench.call("replay", folder, clip, "--out", bench.folder / "again.flac")
    if reader == "open":
        return bench.call(folder, target="tests.fuzz.datasets:open_all")
    return bench.call(reader, folder)


def open_all() -> None:
    """In a child: every row and every sound of a data set through the Python interface; a SynthError is a refusal."""
    import synth
    from synth.errors import SynthError, VerifyMismatch

    try:
        for row in synth.open_dataset(sys.argv[1]):
            row.pcm()
    except SynthError as error:
        print(str(error).encode("unicode_escape").decode(), file=sys.stderr)
        raise SystemExit(VerifyMismatch.exit_code) from None
