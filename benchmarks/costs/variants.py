"""What is measured: each variant over each workload, and how it is run."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.costs import inputs
from benchmarks.costs.processes import Cost, environment, in_a_child, measure
from benchmarks.costs.results import Results, Run

ROOT = Path(__file__).resolve().parent.parent.parent
PEERS = ROOT / "benchmarks" / "peers"
CHILDREN = ROOT / "benchmarks" / "costs" / "children.py"
STEPS = ROOT / "benchmarks" / "profile_steps.py"
HOURS = 4.8  # of output of the long workload

#: Peers: the script and the pins in benchmarks/peers, and whether it can change pitch and tempo.
SCRIPTS = {
    "audiomentations": ("audiomentations_loop", True),
    "librosa": ("librosa_script", True),
    "lhotse": ("lhotse_cuts", False),
    "prototype": ("prototype", True),
}


@dataclass(frozen=True)
class Workload:
    """How much is made."""

    hours: float  # of output
    copies: int = 1
    utterances: int = 1_000_000  # at most


WORKLOADS = {
    "tiny": Workload(HOURS / 16),
    "short": Workload(HOURS / 4),
    "middle": Workload(HOURS / 2),
    "long": Workload(HOURS),
    "copies": Workload(HOURS, copies=3),
    "hundred": Workload(HOURS, utterances=100),
    "few": Workload(HOURS, utterances=3),  # not measured
    "alone": Workload(1.0),  # for the private memory of workers; the other runs of this name write no audio
}


@dataclass(frozen=True)
class Variant:
    """One way to do the work. `recipe` is the recipe of `synth`, or `basic` or `pitch_tempo` of a peer."""

    name: str
    kind: str  # synth, before, child, peer, help, verify, million
    recipe: str = ""
    jobs: int = 1
    warm: bool = False  # the cache of an earlier run is kept
    watched: bool = False  # private memory of the workers is measured


def synth(name: str, recipe: str, **more: bool | int) -> tuple[Variant, Variant]:
    """The variant of this checkout, and that of the older one."""
    of_both = {"synth": f"synth_{name}", "before": f"before_{name}"}
    first, second = (Variant(title, kind, recipe, **more) for kind, title in of_both.items())  # type: ignore[arg-type]
    return first, second


def peer(name: str) -> tuple[Variant, Variant]:
    """The two variants of a peer."""
    return Variant(f"{name}_basic", "peer", "basic"), Variant(f"{name}_pitch_tempo", "peer", "pitch_tempo")


FLOOR, FLOOR_2, DECODE = (Variant(name, "child") for name in ("floor", "floor_2", "decode"))
BASIC, OLD_BASIC = synth("basic", "basic")
BASIC_2, OLD_BASIC_2 = synth("basic_2", "basic", jobs=2)
DEFAULT, OLD_DEFAULT = synth("default", "default")
PITCH, OLD_PITCH = synth("pitch_tempo", "pitch_tempo")
SIGNALSMITH, _ = synth("pitch_tempo_signalsmith", "pitch_tempo_signalsmith")
WAV, _ = synth("wav", "wav")
AS_IS, _ = synth("noise_as_is", "noise_as_is")
WARM, _ = synth("warm", "basic", warm=True)
HUNDRED = [synth(f"warm_{recipe}", recipe, warm=True) for recipe in ("basic", "default", "pitch_tempo")]
MEMORY, OLD_MEMORY = synth("memory", "long_noise", jobs=2, watched=True)
MILLION, OLD_MILLION = Variant("million", "million"), Variant("before_million", "million")
HELP, OLD_HELP = Variant("help", "help"), Variant("before_help", "help")
VERIFY, OLD_VERIFY = Variant("verify", "verify"), Variant("before_verify", "verify")
AM, AM_PITCH = peer("audiomentations")
SCRIPT, SCRIPT_PITCH = peer("librosa")
LHOTSE, _ = peer("lhotse")
PROTOTYPE, PROTOTYPE_PITCH = peer("prototype")

#: (workload, variant, number of rounds that it takes part in), in the order of a round.
SCHEDULE: Sequence[tuple[str, Variant, int]] = (
    *(("long", variant, 3) for variant in (BASIC, FLOOR, DEFAULT, BASIC_2, FLOOR_2, PITCH, DECODE, VERIFY)),
    *(
        ("long", variant, 1)
        for variant in (OLD_BASIC, OLD_DEFAULT, OLD_PITCH, OLD_VERIFY, WAV, AS_IS, AM, AM_PITCH, PROTOTYPE)
    ),
    *(("copies", variant, 3) for variant in (BASIC, FLOOR, DEFAULT)),
    *(("copies", variant, 1) for variant in (OLD_BASIC, OLD_DEFAULT)),
    *(("short", variant, 3) for variant in (BASIC, FLOOR, AM)),
    *(("short", variant, 2) for variant in (DEFAULT, PITCH, PROTOTYPE, WARM)),
    *(("short", variant, 1) for variant in (SCRIPT, LHOTSE, OLD_BASIC, OLD_DEFAULT, OLD_PITCH, SIGNALSMITH)),
    *(("short", variant, 1) for variant in (AM_PITCH, PROTOTYPE_PITCH, SCRIPT_PITCH)),
    *(("middle", variant, 1) for variant in (BASIC, FLOOR, DEFAULT, PITCH, AM)),
    *(("tiny", variant, 2) for variant in (BASIC, FLOOR, DEFAULT, PITCH, AM, PROTOTYPE, SCRIPT, LHOTSE)),
    *(("hundred", variant, 3) for variant, _ in HUNDRED),
    *(("hundred", variant, 2) for _, variant in HUNDRED),
    *(("alone", variant, 3) for variant in (HELP, OLD_HELP)),
    *(("alone", variant, 1) for variant in (MEMORY, OLD_MEMORY, MILLION, OLD_MILLION)),
)


def select(
    patterns: Sequence[str], *, before: bool, peers: Sequence[str], rounds: int
) -> Iterator[tuple[int, str, Variant]]:
    """What to run, round by round: (round, workload, variant). Patterns are of variants, or of workload/variant."""
    for number in range(1, rounds + 1):
        for workload, variant, most in SCHEDULE:
            if number > most or (variant.name.startswith("before_") and not before):
                continue
            if variant.kind == "peer" and peer_name(variant) not in peers:
                continue
            names = (variant.name, f"{workload}/{variant.name}")
            if not patterns or any(fnmatch.fnmatch(name, pattern) for name in names for pattern in patterns):
                yield number, workload, variant


def peer_name(variant: Variant) -> str:
    """`audiomentations` of `audiomentations_basic`."""
    return variant.name.removesuffix("_basic").removesuffix("_pitch_tempo")


@dataclass(frozen=True)
class Bench:
    """The folder of a benchmark, with its inputs, and the checkouts that are compared."""

    work: Path
    before: Path | None
    python: str = sys.executable

    @property
    def out(self) -> Path:
        """The output of the current run; emptied before each."""
        return self.work / "out"

    def prepare(self, speech: Path, noise: Path, form: str, scale: float, long_noise: bool) -> dict[str, float]:
        """Write speech, noise and recipes of all workloads; returns the hours of both."""
        long = inputs.prepare_speech(speech, self.work / "speech", hours=HOURS * scale)
        for name, load in WORKLOADS.items():
            folder = self.work / "workloads" / name
            inputs.take(long, folder, hours=load.hours * scale / load.copies, count=load.utterances)
            for recipe in inputs.RECIPES:
                text = inputs.recipe_text(recipe, work=self.work, speech=str(folder), copies=load.copies)
                (self.work / "workloads" / f"{name}_{recipe}.yaml").write_text(text)
        hours = inputs.convert_noise(noise, self.work / "noise", form=form)
        inputs.convert_noise(noise, self.work / "noise_as_is", form="as-is")
        inputs.write_long_noise(self.work / "noise_hour", minutes=60 if long_noise else 2)
        return {"speech": sum(seconds for _, seconds in long) / 3600, "noise": hours}

    def run(self, workload: str, variant: Variant, number: int) -> Run:
        """One run in a fresh process, with an empty folder of output and, unless it is warm, an empty cache."""
        shutil.rmtree(self.out, ignore_errors=True)
        self.out.mkdir(parents=True)
        self._compile(variant)
        cache = self._cache(workload, variant)
        clips = self._finished(workload, variant) if variant.kind in ("child", "verify") else None
        cost = self._measure(workload, variant, cache=cache, clips=clips)
        hours = in_a_child(audio_hours, clips or self.out)
        shutil.rmtree(self.out)
        return Run(
            workload, variant.name, number, round(hours, 4), round(cost.cpu_s, 3), round(cost.wall_s, 3),
            round(cost.peak_mb, 1), round(cost.private_mb, 1),
        )  # fmt: skip

    def _measure(self, workload: str, variant: Variant, *, cache: Path, clips: Path | None) -> Cost:
        log = self.work / "logs" / f"{workload}_{variant.name}.log"
        log.parent.mkdir(exist_ok=True)
        if variant.kind == "peer":
            command = self._peer_command(
                variant, speech=self.work / "workloads" / workload, copies=WORKLOADS[workload].copies
            )
            return measure(command, log=log, env={"PYTHONPATH": ""})
        child = [self.python, "-P", str(CHILDREN)]
        command = {
            "child": [*child, variant.name, str(clips), str(self.out)],
            "million": [*child, "million", str(self.work / "million.yaml"), str(self.out)],
            "help": self._synth("--help"),
            "verify": self._synth("verify", str(clips)),
        }.get(variant.kind) or self._generate(workload, variant)
        return measure(command, log=log, env=self._environment(variant, cache), watched=variant.watched)

    def _environment(self, variant: Variant, cache: Path) -> dict[str, str]:
        old = variant.name.startswith("before_")
        return {"PYTHONPATH": str(self.before if old and self.before else ROOT), "SYNTH_CACHE": str(cache)}

    def _synth(self, *words: str) -> list[str]:
        return [self.python, "-P", "-c", "import sys; from synth.cli import main; sys.exit(main())", *words]

    def _generate(self, workload: str, variant: Variant) -> list[str]:
        recipe = self.work / "workloads" / f"{workload}_{variant.recipe}.yaml"
        return self._synth("generate", str(recipe), "--out", str(self.out / "set"), "--jobs", str(variant.jobs))

    def _compile(self, variant: Variant) -> None:
        """Run a recipe of `synth` over three utterances: what is compiled at the first run is kept for all others."""
        mark = self.work / "compiled" / f"{variant.kind}_{variant.recipe}"
        if variant.kind not in ("synth", "before") or mark.exists():
            return
        few = replace(variant, jobs=1, warm=False, watched=False)
        self._measure("few", few, cache=self.work / "cache", clips=None)
        shutil.rmtree(self.out)
        self.out.mkdir()
        mark.parent.mkdir(exist_ok=True)
        mark.touch()

    def _cache(self, workload: str, variant: Variant) -> Path:
        """The cache folder of a run: an empty one, or the one that a run before it filled."""
        if not variant.warm:
            shutil.rmtree(self.work / "cache", ignore_errors=True)
            return self.work / "cache"
        cache = self.work / "warm" / f"{workload}_{variant.name}"
        if not cache.exists():
            cache.mkdir(parents=True)
            self._measure(workload, variant, cache=cache, clips=None)
            shutil.rmtree(self.out)
            self.out.mkdir()
        return cache

    def _finished(self, workload: str, variant: Variant) -> Path:
        """The data set of the basic recipe that the floor and `verify` read; made once."""
        maker = OLD_BASIC if variant == OLD_VERIFY else BASIC
        folder = self.work / "finished" / f"{workload}_{maker.name}"
        if not folder.exists():
            cache = self._cache(workload, maker)
            self._measure(workload, maker, cache=cache, clips=None)
            folder.parent.mkdir(exist_ok=True)
            (self.out / "set").rename(folder)
        return folder

    def check_before(self) -> None:
        """Refuse an older checkout that is not the one that would run."""
        if self.before is None:
            return
        code = "import synth; print(synth.__file__)"
        env = environment(PYTHONPATH=str(self.before))
        answer = subprocess.run([self.python, "-P", "-c", code], env=env, capture_output=True, text=True, check=False)
        if not answer.stdout.startswith(str(self.before)):
            raise SystemExit(
                f"--before {self.before}: Python imports synth from {answer.stdout.strip() or answer.stderr}"
            )

    def profile(self, recipe: str) -> dict[str, float]:
        """CPU ms per clip of each step of a worker, by profile_steps.py; empty if it fails."""
        path = self.work / "workloads" / f"long_{recipe}.yaml"
        command = [self.python, str(STEPS), str(path), "--clips", "600"]
        env = environment(PYTHONPATH=str(ROOT), SYNTH_CACHE=str(self.work / "cache"))
        answer = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        if answer.returncode:
            print(f"profile of {recipe} failed: {answer.stderr[-1000:]}", flush=True)
        return profile_rows(answer.stdout)

    # --- peers ---

    def _environment_of(self, name: str) -> Path:
        return self.work / "environments" / name

    def _peer_command(self, variant: Variant, *, speech: Path, copies: int) -> list[str]:
        name = peer_name(variant)
        script = PEERS / f"{SCRIPTS[name][0]}.py"
        python = self._environment_of(name) / "bin" / "python"
        extra = ["--pitch-tempo"] if variant.recipe == "pitch_tempo" else []
        words = [str(speech), str(self.work / "noise"), str(self.out), "--copies", str(copies), *extra]
        return [str(python), "-P", str(script), *words]

    def install(self, peers: Iterable[str]) -> list[str]:
        """Make an environment for each peer from its pins, as pip is configured; returns the peers that have one."""
        ready = []
        for name in peers:
            pins = PEERS / f"{SCRIPTS[name][0]}.txt"
            folder, digest = self._environment_of(name), hashlib.sha256(pins.read_bytes()).hexdigest()
            mark = folder / "pins"
            if not (mark.exists() and mark.read_text() == digest):
                print(f"{name}: installing {pins.relative_to(ROOT)}", flush=True)
                shutil.rmtree(folder, ignore_errors=True)
                subprocess.run([self.python, "-m", "venv", str(folder)], check=True)
                pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "-r", str(pins)]
                if subprocess.run(pip, env={**os.environ, "PYTHONPATH": ""}, check=False).returncode:
                    print(f"{name}: pip failed; {name} is not measured", flush=True)
                    continue
                self._warm_peer(name)
                mark.write_text(digest)
            ready.append(name)
        return ready

    def _warm_peer(self, name: str) -> None:
        """Run it once over three utterances: librosa compiles its functions at the first call and keeps them."""
        for variant in peer(name)[: 1 + SCRIPTS[name][1]]:
            shutil.rmtree(self.out, ignore_errors=True)
            self.out.mkdir()
            (self.work / "logs").mkdir(exist_ok=True)
            command = self._peer_command(variant, speech=self.work / "workloads" / "few", copies=1)
            measure(command, log=self.work / "logs" / f"warm_{variant.name}.log", env={"PYTHONPATH": ""})


def audio_hours(folder: Path) -> float:
    """Hours of audio in a folder of output."""
    import soundfile

    paths = [path for path in folder.rglob("*") if path.suffix in (".flac", ".wav")]
    return float(sum(soundfile.info(path).duration for path in paths)) / 3600


def profile_rows(text: str) -> dict[str, float]:
    """CPU ms per clip by step, from the table that profile_steps.py prints."""
    rows = re.findall(r"^\| (\S.*?) \| ([\d.]+) \| [\d.]+% \|$", text, re.MULTILINE)
    return {step: float(milliseconds) for step, milliseconds in rows}


def missing(results: Results, workload: str, variant: Variant, number: int) -> bool:
    """Whether this run was not measured yet."""
    return number not in results.of(workload, variant.name)
