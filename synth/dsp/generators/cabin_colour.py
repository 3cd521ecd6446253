"""The colour of a fleet of virtual cars: a correction and a spread over frequency, as `cabin_fit` finds them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synth.dsp.arrays import Samples

BANDS_HZ = tuple(1000.0 * 2.0 ** (k / 3) for k in range(-12, 9))
"""Centres of the third octaves 63 Hz to 6.3 kHz (base 2, IEC 61260-1): 56 Hz to 7.1 kHz edge to edge."""

KNOTS_HZ = tuple(1000.0 * 2.0 ** (k / 3) for k in range(-15, 14))
"""Where a car's own colour is given: third octaves from 31 Hz to 20 kHz."""

SMOOTHNESS_OCTAVES = 0.7
"""Width (standard deviation) of the bumps that a car's colour is summed from; two points an octave apart correlate by
exp(-1 / (4 * 0.7**2)) = 0.6. Own guess."""

PRIOR_SPREAD_DB = 3.7
"""Standard deviation of a car's colour before any recording is seen: that of a random walk of 2 dB a third octave
(science.md 4.6, from memory) over the 21 bands, its mean taken off: 2 * sqrt(21 / 6)."""


@dataclass(frozen=True, slots=True)
class Colour:
    """What the recordings say of the model's colour.

    `mean_db`: correction in dB at each of BANDS_HZ, common to all cars (held constant beyond the ends).
    `spread_db`: standard deviation in dB of each car's own smooth curve around it.
    """

    mean_db: tuple[float, ...] = (0.0,) * len(BANDS_HZ)
    spread_db: float = PRIOR_SPREAD_DB

    def of_a_car(self, random: np.random.Generator) -> tuple[float, ...]:
        """One car's colour in dB at KNOTS_HZ: the correction and a smooth Gaussian curve in log frequency."""
        mean = np.interp(np.log2(KNOTS_HZ), np.log2(BANDS_HZ), self.mean_db)
        return tuple(float(x) for x in mean + self.spread_db * _smooth_curve(random))


def _smooth_curve(random: np.random.Generator) -> Samples:
    """A Gaussian process of unit variance at KNOTS_HZ: bumps of random height on a grid wider than the knots."""
    at = np.log2(KNOTS_HZ)
    reach = 3 * SMOOTHNESS_OCTAVES
    centres = np.arange(at[0] - reach, at[-1] + reach, 1 / 6)
    bumps = np.exp(-((at[:, None] - centres) ** 2) / (2 * SMOOTHNESS_OCTAVES**2))
    # numpy's own sum, and no BLAS: the same cars on every machine
    heights = random.standard_normal(len(centres))
    return np.asarray((bumps * heights).sum(axis=1) / np.sqrt((bumps**2).sum(axis=1)))
