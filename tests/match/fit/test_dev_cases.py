"""Cases of a dev set whose truth is known: weights, jitter, tails, and what is not to be trusted."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from synth.lists.cases import Case, read_cases
from synth.match.fit.dev_cases import case_text, cases_of, clip_level, noise_spectra
from synth.match.fit.quantiles import balanced_weights, jitter_sd, knots_of, tails_of, weighted_quantiles
from synth.match.measure.features import BAND_NAMES
from synth.match.measure.profile import ClipProfile
from synth.match.measure.trust import Trust, trust_in, trusted_snr

TRUSTED = Trust(non_stationary=0.0, trimmed=0.0, without_snr=0.0)


def _clip(group: str = "a", flags: tuple[str, ...] = (), **features: float) -> ClipProfile:
    bands = {name: 10.0 - k for k, name in enumerate(BAND_NAMES)}
    known = {"snr_db": 5.0, "speech_dbfs": -26.0, "noise_dbfs": -31.0, "nonspeech_share": 0.3, **bands, **features}
    return ClipProfile("dev/secret_name.wav", group, known, flags)


def test_groups_count_alike_however_many_clips_they_have() -> None:
    groups = ["a"] * 40 + ["b"] * 20 + ["c"] * 60
    weights = balanced_weights(groups)
    shares = [sum(w for w, g in zip(weights, groups, strict=True) if g == name) for name in "abc"]
    assert shares == pytest.approx([1 / 3] * 3)


def test_no_clip_weighs_more_than_five_times_the_mean() -> None:
    groups = ["lone", "pair", "pair", *["many"] * 97]
    weights = balanced_weights(groups)
    assert weights.sum() == pytest.approx(1)
    assert weights.max() <= 5 / 100 + 1e-9
    assert weights[0] == pytest.approx(0.05)  # by its group alone it would be a third


def test_weighted_quantiles_are_those_of_the_clips_repeated() -> None:
    values = np.array([3.0, -1.0, 8.0, 2.0])
    repeated = np.repeat(values, [1, 4, 2, 3])
    got = weighted_quantiles(values, [1, 4, 2, 3], [0.2, 0.55, 0.9])
    assert got[0] == pytest.approx(-1.0)
    assert np.abs(got - np.quantile(repeated, [0.2, 0.55, 0.9])).max() < 2.6


def test_jitter_is_less_by_what_the_estimator_blurred_already() -> None:
    values = np.random.Generator(np.random.Philox(key=[1, 1])).normal(8, 6, 200).tolist()
    plain = jitter_sd(values, uncertainty=0.0, least=1.0)
    assert plain == pytest.approx(0.9 * 6 * 200**-0.2, rel=0.15)
    assert jitter_sd(values, uncertainty=1.2, least=1.0) == pytest.approx((plain**2 - 1.2**2) ** 0.5)
    assert jitter_sd(values, uncertainty=9.0, least=1.0) == 0.5
    assert jitter_sd([5.0] * 50, uncertainty=0.0, least=1.0) == 1.0


def test_what_is_flagged_has_no_snr_in_its_case_but_keeps_its_level() -> None:
    clips = [_clip(), _clip(flags=("trimmed",)), _clip(flags=("non_stationary",))]
    cases = cases_of(clips, trust=TRUSTED)
    assert [case.snr_db for case in cases] == [5.0, None, None]
    assert all(case.bands_db == pytest.approx(cases[0].bands_db) for case in cases)  # another clip's for the third
    assert all(case.level_dbfs == clip_level(clips[0].features) for case in cases)


def test_colours_are_of_one_kind_however_few_clips_lack_their_rumble() -> None:
    whole, short = _clip(rumble_1=-3.0, rumble_2=4.0), _clip(noise_dbfs=-20.0)
    assert [len(c) if c else None for c in noise_spectra([whole, short, whole])] == [14, None, 14]
    assert [len(c) if c else None for c in noise_spectra([short, _clip(flags=("non_stationary",))])] == [12, None]
    cases = cases_of([whole, short], trust=TRUSTED)
    assert [case.rumble_db for case in cases] == [(-3.0, 4.0)] * 2  # the short one sounds as the other


@pytest.mark.parametrize(("flag", "snr", "colour"), [("trimmed", False, True), ("non_stationary", False, False)])
def test_a_dev_set_of_flagged_clips_falls_back(flag: str, snr: bool, colour: bool) -> None:
    clips = [_clip(flags=(flag,)) for _ in range(6)] + [_clip() for _ in range(4)]
    trust = trust_in(clips)
    assert (trust.snr, trust.spectrum) == (snr, colour)
    cases = cases_of(clips, trust=trust)
    assert all(case.snr_db is None for case in cases)
    assert all((case.bands_db is not None) == colour for case in cases)


def test_a_few_flagged_clips_are_no_reason() -> None:
    trust = trust_in([_clip(flags=("non_stationary",)) for _ in range(4)] + [_clip() for _ in range(6)])
    assert trust.snr and trust.spectrum
    assert trusted_snr(_clip(snr_db=float("nan"))) is None


def test_the_level_of_a_clip_is_that_of_speech_and_noise_together() -> None:
    alone = clip_level({"speech_dbfs": -20.0, "noise_dbfs": -90.0, "nonspeech_share": 0.5})
    assert alone == pytest.approx(-23.01, abs=0.01)
    both = clip_level({"speech_dbfs": -20.0, "noise_dbfs": -20.0, "nonspeech_share": 0.0})
    assert both == pytest.approx(-16.99, abs=0.01)
    assert clip_level({"speech_dbfs": None, "noise_dbfs": -20.0}) is None


def test_rumble_below_the_band_of_the_snr_counts_in_the_level() -> None:
    flat = dict.fromkeys(BAND_NAMES, 0.0)
    known = {"speech_dbfs": -60.0, "noise_dbfs": -30.0, "nonspeech_share": 0.5}
    assert clip_level({**known, **flat}) == pytest.approx(-30 + 10 * np.log10(12 / 9), abs=0.01)
    rumble = {**flat, "noise_band_1": 20.0}
    assert clip_level({**known, **rumble}) == pytest.approx(-30 + 10 * np.log10(111 / 9), abs=0.01)


def test_knots_are_the_distribution_and_rise() -> None:
    values = np.random.Generator(np.random.Philox(key=[2, 1])).normal(8, 4, 400)
    knots = knots_of(values.tolist(), [1.0] * 400)
    assert len(knots) == 25
    assert all(a <= b for a, b in pairwise(knots))
    assert knots[12] == pytest.approx(float(np.median(values)), abs=0.1)
    wider = knots_of(values.tolist(), [1.0] * 400, jitter=3.0)
    assert wider[18] - wider[6] == pytest.approx(1.25 * (knots[18] - knots[6]), rel=0.05)


def test_the_edge_reaches_three_decibels_beyond_the_tails() -> None:
    values = np.linspace(0, 20, 201).tolist()
    assert tails_of(values, [1.0] * 201) == pytest.approx((-2.6, 2.0, 18.0, 22.6), abs=0.15)


def test_cases_come_back_from_their_file_without_the_name_of_a_clip(tmp_path: Path) -> None:
    cases = [*cases_of([_clip(), _clip(snr_db=-3.25)], trust=TRUSTED), Case(weight=0.5, level_dbfs=-30.0)]
    path = tmp_path / "cases.csv"
    path.write_text(case_text(cases))
    read = read_cases(path).rows
    assert "secret" not in path.read_text()
    assert [row.snr_db for row in read] == [5.0, -3.25, None]
    assert read[0].bands_db == pytest.approx(cases[0].bands_db, abs=1e-3)
    assert read[2] == Case(weight=0.5, level_dbfs=-30.0)
