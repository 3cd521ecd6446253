"""docs/train_with/, run: every command and every file of code of every page, with the real toolkit.

The pages whose code needs torch are run by the long form (SYNTH_LONG=1). A page is followed line by line in a folder where
`synth` is the repository; cloning and installing are compared with what the environment holds.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shlex
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.consumers.environments import FOLDER, environment_variables, python_of
from tests.helpers import ROOT, rows_of, run_synth

PAGES: Final = sorted((ROOT / "docs" / "train_with").glob("*.md"))
ENVIRONMENTS: Final = {
    "pytorch": ["torch"],
    "lhotse_and_icefall": ["torch"],
    "nemo": ["torch"],
    "espnet": ["torch"],
    "speechbrain": ["torch"],
    "hugging_face": ["light", "torch"],
    "kaldi": ["light"],
}
"""Pages and the environments that run them. Without torch, files that import it are passed over."""
STAND_INS: Final = {"nemo": "nemo_parts", "espnet": "espnet_parts", "speechbrain": "torchaudio_stub"}
"""Modules of readers/ that let the files of a toolkit be imported without all that the toolkit asks for."""
NOT_INSTALLED: Final = {"nemo-toolkit[asr]": "nemo-toolkit"}
"""What a page installs, and what the environment has of it."""
SET_UP: Final = ["git clone REPOSITORY synth", "python3 -m venv env && . env/bin/activate"]
MOST_LINES: Final = 20


@dataclass(frozen=True)
class Block:
    """A fenced block: its language and its text."""

    language: str
    text: str

    @property
    def file(self) -> str | None:
        """The file that the first line names, as `# train.py` does."""
        name = re.match(r"# ([\w.-]+\.\w+)\n", self.text)
        return name[1] if name else None


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [Block(*match) for match in re.findall(r"^```(\w+)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)]


def lines_of_code(text: str) -> int:
    return sum(bool(line.strip()) and not line.lstrip().startswith("#") for line in text.splitlines())


def packages(line: str) -> list[str]:
    """What `pip install` is asked for, without synth itself."""
    return [word.replace("_", "-") for word in shlex.split(line)[2:] if not word.startswith(("./synth", "-"))]


def pinned(environment: str) -> set[str]:
    """Names of the packages that an environment is made of."""
    texts = [path.read_text(encoding="utf-8") for path in (FOLDER / "pins").glob(f"{environment}.*")]
    return {name.replace("_", "-") for text in texts for name in re.findall(r"^([\w.-]+)(?:==|$)", text, re.MULTILINE)}


def run(command: list[str], cwd: Path, environment: str) -> str:
    """Run a program of the environment as a person does who has installed synth into it; return what it prints."""
    python = python_of(environment)
    ours = [str(cwd / "stand-ins"), str(FOLDER / "readers")]
    if environment == "torch":
        ours += [str(ROOT), sysconfig.get_path("purelib")]
    env = environment_variables() | {
        "PYTHONPATH": os.pathsep.join(ours),
        "PATH": f"{python.parent}:{os.environ['PATH']}",
    }
    env |= {"SYNTH_CACHE": os.environ["SYNTH_CACHE"]}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout[-2000:]}{done.stderr[-6000:]}"
    return done.stdout


def follow(name: str, environment: str, folder: Path) -> dict[str, str]:
    """Do what a page says; return what each command printed."""
    assert environment in ENVIRONMENTS[name]
    python_of(environment)
    (folder / "synth").symlink_to(ROOT)
    (folder / "stand-ins").mkdir()
    if name in STAND_INS:
        (folder / "stand-ins" / "sitecustomize.py").write_text(f"import {STAND_INS[name]}\n")
    page, printed, passed_over = ROOT / "docs" / "train_with" / f"{name}.md", {}, set()
    for block in blocks_of(page):
        if block.file:
            (folder / block.file).write_text(block.text, encoding="utf-8")
            if environment == "light" and re.search("^(import|from) torch", block.text, re.MULTILINE):
                passed_over.add(block.file)
        if block.language != "sh":
            continue
        for line in filter(None, block.text.replace("\\\n", " ").splitlines()):
            words = shlex.split(line, comments=True)
            if line in SET_UP:
                continue
            if words[:2] == ["pip", "install"]:
                wanted = {NOT_INSTALLED.get(package, package) for package in packages(line)}
                assert wanted - {"torch"} <= pinned(environment), line
            elif words[0] == "synth":
                done = run_synth(*words[1:], cwd=folder)
                assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
                printed[line] = done.stdout
            elif not passed_over & set(words):
                printed[line] = run(["bash", "-c", line], folder, environment)
    return printed


def test_every_page_has_an_environment() -> None:
    assert {page.stem for page in PAGES} == set(ENVIRONMENTS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_sets_up_everything_it_uses(page: Path) -> None:
    """Cloning, an environment, installing, a data set: in this order, before any code."""
    first = blocks_of(page)[0]
    lines = first.text.splitlines()
    assert first.language == "sh"
    assert lines[:2] == SET_UP
    assert lines[2].startswith(("pip install './synth[export]'", "pip install ./synth "))
    assert any(line.startswith("synth generate") for line in lines)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_first_training_step_takes_twenty_lines(page: Path) -> None:
    sizes = [lines_of_code(block.text) for block in blocks_of(page) if block.language == "python"]
    assert sizes
    assert max(sizes) <= MOST_LINES


def test_pytorch(tmp_path: Path) -> None:
    """The loss falls over a data set, and over a plan of the recipe that renders while it trains."""
    printed = follow("pytorch", "torch", tmp_path)
    once, longer = ([float(word) for word in printed[f"python {name}.py"].split()] for name in ("train", "on_the_fly"))
    steps = len(once)
    assert steps == 6  # 42 clips of the split
    epochs = [sum(longer[k : k + steps]) / steps for k in range(0, len(longer), steps)]
    assert len(epochs) == 6  # one in the module, two, then three over the plan
    assert epochs[2] < epochs[0]  # over the data set
    assert epochs[5] < epochs[3] < epochs[2]  # over the plan


def losses(printed: dict[str, str], command: str = "python train.py") -> list[float]:
    return [float(line.split()[-1]) for line in printed[command].splitlines()]


def test_hugging_face(tmp_path: Path) -> None:
    """What can be done without torch: the export is loaded, and a clip decoded."""
    printed = follow("hugging_face", "light", tmp_path)
    counts, clip = printed["python look.py"].splitlines()
    assert counts == str({"train": 42, "train_dev": 12, "train_dev_noise": 6})
    row = json.loads((tmp_path / "data/augmented/train.jsonl").read_text().split("\n")[0])
    assert clip.startswith(f"{row['id']} {row['text']} ")
    assert clip.endswith(f"({row['num_samples']},) 16000")


def test_hugging_face_with_torch(tmp_path: Path) -> None:
    assert len(losses(follow("hugging_face", "torch", tmp_path))) == 6


def test_nemo(tmp_path: Path) -> None:
    printed = follow("nemo", "torch", tmp_path)
    seconds = sum(row["duration"] for row in rows_of(tmp_path / "data/augmented/train.jsonl"))
    assert len(losses(printed)) >= seconds / 20


def test_lhotse_and_icefall(tmp_path: Path) -> None:
    printed = follow("lhotse_and_icefall", "torch", tmp_path)
    rows = rows_of(tmp_path / "data/augmented/train.jsonl")
    seconds = sum(row["speech"]["num_samples"] / row["sampling_rate"] for row in rows)
    assert len(losses(printed)) >= seconds / 20
    with gzip.open(tmp_path / "data/fbank/incar_cuts_train.jsonl.gz", "rt") as file:
        assert len(list(file)) == len(rows)


def test_speechbrain(tmp_path: Path) -> None:
    first, _, last = losses(follow("speechbrain", "torch", tmp_path))
    assert last < first


def test_espnet(tmp_path: Path) -> None:
    printed = follow("espnet", "torch", tmp_path)
    assert len(losses(printed)) == 6
    (espnet3,) = [output for command, output in printed.items() if command.startswith("python -c")]
    assert espnet3.strip() == "42 ['speech', 'text']"


def test_kaldi(tmp_path: Path) -> None:
    printed = follow("kaldi", "light", tmp_path)
    rows = {f"{row['speaker']}-{row['id']}": row for row in rows_of(tmp_path / "data/augmented/train.jsonl")}
    lines = [line.split(" ", 3) for line in printed["python look.py"].splitlines()]
    assert {key: (int(rate), int(length), text) for key, rate, length, text in lines} == {
        key: (row["sampling_rate"], row["speech"]["num_samples"], row["text"]) for key, row in rows.items()
    }
