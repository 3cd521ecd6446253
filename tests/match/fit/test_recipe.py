"""Parts of `fit` against known truth: calibration, band limits, margins, the text of the recipe."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from synth.dsp.analysis.bands import BANDS, CENTERS_HZ, RUMBLE_CENTERS_HZ
from synth.dsp.effects.microphone import Microphone
from synth.lists.cases import Case
from synth.match.fit.conditions import MatchedCases, mixture
from synth.match.fit.margins import with_margins
from synth.match.fit.microphone import lower_limit, through_microphone, upper_limit
from synth.match.fit.recipe import base_recipe, recipe_text, with_paths_from
from synth.match.fit.snr_curve import SnrCurve, fit_curve
from synth.match.measure.features import BAND_NAMES, RUMBLE_NAMES
from synth.match.measure.profile import ClipProfile
from synth.match.measure.trust import Trust
from synth.recipe.distributions import Constant
from synth.recipe.load import load_recipe
from synth.recipe.model import Jitter
from tests.helpers import ROOT


def _clip(truth: dict[str, float] | None = None, **features: float) -> ClipProfile:
    return ClipProfile("x", "g", features, truth=truth)


def _rng(purpose: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=[3, purpose]))


def test_a_curve_takes_out_a_bias_that_changes_with_the_snr() -> None:
    def mixes(purpose: int) -> list[ClipProfile]:
        true = _rng(purpose).uniform(-10, 25, 300)
        seen = 0.7 * true + 6 + _rng(purpose + 50).normal(0, 0.8, 300)
        return [_clip({"snr_db": t}, snr_db=s) for t, s in zip(true, seen, strict=True)]

    curve = fit_curve(mixes(1))
    left = [clip.features["snr_db"] - clip.truth["snr_db"] for clip in curve.apply(mixes(2))]  # type: ignore[operator, index]
    assert curve.mixes == 300
    assert abs(np.mean(left)) < 0.3
    assert np.std(left) < 1.6
    assert curve.uncertainty_db == pytest.approx(0.8 / 0.7, rel=0.3)


def test_few_mixes_change_nothing_and_the_curve_goes_on_beyond_its_ends() -> None:
    assert fit_curve([_clip({"snr_db": 3.0}, snr_db=9.0)] * 10)(4.0) == 4.0
    curve = SnrCurve((0.0, 10.0), (1.0, 21.0))
    assert [curve(value) for value in (-5.0, 5.0, 12.0)] == [-4.0, 11.0, 23.0]


@pytest.mark.parametrize("limit", [3400.0, 3800.0])
def test_the_limit_of_a_microphone_is_found_from_what_it_took(limit: float) -> None:
    """White noise through the microphone that the plan makes of a case, against the same without it."""
    noise = _rng(7).normal(0, 0.1, 16000)
    spectra = [np.abs(np.fft.rfft(x)) ** 2 for x in (Microphone(0.0, limit, 4)(noise, sample_rate=16000), noise)]
    hz = np.fft.rfftfreq(16000, 1 / 16000)
    levels = [[10 * np.log10(s[(hz > c / 1.05) & (hz < c * 1.05)].mean()) for c in CENTERS_HZ] for s in spectra]
    dev, ours = (_clip(**dict(zip(BAND_NAMES, each, strict=True))) for each in levels)
    assert upper_limit([dev], [ours], sample_rate=16000) == pytest.approx(limit, rel=0.05)
    assert upper_limit([ours], [ours], sample_rate=16000) is None
    assert upper_limit([dev], [dev], sample_rate=16000, current=limit) is None
    half = _clip(**{name: (dev.features[name] + ours.features[name]) / 2 for name in BAND_NAMES})  # type: ignore[operator]
    first = upper_limit([half], [ours], sample_rate=16000)
    assert first is not None and first > limit * 1.05


@pytest.mark.parametrize("limit", [90.0, 150.0, 300.0])
def test_the_lower_limit_of_a_microphone_is_found_from_the_rumble(limit: float) -> None:
    noise = _rng(7).normal(0, 0.1, 64000)
    spectra = [np.abs(np.fft.rfft(x)) ** 2 for x in (Microphone(limit, 8000.0, 4)(noise, sample_rate=16000), noise)]
    hz = np.fft.rfftfreq(64000, 1 / 16000)
    names, centres = (*RUMBLE_NAMES, *BAND_NAMES), (*RUMBLE_CENTERS_HZ, *CENTERS_HZ)
    levels = [[10 * np.log10(s[(hz > c / 1.05) & (hz < c * 1.05)].mean()) for c in centres] for s in spectra]
    dev, ours = (_clip(**dict(zip(names, each, strict=True))) for each in levels)
    assert lower_limit([dev], [ours], sample_rate=16000) == pytest.approx(limit, rel=0.05)
    assert lower_limit([ours], [ours], sample_rate=16000) is None
    assert lower_limit([dev], [dev], sample_rate=16000, current=limit) is None


def test_noise_is_as_much_brighter_before_the_microphone_as_that_takes_away() -> None:
    case = through_microphone(Case(high_hz=3500.0, bands_db=(0.0,) * BANDS), Case(), sample_rate=192_000)
    assert case.bands_db is not None
    lift = np.array(case.bands_db) - case.bands_db[4]
    assert lift[:9] == pytest.approx(0, abs=0.5)
    assert lift[11] == pytest.approx(10 * np.log10(1 + (CENTERS_HZ[11] / 3500) ** 8), abs=1.0)
    again = through_microphone(case, case, sample_rate=192_000)
    assert again.bands_db == pytest.approx(case.bands_db)


def test_margins_follow_the_share_without_speech() -> None:
    """Ours: 2 s of speech of which a tenth is pause, 0.4 s of margins. Theirs: the same speech, 1.6 s of margins."""
    ours = [_clip({"margins_s": 0.4}, nonspeech_share=(0.2 + 0.4) / 2.4, duration_s=2.4)] * 5
    theirs = [_clip(nonspeech_share=(0.2 + 1.6) / 3.6, duration_s=3.6)] * 5
    made = with_margins([Case()] * 5, theirs, ours)
    assert made[0].before_s == pytest.approx(0.8, abs=0.01)
    assert with_margins([Case()] * 5, ours, ours) == [Case()] * 5


def _matched(trust: Trust) -> MatchedCases:
    bands = tuple(float(x) for x in np.linspace(9, -9, BANDS))
    cases = tuple(
        Case(
            snr_db=float(k) if trust.snr else None, level_dbfs=-30.0 + k / 5, bands_db=bands if trust.spectrum else None
        )
        for k in range(40)
    )
    return MatchedCases(cases, Jitter(1.0, 1.0, 2.0), trust)


@pytest.mark.parametrize("name", ["reference.yaml", "plain.yaml", "few_cars.yaml"])
@pytest.mark.parametrize("shareable", [False, True])
def test_the_text_of_a_recipe_says_all_of_it_from_another_folder(name: str, shareable: bool, tmp_path: Path) -> None:
    recipe = with_paths_from(base_recipe(ROOT / "recipes" / name), tmp_path)
    recipe = replace(recipe, conditions=mixture(_matched(Trust(0, 0, 0)), shareable=shareable))
    (tmp_path / "recipe.yaml").write_text(recipe_text(recipe, ["a note"]))
    (tmp_path / "cases.csv").write_text("weight,snr_db\n1,5\n")
    read = load_recipe(tmp_path / "recipe.yaml")
    assert read == recipe
    assert (tmp_path / read.speech.sources[0].path).resolve() == ROOT / "fixtures" / "speech"
    assert any(one.cases for one in read.conditions) != shareable


def test_what_is_shared_has_margins_band_limits_and_rumble_too(tmp_path: Path) -> None:
    """Known cases: each distribution gives back their quantiles; a limit that few have is left out."""
    rng = _rng(9)
    found = _matched(Trust(0, 0, 0))
    cases = tuple(
        replace(
            case,
            before_s=round(float(rng.uniform(0.2, 0.6)), 3),
            after_s=round(float(rng.uniform(0.2, 0.6)), 3),
            high_hz=3400.0,
            low_hz=round(float(rng.uniform(100, 300)), 1),
            rumble_db=(20.0 + k % 2, 15.0),
            fluctuation_db=2.0 if k < 5 else None,
        )
        for k, case in enumerate(found.cases)
    )
    matched = mixture(replace(found, cases=cases), shareable=True)[0]
    margins = np.array([value for case in cases for value in (case.before_s, case.after_s)])
    for setting, values in ((matched.margins_s, margins), (matched.low_hz, np.array([case.low_hz for case in cases]))):
        assert setting is not None
        drawn = [setting.value(u) for u in (0.1, 0.5, 0.9)]
        assert drawn == pytest.approx(np.quantile(values, [0.1, 0.5, 0.9]).tolist(), rel=0.05)
    assert matched.high_hz == Constant(3400.0)
    assert matched.fluctuation_db is None and matched.cases is None
    assert matched.match_spectrum is not None
    assert matched.match_spectrum.rumble_db == (20.5, 15.0)
    assert matched.match_spectrum.rumble_sd_db == (0.5, 0.0)
    recipe = replace(with_paths_from(base_recipe(ROOT / "recipes" / "plain.yaml"), tmp_path), conditions=(matched,))
    (tmp_path / "recipe.yaml").write_text(recipe_text(recipe, []))
    assert load_recipe(tmp_path / "recipe.yaml") == recipe


def test_limits_that_are_out_of_order_alone_are_not_written() -> None:
    """A case of 1000..8000 Hz and one of 50..1200 Hz: each in order, but 1000 Hz and 1200 Hz leave nothing between."""
    found = _matched(Trust(0, 0, 0))
    limits = [(1500.0, 8000.0), (50.0, 1200.0)]
    cases = tuple(
        replace(case, low_hz=limits[k % 2][0], high_hz=limits[k % 2][1]) for k, case in enumerate(found.cases)
    )
    matched = mixture(replace(found, cases=cases), shareable=True)[0]
    assert matched.low_hz is not None and matched.high_hz is not None
    assert matched.low_hz.low == 50.0 and matched.low_hz.high < matched.high_hz.low == 1200.0


def test_what_is_not_trusted_is_in_no_condition() -> None:
    conditions = {one.name: one for one in mixture(_matched(Trust(1.0, 0, 0)), shareable=True)}
    assert set(conditions) == {"matched", "wide"}
    assert conditions["matched"].snr_db is None
    assert conditions["matched"].match_spectrum is None
    assert conditions["matched"].level_dbfs is not None
    assert conditions["wide"].weight == pytest.approx(0.4)
    trimmed = {one.name: one for one in mixture(_matched(Trust(0, 1.0, 0)), shareable=True)}
    assert trimmed["matched"].snr_db is None
    assert trimmed["matched"].match_spectrum is not None
