"""A data set is never a mixture: it is resumed only with the same recipe, the same inputs and the same libraries."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from synth.commands.generate import check_disk
from synth.dataset import plan_header
from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.plan_header import read_plan_header
from synth.dataset.status import status
from synth.errors import DamagedDataset, GuardError, Locked, SynthError, TooManyBadInputs, UsageError
from tests import small_set


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    return small_set.make_sources(tmp_path / "in", speech=3)


def refusal(recipe: Path, out: Path, *overrides: str) -> str:
    with pytest.raises(UsageError) as caught:
        small_set.plan_into(recipe, out, overrides)
    return str(caught.value)


def test_the_same_recipe_written_otherwise_goes_on(recipe: Path, tmp_path: Path) -> None:
    dataset = small_set.plan_into(recipe, tmp_path / "out")
    small_set.make_inline(dataset, [0], merge=False)
    before = dataset.part(0).stat().st_mtime_ns
    recipe.write_text("# a comment\n" + recipe.read_text().replace("seed: 3\n", "") + "\nseed:   3\n")
    small_set.make_inline(small_set.plan_into(recipe, tmp_path / "out"), range(2))
    assert dataset.part(0).stat().st_mtime_ns == before
    assert status(dataset).complete


def test_another_recipe_is_refused_with_both_values(recipe: Path, tmp_path: Path) -> None:
    small_set.plan_into(recipe, tmp_path / "out")
    text = refusal(recipe, tmp_path / "out", "seed=4", "noise.snr_db=[0, 15]")
    assert f"{tmp_path / 'out'} holds another data set; these have changed since it was begun (then -> now):\n" in text
    assert "  seed: 3 -> 4\n" in text
    assert "noise.snr_db" in text
    assert "20" in text and "15" in text
    assert (
        "recordings" not in text and "digest" not in text and "fingerprint" not in text
    )  # what changed is named above
    assert text.endswith("Run with the old settings to resume, or choose another --out.")


def test_a_set_begun_with_another_default_engine_is_never_mixed(recipe: Path, tmp_path: Path) -> None:
    """Its plan names the engine, so that the new default of the same words is a difference; the old word goes on."""
    old = "speech.effects=[{tempo: {factor: 0.9, engine: signalsmith}}]"
    dataset = small_set.plan_into(recipe, tmp_path / "out", (old,))
    small_set.make_inline(dataset, [0], merge=False)
    text = refusal(recipe, tmp_path / "out", "speech.effects=[{tempo: 0.9}]")
    assert '  speech.effects.0.tempo.engine: "signalsmith" -> "wsola"\n' in text
    small_set.make_inline(small_set.plan_into(recipe, tmp_path / "out", (old,)), range(2))
    rows = [json.loads(line) for line in dataset.manifest.read_text().splitlines()]
    assert {row["speech"]["effects"][0]["engine"] for row in rows} == {"signalsmith"}


def test_another_input_is_refused(recipe: Path, tmp_path: Path) -> None:
    small_set.plan_into(recipe, tmp_path / "out")
    soundfile.write(recipe.parent / "speech" / "speech0.wav", np.full(3200, 0.1), 8000, subtype="PCM_16")
    text = refusal(recipe, tmp_path / "out")
    assert "\n  speech recordings (digest): " in text
    assert "noise recordings" not in text


def test_other_libraries_are_refused(recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_set.plan_into(recipe, tmp_path / "out")
    real = plan_header.importlib.metadata.version  # type: ignore[attr-defined]
    monkeypatch.setattr(plan_header.importlib.metadata, "version", lambda name: "9.9" if name == "soxr" else real(name))  # type: ignore[attr-defined]
    assert f'  version of soxr: "{real("soxr")}" -> "9.9"\n' in refusal(recipe, tmp_path / "out")


def test_another_format_is_refused_before_anything_else(recipe: Path, tmp_path: Path) -> None:
    dataset = small_set.plan_into(recipe, tmp_path / "out")
    header = json.loads(dataset.plan_header.read_text())
    header["format_version"] = 999
    dataset.plan_header.write_text(json.dumps(header))
    assert refusal(recipe, tmp_path / "out") == (
        f"{dataset.plan_header}: format_version is 999, written by a later version of synth; this version reads 6. "
        "Use the version that wrote it, or generate the data set again in a new directory"
    )


def test_a_directory_with_other_files_is_not_written_to(recipe: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    assert "this folder holds files (thesis.txt) but no data set that synth has begun" in refusal(recipe, out)


def test_a_header_comes_back_as_it_went(recipe: Path, tmp_path: Path) -> None:
    dataset = small_set.plan_into(recipe, tmp_path / "out")
    header = read_plan_header(dataset)
    again = json.loads(dataset.plan_header.read_text())
    assert json.loads(header.to_json()) == again
    assert (header.shards, header.shard_size, header.clips) == (2, 3, 6)
    assert sorted(again) == sorted(field.name for field in dataclasses.fields(header))


def test_a_damaged_header_says_so(recipe: Path, tmp_path: Path) -> None:
    dataset = small_set.plan_into(recipe, tmp_path / "out")
    dataset.plan_header.write_text("{")
    with pytest.raises(DamagedDataset, match=r"plan\.json: not JSON: .*; make the data set again in a new directory"):
        read_plan_header(dataset)
    with pytest.raises(UsageError, match=r"is not a data set of synth"):
        read_plan_header(DatasetDir(tmp_path / "nowhere"))


def test_merging_waits_for_all_shards(recipe: Path, tmp_path: Path) -> None:
    dataset = small_set.plan_into(recipe, tmp_path / "out")
    with pytest.raises(SynthError, match=r"1 of 2 shards are not done \(1\): run generate again"):
        small_set.make_inline(dataset, [0])
    assert not dataset.manifest.exists()


def test_a_damaged_part_is_named(recipe: Path, tmp_path: Path) -> None:
    dataset = small_set.plan_into(recipe, tmp_path / "out")
    small_set.make_inline(dataset, range(2))
    dataset.part(1).write_text(dataset.part(1).read_text()[:-30])
    with pytest.raises(DamagedDataset, match=r"000001\.jsonl.*; remove it and run generate again"):
        small_set.make_inline(dataset, range(2))


def test_the_ledger_of_what_was_made_is_the_planned_one(recipe: Path, tmp_path: Path) -> None:
    dataset = small_set.plan_into(recipe, tmp_path / "out")
    small_set.make_inline(dataset, range(2))
    ledger = json.loads(dataset.dataset_json.read_text())["ledger"]
    assert ledger["rendered"] == ledger["planned"]
    rows = [json.loads(line) for line in dataset.manifest.read_text().splitlines()]
    used = sum(piece["source_num_samples"] for row in rows for piece in row["noise"]) / 8000
    assert ledger["rendered"]["pools"][0]["used_s"] == pytest.approx(used, abs=1e-3)


def test_a_bad_input_is_named_and_leaves_a_hole(recipe: Path, tmp_path: Path) -> None:
    dataset = small_set.plan_into(recipe, tmp_path / "out")
    bad = recipe.parent / "speech" / "speech1.wav"
    soundfile.write(bad, np.full(3200, 0.1), 8000, subtype="PCM_16")  # not what was planned with
    small_set.make_inline(dataset, range(2))
    lines = [json.loads(line) for line in dataset.quarantine.read_text().splitlines()]
    assert [(line["path"], line["code"], line["step"], line["source"]) for line in lines] == [
        ("speech1.wav", "changed_during_run", "render", "speech"),
        ("speech1.wav", "changed_during_run", "render", "speech"),
    ]
    assert str(tmp_path) not in dataset.quarantine.read_text()
    made = [json.loads(line)["id"] for line in dataset.manifest.read_text().splitlines()]
    assert sorted(made + [line["clip_id"] for line in lines]) == sorted(
        f"{source}-v{copy}"
        for source in {name[:-3] for name in made} | {line["clip_id"][:-3] for line in lines}
        for copy in (0, 1)
    )
    content = json.loads(dataset.dataset_json.read_text())
    assert (content["clips"], content["planned_clips"], content["refused"]) == (4, 6, {"changed_during_run": 2})


def test_too_many_bad_inputs_end_without_a_data_set(recipe: Path, tmp_path: Path) -> None:
    dataset = small_set.plan_into(recipe, tmp_path / "out", ["limits.max_bad=0.1"])
    (recipe.parent / "speech" / "speech1.wav").unlink()
    expected = (
        r"1 of 7 inputs were refused \(14\.29%; limits\.max_bad allows 10\.00%\): 2 missing; see .*quarantine\.jsonl"
    )
    with pytest.raises(TooManyBadInputs, match=expected):
        small_set.make_inline(dataset, range(2))
    assert not dataset.dataset_json.exists()
    assert len(dataset.quarantine.read_text().splitlines()) == 2


def test_a_second_run_is_refused_while_the_first_is_on(recipe: Path, tmp_path: Path) -> None:
    from synth.dataset import lock

    dataset = small_set.plan_into(recipe, tmp_path / "out")
    with lock.hold_part(dataset, 0, 2), pytest.raises(Locked, match="is in use by synth generate --part 0/2, process"):
        small_set.make_inline(dataset, range(2))
    small_set.make_inline(dataset, range(2))


def test_no_path_host_or_time_in_the_data_set(recipe: Path, tmp_path: Path) -> None:
    import os
    import socket

    dataset = small_set.plan_into(recipe, tmp_path / "out")
    small_set.make_inline(dataset, range(2))
    texts = [p.read_bytes() for p in dataset.path.iterdir() if p.is_file()]
    for word in (str(tmp_path), socket.gethostname(), f"process {os.getpid()}"):
        assert all(word.encode() not in text for text in texts), word


def test_a_data_set_without_clips_is_a_failure(recipe: Path, tmp_path: Path) -> None:
    """B14: with `max_bad` high enough it was called complete, with exit code 0."""
    dataset = small_set.plan_into(recipe, tmp_path / "out", ["limits.max_bad=100"])
    for path in (recipe.parent / "speech").iterdir():
        path.unlink()
    with pytest.raises(TooManyBadInputs) as caught:
        small_set.make_inline(dataset, range(2))
    assert str(caught.value) == (
        f"{dataset.path}: none of the 6 planned clips could be made: 6 missing; see {dataset.quarantine}. Fix the "
        "sources or the recipe, and generate into a new folder"
    )
    assert caught.value.exit_code == 3
    assert not dataset.dataset_json.exists()
    assert len(dataset.quarantine.read_text().splitlines()) == 6


def test_a_small_size_is_said_in_megabytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """B14: the message was "will take about 0.0 GB, 0.0 GB are free"."""
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=1_250_000))
    with pytest.raises(GuardError, match=r"the data set will take about 2\.0 GB, 1\.2 MB are free; free some space"):
        check_disk(tmp_path, 2_000_000_000)
    with pytest.raises(GuardError, match=r"the data set will take about 1\.2 MB, 1\.2 MB are free; free some space"):
        check_disk(tmp_path, 1_200_000)
