"""The spectrum of virtual cars from real recordings: a Gaussian posterior over the model of a fleet.

The model is that of docs/science.md, "Virtual cars".
What a recording says is its level-normalised band profile: levels in the third octaves 63 Hz to 6.3 kHz (56 Hz to
7.1 kHz, edge to edge) less their mean in dB. The fleet's own profiles, of clips with all that the default distributions
draw (speed, road, wind, window, fan, rain), are the prior: mean m, covariance S. The correction c of the model's mean
is a smooth Gaussian process; each recording y ~ N(m + c, S). So its posterior is that of a linear Gaussian model
(Bishop, "Pattern Recognition and Machine Learning", 2006, section 2.3.3), one recording at a time. The spread of the
cars' spectrum is the prior's, scaled by how far the recordings lie from the corrected mean (a scaled inverse chi-square
posterior, Gelman et al., "Bayesian Data Analysis", section 2.6), and widened by what remains uncertain about c.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from synth.draws import audio_generator
from synth.dsp.arrays import Samples
from synth.dsp.generators.cabin import Cabin, drive
from synth.dsp.generators.fleet_spectrum import BANDS_HZ, PRIOR_SPREAD_DB, FleetSpectrum
from synth.dsp.generators.virtual_car import virtual_car

MODEL_ERROR_DB = 6.0
"""Standard deviation of what the model's mean may be wrong by, before any recording is seen (chosen)."""
MODEL_ERROR_OCTAVES = 1.5
"""Over this distance the model's error keeps its sign (length of a squared-exponential covariance; chosen)."""
PRIOR_RECORDINGS = 4.0
"""How many recordings the prior's spread is worth (chosen)."""

_CENTRED = np.eye(len(BANDS_HZ)) - 1 / len(BANDS_HZ)  # takes the mean off: no profile tells of the level

FLEET_SECONDS = 3.0
FLEET_RATE = 16_000
_DRAWS_OF_A_CLIP = 7002


def band_profile(samples: Samples, sample_rate: int) -> Samples:
    """Levels in dB in the bands of BANDS_HZ, less their mean, shape (21,); NaN above half the sample rate."""
    from scipy.signal import welch

    size = min(len(samples), 2 ** round(math.log2(0.256 * sample_rate)))
    hz, density = welch(samples, sample_rate, nperseg=size)
    levels = np.array([_band_level(hz, density, centre) for centre in BANDS_HZ])
    return np.asarray(levels - np.nanmean(levels))


def _band_level(hz: Samples, density: Samples, centre: float) -> float:
    low, high = centre * 2 ** (-1 / 6), centre * 2 ** (1 / 6)
    inside = (hz >= low) & (hz < high)
    if high > hz[-1] * 1.001 or not inside.any():
        return math.nan
    return 10 * math.log10(max(float(density[inside].mean()) * (high - low), 1e-30))


def drawn_cabin(seed: int, number: int) -> Cabin:
    """A clip drawn from the default distributions of Cabin's parameters, in car `number` of the fleet `seed`."""
    random = audio_generator(seed, _DRAWS_OF_A_CLIP + 10_000 * number)
    fields = {name: _drawn(parameter.default, random.random()) for name, parameter in Cabin.parameters.items()}
    return Cabin(**fields, seed=int(random.integers(2**31)), car=number, car_seed=seed)


def _drawn(default: Any, u: float) -> Any:
    """One value of a distribution in the recipe's notation (as `synth.recipe` reads it; that floor is above this)."""
    match default:
        case {"choice": values, "weights": weights}:
            return values[int(np.searchsorted(np.cumsum(weights[:-1]), u, side="right"))]
        case {"quantiles": values, "probabilities": probabilities}:
            return float(np.interp(u, probabilities, values))
        case {"uniform": [low, high]}:
            return low + u * (high - low)
        case {"normal": [mean, sd], "clip": [low, high]}:
            whole = NormalDist(mean, sd)
            return whole.inv_cdf(whole.cdf(low) + u * (whole.cdf(high) - whole.cdf(low)))
    return default


def fleet_profiles(
    spectrum: FleetSpectrum, *, count: int, seed: int, changes: Mapping[str, Any] | None = None
) -> Samples:
    """Band profiles of so many virtual cars, each with one clip drawn from the defaults, shape (count, 21).

    `changes`: fields of Cabin that are set instead of drawn, such as {"rain_drops_per_s": 200}.
    """
    import dataclasses

    size = {"num_samples": round(FLEET_SECONDS * FLEET_RATE), "sample_rate": FLEET_RATE}
    profiles = np.empty((count, len(BANDS_HZ)))
    for number in range(count):
        clip = dataclasses.replace(drawn_cabin(seed, number), **(changes or {}))
        profiles[number] = band_profile(drive(clip, virtual_car(seed, number, spectrum), **size), FLEET_RATE)
    return profiles


def fit_spectrum(profiles: Sequence[Samples], prior_fleet: Samples) -> FleetSpectrum:
    """The spectrum of the model given band profiles, one per recording, shape (21,) with NaN for missing bands.

    `prior_fleet`: `fleet_profiles(FleetSpectrum(), ...)`, which does not depend on the recordings.
    """
    fleet = _Gaussian(prior_fleet.mean(axis=0), np.cov(prior_fleet.T) + np.eye(len(BANDS_HZ)))
    error = _Gaussian(np.zeros(len(BANDS_HZ)), _smooth_covariance())
    for profile in profiles:
        error = _given(error, fleet, profile)
    misfits = [_misfit(error, fleet, profile) for profile in profiles]
    scale = (PRIOR_RECORDINGS + sum(misfits)) / (PRIOR_RECORDINGS + len(misfits))
    remaining = float(np.mean(np.diag(_CENTRED @ error.covariance @ _CENTRED))) if profiles else 0.0
    mean = _CENTRED @ error.mean
    return FleetSpectrum(
        tuple(float(x) for x in np.round(mean, 1)), round(math.sqrt(PRIOR_SPREAD_DB**2 * scale + remaining), 1)
    )


@dataclass(frozen=True, slots=True)
class _Gaussian:
    mean: Samples
    covariance: Samples


def _smooth_covariance() -> Samples:
    octaves = np.log2(BANDS_HZ)
    apart = (octaves[:, None] - octaves[None, :]) / MODEL_ERROR_OCTAVES
    return np.asarray(MODEL_ERROR_DB**2 * np.exp(-(apart**2) / 2))


def _levelled(profile: Samples) -> Samples:
    """Takes the bands that a recording has, less their mean: shape (bands of the recording, 21)."""
    has = np.flatnonzero(~np.isnan(profile))
    chosen = np.eye(len(profile))[has]
    return np.asarray(chosen - chosen.mean(axis=0))


def _given(error: _Gaussian, fleet: _Gaussian, profile: Samples) -> _Gaussian:
    """The model's error after seeing one more recording."""
    take = _levelled(profile)
    seen = profile[~np.isnan(profile)] - take @ (fleet.mean + error.mean)
    seen = seen - seen.mean()
    spread = take @ (fleet.covariance + error.covariance) @ take.T
    gain = error.covariance @ take.T @ np.linalg.pinv(spread, rcond=1e-9)
    return _Gaussian(error.mean + gain @ seen, error.covariance - gain @ take @ error.covariance)


def _misfit(error: _Gaussian, fleet: _Gaussian, profile: Samples) -> float:
    """Mean squared distance from the corrected mean, in standard deviations of the fleet."""
    take = _levelled(profile)
    seen = profile[~np.isnan(profile)] - take @ (fleet.mean + error.mean)
    variance = np.diag(take @ (fleet.covariance + error.covariance) @ take.T)
    return float(np.mean((seen - seen.mean()) ** 2 / variance))


@dataclass(frozen=True, slots=True)
class Coverage:
    """How a recording lies in a fleet: `inside`, the share of its bands within the 5-95 % range; widths in dB."""

    inside: float
    median_width_db: float
    low: Samples
    high: Samples


def coverage(profile: Samples, fleet: Samples) -> Coverage:
    """Where a recording's band profile lies among the profiles of a fleet that was fitted without it."""
    has = ~np.isnan(profile)
    compared = fleet[:, has] - fleet[:, has].mean(axis=1, keepdims=True)
    low, high = np.percentile(compared, [5, 95], axis=0)
    inside = (profile[has] >= low) & (profile[has] <= high)
    return Coverage(float(inside.mean()), float(np.median(high - low)), low, high)
