"""synth.open_dataset: rows as typed values, lazily, from any process, cheap however many there are."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import pickle
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import synth
from synth.audio.cache import cache_folder
from synth.dataset.reader import DataFile
from synth.errors import DamagedDataset, SynthError, UsageError
from synth.training import index
from synth.training.index import line_starts
from tests.helpers import ROOT, rows_of
from tests.small_set import make_inline, make_sources, plan_into


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of 8 clips."""
    folder = tmp_path_factory.mktemp("small")
    dataset = plan_into(make_sources(folder / "sources"), folder / "out")
    make_inline(dataset, range(3))
    return folder / "out"


def write_manifest(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def many_rows(count: int) -> list[dict[str, Any]]:
    """Of somebody's list: every third is dev, every tenth weighs nothing."""
    return [
        {
            "audio_filepath": f"a/{k}.wav",
            "duration": 1 + k / 8,
            "text": f"wört {k}",
            "split": "dev" if k % 3 == 0 else "train",
            "stage": ("pre", "fine", None)[k % 5 % 3],
            "weight": 0.0 if k % 10 == 0 else 2.0,
            "labels": {"rain": (True, False, None)[k % 3], "accent": "swiss", "fan": "yes" if k % 2 else ""},
        }
        for k in range(count)
    ]


def first_samples(job: tuple[synth.OpenDataset, int]) -> tuple[str, list[float]]:
    data, k = job
    row = data[k]
    return row.id, row.audio()[:50].tolist()


def test_a_row_says_what_the_manifest_says(out: Path) -> None:
    data, rows = synth.open_dataset(out), rows_of(out / "manifest.jsonl")
    assert len(data) == len(rows) == 8
    for row, fields in zip(data, rows, strict=True):
        assert row.manifest == fields
        assert (row.id, row.split, row.stage, row.weight, row.duration) == tuple(
            fields[key] for key in ("id", "split", "stage", "weight", "duration")
        )
        assert (row.snr_db, row.level_dbfs) == (fields["snr_db"]["measured"], fields["level_dbfs"]["measured"])
        assert (row.num_samples, row.sample_rate) == (fields["num_samples"], fields["sampling_rate"])
        assert row.path == out / fields["audio_filepath"]


def test_audio_is_the_file_exactly(out: Path) -> None:
    for row in synth.open_dataset(out):
        written, _ = soundfile.read(row.path, dtype="int16")
        assert row.audio().dtype == np.float32 and row.audio().shape == (row.num_samples,)
        assert np.array_equal(row.audio(), written / np.float32(32768))
        assert row.pcm().dtype == np.int16 and np.array_equal(row.pcm(), written)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_read_the_same(out: Path, method: str) -> None:
    data = synth.open_dataset(out)
    here = [first_samples((data, k)) for k in range(len(data))]  # opened here, before the fork
    part = data.select(split="train")[2:]
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(first_samples, [(data, k) for k in range(len(data))], chunksize=1) == here
        assert pool.map(first_samples, [(part, k) for k in range(len(part))], chunksize=1) == here[2:]


def test_threads_do_not_disturb_each_other(tmp_path: Path) -> None:
    rows = many_rows(500)
    data = synth.open_dataset(write_manifest(tmp_path / "list.jsonl", rows))
    wrong: list[int] = []

    def look(start: int) -> None:
        wrong.extend(k for k in range(start, 500, 4) if data[k].text != rows[k]["text"])

    threads = [threading.Thread(target=look, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_parts_are_what_a_plain_filter_gives(tmp_path: Path) -> None:
    rows = many_rows(60)
    data = synth.open_dataset(write_manifest(tmp_path / "list.jsonl", rows))
    texts = [row["text"] for row in rows if row["split"] == "train" and row["stage"] == "fine" and row["weight"] >= 1]
    found = data.select(split="train", stage="fine", min_weight=1)
    assert [row.text for row in found] == texts and 0 < len(texts) < 60
    assert [row.text for row in found[1::2]] == texts[1::2]
    assert [row.text for row in data[10:50].select(stage=["pre", "fine"])[::-1]] == [
        row["text"] for row in rows[10:50] if row["stage"]
    ][::-1]
    assert found[-1].text == texts[-1]
    assert np.array_equal(found.weights, np.full(len(texts), 2.0))
    assert np.array_equal(data.durations, [row["duration"] for row in rows])
    assert (data.splits, found.splits, data.stages) == (("dev", "train"), ("train",), ("fine", "pre"))
    assert len(data[5:5]) == 0 and not list(data[5:5])
    with pytest.raises(UsageError, match=r"has no stage 'fien'; it has fine, pre"):
        data.select(stage="fien")
    with pytest.raises(UsageError, match="none of its clips has a condition"):
        data.select(condition="wide")
    with pytest.raises(IndexError, match="clip 60 of 60"):
        data[60]


def test_labels_come_with_a_mask(tmp_path: Path) -> None:
    data = synth.open_dataset(write_manifest(tmp_path / "list.jsonl", many_rows(3)))
    assert data.label_names == ("fan", "rain")  # an accent is neither true nor false
    values, known = zip(*(row.label_values(("fan", "rain", "siren")) for row in data), strict=True)
    assert np.array_equal(values, [[0, 1, 0], [1, 0, 0], [0, 0, 0]]) and values[0].dtype == np.float32
    assert np.array_equal(known, [[False, True, False], [True, True, False], [False, False, False]])
    with pytest.raises(UsageError, match="accent"):
        data[0].label_values(["accent"])


def test_rows_with_the_keys_of_nemo_alone(tmp_path: Path) -> None:
    samples = np.arange(-400, 400, dtype=np.int16)
    soundfile.write(tmp_path / "long.wav", samples, 8000)
    path = tmp_path / "list.jsonl"
    path.write_text(
        '\n{"audio_filepath": "long.wav", "duration": 0.1}\n\n'
        f'{{"audio_filepath": "{tmp_path}/long.wav", "duration": 0.025, "offset": 0.05, "text": "hey"}}'
    )
    whole, part = synth.open_dataset(path)
    assert (whole.id, whole.split, whole.weight, whole.labels, whole.snr_db) == ("long", None, 1.0, {}, None)
    assert np.array_equal(whole.pcm(), samples)
    assert np.array_equal(part.pcm(), samples[400:600]) and part.text == "hey"


def test_pickles_are_small(tmp_path: Path) -> None:
    data = synth.open_dataset(write_manifest(tmp_path / "list.jsonl", many_rows(2000)))
    part = data.select(split="train", min_weight=1)[5:900:3]
    list(part), data.durations
    assert max(len(pickle.dumps(data)), len(pickle.dumps(part))) < 1000
    again = pickle.loads(pickle.dumps(part))
    assert [row.text for row in again] == [row.text for row in part]
    assert pickle.loads(pickle.dumps(part[3])) == part[3]


def test_the_columns_of_a_large_manifest_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "_MIN_CACHED_ROWS", 10)
    path = write_manifest(tmp_path / "list.jsonl", many_rows(40))
    first = synth.open_dataset(path)
    texts = [row.text for row in first.select(stage="fine")]
    assert list((cache_folder() / "manifests").glob("*.npz"))
    monkeypatch.setattr(index.ManifestFile, "read_columns", None)  # nothing is parsed any more
    second = synth.open_dataset(path)
    assert [row.text for row in second.select(stage="fine")] == texts
    assert np.array_equal(second.durations, first.durations) and second.label_names == first.label_names
    monkeypatch.undo()
    write_manifest(path, many_rows(30))
    assert len(synth.open_dataset(path).select(split="train")) == 20  # what is kept is of another file


def test_line_starts_over_chunks_and_blank_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"\nab\n\n\ncdef\ngh")
    for size in (1, 2, 3, 100):
        monkeypatch.setattr(index, "_CHUNK", size)
        starts = line_starts(DataFile(path)).tolist()
        texts = [path.read_bytes()[a:b].strip() for a, b in itertools.pairwise(starts)]
        assert texts == [b"ab", b"cdef", b"gh"]


# -------------------------------------------------------------------------------------------------------------- errors


def test_what_is_no_data_set_is_refused(tmp_path: Path, out: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no data set or manifest .*nothing"):
        synth.open_dataset(tmp_path / "nothing")
    with pytest.raises(
        UsageError, match=r"not a data set of synth: it has no manifest.jsonl; `synth generate` makes one"
    ):
        synth.open_dataset(tmp_path)
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(UsageError, match=r"empty.jsonl has no rows"):
        synth.open_dataset(tmp_path / "empty.jsonl")
    with pytest.raises(DamagedDataset, match=r"recipe.yaml: row 1: not JSON"):  # a data set's own file
        synth.open_dataset(out / "recipe.yaml")
    (tmp_path / "notes.txt").write_text("no list\n")
    with pytest.raises(UsageError, match=r"notes.txt: row 1: not JSON"):
        synth.open_dataset(tmp_path / "notes.txt")


def test_an_unfinished_data_set_says_what_to_run(tmp_path: Path) -> None:
    dataset = plan_into(make_sources(tmp_path / "sources"), tmp_path / "out")
    make_inline(dataset, [0], merge=False)
    with pytest.raises(
        UsageError, match=r"out is a data set that is not finished .*`synth generate`.*`synth finish .*out`"
    ):
        synth.open_dataset(tmp_path / "out")


def test_missing_and_damaged_audio_names_the_clip(tmp_path: Path) -> None:
    (tmp_path / "bad.flac").write_bytes(b"not audio")
    rows = [{"audio_filepath": name, "duration": 1, "id": name[:4]} for name in ("gone.flac", "bad.flac")]
    gone, bad = synth.open_dataset(write_manifest(tmp_path / "list.jsonl", rows))
    with pytest.raises(SynthError, match=r"clip gone: its audio file .*gone.flac is missing; `synth verify`"):
        gone.audio()
    with pytest.raises(SynthError, match=r"clip bad.: .*bad.flac cannot be decoded"):
        bad.pcm()


def test_a_manifest_that_changes_is_not_read_on(tmp_path: Path) -> None:
    path = write_manifest(tmp_path / "list.jsonl", many_rows(5))
    sent = pickle.dumps(synth.open_dataset(path))
    write_manifest(path, many_rows(6))
    with pytest.raises(UsageError, match="has changed since it was opened; open it again"):
        pickle.loads(sent)[0]


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    path = write_manifest(tmp_path / "list.jsonl", [*many_rows(2), {"duration": 1}])
    data = synth.open_dataset(path)
    with pytest.raises(UsageError, match=r"list.jsonl: row 3: not a row of a manifest: audio_filepath is missing"):
        data[2]
    with pytest.raises(UsageError, match="row 3"):
        data.select(split="train")[0]


def test_importing_synth_loads_neither_room_nor_numpy() -> None:
    program = (
        "import sys, synth; print([m for m in sys.modules if m.split('.')[0] == 'numpy' or 'reading' in m]);"
        "synth.open_dataset; print('synth.training.dataset' in sys.modules); synth.no_such_thing"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.stdout.split("\n")[:2] == ["[]", "True"]
    assert "module 'synth' has no attribute 'no_such_thing'" in done.stderr
