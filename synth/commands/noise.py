"""Report on a collection of noise: its recordings measured, duplicates found, what it is enough for: `synth noise`."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from synth.audio.cache import cache_folder
from synth.catalog.noise_measure import measure_noise
from synth.catalog.recording import Refusal
from synth.catalog.scan import Progress
from synth.commands.scanned_noise import ScannedNoise, scan_noise
from synth.dsp.analysis.clusters import (
    SPECTRA_DB,
    SharedSound,
    cluster_spectra,
    effective_number,
    group_recordings,
    unique_seconds,
)
from synth.dsp.analysis.features import NoiseFeatures, describe_stationarity
from synth.dsp.analysis.spectrum import spectral_profile, third_octaves
from synth.errors import UsageError
from synth.recipe.defaults import MAX_REUSE
from synth.recipe.model import Limits
from synth.report.noise_page import noise_page
from synth.report.page import check_page, write_page
from synth.text import count_of, duration_text, printable

__all__ = ["MeasuredRecording", "NoiseReport", "noise_report"]

# Effective numbers of recordings; conventions, see docs/science.md, "Noise variety".
_FEW, _FINE, _GOOD = 8, 16, 32
_EASY_REUSE = 10  # uses of a second above which the noise needs a random equalizer
# Shares of a recording that are worth a note.
_USABLE_SHARE = 0.5  # less than this is usable
_CLIPPED_SHARE = 0.01  # more than this is clipped


@dataclass(frozen=True, slots=True)
class MeasuredRecording:
    """A recording of a collection, and what was measured of it."""

    name: str  # its path; of a segment within a file also where it begins
    sample_rate: int  # Hz, of the file
    seconds: float
    usable_s: float  # seconds that are neither dead nor clipped
    dead_s: float
    clipped_s: float
    features: NoiseFeatures
    band_profile_db: tuple[float, ...]  # third-octave levels minus their mean, at most 60 dB below the loudest
    cluster: int  # number of its spectrum; 1 is the most frequent
    family: int  # near-duplicates and segments of one file are one family, and count as one recording
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NoiseReport:
    """What a collection of noise is worth."""

    source: str
    sample_rate: int  # Hz, of the planned data set
    recordings: tuple[MeasuredRecording, ...]
    refused: tuple[Refusal, ...]
    duplicates: tuple[SharedSound, ...]
    families: int  # number of recordings, near-duplicates counted as one
    spectra: int  # number of different spectra
    unique_s: float  # usable seconds; what near-duplicates have in common is counted once
    effective_recordings: float  # exp(entropy of the families' shares of the unique seconds)
    largest_share: float  # of the unique seconds, of one family
    reuse: float  # times each second may be used, on average
    hours: float  # of speech that need noise
    notes: tuple[str, ...] = ()  # what was passed over in the folder

    @property
    def enough_for_s(self) -> float:
        """Seconds of speech that the collection is enough for if each unique second is used `reuse` times."""
        return self.unique_s * self.reuse

    @property
    def conclusion(self) -> tuple[str, ...]:
        """What the collection is enough for, in words."""
        advice = ": add recordings, or synthesize more with `synth grow`"
        lines = [
            f"{duration_text(self.unique_s)} from {count_of(self.families, 'recording')} with "
            f"{count_of(self.spectra, 'different spectrum', 'different spectra')}: enough for "
            f"{duration_text(self.enough_for_s)} of speech if no second is used more than {self.reuse:g} times "
            f"(--reuse {self.reuse:g}); you asked for {self.hours:g} h"
            + (advice if self.enough_for_s < self.hours * 3600 else ""),
            self._variety(),
        ]
        if self.reuse > MAX_REUSE:
            lines.append(
                f"More than {MAX_REUSE:g} uses of a second: a recipe refuses this unless its max_reuse is higher."
            )
        elif self.reuse > _EASY_REUSE:
            lines.append(
                f"More than {_EASY_REUSE} uses of a second need a random equalizer on the noise (the starter recipe "
                "has one)."
            )
        return tuple(lines)

    def _variety(self) -> str:
        effective = round(self.effective_recordings, 1)
        whose = "recording's" if effective == 1 else "recordings'"
        families = f"{count_of(self.families, 'recording')}, the largest is {self.largest_share:.0%} of the sound"
        worth = f"{effective:g} {whose} worth of variety ({families})"
        if effective >= _FINE:
            verdict = "good" if effective >= _GOOD else f"fine ({_GOOD} is good)"
            return f"{worth[0].upper()}{worth[1:]}: {verdict}."
        low = f"Fewer than {_FINE} is low"
        if effective < _FEW:
            low = f"Fewer than {_FEW}: a model can learn them by heart"
        return f"Only {worth}. {low}; {_FINE} is fine, {_GOOD} good. Add recordings, or synthesize more."

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values, rounded as it is shown; the page is made from these."""
        return {
            "source": self.source,
            "sample_rate": self.sample_rate,
            "band_hz": [round(band[1], 1) for band in third_octaves(self.sample_rate)],
            "recordings": [_recording_json(recording) for recording in self.recordings],
            "refused": [asdict(refusal) for refusal in self.refused],
            "notes": list(self.notes),
            "near_duplicates": [
                {
                    "first": self.recordings[pair.first].name,
                    "second": self.recordings[pair.second].name,
                    "common_s": round(pair.seconds, 1),
                }
                for pair in self.duplicates
            ],
            "count": self.families,
            "spectra": self.spectra,
            "unique_s": round(self.unique_s, 2),
            "effective_recordings": round(self.effective_recordings, 2),
            "largest_share": round(self.largest_share, 4),
            "reuse": self.reuse,
            "enough_for_h": round(self.enough_for_s / 3600, 3),
            "hours": self.hours,
            "conclusion": list(self.conclusion),
        }


def _recording_json(recording: MeasuredRecording) -> dict[str, Any]:
    features = recording.features
    return {
        "name": recording.name,
        "sampling_rate": recording.sample_rate,
        "seconds": round(recording.seconds, 2),
        "usable_s": round(recording.usable_s, 2),
        "dead_s": round(recording.dead_s, 2),
        "clipped_s": round(recording.clipped_s, 2),
        "level_dbfs": round(features.level_dbfs, 1),
        "level_sd_db": None if features.level_sd_db is None else round(features.level_sd_db, 1),
        "stationarity": describe_stationarity(features.level_sd_db),
        "low_hz": round(features.bandwidth.low_hz),
        "high_hz": round(features.bandwidth.high_hz),
        "band_limited": features.bandwidth.cut,
        "lines": [{"hz": round(line.hz, 1), "above_db": round(line.above_db, 1)} for line in features.lines],
        "speech": features.speech.is_speech,
        "speech_s": round(features.speech.seconds, 2),
        "band_profile_db": [round(value, 1) for value in recording.band_profile_db],
        "spectrum": recording.cluster,
        "recording": recording.family,
        "warnings": list(recording.warnings),
    }


def noise_report(
    source: Path,
    *,
    glob: str | None = None,
    sample_rate: int = 16000,
    reuse: float = MAX_REUSE,
    hours: float = 100.0,
    html: Path | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
) -> NoiseReport:
    """Measure a collection of noise as a data set would use it: resampled, without dead and clipped parts.

    Args:
        source: a folder, a list of files (CSV or JSON lines), or a file.
        glob: use only files of the folder that match.
        sample_rate: Hz, of the planned data set.
        reuse: how many times each second may be used, on average.
        hours: hours of speech that need noise.
        html: also write the report as a page to this file.
        jobs: worker processes.
        progress: called with (what, number of files, number of all).

    Raises:
        UsageError: there is no such folder or list, nothing in it can be used, or `html` must not be written.
        StorageError: the cache or the page cannot be written.
    """
    if html is not None:
        check_page(html, inputs=(source,))
    for name, value in (("reuse", reuse), ("hours", hours)):
        if not (math.isfinite(value) and value > 0):
            raise UsageError(f"{name} must be a number above 0, not {value:g}")
    noise = scan_noise(source, sample_rate=sample_rate, glob=glob, jobs=jobs, progress=progress)
    features = measure_noise(
        noise.store, noise.catalog, noise.usable, limits=Limits(), cache=cache_folder(), jobs=jobs, progress=progress
    )
    pairs = _near_duplicates(noise)
    usable = np.array([sum(n for _, n in noise.store.stretches(i)) for i in noise.usable]) / sample_rate
    family = group_recordings([noise.catalog.path(i) for i in noise.usable], pairs)
    unique = unique_seconds(usable, family, pairs)
    recordings = _measured(noise, features, usable.tolist(), family.tolist(), pairs)
    report = NoiseReport(
        source=str(source),
        sample_rate=sample_rate,
        recordings=recordings,
        refused=noise.refused,
        duplicates=pairs,
        families=len(unique),
        spectra=max(recording.cluster for recording in recordings),
        unique_s=float(unique.sum()),
        effective_recordings=effective_number(unique),
        largest_share=float(unique.max() / unique.sum()),
        reuse=reuse,
        hours=hours,
        notes=noise.catalog.notes,
    )
    if html is not None:
        write_page(html, noise_page(report.to_json()))
    return report


def _near_duplicates(noise: ScannedNoise) -> tuple[SharedSound, ...]:
    """Pairs of usable recordings with sound in common, by their positions among the usable ones."""
    position = {index: k for k, index in enumerate(noise.usable)}
    return tuple(
        SharedSound(position[pair.first], position[pair.second], pair.common_s)
        for pair in noise.store.near_duplicates()
        if pair.first in position and pair.second in position
    )


def _measured(
    noise: ScannedNoise,
    features: Sequence[NoiseFeatures],
    usable_s: Sequence[float],
    family: Sequence[int],
    pairs: Sequence[SharedSound],
) -> tuple[MeasuredRecording, ...]:
    """The usable recordings, in the order of `noise.usable`."""
    store, catalog = noise.store, noise.catalog
    names = []
    for index in noise.usable:
        recording = catalog[index]
        start = f" @{recording.offset / recording.sample_rate:g}s" if recording.offset else ""  # of a segment
        names.append(f"{printable(recording.path)}{start}")
    duplicates = defaultdict(list)
    for pair in pairs:
        common = duration_text(pair.seconds)
        duplicates[pair.second].append(f"the same recording as {names[pair.first]} ({common} in common)")
    profiles = np.array([spectral_profile(np.array(f.bands_dbfs)) for f in features])
    cluster = cluster_spectra(profiles, limit_db=SPECTRA_DB)
    recordings = []
    for k, index in enumerate(noise.usable):
        file_rate = int(catalog.sample_rates[index])
        dead, clipped = store.unusable(index)
        measured = MeasuredRecording(
            name=names[k],
            sample_rate=file_rate,
            seconds=int(store.num_samples[index]) / store.sample_rate,
            usable_s=usable_s[k],
            dead_s=dead / store.sample_rate,
            clipped_s=clipped / store.sample_rate,
            features=_within_file_rate(features[k], file_rate),
            band_profile_db=tuple(profiles[k].tolist()),
            cluster=int(cluster[k]),
            family=family[k],
            warnings=(),
        )
        warnings = (*_sound_warnings(measured, store.sample_rate), *duplicates[k])
        recordings.append(replace(measured, warnings=warnings))
    return tuple(recordings)


def _within_file_rate(features: NoiseFeatures, file_rate: int) -> NoiseFeatures:
    """The features with no sound above half the rate of the file, even if the resampled sound does not show the cut."""
    band = features.bandwidth
    if file_rate / 2 >= band.high_hz or (band.cut and band.high_hz <= file_rate / 2):
        return features
    return replace(features, bandwidth=replace(band, high_hz=file_rate / 2, cut=True))


def _sound_warnings(recording: MeasuredRecording, sample_rate: int) -> list[str]:
    """What is wrong with the sound of a recording, and why it matters."""
    features, warnings = recording.features, []
    band, speech = features.bandwidth, features.speech
    if band.cut:
        cut = f"low-pass at {band.high_hz:.0f} Hz"
        if band.telephone:
            cut = f"telephone band ({band.low_hz:.0f}-{band.high_hz:.0f} Hz)"
        if recording.sample_rate < 0.9 * sample_rate:
            cut += f", up-sampled from {recording.sample_rate} Hz,"
        warnings.append(f"{cut} in a set at {sample_rate} Hz: a model can tell noise by what is missing above")
    if speech.is_speech:
        start = int(speech.at_s or 0.0)
        warnings.append(
            f"speech in it ({speech.seconds:.1f} s voiced, most from {start // 60}:{start % 60:02d} on): "
            "a model learns that speech is noise"
        )
    if describe_stationarity(features.level_sd_db) == "non-stationary":
        warnings.append(
            f"the level fluctuates (SD {features.level_sd_db:.1f} dB): the SNR cannot be measured well in it"
        )
    if recording.usable_s < _USABLE_SHARE * recording.seconds:
        warnings.append(f"only {recording.usable_s / recording.seconds:.0%} of it is usable")
    if recording.clipped_s > _CLIPPED_SHARE * recording.seconds:
        warnings.append(f"{recording.clipped_s:.1f} s are clipped and are not used")
    return warnings
