"""docs/matching.md, run: the fixtures play the real audio, the speech and the noise."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from synth.commands.generate import generate
from tests.helpers import FIXTURES, ROOT, rows_of, run_synth

SECRET = """\
seed: 5
copies: 2
speech: {{sources: '{folder}/their_speech'}}
margins_s: [0.3, 0.5]
noise:
  snr_db: {{normal: [3, 2.5], clip: [-4, 11]}}
  layers: [{{name: car, sources: '{folder}/their_noise', min_recordings: 1}}]
level_dbfs: [-30, -26]
"""


def _sounds(folder: Path) -> None:
    """Half of the speakers and a third of the cars are the target's."""
    for k, speaker in enumerate(sorted(p for p in (FIXTURES / "speech").iterdir() if p.is_dir())):
        shutil.copytree(speaker, folder / ("their_speech" if k % 2 else "our_speech") / speaker.name)
    for k, car in enumerate(sorted((FIXTURES / "noise" / "car").glob("*.flac"))):
        side = folder / ("our_noise" if k % 3 else "their_noise")
        side.mkdir(exist_ok=True)
        shutil.copyfile(car, side / car.name)


def test_every_command_of_the_page_works(tmp_path: Path) -> None:
    """With 50 clips a round in place of 500."""
    _sounds(tmp_path)
    (tmp_path / "secret.yaml").write_text(SECRET.format(folder=tmp_path))
    generate(tmp_path / "secret.yaml", tmp_path / "target")
    page = (ROOT / "docs" / "matching.md").read_text(encoding="utf-8")
    lines = "".join(re.findall(r"^```sh\n(.*?)^```", page, re.DOTALL | re.MULTILINE)).splitlines()
    assert len(lines) == 8
    places = {"DEV_DIR": "target", "SPEECH_DIR": "our_speech", "NOISE_DIR": "our_noise"}
    for line in lines:
        words = [places.get(word, word) for word in line.split()[1:]]
        done = run_synth(*words, *(("--clips", "50") if words[0] == "fit" else ()), cwd=tmp_path)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    rows = rows_of(tmp_path / "data/matched/manifest.jsonl")
    assert {"matched", "wide", "edge"} == {row["condition"] for row in rows}
    assert "matched" not in {name.name for name in (tmp_path / "passed_on").iterdir()}
    assert not (tmp_path / "passed_on" / "cases.csv").exists()
