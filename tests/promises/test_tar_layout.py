"""`output.layout: tar` changes where the clips lie and nothing else: every command says the same of both layouts."""

from __future__ import annotations

import csv
import json
import multiprocessing
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import synth
from synth.commands.compare import compare_sets
from synth.commands.errors import sample_errors
from synth.commands.explain import explain
from synth.commands.generate import generate
from synth.commands.labels import count_labels
from synth.commands.profile import profile_to
from synth.commands.replay import replay
from synth.commands.select import select_clips
from synth.commands.stages import count_stages
from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.status import status
from synth.dataset.verify import verify
from synth.errors import DamagedDataset, UsageError
from tests.helpers import FIXTURES, ROOT, rows_of, run_synth

RECIPE = ROOT / "recipes" / "stages.yaml"
OVERRIDES = ("copies=1", "output.shard_size=16", "output.stems=true")


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same data set in both layouts."""
    folder = tmp_path_factory.mktemp("layouts")
    for layout in ("files", "tar"):
        generate(RECIPE, folder / layout, overrides=[*OVERRIDES, f"output.layout={layout}"])
    return {layout: folder / layout for layout in ("files", "tar")}


def rows(folder: Path) -> list[dict[str, Any]]:
    return rows_of(folder / "manifest.jsonl")


def test_there_are_only_tar_files_and_verify_and_status_know_them(sets: dict[str, Path]) -> None:
    assert {path.suffix for path in (sets["tar"] / "audio").rglob("*") if path.is_file()} == {".tar"}
    assert {path.suffix for path in (sets["tar"] / "stems").rglob("*") if path.is_file()} == {".tar"}
    for layout, folder in sets.items():
        report = verify(DatasetDir(folder))
        assert (report.findings, report.clips) == ([], len(rows(folder))), layout
    assert status(DatasetDir(sets["tar"])).to_json() == status(DatasetDir(sets["files"])).to_json()


def test_training_reads_the_same_samples_from_both(sets: dict[str, Path]) -> None:
    loose, tars = synth.open_dataset(sets["files"]), synth.open_dataset(sets["tar"])
    assert len(loose) == len(tars) > 60
    for one, other in zip(loose, tars, strict=True):
        assert (one.id, one.text, one.stage, one.weight) == (other.id, other.text, other.stage, other.weight)
        assert np.array_equal(one.pcm(), other.pcm())
        assert np.array_equal(one.audio(), other.audio())
    stage = synth.open_dataset(sets["tar"] / "stage-fine-tune.jsonl")
    assert np.array_equal(stage[0].pcm(), loose[stage[0].id].pcm())


def _samples(path: Path, data: bytes, queue: Any) -> None:
    queue.put([int(row.pcm().astype(np.int64).sum()) for row in pickle.loads(data)])


def test_worker_processes_read_tar_files_too(sets: dict[str, Path]) -> None:
    part = synth.open_dataset(sets["tar"])[::7]
    expected = [int(row.pcm().astype(np.int64).sum()) for row in part]
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    workers = [context.Process(target=_samples, args=(sets["tar"], pickle.dumps(part), queue)) for _ in range(2)]
    for worker in workers:
        worker.start()
    assert [queue.get(timeout=60) for _ in workers] == [expected] * 2
    for worker in workers:
        worker.join()


def test_clips_are_read_in_place_and_only_theirs(sets: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """With `tar_offset` no other header of the tar file is looked at."""
    monkeypatch.setattr("synth.archives.member_path.tar_index", lambda *_: pytest.fail("the tar file was listed"))
    assert len(synth.open_dataset(sets["tar"])[5].audio()) > 0


def test_a_moved_member_is_still_found_by_its_name(sets: dict[str, Path], tmp_path: Path) -> None:
    """Somebody packed the tar file again: every offset is wrong."""
    shutil.copytree(sets["tar"], tmp_path / "out")
    row = synth.open_dataset(tmp_path / "out")[3]
    before = row.pcm()
    tar = row.path.parent
    data = tar.read_bytes()
    size = int(data[124:135], 8)
    first = 512 + size + -size % 512
    tar.write_bytes(data[first:-1024] + data[:first] + data[-1024:])
    assert np.array_equal(synth.open_dataset(tmp_path / "out")[3].pcm(), before)


def test_damage_is_named_with_what_to_do(sets: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(sets["tar"], out)
    row = synth.open_dataset(out)[0]
    row.path.parent.unlink()
    with pytest.raises(DamagedDataset, match=f"clip {row.id}: its audio file .* is missing"):
        row.audio()
    row.path.parent.symlink_to(sets["tar"] / row.path.parent.relative_to(out))
    with pytest.raises(DamagedDataset, match=r"is a link.*; remove .synth/parts/000000.jsonl and run generate again"):
        row.audio()
    row.path.parent.unlink()
    row.path.parent.write_bytes(b"x" * 4096)
    with pytest.raises(DamagedDataset, match="neither audio nor an archive that is read here"):
        row.audio()


def test_a_shard_whose_tar_file_is_damaged_is_made_again(sets: dict[str, Path], tmp_path: Path) -> None:
    """What the message of `synth verify` and of training says."""
    out = tmp_path / "out"
    shutil.copytree(sets["tar"], out)
    tar = synth.open_dataset(out)[0].path.parent
    before = tar.read_bytes()
    tar.write_bytes(before[: len(before) // 2])
    (out / ".synth" / "parts" / "000000.jsonl").unlink()
    generate(RECIPE, out, overrides=[*OVERRIDES, "output.layout=tar"])
    assert tar.read_bytes() == before
    assert verify(DatasetDir(out)).findings == []


def test_another_layout_is_another_data_set(sets: dict[str, Path]) -> None:
    with pytest.raises(UsageError, match=r'output.layout: "tar" -> "files"'):
        generate(RECIPE, sets["tar"], overrides=[*OVERRIDES, "output.layout=files"])


def test_explain_and_replay_take_a_clip_of_a_tar_file(sets: dict[str, Path], tmp_path: Path) -> None:
    for row in rows(sets["tar"])[::20]:
        member = sets["tar"] / row["audio_filepath"]
        assert explain(sets["tar"], str(member)).row == row
        replayed = replay(sets["tar"], str(member), tmp_path / f"{row['id']}.flac")
        assert replayed.same is True


def test_open_plan_names_the_place_that_generate_would_use(sets: dict[str, Path]) -> None:
    plan = synth.open_plan(RECIPE, overrides=[*OVERRIDES, "output.layout=tar"])
    for index, row in enumerate(rows(sets["tar"])[:20]):
        ours = dict(plan[index].manifest)
        for unknown in ("sha256", "tar_offset", "stems"):
            assert ours.pop(unknown) is None or unknown == "stems"
            row.pop(unknown)
        assert ours == row


def test_profiles_comparisons_and_their_page_are_the_same(sets: dict[str, Path], tmp_path: Path) -> None:
    profiles, numbers = {}, {}
    for layout, folder in sets.items():
        profiled = profile_to(folder, tmp_path / f"{layout}.json")
        profiles[layout] = [(clip.features, clip.flags) for clip in profiled.profile.clips]
        page = tmp_path / f"{layout}.html"
        numbers[layout] = compare_sets(folder, FIXTURES / "speech", html=page).to_json()["features"]
        assert page.read_text().count("<audio") > 0
    assert profiles["tar"] == profiles["files"]
    assert numbers["tar"] == numbers["files"]


def test_selected_clips_of_tar_files_can_be_read_from_anywhere(sets: dict[str, Path], tmp_path: Path) -> None:
    selected = {}
    for layout, folder in sets.items():
        out = tmp_path / f"{layout}.jsonl"
        select_clips(folder, FIXTURES / "speech", out, weights=True, split="train", method="balance")
        selected[layout] = [(row["id"], row["weight"]) for row in rows_of(out)]
        assert all(len(row.pcm()) == row.num_samples for row in synth.open_dataset(out))
    assert selected["tar"] == selected["files"]


def test_counts_of_labels_and_stages_are_the_same(sets: dict[str, Path]) -> None:
    assert count_stages([str(sets["tar"])]) == count_stages([str(sets["files"])])
    assert count_labels(sets["tar"]) == count_labels(sets["files"])


def test_wrong_clips_of_tar_files_can_be_listened_to(sets: dict[str, Path], tmp_path: Path) -> None:
    predictions = tmp_path / "predictions.csv"
    with predictions.open("w", newline="") as out:
        table = csv.writer(out)
        table.writerow(["id", "hypothesis"])
        table.writerows([row["id"], "something else"] for row in rows(sets["tar"]) if row["text"])
    page = tmp_path / "review.html"
    sample_errors(predictions, sets["tar"] / "manifest.jsonl", tmp_path / "review.csv", n=3, split="train", html=page)
    assert page.read_text().count("<audio") == 3


def test_the_clip_to_listen_to_is_named_from_any_folder(sets: dict[str, Path], tmp_path: Path) -> None:
    words = [word for override in (*OVERRIDES, "output.layout=files") for word in ("--set", override)]
    folder = sets["files"]
    run = run_synth("generate", RECIPE, "--out", f"../{folder.name}", *words, cwd=folder)
    assert run.returncode == 0, run.stderr
    (line,) = [line for line in run.stderr.splitlines() if line.startswith("listen: ")]
    assert (folder / line.removeprefix("listen: ")).is_file()


def test_what_generate_suggests_to_listen_to_can_be_done(sets: dict[str, Path], tmp_path: Path) -> None:
    words = [word for override in (*OVERRIDES, "output.layout=tar") for word in ("--set", override)]
    run = run_synth("generate", RECIPE, "--out", sets["tar"], *words, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    (line,) = [line for line in run.stderr.splitlines() if line.startswith("listen: ")]
    replayed = run_synth(*line.removeprefix("listen: synth ").split(), cwd=tmp_path)
    assert replayed.returncode == 0, replayed.stderr
    assert [path.suffix for path in tmp_path.iterdir()] == [".flac"]
    assert json.loads(run_synth("verify", sets["tar"], "--json").stdout)["ok"] is True
