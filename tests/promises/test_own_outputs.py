"""Issue 10, item 1: what each command writes is noted, so that the same command may write it again until it is edited."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from synth.commands.generate import Listeners, generate
from synth.commands.replay import replay
from synth.errors import UsageError
from tests.helpers import rows_of, run_synth
from tests.small_set import make_sources


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sources, a data set of FLAC `set`, and lists about its clips."""
    folder = tmp_path_factory.mktemp("own")
    generate(make_sources(folder), folder / "set")
    ids = [row["id"] for row in rows_of(folder / "set" / "manifest.jsonl")]
    scores = "".join(f"{name},{k % 2},4\n" for k, name in enumerate(ids))
    (folder / "scores.csv").write_text(f"id,errors,words\n{scores}")
    classes = "".join(f"{name},{'ab'[k % 2]},0.{9 - k},0.{1 + k}\n" for k, name in enumerate(ids))
    (folder / "classes.csv").write_text(f"id,reference,p_a,p_b\n{classes}")
    (folder / "fix.csv").write_text(f"id,text\n{ids[0]},new words\n")
    (folder / "clip.txt").write_text(ids[0])
    return folder


COMMANDS = {
    "init OUT --speech W/speech --noise W/noise": "recipe.yaml",
    "grow --method cabin --minutes 0.01 --sample-rate 8000 --out OUT": "metadata.csv",
    "replay W/set CLIP --out OUT.flac": "",
    "noise W/noise --sample-rate 8000 --html OUT.html": "",
    "profile W/speech --out OUT.profile": "",
    "diagnose --human 1 --train 5 --dev 9 --n 500 --html OUT.html": "",
    "errors sample W/scores.csv --manifest W/set --n 2 --out OUT.csv": "",
    "errors mislabeled W/classes.csv --out OUT.csv": "",
    "errors correct W/fix.csv --manifest W/set --out OUT.jsonl": "",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_writes_again_until_its_output_is_edited(work: Path, tmp_path: Path, command: str) -> None:
    """D1, D2"""
    clip = (work / "clip.txt").read_text()
    words = [
        word.replace("W/", f"{work}/").replace("OUT", f"{tmp_path}/out").replace("CLIP", clip)
        for word in command.split()
    ]
    out = next(Path(word) for word in words if word.startswith(f"{tmp_path}/out"))
    file = out / COMMANDS[command] if COMMANDS[command] else out
    contents = []
    for _ in range(2):
        run = run_synth(*words)
        assert run.returncode == 0, run.stderr
        contents.append(file.read_bytes())
    assert contents[0] == contents[1]
    file.write_bytes(contents[0] + b"\n")
    refused = run_synth(*words)
    assert refused.returncode == 2 and "is not an unchanged" in refused.stderr, refused.stderr
    assert file.read_bytes() == contents[0] + b"\n"


def test_grow_writes_over_its_own_folder_and_leaves_no_file_of_before(tmp_path: Path) -> None:
    words = ["grow", "--method", "cabin", "--sample-rate", "8000", "--file-seconds", "0.5"]
    for minutes, count in (("0.03", 4), ("0.01", 2)):
        run = run_synth(*words, "--minutes", minutes, "--out", tmp_path / "grown")
        assert run.returncode == 0, run.stderr
        assert len(list((tmp_path / "grown").glob("*.flac"))) == count


def test_replay_writes_no_flac_under_another_name(work: Path, tmp_path: Path) -> None:
    """D16"""
    clip = (work / "clip.txt").read_text()
    for name in ("clip.wav", "clip"):
        with pytest.raises(UsageError) as caught:
            replay(work / "set", clip, tmp_path / name)
        assert str(caught.value) == (
            f"--out {tmp_path}/{name}: the clips of this data set are FLAC, and replay writes the same bytes; name a file "
            f"that ends in .flac, such as {tmp_path}/clip.flac"
        )
    assert list(tmp_path.iterdir()) == []
    assert replay(work / "set", clip, tmp_path / "clip.FLAC").same is True


def test_an_output_is_refused_before_the_audio_is_looked_at(work: Path, tmp_path: Path) -> None:
    """D17: a folder that is in use was found after scan and plan."""
    scanned: list[str] = []
    with pytest.raises(UsageError, match="an input of this command"):
        generate(
            work / "recipe.yaml",
            work / "noise",
            listeners=Listeners(scan=lambda what, count, total: scanned.append(what)),
        )
    assert scanned == []
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "x").write_text(json.dumps({}))
    with pytest.raises(UsageError, match=r"this folder holds files \(x\) but no data set that synth has begun"):
        generate(work / "recipe.yaml", tmp_path / "out")
