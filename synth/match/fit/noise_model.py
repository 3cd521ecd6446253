"""The noise of a dev set as a model, and which recordings of a pool it accepts (science.md 3.3).

After Hannun et al., "Deep Speech" (arXiv 1412.5567, 4.1): noise is refused whose power in a band differs too much from
that of real noisy recordings. The limits are ours. Noise is compared with noise here, not with noisy speech.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from synth.match.fit.dev_cases import Numbers

LEAST_SD_DB = 3.0
MEAN_Z, MAX_Z, MEAN_DB = 1.5, 4.0, 6.0
"""A recording is accepted as it is with a mean |z| of the bands up to 1.5, none above 4, and 6 dB on average."""
LEAST_RECORDINGS = 16
"""Variety comes first: a pool is never cut below so many recordings (below 16 errors rise quickly: science.md 4)."""
_REACH_DB, _OUT_OF_REACH = 30.0, 0.2
_UNSTEADY_DB = 2.0  # by how much a recording may be less steady than nearly all of dev

Verdict = Literal["accepted", "equalised", "left out"]


@dataclass(frozen=True, slots=True)
class NoiseModel:
    """Colour of the noise of a dev set: mean and SD (at least 3 dB) of each band in dB, over `count` clips.

    `fluctuation_db`: unsteadiness (SD of the level in dB) that nine in ten of its clips stay below; None is unknown.
    """

    mean_db: tuple[float, ...]
    sd_db: tuple[float, ...]
    count: int
    fluctuation_db: float | None = None


@dataclass(frozen=True, slots=True)
class RecordingVerdict:
    """One recording of the pool: how far its colour is from dev (mean and largest |z|, mean dB), and the verdict."""

    name: str
    mean_z: float
    max_z: float
    mean_db: float
    fluctuation_db: float | None
    verdict: Verdict


def noise_model(
    colours: npt.ArrayLike,
    weights: npt.ArrayLike,
    level_sds: Sequence[float] = (),
    *,
    least_sd_db: float = LEAST_SD_DB,
) -> NoiseModel:
    """The model of colours of shape (clips, bands), level-normalised, in dB; weights of shape (clips,)."""
    bands, shares = np.asarray(colours, np.float64), np.asarray(weights, np.float64)
    mean = np.average(bands, axis=0, weights=shares)
    sd = np.sqrt(np.average((bands - mean) ** 2, axis=0, weights=shares))
    return NoiseModel(
        mean_db=tuple(mean.tolist()),
        sd_db=tuple(np.maximum(sd, least_sd_db).tolist()),
        count=len(bands),
        fluctuation_db=float(np.quantile(level_sds, 0.9)) if len(level_sds) else None,
    )


def judge_recordings(
    names: Sequence[str], colours: npt.ArrayLike, model: NoiseModel, level_sds: Sequence[float | None] | None = None
) -> list[RecordingVerdict]:
    """A verdict for each recording, in their order; colours of shape (recordings, bands), in dB.

    `equalised`: it is used, and the colour of its clips is changed anyway. `left out`: even an equaliser of 30 dB
    misses more than a fifth of the bands, or it is clearly less steady than dev, which no equaliser changes. Of those
    the nearest stay, as `equalised`, until there are 16 recordings.
    """
    bands = np.asarray(colours, np.float64).reshape(len(names), -1)
    off = bands - bands.mean(axis=1, keepdims=True) - (np.array(model.mean_db) - np.mean(model.mean_db))
    z = np.abs(off) / np.array(model.sd_db)
    sds = list(level_sds) if level_sds is not None else [None] * len(names)
    bad = [k for k in range(len(names)) if _hopeless(off[k], sds[k], model)]
    spared = set(sorted(bad, key=lambda k: (_excess(sds[k], model), z[k].mean(), k))[: _room(len(names), len(bad))])
    return [
        RecordingVerdict(
            name=names[k],
            mean_z=float(z[k].mean()),
            max_z=float(z[k].max()),
            mean_db=float(np.abs(off[k]).mean()),
            fluctuation_db=sds[k],
            verdict="left out" if k in set(bad) - spared else "accepted" if _accepted(z[k], off[k]) else "equalised",
        )
        for k in range(len(names))
    ]


def _room(count: int, bad: int) -> int:
    """How many of the bad ones must stay."""
    return max(0, min(LEAST_RECORDINGS, count) - (count - bad))


def _accepted(z: Numbers, off: Numbers) -> bool:
    return bool(z.mean() <= MEAN_Z and z.max() <= MAX_Z and np.abs(off).mean() <= MEAN_DB)


def _hopeless(off: Numbers, level_sd: float | None, model: NoiseModel) -> bool:
    return bool((np.abs(off) > _REACH_DB).mean() > _OUT_OF_REACH) or _excess(level_sd, model) > _UNSTEADY_DB


def _excess(level_sd: float | None, model: NoiseModel) -> float:
    """How many dB a recording is less steady than dev."""
    return 0.0 if level_sd is None or model.fluctuation_db is None else max(0.0, level_sd - model.fluctuation_db)
