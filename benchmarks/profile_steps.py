"""CPU time of each step of making clips, in one process that does what a worker does; see README.md here.

python benchmarks/profile_steps.py RECIPE                    # all shards, at most 2,000 clips
python benchmarks/profile_steps.py RECIPE --set copies=3 --clips 500
"""

from __future__ import annotations

import argparse
import functools
import importlib
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from synth.processes.threads import pin_threads

#: Step -> the functions whose time is its own, as module:name. The time of a function that is called inside another
#: counts for the inner one alone.
STEPS: Final[dict[str, tuple[str, ...]]] = {
    "spec": ("synth.render.clip_renderer:ClipRenderer._planned",),
    "decode the speech": ("synth.render.clip_renderer:read_samples",),
    "hash the source": ("synth.render.clip_renderer:file_sha256",),
    "resample and stretch": ("synth.dsp.effects.playback:Playback.__call__",),
    "speech": ("synth.render.clip_renderer:play_speech",),
    "measure the speech": ("synth.dsp.mix:speech_level",),
    "noise stem": ("synth.render.clip:noise_stem",),
    "measure the noise": ("synth.render.clip:noise_powers",),
    "mix and level": ("synth.render.clip_renderer:render_clip", "synth.render.mixture:Mixture.power_and_peak"),
    "sum and round": ("synth.render.mixture:Mixture.rounded",),
    "measure as written": ("synth.execute.clip_maker:measure_as_written",),
    "encode FLAC": ("synth.execute.clip_maker:encode",),
    "row": ("synth.dataset.manifest:make_row",),
    "row as JSON": ("synth.dataset.manifest:to_line",),
    "other work of a clip (hashes of the result)": ("synth.execute.clip_maker:ClipMaker.make",),
    "write to the staging folder": ("synth.files:Staging.put",),
    "publish (fsync, rename)": ("synth.files:Staging.publish",),
    "commit the part": ("synth.execute.worker:commit_part",),
}


class StepClock:
    """CPU time by step, each moment counted for the innermost step that is running."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.calls: dict[str, int] = defaultdict(int)
        self._running = ["everything else"]
        self._since = time.process_time()

    def _switch(self) -> None:
        now = time.process_time()
        self.seconds[self._running[-1]] += now - self._since
        self._since = now

    def timed(self, step: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, counted for a step."""

        def call(*arguments: Any, **named: Any) -> Any:
            self._switch()
            self._running.append(step)
            self.calls[step] += 1
            try:
                return function(*arguments, **named)
            finally:
                self._switch()
                self._running.pop()

        return call

    def stop(self) -> None:
        """Count what has run since the last step."""
        self._switch()


def find(name: str) -> tuple[Any, str]:
    """The module or class of a function of `STEPS`, and the function's name in it."""
    module_name, _, path = name.partition(":")
    *outer, attribute = path.split(".")
    return functools.reduce(getattr, outer, importlib.import_module(module_name)), attribute


def attach(clock: StepClock) -> None:
    """Count the functions of `STEPS`."""
    for step, names in STEPS.items():
        for owner, attribute in map(find, names):
            setattr(owner, attribute, clock.timed(step, getattr(owner, attribute)))


def save_a_plan(recipe: Path, overrides: Sequence[str], folder: Path) -> Any:
    """Plan a recipe into a folder, and return the plan."""
    from synth.commands.plan import make_plan
    from synth.dataset.commit import begin
    from synth.dataset.dataset_dir import DatasetDir
    from synth.dataset.plan_header import publish_plan_header
    from synth.dataset.saved_plan import header_of, save_plan

    dataset = DatasetDir(folder)
    folder.mkdir(parents=True)
    planned = make_plan(recipe, overrides=overrides, check=False)
    save_plan(dataset, planned.plan, planned.noise)
    publish_plan_header(dataset, header_of(planned.plan, planned.noise, ledger=planned.ledger))
    begin(dataset, range(planned.plan.num_shards))
    return planned.plan


def floor_seconds(files: Sequence[Path]) -> float:
    """CPU seconds of decoding and encoding finished clips with soundfile, and nothing else."""
    import io

    import soundfile

    start = time.process_time()
    for file in files:
        samples, rate = soundfile.read(file, dtype="int16")
        soundfile.write(io.BytesIO(), samples, rate, format="FLAC", subtype="PCM_16")
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--set", dest="overrides", action="append", default=[], help="as `synth generate --set`")
    parser.add_argument("--clips", type=int, default=2000, help="at most, rounded up to whole shards")
    arguments = parser.parse_args()

    pin_threads()  # before numpy is loaded, as in a worker
    from synth.execute.worker import run_shard
    from synth.processes.memory import keep_freed_memory

    with tempfile.TemporaryDirectory() as scratch:
        os.environ.setdefault("SYNTH_CACHE", f"{scratch}/cache")
        folder = Path(scratch) / "out"
        plan = save_a_plan(arguments.recipe, arguments.overrides, folder)
        keep_freed_memory()
        seconds, clips, first = 0.0, 0, 1  # the first shard loads libraries and opens the noise
        warm_up = run_shard(folder, 0)
        clock = StepClock()
        attach(clock)
        for shard in range(first, plan.num_shards):
            if clips >= arguments.clips:
                break
            result = run_shard(folder, shard)
            seconds, clips = seconds + result.seconds, clips + result.clips
        clock.stop()
        if not clips:
            sys.exit(
                f"the recipe makes one shard ({warm_up.clips} clips), which is only the warm-up; ask for more clips"
            )
        encoded = sorted((folder / "audio").rglob("*.flac"))[:clips]
        floor = floor_seconds(encoded)
    report(clock, clips=clips, seconds=seconds, floor=floor)


def report(clock: StepClock, *, clips: int, seconds: float, floor: float) -> None:
    """A table: share of each step, in the order of `STEPS`."""
    total = sum(clock.seconds.values())
    print(f"{clips} clips, {seconds / 3600:.2f} h of audio; {total:.2f} s of CPU")
    print("| step | CPU ms/clip | share |")
    print("|---|---|---|")
    for step in (*STEPS, "everything else"):
        spent = clock.seconds[step]
        print(f"| {step} | {spent / clips * 1000:.3f} | {spent / total:.1%} |")
    print(f"| all | {total / clips * 1000:.3f} | |")
    print(
        f"decoding and encoding the clips alone: {floor / clips * 1000:.3f} ms/clip; all is {total / floor:.2f} x that"
    )


if __name__ == "__main__":
    main()
