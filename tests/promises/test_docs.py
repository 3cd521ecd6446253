"""What the documents say is run: the commands of the README, its exit codes and manifest keys, every recipe, the scripts."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from synth import errors
from synth.recipe.load import load_recipe
from synth.recipe.resolved import dump_resolved
from synth.recipe.schema import json_schema
from tests.helpers import run_synth

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
NOISE_PAGE, SET_PAGE, LINE_PAGE = (
    (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8") for name in ("noise", "data_set", "command_line")
)
PAGES = README + NOISE_PAGE + LINE_PAGE  # in the order in which their commands are run
RECIPES = sorted((ROOT / "recipes").glob("*.yaml"))
SPEECH, NOISE = ROOT / "fixtures" / "speech", ROOT / "fixtures" / "noise" / "car"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGES, re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    """The lines of the pages' shell blocks, without comments."""
    lines = "".join(blocks("sh")).splitlines()
    return [line.split(" #")[0].strip() for line in lines if line.strip()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder with a `synth` of this Python in its bin/."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "bin").mkdir()
    program = folder / "bin" / "synth"
    start = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from synth.cli import main; sys.exit(main())"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{start}" "$@"\n')
    program.chmod(0o755)
    return folder


def run(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A line as bash runs it; plain commands of `synth` skip bash and the start of an interpreter."""
    words = shlex.split(line)
    if words[0] == "synth" and not set(line) & set("$|&;<>*`"):
        return run_synth(*words[1:], env={"SYNTH_CACHE": str(folder / "cache")}, cwd=folder)
    env = os.environ | {
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "SYNTH_CACHE": str(folder / "cache"),
    }
    return subprocess.run(["bash", "-c", line], cwd=folder, env=env, capture_output=True, text=True, check=False)


def first_row(data_set: Path) -> dict[str, object]:
    row: dict[str, object] = json.loads((data_set / "manifest.jsonl").read_text(encoding="utf-8").splitlines()[0])
    return row


def filled_in(line: str, folder: Path) -> str:
    """The command with fixtures/ for one's own audio, and a clip that there is."""
    if "CLIP_ID" in line:
        line = line.replace("CLIP_ID", str(first_row(folder / "data" / "augmented")["id"]))
    return line.replace("SPEECH_DIR", str(SPEECH)).replace("NOISE_DIR", str(NOISE))


@pytest.fixture(scope="module")
def augmented(folder: Path) -> Path:
    """The commands of the pages, run one after the other; each must exit with 0."""
    for line in commands():
        if not line.startswith("./"):
            done = run(filled_in(line, folder), folder)
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return folder / "data" / "augmented"


def test_the_commands_of_the_readme_work(augmented: Path) -> None:
    listed = {path.name for path in augmented.iterdir()}
    assert {"dataset.json", "recipe.yaml", "manifest.jsonl", "quarantine.jsonl", "audio", ".synth"} <= listed
    assert (augmented.parent.parent / "clip.flac").read_bytes() == (
        augmented / str(first_row(augmented)["audio_filepath"])
    ).read_bytes()


def test_parts_of_the_readme_make_the_same_data_set(augmented: Path) -> None:
    parts = augmented.parent / "parts"
    for name in ("manifest.jsonl", "quarantine.jsonl", "dataset.json", "recipe.yaml"):
        assert (parts / name).read_bytes() == (augmented / name).read_bytes()


def test_the_python_of_the_pages_works(augmented: Path, folder: Path) -> None:
    programs = blocks("python")
    assert len(programs) == 2
    for program in programs:
        (folder / "example.py").write_text(program)
        process = run(f"PYTHONPATH={ROOT} {sys.executable} example.py", folder)
        assert process.returncode == 0, process.stderr
        assert process.stdout.strip()


def test_the_recipe_of_the_readme_is_read(tmp_path: Path) -> None:
    (text,) = re.findall(r"^```yaml\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    (tmp_path / "recipe.yaml").write_text("seed: 1\n" + text)
    recipe = load_recipe(tmp_path / "recipe.yaml")
    assert [effect.name for effect in recipe.speech.effects] == ["speed", "pitch"]


def test_the_manifest_table_names_exactly_the_keys_of_a_row(augmented: Path) -> None:
    section = SET_PAGE.split("| keys | meaning |")[1].split("\n\n")[0]
    named = {
        key for row in section.splitlines() for key in re.findall(r"`(\w+)`", row.split("|")[1] if "|" in row else "")
    }
    assert named == set(first_row(augmented))


def test_exit_codes_are_those_of_the_error_tree() -> None:
    section = LINE_PAGE.split("| exit code | meaning |")[1].split("\n\n")[0]
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)}
    raised = {
        kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.SynthError) and kind is not errors.BadInput
    }
    assert told == raised | {0}


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.name)
def test_every_recipe_loads(path: Path) -> None:
    recipe = load_recipe(path)
    assert recipe.noise is not None
    assert recipe.seed >= 0


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.name)
def test_every_recipe_plans(path: Path, folder: Path) -> None:
    done = run(f"synth plan {path}", folder)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.name)
def test_every_recipe_names_its_schema_and_follows_it(path: Path) -> None:
    import jsonschema
    import yaml

    text = path.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=recipe.schema.json\n")
    jsonschema.Draft202012Validator(json_schema()).validate(yaml.safe_load(text))


def test_the_committed_schema_is_the_one_that_synth_prints() -> None:
    committed = json.loads((ROOT / "recipes" / "recipe.schema.json").read_text(encoding="utf-8"))
    assert committed == json_schema(), "run `synth schema > recipes/recipe.schema.json`"


def keys_of(value: object, at: str = "") -> set[str]:
    """Every path of keys in a resolved recipe; positions in lists do not count."""
    if isinstance(value, dict):
        return {f"{at}{key}" for key in value}.union(*(keys_of(part, f"{at}{key}.") for key, part in value.items()))
    return set().union(*(keys_of(part, at) for part in value)) if isinstance(value, list) else set()


def test_the_reference_recipe_has_every_key() -> None:
    """What the defaults would fill in is all written out, or named in a comment."""
    import yaml

    path = ROOT / "recipes" / "reference.yaml"
    text = path.read_text(encoding="utf-8")
    every = keys_of(yaml.safe_load(dump_resolved(load_recipe(path))))
    names = {key.rsplit(".", 1)[-1] for key in every}
    assert [name for name in sorted(names) if not re.search(rf"\b{re.escape(name)}\b", text)] == []


def test_the_reference_recipe_uses_every_effect() -> None:
    from synth.dsp.effects import EFFECTS

    text = (ROOT / "recipes" / "reference.yaml").read_text(encoding="utf-8")
    assert [name for name in EFFECTS if f"- {name}:" not in text] == []


def test_scripts_can_be_run() -> None:
    for name in ("demo", "check", ".ci/run"):
        assert os.access(ROOT / name, os.X_OK), name
        subprocess.run(["bash", "-n", str(ROOT / name)], check=True)
    assert [line for line in commands() if line.startswith("./")] == ["./demo", "./check"]


@pytest.mark.skipif(sys.prefix != str(ROOT / ".venv"), reason="needs the environment that ./check makes")
def test_the_demo_runs_and_runs_again(tmp_path: Path) -> None:
    env = os.environ | {"SYNTH_CACHE": str(tmp_path / "cache")}
    texts = []
    for _ in range(2):
        done = subprocess.run([ROOT / "demo", tmp_path / "demo"], env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        texts.append((tmp_path / "demo" / "manifest.jsonl").read_bytes())
    assert texts[0] == texts[1]
    assert len(texts[0].splitlines()) == 180
    assert f"The data set is in {tmp_path / 'demo'}:" in done.stdout


def test_constraints_hold_hashes_and_no_addresses() -> None:
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    pins = re.split(r"\n(?=[a-z])", text.split("\n", 1)[1])
    assert "://" not in text
    assert all("--hash=sha256:" in pin for pin in pins if re.match(r"[a-z][\w.-]*==", pin))


def test_fixtures_are_small_and_complete() -> None:
    files = [path for path in (ROOT / "fixtures").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sum(path.stat().st_size for path in files) < 8e6
    for table in (ROOT / "fixtures").rglob("metadata.csv"):
        listed = {line.split(",")[0] for line in table.read_text(encoding="utf-8").splitlines()[1:]}
        assert listed == {path.relative_to(table.parent).as_posix() for path in table.parent.rglob("*.flac")}
