"""Shards through the real plan and the real engine: the same bytes however they are made, and trouble costs one input."""

from __future__ import annotations

import dataclasses
import faulthandler
import json
import os
import random
import signal
import sys
import time
import types
from pathlib import Path
from typing import Any

import pytest
import soundfile

from synth.audio import file_identity as identity_module
from synth.audio.read import read_samples
from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.finish import finish
from synth.dataset.status import status
from synth.errors import SynthError
from synth.execute import clip_maker, worker
from synth.execute.array_part import parse_part
from synth.execute.local import run_shards
from synth.render import clip_renderer
from synth.render.clip import render_clip
from synth.render.progress import NoProgress
from tests import small_set

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning"),
]

SHARDS = 3
KEYS = {
    "alignment", "audio_filepath", "channel", "case", "channels", "condition", "copy", "duration", "events", "headroom_gain_db", "id",
    "labels", "level_dbfs", "match_spectrum", "noise", "num_samples", "pcm_sha256", "peak_dbfs", "room", "sampling_rate", "sha256", "snr_db",
    "source", "source_id", "speaker", "speech", "split", "stage", "stems", "text", "fluctuation_db", "weight",
}  # fmt: skip


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_set.make_sources(tmp_path_factory.mktemp("small") / "in", speech=4)


@pytest.fixture(scope="module")
def golden(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    dataset = small_set.plan_into(recipe, tmp_path_factory.mktemp("golden") / "out")
    small_set.make_inline(dataset, range(SHARDS))
    return small_set.tree(dataset.path)


@pytest.fixture
def dataset(recipe: Path, tmp_path: Path) -> DatasetDir:
    return small_set.plan_into(recipe, tmp_path / "out")


@pytest.fixture(autouse=True)
def fork(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fork although pytest-timeout has a thread: what is patched here is then patched in the workers too."""
    monkeypatch.setattr("synth.execute.local._start_method", lambda: "fork")


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_the_same_tree_for_any_number_of_workers(dataset: DatasetDir, golden: dict[str, str], jobs: int) -> None:
    small_set.make_with_engine(dataset, range(SHARDS), jobs=jobs)
    assert small_set.tree(dataset.path) == golden


def test_the_same_tree_where_workers_are_spawned(
    dataset: DatasetDir, golden: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synth.execute.local._start_method", lambda: "spawn")
    small_set.make_with_engine(dataset, range(SHARDS), jobs=2)
    assert small_set.tree(dataset.path) == golden


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_same_tree_for_parts_in_any_order_some_made_twice(
    dataset: DatasetDir, golden: dict[str, str], seed: int
) -> None:
    rng = random.Random(seed)
    count = rng.randint(2, 4)
    order = [*range(count), rng.randrange(count)]
    rng.shuffle(order)
    for index in order:
        for shard in rng.sample(shards := list(parse_part(f"{index}/{count}", {}).shards(SHARDS)), len(shards)):
            worker.run_shard(dataset.path, shard)  # made already or not
    finish(dataset)
    assert small_set.tree(dataset.path) == golden


def test_the_manifest_is_in_clip_order(dataset: DatasetDir) -> None:
    small_set.make_inline(dataset, reversed(range(SHARDS)))
    plan = clip_maker.open_clip_maker(dataset.path).plan
    rows = [json.loads(line) for line in dataset.manifest.read_text().splitlines()]
    assert [row["id"] for row in rows] == [plan.clip_id(index) for index in range(len(plan))]


def test_a_row_holds_every_key_and_nemos_are_flat(dataset: DatasetDir) -> None:
    small_set.make_inline(dataset, range(SHARDS))
    for line in dataset.manifest.read_text().splitlines():
        row = json.loads(line)
        assert line == json.dumps(row, sort_keys=True)
        assert set(row) == KEYS
        info = soundfile.info(dataset.absolute(row["audio_filepath"]))
        assert (info.frames, info.samplerate, info.subtype) == (row["num_samples"], row["sampling_rate"], "PCM_16")
        assert row["duration"] == row["num_samples"] / row["sampling_rate"]
        assert row["text"] is None and row["speaker"] is None and row["alignment"] is None
        assert row["audio_filepath"].count("/") == 3  # NeMo joins only paths that have a parent part


def test_a_process_keeps_few_data_sets_open(recipe: Path, tmp_path: Path) -> None:
    counts = []
    for k in range(5):
        small_set.make_inline(small_set.plan_into(recipe, tmp_path / f"out{k}"), range(SHARDS))
        counts.append(len(list(Path("/proc/self/fd").iterdir())))
    assert counts[-1] <= counts[1] + 2


def trouble(monkeypatch: pytest.MonkeyPatch, name: str, action: str, marker: Path) -> None:
    """Reading the file `name` kills the process, or never ends; with `once`, only the first two times in both of its shards."""

    def read(path: str, **rest: Any) -> Any:
        if Path(path).name == name and len(list(marker.glob("*"))) < 4:
            if action.endswith("once"):
                (marker / f"{time.monotonic_ns()}").touch()
            if action.startswith("kill"):
                faulthandler.disable()  # pytest's; its report would only litter the output
                os.kill(os.getpid(), signal.SIGSEGV)
            time.sleep(60)
        return read_samples(path, **rest)

    monkeypatch.setattr(clip_renderer, "read_samples", read)
    marker.mkdir()


def test_hashing_a_long_file_does_not_count_against_the_limit(
    dataset: DatasetDir, golden: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """B7: a clip has 0.7 s, but its file is read for 1.5 s to hash it; each block is a sign of life."""

    def read(descriptor: int, buffers: Any) -> int:
        time.sleep(0.1)
        return os.readv(descriptor, [buffers[0][:500]])

    monkeypatch.setattr(identity_module, "_hashes", {})  # this process has made the golden set
    monkeypatch.setattr(identity_module, "os", types.SimpleNamespace(**{**vars(os), "readv": read}))
    result = run_shards(dataset.path, range(SHARDS), jobs=2, timeout_s=0.7)
    finish(dataset)
    assert (result.clips, result.timeouts) == (8, 0)
    assert small_set.tree(dataset.path) == golden


def quarantine(dataset: DatasetDir) -> list[tuple[str, str, str]]:
    rows = [json.loads(line) for line in dataset.quarantine.read_text().splitlines()]
    return [(row["path"], row["code"], row["message"]) for row in rows]


def test_a_decoder_that_crashes_costs_its_input(
    dataset: DatasetDir, golden: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    trouble(monkeypatch, "speech1.wav", "kill", tmp_path / "marker")
    small_set.make_with_engine(dataset, range(SHARDS), jobs=2)
    message = "the process was killed by SIGSEGV while the clip was in read, twice"
    assert quarantine(dataset) == [("speech1.wav", "decode_crash", message)] * 2
    made = {name: sha256 for name, sha256 in small_set.tree(dataset.path).items() if name.endswith(".flac")}
    assert made == {name: sha256 for name, sha256 in golden.items() if name.endswith(".flac") and "speech1" not in name}
    assert not any(dataset.temp.glob("*"))


def test_a_time_out_is_never_a_success_and_is_tried_again(
    dataset: DatasetDir, golden: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    trouble(monkeypatch, "speech1.wav", "hang once", tmp_path / "marker")
    result = run_shards(dataset.path, range(SHARDS), jobs=2, timeout_s=0.7)
    assert (result.clips, result.timeouts) == (6, 2)
    with pytest.raises(SynthError, match=r"2 clips timed out \(see .*quarantine\.jsonl\): run again") as caught:
        finish(dataset)
    assert caught.value.exit_code == 1
    assert not dataset.dataset_json.exists()
    assert [code for _, code, _ in quarantine(dataset)] == ["timeout", "timeout"]
    assert status(dataset).missing != ()
    small_set.make_with_engine(dataset, range(SHARDS), jobs=2)  # the machine is less busy now
    assert small_set.tree(dataset.path) == golden


def test_a_time_out_may_be_accepted_by_a_person(
    dataset: DatasetDir, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    trouble(monkeypatch, "speech1.wav", "hang once", tmp_path / "marker")
    run_shards(dataset.path, range(SHARDS), jobs=2, timeout_s=0.7)
    assert finish(dataset, accept_timeouts=True)["refused"] == {"timeout": 2}


def test_an_effect_that_raises_costs_its_clip(dataset: DatasetDir, monkeypatch: pytest.MonkeyPatch) -> None:
    def render(spec: Any, *args: Any, **rest: Any) -> Any:
        if spec.clip_id.startswith("speech2") and spec.copy == 1:
            raise ValueError("a filter is unstable\nand more")
        return render_clip(spec, *args, **rest)

    monkeypatch.setattr(clip_renderer, "render_clip", render)
    small_set.make_inline(dataset, range(SHARDS))
    assert quarantine(dataset) == [("speech2.wav", "render_failed", "ValueError: a filter is unstable")]
    assert len(dataset.manifest.read_text().splitlines()) == 7


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_a_row_that_no_json_can_hold_costs_its_clip(
    dataset: DatasetDir, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    """B2: it ended the run as an internal error, without the name of the clip."""

    def render(spec: Any, *args: Any, **rest: Any) -> Any:
        rendered = render_clip(spec, *args, **rest)
        if spec.source_id.startswith("speech2") and spec.copy == 0:
            rendered = dataclasses.replace(
                rendered,
                measurements=dataclasses.replace(
                    rendered.measurements, snr=dataclasses.replace(rendered.measurements.snr, a=value)
                ),
            )
        return rendered

    monkeypatch.setattr(clip_renderer, "render_clip", render)
    small_set.make_inline(dataset, range(SHARDS))
    ((path, code, message),) = quarantine(dataset)
    assert (path, code) == ("speech2.wav", "render_failed")
    assert message.startswith(
        "the clip cannot be written: ValueError: Out of range float values are not JSON compliant"
    )
    assert len(dataset.manifest.read_text().splitlines()) == 7


def test_a_clip_that_is_silent_after_rounding_is_refused(dataset: DatasetDir, monkeypatch: pytest.MonkeyPatch) -> None:
    """B14: a recording of nothing but ultrasound was made into a clip of zeros."""

    def render(spec: Any, *args: Any, **rest: Any) -> Any:
        rendered = render_clip(spec, *args, **rest)
        if spec.source_id.startswith("speech2"):
            quiet = dataclasses.replace(rendered.mixture, gain=rendered.mixture.gain * 1e-6).rounded()
            rendered = dataclasses.replace(rendered, pcm=quiet.pcm, pcm_level=quiet.level)
        return rendered

    monkeypatch.setattr(clip_renderer, "render_clip", render)
    small_set.make_inline(dataset, range(SHARDS))
    message = "every sample of the clip is 0 after rounding to 16 bits"
    assert quarantine(dataset) == [("speech2.wav", "silent", message)] * 2
    assert len(dataset.manifest.read_text().splitlines()) == 6


def test_copies_of_an_utterance_are_decoded_once(dataset: DatasetDir, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def read(path: str, **rest: Any) -> Any:
        calls.append(path)
        return read_samples(path, **rest)

    monkeypatch.setattr(clip_renderer, "read_samples", read)
    maker = clip_maker.open_clip_maker(dataset.path)
    for index in range(len(maker.plan)):
        maker.make(index, NoProgress())
    assert len(calls) == 4


def test_a_shard_that_is_made_again_gives_the_same_part(dataset: DatasetDir) -> None:
    first = worker.run_shard(dataset.path, 1)
    before = dataset.part(1).read_bytes()
    assert worker.run_shard(dataset.path, 1) == first
    assert dataset.part(1).read_bytes() == before


def test_a_part_of_another_version_is_never_overwritten(dataset: DatasetDir) -> None:
    worker.run_shard(dataset.path, 1)
    dataset.part(1).write_text("other")
    with pytest.raises(SynthError, match="exists with other content: another run made this shard differently"):
        worker.run_shard(dataset.path, 1)
