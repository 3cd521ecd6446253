"""NeMo's own readers read what `synth export` writes for them, and the manifests of a data set."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tests.consumers.comparison import Row, differing, same_audio
from tests.consumers.conftest import MadeSet
from tests.consumers.environments import run_reader

Export = Callable[..., Path]
MANIFESTS = ("train_wide.jsonl", "train_fine-tune.jsonl", "train-dev_wide.jsonl")


def check(clips: list[dict[str, Any]], rows: list[Row], *, in_order: bool = True) -> None:
    """What NeMo makes of a row is the audio, its exact length, its text and, in `custom`, all that a row has a place for."""
    with_text = [row for row in rows if row["text"] is not None]
    assert len(with_text) < len(rows)  # the others are skipped
    pairs = same_audio(clips, with_text, in_order=in_order)
    for name in ("text", "duration"):
        assert differing(pairs, lambda clip, name=name: clip[name], lambda row, name=name: row[name]) == []
    assert differing(pairs, lambda clip: clip["declared_samples"], lambda row: row["num_samples"]) == []
    for name in ("speaker", "labels", "weight", "split", "stage", "alignment", "source_id"):
        assert (
            differing(pairs, lambda clip, name=name: clip["custom"].get(name), lambda row, name=name: row[name]) == []
        )


def test_the_manifest_of_a_data_set(made_set: MadeSet) -> None:
    printed = run_reader("torch", "nemo_list", made_set.path / "manifest.jsonl")
    pairs = same_audio(printed["clips"], made_set.rows)
    assert differing(pairs, lambda clip: clip["text"], lambda row: row["text"]) == []
    assert differing(pairs, lambda clip: clip["duration"], lambda row: row["duration"]) == []
    assert differing(pairs, lambda clip: clip["declared_samples"], lambda row: row["num_samples"]) == []


def test_exported_manifests(made_set: MadeSet, export: Export) -> None:
    printed = run_reader("torch", "nemo_list", *(export("nemo") / name for name in MANIFESTS))
    check(printed["clips"], made_set.rows, in_order=False)


def test_manifests_without_margins(made_set: MadeSet, export: Export) -> None:
    """With --cut-margins, NeMo reads the speech alone: offset and duration are exact to the sample."""
    with_margins = run_reader("torch", "nemo_list", *(export("nemo") / name for name in MANIFESTS))
    without = run_reader("torch", "nemo_list", *(export("nemo", "--cut-margins") / name for name in MANIFESTS))
    rows = {row["id"]: row for row in made_set.rows}
    assert [clip["id"] for clip in without["clips"]] == [clip["id"] for clip in with_margins["clips"]]
    for clip in without["clips"]:
        assert clip["num_samples"] == rows[clip["id"]]["speech"]["num_samples"]


def test_input_cfg_draws_by_weight(made_set: MadeSet, export: Export) -> None:
    """Hours times weight decide how often a manifest is drawn; only clips to train on are drawn."""
    printed = run_reader("torch", "nemo_config", export("nemo") / "input_cfg.yaml", "4000")
    assert printed["is_tarred"] is False
    drawn = {tuple(key.rsplit(" ", 2)): count for key, count in printed["drawn"].items()}
    rows = [row for row in made_set.of("train") if row["text"] is not None]
    assert {key[0] for key in drawn} == {row["id"] for row in rows}
    seconds = {"wide": 0.0, "fine-tune": 0.0}
    for row in rows:  # a clip without a text is skipped, and weighs nothing
        seconds[row["stage"]] += row["duration"] * row["weight"]
    share = sum(count for key, count in drawn.items() if key[1] == "fine-tune") / 4000
    assert abs(share - seconds["fine-tune"] / sum(seconds.values())) < 0.04  # five standard deviations


def test_exported_tars(made_set: MadeSet, export: Export) -> None:
    """Tars with a manifest each, as a training configuration spells them."""
    for split, last in (("train", 2), ("train-dev", 1)):
        folder, numbers = export("nemo_tarred") / split, f"_OP_0..{last}_CL_"
        manifests = f"{folder}/sharded_manifests/manifest_{numbers}.json"
        printed = run_reader("torch", "nemo_tarred", "all", manifests, f"{folder}/audio_{numbers}.tar")
        check(printed["clips"], made_set.of(split))
        at_once = run_reader(
            "torch", "nemo_tarred", "all", folder / "tarred_audio_manifest.json", f"{folder}/audio_{numbers}.tar"
        )
        check(at_once["clips"], made_set.of(split))


def test_tars_that_generate_wrote_are_read_in_place(tar_set: MadeSet, tmp_path: Path) -> None:
    """With `output.layout: tar`, NeMo reads the tars as they are, with one list whose paths are the names of the members."""
    for split in ("train", "train-dev"):
        rows = tar_set.of(split)
        lines = [{**row, "audio_filepath": Path(row["audio_filepath"]).name} for row in rows]
        (tmp_path / f"{split}.json").write_text("".join(json.dumps(line) + "\n" for line in lines))
        numbers = sorted({row["shard_id"] for row in rows})
        tars = f"{tar_set.path}/audio/{split}/audio__OP_{numbers[0]:06d}..{numbers[-1]:06d}_CL_.tar"
        assert numbers == [*range(numbers[0], numbers[-1] + 1)]
        printed = run_reader("torch", "nemo_tarred", "subset", tmp_path / f"{split}.json", tars)
        pairs = same_audio(printed["clips"], rows)
        assert differing(pairs, lambda clip: clip["text"], lambda row: row["text"]) == []
        assert differing(pairs, lambda clip: clip["duration"], lambda row: row["duration"]) == []


def test_exported_tars_of_tars(tar_set: MadeSet, export_of_tars: Export) -> None:
    folder = export_of_tars("nemo_tarred") / "train"
    manifests = f"{folder}/sharded_manifests/manifest__OP_0..2_CL_.json"
    printed = run_reader("torch", "nemo_tarred", "all", manifests, f"{folder}/audio__OP_0..2_CL_.tar")
    check(printed["clips"], tar_set.of("train"))


def test_an_export_refers_to_the_tars_that_generate_wrote(tar_set: MadeSet, export_of_tars: Export) -> None:
    """`--to nemo` copies nothing: NeMo draws by weight from the tars of the data set, stage by stage."""
    printed = run_reader("torch", "nemo_config", export_of_tars("nemo") / "input_cfg.yaml", "2000")
    assert printed["is_tarred"] is True
    drawn = {tuple(key.rsplit(" ", 2)) for key in printed["drawn"]}
    expected = {(row["id"], row["stage"], row["split"]) for row in tar_set.of("train") if row["text"] is not None}
    assert drawn == expected
    manifests = [f"{export_of_tars('nemo')}/tarred_train_{stage}.jsonl" for stage in ("wide", "fine-tune")]
    config = yaml.safe_load((export_of_tars("nemo") / "input_cfg.yaml").read_text())
    assert [entry["manifest_filepath"] for entry in config] == manifests
    clips = []
    for entry in config:
        tars = json.dumps(entry["tarred_audio_filepaths"])
        clips += run_reader("torch", "nemo_tarred", "subset", entry["manifest_filepath"], tars)["clips"]
    check(clips, tar_set.of("train"), in_order=False)
