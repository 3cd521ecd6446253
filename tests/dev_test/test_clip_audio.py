"""`synth split` and what is heard: near-duplicates, unusable audio, data sets of ours; and who takes its lists."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf

from synth.catalog.near_duplicates import near_duplicates
from synth.commands.generate import generate
from synth.dev_test.clip_audio import StoredFingerprints, find_same_sound, measure_clips
from synth.dev_test.real_set import open_real_set
from synth.errors import BadInput, UsageError
from synth.match.fit.guards import refuse_test_set
from synth.match.measure.audio_set import open_set
from tests.helpers import FIXTURES, fixture_recipe, needs_real_audio, real_audio, rows_of
from tests.target_lists import divide, listed, where


def spoken(seconds: float, which: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Speech of the fixtures, clips one after the other."""
    paths = sorted((FIXTURES / "speech").glob("*/*.flac"))[7 * which : 7 * which + 7]
    samples = np.concatenate([sf.read(path)[0] for path in paths])
    return np.asarray(samples[: round(16000 * seconds)])


def with_copies(tmp_path: Path) -> Path:
    """Eight sessions of two clips; 1 has a piece of a clip of 0 (softer, coded), 3 a short clip of 2 in another format."""
    audio = tmp_path / "audio"
    for session in range(8):
        (audio / f"s{session}").mkdir(parents=True)
        sf.write(audio / f"s{session}" / "long.flac", spoken(7.0, session), 16000)
        sf.write(audio / f"s{session}" / "short.flac", spoken(1.0, session), 16000)
    sf.write(audio / "s1" / "piece.ogg", 0.4 * spoken(7.0, 0)[20_000:100_000], 16000)
    sf.write(audio / "s3" / "same.wav", sf.read(audio / "s2" / "short.flac")[0], 16000, subtype="PCM_16")
    for path in audio.glob("*/*"):
        os.utime(path, (1e9, 1e9))  # what has just been written is not remembered
    return audio


def test_near_duplicates_are_heard_and_stay_together(tmp_path: Path) -> None:
    audio = with_copies(tmp_path)
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


def test_the_same_silence_after_different_words_is_no_bond(tmp_path: Path) -> None:
    """As a codec leaves it: 60 dB below the words, and the same in each clip."""
    hiss = np.random.Generator(np.random.Philox(key=[5, 1])).standard_normal(6 * 16000) * 3e-5
    for k in range(2):
        words = np.concatenate([spoken(1.5, k), np.zeros(6 * 16000)])
        words[-len(hiss) :] += hiss
        sf.write(tmp_path / f"{k}.wav", words, 16000, subtype="PCM_24")
    rows = open_real_set(tmp_path).rows
    heard = [
        one
        for one in measure_clips(rows, str(tmp_path), cache=tmp_path / "c", fingerprints=True)
        if not isinstance(one, BadInput)
    ]
    assert len(near_duplicates(StoredFingerprints(heard, tmp_path / "c"))) == 1
    assert find_same_sound(heard, tmp_path / "c") == ()


def test_unusable_audio_is_left_out_by_name(tmp_path: Path) -> None:
    audio = with_copies(tmp_path)
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


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Speech of the fixtures divided into splits/, and a data set in data/ whose one source is the training share."""
    folder = tmp_path_factory.mktemp("made")
    divide(FIXTURES / "speech", folder / "splits", sizes={"dev": "40%", "test": "40%"})
    source = f"{{name: target, path: '{FIXTURES}/speech', manifest: splits/train.jsonl, unchanged: true}}"
    noise = f"  layers: [{{name: car, sources: [{{path: '{FIXTURES}/noise/rain'}}], min_recordings: 1}}]"
    generate(fixture_recipe(folder, speech=f"speech:\n  sources: [{source}]", layers=noise), folder / "data")
    return folder


def test_a_recipe_takes_the_training_share_unchanged(made: Path) -> None:
    rows, train = rows_of(made / "data" / "train.jsonl"), rows_of(made / "splits" / "train.jsonl")
    assert {row["source"]["path"] for row in rows} == {row["audio_filepath"] for row in train}
    assert len(rows) == len(train)
    for row, told in zip(rows, sorted(train, key=lambda one: str(one["audio_filepath"])), strict=True):
        assert (row["noise"], row["num_samples"]) == ([], told["num_samples"])
        before = sf.read(FIXTURES / "speech" / told["audio_filepath"], dtype="int16")[0]
        assert np.array_equal(sf.read(made / "data" / row["audio_filepath"], dtype="int16")[0], before)


def test_a_data_set_of_ours_is_refused_by_any_name(made: Path, tmp_path: Path) -> None:
    data = made / "data"
    rows = [{"path": str(data / row["audio_filepath"])} for row in rows_of(data / "train.jsonl")]
    for path in (data, data / "audio", data / "manifest.jsonl", listed(tmp_path, rows)):
        with pytest.raises(UsageError, match="is a synthesized data set, made by `synth generate`"):
            divide(path, tmp_path / "s")


def test_other_commands_take_dev_and_refuse_test(made: Path) -> None:
    dev, test = (open_set(made / "splits" / f"{name}.jsonl") for name in ("dev", "test"))
    assert all((dev.root / clip.path).is_file() for clip in dev.clips)
    assert {clip.split for clip in test.clips} == {"test"}
    with pytest.raises(UsageError, match="test data by its name"):
        refuse_test_set(made / "splits" / "test.jsonl")
    refuse_test_set(made / "splits" / "dev.jsonl")
