"""A data set small enough to be made a hundred times in a test: real audio, real plan, a dozen clips."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import soundfile

from synth import files
from synth.catalog.noise_store import NoiseStore, prepare_noise
from synth.catalog.scan import scan
from synth.dataset import lock
from synth.dataset.commit import begin, open_shards
from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.finish import finish
from synth.dataset.plan_header import publish_plan_header
from synth.dataset.saved_plan import header_of, save_plan
from synth.errors import SynthError
from synth.execute.local import run_shards
from synth.execute.worker import run_shard
from synth.plan.noise_use import count_use
from synth.plan.plan import Plan
from synth.recipe.load import load_recipe

RATE = 8000
RECIPE = """
seed: 3
sample_rate: 8000
copies: 2
speech:
  sources: speech
  effects:
    - speed: {choice: [0.9, 1.0, 1.1]}
margins_s: [0.05, 0.1]
noise:
  snr_db: [0, 20]
  measure: rms
  layers:
    - name: car
      sources: noise
      min_recordings: 3
splits: {by: [id], train: 1.0}
limits: {max_bad: 0.5, timeout_s: 20}
output: {shard_size: 3, stems: true}
"""


def make_sources(folder: Path, *, speech: int = 4) -> Path:
    """Speech, noise and a recipe in `folder`; the recipe's path."""
    rng = np.random.default_rng(1)
    for name, count, seconds in (("speech", speech, 0.4), ("noise", 4, 1.5)):
        (folder / name).mkdir(parents=True)
        for k in range(count):
            samples = rng.standard_normal(round(seconds * RATE)) * 0.1
            soundfile.write(folder / name / f"{name}{k}.wav", samples, RATE, subtype="PCM_16")
    recipe = folder / "recipe.yaml"
    recipe.write_text(RECIPE)
    return recipe


def plan_into(recipe_path: Path, out: Path, overrides: Sequence[str] = ()) -> DatasetDir:
    """Plan, and put the plan into the data set's directory; a directory that has it already is left as it is."""
    recipe = load_recipe(recipe_path, overrides)
    cache = recipe_path.parent / "cache"
    common = {"folder": recipe.folder, "limits": recipe.limits, "cache": cache, "jobs": 1}
    speech = scan(recipe.speech.sources, kind="speech", **common)  # type: ignore[arg-type]
    layers = recipe.noise.layers if recipe.noise else ()
    noise = scan([s for layer in layers for s in layer.sources], kind="noise", **common)  # type: ignore[arg-type]
    rooms = scan([], kind="room", **common)  # type: ignore[arg-type]
    store = prepare_noise(noise, sample_rate=recipe.sample_rate, cache=cache, jobs=1, limits=recipe.limits)
    return publish(Plan.make(recipe, speech, noise, rooms, store, {}), store, out)


def plan_two_splits(folder: Path, layout: str = "tar") -> DatasetDir:
    """A plan of 12 clips in 4 shards, of two splits that cross the shards."""
    recipe = make_sources(folder / "in", speech=6)
    speakers = [{"path": f"speech/speech{k}.wav", "speaker": f"s{k}"} for k in range(6)]
    (folder / "in" / "list.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in speakers))
    overrides = ("speech.sources={path: ., manifest: list.jsonl}", "splits={by: [speaker], train: 0.5, train-dev: 0.5}")
    return plan_into(recipe, folder / "out", (*overrides, f"output.layout={layout}"))


def planned_ledger(plan: Plan) -> dict[str, object]:
    return {"pools": [use.to_json() for use in count_use(plan)]}


def publish(plan: Plan, store: NoiseStore, out: Path) -> DatasetDir:
    dataset = DatasetDir(out)
    if not dataset.plan_header.exists():
        save_plan(dataset, plan, store)
    publish_plan_header(dataset, header_of(plan, store, ledger=planned_ledger(plan)))
    return dataset


def make_inline(dataset: DatasetDir, shards: Iterable[int], *, merge: bool = True) -> None:
    """Make the shards in this process, with no engine."""
    with lock.hold_all(dataset):
        todo = open_shards(dataset, list(shards))
        begin(dataset, todo)
        for shard in todo:
            run_shard(dataset.path, shard)
        if merge:
            finish(dataset)


def make_with_engine(dataset: DatasetDir, shards: Sequence[int], *, jobs: int) -> None:
    with lock.hold_all(dataset):
        todo = open_shards(dataset, shards)
        run_shards(dataset.path, todo, jobs=jobs, timeout_s=60)
        finish(dataset)


def tree(out: Path) -> dict[str, str]:
    """Hash of every file of the data set by its path; `.synth/` does not belong to it."""
    found = (p for p in sorted(out.rglob("*")) if p.is_file() and ".synth" not in p.relative_to(out).parts)
    return {p.relative_to(out).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in found}


def in_child(work: Callable[[], object], crash: str = "") -> tuple[int, bool]:
    """Do `work` in a forked process, with a crash point: (exit code, or minus the signal; whether the point was reached).

    A fork of this process starts in a millisecond with all imports done, and has one thread.
    """
    reached, report = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(report, 2)
        os.close(reached)
        os._exit(_crashing(work, crash))
    os.close(report)
    with os.fdopen(reached, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), b"crash point" in said


def _crashing(work: Callable[[], object], crash: str) -> int:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    files._crash_at, files._crash_mode = files._crash_plan(crash)
    files._steps = 0
    try:
        work()
    except SynthError as error:
        return error.exit_code
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}".encode())
        return 99
    return 0


def main() -> None:
    """`python small_set.py RECIPE OUT JOBS`: plan, make, finish; again: resume."""
    recipe, out, jobs = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    dataset = plan_into(recipe, out)
    make_with_engine(dataset, range(1000)[: _shards(dataset)], jobs=jobs)


def _shards(dataset: DatasetDir) -> int:
    from synth.dataset.plan_header import read_plan_header

    return read_plan_header(dataset).shards


if __name__ == "__main__":
    try:
        main()
    except SynthError as error:
        print(error, file=sys.stderr)
        raise SystemExit(error.exit_code) from None
