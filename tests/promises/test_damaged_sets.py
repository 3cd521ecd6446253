"""Damage to a data set ends every command with the documented exit code and a message: no traceback, hang, or memory.

B3 and B14 of the trials: each row of the table, and what was not looked at.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

import synth
from synth.commands.dataset import finish
from synth.commands.explain import explain
from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.manifest import read_rows
from synth.dataset.saved_plan import reading_plan
from synth.dataset.verify import verify
from synth.errors import DamagedDataset, SynthError, UsageError
from tests import small_set
from tests.dataset.forging import forge, forge_row
from tests.warm_process import Ended, WarmProcess

RATE = small_set.RATE


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    dataset = small_set.plan_into(small_set.make_sources(folder / "in", speech=2), folder / "out")
    small_set.make_inline(dataset, range(2))
    return dataset.path


@pytest.fixture
def out(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "out")
    return tmp_path / "out"


@pytest.fixture(scope="module")
def warm() -> Iterator[WarmProcess]:
    with WarmProcess() as process:
        yield process


def clip(out: Path) -> Path:
    return min((out / "audio").rglob("*.flac"))


def replace(path: Path, make: Callable[[Path], object]) -> None:
    path.unlink()
    make(path)


def flip_bit_7(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x80
    path.write_bytes(data)


def claim_endless(out: Path) -> None:
    """STREAMINFO of a clip claims 2^36 - 1 samples."""
    path = clip(out)
    data = bytearray(path.read_bytes())
    data[21] |= 0x0F
    data[22:26] = b"\xff" * 4
    path.write_bytes(data)


def bomb(out: Path) -> None:
    """An hour of silence in a few kilobytes, with the right hash in the row."""
    data = io.BytesIO()
    soundfile.write(data, np.zeros(3600 * RATE, np.int16), RATE, format="FLAC")
    clip(out).write_bytes(data.getvalue())
    sha256 = hashlib.sha256(data.getvalue()).hexdigest()
    forge_row(out, lambda row: row.update(sha256=sha256), path=clip(out).relative_to(out).as_posix())


def append(out: Path, line: bytes) -> None:
    with (out / "manifest.jsonl").open("ab") as file:
        file.write(line + b"\n")


def link_to(target: str) -> Callable[[Path], object]:
    return lambda path: path.symlink_to(target)


# name -> (damage, what verify says, whether other commands read that file too)
MANIFEST_DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "bit 7 flipped": (lambda out: flip_bit_7(out / "manifest.jsonl"), "manifest.jsonl: line 2: not UTF-8 (byte 0x"),
    "cut in its last line": (
        lambda out: (out / "manifest.jsonl").write_bytes((out / "manifest.jsonl").read_bytes()[:-100]),
        "manifest.jsonl: line 4: the file is cut off inside this line",
    ),
    "a FIFO": (
        lambda out: replace(out / "manifest.jsonl", os.mkfifo),
        "manifest.jsonl: cannot be read: not a regular file",
    ),
    "a folder": (
        lambda out: replace(out / "manifest.jsonl", Path.mkdir),
        "manifest.jsonl: cannot be read: not a regular file",
    ),
    "a link to /dev/zero": (
        lambda out: replace(out / "manifest.jsonl", link_to("/dev/zero")),
        "manifest.jsonl: cannot be read: manifest.jsonl is a link",
    ),
    "a line of 200 MB": (
        lambda out: append(out, b'"' + b"x" * 200_000_000 + b'"'),
        "manifest.jsonl: line 5: a line of more than 1 MiB",
    ),
    "a deep line": (lambda out: append(out, b"[" * 100_000), "manifest.jsonl: line 5: JSON that is nested too deep"),
    "NaN": (
        lambda out: append(out, b'{"audio_filepath": "x", "duration": NaN}'),
        "manifest.jsonl: line 5: not JSON: NaN is not a number",
    ),
    "a number beyond float": (
        lambda out: append(out, b'{"audio_filepath": "x", "duration": 1e999}'),
        "manifest.jsonl: line 5: a number beyond the range of floating point",
    ),
    "a number of 400 digits": (
        lambda out: append(out, b'{"audio_filepath": "x", "duration": 1, "x": 1' + b"0" * 400 + b".0}"),
        "manifest.jsonl: line 5: a number beyond the range of floating point",
    ),
    "a lone surrogate": (
        lambda out: append(out, b'{"audio_filepath": "\\ud800", "duration": 1}'),
        "manifest.jsonl: line 5: a text with half a surrogate pair",
    ),
    "a row of wrong types": (
        lambda out: append(out, b'{"audio_filepath": "x", "duration": [1]}'),
        "manifest.jsonl: line 5: not a row of a manifest: ",
    ),
    "missing": (lambda out: (out / "manifest.jsonl").unlink(), "manifest.jsonl: cannot be read: No such file"),
}


def check(ended: Ended, code: int, text: str) -> None:
    assert not ended.hung
    assert ended.peak_mb < 300
    assert "bug of synth" not in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.returncode == code, ended.stderr
    assert text in ended.stdout + ended.stderr


@pytest.mark.parametrize("name", MANIFEST_DAMAGE)
def test_a_damaged_manifest_ends_every_command_with_4(out: Path, warm: WarmProcess, name: str) -> None:
    """B3: rows 1, 3, 4, 5, 7, 8 and 9 of the table."""
    damage, text = MANIFEST_DAMAGE[name]
    damage(out)
    check(warm.call("verify", out, timeout_s=60), 4, text)
    check(warm.call("verify", "--quick", out, timeout_s=60), 4, text)
    if name == "missing":
        return  # then the other commands say that it is not a finished data set
    for command in ("labels", "stages"):
        ended = warm.call(command, out, timeout_s=60)
        what = text.split(": ", 1)[1].removeprefix("line ")
        check(ended, 4, what)
        assert "synth finish" in ended.stderr
    with pytest.raises(SynthError) as caught:
        len(synth.open_dataset(out).select(split="train"))
    assert caught.value.exit_code == 4


FILE_DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "STREAMINFO claims 2^36 samples": (claim_endless, ".flac: its bytes are not those that were written"),
    "a clip is a FIFO": (lambda out: replace(clip(out), os.mkfifo), ".flac: cannot be read: not a regular file"),
    "a clip is a folder": (lambda out: replace(clip(out), Path.mkdir), ".flac: cannot be read: not a regular file"),
    "a clip is a link to /dev/zero": (
        lambda out: replace(clip(out), link_to("/dev/zero")),
        "is a link, and a data set",
    ),
    "a bomb of an hour": (bomb, ".flac: num_samples is more, the manifest says"),
    "a clip is a sparse file of 50 GB": (
        lambda out: os.truncate(clip(out), 50 << 30),
        ".flac: it has 53,687,091,200 bytes, and a clip of ",
    ),
    "the recipe is a sparse file of 50 GB": (
        lambda out: os.truncate(out / "recipe.yaml", 50 << 30),
        "recipe.yaml: larger than 1,024 MiB",
    ),
    "dataset.json is a link to /dev/zero": (
        lambda out: replace(out / "dataset.json", link_to("/dev/zero")),
        "dataset.json: cannot be read: dataset.json is a link",
    ),
    "dataset.json is a FIFO": (
        lambda out: replace(out / "dataset.json", os.mkfifo),
        "dataset.json: cannot be read: not a regular file",
    ),
    "dataset.json has a list of files": (
        lambda out: forge(out, lambda content: content.update(files=["manifest.jsonl"])),
        "dataset.json: files is ['manifest.jsonl'], expected an object",
    ),
    "dataset.json is cut": (
        lambda out: (out / "dataset.json").write_bytes((out / "dataset.json").read_bytes()[:-20]),
        "dataset.json: not JSON: ",
    ),
    "dataset.json is gone": (lambda out: (out / "dataset.json").unlink(), "dataset.json: is missing"),
    "dataset.json names a file outside": (
        lambda out: forge(out, lambda content: content["files"].update({"../x": "0"})),
        "../x: cannot be read: it leads out of the data set",
    ),
    "the quarantine is a FIFO": (
        lambda out: replace(out / "quarantine.jsonl", os.mkfifo),
        "quarantine.jsonl: cannot be read: not a regular file",
    ),
    "the folder audio is a link": (
        lambda out: ((out / "audio").rename(out.parent / "elsewhere"), (out / "audio").symlink_to("../elsewhere")),
        "audio is a link, and a data set holds its files itself",
    ),
}


@pytest.mark.parametrize("name", FILE_DAMAGE)
def test_any_damaged_file_is_a_finding_of_verify(out: Path, warm: WarmProcess, name: str) -> None:
    """B3: rows 2, 4, 5, 6 and 10 of the table; verify goes on, and a process with all imports stays small."""
    damage, text = FILE_DAMAGE[name]
    damage(out)
    ended = warm.call("verify", out, timeout_s=60)
    check(ended, 4, text)
    assert ended.peak_mb < 180
    assert "4 clips" in ended.stdout


def test_damage_ends_profile_with_4(out: Path, warm: WarmProcess) -> None:
    """The sets of profile, compare, fit and select are read in the same way."""
    path = out / "manifest.jsonl"
    path.write_bytes(b"\xff" + path.read_bytes()[1:])
    check(warm.call("profile", out, "--out", out.parent / "p.jsonl", timeout_s=60), 4, "manifest.jsonl:1: not UTF-8")
    replace(path, os.mkfifo)
    check(warm.call("profile", out, "--out", out.parent / "p.jsonl", timeout_s=60), 4, "not a regular file")


def test_a_link_to_the_same_bytes_is_a_finding(out: Path) -> None:
    """B14: a clip replaced by a link to the same bytes passed."""
    path = clip(out)
    shutil.copy(path, out.parent / "same.flac")
    replace(path, link_to(str(out.parent / "same.flac")))
    assert [str(f) for f in verify(DatasetDir(out)).findings] == [
        f"{path.relative_to(out)}: cannot be read: {path.name} is a link, and a data set holds its files itself"
    ]


PLAN_JSON_DAMAGE: dict[str, Callable[[Path], object]] = {
    "not UTF-8": flip_bit_7,
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-9]),
    "empty": lambda path: path.write_bytes(b""),
    "a list": lambda path: path.write_text("[]"),
    "another type": lambda path: path.write_text(path.read_text().replace('"shard_size": 3', '"shard_size": 0')),
    "a link to /dev/zero": lambda path: replace(path, link_to("/dev/zero")),
    "a FIFO": lambda path: replace(path, os.mkfifo),
}


@pytest.mark.parametrize("name", PLAN_JSON_DAMAGE)
def test_a_damaged_plan_header_is_named(out: Path, warm: WarmProcess, name: str) -> None:
    """B3, the last row: status, explain and replay ended with a bug."""
    PLAN_JSON_DAMAGE[name](out / ".synth" / "plan.json")
    for words in (("status", out), ("explain", out, "x"), ("replay", out, "x", "--out", out.parent / "x.flac")):
        check(warm.call(*words, timeout_s=60), 4, ".synth/plan.json")


PLAN_FILES = (
    *("recipe.yaml", "speech.catalog", "noise.catalog", "rooms.catalog", "noise.store", "pools.json", "cases.json"),
    *("clips.recording.npy", "clips.first_segment.npy", "segments.layer.npy", "segments.offset.npy"),
)


@pytest.mark.parametrize("name", PLAN_FILES)
def test_a_damaged_file_of_the_plan_is_named(out: Path, name: str) -> None:
    """B14: 36 kinds of damage to `.synth/plan` were called a bug by explain and replay."""
    path = out / ".synth" / "plan" / name
    before = path.read_bytes()
    garbage = np.random.default_rng(len(name)).bytes(len(before))
    for data in (b"", before[: len(before) // 2], before[:-1], garbage, b"\xff" + before[1:], None):
        path.unlink()
        if data is None:
            path.symlink_to("/dev/zero")
        else:
            path.write_bytes(data)
        with pytest.raises(DamagedDataset, match=rf"\.synth/plan/{name}.*; run the same `synth generate` again"):
            explain(out, "x")


def test_numbers_that_do_not_fit_together_are_damage_of_the_plan(out: Path) -> None:
    """B14: what parses, but leads beyond its tables."""
    folder = out / ".synth" / "plan"
    for table, value in (
        ("clips.recording", 99),
        ("clips.split", 7),
        ("segments.kind", 99),
        ("clips.first_segment", -1),
    ):
        path = folder / f"{table}.npy"
        before = path.read_bytes()
        column = np.load(path)
        column[1] = value
        np.save(path, column)
        with pytest.raises(DamagedDataset, match=f"{table}"):
            explain(out, "x")
        path.write_bytes(before)
    text = r"plan: damaged, its files do not fit together \(IndexError: beyond\)"
    with pytest.raises(DamagedDataset, match=text), reading_plan(DatasetDir(out)):
        raise IndexError("beyond")
    with pytest.raises(DamagedDataset, match="MemoryError"), reading_plan(DatasetDir(out)):
        raise MemoryError("Unable to allocate 128. TiB")
    with pytest.raises(DamagedDataset, match="Invalid argument"), reading_plan(DatasetDir(out)):
        raise OSError(errno.EINVAL, "Invalid argument")
    with pytest.raises(OSError, match="Input/output error"), reading_plan(DatasetDir(out)):  # the disk is at fault
        raise OSError(errno.EIO, "Input/output error")


PART_DAMAGE: dict[str, tuple[Callable[[list[str]], list[str]], str]] = {
    "a row is gone": (lambda lines: [*lines[:-1]], "it has 2 lines after its header, which promises 3 clips and 0"),
    "a row is text": (lambda lines: [*lines[:-1], '"x"'], ":4: not a JSON object"),
    "a split of its own": (
        lambda lines: [*lines[:-1], lines[-1].replace('"split": "train"', '"split": "../x"')],
        ":4: split is '../x', which the recipe does not have",
    ),
    "a header of text": (lambda lines: ["{}", *lines[1:]], ":1: not the header of a part: shard is missing"),
    "empty": (lambda lines: [], ": it is empty"),
    "another shard's": (
        lambda lines: [lines[0].replace('"shard": 0', '"shard": 1'), *lines[1:]],
        ":1: not the header of a part: shard is 1, expected 0",
    ),
}


@pytest.mark.parametrize("name", PART_DAMAGE)
def test_a_damaged_part_ends_finish_with_4(out: Path, name: str) -> None:
    change, text = PART_DAMAGE[name]
    path = DatasetDir(out).part(0)
    lines = path.read_text().splitlines()
    path.write_text("".join(f"{line}\n" for line in change(lines)))
    with pytest.raises(DamagedDataset) as caught:
        finish(out)
    assert text in str(caught.value)
    assert str(caught.value).endswith("remove it and run generate again")


def test_a_manifest_that_lies_elsewhere_is_a_wrong_call(tmp_path: Path) -> None:
    """A list of somebody else's is no damage: exit code 2."""
    path = tmp_path / "list.jsonl"
    for text, said in (
        ('{"audio_filepath": "x", "duration": 1}\nno JSON', ":2: the file is cut off inside this line"),
        ('{"duration": 1}\n', ":1: not a row of a manifest: audio_filepath is missing"),
        ('{"audio_filepath": "x", "duration": -1}\n', ":1: not a row of a manifest: duration is -1, expected a number"),
        ('{"audio_filepath": "x", "duration": 1, "labels": []}\n', "labels is [], expected an object"),
        ('{"audio_filepath": "x", "duration": 1, "alignment": [["a", 1]]}\n', "alignment[0] is ['a', 1], expected"),
    ):
        path.write_text(text)
        with pytest.raises(UsageError) as caught:
            list(read_rows(path))
        assert said in str(caught.value)
    os.mkfifo(tmp_path / "fifo.jsonl")
    with pytest.raises(UsageError, match=r"cannot read .*fifo\.jsonl: not a regular file"):
        list(read_rows(tmp_path / "fifo.jsonl"))


def test_keys_of_others_may_hold_anything(tmp_path: Path) -> None:
    path = tmp_path / "list.jsonl"
    row = {
        "audio_filepath": "x",
        "duration": 1,
        "speaker": 7,
        "source": "web",
        "noise": "yes",
        "channel": 1,
        "room": [],
    }
    path.write_text(json.dumps(row))
    assert list(read_rows(path)) == [row]


HOSTILE_AUDIO: dict[str, Callable[[Path], object]] = {
    "a FIFO": os.mkfifo,
    "a link": lambda path: path.symlink_to("/dev/zero"),
    "a folder": lambda path: path.mkdir(),
    "text": lambda path: path.write_text("no audio"),
    "an hour": lambda path: soundfile.write(path, np.zeros(3600 * RATE, np.int16), RATE),
}


@pytest.mark.parametrize("name", HOSTILE_AUDIO)
def test_hostile_rows_of_a_data_set_are_refused_by_open_dataset(out: Path, name: str) -> None:
    """B14: open_dataset on hostile rows was never run."""
    path = clip(out)
    path.unlink()
    HOSTILE_AUDIO[name](path)
    row = next(row for row in synth.open_dataset(out) if row.path == path)
    with pytest.raises(DamagedDataset, match=f"clip {row.id}: .*; `synth verify` lists all damaged files|copy|replay"):
        row.audio()


@pytest.mark.parametrize("path", ["/etc/passwd", "../in/speech/speech0.wav", "audio/../../in/speech/speech0.wav"])
def test_rows_of_a_data_set_do_not_lead_out_of_it(out: Path, made: Path, path: str) -> None:
    shutil.copytree(made.parent / "in", out.parent / "in")
    forge_row(out, lambda row: row.update(audio_filepath=path))
    row = synth.open_dataset(out)[0]
    with pytest.raises(DamagedDataset, match="it leads out of the data set"):
        row.pcm()


def test_a_list_of_somebodys_own_may_name_files_anywhere(out: Path, tmp_path: Path) -> None:
    """As `synth select` writes it: absolute paths."""
    row = json.loads((out / "manifest.jsonl").read_text().splitlines()[0])
    row["audio_filepath"] = str(out / row["audio_filepath"])
    (tmp_path / "list.jsonl").write_text(json.dumps(row) + "\n")
    np.testing.assert_array_equal(
        synth.open_dataset(tmp_path / "list.jsonl")[0].pcm(), synth.open_dataset(out)[0].pcm()
    )


def test_status_of_a_set_with_a_missing_file_does_not_vouch_for_it(out: Path, warm: WarmProcess) -> None:
    """Section L: status said "complete" for a set with a missing file."""
    clip(out).unlink()
    ended = warm.call("status", out)
    check(ended, 0, f"{out}: complete (files not checked")


def test_verify_and_status_say_the_same_of_a_folder_that_is_no_data_set(tmp_path: Path, warm: WarmProcess) -> None:
    """Section L: verify said "not complete: there is no dataset.json"."""
    for command in ("verify", "status"):
        check(warm.call(command, tmp_path), 2, f"{tmp_path} is not a data set of synth")
