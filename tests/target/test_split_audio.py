"""`synth split` and what is heard: near-duplicates, unusable audio, data sets of ours; and who takes its lists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf

from synth.errors import UsageError
from synth.match.dev_guard import refuse_test
from synth.match.sets import open_set
from synth.pipeline import generate
from tests.helpers import FIXTURES, fixture_recipe, needs_real_audio, real_audio, rows_of
from tests.target_lists import divide, listed, where


def spoken(seconds: float, which: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Speech of the fixtures, clips one after the other."""
    paths = sorted((FIXTURES / "speech").glob("*/*.flac"))[7 * which : 7 * which + 7]
    samples = np.concatenate([sf.read(path)[0] for path in paths])
    return np.asarray(samples[: round(16000 * seconds)])


def near_duplicates(tmp_path: Path) -> Path:
    """Eight sessions of two clips; 1 has a piece of a clip of 0 (softer, coded), 3 a short clip of 2 in another format."""
    audio = tmp_path / "audio"
    for session in range(8):
        (audio / f"s{session}").mkdir(parents=True)
        sf.write(audio / f"s{session}" / "long.flac", spoken(7.0, session), 16000)
        sf.write(audio / f"s{session}" / "short.flac", spoken(1.0, session), 16000)
    sf.write(audio / "s1" / "piece.ogg", 0.4 * spoken(7.0, 0)[20_000:100_000], 16000)
    sf.write(audio / "s3" / "same.wav", sf.read(audio / "s2" / "short.flac")[0], 16000, subtype="PCM_16")
    return audio


def test_near_duplicates_are_heard_and_stay_together(tmp_path: Path) -> None:
    audio = near_duplicates(tmp_path)
    for seed in range(4):
        report = divide(audio, tmp_path / f"s{seed}", duplicates=True, seed=seed, sizes={"dev": "4", "test": "4"})
        sides = where(tmp_path / f"s{seed}")
        assert sides["s0/long.flac"] == sides["s1/piece.ogg"]
        assert sides["s2/short.flac"] == sides["s3/same.wav"]
        assert report["groups"] == 6
    pairs = {(pair["first"], pair["second"]) for pair in report["near_duplicates"]}
    assert {("s0/long.flac", "s1/piece.ogg"), ("s2/short.flac", "s3/same.wav")} <= pairs
    deaf = divide(audio, tmp_path / "deaf", sizes={"dev": "4", "test": "4"})
    assert (deaf["groups"], deaf["near_duplicates_looked_for"]) == (8, False)


def test_unusable_audio_is_left_out_by_name(tmp_path: Path) -> None:
    audio = near_duplicates(tmp_path)
    (audio / "s4" / "torn.flac").write_bytes((audio / "s4" / "long.flac").read_bytes()[:50])
    rows = [{"path": p.relative_to(audio).as_posix(), "session": p.parent.name} for p in sorted(audio.glob("*/*"))]
    path = listed(audio, [*rows, {"path": "s9/none.wav", "session": "s9"}, {**rows[0], "offset": 60.0}])
    report = divide(path, tmp_path / "s", duplicates=True)
    codes = {one["path"]: one["code"] for one in report["refused"]}
    assert codes["s9/none.wav"] == "missing"
    assert codes[str(rows[0]["path"])] == "bad_row"
    assert "s4/torn.flac" in codes
    assert report["clips"] == len(rows) - 1


@needs_real_audio
def test_zones_of_one_recording_in_a_car_are_one_group(tmp_path: Path) -> None:
    """Six beams of a car heard the same words: files of their own, but one sound. Of the second recording, where one
    seat talks and the other beams suppress it, this does not hold: there a list must say what belongs together."""
    divide(real_audio() / "real_in_car", tmp_path / "s", duplicates=True, by=("file",))
    sides = where(tmp_path / "s")
    zones: dict[str, set[str]] = {}
    for path, side in sides.items():
        zones.setdefault(path.rsplit("_zone", 1)[0], set()).add(side)
    assert len(sides) == 18
    assert [len(found) for _, found in sorted(zones.items())][::2] == [1, 1]


def test_a_data_set_of_ours_is_refused_by_any_name(tmp_path: Path) -> None:
    listed(tmp_path, [{"path": f"{FIXTURES}/speech/ada/ada_{k}.flac"} for k in (1, 2)], "two.jsonl")
    source = f"{{path: '{FIXTURES}/speech', manifest: '{tmp_path}/two.jsonl'}}"
    generate(fixture_recipe(tmp_path, speech=f"speech:\n  sources: [{source}]"), tmp_path / "data")
    stray = listed(
        tmp_path / "lists", [{"path": "../data/" + r["audio_filepath"]} for r in rows_of(tmp_path / "data/train.jsonl")]
    )
    for path in (tmp_path / "data", tmp_path / "data/audio", tmp_path / "data/manifest.jsonl", stray):
        with pytest.raises(UsageError, match="is a synthesised data set, made by `synth generate`"):
            divide(path, tmp_path / "s")


def test_other_commands_take_the_lists(tmp_path: Path) -> None:
    divide(FIXTURES / "speech", tmp_path / "splits", sizes={"dev": "40%", "test": "40%"})
    dev, test = (open_set(tmp_path / "splits" / f"{name}.jsonl") for name in ("dev", "test"))
    assert all((dev.root / clip.path).is_file() for clip in dev.clips)
    with pytest.raises(UsageError, match="test data by its name"):
        refuse_test(tmp_path / "splits" / "test.jsonl")
    assert {clip.split for clip in test.clips} == {"test"}
    source = f"{{name: target, path: '{FIXTURES}/speech', manifest: '{tmp_path}/splits/train.jsonl'}}"
    recipe = fixture_recipe(tmp_path, speech=f"speech:\n  sources: [{source}]")
    generate(recipe, tmp_path / "data")
    rows, train = rows_of(tmp_path / "data" / "train.jsonl"), rows_of(tmp_path / "splits" / "train.jsonl")
    assert {row["source"]["path"] for row in rows} == {row["audio_filepath"] for row in train}
