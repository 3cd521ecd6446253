"""What is loaded before workers start is what the recipe needs, and no more."""

from __future__ import annotations

from pathlib import Path

import pytest

from synth.execute.preload import slow_modules
from synth.recipe.load import load_recipe
from tests import small_set

WSOLA = "wsola:stretch_into"


def modules_of(folder: Path, *overrides: str) -> set[str]:
    path = folder / "recipe.yaml"
    path.write_text(small_set.RECIPE)
    return set(slow_modules(load_recipe(path, overrides)))


def test_a_plain_recipe_needs_nothing_slow(tmp_path: Path) -> None:
    assert modules_of(tmp_path, "channel=[{microphone: {}}, {agc: {}}, {shelf: 3}]") == set()


@pytest.mark.parametrize(
    ("override", "modules"),
    [
        ("speech.effects=[{tempo: [0.9, 1.1]}]", {WSOLA}),
        ("speech.effects=[{pitch: {semitones: 1, engine: librosa}}]", {"librosa.effects"}),
        (
            "speech.effects=[{pitch: {semitones: 1, engine: {choice: [librosa, signalsmith]}}}]",
            {"librosa.effects", "python_stretch.Signalsmith"},
        ),
        ("channel=[{Gain: {min_gain_db: -3, max_gain_db: 3}}]", {"audiomentations"}),
        ("speech.lombard={}", {WSOLA}),
        ("noise.layers.car.effects=[{tempo: 0.9, probability: 0.1}]", {"python_stretch.Signalsmith"}),
        ("noise.events=[{horn: {}}]", {"scipy.signal"}),
    ],
)
def test_an_effect_brings_what_it_imports(tmp_path: Path, override: str, modules: set[str]) -> None:
    assert modules_of(tmp_path, override) == modules
