"""Data sets of Opus and MP3 keep every promise: same bytes, true rows of what the files hold, and nothing breaks on them."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import synth
from synth.audio.formats import LOSSY_FORMATS
from synth.audio.lossy_codec import decode_lossy, decoded_pcm
from synth.audio.pcm_level import PcmLevel
from synth.audio.read import count_samples, read_samples
from tests.dataset.forging import forge_row
from tests.helpers import FIXTURES, fixture_recipe, rows_of, run_synth
from tests.promises.export_readers import READERS
from tests.small_set import tree

FORMATS = sorted(LOSSY_FORMATS)
SPEECH = "speech:\n  sources: [{name: spoken, path: '%s/speech', glob: '[a-c]*/*_[1-2].flac'}]"


def recipe_of(folder: Path, file_format: str, *, more: str = "", **blocks: str) -> Path:
    return fixture_recipe(
        folder,
        speech=SPEECH % FIXTURES,
        splits="",
        output=f"output: {{format: {file_format}, stems: true, shard_size: 2{more}}}",
        **blocks,
    )


@pytest.fixture(scope="module", params=FORMATS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """6 clips in 3 shards with stems, made by one process."""
    folder = tmp_path_factory.mktemp(request.param)
    ended = run_synth("generate", recipe_of(folder, request.param), "--out", folder / "set", "--jobs", "1")
    assert ended.returncode == 0, ended.stderr
    return folder / "set"


def test_any_number_of_workers_writes_the_same_bytes(made: Path) -> None:
    other = made.parent / "other"
    ended = run_synth("generate", made.parent / "recipe.yaml", "--out", other, "--jobs", "2")
    assert ended.returncode == 0, ended.stderr
    assert tree(made) == tree(other)


def test_rows_are_true_of_the_decoded_samples(made: Path) -> None:
    rows = rows_of(made / "manifest.jsonl")
    assert len(rows) == 6
    for row in rows:
        path = made / row["audio_filepath"]
        data, level = path.read_bytes(), PcmLevel()
        pcm = decoded_pcm(decode_lossy(data))
        level.add(pcm)
        assert count_samples(path).num_samples == len(pcm) == row["num_samples"] == round(row["duration"] * 16000)
        assert hashlib.sha256(data).hexdigest() == row["sha256"]
        assert hashlib.sha256(pcm.tobytes()).hexdigest() == row["pcm_sha256"]
        assert abs(level.level_dbfs - row["level_dbfs"]["measured"]) < 1e-3
        assert abs(level.peak_dbfs - row["peak_dbfs"]) < 1e-3
        assert row["encoding"]["format"] == path.suffix[1:] == made.parent.name[: len(path.suffix[1:])]
        stems = sum(read_samples(made / row["stems"][name])[0] for name in ("speech", "noise"))
        error = 10 * np.log10(np.mean((pcm / 32768 - stems) ** 2) / np.mean(stems**2))
        assert abs(error - row["encoding"]["error_db"]) < 0.3 and error < -10


def test_verify_finds_nothing_and_names_what_was_changed(made: Path, tmp_path: Path) -> None:
    ended = run_synth("verify", made)
    assert ended.returncode == 0, ended.stdout
    for number, (change, what) in enumerate(
        (
            (lambda row: row.update(pcm_sha256="0" * 64), "they decode to other samples here"),
            (lambda row: row["encoding"].update(error_db=-3.0), "do not add up"),
            (lambda row: row["encoding"].update(level_change_db=3.0), "its level is"),
            (lambda row: row["encoding"].update(format="flac"), "its file is called"),
            (lambda row: row.pop("encoding"), "`encoding` does not say"),
            (lambda row: row.update(peak_dbfs=row["peak_dbfs"] - 0.1), "its peak is"),
        )
    ):
        out = tmp_path / str(number)
        shutil.copytree(made, out)
        forge_row(out, change)  # type: ignore[arg-type]
        ended = run_synth("verify", out)
        assert ended.returncode == 4 and what in ended.stdout, (what, ended.stdout)
    clip = next(out.glob("audio/train/*/*"))
    data = bytearray(clip.read_bytes())
    data[len(data) // 2] ^= 0x55
    clip.write_bytes(bytes(data))
    assert "its bytes are not those that were written" in run_synth("verify", out).stdout


def test_a_clip_is_made_again_and_explained(made: Path, tmp_path: Path) -> None:
    row = rows_of(made / "manifest.jsonl")[3]
    target = tmp_path / f"again{Path(row['audio_filepath']).suffix}"
    ended = run_synth("replay", made, row["audio_filepath"], "--out", target, "--json")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["same"] is True
    assert target.read_bytes() == (made / row["audio_filepath"]).read_bytes()
    assert run_synth("explain", made, row["id"]).returncode == 0


def test_training_gets_the_samples_of_the_files_in_both_ways(made: Path) -> None:
    data, plan = synth.open_dataset(made), synth.open_plan(made.parent / "recipe.yaml")
    assert len(data) == len(plan) == 6
    for from_file, rendered in zip(data, plan, strict=True):
        np.testing.assert_array_equal(from_file.audio(), decode_lossy(from_file.path.read_bytes()))
        np.testing.assert_array_equal(from_file.audio(), rendered.audio())
        np.testing.assert_array_equal(from_file.pcm(), rendered.pcm())
        assert hashlib.sha256(from_file.pcm().tobytes()).hexdigest() == from_file.manifest["pcm_sha256"]
        unwritten = {"sha256": None, "stems": None}
        assert {**from_file.manifest, **unwritten} == {**rendered.manifest, **unwritten}


def test_profile_compare_and_select_take_it(made: Path, tmp_path: Path) -> None:
    for words in (
        ("profile", made, "--out", tmp_path / "a.profile"),
        ("compare", made, made),
        ("select", made, "--to", made, "--hours", "0.001", "--out", tmp_path / "chosen.jsonl"),
        ("status", made),
    ):
        ended = run_synth(*words)
        assert ended.returncode == 0, (words, ended.stderr)


def test_a_lossy_set_is_a_source_of_the_same_length(made: Path, tmp_path: Path) -> None:
    rows = rows_of(made / "manifest.jsonl")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        f"sample_rate: 16000\nmargins_s: 0\nspeech: {{sources: [{{path: '{made}', allow_synthesized: true}}]}}\n"
    )
    ended = run_synth("generate", recipe, "--out", tmp_path / "set")
    assert ended.returncode == 0, ended.stderr
    lengths = {row["source"]["path"]: row["num_samples"] for row in rows_of(tmp_path / "set" / "manifest.jsonl")}
    expected: dict[str, Any] = {row["audio_filepath"]: row["num_samples"] for row in rows}
    assert expected.items() <= lengths.items()


def test_flac_and_wav_rows_say_nothing_of_an_encoding(tmp_path: Path) -> None:
    for file_format in ("flac", "wav"):
        out = tmp_path / file_format
        ended = run_synth("generate", recipe_of(tmp_path / f"of-{file_format}", file_format), "--out", out)
        assert ended.returncode == 0, ended.stderr
        assert all("encoding" not in row for row in rows_of(out / "manifest.jsonl"))


def test_a_level_is_reached_before_the_format_and_measured_after_it(tmp_path: Path) -> None:
    """At 6 kbit/s Opus changes the level of noisy speech: the row says by how much."""
    recipe = recipe_of(tmp_path, "opus", more=", bit_rate_kbps: 6")
    out = tmp_path / "set"
    assert run_synth("generate", recipe, "--out", out).returncode == 0
    assert run_synth("verify", out).returncode == 0
    changes = []
    for row in rows_of(out / "manifest.jsonl"):
        level, encoding = row["level_dbfs"], row["encoding"]
        assert (
            abs(level["measured"] - level["requested"] - row["headroom_gain_db"] - encoding["level_change_db"]) < 0.02
        )
        changes.append(abs(encoding["level_change_db"]))
    assert max(changes) > 0.05


@pytest.mark.parametrize("file_format", FORMATS)
def test_both_layouts_and_packed_exports_hold_the_same_files(file_format: str, tmp_path: Path) -> None:
    recipe, contents = recipe_of(tmp_path, file_format), []
    for layout in ("files", "tar"):
        out = tmp_path / layout
        assert run_synth("generate", recipe, "--out", out, "--set", f"output.layout={layout}").returncode == 0
        assert run_synth("verify", out).returncode == 0
        data = synth.open_dataset(out)
        assert all(hashlib.sha256(row.pcm().tobytes()).hexdigest() == row.manifest["pcm_sha256"] for row in data)
        contents.append({row.id: row.manifest["sha256"] for row in data})
        for name in ("webdataset", "shar"):
            exported = tmp_path / f"{layout}-{name}"
            assert run_synth("export", out, "--to", name, "--out", exported).returncode == 0
            clips = READERS[name](exported)
            contents.append({key: hashlib.sha256(bytes(clip.audio)).hexdigest() for key, clip in clips.items()})  # type: ignore[arg-type]
    assert len(contents[0]) == 6 and contents == contents[:1] * 6
