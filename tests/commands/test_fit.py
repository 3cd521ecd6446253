"""`synth fit` on the fixtures, which play the target: a short form of benchmarks/hidden_targets.py, and what is refused."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from synth.commands.fit import RECIPE, FitOutcome, FitRequest, fit_recipe
from synth.commands.generate import generate
from synth.commands.plan import make_plan
from synth.errors import GuardError, UsageError
from synth.match.fit.held_out import held_out_split
from synth.match.fit.simulation import Simulator
from synth.match.measure.profile import Profile, write_profile
from synth.match.measure.profiler import profile_set
from synth.paths import output_path
from synth.recipe.load import load_recipe
from tests.helpers import FIXTURES, rows_of

THEIRS, OURS = ("ada", "ben", "clara", "dev", "ewan"), ("fay", "grace", "hal", "iris", "jon")


@dataclass(frozen=True)
class Target:
    """Speech and noise on both sides, the wide recipe, and the target set as measured."""

    folder: Path
    recipe: Path
    dev: Profile
    profile: Path


def _recipe(folder: Path, side: str, copies: int, seed: int, noise: str, effects: str, level: str) -> str:
    return f"""\
seed: {seed}
copies: {copies}
speech: {{sources: '{folder}/speech_{side}'}}
margins_s: [0.3, 0.5]
noise:
  snr_db: {noise}
  layers: [{{name: car, sources: '{folder}/noise_{side}', min_recordings: 1, effects: [{{equalizer: {{{effects}}}}}]}}]
level_dbfs: {level}
"""


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Target:
    folder = tmp_path_factory.mktemp("hidden")
    for side, names in (("theirs", THEIRS), ("ours", OURS)):
        for name in names:
            shutil.copytree(FIXTURES / "speech" / name, folder / f"speech_{side}" / name)
    cars = sorted((FIXTURES / "noise" / "car").glob("*.flac"))
    for k, car in enumerate(cars):
        noise = folder / ("noise_theirs" if k % 3 == 0 else "noise_ours")
        noise.mkdir(exist_ok=True)
        shutil.copyfile(car, noise / car.name)
    secret, wide = folder / "secret.yaml", folder / "wide.yaml"
    tilted = "bands_db: {normal: [0, 1]}, tilt_db_per_octave: [3, 4]"
    spread = "bands_db: {normal: [0, 3]}, tilt_db_per_octave: [-6, 3]"
    secret.write_text(_recipe(folder, "theirs", 4, 5, "{normal: [3, 2.5], clip: [-4, 11]}", tilted, "[-30, -26]"))
    wide.write_text(_recipe(folder, "ours", 4, 6, "[0, 20]", spread, "[-30, -14]"))
    generate(secret, folder / "target")
    dev = profile_set(folder / "target")
    write_profile(dev, folder / "dev.profile")
    return Target(folder, wide, dev, folder / "dev.profile")


def _fitted(target: Target, out: Path, **changes: object) -> FitOutcome:
    request = replace(FitRequest(target.recipe, target.profile, out, clips=50), **changes)  # type: ignore[arg-type]
    return fit_recipe(request, progress=lambda what, done, total: None, message=lambda text: None)


@pytest.fixture(scope="module")
def outcome(target: Target) -> FitOutcome:
    return _fitted(target, target.folder / "fitted")


def test_the_condition_matched_is_as_the_target_is(target: Target, outcome: FitOutcome) -> None:
    """Against the manifest of the target, which the fit never saw: SNR and level; and the colour as measured."""
    assert outcome.fit.helped
    out = target.folder / "matched_set"
    others = [f"conditions.{one.name}.weight=0" for one in outcome.fit.recipe.conditions if one.name != "matched"]
    generate(target.folder / "fitted" / "recipe.yaml", out, overrides=["seed=77", *others])
    made, theirs = (rows_of(each / "manifest.jsonl") for each in (out, target.folder / "target"))
    snr = [np.median([row["snr_db"]["band"] for row in rows]) for rows in (made, theirs)]
    level = [np.median([row["level_dbfs"]["measured"] for row in rows]) for rows in (made, theirs)]
    assert {row["condition"] for row in made} == {"matched"}
    assert abs(snr[0] - snr[1]) < 1.5  # the wide recipe: 7 dB
    assert abs(level[0] - level[1]) < 1.0  # the wide recipe: 6 dB


def test_it_stands_better_on_the_groups_held_out_than_the_wide_recipe(outcome: FitOutcome) -> None:
    before, after = outcome.fit.before, outcome.fit.after
    assert after.score < before.score - 0.1
    bands = [name for name in after.distances if name.startswith("noise_band")]
    off = [[abs(side.distances[name].shift) for name in bands] for side in (before, after)]
    assert np.mean(off[1]) < 0.5 * np.mean(off[0])


def test_the_folder_holds_a_recipe_that_stands_by_itself(target: Target, outcome: FitOutcome) -> None:
    folder = target.folder / "fitted"
    assert {path.name for path in folder.iterdir()} >= {"recipe.yaml", "cases.csv", "fit_report.json", "fit_report.md"}
    recipe = load_recipe(folder / "recipe.yaml")
    assert [(one.name, one.weight) for one in recipe.conditions] == [("matched", 0.6), ("wide", 0.3), ("edge", 0.1)]
    assert recipe == outcome.fit.recipe or recipe.conditions == outcome.fit.recipe.conditions
    text = (folder / "recipe.yaml").read_text()
    assert text.startswith("# Fitted to 'target'")
    assert "extends" not in text
    make_plan(folder / "recipe.yaml", check=False)  # its paths lead to the audio
    report = json.loads((folder / "fit_report.json").read_text())
    assert report["after"]["auc"] is not None
    assert report["warnings"] == []
    assert target.dev.group_notes == ["groups: clips of the same speaker and the same noise recordings"]
    assert report["notes"][-1] == target.dev.group_notes[0]  # D8: how groups were made is in the report
    assert "Groups: clips of the same speaker and the same noise recordings." in (folder / "fit_report.md").read_text()
    everything = "".join(path.read_text() for path in folder.iterdir())
    assert not any(clip.path in everything for clip in target.dev.clips)


def test_any_number_of_workers_measures_the_same_clips(target: Target) -> None:
    planned = make_plan(target.recipe, check=False)
    found = []
    for jobs in (1, 2):
        with Simulator(planned.plan, planned.noise, 24, jobs, lambda what, done, total: None) as trials:
            found.append(trials.simulate(planned.plan.recipe, {}, "a trial"))
    assert found[0] == found[1]
    assert len(found[0]) == 24
    assert {clip.group.split("/")[0] for clip in found[0]} == set(OURS)  # evenly over the speech


def test_unsteady_noise_is_said_and_its_snr_is_not_matched(target: Target, tmp_path: Path) -> None:
    clips = tuple(
        replace(clip, flags=("non_stationary",), features={**clip.features, "nonspeech_share": 0.01})
        for clip in target.dev.clips
    )
    write_profile(replace(target.dev, clips=clips), tmp_path / "non_stationary.profile")
    outcome = _fitted(target, tmp_path / "out", dev=tmp_path / "non_stationary.profile", rounds=1)
    assert any("non-stationary in 100% of the dev clips" in text for text in outcome.fit.warnings)
    assert all(case.snr_db is None and case.bands_db is None for case in outcome.fit.matched.cases)
    assert all(case.before_s is None and case.fluctuation_db is None for case in outcome.fit.matched.cases)
    assert all(one.snr_db is None and one.match_spectrum is None for one in outcome.fit.recipe.conditions)


# ------------------------------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize("name", ["test", "Test", "test.profile"])
def test_a_test_set_is_refused_by_its_name(target: Target, tmp_path: Path, name: str) -> None:
    where = tmp_path / name
    shutil.copyfile(target.profile, where)
    with pytest.raises(UsageError, match="test data by its name"):
        _fitted(target, tmp_path / "out", dev=where)


def test_a_test_set_is_refused_by_its_split(target: Target, tmp_path: Path) -> None:
    first, *others = target.dev.clips
    write_profile(replace(target.dev, clips=(replace(first, split="test"), *others)), tmp_path / "some.profile")
    with pytest.raises(UsageError, match=r"the split of .* is test"):
        _fitted(target, tmp_path / "out", dev=tmp_path / "some.profile")


def test_a_dev_set_that_shares_a_file_with_the_speech_is_refused(target: Target, tmp_path: Path) -> None:
    dev = tmp_path / "dev"
    shutil.copytree(target.folder / "target" / "audio", dev)
    shutil.copyfile(next((target.folder / "speech_ours").rglob("*.flac")), dev / "under_another_name.flac")
    with pytest.raises(GuardError, match=r"1 recording of the dev set .*under_another_name\.flac"):
        _fitted(target, tmp_path / "out", dev=dev)


def test_a_folder_with_other_things_is_refused_before_anything_is_measured(target: Target, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("five years of work")
    with pytest.raises(UsageError, match="is not an unchanged fitted recipe that synth wrote"):
        _fitted(target, tmp_path)


def test_an_edited_fit_is_not_written_over_before_anything_is_measured(target: Target, outcome: FitOutcome) -> None:
    """D2: a fitted recipe is made to be edited."""
    folder = outcome.files[0].parent
    recipe = folder / RECIPE
    before = recipe.read_bytes()
    try:
        recipe.write_bytes(b"# MY EDIT\n" + before)
        with pytest.raises(
            UsageError, match=r"recipe.yaml in this folder is not an unchanged fitted recipe that synth"
        ):
            _fitted(target, folder)
        assert recipe.read_bytes() == b"# MY EDIT\n" + before
    finally:
        recipe.write_bytes(before)
    output_path.check_folder(folder, "fitted recipe")  # what nobody edited may be replaced


def test_groups_are_never_on_both_sides() -> None:
    groups = [f"g{k % 11}" for k in range(200)]
    for seed in range(20):
        part, held = held_out_split(groups, seed=seed)
        assert sorted(part + held) == list(range(200))
        assert not {groups[k] for k in part} & {groups[k] for k in held}
        assert 0.15 < len(held) / 200 < 0.45
    one = held_out_split(["all"] * 10, seed=0)
    assert (len(one[0]), len(one[1])) == (7, 3)
