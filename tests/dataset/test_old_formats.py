"""A data set of an earlier version is refused with the names of its keys and of those of today."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import synth
from synth.commands.generate import generate
from synth.commands.replay import replay
from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.finish import finish
from synth.dataset.status import status
from synth.dataset.verify import verify
from synth.errors import UsageError
from tests import small_set

PLAN_TEXT = (
    ".synth/plan.json: format_version is 4, written by an earlier version of synth; this version reads 6 "
    "(`fingerprint` is now `plan_digest`, `digests` is now `input_digests`, `inputs` is now `num_inputs`, "
    "`planned` is now `ledger`). "
    "Use the version that wrote it, or generate the data set again in a new directory"
)
CONTENT_TEXT = (
    "dataset.json: schema_version is 1, written by an earlier version of synth; this version reads 2 "
    "(`fingerprint` is now `plan_digest`, `inputs` is now `input_digests`, `ledger.made` is now `ledger.rendered`, "
    "`ledger.*.pools[].grown` is now `ledger.*.pools[].by_method`). "
    "Use the version that wrote it, or generate the data set again in a new directory"
)
ROW_TEXT = (
    "the key `noise[].grown` of earlier versions of synth is now `noise[].synthesis`. "
    "Use the version that wrote the data set, or generate it again in a new directory"
)


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A recipe and its finished data set, with the keys that it had before 1.0."""
    folder = tmp_path_factory.mktemp("old")
    recipe = small_set.make_sources(folder)
    dataset = DatasetDir(folder / "out")
    generate(recipe, dataset.path)
    header = json.loads(dataset.plan_header.read_text())
    header["format_version"] = 4
    header["fingerprint"] = header.pop("plan_digest")
    dataset.plan_header.write_text(json.dumps(header))
    content = json.loads(dataset.dataset_json.read_text())
    content["schema_version"] = 1
    content["fingerprint"] = content.pop("plan_digest")
    dataset.dataset_json.write_text(json.dumps(content))
    rows = [json.loads(line) for line in dataset.manifest.read_text().splitlines()]
    for row in rows:
        for segment in row["noise"]:
            segment["grown"] = segment.pop("synthesis")
    dataset.manifest.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return recipe, dataset.path


@pytest.fixture
def copy(old: tuple[Path, Path], tmp_path: Path) -> Path:
    """The old data set, to be changed by a test."""
    return shutil.copytree(old[1], tmp_path / "out")


READERS: dict[str, Callable[[Path, Path], Any]] = {
    "generate": generate,
    "status": lambda recipe, out: status(DatasetDir(out)),
    "finish": lambda recipe, out: finish(DatasetDir(out)),
    "replay": lambda recipe, out: replay(out, "0", out.parent / "clip.wav"),
}


@pytest.mark.parametrize("reader", READERS)
def test_an_old_plan_is_refused(reader: str, old: tuple[Path, Path], copy: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in copy.rglob("*") if path.is_file()}
    with pytest.raises(UsageError) as error:
        READERS[reader](old[0], copy)
    assert str(error.value) == f"{copy}/{PLAN_TEXT}"
    assert {path: path.stat().st_mtime_ns for path in copy.rglob("*") if path.is_file()} == before


def test_a_plan_whose_keys_are_those_of_today_is_refused_without_other_names(
    old: tuple[Path, Path], copy: Path
) -> None:
    """Until format 5 recipes had fewer keys, so that the digest of such a plan is another one: it is not damaged."""
    path = DatasetDir(copy).plan_header
    header = json.loads(path.read_text())
    header["plan_digest"] = header.pop("fingerprint")
    path.write_text(json.dumps({**header, "format_version": 5}))
    with pytest.raises(
        UsageError, match=r"format_version is 5, .* this version reads 6\. Use the version that wrote it"
    ):
        generate(old[0], copy)


def test_verify_refuses_an_old_data_set(copy: Path) -> None:
    with pytest.raises(UsageError, match=rf"^{re.escape(f'{copy}/{CONTENT_TEXT}')}$"):
        verify(DatasetDir(copy))


def test_verify_refuses_old_rows_without_the_rest(copy: Path) -> None:
    shutil.rmtree(copy / ".synth")
    (copy / "dataset.json").unlink()
    with pytest.raises(UsageError, match=rf"^{re.escape(f'{copy}/manifest.jsonl:1: {ROW_TEXT}')}$"):
        verify(DatasetDir(copy))


def test_open_dataset_refuses_old_rows(copy: Path) -> None:
    with pytest.raises(UsageError, match=rf"^{re.escape(f'{copy}/manifest.jsonl: row 1: {ROW_TEXT}')}$"):
        synth.open_dataset(copy)
