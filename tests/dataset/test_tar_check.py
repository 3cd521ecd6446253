"""Verify finds every change of a tar file: in full down to the bit, and quickly whatever shows in headers and rows."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from synth.archives.tar_writer import BLOCK, END, TarWriter, padding
from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.verify import verify
from tests import small_set

Members = list[tuple[str, bytes]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    dataset = small_set.plan_two_splits(tmp_path_factory.mktemp("made"))
    small_set.make_inline(dataset, range(4))
    shutil.rmtree(dataset.private)
    return dataset.path


@pytest.fixture
def out(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "out")
    return tmp_path / "out"


@pytest.fixture
def tar(out: Path) -> Path:
    """A tar file with at least two clips."""
    return max((out / "audio").rglob("*.tar"), key=lambda path: path.stat().st_size)


def findings(out: Path, *, quick: bool = False) -> list[str]:
    return [str(finding) for finding in verify(DatasetDir(out), quick=quick).findings]


def read(tar: Path) -> Members:
    data, members, at = tar.read_bytes(), [], 0
    while data[at]:
        size = int(data[at + 124 : at + 135], 8)
        name = data[at : at + 100].rstrip(b"\0").decode()
        members.append((name, data[at + BLOCK : at + BLOCK + size]))
        at += BLOCK + size + padding(size)
    return members


def write(tar: Path, members: Members) -> None:
    with tar.open("wb") as out:
        writer = TarWriter(out)
        for name, content in members:
            writer.add(name, content)
        writer.close()


def test_a_whole_data_set_has_no_findings(out: Path) -> None:
    assert findings(out) == findings(out, quick=True) == []
    assert sum(1 for _ in out.rglob("*.tar")) == 3 * sum(1 for _ in (out / "audio").rglob("*.tar"))


@pytest.mark.parametrize("kind", ["audio", "speech", "noise"])
def test_a_flipped_bit_is_found_anywhere_in_a_tar_file(out: Path, kind: str) -> None:
    path = sorted(out.rglob(f"{kind}_*.tar"))[0]
    before = path.read_bytes()
    name = path.relative_to(out).as_posix()
    for position in [*range(0, BLOCK, 37), *range(BLOCK, len(before), 1499), len(before) - 700, len(before) - 1]:
        data = bytearray(before)
        data[position] ^= 4
        path.write_bytes(data)
        assert any(finding.startswith(name) for finding in findings(out)), position
    path.write_bytes(before)


def rewritten(change: Callable[[Members], Members]) -> Callable[[Path], None]:
    return lambda tar: write(tar, change(read(tar)))


CHANGES = {
    "a clip is missing": (rewritten(lambda m: m[2:]), "is missing"),
    "a row is missing": (rewritten(lambda m: [m[0], *m[2:]]), ".json is missing"),
    "one more": (rewritten(lambda m: [*m, ("more.flac", b"x")]), "the member more.flac is not in the manifest"),
    "one twice": (rewritten(lambda m: [*m, m[0]]), "is in it twice"),
    "swapped names": (
        rewritten(lambda m: [(m[2][0], m[0][1]), m[1], (m[0][0], m[2][1]), *m[3:]]),
        "its members are not in the order of the manifest",
    ),
    "another order": (rewritten(lambda m: [*m[2:4], *m[:2], *m[4:]]), "its members are not in the order"),
    "another row": (
        rewritten(lambda m: [m[0], (m[1][0], m[1][1].replace(b'"channels": 1', b'"channels": 2')), *m[2:]]),
        "in it is not that of the manifest",
    ),
    "a longer row": (rewritten(lambda m: [m[0], (m[1][0], m[1][1] + b"\n"), *m[2:]]), "is not that of the manifest"),
    "an empty clip": (rewritten(lambda m: [(m[0][0], b""), *m[1:]]), "is empty"),
    "cut": (lambda tar: tar.write_bytes(tar.read_bytes()[:-3000]), "it is cut off inside the member"),
    "no end": (lambda tar: tar.write_bytes(tar.read_bytes()[: -len(END)]), "its end is not as it was written"),
    "a longer end": (lambda tar: tar.write_bytes(tar.read_bytes() + END), "its end is not as it was written"),
    "something behind it": (lambda tar: tar.write_bytes(tar.read_bytes() + b"x" * 512), "its end is not as"),
    "another header": (
        lambda tar: tar.write_bytes(tar.read_bytes().replace(b"0000644", b"0000755", 1)),
        "its header at byte 0 is not one that synth wrote",
    ),
    "an empty file": (lambda tar: tar.write_bytes(b""), "its end is not as it was written"),
    "no file": (Path.unlink, "cannot be read: No such file"),
}


@pytest.mark.parametrize("quick", [False, True], ids=["in full", "quick"])
@pytest.mark.parametrize("name", CHANGES)
def test_every_change_is_named(out: Path, tar: Path, name: str, quick: bool) -> None:
    change, expected = CHANGES[name]
    change(tar)
    texts = findings(out, quick=quick)
    relative = tar.relative_to(out).as_posix()
    assert any(expected in text and text.startswith(relative) for text in texts), texts
    assert all(text.startswith(relative) for text in texts)


def test_swapped_clips_of_one_size_are_found_by_their_samples(out: Path, tar: Path) -> None:
    members = read(tar)
    write(tar, [(members[0][0], members[2][1]), members[1], (members[2][0], members[0][1]), *members[3:]])
    assert sum("its samples are not those that were written" in text for text in findings(out)) == 2


def test_foreign_files_beside_tar_files_are_found(out: Path, tar: Path) -> None:
    (tar.parent / "audio_999999.tar").write_bytes(tar.read_bytes())
    (tar.parent / "x.flac").write_bytes(b"x")
    expected = ["audio_999999.tar: is not in the manifest", "x.flac: is not in the manifest"]
    folder = tar.parent.relative_to(out).as_posix()
    for quick in (False, True):
        assert findings(out, quick=quick) == [f"{folder}/{text}" for text in expected]


def test_a_link_or_a_folder_in_place_of_a_tar_file_is_not_followed(out: Path, tar: Path, tmp_path: Path) -> None:
    aside = tmp_path / "aside.tar"
    tar.rename(aside)
    tar.symlink_to(aside)
    relative = tar.relative_to(out).as_posix()
    for quick in (False, True):
        assert f"{relative}: cannot be read: {tar.name} is a link, and a data set holds its files itself" in findings(
            out, quick=quick
        )
    tar.unlink()
    tar.mkdir()
    (tar / read(aside)[0][0]).write_bytes(read(aside)[0][1])
    assert f"{relative}: cannot be read: not a regular file" in findings(out)


def test_a_row_that_names_another_tar_file_or_place_is_a_contradiction(out: Path) -> None:
    manifest = out / "manifest.jsonl"
    rows = [json.loads(line) for line in manifest.read_text().splitlines()]
    rows[0]["tar_offset"] += BLOCK
    rows[1]["shard_id"] = 3
    manifest.write_text("".join(json.dumps(row, sort_keys=True) + "\n" for row in rows))
    texts = findings(out, quick=True)
    assert any(f"its row says {rows[0]['tar_offset']}" in text for text in texts)
    assert any("split, shard_id and id say that it lies at" in text for text in texts)
