"""Noise budgets: refused with numbers and remedies, from totals alone and early where it is clear, else from the ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from synth.catalog import noise_store
from synth.errors import GuardError
from synth.plan.guards import clip_hours, refuse_from_totals, refuse_from_use
from synth.plan.noise_use import count_use
from synth.recipe.load import load_recipe
from tests.helpers import FIXTURES
from tests.plan.sources import layer, listed, noise_folder, noise_text, planned, recipe

LISTED = "{name: car, path: gone, manifest: noise.csv}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    listed(tmp_path / "speech.csv", [2.0] * 30)
    return tmp_path


def one_hour(folder: Path) -> str:
    """A layer with an hour of noise in 12 files, of which only a list is there."""
    listed(folder / "noise.csv", [300.0] * 12)
    (folder / "gone").mkdir()
    return layer("cabin", LISTED)


def refusal(path: Path, *overrides: str) -> list[str]:
    with pytest.raises(GuardError) as caught:
        planned(path, *overrides)
    return str(caught.value).split("\n")


def test_10_000_hours_over_one_hour_of_noise_are_refused_before_any_noise_is_decoded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_slow(*_: object, **__: object) -> None:
        raise AssertionError("the noise was to be decoded")

    monkeypatch.setattr(noise_store, "prepare_noise", too_slow)
    path = recipe(folder, head="hours: 10000", noise=noise_text(one_hour(folder)))
    assert refusal(path) == [
        "noise.layers.cabin: 10,000.0 h of noise from 1.00 h of recordings for train: each second would be used 10,000 times "
        "(max_reuse: 100). The model would learn these recordings by heart. Add at least 99.0 h of other recordings, or grow "
        "noise from these (noise.layers.cabin.grow), or ask for at most 1.00% of these clips (copies, hours), or lower the layer's probability; or raise noise.layers.cabin.max_reuse "
        "if you accept that risk"
    ]
    with pytest.raises(AssertionError, match="the noise was to be decoded"):
        planned(path, "hours=90")


def test_remedies_are_enough(folder: Path) -> None:
    """What the text asks for passes the same guard."""
    noise_folder(folder / "car", [30.0] * 8)
    path = recipe(folder, noise=noise_text(layer("car", "car", min_recordings=1)))
    text = refusal(path, "noise.layers.0.max_reuse=1", "copies=10")[0]
    share = float(text.split("ask for at most ")[1].split("%")[0]) / 100
    plan = planned(
        path,
        "noise.layers.0.max_reuse=1000",
        f"hours={share * planned(path, 'copies=10').seconds / 3600 * 0.97:.6f}",
        "copies=null",
    )
    (use,) = count_use(plan)
    assert 0.8 < use.reuse_mean <= 1


def test_every_layer_is_told_at_once(folder: Path) -> None:
    noise_folder(folder / "car", [3.0] * 5)
    noise_folder(folder / "rain", [1.0], first_seed=9)
    lines = refusal(recipe(folder, noise=noise_text(layer("car", "car"), layer("rain", "rain", max_reuse=2))))
    assert [line.split(":")[0] for line in lines] == ["noise.layers.car", "noise.layers.rain"]
    assert lines[0] == (
        "noise.layers.car: 5 recordings for train (min_recordings: 8). What counts is the number of different recordings, not their "
        "hours: add 3 or more (other cars, other roads), or lower noise.layers.car.min_recordings"
    )


def test_recordings_held_out_do_not_count_for_train(folder: Path) -> None:
    """9 recordings pass the totals, but 2 are held out: known when the pools are made."""
    noise_folder(folder / "car", [3.0] * 9)
    path = recipe(
        folder, noise=noise_text(layer("car", "car")), tail="splits: {by: [speaker], train: 0.5, train-dev-noise: 0.5}"
    )
    assert refusal(path)[0].startswith("noise.layers.car: 7 recordings for train (min_recordings: 8)")


def test_the_ledger_judges_exactly(folder: Path) -> None:
    noise_folder(folder / "car", [3.0] * 8)
    path = recipe(folder, noise=noise_text(layer("car", "car")))
    plan = planned(path)
    (use,) = count_use(plan)
    above, below = (
        f"noise.layers.0.max_reuse={use.reuse_mean * 1.001:.6f}",
        f"noise.layers.0.max_reuse={use.reuse_mean * 0.999:.6f}",
    )
    assert len(planned(path, above)) == len(plan)
    assert "for train: each second would be used" in refusal(path, below)[0]


def test_the_held_out_pool_is_guarded_too(folder: Path) -> None:
    noise_folder(folder / "car", [3.0] * 40)
    path = recipe(
        folder,
        noise=noise_text(layer("car", "car", max_reuse=3)),
        tail="splits: {by: [speaker], train: 0.5, train-dev-noise: 0.5}",
    )
    lines = refusal(path, "noise.held_out=0.025", "copies=3")
    assert len(lines) == 1
    assert "h of recordings for held_out: each second" in lines[0]


def test_a_recipe_without_noise_has_nothing_to_guard(folder: Path) -> None:
    plan = planned(recipe(folder, noise=""))
    assert count_use(plan) == ()
    refuse_from_use(plan.recipe, ())


ESTIMATED = {
    "copies": ["copies=2"],
    "speed of the speech": ["speech.effects=[{speed: {choice: [0.8, 0.9]}}]"],
    "tempo, sometimes": ["speech.effects=[{tempo: 1.2, probability: 0.5}]"],
    "margins": ["margins_s=[0, 2]"],
    "summed": ["noise.layers.0.recordings={choice: [1, 2, 3]}"],
    "seldom": ["noise.layers.0.probability=0.5", "noise.probability=0.8"],
    "speed of the noise": ["noise.layers.0.effects=[{speed: {log_uniform: [0.6, 0.9]}}]"],
}


@pytest.mark.parametrize("which", ESTIMATED)
def test_the_estimate_from_totals_is_near_the_plan(which: str, tmp_path: Path) -> None:
    """A plan within a quarter of the limit is left to the ledger, so the estimate must not be off by more than that."""
    text = f"schema: 1\nseed: 3\nsample_rate: 16000\ncopies: 4\nspeech:\n  sources: [{{name: s, path: '{FIXTURES}/speech'}}]\n"
    text += f"margins_s: [0.2, 0.5]\nnoise:\n  snr_db: 5\n  layers:\n    - {{name: car, sources: ['{FIXTURES}/noise/car'], max_reuse: 1000}}\n"
    (tmp_path / "recipe.yaml").write_text(text)
    plan = planned(tmp_path / "recipe.yaml", *ESTIMATED[which])
    (use,) = count_use(plan)
    assert clip_hours(plan.recipe, plan.speech) == pytest.approx(plan.seconds / 3600, rel=0.05)
    for factor, refused in ((1.4, True), (1.1, False)):
        limit = f"noise.layers.0.max_reuse={use.used_s / use.unique_s / factor:.4f}"
        seen = load_recipe(tmp_path / "recipe.yaml", [*ESTIMATED[which], limit])
        try:
            refuse_from_totals(seen, plan.speech, plan.noise)
            assert not refused
        except GuardError:
            assert refused
