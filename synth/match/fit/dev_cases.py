"""Cases for a recipe from the clips of a dev set (docs/science.md, "Cases"): values, weights, jitter."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from synth.dsp.analysis.bands import EDGES_HZ
from synth.lists.cases import BAND_COLUMNS, COLUMNS, RUMBLE_COLUMNS, Case
from synth.match.fit.quantiles import balanced_weights, jitter_sd
from synth.match.measure.features import BAND_NAMES, RUMBLE_NAMES, FeatureValues
from synth.match.measure.profile import ClipProfile
from synth.match.measure.trust import Trust, trusted_snr
from synth.recipe.model import Jitter

# At most 1 dB for levels and 0.5 dB for bands: more is wider than a whole dev set of one car, and a classifier sees it.
_MAX_BAND_JITTER_DB, _MAX_LEVEL_JITTER_DB, _LEAST_SNR_JITTER_DB = 0.5, 1.0, 1.0
_LEAST_ACTIVE = 0.05  # share of a clip that is taken for speech even if none was detected
_BELOW_SNR_BAND = sum(edge < 199 for edge in EDGES_HZ[1:])  # noise bands that end below the band of the SNR
_LEVEL_DBFS = (-90.0, 0.0)  # range of a case
_MAX_FLUCTUATION_DB = 30.0


def clip_level(features: FeatureValues) -> float | None:
    """Level of the whole clip in dBFS (unweighted RMS).

    It is `level_dbfs` if the profile has it. Else it is estimated from the speech in its share of the time, and the
    noise. Both are levels from 200 Hz on; the bands say what the noise has below, down to 60 Hz.
    """
    measured = features.get("level_dbfs")
    if measured is not None:
        return float(measured)
    speech, noise = features.get("speech_dbfs"), features.get("noise_dbfs")
    if speech is None or noise is None:
        return None
    active = 1 - (features.get("nonspeech_share") or 0.0)
    powers = np.power(10.0, np.asarray(noise_bands(features) or (), np.float64) / 10)
    in_snr_band = powers[_BELOW_SNR_BAND:].sum()
    if in_snr_band > 0:
        noise += 10 * math.log10(powers.sum() / in_snr_band)
    return 10 * math.log10(max(active, _LEAST_ACTIVE) * 10 ** (speech / 10) + 10 ** (noise / 10))


def noise_bands(features: FeatureValues) -> tuple[float, ...] | None:
    """The measured noise bands from the lowest on, in dB about their mean; None if the lowest was not measured."""
    bands: list[float] = []
    for name in BAND_NAMES:
        value = features.get(name)
        if value is None:
            break
        bands.append(float(value))
    mean = sum(bands) / max(1, len(bands))
    return tuple(value - mean for value in bands) if bands else None


def noise_rumble(features: FeatureValues) -> tuple[float, ...] | None:
    """Levels below the bands, in dB above the mean of the bands; None if they were not measured."""
    levels = [float(v) for name in RUMBLE_NAMES if (v := features.get(name)) is not None]
    return tuple(levels) if len(levels) == len(RUMBLE_NAMES) else None


def trusted_fluctuation(clip: ClipProfile) -> float | None:
    """Level fluctuation of the noise in dB; None if the noise is non-stationary or it was not measured."""
    value = None if "non_stationary" in clip.flags else clip.features.get("fluctuation_db")
    return None if value is None else min(float(value), _MAX_FLUCTUATION_DB)


def noise_spectra(clips: Sequence[ClipProfile]) -> list[tuple[float, ...] | None]:
    """Bands and rumble of the noise of each clip in one row; None for non-stationary noise.

    All rows have the same length: if any clip has its rumble, one without (too short to measure it) has no row; if none
    has (a profile of an earlier version), rows are bands alone.
    """
    rumbles = [noise_rumble(clip.features) for clip in clips]
    need_rumble = any(rumble is not None for rumble in rumbles)
    rows: list[tuple[float, ...] | None] = []
    for clip, rumble in zip(clips, rumbles, strict=True):
        is_usable = "non_stationary" not in clip.flags and not (need_rumble and rumble is None)
        bands = noise_bands(clip.features) if is_usable else None
        rows.append(None if bands is None else (*bands, *(rumble or ())))
    return rows


def cases_of(clips: Sequence[ClipProfile], *, trust: Trust) -> list[Case]:
    """One case per clip: weight, SNR, level, spectrum. What is not to be trusted is omitted.

    A clip whose spectrum is unknown gets that of another clip: of its group if one there is known, and about as loud.
    Noise that nobody equalized would give it away.
    """
    weights = balanced_weights([clip.group for clip in clips])
    spectra = noise_spectra(clips) if trust.spectrum else [None] * len(clips)
    donors = [clip for clip, spectrum in zip(clips, spectra, strict=True) if spectrum is not None]
    cases = []
    for clip, weight, spectrum in zip(clips, weights.tolist(), spectra, strict=True):
        donor = _similar_clip(clip, donors) if spectrum is None else clip
        level = clip_level(clip.features)
        cases.append(
            Case(
                weight=weight * len(clips),
                snr_db=trusted_snr(clip) if trust.snr else None,
                level_dbfs=None if level is None else min(max(level, _LEVEL_DBFS[0]), _LEVEL_DBFS[1]),
                bands_db=noise_bands(donor.features) if donor else None,
                rumble_db=noise_rumble(donor.features) if donor else None,
                fluctuation_db=trusted_fluctuation(donor) if donor else None,
            )
        )
    return cases


def _similar_clip(clip: ClipProfile, donors: Sequence[ClipProfile]) -> ClipProfile | None:
    near = [donor for donor in donors if donor.group == clip.group] or donors
    level = clip.features.get("noise_dbfs") or 0.0
    return min(near, key=lambda d: (abs((d.features.get("noise_dbfs") or 0.0) - level), d.path), default=None)


def jitter_of(cases: Sequence[Case], *, uncertainty: float) -> Jitter:
    """Jitter around the cases; `uncertainty`: SD of the error of their SNR, dB."""
    snrs = [case.snr_db for case in cases if case.snr_db is not None]
    levels = [case.level_dbfs for case in cases if case.level_dbfs is not None]
    spectra = [case.bands_db for case in cases if case.bands_db is not None]
    snr = jitter_sd(snrs, uncertainty=uncertainty, least=_LEAST_SNR_JITTER_DB) if snrs else 0.0
    level = min(_MAX_LEVEL_JITTER_DB, jitter_sd(levels, uncertainty=0.0, least=0.0)) if levels else 0.0
    size = min((len(bands) for bands in spectra), default=0)
    widths = [jitter_sd([bands[b] for bands in spectra], uncertainty=0.0, least=0.0) for b in range(size)]
    band = min(_MAX_BAND_JITTER_DB, float(np.median(widths))) if widths else 0.0
    return Jitter(snr_db=round(snr, 2), level_dbfs=round(level, 2), bands_db=round(band, 2))


def case_text(cases: Sequence[Case]) -> str:
    """The cases as CSV (synth/lists/cases.py), without empty columns. It holds no name of a clip."""
    rows = []
    for case in cases:
        values: dict[str, float | None] = {name: getattr(case, name) for name in COLUMNS if hasattr(case, name)}
        values.update(zip(BAND_COLUMNS, case.bands_db or (), strict=False))
        values.update(zip(RUMBLE_COLUMNS, case.rumble_db or (), strict=False))
        rows.append(
            {
                name: f"{round(value, 3):g}" if abs(value) < 1000 else f"{value:.0f}"
                for name, value in values.items()
                if value is not None
            }
        )
    columns = [name for name in COLUMNS if any(row.get(name) for row in rows)]
    lines = [",".join(columns), *(",".join(row.get(name, "") for name in columns) for row in rows)]
    return "\n".join(lines) + "\n"
