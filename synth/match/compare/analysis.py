"""The distance between a training set and a dev set: one line, one table, and what to change."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from synth.dsp.arrays import Matrix, Vector
from synth.errors import UsageError
from synth.match.compare.advice import Difference, size, verdict, words
from synth.match.compare.result import KNOTS, LIKELY, ClipOfNote, Comparison, FeatureComparison, Side, Spectrum
from synth.match.measure.features import BAND_NAMES, BY_NAME, FEATURES, TOLERANCES, Feature
from synth.match.measure.profile import ClipProfile, Profile
from synth.match.measure.summary import FLAG_WORDS
from synth.match.measure.trust import DISTRUSTED
from synth.stats.coverage import Coverage, measure_coverage
from synth.stats.groups import halvings
from synth.stats.two_sample import classify
from synth.stats.wasserstein import measure_distances

_HALVINGS = 8
_REPEATS = 3
_BINS = 20
_LISTED = 10
_MOST_ODD = 3  # features named of a clip
_MANY_FLAGGED = 0.1
_FROM_SNR = ("snr_db", "speech_dbfs", "noise_dbfs")


def compare(training: Profile, dev: Profile, *, clean: Profile | None = None, seed: int = 0) -> Comparison:
    """How far a training set is from dev, in what, and what to do.

    `clean`: a set without noise, the upper end of what the AUC can be. Same profiles and seed, same comparison.

    Raises UsageError where a profile has no clips.
    """
    for profile in (training, dev, *([clean] if clean else [])):
        if not profile.clips:
            raise UsageError(f"{profile.name}: no clips in it to compare")
    a, b = training.matrix, dev.matrix
    told = classify(a, b, training.groups, dev.groups, tolerances=TOLERANCES, seed=seed, repeats=_REPEATS)
    halves = halvings(dev.groups, _HALVINGS, seed=seed) if len(set(dev.groups)) >= 4 else []
    cover = measure_coverage(a, b, tolerances=TOLERANCES, groups=dev.groups, seed=seed)
    features, family = compare_features(training, dev, seed=seed)
    spread = _spread(b)
    return Comparison(
        training=_side(training),
        dev=_side(dev),
        clean=_side(clean) if clean else None,
        auc=told.auc if told else None,
        auc_by=told.by if told else {},
        auc_halves=_half_aucs(dev, b, halves, seed),
        auc_clean=_clean_auc(clean, dev, seed) if clean else None,
        coverage=cover.share if cover else None,
        coverage_dev=_half_coverage(dev, b, halves, seed),
        family=family,
        features=features,
        spectra=(_spectrum(training.clips), _spectrum(dev.clips)),
        histogram=(_histogram(told.scores_a), _histogram(told.scores_b)) if told else None,
        synthetic=_listed(training.clips, told.scores_a, a, b, spread) if told else (),
        uncovered=_uncovered(dev, cover, b, a, spread),
        notes=_notes(training, dev),
    )


def _half_aucs(dev: Profile, b: Matrix, halves: Sequence[tuple[Any, Any]], seed: int) -> tuple[float, ...]:
    groups = np.asarray(dev.groups)
    found = [
        classify(b[i], b[j], groups[i].tolist(), groups[j].tolist(), tolerances=TOLERANCES, seed=seed + k)
        for k, (i, j) in enumerate(halves)
    ]
    return tuple(half.auc for half in found if half)


def _half_coverage(dev: Profile, b: Matrix, halves: Sequence[tuple[Any, Any]], seed: int) -> float | None:
    groups = np.asarray(dev.groups)
    found = [
        measure_coverage(b[i], b[j], tolerances=TOLERANCES, groups=groups[j].tolist(), seed=seed) for i, j in halves
    ]
    shares = [half.share for half in found if half]
    return float(np.mean(shares)) if shares else None


def _clean_auc(clean: Profile, dev: Profile, seed: int) -> float | None:
    told = classify(clean.matrix, dev.matrix, clean.groups, dev.groups, tolerances=TOLERANCES, seed=seed)
    return told.auc if told else None


# --- one feature ------------------------------------------------------------------------------------------------------


def compare_features(training: Profile, dev: Profile, *, seed: int = 0) -> tuple[tuple[FeatureComparison, ...], float]:
    """Each feature by itself, in the order of FEATURES, and the factor `family` (synth.stats.wasserstein)."""
    a, b = training.matrix, dev.matrix
    found = measure_distances(a, b, training.groups, dev.groups, seed=seed)
    few = bool(_side(training).too_few or _side(dev).too_few)
    features = tuple(
        _feature(k, training, dev, a[:, k], b[:, k], (found.w1[k], found.null95[k], found.family, found.p[k]), few)
        for k in range(len(FEATURES))
    )
    return features, found.family


def _feature(
    k: int,
    training: Profile,
    dev: Profile,
    x: Vector,
    y: Vector,
    found: tuple[float, float, float, float],
    few: bool,
) -> FeatureComparison:
    feature = FEATURES[k]
    x, y = x[np.isfinite(x)], y[np.isfinite(y)]
    units = [_in_units(profile.clips, feature) for profile in (training, dev)]
    measured = (len(x) / len(training.clips), len(y) / len(dev.clips))
    w1, null95, family, p = found
    training_at, dev_at = (_quantiles(values, (0.1, 0.5, 0.9)) if len(values) else None for values in units)
    if not math.isfinite(w1):
        said = f"not compared: measured in {len(x)} training clips and {len(y)} dev clips"
        return FeatureComparison(feature, training_at, dev_at, None, measured, None, None, None, None, None, said)
    difference = _difference(x, y, w1)
    light = verdict(feature, w1, null95, family) if math.isfinite(null95) else None
    advised = words(feature, difference, light) + _trust(feature, training, dev, measured) if light else "no verdict"
    return FeatureComparison(
        feature,
        training_at,
        dev_at,
        (_quantiles(units[0], KNOTS), _quantiles(units[1], KNOTS)),
        measured,
        difference.shift,
        w1,
        null95 if math.isfinite(null95) else None,
        p if math.isfinite(p) else None,
        None if few else light,
        f"{LIKELY}: {advised}" if few and light == "red" else "no verdict" if few else advised,
        likely=few and light == "red",
        size=size(feature, difference),
    )


def _quantiles(values: Vector, shares: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(float(value) for value in np.quantile(values, shares))


def _spectrum(clips: Sequence[ClipProfile]) -> Spectrum:
    bands = [_in_units(clips, BY_NAME[name]) for name in BAND_NAMES]
    return Spectrum(
        tuple(float(values.mean()) if len(values) else None for values in bands),
        tuple(float(values.std()) if len(values) else None for values in bands),
    )


def _in_units(clips: Sequence[ClipProfile], feature: Feature) -> Vector:
    values = [clip.features.get(feature.name) for clip in clips]
    return np.array([v for v in values if v is not None and math.isfinite(v)], float)


def _difference(x: Vector, y: Vector, w1: float) -> Difference:
    shift = float(np.median(np.quantile(x, KNOTS) - np.quantile(y, KNOTS)))
    widths = [float(np.subtract(*np.quantile(side, (0.9, 0.1)))) for side in (x, y)]
    return Difference(w1, shift, (widths[0], widths[1]))


def _trust(feature: Feature, training: Profile, dev: Profile, measured: tuple[float, float]) -> str:
    """What speaks against trusting a feature's difference."""
    if feature.name in _FROM_SNR:
        shares = [_distrusted(profile.clips) for profile in (training, dev)]
        if max(shares) > _MANY_FLAGGED:
            return f" (but the SNR of {shares[0]:.0%} of training and {shares[1]:.0%} of dev cannot be measured)"
    if abs(measured[0] - measured[1]) > 0.2:
        return f" (measured in {measured[0]:.0%} of training, {measured[1]:.0%} of dev)"
    return ""


def _distrusted(clips: Sequence[ClipProfile]) -> float:
    return sum(any(flag in DISTRUSTED for flag in clip.flags) for clip in clips) / len(clips)


# --- clips to listen to -----------------------------------------------------------------------------------------------


def _spread(dev: Matrix) -> tuple[Vector, Vector]:
    """Middle and spread of dev in each feature, at least the tolerance; NaN where nothing was measured."""
    there = np.isfinite(dev).any(axis=0)
    low, middle, high = np.full((3, dev.shape[1]), np.nan)
    for k in np.flatnonzero(there):
        low[k], middle[k], high[k] = np.nanquantile(dev[:, k], (0.16, 0.5, 0.84))
    return middle, np.maximum((high - low) / 2, [f.tolerance for f in FEATURES])


def _listed(
    clips: Sequence[ClipProfile], scores: Vector, rows: Matrix, other: Matrix, spread: tuple[Vector, Vector]
) -> tuple[ClipOfNote, ...]:
    """The clips with the highest scores; equal scores in the order of the set."""
    order = np.argsort(-np.nan_to_num(scores, nan=-np.inf), kind="stable")[:_LISTED]
    middle = _spread(other)[0]
    return tuple(
        ClipOfNote(int(i), clips[i].path, clips[i].group, float(scores[i]), _odd(rows[i], clips[i], middle, spread[1]))
        for i in order
        if np.isfinite(scores[i])
    )


def _uncovered(
    dev: Profile, cover: Coverage | None, rows: Matrix, other: Matrix, spread: tuple[Vector, Vector]
) -> tuple[ClipOfNote, ...]:
    if cover is None:
        return ()
    return _listed(dev.clips, cover.distance, rows, other, spread)


def _odd(row: Vector, clip: ClipProfile, middle: Vector, spread: Vector) -> str:
    """The features in which a clip lies farthest from the middle of the other set."""
    away = np.nan_to_num((row - middle) / spread)
    found = []
    for k in np.argsort(-np.abs(away), kind="stable")[:_MOST_ODD]:
        feature, value = FEATURES[k], clip.features.get(FEATURES[k].name)
        if value is not None and abs(away[k]) >= 1:
            found.append(
                f"{feature.shown} {in_unit(feature, value)} ({'+' if away[k] > 0 else '-'}{abs(away[k]):.1f} SD)"
            )
    return ", ".join(found)


def in_unit(feature: Feature, value: float) -> str:
    """A value as people read it: `6.2 dB`, `7000 Hz`, `0.41`."""
    digits = 0 if feature.unit == "Hz" else 2 if feature.unit in ("s", "") else 1
    return f"{value:.{digits}f} {feature.unit}".strip()


def _histogram(scores: Vector) -> tuple[float, ...]:
    counts, _ = np.histogram(scores[np.isfinite(scores)], bins=_BINS, range=(0.0, 1.0))
    return tuple(np.round(counts / max(1, counts.sum()), 4).tolist())


def _side(profile: Profile) -> Side:
    return Side(profile.name, len(profile.clips), len(set(profile.groups)))


# --- what else to know ------------------------------------------------------------------------------------------------


def _notes(training: Profile, dev: Profile) -> tuple[str, ...]:
    notes = []
    same = _places(training) & _places(dev)
    if same:
        notes.append(f"{len(same)} clips are in both sets: what is said of them says nothing of new ones")
    shared = set(training.groups) & set(dev.groups)
    if shared and not same:
        notes.append(f"{len(shared)} groups bear the same name in both sets, and are kept together as one")
    if set(training.sample_rates) != set(dev.sample_rates):
        rates = [_rates(profile) for profile in (training, dev)]
        notes.append(
            f"training is at {rates[0]}, dev at {rates[1]}: what lies above half the lower rate differs by that"
        )
    notes.extend(f"dev: {note}" for note in dev.group_notes)
    for name, profile in (("training", training), ("dev", dev)):
        notes.extend(_flagged(name, profile))
    return tuple(notes)


def _places(profile: Profile) -> set[tuple[str, str]]:
    return {(profile.root, clip.path) for clip in profile.clips}


def _rates(profile: Profile) -> str:
    return ", ".join(f"{rate} Hz" for rate in sorted(profile.sample_rates, key=float)) or "no known rate"


def _flagged(name: str, profile: Profile) -> list[str]:
    counts = Counter(flag for clip in profile.clips for flag in set(clip.flags))
    total = len(profile.clips)
    return [
        f"{name}: {count} of {total} clips ({count / total:.0%}) are flagged {flag}"
        + (f": {FLAG_WORDS[flag]}" if FLAG_WORDS.get(flag) else "")
        for flag, count in sorted(counts.items())
        if count >= _MANY_FLAGGED * total
    ]
