"""Compare a training set with a dev set: how far they are apart, in what, and what to change."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from synth.dsp.arrays import Matrix, Vector
from synth.errors import UsageError
from synth.match.compare.advice import Difference, difference_size, difference_words, verdict
from synth.match.compare.result import (
    KNOTS,
    LIKELY,
    Comparison,
    FeatureComparison,
    NoiseSpectrum,
    NotableClip,
    SetSize,
)
from synth.match.measure.features import BAND_NAMES, BY_NAME, FEATURES, TOLERANCES, Feature
from synth.match.measure.profile import ClipProfile, Profile
from synth.match.measure.summary import FLAG_WORDS
from synth.match.measure.trust import is_trusted
from synth.stats.coverage import measure_coverage
from synth.stats.groups import halvings
from synth.stats.two_sample import classify
from synth.stats.wasserstein import measure_distances

_HALVINGS = 8  # of dev
_LEAST_GROUPS_TO_HALVE = 4
_REPEATS = 3  # of the classifier test
_BINS = 20
_MAX_NOTABLE = 10  # clips
_MAX_UNUSUAL = 3  # features that are named of a clip
_MANY_FLAGGED = 0.1  # of the clips: from here on flags are mentioned
_MEASURED_UNEQUALLY = 0.2  # difference of the shares of clips that have a feature
_FROM_SNR = ("snr_db", "speech_dbfs", "noise_dbfs")


def compare(training: Profile, dev: Profile, *, clean: Profile | None = None, seed: int = 0) -> Comparison:
    """Compare a training set with dev.

    Args:
        training: the training set.
        dev: real audio of the target.
        clean: a set without noise: the AUC of training cannot be higher.
        seed: random seed; the same profiles and seed give the same comparison.

    Raises:
        UsageError: a profile has no clips.
    """
    for profile in (training, dev, *([clean] if clean else [])):
        if not profile.clips:
            raise UsageError(f"{profile.name}: no clips in it to compare")
    a, b = training.matrix, dev.matrix
    test = classify(a, b, training.groups, dev.groups, tolerances=TOLERANCES, seed=seed, repeats=_REPEATS)
    coverage = measure_coverage(a, b, tolerances=TOLERANCES, groups=dev.groups, seed=seed)
    auc_halves, coverage_halves = _compare_halves(dev, seed)
    clean_test = None
    if clean is not None:
        clean_test = classify(clean.matrix, b, clean.groups, dev.groups, tolerances=TOLERANCES, seed=seed)
    features, family = compare_features(training, dev, seed=seed)
    scale = _middle_and_spread(b)[1]
    return Comparison(
        training=_size(training),
        dev=_size(dev),
        clean=_size(clean) if clean else None,
        auc=test.auc if test else None,
        auc_by=test.by if test else {},
        auc_halves=auc_halves,
        auc_clean=clean_test.auc if clean_test else None,
        coverage=coverage.share if coverage else None,
        coverage_dev=coverage_halves,
        family=family,
        features=features,
        spectra=(_noise_spectrum(training.clips), _noise_spectrum(dev.clips)),
        histogram=(_histogram(test.scores_a), _histogram(test.scores_b)) if test else None,
        synthetic=_notable(training.clips, test.scores_a, a, b, scale) if test else (),
        uncovered=_notable(dev.clips, coverage.distance, b, a, scale) if coverage else (),
        notes=_notes(training, dev),
    )


def compare_features(training: Profile, dev: Profile, *, seed: int = 0) -> tuple[tuple[FeatureComparison, ...], float]:
    """(each feature by itself in the order of FEATURES, the factor `family` of synth.stats.wasserstein)."""
    a, b = training.matrix, dev.matrix
    distances = measure_distances(a, b, training.groups, dev.groups, seed=seed)
    too_few = bool(_size(training).too_few or _size(dev).too_few)
    features = []
    for k, feature in enumerate(FEATURES):
        x, y = (column[np.isfinite(column)] for column in (a[:, k], b[:, k]))
        units = [_values_in_unit(profile.clips, feature) for profile in (training, dev)]
        measured = (len(x) / len(training.clips), len(y) / len(dev.clips))
        quantiles = [tuple(np.quantile(v, (0.1, 0.5, 0.9)).tolist()) if len(v) else None for v in units]
        w1, null95, p = distances.w1[k], distances.null95[k], distances.p[k]
        if not math.isfinite(w1):
            reason = f"not compared: measured in {len(x)} training clips and {len(y)} dev clips"
            features.append(FeatureComparison(feature, quantiles[0], quantiles[1], measured, reason))
            continue
        shift = float(np.median(np.quantile(x, KNOTS) - np.quantile(y, KNOTS)))
        widths = [float(np.subtract(*np.quantile(side, (0.9, 0.1)))) for side in (x, y)]
        difference = Difference(w1, shift, (widths[0], widths[1]))
        light = verdict(feature, w1, null95, distances.family) if math.isfinite(null95) else None
        text = "no verdict"
        if light and (light == "red" or not too_few):
            text = difference_words(feature, difference, light) + _reservation(feature, training, dev, measured)
        is_likely = too_few and light == "red"
        features.append(
            FeatureComparison(
                feature,
                quantiles[0],
                quantiles[1],
                measured,
                f"{LIKELY}: {text}" if is_likely else text,
                knots=(tuple(np.quantile(units[0], KNOTS).tolist()), tuple(np.quantile(units[1], KNOTS).tolist())),
                shift=shift,
                w1=w1,
                null95=null95 if math.isfinite(null95) else None,
                p=p if math.isfinite(p) else None,
                verdict=None if too_few else light,
                likely=is_likely,
                size=difference_size(feature, difference),
            )
        )
    return tuple(features), distances.family


def _compare_halves(dev: Profile, seed: int) -> tuple[tuple[float, ...], float | None]:
    """(AUC of halves of dev against each other, the mean coverage of one by the other): what equal sets have."""
    if len(set(dev.groups)) < _LEAST_GROUPS_TO_HALVE:
        return (), None
    values, groups = dev.matrix, np.asarray(dev.groups)
    aucs, shares = [], []
    for k, (i, j) in enumerate(halvings(dev.groups, _HALVINGS, seed=seed)):
        names = groups[i].tolist(), groups[j].tolist()
        if test := classify(values[i], values[j], *names, tolerances=TOLERANCES, seed=seed + k):
            aucs.append(test.auc)
        if cover := measure_coverage(values[i], values[j], tolerances=TOLERANCES, groups=names[1], seed=seed):
            shares.append(cover.share)
    return tuple(aucs), float(np.mean(shares)) if shares else None


def _size(profile: Profile) -> SetSize:
    return SetSize(profile.name, len(profile.clips), len(set(profile.groups)))


def _values_in_unit(clips: Sequence[ClipProfile], feature: Feature) -> Vector:
    values = [clip.features.get(feature.name) for clip in clips]
    return np.array([v for v in values if v is not None and math.isfinite(v)], float)


def _noise_spectrum(clips: Sequence[ClipProfile]) -> NoiseSpectrum:
    bands = [_values_in_unit(clips, BY_NAME[name]) for name in BAND_NAMES]
    return NoiseSpectrum(
        tuple(float(values.mean()) if len(values) else None for values in bands),
        tuple(float(values.std()) if len(values) else None for values in bands),
    )


def _reservation(feature: Feature, training: Profile, dev: Profile, measured: tuple[float, float]) -> str:
    """Why the difference in a feature is less certain, in brackets; empty if nothing speaks against it."""
    if feature.name in _FROM_SNR:
        flagged = [sum(not is_trusted(clip) for clip in p.clips) / len(p.clips) for p in (training, dev)]
        if max(flagged) > _MANY_FLAGGED:
            return f" (but the SNR of {flagged[0]:.0%} of training and {flagged[1]:.0%} of dev cannot be measured)"
    if abs(measured[0] - measured[1]) > _MEASURED_UNEQUALLY:
        return f" (measured in {measured[0]:.0%} of training, {measured[1]:.0%} of dev)"
    return ""


def _middle_and_spread(values: Matrix) -> tuple[Vector, Vector]:
    """(median, robust SD) of each feature, the SD at least its tolerance; NaN if nothing was measured."""
    low, middle, high = np.full((3, values.shape[1]), np.nan)
    for k in np.flatnonzero(np.isfinite(values).any(axis=0)):
        low[k], middle[k], high[k] = np.nanquantile(values[:, k], (0.16, 0.5, 0.84))
    return middle, np.maximum((high - low) / 2, TOLERANCES)


def _notable(
    clips: Sequence[ClipProfile], scores: Vector, values: Matrix, opposite: Matrix, scale: Vector
) -> tuple[NotableClip, ...]:
    """The clips with the highest scores, equal ones in the order of the set; and in what they are unusual.

    `opposite`: values of the opposite set. `scale`: spread of dev, in which differences are told.
    """
    middle = _middle_and_spread(opposite)[0]
    notable = []
    for i in np.argsort(-np.nan_to_num(scores, nan=-np.inf), kind="stable")[:_MAX_NOTABLE].tolist():
        if not np.isfinite(scores[i]):
            continue
        clip, away = clips[i], np.nan_to_num((values[i] - middle) / scale)
        unusual = []
        for k in np.argsort(-np.abs(away), kind="stable")[:_MAX_UNUSUAL]:
            value = clip.features.get(FEATURES[k].name)
            if value is not None and abs(away[k]) >= 1:
                sign = "+" if away[k] > 0 else "-"
                unusual.append(f"{FEATURES[k].shown} {in_unit(FEATURES[k], value)} ({sign}{abs(away[k]):.1f} SD)")
        notable.append(NotableClip(i, clip.path, clip.group, float(scores[i]), ", ".join(unusual)))
    return tuple(notable)


def in_unit(feature: Feature, value: float) -> str:
    """A value for people: `6.2 dB`, `7000 Hz`, `0.41`."""
    digits = {"Hz": 0, "s": 2, "": 2}.get(feature.unit, 1)
    return f"{value:.{digits}f} {feature.unit}".strip()


def _histogram(scores: Vector) -> tuple[float, ...]:
    counts, _ = np.histogram(scores[np.isfinite(scores)], bins=_BINS, range=(0.0, 1.0))
    return tuple(np.round(counts / max(1, counts.sum()), 4).tolist())


def _notes(training: Profile, dev: Profile) -> tuple[str, ...]:
    notes = []
    training_clips, dev_clips = ({(profile.root, clip.path) for clip in profile.clips} for profile in (training, dev))
    same = training_clips & dev_clips
    if same:
        notes.append(f"{len(same)} clips are in both sets: a result on them says nothing about new clips")
    shared = set(training.groups) & set(dev.groups)
    if shared and not same:
        notes.append(f"{len(shared)} groups have the same name in both sets; each is treated as one group")
    if set(training.sample_rates) != set(dev.sample_rates):
        rates = [
            ", ".join(f"{rate} Hz" for rate in sorted(profile.sample_rates, key=float)) or "no known rate"
            for profile in (training, dev)
        ]
        notes.append(f"training is at {rates[0]}, dev at {rates[1]}: above half the lower rate they differ therefore")
    notes.extend(f"dev: {note}" for note in dev.group_notes)
    for name, profile in (("training", training), ("dev", dev)):
        counts = Counter(flag for clip in profile.clips for flag in set(clip.flags))
        total = len(profile.clips)
        for flag, count in sorted(counts.items()):
            if count >= _MANY_FLAGGED * total:
                meaning = f": {FLAG_WORDS[flag]}" if FLAG_WORDS.get(flag) else ""
                notes.append(f"{name}: {count} of {total} clips ({count / total:.0%}) are flagged {flag}{meaning}")
    return tuple(notes)
