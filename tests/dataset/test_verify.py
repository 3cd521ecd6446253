"""Verify finds every change of every file, and measures what the manifest claims."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.finish import content_digest, to_text
from synth.dataset.verify import verify
from synth.errors import UsageError, VerifyMismatch
from tests import small_set


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    dataset = small_set.plan_into(small_set.make_sources(folder / "in", speech=2), folder / "out")
    small_set.make_inline(dataset, range(2))
    shutil.rmtree(dataset.private)  # a data set is judged without the traces of its runs
    return dataset.path


@pytest.fixture
def out(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "out")
    return tmp_path / "out"


def findings(out: Path, *, quick: bool = False) -> list[str]:
    return [str(finding) for finding in verify(DatasetDir(out), quick=quick).findings]


def test_a_whole_data_set_has_no_findings(out: Path) -> None:
    report = verify(DatasetDir(out))
    assert report.findings == []
    assert report.clips == 4
    rows = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    assert report.seconds == pytest.approx(sum(row["num_samples"] / 8000 for row in rows))
    assert findings(out, quick=True) == []


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_one_flipped_bit_is_found_in_every_file(out: Path) -> None:
    for path in sorted(p for p in out.rglob("*") if p.is_file() and p.name != "quarantine.jsonl"):
        before = path.read_bytes()
        flip(path)
        name = path.relative_to(out).as_posix()
        try:
            found = findings(out)
        except UsageError as error:  # it is not even JSON any more
            found = [str(error)]
        assert any(name in text for text in found), name
        path.write_bytes(before)
    assert findings(out) == []


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize("change", ["truncate", "empty", "delete"])
def test_a_cut_or_missing_file_is_found(out: Path, quick: bool, change: str) -> None:
    for path in sorted(p for p in out.rglob("*") if p.is_file() and p.name not in ("dataset.json", "quarantine.jsonl")):
        before = path.read_bytes()
        if change == "delete":
            path.unlink()
        else:
            path.write_bytes(before[:-1] if change == "truncate" else b"")
        name = path.relative_to(out).as_posix()
        try:
            found = findings(out, quick=quick)
        except UsageError as error:
            found = [str(error)]
        audio = path.suffix == ".flac"
        assert any(name in text for text in found) is not (audio and quick and change == "truncate"), name
        path.write_bytes(before)


@pytest.mark.parametrize("name", ["extra.txt", "audio/train/extra.flac", "audio/train/00/extra.flac", "stems/x"])
def test_a_file_that_nobody_wrote_is_found(out: Path, name: str) -> None:
    (out / name).parent.mkdir(parents=True, exist_ok=True)
    (out / name).write_bytes(b"x")
    assert len(findings(out)) == 1
    assert name in findings(out)[0]


def rewrite(out: Path, change: Callable[[dict[str, Any]], object]) -> str:
    """Change the first row in a way that no hash tells, and give its path."""
    lines = (out / "manifest.jsonl").read_text().splitlines()
    row = json.loads(lines[0])
    change(row)
    text = "\n".join([json.dumps(row, sort_keys=True), *lines[1:]]) + "\n"
    content = json.loads((out / "dataset.json").read_text())
    for name in ("manifest.jsonl", "train.jsonl"):
        (out / name).write_text(text)
        content["files"][name] = hashlib.sha256(text.encode()).hexdigest()
    content["sha256"] = content_digest(content)
    (out / "dataset.json").write_text(to_text(content))
    return str(row["audio_filepath"])


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda row: row["level_dbfs"].update(measured=row["level_dbfs"]["measured"] + 0.2), "its level is"),
        (lambda row: row["snr_db"].update(measured=row["snr_db"]["measured"] + 0.2), "its SNR is"),
        (lambda row: row["snr_db"].update(weighting="none"), "its SNR is"),
        (lambda row: row["snr_db"].update(measure="active"), "its SNR is"),
        (lambda row: row.update(duration=row["duration"] + 0.001), "its duration is"),
        (lambda row: row.update(num_samples=row["num_samples"] + 1), "num_samples is"),
        (lambda row: row.update(sampling_rate=16000), "sampling_rate is 8000, the manifest says 16000"),
        (lambda row: row.update(pcm_sha256="0" * 64), "its samples are not those that were written"),
        (lambda row: row.update(sha256="0" * 64), "its bytes are not those that were written"),
        (lambda row: row["stems"].update(noise=row["stems"]["speech"]), "its stems do not add up to the clip"),
    ],
)
def test_a_manifest_that_lies_is_found(out: Path, change: Callable[[dict[str, Any]], object], expected: str) -> None:
    path = rewrite(out, change)
    assert any(text.startswith(f"{path}: {expected}") for text in findings(out)), findings(out)


def test_a_manifest_cannot_lead_out_of_its_directory(out: Path, tmp_path: Path) -> None:
    first = next(out.rglob("*.flac"))
    shutil.copy(first, tmp_path / "outside.flac")
    rewrite(out, lambda row: row.update(audio_filepath="../outside.flac"))
    assert "../outside.flac: cannot be read: ../outside.flac leads out of the data set" in findings(out)


def test_the_report_owns_its_text_and_its_exit_code(out: Path) -> None:
    good = verify(DatasetDir(out))
    good.raise_for_problems()
    assert good.to_text(Path("out")) == "out: 4 clips, 0.00 h: all as the manifest says"
    (out / "train.jsonl").unlink()
    bad = verify(DatasetDir(out))
    line = "train.jsonl: cannot be read: No such file or directory"
    assert bad.to_text(Path("out")) == f"{line}\nout: 4 clips, 0.00 h: 1 difference"
    with pytest.raises(VerifyMismatch, match=f"^1 difference; the first: {line}$") as caught:
        bad.raise_for_problems()
    assert caught.value.exit_code == 4
    assert bad.to_json()["findings"] == [{"path": "train.jsonl", "what": "cannot be read: No such file or directory"}]


def test_an_incomplete_data_set_is_not_judged(out: Path) -> None:
    (out / "dataset.json").unlink()
    with pytest.raises(UsageError, match=r"out is not complete: there is no dataset\.json \(run generate or finish\)"):
        verify(DatasetDir(out))
