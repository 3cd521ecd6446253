"""B1: a data set is never made from two versions of an input, and who resumes it learns which file has changed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from synth.cli.show.plan import plan_text
from synth.commands.dataset import finish
from synth.commands.generate import GeneratedDataset, Listeners, generate
from synth.commands.plan import make_plan
from synth.commands.replay import replay
from synth.errors import BadInput, UsageError, VerifyMismatch
from tests import small_set

KINDS = ("speech", "noise", "room", "event", "list", "cases")
RECIPE = """
seed: 3
sample_rate: 8000
speech:
  sources: {sources}
  room: {{sources: rooms, probability: 0.7}}
margins_s: [0.05, 0.1]
noise:
  snr_db: [0, 20]
  measure: rms
  layers:
    - {{name: car, sources: noise, min_recordings: 3}}
  events:
    - {{recorded: horns, label: klaxon, probability: 0.5, seconds: 0.5}}
conditions:
  - {{name: dry, weight: 1, cases: cases.csv}}
splits: {{by: [id], train: 1.0}}
limits: {{max_bad: 0.5, timeout_s: 20}}
output: {{shard_size: 2}}
"""


def write_sound(path: Path, seed: int, *, seconds: float = 1.6) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(seed).standard_normal(round(seconds * 8000)) * 0.1
    soundfile.write(path, samples, 8000, subtype="PCM_16")


def make_inputs(folder: Path, *, trusted: bool) -> Path:
    """One file of each kind that a plan reads, in `folder`; the speech in a list that states lengths if `trusted`."""
    for name, count in (("speech", 4), ("noise", 3), ("rooms", 1), ("horns", 1)):
        for k in range(count):
            write_sound(folder / name / f"{k}.wav", 10 * count + k)
    lengths = {"num_samples": 12800, "sampling_rate": 8000, "channels": 1} if trusted else {}
    rows = [{"audio_filepath": f"{k}.wav", "text": "one", **lengths} for k in range(4)]
    (folder / "list.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "cases.csv").write_text("snr_db,level_dbfs\n3,-20\n9,-25\n")
    (folder / "recipe.yaml").write_text(RECIPE.format(sources="[{name: spoken, path: speech, manifest: list.jsonl}]"))
    for path in folder.rglob("*.*"):
        os.utime(path, ns=(0, 1_577_836_800_000_000_007))  # old enough for the cache
    return folder / "recipe.yaml"


def path_of(kind: str, folder: Path) -> Path:
    names = {"speech": "speech/1.wav", "noise": "noise/1.wav", "room": "rooms/0.wav", "event": "horns/0.wav"}
    return folder / {**names, "list": "list.jsonl", "cases": "cases.csv"}[kind]


def edit_middle(path: Path) -> None:
    """Another sound of the same size, with the same first and last bytes."""
    data = bytearray(path.read_bytes())
    middle = slice(len(data) // 2 - 1000, len(data) // 2 + 1000)
    assert middle.start > 4096 and middle.stop < len(data) - 4096
    data[middle] = data[middle][::-1]
    path.write_bytes(data)


def keeping_times(change: Callable[[Path], None], path: Path) -> None:
    before = path.stat()
    change(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def touch(path: Path) -> None:
    os.utime(path, ns=(10**18, 10**18))


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders `trusted`, `probed` and `strict`, each with inputs `in` and a data set `out` whose part 0 of 2 is made."""
    base = tmp_path_factory.mktemp("begun")
    for name in ("trusted", "probed", "strict"):
        recipe = make_inputs(base / name / "in", trusted=name != "probed")
        generate(recipe, base / name / "out", part="0/2", strict_inputs=name == "strict")
    return base


@pytest.fixture
def changing(begun: Path) -> Iterator[Callable[[str, str], tuple[Path, Path]]]:
    """(folder, file of a kind in it), which the test may change: it is restored, so that all else is in the cache."""
    states: list[tuple[Path, bytes, int]] = []

    def choose(name: str, kind: str) -> tuple[Path, Path]:
        path = path_of(kind, begun / name / "in")
        states.append((path, path.read_bytes(), path.stat().st_mtime_ns))
        return begun / name, path

    yield choose
    for path, data, mtime_ns in states:
        path.write_bytes(data)
        os.utime(path, ns=(mtime_ns, mtime_ns))


def resume(folder: Path, **options: Any) -> GeneratedDataset:
    return generate(folder / "in" / "recipe.yaml", folder / "out", **options)


def refusal(folder: Path, **options: Any) -> list[str]:
    with pytest.raises(UsageError) as caught:
        resume(folder, **options)
    return str(caught.value).split("\n")


WHAT_TO_DO = (
    "A data set is never made from two versions of a file. Restore what has changed and run again, or choose a new "
    "directory."
)


@pytest.mark.parametrize("name", ["trusted", "probed"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_resume_refuses_a_changed_file_by_name(changing, kind: str, name: str) -> None:
    """B1: `chg.py` (same size, new time) and `chg2.py` (a list that states lengths, files replaced)."""
    folder, path = changing(name, kind)
    if kind in ("list", "cases"):
        path.write_text(path.read_text().replace("one", "two").replace("3,-20", "4,-20"))
        change = "its content has changed"
    elif kind == "speech" and name == "trusted":
        write_sound(path, 99)
        change = "its first or last 4096 bytes have changed"
    else:
        edit_middle(path)
        change = "its content has changed, though not its size, first or last bytes"
    assert refusal(folder) == [
        f"{folder / 'out'}: 1 input file is not what the data set was planned with:",
        f"  {path}: {change}",
        WHAT_TO_DO,
    ]
    assert not (folder / "out" / "dataset.json").exists()


def test_every_part_refuses_all_files_that_changed(changing) -> None:
    """B1: sizes are told apart, and what is gone or new is named, too."""
    folder, path = changing("trusted", "speech")
    with path.open("ab") as file:
        file.write(b"12")
    noise = changing("trusted", "noise")[1]
    noise.unlink()
    fresh = noise.with_name("3.wav")
    write_sound(fresh, 5)
    lines = refusal(folder, part="1/2")
    fresh.unlink()
    assert lines == [
        f"{folder / 'out'}: 3 input files are not what the data set was planned with:",
        f"  {path}: its size was 25644 bytes and is 25646 bytes",
        f"  {noise}: it is gone",
        f"  {fresh}: it is new",
        WHAT_TO_DO,
    ]


def test_a_file_that_goes_missing_is_named(changing) -> None:
    folder, path = changing("trusted", "speech")
    path.unlink()
    assert refusal(folder)[1] == f"  {path}: it is missing"


def test_a_touched_file_is_refused_unless_its_hash_is_known(changing) -> None:
    """B1: the rows that are made know the hash of 1.wav; no clip of 3.wav is made yet."""
    folder, path = changing("trusted", "speech")
    last = path.with_name("3.wav")
    before = last.stat().st_mtime_ns
    touch(path)
    touch(last)
    lines = refusal(folder)
    os.utime(last, ns=(before, before))
    assert lines[1] == (
        f"  {last}: its modification time was 2020-01-01 00:00:00.000000007 UTC and is 2001-09-09 01:46:40.000000000 UTC"
    )
    assert lines[2] == WHAT_TO_DO
    assert lines[3] == (
        "If only the time of a file has changed, its content may be the same, but no hash was recorded to tell: "
        "`synth generate --strict-inputs` records the hashes of all files when it plans."
    )
    assert len(lines) == 4


def test_strict_inputs_make_a_touch_harmless(changing, tmp_path: Path) -> None:
    """B1: whatever the times are, the content is the same, and so are the bytes."""
    folder = changing("strict", "speech")[0]
    recipe, out = folder / "in" / "recipe.yaml", tmp_path / "out"
    shutil.copytree(folder / "out", out)
    generate(recipe, tmp_path / "golden")
    for kind in KINDS:
        touch(changing("strict", kind)[1])
    messages: list[str] = []
    listeners = Listeners(message=messages.append)
    assert generate(recipe, out, part="1/2", listeners=listeners).result.refused == 0
    assert "4 input files have another modification time, but the same content (SHA-256)" in messages
    touch(folder / "in" / "speech" / "0.wav")  # the hashes are still known after a resume without the option
    generate(recipe, out)
    assert small_set.tree(out) == small_set.tree(tmp_path / "golden")


def test_one_hash_of_all_inputs_is_shown(changing) -> None:
    """B1: `synth plan --strict-inputs` tells whether two machines have the same files."""
    folder, path = changing("strict", "speech")
    recipe = folder / "in" / "recipe.yaml"
    plans = [make_plan(recipe, check=False, strict_inputs=strict) for strict in (False, True)]
    keeping_times(edit_middle, path)
    plans.append(make_plan(recipe, check=False, strict_inputs=True))
    assert plans[0].inputs_sha256 is None
    assert len(plans[1].inputs_sha256 or "") == 64
    assert f"inputs       SHA-256 of all files {plans[1].inputs_sha256}" in plan_text(plans[1], None).splitlines()
    assert plans[2].inputs_sha256 != plans[1].inputs_sha256
    assert len({plan.plan.digest for plan in plans}) == 1


@pytest.mark.parametrize("kind", ["speech", "noise", "room"])
def test_strict_inputs_notice_what_nobody_else_can(changing, kind: str) -> None:
    """B1: content that changed under the same size and time."""
    folder, path = changing("strict", kind)
    keeping_times(edit_middle, path)
    text = f"  {path}: its content has changed, though not its size, first or last bytes"
    assert refusal(folder, strict_inputs=True)[1:] == [text, WHAT_TO_DO]


def test_finish_refuses_rows_that_share_a_source_but_not_its_hash(tmp_path: Path) -> None:
    """B1: the case that no plan can see: same size, same time, same ends, and nothing hashed."""
    recipe = small_set.make_sources(tmp_path / "in", speech=2)
    write_sound(tmp_path / "in" / "speech" / "speech0.wav", 1)
    dataset = small_set.plan_into(recipe, tmp_path / "out", ["output.shard_size=1"])
    small_set.make_inline(dataset, [0, 2, 3], merge=False)
    path = tmp_path / "in" / "speech" / "speech0.wav"
    assert path.stat().st_size > 2 * 4096 + 1000
    keeping_times(edit_middle, path)
    small_set.make_inline(dataset, [1], merge=False)
    with pytest.raises(VerifyMismatch) as caught:
        finish(dataset.path)
    assert str(caught.value) == (
        f"{dataset.path}: clips of one source file were made from different contents of it (speech0.wav): the file was "
        "changed while the data set was made. Generate the data set again in a new directory."
    )
    assert not dataset.dataset_json.exists()


def test_a_clip_is_replayed_from_a_touched_source_but_not_from_another(tmp_path: Path) -> None:
    """B1: the row knows the hash of the file that the clip was made from."""
    recipe = small_set.make_sources(tmp_path / "in", speech=1)
    path = tmp_path / "in" / "speech" / "speech0.wav"
    write_sound(path, 1)
    dataset = small_set.plan_into(recipe, tmp_path / "out", ["output.stems=false"])
    small_set.make_inline(dataset, [0])
    clip_id = json.loads(dataset.manifest.read_text().split("\n")[0])["id"]
    touch(path)
    assert replay(dataset.path, clip_id, tmp_path / "one.flac").same is True
    edit_middle(path)
    with pytest.raises(BadInput, match="changed_during_run: it is not the file that was planned with: its modif"):
        replay(dataset.path, clip_id, tmp_path / "two.flac")


def test_what_a_killed_run_left_half_written_of_its_plan_goes(tmp_path: Path) -> None:
    """B14: `.synth/plan/.recipe.yaml.PID.0.tmp` stayed for ever."""
    recipe = small_set.make_sources(tmp_path / "in", speech=1)
    left = tmp_path / "out" / ".synth" / "plan" / ".recipe.yaml.4242.0.tmp"
    left.parent.mkdir(parents=True)
    left.write_text("half")
    small_set.plan_into(recipe, tmp_path / "out")
    assert not list((tmp_path / "out" / ".synth").rglob("*.tmp"))


def test_times_are_in_no_file_of_a_data_set(tmp_path: Path) -> None:
    """B1: the identity of a file is kept in `.synth/`; the tree and the plan's fingerprint know no times."""
    trees = []
    for name, moment in (("one", 1_600_000_000), ("two", 1_700_000_000)):
        recipe = small_set.make_sources(tmp_path / name, speech=1)
        for path in (tmp_path / name).rglob("*.wav"):
            os.utime(path, (moment, moment))
        small_set.make_inline(small_set.plan_into(recipe, tmp_path / name / "out"), [0])
        trees.append(small_set.tree(tmp_path / name / "out"))
    assert trees[0] == trees[1]


def test_a_worker_refuses_a_file_that_was_touched_after_the_plan(tmp_path: Path) -> None:
    """B1: nobody planned with this state of the file."""
    recipe = small_set.make_sources(tmp_path / "in", speech=2)
    dataset = small_set.plan_into(recipe, tmp_path / "out", ["output.shard_size=2"])
    touch(tmp_path / "in" / "speech" / "speech1.wav")
    small_set.make_inline(dataset, [0, 1])
    refusals = [json.loads(line) for line in dataset.quarantine.read_text().splitlines()]
    text = "it is not the file that was planned with: its modification time has changed"
    assert [(r["path"], r["code"], r["message"]) for r in refusals] == 2 * [("speech1.wav", "changed_during_run", text)]
