"""What synth costs, against decoding and encoding alone and against a plain audiomentations loop; see README.md here.

python benchmarks/speed.py                       # 4 hours of output from fixtures/, 3 rounds
python benchmarks/speed.py --speech MY_SPEECH --noise MY_NOISE --hours 4
python benchmarks/speed.py --quick               # does it run at all: 6 minutes of output, 1 round
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
RATE = 16_000
EXTENSIONS = (".flac", ".wav", ".ogg", ".mp3", ".aiff")


# --- the bars ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bar:
    name: str
    measured: float
    limit: float
    at_least: bool = False
    unit: str = ""

    @property
    def met(self) -> bool:
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit

    def row(self) -> str:
        sign = "≥" if self.at_least else "≤"
        word = "met" if self.met else "**unmet**"
        return f"| {self.name} | {self.measured:.2f}{self.unit} | {sign} {self.limit:.3g}{self.unit} | {word} |"


# --- measuring a process ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cost:
    """Of one process and all its children that it waited for."""

    cpu_s: float
    wall_s: float
    peak_mb: float  # of the largest of them


def environment(**more: str) -> dict[str, str]:
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**os.environ, **threads, "PYTHONPATH": str(ROOT), **more}


def measure(command: Sequence[str], **env: str) -> Cost:
    """Run the command in a fresh process. Its output goes to a file that is shown when it fails."""
    log = Path(env.pop("log", os.devnull))
    start = time.perf_counter()
    with log.open("w") as out:
        process = subprocess.Popen(command, env=environment(**env), stdout=out, stderr=out, cwd=ROOT)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - start
    if process.returncode:
        tail = "" if log == Path(os.devnull) else log.read_text()[-3000:]
        raise SystemExit(f"exit {process.returncode}: {' '.join(command)}\n{tail}")
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)


# --- inputs -----------------------------------------------------------------------------------------------------------


def audio_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in EXTENSIONS)


def as_int16(source: Path) -> object:
    """Mono at RATE as int16, by the same libraries for all variants."""
    import numpy as np
    import soundfile
    import soxr

    samples, rate = soundfile.read(source, always_2d=True)
    mono = soxr.resample(samples.mean(axis=1), rate, RATE)
    return np.clip(np.rint(mono * 32768), -32768, 32767).astype(np.int16)


def convert(folder: Path, out: Path, *, suffix: str, shortest: float, longest: float) -> list[tuple[Path, float]]:
    """Every file of the folder between these lengths (s), as 16-bit mono; (path, seconds)."""
    import soundfile

    made: list[tuple[Path, float]] = []
    for source in audio_files(folder):
        info = soundfile.info(source)
        if shortest <= info.duration <= longest:
            path = out / f"{len(made):05d}{suffix}"
            soundfile.write(path, as_int16(source), RATE, subtype="PCM_16")
            made.append((path, info.duration))
    if not made:
        raise SystemExit(f"{folder}: no audio between {shortest} and {longest} s")
    return made


def prepare_speech(source: Path, out: Path, *, hours: float) -> float:
    """The utterances, and copies of them under other names, up to these hours; returns the hours."""
    out.mkdir(parents=True)
    first = convert(source, out, suffix=".flac", shortest=0.5, longest=40.0)
    total = sum(seconds for _, seconds in first)
    turn = 0
    while total < hours * 3600 * 1.02:  # speed 0.9, 1.0, 1.1: the mean length stays within 1 %
        turn += 1
        for path, seconds in first:
            shutil.copyfile(path, out / f"{turn:04d}_{path.name}")
            total += seconds
    return total / 3600


def prepare(arguments: argparse.Namespace, work: Path) -> float:
    """speech/ as FLAC, noise/ as asked (as 16-kHz mono the audiomentations loop need not resample it for each clip)."""
    shutil.rmtree(work, ignore_errors=True)
    (work / "noise").mkdir(parents=True)
    if arguments.noise_format == "as-is":
        for number, path in enumerate(audio_files(arguments.noise)):
            shutil.copyfile(path, work / "noise" / f"{number:05d}{path.suffix}")
    else:
        convert(arguments.noise, work / "noise", suffix=f".{arguments.noise_format}", shortest=0.3, longest=7200.0)
    return prepare_speech(arguments.speech, work / "speech", hours=arguments.hours / arguments.copies)


BASIC = """
seed: 1
sample_rate: 16000
copies: {copies}
speech:
  sources: {speech}
  effects:
    - speed: {{choice: [0.9, 1.0, 1.1]}}{effects}
noise:
  snr_db: [0, 20]
{measure}  layers:
    - {{name: car, sources: {noise}, max_reuse: 1000000, min_recordings: 1}}
"""
RMS = "  measure: rms\n  weighting: none\n"
PITCH_AND_TEMPO = "\n    - tempo: [0.9, 1.1]\n    - pitch: [-2, 2]"


def write_recipes(work: Path, *, copies: int) -> None:
    kinds = {"basic": (RMS, ""), "default": ("", ""), "pitch_tempo": (RMS, PITCH_AND_TEMPO)}
    (work / "copies").write_text(str(copies))
    for name, (level, effects) in kinds.items():
        text = BASIC.format(copies=copies, speech="speech", noise="noise", measure=level, effects=effects)
        (work / f"{name}.yaml").write_text(text)


# --- the variants that are not ours (each in a process of its own) ----------------------------------------------------


def floor(clips: Sequence[Path], out: Path) -> None:
    """Decode and encode the finished clips: same samples, same FLAC settings, nothing else."""
    import soundfile

    for index, path in enumerate(clips):
        samples, rate = soundfile.read(path, dtype="int16")
        soundfile.write(out / f"{index}.flac", samples, rate, subtype="PCM_16", format="FLAC")


def in_processes(work: Callable[[Sequence[Path]], None], clips: Sequence[Path], *, processes: int) -> None:
    """The clips dealt to this many forks of this process."""
    import soundfile  # noqa: F401  loaded before the fork, once

    children = []
    for index in range(processes):
        child = os.fork()
        if child == 0:
            work(clips[index::processes])
            os._exit(0)
        children.append(child)
    if any(os.waitpid(child, 0)[1] for child in children):
        raise SystemExit("a child failed")


def run_floor(work: Path, out: Path, *, processes: int) -> None:
    clips = sorted((work / "clips").rglob("*.flac"))
    if processes == 1:
        return floor(clips, out)
    for index in range(processes):
        (out / str(index)).mkdir()
    in_processes(lambda mine: floor(mine, out / str(clips.index(mine[0]))), clips, processes=processes)
    return None


def run_loop(work: Path, out: Path, *, pitch_tempo: bool) -> None:
    """The loop that people write: soundfile, soxr for the speed (its fastest way), audiomentations for the rest.

    It reads each utterance once and makes all copies of it, as synth does.
    """
    import soundfile
    import soxr
    from audiomentations import AddBackgroundNoise, Compose, PitchShift, TimeStretch

    changes = []
    if pitch_tempo:
        changes = [
            TimeStretch(min_rate=0.9, max_rate=1.1, leave_length_unchanged=False, p=1.0),
            PitchShift(min_semitones=-2, max_semitones=2, p=1.0),
        ]
    augment = Compose([*changes, AddBackgroundNoise(work / "noise", min_snr_db=0, max_snr_db=20, p=1.0)])
    random.seed(1)
    for index, path in enumerate(sorted((work / "speech").iterdir())):
        speech, rate = soundfile.read(path, dtype="float32")
        for copy in range(int((work / "copies").read_text())):
            factor = random.choice((0.9, 1.0, 1.1))
            samples = soxr.resample(speech, rate * factor, rate) if factor != 1.0 else speech
            noisy = augment(samples, sample_rate=rate)
            soundfile.write(out / f"{index}-{copy}.flac", noisy, rate, subtype="PCM_16", format="FLAC")


def million_plan(work: Path) -> None:
    """Scan a list with durations, make the plan and its ledger, and every ClipSpec."""
    from synth.commands.plan import make_plan

    planned = make_plan(work / "million.yaml", check=False)  # the files of the list do not exist
    samples = sum(planned.plan[index].num_samples for index in range(len(planned.plan)))
    used = sum(pool["used_s"] for pool in planned.ledger["pools"])
    print(f"{len(planned.plan)} clips, {samples / RATE / 3600:.0f} h, {used / 3600:.0f} h of noise used")
    assert len(planned.plan) == 1_000_000


CHILDREN: Mapping[str, Callable[[Path, Path], None]] = {
    "floor": lambda work, out: run_floor(work, out, processes=1),
    "floor_2": lambda work, out: run_floor(work, out, processes=2),
    "loop_basic": lambda work, out: run_loop(work, out, pitch_tempo=False),
    "loop_pitch_tempo": lambda work, out: run_loop(work, out, pitch_tempo=True),
    "million": lambda work, out: million_plan(work),
}


# --- the comparison ---------------------------------------------------------------------------------------------------


def synth(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "import sys; from synth.cli import main; sys.exit(main())", *arguments]


def run_variant(name: str, work: Path) -> Cost:
    """One run in a fresh process, with an empty cache and an empty folder of output."""
    out = work / "out"
    shutil.rmtree(out, ignore_errors=True)
    shutil.rmtree(work / "cache", ignore_errors=True)
    log = str(work / f"{name}.log")
    if name in CHILDREN:
        out.mkdir()
        cost = measure([sys.executable, __file__, "--child", name, "--work", str(work)], log=log)
    else:
        recipe, jobs = name.removeprefix("synth_").rsplit("_", 1)
        command = synth("generate", str(work / f"{recipe}.yaml"), "--out", str(out), "--jobs", jobs)
        cost = measure(command, log=log, SYNTH_CACHE=str(work / "cache"))
    print(f"  {name:22} {cost.cpu_s:8.1f} s CPU {cost.wall_s:8.1f} s wall {cost.peak_mb:6.0f} MB", flush=True)
    return cost


VARIANTS = (
    "synth_basic_1",
    "floor",
    "loop_basic",
    "synth_default_1",
    "synth_basic_2",
    "floor_2",
    "synth_pitch_tempo_1",
    "loop_pitch_tempo",
)


def keep_clips(work: Path) -> float:
    """Keep the first output as what the floor decodes and encodes; returns its hours."""
    shutil.rmtree(work / "clips", ignore_errors=True)
    shutil.copytree(work / "out" / "audio", work / "clips")
    with (work / "out" / "manifest.jsonl").open() as rows:
        return float(sum(json.loads(row)["duration"] for row in rows)) / 3600


def compare(work: Path, *, rounds: int) -> tuple[dict[str, list[Cost]], float]:
    """The costs of all variants, interleaved: each round runs each of them once."""
    run_variant("synth_basic_1", work)  # warms the disk, and makes the clips for the floor
    hours = keep_clips(work)
    costs: dict[str, list[Cost]] = {name: [] for name in VARIANTS}
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}, {hours:.2f} h of output", flush=True)
        for name in VARIANTS:
            costs[name].append(run_variant(name, work))
    return costs, hours


def ratio(costs: Mapping[str, list[Cost]], one: str, other: str, what: str = "cpu_s") -> float:
    """Median over the rounds of one / other, each pair from the same round."""
    pairs = zip(costs[one], costs[other], strict=True)
    return float(statistics.median(getattr(a, what) / getattr(b, what) for a, b in pairs))


def speed_bars(costs: Mapping[str, list[Cost]]) -> list[Bar]:
    ours = ratio(costs, "synth_basic_1", "synth_basic_2", "wall_s")
    alone = ratio(costs, "floor", "floor_2", "wall_s")
    return [
        Bar("basic recipe / floor", ratio(costs, "synth_basic_1", "floor"), 1.8),
        Bar("basic recipe / audiomentations loop", ratio(costs, "synth_basic_1", "loop_basic"), 0.6),
        Bar("default measure / floor", ratio(costs, "synth_default_1", "floor"), 2.3),
        Bar("with pitch and tempo / loop", ratio(costs, "synth_pitch_tempo_1", "loop_pitch_tempo"), 0.7),
        Bar(f"gain of two workers ({ours:.2f}) / of two floors ({alone:.2f})", ours / alone, 0.9, at_least=True),
    ]


def help_bar() -> Bar:
    costs = [measure(synth("--help")).cpu_s for _ in range(5)]
    return Bar("`synth --help`, CPU", statistics.median(costs), 1 / 3, unit=" s")


def write_million(work: Path, *, rows: int) -> None:
    """A list of utterances with lengths, which is believed: no file of it exists."""
    lengths = random.Random(1)
    with (work / "million.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("path", "sampling_rate", "num_samples", "text", "speaker"))
        for index in range(rows):
            seconds = lengths.uniform(2, 12)
            table.writerow((f"{index // 1000:04d}/{index:07d}.flac", RATE, int(seconds * RATE), "go", index % 2000))
    speech, copies = "{manifest: million.csv}", 1_000_000 // rows
    text = BASIC.format(copies=copies, speech=speech, noise="noise", measure="", effects="")
    (work / "million.yaml").write_text(text)


def million_bars(work: Path) -> list[Bar]:
    write_million(work, rows=1_000_000)
    command = [sys.executable, __file__, "--child", "million", "--work", str(work)]
    cost = measure(command, SYNTH_CACHE=str(work / "cache"), log=str(work / "million.log"))
    return [
        Bar("plan of a million clips, wall", cost.wall_s, 120, unit=" s"),
        Bar("plan of a million clips, peak memory", cost.peak_mb, 400, unit=" MB"),
    ]


# --- memory -----------------------------------------------------------------------------------------------------------


def children_of(pid: int) -> list[int]:
    """All descendants (Linux)."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found += [child, *children_of(child)]
    return found


def private_mb(pid: int) -> float:
    """Memory that is this process's own. Clean pages of mapped files are the page cache's and count for nobody."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty:")) / 1024


class Watch(threading.Thread):
    """Looks every 50 ms at what the descendants of a process hold; `peak_mb` is the most that one of them held."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._done = threading.Event()
        self.peak_mb = 0.0

    def run(self) -> None:
        while not self._done.wait(0.05):
            with contextlib.suppress(OSError):  # one of them has just ended
                self.peak_mb = max([self.peak_mb, *map(private_mb, children_of(self._pid))])

    def stop(self) -> float:
        self._done.set()
        self.join()
        return self.peak_mb


def hour_of_noise(path: Path, *, minutes: int) -> None:
    import numpy as np
    import soundfile

    generator = np.random.default_rng(1)
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
        for _ in range(minutes):
            file.write((generator.standard_normal(60 * RATE) * 1000).astype(np.int16))


def memory_bar(work: Path, *, minutes: int = 60) -> Bar:
    (work / "long").mkdir(exist_ok=True)
    hour_of_noise(work / "long" / "hour.wav", minutes=minutes)
    text = (work / "default.yaml").read_text().replace("sources: noise,", "sources: long,")
    (work / "long.yaml").write_text(text)
    out = work / "out"
    shutil.rmtree(out, ignore_errors=True)
    shutil.rmtree(work / "cache", ignore_errors=True)
    command = synth("generate", str(work / "long.yaml"), "--out", str(out), "--jobs", "2")
    with (work / "long.log").open("w") as log:
        process = subprocess.Popen(
            command, env=environment(SYNTH_CACHE=str(work / "cache")), cwd=ROOT, stdout=log, stderr=log
        )
        watch = Watch(process.pid)
        watch.start()
        if process.wait():
            raise SystemExit((work / "long.log").read_text()[-3000:])
    return Bar("private memory of a worker, an hour of noise in one file", watch.stop(), 250, unit=" MB")


# --- the report -------------------------------------------------------------------------------------------------------


def cost_table(costs: Mapping[str, list[Cost]], hours: float) -> Iterable[str]:
    yield "| variant | CPU s (each round) | h of audio a core-hour | wall s | peak MB |"
    yield "|---|---|---|---|---|"
    for name, runs in costs.items():
        cpu = statistics.median(run.cpu_s for run in runs)
        wall = statistics.median(run.wall_s for run in runs)
        every = ", ".join(f"{run.cpu_s:.1f}" for run in runs)
        yield f"| {name} | {every} | {hours * 3600 / cpu:.0f} | {wall:.1f} | {max(run.peak_mb for run in runs):.0f} |"


def bar_table(bars: Sequence[Bar]) -> Iterable[str]:
    yield "| bar | measured | limit | |"
    yield "|---|---|---|---|"
    yield from (bar.row() for bar in bars)


def report(costs: Mapping[str, list[Cost]], hours: float, bars: Sequence[Bar], out: Path) -> None:
    print("\n".join(["", *cost_table(costs, hours), "", *bar_table(bars)]))
    data = {"hours": hours, "costs": {name: [asdict(run) for run in runs] for name, runs in costs.items()}}
    data |= {"bars": [asdict(bar) | {"met": bar.met} for bar in bars]}
    out.write_text(json.dumps(data, indent=1) + "\n")
    print(f"\n(all figures: {out})")


def parser() -> argparse.ArgumentParser:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--speech", type=Path, default=ROOT / "fixtures" / "speech")
    arguments.add_argument("--noise", type=Path, default=ROOT / "fixtures" / "noise" / "car")
    formats, what = ("as-is", "flac", "wav"), "what all variants read: the recordings as they are, or 16-kHz mono"
    arguments.add_argument("--noise-format", choices=formats, default="as-is", help=what)
    arguments.add_argument("--hours", type=float, default=4.0, help="of output")
    arguments.add_argument("--copies", type=int, default=3, help="clips of each utterance")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--quick", action="store_true", help="6 minutes of output, 1 round, no million")
    arguments.add_argument("--work", type=Path, default=HERE / "work", help="a folder that is emptied first")
    arguments.add_argument("--child", choices=sorted(CHILDREN), help=argparse.SUPPRESS)
    return arguments


def main() -> None:
    arguments = parser().parse_args()
    work = arguments.work.resolve()
    if arguments.child:
        return CHILDREN[arguments.child](work, work / "out")
    if arguments.quick:
        arguments.hours, arguments.rounds = 0.1, 1
    hours = prepare(arguments, work)
    print(f"{hours:.2f} h of speech in {work}", flush=True)
    write_recipes(work, copies=arguments.copies)
    costs, hours = compare(work, rounds=arguments.rounds)
    bars = [*speed_bars(costs), help_bar(), memory_bar(work, minutes=2 if arguments.quick else 60)]
    if not arguments.quick:
        bars += million_bars(work)
    report(costs, hours, bars, work / "results.json")
    return None


if __name__ == "__main__":
    main()
