"""The six steps of CONTRIBUTING.md, walked: its blocks are applied to a copy of the package, and a clip has the new sound."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.helpers import FIXTURES, ROOT

PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
STEPS = PAGE[PAGE.index("## Add an effect in six steps") :].split("\n## ")[0]

RECIPE = f"""
schema: 1
sample_rate: 16000
speech:
  sources: [{{name: spoken, path: '{FIXTURES}/speech/ada'}}]
margins_s: 0.2
channel: [CHANNEL]
"""


def blocks(language: str) -> dict[str, list[str]]:
    """File -> lines of the block that begins with its name in a comment."""
    found = re.findall(rf"^```{language}\n# (\S+)\n(.*?)^```", STEPS, re.DOTALL | re.MULTILINE)
    return {name: text.splitlines() for name, text in found}


def patched(lines: list[str], patch: list[str]) -> list[str]:
    """`lines` with the `+` lines of the patch behind the context before them; ` ...` is a gap.

    Comments of the context do not count. Raises ValueError if the context is not there.
    """
    result, at = list(lines), 0
    for line in patch:
        if line == " ...":
            continue
        if line.startswith("+"):
            result.insert(at, line[1:])
            at += 1
        else:
            at = [text.split("  #")[0].rstrip() for text in result].index(line[1:], at) + 1
    return result


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package and of its tests with all six steps applied."""
    root = tmp_path_factory.mktemp("effect")
    for name in ("synth", "tests", "recipes"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "broken"))
    (root / "fixtures").symlink_to(FIXTURES)
    for name, lines in blocks("python").items():
        assert not (root / name).exists(), f"{name} is there already; choose another example"
        (root / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name, patch in blocks("diff").items():
        path = root / name
        path.write_text(
            "\n".join(patched(path.read_text(encoding="utf-8").splitlines(), patch)) + "\n", encoding="utf-8"
        )
    return root


def run(copy: Path, *words: str) -> str:
    env = {**os.environ, "PYTHONPATH": str(copy)}
    done = subprocess.run([sys.executable, *words], cwd=copy, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def synth(copy: Path, *words: str) -> str:
    return run(copy, "-c", "from synth.cli import main; main()", *words)


def test_the_page_has_six_steps_with_code_in_style(copy: Path) -> None:
    assert re.findall(r"^\*\*(\d)\. ", STEPS, re.MULTILINE) == list("123456")
    assert list(blocks("python")) == ["synth/dsp/effects/dc_offset.py", "tests/dsp/effects/test_dc_offset.py"]
    changed = [name for name in (*blocks("python"), *blocks("diff")) if name.endswith(".py")]
    config = ["--config", str(ROOT / "pyproject.toml"), "--no-cache"]
    run(copy, "-m", "ruff", "check", *config, *changed)
    run(copy, "-m", "ruff", "format", "--check", *config, *changed)


def test_the_tests_that_the_steps_name_pass_in_the_copy(copy: Path) -> None:
    files = ["tests/dsp/effects/test_dc_offset.py", "tests/dsp/effects/test_effect.py", "tests/render/test_clip.py"]
    run(
        copy,
        "-m",
        "pytest",
        "-q",
        "-c",
        os.devnull,
        "--rootdir",
        ".",
        "--import-mode=importlib",
        "-k",
        "dc_offset or DcOffset or every_effect",
        *files,
    )
    text = (copy / "recipes" / "reference.yaml").read_text(encoding="utf-8")
    assert "- dc_offset:" in text


def test_the_new_key_is_in_the_schema(copy: Path) -> None:
    schema = json.loads(synth(copy, "schema"))
    assert "dc_offset" in json.dumps(schema["$defs"]["effect"])
    assert "dc_offset" not in (ROOT / "recipes" / "recipe.schema.json").read_text(encoding="utf-8")


def test_a_clip_has_the_new_sound_and_its_manifest_says_so(copy: Path, tmp_path: Path) -> None:
    clips = []
    for name, channel in (("without", ""), ("with", "{dc_offset: 0.02}")):
        recipe = tmp_path / f"{name}.yaml"
        recipe.write_text(RECIPE.replace("CHANNEL", channel), encoding="utf-8")
        synth(copy, "--quiet", "generate", str(recipe), "--out", str(tmp_path / name), "--jobs", "1")
        row = json.loads((tmp_path / name / "manifest.jsonl").read_text(encoding="utf-8").splitlines()[0])
        clips.append((row, soundfile.read(tmp_path / name / row["audio_filepath"])[0]))
    (before, plain), (after, moved) = clips
    assert before["id"] == after["id"]
    assert before["channel"] == []
    assert after["channel"] == [{"level": 0.02, "name": "dc_offset"}]
    np.testing.assert_allclose(moved - plain, 0.02, atol=1.1 / 32768)


def test_a_step_that_does_not_fit_the_code_is_noticed() -> None:
    with pytest.raises(ValueError, match="not in list"):
        patched(["a", "b"], [" c", "+d"])
    assert patched(["a", "b", "c"], [" a", "+x", " ...", " c", "+y"]) == ["a", "x", "b", "c", "y"]
