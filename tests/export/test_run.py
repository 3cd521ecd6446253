"""Exports are the same for any number of workers and after any interruption, and replace nothing that is not theirs."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from synth.commands.dataset import verify
from synth.commands.export import export
from synth.errors import DamagedDataset, Locked, UsageError
from synth.export.formats import FORMATS
from tests.export.exported_set import awkward_set, json_lines, rewrite
from tests.helpers import LONG, ROOT, rows_of, run_synth
from tests.small_set import in_child, tree


@pytest.fixture(scope="module")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return awkward_set(tmp_path_factory.mktemp("exports"))


def test_the_number_of_workers_changes_no_byte(data_set: Path, tmp_path: Path) -> None:
    for jobs in (1, 3):
        export(data_set, tmp_path / "a" / str(jobs), to="nemo", shard_size=1, jobs=jobs)
        shutil.move(tmp_path / "a" / str(jobs), tmp_path / f"{jobs}")
    same = {name: digest for name, digest in tree(tmp_path / "1").items() if name.endswith(".jsonl")}
    assert len(same) == 3
    assert same.items() <= tree(tmp_path / "3").items()


@pytest.mark.parametrize("name", FORMATS)
def test_the_shard_size_changes_no_list(data_set: Path, tmp_path: Path, name: str) -> None:
    if FORMATS[name].holds_audio:
        pytest.skip("it has one archive per shard")
    trees = []
    for size in (1, 2, 100):
        export(data_set, tmp_path / "out", to=name, shard_size=size)
        assert verify(tmp_path / "out").findings == []
        trees.append({path: digest for path, digest in tree(tmp_path / "out").items() if path != "export.json"})
        shutil.rmtree(tmp_path / "out")
    assert trees[0] == trees[1] == trees[2]


def test_chunks_of_lists_stay_small(data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their lines are kept in memory: 20,000 clips in one chunk took 274 MB. An archive is as large as a person says."""
    monkeypatch.setattr("synth.export.scan._LIST_ROWS", 2)
    for to, chunks in (("lhotse", 3), ("webdataset", 1)):
        result = export(data_set, tmp_path / to, to=to, shard_size=1_000_000, split=["train"])
        assert result.content["splits"]["train"] == {"clips": 6, "chunks": chunks, "hours": result.content["hours"]}


@pytest.mark.parametrize("mode", ["kill", "enospc"])
def test_an_interrupted_export_is_resumed_to_the_same_bytes(data_set: Path, tmp_path: Path, mode: str) -> None:
    """Every step that touches the disk is a crash point; without SYNTH_LONG every seventh is tried."""
    out = tmp_path / "out"
    export(data_set, out, to="nemo", shard_size=3)
    complete = tree(out)
    points = 0
    for point in range(1, 1000, 1 if LONG else 7):
        shutil.rmtree(out)
        code, reached = in_child(lambda: export(data_set, out, to="nemo", shard_size=3), f"{point}:{mode}")
        if not reached:
            break
        points += 1
        assert code == (-signal.SIGKILL if mode == "kill" else 1), point
        if (out / "export.json").exists():
            assert tree(out) == complete, point
        export(data_set, out, to="nemo", shard_size=3)
        assert tree(out) == complete, point
        assert not (out / ".synth").exists()
    assert points > 5


def test_a_command_with_workers_that_is_killed_is_resumed(data_set: Path, tmp_path: Path) -> None:
    """SIGKILL after the n-th part, with two workers; long form: after each part."""
    out = tmp_path / "out"
    export(data_set, out, to="webdataset", shard_size=1)
    complete = tree(out)
    words = ["export", str(data_set), "--to", "webdataset", "--out", str(out), "--shard-size", "1", "--jobs", "2"]
    command = [sys.executable, "-c", "from synth.cli import main; main()", *words]
    for parts in range(1, 8) if LONG else (3,):
        shutil.rmtree(out)
        with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL) as run:
            while run.poll() is None and len(list(out.glob(".synth/parts/*.part"))) < parts:
                time.sleep(0.001)
            run.kill()
        export(data_set, out, to="webdataset", shard_size=1, jobs=2)
        assert tree(out) == complete, parts
        assert not (out / ".synth").exists()


def test_a_resumed_export_does_not_write_chunks_again(data_set: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    started = in_child(lambda: export(data_set, out, to="nemo", shard_size=1), "40:kill")
    parts = {path.name: path.stat().st_mtime_ns for path in (out / ".synth" / "parts").iterdir()}
    assert started == (-signal.SIGKILL, True)
    assert 0 < len(parts) < 8
    counted: list[int] = []
    export(data_set, out, to="nemo", shard_size=1, progress=lambda what, count, total: counted.append(count))
    assert counted == list(range(len(parts) + 1, 9))


def test_what_a_power_cut_leaves_of_a_chunk_is_written_again(data_set: Path, tmp_path: Path) -> None:
    """Parts are not synced, and names are not either: each may be missing, empty, cut off, or full of zeros."""
    out = tmp_path / "out"
    export(data_set, out, to="webdataset", shard_size=1)
    complete = tree(out)
    damages = (
        lambda part, tar: part.write_bytes(b""),
        lambda part, tar: part.write_bytes(part.read_bytes()[:-1]),
        lambda part, tar: part.write_bytes(bytes(part.stat().st_size)),
        lambda part, tar: tar.unlink(),
    )
    for damage in damages:
        shutil.rmtree(out)
        in_child(lambda: export(data_set, out, to="webdataset", shard_size=1), "60:kill")
        part = min((out / ".synth/parts").iterdir())
        damage(part, min(out.glob("*.tar")))
        export(data_set, out, to="webdataset", shard_size=1)
        assert tree(out) == complete


def test_the_same_command_again_writes_nothing(data_set: Path, tmp_path: Path) -> None:
    first = export(data_set, tmp_path / "out", to="nemo")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    second = export(data_set, tmp_path / "out", to="nemo")
    assert (first.was_complete, second.was_complete) == (False, True)
    assert first.content == second.content
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}


@pytest.mark.parametrize(
    ("options", "difference"),
    [
        ({"split": ["train"]}, '--split was [], is ["train"]'),
        ({"paths": "absolute"}, '--paths was "relative", is "absolute"'),
        ({"shard_size": 2}, "--shard-size was 3, is 2"),
        ({"cut_margins": True}, "--cut-margins was false, is true"),
    ],
)
def test_an_export_with_other_options_is_not_mixed_in(
    data_set: Path, tmp_path: Path, options: dict[str, object], difference: str
) -> None:
    out = tmp_path / "out"
    export(data_set, out, to="nemo")
    for state in ("complete", "interrupted"):
        before = tree(out)
        with pytest.raises(UsageError, match="another export was written") as caught:
            export(data_set, out, to="nemo", **options)  # type: ignore[arg-type]
        assert difference in str(caught.value), state
        assert tree(out) == before
        shutil.rmtree(out)
        in_child(lambda: export(data_set, out, to="nemo"), "20:kill")


def test_a_changed_data_set_is_not_mixed_in(tmp_path: Path) -> None:
    data_set = awkward_set(tmp_path)
    in_child(lambda: export(data_set, tmp_path / "out", to="nemo"), "20:kill")
    rewrite(data_set, rows_of(data_set / "manifest.jsonl")[:-1])
    with pytest.raises(UsageError, match=r"the data set \(sha256\) was"):
        export(data_set, tmp_path / "out", to="nemo")


def test_a_damaged_manifest_is_not_exported(tmp_path: Path) -> None:
    data_set = awkward_set(tmp_path)
    manifest = data_set / "train.jsonl"
    manifest.write_bytes(manifest.read_bytes().replace(b"hello", b"hallo"))
    with pytest.raises(DamagedDataset, match=r"train\.jsonl: is not as it was written"):
        export(data_set, tmp_path / "out", to="nemo")
    assert not (tmp_path / "out" / "export.json").exists()


def test_files_of_others_are_left_as_they_are(data_set: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "train_last.jsonl").write_text("mine")
    with pytest.raises(UsageError, match="no export that synth has begun"):
        export(data_set, out, to="nemo")
    (out / "train_last.jsonl").unlink()
    in_child(lambda: export(data_set, out, to="nemo"), "20:kill")
    (out / "train_last.jsonl").write_text("mine")
    with pytest.raises(UsageError, match=r"train_last\.jsonl: another file lies where the export has one"):
        export(data_set, out, to="nemo")
    assert (out / "train_last.jsonl").read_text() == "mine"
    (out / "train_last.jsonl").unlink()
    (tmp_path / "elsewhere").write_text("mine")
    (out / "train_last.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="another file lies"):
        export(data_set, out, to="nemo")
    assert (tmp_path / "elsewhere").read_text() == "mine"


def test_no_export_is_written_into_its_data_set(data_set: Path) -> None:
    for out in (data_set, data_set / "exports", data_set.parent):
        with pytest.raises(UsageError, match="--out"):
            export(data_set, out, to="nemo")


def test_two_runs_do_not_write_one_export(data_set: Path, tmp_path: Path) -> None:
    from synth.dataset import lock
    from synth.dataset.dataset_dir import DatasetDir

    with lock.hold_all(DatasetDir(tmp_path / "out")), pytest.raises(Locked):
        export(data_set, tmp_path / "out", to="nemo")


def test_an_unfinished_data_set_is_not_exported(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    with pytest.raises(UsageError, match="not a finished data set"):
        export(tmp_path / "set", tmp_path / "out", to="nemo")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({"split": ["train"]}, 6),
        ({"split": ["train", "train-dev"]}, 8),
        ({"stage": ["last"]}, 3),
        ({"condition": ["city"]}, 4),
        ({"condition": ["city"], "stage": ["warm_up"]}, 3),
    ],
)
def test_options_select_clips(data_set: Path, tmp_path: Path, options: dict[str, list[str]], count: int) -> None:
    result = export(data_set, tmp_path / "out", to="nemo", **options)  # type: ignore[arg-type]
    rows = [row for path in sorted((tmp_path / "out").glob("*.jsonl")) for row in json_lines(path)]
    assert len(rows) == result.content["clips"] == count
    for key, names in options.items():
        assert {row.get(key) for row in rows} <= set(names)


def test_bounds_of_durations_are_inclusive(data_set: Path, tmp_path: Path) -> None:
    durations = sorted(row["duration"] for row in rows_of(data_set / "manifest.jsonl"))
    result = export(data_set, tmp_path / "a", to="nemo", min_duration=durations[2], max_duration=durations[5])
    assert result.content["clips"] == 4
    assert result.content["hours"] == pytest.approx(sum(durations[2:6]) / 3600, abs=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": ["trian"]}, "--split trian: no clip has this; there are train, train-dev"),
        ({"stage": ["none"]}, "--stage none: no clip has this; there are warm_up, last"),
        ({"condition": ["sea"]}, "--condition sea: no clip has this; there are city"),
        ({"min_duration": 100.0}, "no clip is selected by --min-duration 100.0"),
        ({"min_duration": 3.0, "max_duration": 2.0}, "--min-duration 3 is above --max-duration 2"),
        ({"min_duration": math.nan}, "--min-duration nan: this is no length of a clip"),
        ({"max_duration": math.inf}, "--max-duration inf: this is no length of a clip"),
        ({"to": "nemmo"}, "did you mean nemo"),
        ({"paths": " "}, "--paths is empty"),
        ({"paths": "s3://a\nb"}, "control characters"),
    ],
)
def test_options_that_select_nothing_are_refused(
    data_set: Path, tmp_path: Path, options: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        export(data_set, tmp_path / "out", **{"to": "nemo", **options})  # type: ignore[arg-type]
    assert message in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_list_refers_to_no_member_of_an_archive(tmp_path: Path) -> None:
    data_set = awkward_set(tmp_path)
    rows = rows_of(data_set / "manifest.jsonl")
    for row in rows:
        row["audio_filepath"] = f"audio/{row['split']}/audio_000000.tar/{row['id']}.flac"
    rewrite(data_set, rows)
    lists = [name for name, kind in FORMATS.items() if not kind.holds_audio and not kind.names_members]
    assert len(lists) >= 7
    for name in lists:
        with pytest.raises(UsageError, match="are in archives"):
            export(data_set, tmp_path / "out", to=name)
    assert not (tmp_path / "out").exists()


def test_the_command_prints_what_is_lost_and_how_to_read(data_set: Path, tmp_path: Path) -> None:
    printed = run_synth("export", data_set, "--to", "nemo", "--out", tmp_path / "out")
    assert printed.returncode == 0
    assert "1 of 8 clips have no text" in printed.stdout
    assert "LazyNeMoIterator(" in printed.stdout
    values = json.loads(run_synth("export", data_set, "--to", "nemo", "--out", tmp_path / "out", "--json").stdout)
    assert values["was_complete"] is True
    assert values["lost"][0] == {
        "what": "no_text",
        "clips": 1,
        "text": "have no text: their `text` is empty and `_skipme` is true, so that NeMo skips them",
    }


def test_only_what_a_clip_has_is_reported_as_missing(tmp_path: Path) -> None:
    data_set = awkward_set(tmp_path)
    full = export(data_set, tmp_path / "full", to="kaldi").content["left_out"]
    assert {"labels", "alignments", "weights", "stages", "noise segments", "effects", "stems"} == set(full)
    rows = rows_of(data_set / "manifest.jsonl")
    for row in rows:
        row |= {"labels": {}, "alignment": None, "weight": 1.0, "stage": None}
        row["stems"] = dict.fromkeys(row["stems"])
    rewrite(data_set, rows)
    assert export(data_set, tmp_path / "bare", to="kaldi").content["left_out"] == ["noise segments", "effects"]


def test_a_refused_export_is_a_message_without_traceback(data_set: Path, tmp_path: Path) -> None:
    printed = run_synth("export", data_set, "--to", "nemo", "--out", tmp_path / "out", "--split", "dev")
    assert printed.returncode == UsageError.exit_code
    assert printed.stderr.startswith("synth: --split dev: no clip has this")
