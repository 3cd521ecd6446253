"""The noise of a dev set as a model, and which recordings of a pool are accepted.

Noise whose power in a band differs too much from that of real noisy recordings is rejected, as in A. Hannun et al.,
"Deep Speech" (arXiv 1412.5567, section 4.1). Here noise is compared with noise, not with noisy speech.
The limits: docs/science.md, "Accepting noise recordings".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from synth.dsp.arrays import Vector

LEAST_SD_DB = 3.0
MEAN_Z, MAX_Z, MEAN_DB = 1.5, 4.0, 6.0
"""A recording is accepted as it is with a mean |z| of the bands up to 1.5, none above 4, and 6 dB on average."""
LEAST_RECORDINGS = 16
"""A pool is never cut below this: variety comes first (docs/science.md, "Noise variety")."""

_REACH_DB, _OUT_OF_REACH = 30.0, 0.2  # what an equalizer can do, and the share of bands that it may miss
_MORE_FLUCTUATION_DB = 2.0  # by how much a recording may fluctuate more than nearly all of dev

Verdict: TypeAlias = Literal["accepted", "equalized", "left out"]


@dataclass(frozen=True, slots=True)
class NoiseModel:
    """The noise of a dev set."""

    mean_db: tuple[float, ...]  # of each band, about the mean of the bands
    sd_db: tuple[float, ...]  # of each band, at least 3 dB
    count: int  # clips
    fluctuation_db: float | None = None  # nine in ten clips fluctuate less; None: unknown


@dataclass(frozen=True, slots=True)
class RecordingVerdict:
    """A recording of the pool, compared with dev."""

    name: str
    mean_z: float  # mean |z| of the bands
    max_z: float  # largest |z| of the bands
    mean_db: float  # mean difference of the bands
    fluctuation_db: float | None
    verdict: Verdict


def noise_model(
    spectra: npt.ArrayLike,
    weights: npt.ArrayLike,
    fluctuations: Sequence[float] = (),
    *,
    least_sd_db: float = LEAST_SD_DB,
) -> NoiseModel:
    """The model of the noise of clips.

    Args:
        spectra: band levels about their mean in dB, shape (clips, bands).
        weights: shape (clips,).
        fluctuations: level fluctuation of clips, dB.
        least_sd_db: least SD of a band, so that a dev set of one car does not reject all others.
    """
    bands, shares = np.asarray(spectra, np.float64), np.asarray(weights, np.float64)
    mean = np.average(bands, axis=0, weights=shares)
    sd = np.sqrt(np.average((bands - mean) ** 2, axis=0, weights=shares))
    return NoiseModel(
        mean_db=tuple(mean.tolist()),
        sd_db=tuple(np.maximum(sd, least_sd_db).tolist()),
        count=len(bands),
        fluctuation_db=float(np.quantile(fluctuations, 0.9)) if len(fluctuations) else None,
    )


def judge_recordings(
    names: Sequence[str], spectra: npt.ArrayLike, model: NoiseModel, fluctuations: Sequence[float | None] | None = None
) -> list[RecordingVerdict]:
    """Compare recordings with the noise of dev.

    `equalized`: the recording is used, and its spectrum is changed in every clip anyway. `left out`: even an equalizer
    of 30 dB misses more than a fifth of the bands, or the recording fluctuates clearly more than dev, which no
    equalizer changes. The nearest of those stay, as `equalized`, until there are 16 recordings.

    Args:
        names: of the recordings.
        spectra: band levels in dB, shape (recordings, bands).
        model: the noise of dev.
        fluctuations: of the recordings, dB; None: unknown.

    Returns:
        One verdict per recording.
    """
    bands = np.asarray(spectra, np.float64).reshape(len(names), -1)
    off = bands - bands.mean(axis=1, keepdims=True) - (np.array(model.mean_db) - np.mean(model.mean_db))
    z = np.abs(off) / np.array(model.sd_db)
    sds = list(fluctuations) if fluctuations is not None else [None] * len(names)
    excess = [0.0 if sd is None or model.fluctuation_db is None else max(0.0, sd - model.fluctuation_db) for sd in sds]
    unfit = [
        k
        for k in range(len(names))
        if (np.abs(off[k]) > _REACH_DB).mean() > _OUT_OF_REACH or excess[k] > _MORE_FLUCTUATION_DB
    ]
    needed = max(0, min(LEAST_RECORDINGS, len(names)) - (len(names) - len(unfit)))
    left_out = set(sorted(unfit, key=lambda k: (excess[k], z[k].mean(), k))[needed:])
    return [
        RecordingVerdict(
            name=names[k],
            mean_z=float(z[k].mean()),
            max_z=float(z[k].max()),
            mean_db=float(np.abs(off[k]).mean()),
            fluctuation_db=sds[k],
            verdict="left out" if k in left_out else _verdict_on_spectrum(z[k], off[k]),
        )
        for k in range(len(names))
    ]


def _verdict_on_spectrum(z: Vector, off: Vector) -> Verdict:
    is_near = z.mean() <= MEAN_Z and z.max() <= MAX_Z and np.abs(off).mean() <= MEAN_DB
    return "accepted" if is_near else "equalized"
