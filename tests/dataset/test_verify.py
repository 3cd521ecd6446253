"""Verify finds every change of every file, and measures what the manifest claims."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from synth.dataset import clip_check
from synth.dataset import verify as verify_module
from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.verify import verify
from synth.errors import UsageError, VerifyMismatch
from tests import small_set
from tests.dataset.forging import forge, forge_row


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    dataset = small_set.plan_into(small_set.make_sources(folder / "in", speech=2), folder / "out")
    small_set.make_inline(dataset, range(2))
    shutil.rmtree(dataset.private)  # a data set is judged without the traces of its runs
    return dataset.path


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_set.make_sources(tmp_path_factory.mktemp("sources") / "in", speech=2)


@pytest.fixture(scope="module")
def made_with_plan(sources: Path) -> Path:
    dataset = small_set.plan_into(sources, sources.parent.parent / "out")
    small_set.make_inline(dataset, range(2))
    return dataset.path


def event(**fields: Any) -> dict[str, Any]:
    """An event of 10 ms at the start of the clip."""
    shape = {"label": "horn", "start": 0.0, "end": 0.01, "at": 0, "num_samples": 80, "relative_db": 0.0}
    return {**shape, "gain_db": 0.0, "kind": "synthesized", "synthesis": {"name": "horn"}, "source": None, **fields}


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


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda row: row["level_dbfs"].update(measured=row["level_dbfs"]["measured"] + 0.2), "its level is"),
        (lambda row: row.update(peak_dbfs=row["peak_dbfs"] + 0.1), "its peak is"),
        (
            lambda row: row.update(headroom_gain_db=0.5),
            "headroom_gain_db is +0.50, but headroom is never a gain above 0",
        ),
        (lambda row: row["level_dbfs"].update(requested=-9.0), "its level is"),
        (lambda row: row["snr_db"].update(measured=row["snr_db"]["measured"] + 0.2), "its SNR is"),
        (lambda row: row["snr_db"].update(requested=row["snr_db"]["requested"] + 1), "its SNR is"),
        (lambda row: row["snr_db"].update(band=row["snr_db"]["band"] + 1), "its SNR (band) is"),
        (lambda row: row["snr_db"].update(a=row["snr_db"]["a"] - 1), "its SNR (a) is"),
        (lambda row: row["snr_db"].update(broadband=row["snr_db"]["broadband"] - 1), "its SNR (broadband) is"),
        (lambda row: row["snr_db"].update(weighting="none"), "its SNR is"),
        (lambda row: row["snr_db"].update(measure="active"), "its SNR is"),
        (lambda row: row["speech"].update(active_level_dbfs=-3.0), "its active speech level is"),
        (lambda row: row["speech"].update(onset=row["num_samples"]), "the speech lies at"),
        (lambda row: row["speech"].update(num_samples=0), "the speech lies at"),
        (lambda row: row["noise"][0].update(at=5), "noise[0] lies at"),
        (lambda row: row.update(noise=[]), "it has an SNR and no noise"),
        (lambda row: row.update(alignment=[["a", 0.1, 0.1], ["b", 0.3, 9.0]]), "the word 'b' lies at 0.3 to 9.3 s of"),
        (lambda row: row.update(alignment=[["a", 0.2, 0.1], ["b", 0.1, 0.1]]), "the word 'b' begins at 0.1 s, before"),
        (lambda row: row.update(events=[event(at=row["num_samples"])]), "the event 'horn' lies at"),
        (
            lambda row: row.update(events=[event(start=0.05)]),
            "the event 'horn' has the start 0.05 s, its samples say 0 s",
        ),
        (lambda row: row.update(duration=row["duration"] + 0.001), "its duration is"),
        (lambda row: row.update(num_samples=row["num_samples"] + 1), "num_samples is"),
        (lambda row: row.update(num_samples=row["num_samples"] - 1), "num_samples is more, the manifest says"),
        (lambda row: row.update(sampling_rate=16000), "sampling_rate is 8000, the manifest says 16000"),
        (lambda row: row.update(channels=2), "channels is 1, the manifest says 2"),
        (lambda row: row.update(pcm_sha256="0" * 64), "its samples are not those that were written"),
        (lambda row: row.update(sha256="0" * 64), "its bytes are not those that were written"),
        (lambda row: row["stems"].update(noise=row["stems"]["speech"]), "its stems do not add up to the clip"),
        (lambda row: row["stems"].update(noise=None), "it has one stem; there are two or none"),
        (
            lambda row: row.update(copy=7),
            "id is 'speech0_6201d9f2-v0', source_id and copy make it 'speech0_6201d9f2-v7'",
        ),
        (lambda row: row.update(split="validation"), "the split 'validation' is none of a recipe"),
    ],
)
def test_a_manifest_that_lies_is_found(out: Path, change: Callable[[dict[str, Any]], object], expected: str) -> None:
    path = forge_row(out, change)
    assert any(text.startswith(f"{path}: {expected}") for text in findings(out)), findings(out)


def test_a_stem_that_lies_is_found(out: Path) -> None:
    stem = ""

    def lie(row: dict[str, Any]) -> None:
        nonlocal stem
        row["stems"]["speech_sha256"] = "0" * 64
        stem = row["stems"]["speech"]

    forge_row(out, lie)
    assert findings(out) == [f"{stem}: its bytes are not those that were written"]


def test_two_rows_of_one_clip_are_found(out: Path) -> None:
    second = json.loads((out / "manifest.jsonl").read_text().splitlines()[1])
    forge_row(out, lambda row: row.update(id=second["id"], copy=second["copy"]))
    assert f"manifest.jsonl: the clip {second['id']} is in it twice" in findings(out)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda content: content.update(clips=5), "clips: it says 5, counted 4"),
        (lambda content: content.update(hours=1.0), "hours: it says 1.0, counted "),
        (lambda content: content["splits"]["train"].update(hours=1.0), "splits: train: hours: it says 1.0, counted "),
        (lambda content: content.update(refused={"silent": 1}), "refused: silent: it says 1, counted None"),
        (lambda content: content.update(planned_clips=9), "planned_clips: it says 9, but 4 clips were made"),
        (lambda content: content.update(labels={"a": {}}), "labels: a: it says {}, counted None"),
        (lambda content: content["files"].pop("train.jsonl"), "has no hash of train.jsonl"),
        (lambda content: use_of(content).update(used_s=99.0), "ledger: noise"),
        (lambda content: content["ledger"]["rendered"].update(pools=[]), "is not in it, but in the manifest"),
    ],
)
def test_counts_that_lie_are_found(out: Path, change: Callable[[dict[str, Any]], object], expected: str) -> None:
    """B14: hours in dataset.json, changed with a consistent hash, passed; so did the ledger."""
    forge(out, change)
    found = findings(out)
    assert any(text.startswith("dataset.json: ") and expected in text for text in found), found
    assert all(text.startswith("dataset.json: ") for text in found)


def use_of(content: dict[str, Any]) -> dict[str, Any]:
    pool = next(pool for pool in content["ledger"]["rendered"]["pools"] if pool["used_s"])
    use: dict[str, Any] = next(iter(pool["by_recording"].values()))
    return use


def test_a_ledger_that_lies_is_found_by_the_plan(made_with_plan: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(made_with_plan, out)
    assert findings(out) == []
    forge(out, lambda content: use_of(content).update(reuse_max=0.5))
    assert len(found := findings(out)) == 1
    assert found[0].startswith("dataset.json: ledger: rendered: pools: [0]: by_recording: noise")


def test_a_list_without_its_rows_is_found(out: Path) -> None:
    """Equal to the manifest, not only to the hash in dataset.json."""
    text = (out / "train.jsonl").read_text().split("\n", 1)[1]
    (out / "train.jsonl").write_text(text)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    forge(out, lambda content: content["files"].update({"train.jsonl": sha256}))
    assert findings(out) == ["train.jsonl: does not hold the rows of the manifest that belong in it (run synth finish)"]


def test_an_empty_folder_is_found(out: Path) -> None:
    """B14: it passed."""
    (out / "audio" / "train" / "zz").mkdir()
    assert findings(out) == ["audio/train/zz: is an empty folder, which synth does not make"]


def test_a_long_clip_costs_no_memory_for_its_stems(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clip_check, "MAX_MEASURED", 100)
    monkeypatch.setattr(verify_module, "MAX_MEASURED", 100)
    report = verify(DatasetDir(out))
    assert (report.findings, report.unmeasured) == ([], 4)
    assert report.to_text(out).startswith("4 clips are too long to measure the SNR of their stems\n")


@pytest.mark.parametrize("measure", ["rms", "active"])
@pytest.mark.parametrize(("level", "snr"), [(-90, 0), (-85, 60), (-70, 30), (-60, -30), (-3, 90), (None, 10)])
def test_fresh_output_has_no_findings_at_any_level(
    sources: Path, tmp_path: Path, measure: str, level: float | None, snr: float
) -> None:
    """B8: levels below -60 dBFS, and SNRs of stems a few steps of 24 bits high, were found to differ at once."""
    overrides = [f"noise.snr_db={snr}", f"noise.measure={measure}", f"level_dbfs={'null' if level is None else level}"]
    dataset = small_set.plan_into(sources, tmp_path / "out", [*overrides, "copies=1"])
    small_set.make_inline(dataset, range(1))
    assert [str(finding) for finding in verify(dataset).findings] == []


def test_a_manifest_cannot_lead_out_of_its_directory(out: Path, tmp_path: Path) -> None:
    first = next(out.rglob("*.flac"))
    shutil.copy(first, tmp_path / "outside.flac")
    forge_row(out, lambda row: row.update(audio_filepath="../outside.flac"))
    assert "../outside.flac: cannot be read: it leads out of the data set" in findings(out)


def test_the_report_owns_its_text_and_its_exit_code(out: Path) -> None:
    good = verify(DatasetDir(out))
    good.raise_for_findings()
    assert good.to_text(Path("out")) == "out: 4 clips, 0.00 h: all as the manifest says"
    (out / "train.jsonl").unlink()
    bad = verify(DatasetDir(out))
    line = "train.jsonl: cannot be read: No such file or directory"
    assert bad.to_text(Path("out")) == f"{line}\nout: 4 clips, 0.00 h: 1 difference"
    with pytest.raises(VerifyMismatch, match=f"^1 difference; the first: {line}$") as caught:
        bad.raise_for_findings()
    assert caught.value.exit_code == 4
    assert bad.to_json()["findings"] == [{"path": "train.jsonl", "what": "cannot be read: No such file or directory"}]


def test_a_data_set_that_lost_its_dataset_json_is_judged(out: Path) -> None:
    """B3: it was complete, so this is damage (exit code 4), not a wrong call."""
    (out / "dataset.json").unlink()
    assert findings(out) == ["dataset.json: is missing, but the data set was complete (run synth finish)"]


def test_a_data_set_that_is_still_being_made_is_not_judged(tmp_path: Path) -> None:
    dataset = small_set.plan_into(small_set.make_sources(tmp_path / "in", speech=2), tmp_path / "out")
    small_set.make_inline(dataset, range(1), merge=False)
    text = r"out is not complete: 1 of 2 shards are done and there is no dataset\.json, .* \(run synth generate\)"
    with pytest.raises(UsageError, match=text):
        verify(dataset)


def test_a_folder_that_is_no_data_set_is_not_judged(tmp_path: Path) -> None:
    text = r"is not a data set of synth: it has no dataset\.json and no manifest\.jsonl$"
    with pytest.raises(UsageError, match=text):
        verify(DatasetDir(tmp_path))
    with pytest.raises(UsageError, match=r"nowhere is not a data set of synth: no such folder$"):
        verify(DatasetDir(tmp_path / "nowhere"))
