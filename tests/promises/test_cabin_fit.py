"""The fit of the cabin's spectrum: known truth first, then real recordings left out one at a time."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache

import numpy as np
import pytest
import soundfile

from benchmarks.fleet_fit import band_profile, coverage, drawn_cabin, fit_spectrum, fleet_profiles
from synth.dsp.generators.cabin import Cabin
from synth.dsp.generators.fleet_spectrum import BANDS_HZ, FITTED, KNOTS_HZ, PRIOR_SPREAD_DB, FleetSpectrum
from synth.dsp.generators.virtual_car import virtual_car
from tests.helpers import needs_real_audio, real_audio

CARS = 200


@pytest.fixture(scope="module")
def prior() -> np.ndarray:
    return fleet_profiles(FleetSpectrum(), count=CARS, seed=1)


def test_profile_of_noise_with_a_known_slope() -> None:
    """White noise gains 1 dB a third octave; a gain of 40 dB is no other profile."""
    white = np.random.Generator(np.random.Philox(1)).standard_normal(60 * 16_000)
    profile = band_profile(white, 16_000)
    assert profile.shape == (21,)
    assert np.mean(profile) == pytest.approx(0, abs=1e-9)
    assert np.polyfit(np.arange(21), profile, 1)[0] == pytest.approx(10 * np.log10(2) / 3, abs=0.03)
    assert band_profile(100 * white, 16_000) == pytest.approx(profile)


def test_bands_above_half_the_rate_are_missing() -> None:
    white = np.random.Generator(np.random.Philox(1)).standard_normal(10 * 8000)
    missing = np.isnan(band_profile(white, 8000))
    assert missing.tolist() == [hz * 2 ** (1 / 6) > 4000 for hz in BANDS_HZ]


def test_default_clips_are_drawn_as_described() -> None:
    clips = [drawn_cabin(4, k) for k in range(3000)]
    speed = np.array([clip.speed_kmh for clip in clips])
    assert np.mean(speed == 0) == pytest.approx(0.1, abs=0.02)
    assert np.mean((speed > 20) & (speed <= 60)) == pytest.approx(0.45, abs=0.03)
    assert np.mean((speed > 60) & (speed <= 100)) == pytest.approx(0.25, abs=0.03)
    assert np.mean(speed > 100) == pytest.approx(0.2, abs=0.03)
    shares = [np.mean([clip.fan == fan for clip in clips]) for fan in ("off", "low", "mid", "high")]
    assert shares == pytest.approx([0.35, 0.3, 0.2, 0.15], abs=0.03)
    assert np.mean([clip.rain_drops_per_s == 0 for clip in clips]) == pytest.approx(0.9, abs=0.02)
    for name, parameter in Cabin.parameters.items():
        if not parameter.choices:
            values = [getattr(clip, name) for clip in clips]
            assert parameter.low <= min(values) < max(values) <= parameter.high


def test_many_recordings_of_a_known_spectrum_give_that_colour(prior: np.ndarray) -> None:
    """A fleet whose mean is tilted by -2 dB an octave: the fit finds the tilt, and its own cars then have it."""
    octaves = np.log2(np.array(BANDS_HZ) / 707)
    tilt = -2.0 * octaves
    recordings = fleet_profiles(FleetSpectrum(tuple(tilt)), count=60, seed=8)
    found = fit_spectrum(list(recordings), prior)
    assert np.polyfit(octaves, found.mean_db, 1)[0] == pytest.approx(-2.0, abs=0.5)
    assert np.max(np.abs(np.array(found.mean_db) - (tilt - tilt.mean()))) < 3.0
    assert found.spread_db == pytest.approx(PRIOR_SPREAD_DB, abs=0.8)


def test_no_recordings_leave_the_prior_and_few_move_it_little(prior: np.ndarray) -> None:
    assert fit_spectrum([], prior) == FleetSpectrum((0.0,) * 21, PRIOR_SPREAD_DB)
    tilted = prior.mean(axis=0) - 3.0 * np.log2(np.array(BANDS_HZ) / 707)
    slopes = [
        np.polyfit(np.log2(BANDS_HZ), fit_spectrum([tilted] * count, prior).mean_db, 1)[0] for count in (1, 3, 30)
    ]
    assert 0 > slopes[0] > slopes[1] > slopes[2] > -3.2


def test_recordings_far_from_the_model_widen_the_spread(prior: np.ndarray) -> None:
    near = [prior[k] for k in range(6)]
    far = [prior.mean(axis=0) + 3 * (profile - prior.mean(axis=0)) for profile in near]
    assert fit_spectrum(far, prior).spread_db > fit_spectrum(near, prior).spread_db + 2


def test_a_narrow_band_recording_counts_with_the_bands_it_has(prior: np.ndarray) -> None:
    whole = prior.mean(axis=0) - 2.0 * np.log2(np.array(BANDS_HZ) / 707)
    narrow = np.where(np.array(BANDS_HZ) > 3400, np.nan, whole)
    found = fit_spectrum([narrow] * 3, prior)
    assert np.all(np.isfinite(found.mean_db))
    assert found.mean_db[2] > found.mean_db[15] + 1


def test_coverage_counts_bands_and_width() -> None:
    fleet = np.random.Generator(np.random.Philox(3)).normal(0, 5, (4000, 21))
    fleet -= fleet.mean(axis=1, keepdims=True)
    profile = np.zeros(21)
    profile[:4] = (20.0, -20.0, 20.0, -20.0)
    seen = coverage(profile, fleet)
    assert seen.inside == pytest.approx(17 / 21)
    assert seen.median_width_db == pytest.approx(2 * 1.645 * 5 * np.sqrt(20 / 21), abs=0.5)


def test_a_cars_spectrum_is_smooth_and_as_wide_as_options() -> None:
    spectra = np.array([virtual_car(1, k, FleetSpectrum(spread_db=5.0)).spectrum_db for k in range(800)])
    assert np.std(spectra, axis=0) == pytest.approx(5.0, abs=0.6)
    assert np.mean(spectra, axis=0) == pytest.approx(0, abs=0.7)
    octave = [np.corrcoef(spectra[:, k], spectra[:, k + 3])[0, 1] for k in range(len(KNOTS_HZ) - 3)]
    assert np.mean(octave) == pytest.approx(0.6, abs=0.06)


def test_another_fit_is_another_spectrum_of_the_same_car() -> None:
    one, other = virtual_car(1, 5, FleetSpectrum()), virtual_car(1, 5, FleetSpectrum((3.0,) * 21))
    assert np.array(other.spectrum_db) - np.array(one.spectrum_db) == pytest.approx(3.0)
    assert (one.cylinders, one.resonances, one.rpm_per_kmh) == (other.cylinders, other.resonances, other.rpm_per_kmh)
    assert virtual_car(1, 5) == virtual_car(1, 5, FITTED)


# --- real recordings --------------------------------------------------------------------------------------------------


def real_profiles() -> Mapping[str, np.ndarray]:
    """Level-normalised band profiles of the car recordings, one a recording, however many files it came in."""
    found: dict[str, list[np.ndarray]] = {}
    with (real_audio() / "noise.csv").open(newline="") as rows:
        for row in csv.DictReader(rows):
            if row["file"].startswith("noise/car/"):
                samples, rate = soundfile.read(real_audio() / row["file"], always_2d=True)
                found.setdefault(row["recording"], []).append(band_profile(samples[:, 0], rate))
    return {name: np.mean(profiles, axis=0) for name, profiles in found.items()}


@cache
def fleet_of(spectrum: FleetSpectrum) -> np.ndarray:
    return fleet_profiles(spectrum, count=CARS, seed=2)


DRIVING = ("A", "B", "C")
"""What counts for the spectrum; D (wipers) and E (rain on the roof) are other sounds than a car's."""


@needs_real_audio
@pytest.mark.parametrize("left_out", ["A", "B", "C", "D", "BC"])
def test_a_recording_left_out_lies_among_the_virtual_cars(left_out: str, prior: np.ndarray) -> None:
    profiles = real_profiles()
    spectrum = fit_spectrum([profiles[name] for name in DRIVING if name not in left_out], prior)
    for name in left_out:
        seen = coverage(profiles[name], fleet_of(spectrum))
        assert seen.inside >= 0.8
        assert seen.median_width_db <= 20


@needs_real_audio
def test_rain_on_the_roof_lies_among_standing_cars_in_rain_but_not_among_all_clips(prior: np.ndarray) -> None:
    """The recording of rain is no drive: among clips of which nine in ten are dry it stands out, as it should."""
    profiles = real_profiles()
    spectrum = fit_spectrum([profiles[name] for name in DRIVING], prior)
    raining = fleet_profiles(spectrum, count=CARS, seed=2, changes={"rain_drops_per_s": 200.0, "speed_kmh": 0.0})
    seen = coverage(profiles["E"], raining)
    assert seen.inside >= 0.8
    assert seen.median_width_db <= 20
    assert coverage(profiles["E"], fleet_of(spectrum)).inside < 0.8


@needs_real_audio
def test_the_defaults_are_what_the_real_recordings_give(prior: np.ndarray) -> None:
    profiles = real_profiles()
    found = fit_spectrum([profiles[name] for name in DRIVING], prior)
    assert FITTED.mean_db == pytest.approx(found.mean_db, abs=0.25)
    assert FITTED.spread_db == pytest.approx(found.spread_db, abs=0.25)
