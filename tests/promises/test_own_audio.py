"""D5, D6, D7: what synth made is recognized by its own manifests, and refused or counted as what it is."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from synth.catalog.synthesized_noise import SynthesizedFile
from synth.commands.export import export
from synth.commands.generate import generate
from synth.commands.grow import grow
from synth.commands.init import init
from synth.commands.noise import noise_report
from synth.commands.plan import make_plan
from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.verify import verify
from synth.errors import GuardError, RecipeError, SynthError, UsageError
from synth.match.fit.recipe import base_recipe
from synth.recipe.load import load_recipe
from synth.training.dataset import open_dataset
from tests.helpers import rows_of
from tests.small_set import make_sources, tree

MIXTURES = "its clips are mixtures of speech and noise, so no SNR made from them would be true"


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sources, a recipe, and its data set `set`."""
    folder = tmp_path_factory.mktemp("own")
    generate(make_sources(folder), folder / "set")
    return folder


def recipe_of(work: Path, name: str, speech: str, noise: str = "noise", layer: str = "min_recordings: 1") -> Path:
    path = work / f"{name}.yaml"
    path.write_text(
        f"seed: 3\nsample_rate: 8000\nspeech: {{sources: [{speech}]}}\nmargins_s: 0.1\noutput: {{shard_size: 50}}\n"
        f"noise: {{snr_db: 5, measure: rms, layers: [{{name: car, sources: [{noise}], {layer}}}]}}\n"
    )
    return path


# ------------------------------------------------------------------------------------- D5: a data set below a source


def test_clips_below_a_source_never_become_speech(work: Path, tmp_path: Path) -> None:
    """D5: 292 instead of 146 utterances."""
    recipe = make_sources(tmp_path)
    with pytest.raises(UsageError, match=r"this lies in .*/speech, which is an input of this command"):
        generate(recipe, tmp_path / "speech" / "out")
    assert not (tmp_path / "speech" / "out").exists()
    planned = len(make_plan(recipe).plan)
    (work / "set").rename(tmp_path / "speech" / "out")  # made by an older version, or moved
    try:
        plan = make_plan(recipe).plan
        assert len(plan) == planned
        assert [(r.path, r.code) for r in plan.speech.refused] == [("out", "data_set")]
        made = generate(recipe, tmp_path / "data", overrides=["limits.max_bad=0"])
        assert made.content is not None and made.content["refused"] == {"data_set": 1}  # named, but no bad input
        assert [row["path"] for row in rows_of(tmp_path / "data" / "quarantine.jsonl")] == ["out"]
    finally:
        (tmp_path / "speech" / "out").rename(work / "set")


@pytest.mark.parametrize("to", ["webdataset", "lhotse"])
def test_clips_of_an_export_below_a_source_never_become_speech(work: Path, tmp_path: Path, to: str) -> None:
    recipe = make_sources(tmp_path)
    planned = len(make_plan(recipe).plan)
    export(work / "set", tmp_path / "out", to=to)
    (tmp_path / "out").rename(tmp_path / "speech" / "out")
    plan = make_plan(recipe).plan
    assert len(plan) == planned
    assert [(r.path, r.code) for r in plan.speech.refused] == [("out", "data_set")]


@pytest.mark.parametrize(
    ("to", "source"),
    [
        ("webdataset", "{name: s, path: out}"),
        ("shar", "{name: s, path: out/train, format: shar}"),
        ("nemo", "{name: s, path: ., manifest: out/train.jsonl}"),
        ("kaldi", "{name: s, path: out/train, format: kaldi}"),
    ],
)
def test_an_export_is_no_clean_speech(work: Path, tmp_path: Path, to: str, source: str) -> None:
    make_sources(tmp_path)
    export(work / "set", tmp_path / "out", to=to, paths="absolute")
    with pytest.raises(RecipeError, match="is an export of a data set that synth made: its clips are mixtures"):
        make_plan(recipe_of(tmp_path, "from_export", source))


def test_a_refused_generate_leaves_nothing_behind(tmp_path: Path) -> None:
    """D4"""
    recipe = make_sources(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    before = tree(tmp_path / "mine")
    with pytest.raises(UsageError, match=r"mine: this folder holds files \(notes.txt\) but no data set that synth has"):
        generate(recipe, tmp_path / "mine")
    assert tree(tmp_path / "mine") == before and not (tmp_path / "mine" / ".synth").exists()
    (tmp_path / "mine" / ".synth" / "locks").mkdir(parents=True)  # left by an older version
    with pytest.raises(UsageError, match=r"is not a data set of synth: it has no manifest.jsonl"):
        open_dataset(tmp_path / "mine")


# ------------------------------------------------------------------------------------------ D6: a data set as a source


def test_a_data_set_is_no_clean_speech(work: Path, tmp_path: Path) -> None:
    """D6"""
    text = f"{work}/set is a data set that synth made: {MIXTURES}"
    for source in ("{name: s, path: set}", "{name: s, path: set/audio}", "{name: s, manifest: set/manifest.jsonl}"):
        with pytest.raises(RecipeError) as caught:
            make_plan(recipe_of(work, "from_set", source))
        assert text in str(caught.value)
        assert str(caught.value).startswith(f"{work}/from_set.yaml:3:")
    with pytest.raises(RecipeError, match="is a data set that synth made"):
        make_plan(recipe_of(work, "noise_from_set", "speech", "set"))
    with pytest.raises(UsageError) as refused:  # with no place in a recipe: that of a trial is gone
        init(tmp_path / "new", speech=work / "set", noise=work / "noise")
    assert str(refused.value).startswith(f"source 'speech': {text}")
    with pytest.raises(SynthError, match="is a data set that synth made"):
        noise_report(work / "set")
    assert base_recipe(work / "recipe.yaml", speech=work / "set") is not None  # read by `fit`, which plans it next


def test_rows_of_a_selection_are_no_clean_speech(work: Path) -> None:
    """D6: a manifest of `select` lies outside of the data set, and has absolute paths."""
    rows = [
        {**row, "audio_filepath": f"{work}/set/{row['audio_filepath']}"} for row in rows_of(work / "set/manifest.jsonl")
    ]
    (work / "chosen.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    recipe = recipe_of(work, "from_rows", "{name: s, path: ., manifest: chosen.jsonl}")
    with pytest.raises(
        RecipeError, match=r"chosen.jsonl:1 is a row of a manifest that synth wrote: its clips are mixtures"
    ):
        make_plan(recipe)


def test_a_data_set_is_taken_where_the_recipe_allows_it(work: Path) -> None:
    allowed = recipe_of(work, "allowed", "{name: s, path: set/audio, allow_synthesized: true}")
    assert len(make_plan(allowed).plan) == len(rows_of(work / "set" / "manifest.jsonl"))
    assert load_recipe(allowed).speech.sources[0].allow_synthesized


# ------------------------------------------------------------------------------------------------ D7: files of `grow`


@pytest.fixture(scope="module")
def grown(work: Path) -> Path:
    """Four files of `shaped`, grown from the recordings in `noise`; and two of `quilt`."""
    for method, minutes in (("shaped", 0.1), ("quilt", 0.05)):
        grow(work / "noise", work / method, method=method, minutes=minutes, file_seconds=1.5, sample_rate=8000)
    with (work / "shaped" / "metadata.csv").open() as file:
        assert len({row["recording"] for row in csv.DictReader(file)}) == 4
    return work


SHAPED = (
    "{name: g, path: shaped}",
    "{name: g, path: shaped, manifest: shaped/metadata.csv}",
    "{name: g, path: ., glob: 'shaped/*.flac'}",
)


@pytest.mark.parametrize("source", SHAPED)
def test_files_of_grow_are_no_recordings(grown: Path, tmp_path: Path, source: str) -> None:
    """D7: ledger and manifest had them as recordings, with and without their list."""
    recipe = recipe_of(grown, f"grown{SHAPED.index(source)}", "speech", source, "min_recordings: 1, max_synthesized: 1")
    made = generate(recipe, tmp_path / "data")
    assert made.content is not None
    for side in ("planned", "rendered"):
        (pool,) = (pool for pool in made.content["ledger"][side]["pools"] if pool["used_s"])
        assert (pool["recorded_share"], pool["synthesized_share"]) == (0.0, 1.0)
        assert list(pool["by_method"]) == ["shaped"] and pool["by_method"]["shaped"]["sources"] == 4
        assert pool["by_method"]["shaped"]["used_s"] == pool["used_s"] > 0
    assert made.content["ledger"]["planned"] == made.content["ledger"]["rendered"]
    for row in rows_of(tmp_path / "data" / "manifest.jsonl"):
        (piece,) = row["noise"]
        assert piece["kind"] == "shaped"
        assert piece["synthesis"]["name"] == "shaped" and piece["synthesis"]["materials"] == []
        assert piece["synthesis"]["synthesized_from"] in {f"noise{k}.wav" for k in range(4)}
    verify(DatasetDir(tmp_path / "data")).raise_for_findings()


def test_models_on_file_are_guarded_as_models_in_a_recipe(grown: Path) -> None:
    """D7: `max_synthesized` was bypassed."""
    with pytest.raises(GuardError) as caught:
        make_plan(recipe_of(grown, "guarded", "speech", SHAPED[0]))
    assert (
        "noise.layers.car: files of synth grow (shaped) would make the noise of 100% of the clips (max_synthesized: 50%)"
        in str(caught.value)
    )
    make_plan(recipe_of(grown, "guarded", "speech", "{name: q, path: quilt}"))  # recorded sound, in another order


def test_init_writes_a_recipe_for_files_that_a_model_made(grown: Path, tmp_path: Path) -> None:
    """D3, D7"""
    started = init(tmp_path / "new", speech=grown / "speech", noise=grown / "shaped")
    assert any("so that max_synthesized is 1" in note for note in started.notes)
    make_plan(started.recipe)
    assert (
        "max_synthesized"
        not in init(tmp_path / "quilt", speech=grown / "speech", noise=grown / "quilt").recipe.read_text()
    )


def test_what_is_grown_from_one_recording_counts_as_one(grown: Path) -> None:
    """D7: grown from N recordings is not more than N, beside them or alone."""
    recipe = recipe_of(grown, "beside", "speech", f"noise, {SHAPED[0]}", "min_recordings: 5, max_synthesized: 1")
    with pytest.raises(GuardError, match=r"noise.layers.car: 4 recordings for train \(min_recordings: 5\)"):
        make_plan(recipe)
    recipe = recipe_of(grown, "beside", "speech", f"noise, {SHAPED[0]}", "min_recordings: 4, max_synthesized: 1")
    (use,) = (use for use in make_plan(recipe).uses if use.recordings)
    assert len(use.recordings) == 8 and use.count == 4
    assert use.effective_recordings <= 4
    assert use.recorded_share == pytest.approx(1 - use.synthesized_share) and 0 < use.synthesized_share < 1


def test_a_recording_and_what_is_grown_from_it_are_in_one_pool(grown: Path) -> None:
    """D7: else train-dev-noise would not be noise that train never had."""
    speakers = "".join(f"speech{k}.wav,{k}\n" for k in range(4))
    (grown / "spoken.csv").write_text(f"path,speaker\n{speakers}")
    recipe = recipe_of(
        grown,
        "pools",
        "{name: s, path: speech, manifest: spoken.csv}",
        f"noise, {SHAPED[0]}",
        "min_recordings: 1, max_synthesized: 1",
    )
    with recipe.open("a") as file:
        file.write("splits: {by: [speaker], train: 0.5, train-dev-noise: 0.5}\n")
    plan = make_plan(recipe, overrides=["seed=5", "noise.held_out=0.5"]).plan
    groups = {pool: {r.group for r in members} for (_, pool), members in plan.pools.items()}
    assert groups["train"] and groups["held_out"] and not groups["train"] & groups["held_out"]
    files = {r.id: r.grown_file for members in plan.pools.values() for r in members}
    assert sum(file is not None for file in files.values()) == 4
    assert SynthesizedFile("shaped", "noise0.wav") in files.values()
