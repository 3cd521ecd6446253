"""The spectrum that body, trim and microphone give a fleet of virtual cars: a common correction and a spread.

`benchmarks/fit_cabin.py` fits both to recordings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synth.dsp.arrays import Vector

BANDS_HZ = tuple(1000.0 * 2.0 ** (k / 3) for k in range(-12, 9))
"""Centers of the third octaves 63 Hz to 6.3 kHz (base 2, IEC 61260-1): 56 Hz to 7.1 kHz edge to edge."""

KNOTS_HZ = tuple(1000.0 * 2.0 ** (k / 3) for k in range(-15, 14))
"""Where a car's own spectrum is given: third octaves from 31 Hz to 20 kHz."""

SMOOTHNESS_OCTAVES = 0.7
"""Width (standard deviation) of the bumps that a car's spectrum is summed from. Chosen: two points an octave apart then
correlate by exp(-1 / (4 * 0.7**2)) = 0.6."""

PRIOR_SPREAD_DB = 3.7
"""Standard deviation of a car's spectrum before any recording is seen: that of a random walk of 2 dB per third octave
(docs/science.md, "Virtual cars") over the 21 bands, its mean taken off: 2 * sqrt(21 / 6)."""


@dataclass(frozen=True, slots=True)
class FleetSpectrum:
    """What recordings say about the spectra of cars, against the model without them."""

    mean_db: tuple[float, ...] = (0.0,) * len(BANDS_HZ)  # correction at each of BANDS_HZ, the same for all cars
    spread_db: float = PRIOR_SPREAD_DB  # standard deviation of each car's own smooth curve around it

    def draw_car(self, rng: np.random.Generator) -> tuple[float, ...]:
        """Draw one car's spectrum in dB at KNOTS_HZ: the correction and a smooth Gaussian curve in log frequency."""
        mean = np.interp(np.log2(KNOTS_HZ), np.log2(BANDS_HZ), self.mean_db)
        return tuple(float(x) for x in mean + self.spread_db * _smooth_curve(rng))


# fmt: off
FITTED = FleetSpectrum(
    mean_db=(
        1.8, 2.0, 2.3, 2.5, 2.6, 2.6, 2.3, 2.0, 1.7, 1.4, 1.2, 1.0, 0.5, -0.3, -1.3, -2.5, -3.6, -4.4, -4.5, -4.1, -3.3,
    ),
    spread_db=4.1,
)
# fmt: on
"""Fitted by `benchmarks/fit_cabin.py` to three recordings in moving cars: a BMW i3, a car of unknown origin, DEMAND's
TCAR (the last two may be the same car). Recordings of rain on the roof and of wipers were left out: their spectra are
not the road's. Three recordings are few, so most of the spread is the prior's."""


def _smooth_curve(rng: np.random.Generator) -> Vector:
    """Draw a Gaussian process of unit variance at KNOTS_HZ: bumps of random height on a grid wider than the knots."""
    at = np.log2(KNOTS_HZ)
    reach = 3 * SMOOTHNESS_OCTAVES
    centers = np.arange(at[0] - reach, at[-1] + reach, 1 / 6)
    bumps = np.exp(-((at[:, None] - centers) ** 2) / (2 * SMOOTHNESS_OCTAVES**2))
    # numpy's own sum and no BLAS, so that the cars are the same on every machine
    heights = rng.standard_normal(len(centers))
    return np.asarray((bumps * heights).sum(axis=1) / np.sqrt((bumps**2).sum(axis=1)))
