"""docs/splitting.md, run: speakers of the fixtures play the target's drives."""

from __future__ import annotations

import csv
import re
import shutil
from pathlib import Path

from tests.helpers import FIXTURES, ROOT, rows_of, run_synth

PAGE = (ROOT / "docs" / "splitting.md").read_text(encoding="utf-8")
DRIVERS = ("ada", "ben", "clara", "dev", "ewan", "fay")
PLACES = {"TARGET_DIR": "target", "SPEECH_DIR": "clean", "NOISE_DIR": "noise"}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def drive(folder: Path, speakers: tuple[str, ...]) -> None:
    """Two sessions of each speaker, in the list that the page shows."""
    clips = sorted(path for name in speakers for path in (FIXTURES / "speech" / name).glob("*.flac"))
    lines = [["path", "text", "speaker", "session"]]
    for k, path in enumerate(clips):
        session = f"{path.parent.name}_{k % 2}"
        (folder / session).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, folder / session / path.name)
        lines.append([f"{session}/{path.name}", "turn left", path.parent.name, session])
    with (folder / "metadata.csv").open("w", newline="") as file:
        csv.writer(file).writerows(lines)


def test_every_command_of_the_page_works(tmp_path: Path) -> None:
    assert blocks("csv")[0].splitlines()[0] == "path,text,speaker,session"
    drive(tmp_path / "target", DRIVERS[:5])
    shutil.copytree(FIXTURES / "speech" / "iris", tmp_path / "clean")
    (tmp_path / "noise").mkdir()
    for path in sorted((FIXTURES / "noise" / "car").glob("*.flac"), key=lambda path: path.stat().st_size)[:8]:
        shutil.copyfile(path, tmp_path / "noise" / path.name)
    recipe = blocks("yaml")[0]
    for name, path in PLACES.items():
        recipe = recipe.replace(name, path)
    (tmp_path / "recipe.yaml").write_text(recipe)
    lines = "".join(blocks("sh")).splitlines()
    assert len(lines) == 4
    for line in lines:
        if "--keep" in line:
            drive(tmp_path / "target", DRIVERS)
        words = [PLACES.get(word, word).replace("2000", "12") for word in line.split()[1:]]
        done = run_synth(*words, cwd=tmp_path)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        if words[0] == "plan":
            assert "clips        12 (" in done.stdout, done.stdout
    before, after = (
        {
            row["audio_filepath"]: name
            for name in ("dev", "test", "train")
            for row in rows_of(tmp_path / folder / f"{name}.jsonl")
        }
        for folder in ("splits", "splits_2")
    )
    assert [list(before.values()).count(name) for name in ("dev", "test", "train")] == [12, 12, 6]
    assert len(after) == 36
    assert all(after[path] == name for path, name in before.items())
