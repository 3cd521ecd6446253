"""Does it help? Spoken digits in real car noise, recognised by small models trained on what different recipes make.

    python -m benchmarks.digits_in_car --speech FSDD --noise NOISE --out WORK [--docs docs] [--short]

FSDD: files of the Free Spoken Digit Dataset (7_name_12.wav or .flac). NOISE: a folder with the files of recordings.csv
somewhere in it. docs/proof.md says what is done and what came of it. Development looks at dev alone (--dev-only); test
is made once all recipes stand and their digest is that of registered.txt (--register writes it). Run again with the
same WORK, it goes on where it stopped.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from synth.errors import SynthError

from .experiment import (
    LADDERS,
    ROOT,
    Answers,
    Failed,
    Size,
    answer,
    make_dev,
    make_test,
)
from .ladder import Told, diagnosed
from .material import HERE, Audio, Missing, find_audio, fixed_digest
from .page import (
    STRONGER,
    TITLES,
    into_page,
    result_text,
    versions,
)
from .picture import errors_svg
from .statistics import counts
from .steadiness import steady_targets

SHORT = Size(seeds=(1,), alone=1, copies=1, fit_clips=200)
REGISTERED = HERE / "registered.txt"


def run(audio: Audio, work: Path, targets: Sequence[str], size: Size, jobs: int, docs: Path | None = None) -> str:
    """The whole experiment. Returns the result in Markdown; it is written to `work`, and into `docs` where asked."""
    begun = time.monotonic()
    os.environ.setdefault("SYNTH_CACHE", str(work / "cache"))
    _searched_by_workers()
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:  # a fork may copy a held lock
        list(pool.map(partial(_dev, audio, work, size), targets))
        if size.test:
            list(pool.map(partial(_test, work), targets))
        tasks = [(target, seed) for seed in size.seeds for target in targets]
        answers = list(pool.map(partial(_answer, audio, work, size, begun), tasks))
        firsts = [one for one in answers if one.seed == size.seeds[0]]
        asked = [(one, recipe) for recipe in LADDERS if recipe in size.recipes for one in firsts]
        ladders = list(pool.map(partial(_diagnosed, work), asked))
    split = "test" if size.test else "dev"
    made = versions(fixed_digest(), _seconds(work, time.monotonic() - begun), size)
    steady = steady_targets(audio, targets)
    text = result_text(answers, ladders, work, steady, made, split)
    picture = _picture(answers, split)
    for place in [work] if docs is None else [work, docs]:
        (place / "proof.svg").write_text(picture, encoding="utf-8")
    (work / "proof.md").write_text(text, encoding="utf-8")
    if docs is not None:
        into_page(docs / "proof.md", text)
    return text


def _dev(audio: Audio, work: Path, size: Size, target: str) -> None:
    if not (work / target / "dev_and_fit" / "fit.json").exists():  # the last that is made
        make_dev(audio, work, target, size)


def _test(work: Path, target: str) -> None:
    if not (work / target / "test_set" / "dataset.json").exists():
        make_test(work, target)


def _seconds(work: Path, more: float) -> float:
    """How long it took, with all the runs that this one went on from."""
    kept = work / "seconds.txt"
    total = more + (float(kept.read_text()) if kept.exists() else 0.0)
    kept.write_text(f"{total:.0f}\n")
    return total


def _searched_by_workers() -> None:
    """Processes that the program starts find `synth` and this package wherever they are started."""
    paths = [str(ROOT), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))


def _answer(audio: Audio, work: Path, size: Size, begun: float, task: tuple[str, int]) -> Answers:
    found = answer(audio, work, *task, size)
    split = "test" if size.test else "dev"
    told = [f"{recipe} {100 * found.wrong[recipe, STRONGER, split].mean():.1f}" for recipe in TITLES]
    print(f"{time.monotonic() - begun:5.0f} s  target {task[0]}, seed {task[1]}: {', '.join(told)}", file=sys.stderr)
    return found


def _diagnosed(work: Path, task: tuple[Answers, str]) -> Told:
    return diagnosed(task[0], task[1], STRONGER, work / "ladders")


def _picture(answers: Sequence[Answers], split: str) -> str:
    stronger, other = (counts(answers, model, split) for model in (STRONGER, "random"))
    note = f"Wrong digits on {split}, percent. Bars: model {STRONGER}; lines: SD over seeds; circles: model random"
    return errors_svg(stronger, other, TITLES, stronger.targets, note)


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path, required=True)
    parser.add_argument("--noise", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("proof_work"), help="a folder for what is made")
    parser.add_argument("--docs", type=Path, help="a folder with proof.md, into which the result is put")
    parser.add_argument("--targets", help="recordings, with commas; if left out all of a car of 10 s or more")
    parser.add_argument("--seeds", help="numbers with commas")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--short", action="store_true", help="two targets, one seed, one clip a take")
    parser.add_argument("--dev-only", action="store_true", help="never make test: errors are those on dev")
    parser.add_argument("--register", action="store_true", help="write down what is fixed, and stop")
    given = parser.parse_args(words)
    if given.register:
        REGISTERED.write_text(fixed_digest() + "\n")
        return 0
    size = SHORT if given.short else Size()
    size = replace(size, test=not given.dev_only)
    if given.seeds:
        size = replace(size, seeds=tuple(map(int, given.seeds.split(","))))
    if size.test and fixed_digest() != REGISTERED.read_text().strip():
        print("recipes or models are not those of registered.txt: test stays closed (--dev-only; then --register)")
        return 2
    try:
        audio = find_audio(given.speech, given.noise)
        targets = given.targets.split(",") if given.targets else (["A", "D"] if given.short else audio.targets)
        given.out.mkdir(parents=True, exist_ok=True)
        print(run(audio, given.out.absolute(), targets, size, given.jobs, given.docs))
    except (Missing, Failed, SynthError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0
