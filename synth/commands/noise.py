"""What a collection of noise is worth: recordings measured, look-alikes found, how much speech it is enough for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from synth.audio.cache import cache_folder
from synth.catalog.catalog import Catalog
from synth.catalog.noise_measure import measure_noise
from synth.catalog.recording import Refusal
from synth.catalog.scan import Progress, scan
from synth.catalog.source_files import source_from_path
from synth.dsp.analysis.clusters import SPECTRA_DB, Common, clusters, effective_number, families, unique_seconds
from synth.dsp.analysis.features import NoiseFeatures, stationarity
from synth.dsp.analysis.spectrum import profile, third_octaves
from synth.errors import UsageError
from synth.paths import output_path
from synth.recipe.defaults import MAX_REUSE
from synth.recipe.model import Limits
from synth.report.noise_page import noise_page
from synth.text import count_of, duration_text, printable

if TYPE_CHECKING:
    from synth.catalog.noise_store import NoiseStore

_RED, _OK, _GOOD = 8, 16, 32
_REUSE_OK = 10
_MOSTLY = 0.5
_CLIPPED = 0.01


@dataclass(frozen=True, slots=True)
class MeasuredRecording:
    """One recording. Seconds; `cluster` numbers the spectra from 1 on, the largest first; `family` the recordings.

    Recordings of one family are one recording: near-duplicates, and segments of one file. `band_profile_db` is the
    third-octave spectrum without its mean (60 dB below the loudest band at the lowest).
    """

    name: str
    sample_rate: int
    seconds: float
    usable_s: float
    dead_s: float
    clipped_s: float
    features: NoiseFeatures
    band_profile_db: tuple[float, ...]
    cluster: int
    family: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NoiseReport:
    """A collection. `unique_s`: usable seconds, what near-duplicates have in common counted once.

    `effective_recordings` = exp(entropy of the families' shares of the unique seconds); `largest_share`: of a family.
    """

    source: str
    sample_rate: int
    recordings: tuple[MeasuredRecording, ...]
    refused: tuple[Refusal, ...]
    duplicates: tuple[Common, ...]
    families: int
    spectra: int
    unique_s: float
    effective_recordings: float
    largest_share: float
    reuse: float
    hours: float
    notes: tuple[str, ...] = ()  # what was passed over in the folder

    @property
    def enough_for_s(self) -> float:
        """Seconds of speech that the unique seconds are enough for where each is used `reuse` times."""
        return self.unique_s * self.reuse

    @property
    def conclusion(self) -> tuple[str, ...]:
        """What it is enough for, in words; the limits are conventions (8 too few, 16 fine, 32 good)."""
        collection = (
            f"{duration_text(self.unique_s)} from {count_of(self.families, 'recording')} with "
            f"{count_of(self.spectra, 'different spectrum', 'different spectra')}: enough for "
            f"{duration_text(self.enough_for_s)} of speech if no second is used more than {self.reuse:g} times "
            f"(--reuse {self.reuse:g})"
        )
        return (f"{collection}; {self._advice()}", self._variety(), *_reuse_verdict(self.reuse))

    def _advice(self) -> str:
        if self.enough_for_s < self.hours * 3600:
            return f"you asked for {self.hours:g} h: add recordings, or synthesize more with `synth grow`"
        return f"you asked for {self.hours:g} h"

    def _variety(self) -> str:
        effective = round(self.effective_recordings, 1)
        files = f"{count_of(self.families, 'recording')}, the largest is {self.largest_share:.0%} of the sound"
        whose = "recording's" if effective == 1 else "recordings'"
        worth = f"{effective:g} {whose} worth of variety ({files})"
        limits = f"{_OK} is fine, {_GOOD} good"
        if effective < _RED:
            return (
                f"Only {worth}. Fewer than {_RED}: a model can learn them by heart; {limits}. Add recordings or grow."
            )
        if effective < _OK:
            return f"Only {worth}. Fewer than {_OK} is low; {limits}. Add recordings or grow."
        return f"{worth[0].upper()}{worth[1:]}: {'good' if effective >= _GOOD else f'fine ({_GOOD} is good)'}."

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values, rounded as it is shown; the page is made from these."""
        bands = [round(band[1], 1) for band in third_octaves(self.sample_rate)]
        return {
            "source": self.source,
            "sample_rate": self.sample_rate,
            "band_hz": bands,
            "recordings": [_recording_json(r) for r in self.recordings],
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
    f = recording.features
    return {
        "name": recording.name,
        "sampling_rate": recording.sample_rate,
        "seconds": round(recording.seconds, 2),
        "usable_s": round(recording.usable_s, 2),
        "dead_s": round(recording.dead_s, 2),
        "clipped_s": round(recording.clipped_s, 2),
        "level_dbfs": round(f.level_dbfs, 1),
        "level_sd_db": None if f.level_sd_db is None else round(f.level_sd_db, 1),
        "stationarity": stationarity(f.level_sd_db),
        "low_hz": round(f.bandwidth.low_hz),
        "high_hz": round(f.bandwidth.high_hz),
        "band_limited": f.bandwidth.cut,
        "lines": [{"hz": round(line.hz, 1), "above_db": round(line.above_db, 1)} for line in f.lines],
        "speech": f.speech.found,
        "speech_s": round(f.speech.seconds, 2),
        "band_profile_db": [round(value, 1) for value in recording.band_profile_db],
        "spectrum": recording.cluster,
        "recording": recording.family,
        "warnings": list(recording.warnings),
    }


def _reuse_verdict(reuse: float) -> list[str]:
    if reuse > MAX_REUSE:
        return [f"More than {MAX_REUSE:g} uses of a second: a recipe refuses this unless its max_reuse is higher."]
    if reuse > _REUSE_OK:
        return [
            f"More than {_REUSE_OK} uses of a second need a random equalizer on the noise (the starter recipe has one)."
        ]
    return []


def noise_report(
    source: Path,
    *,
    glob: str | None = None,
    sample_rate: int = 16000,
    reuse: float = MAX_REUSE,
    hours: float = 100.0,
    jobs: int = 1,
    progress: Progress | None = None,
) -> NoiseReport:
    """Measure all noise of a folder (files that match `glob`), or of a list of files (CSV or JSON lines).

    What is measured is what a data set at `sample_rate` would use: resampled, without dead and clipped parts.

    Raises:
        UsageError: there is no such folder or list, or nothing in it can be used.
        synth.files.StorageError: the cache cannot be written.
    """
    from synth.catalog.noise_store import prepare_noise  # brings soxr, which `--help` does not need

    for name, value in (("reuse", reuse), ("hours", hours)):
        if not (math.isfinite(value) and value > 0):
            raise UsageError(f"{name} must be a number above 0, not {value:g}")
    shared: dict[str, Any] = {"limits": Limits(), "cache": cache_folder(), "jobs": jobs, "progress": progress}
    catalog = scan([source_from_path(source, glob=glob)], folder=Path.cwd(), kind="noise", **shared)
    store = prepare_noise(catalog, sample_rate=sample_rate, **shared)
    heard = [i for i in range(len(store)) if store.stretches(i)]
    refused = (*catalog.refused, *store.refused)
    if not heard:
        raise UsageError(_nothing_usable(source, refused))
    features = measure_noise(store, catalog, heard, **shared)
    return _report(source, catalog, store, heard, features, refused, reuse=reuse, hours=hours)


def write_page(path: Path, report: Mapping[str, Any]) -> None:
    """Write the page of a report (`to_json()`). Raises UsageError, StorageError as `synth.paths.output_path.write`."""
    output_path.write(path, noise_page(report).encode(), "page", option="--html")


def _nothing_usable(source: Path, refused: Sequence[Refusal]) -> str:
    lines = [f"  {r.path}: {r.code}: {r.message}" for r in refused[:10]]
    more = [f"  and {len(refused) - 10} more"] if len(refused) > 10 else []
    return "\n".join([f"{source}: no usable audio in it", *lines, *more])


def _report(
    source: Path,
    catalog: Catalog,
    store: NoiseStore,
    heard: Sequence[int],
    features: Sequence[NoiseFeatures],
    refused: tuple[Refusal, ...],
    *,
    reuse: float,
    hours: float,
) -> NoiseReport:
    profiles = np.array([profile(np.array(f.bands_dbfs)) for f in features])
    usable = np.array([sum(n for _, n in store.stretches(i)) for i in heard]) / store.sample_rate
    pairs = _pairs(store, heard)
    family = families([catalog.path(i) for i in heard], pairs)
    unique = unique_seconds(usable, family, pairs)
    cluster = clusters(profiles, limit_db=SPECTRA_DB)
    recordings = tuple(
        MeasuredRecording(
            name=_name(catalog, i),
            sample_rate=int(catalog.sample_rates[i]),
            seconds=int(store.num_samples[i]) / store.sample_rate,
            usable_s=float(usable[k]),
            dead_s=store.unusable(i)[0] / store.sample_rate,
            clipped_s=store.unusable(i)[1] / store.sample_rate,
            features=_within(features[k], int(catalog.sample_rates[i])),
            band_profile_db=tuple(profiles[k].tolist()),
            cluster=int(cluster[k]),
            family=int(family[k]),
            warnings=(),
        )
        for k, i in enumerate(heard)
    )
    return NoiseReport(
        source=str(source),
        sample_rate=store.sample_rate,
        recordings=_warned(recordings, pairs, store.sample_rate),
        refused=refused,
        duplicates=pairs,
        families=len(unique),
        spectra=int(cluster.max()),
        unique_s=float(unique.sum()),
        effective_recordings=effective_number(unique),
        largest_share=float(unique.max() / unique.sum()),
        reuse=reuse,
        hours=hours,
        notes=catalog.notes,
    )


def _pairs(store: NoiseStore, heard: Sequence[int]) -> tuple[Common, ...]:
    """Near-duplicates among the recordings reported on, by their positions."""
    position = {i: k for k, i in enumerate(heard)}
    return tuple(
        Common(position[pair.first], position[pair.second], pair.common_s)
        for pair in store.near_duplicates()
        if pair.first in position and pair.second in position
    )


def _name(catalog: Catalog, index: int) -> str:
    """The path; of a segment that does not begin with the file also where it begins."""
    recording = catalog[index]
    at = f" @{recording.offset / recording.sample_rate:g}s" if recording.offset else ""
    return f"{printable(recording.path)}{at}"


def _within(features: NoiseFeatures, file_rate: int) -> NoiseFeatures:
    """A file of a lower rate has nothing above half of it, whether or not that can be heard."""
    band = features.bandwidth
    if file_rate / 2 >= band.high_hz or (band.cut and band.high_hz <= file_rate / 2):
        return features
    return replace(features, bandwidth=replace(band, high_hz=file_rate / 2, cut=True))


# what is wrong with a recording, in words


def _warned(
    recordings: Sequence[MeasuredRecording], pairs: Sequence[Common], sample_rate: int
) -> tuple[MeasuredRecording, ...]:
    same: dict[int, list[str]] = {}
    for pair in pairs:
        same.setdefault(pair.second, []).append(
            f"the same recording as {recordings[pair.first].name} ({duration_text(pair.seconds)} in common)"
        )
    return tuple(
        replace(r, warnings=(*_band_warning(r, sample_rate), *_sound_warnings(r), *same.get(k, ())))
        for k, r in enumerate(recordings)
    )


def _band_warning(recording: MeasuredRecording, sample_rate: int) -> list[str]:
    band = recording.features.bandwidth
    if not band.cut:
        return []
    what = (
        f"telephone band ({band.low_hz:.0f}-{band.high_hz:.0f} Hz)"
        if band.telephone
        else f"low-pass at {band.high_hz:.0f} Hz"
    )
    rate = f", up-sampled from {recording.sample_rate} Hz," if recording.sample_rate < 0.9 * sample_rate else ""
    return [f"{what}{rate} in a set at {sample_rate} Hz: a model can tell noise by what is missing above"]


def _sound_warnings(recording: MeasuredRecording) -> list[str]:
    features, found = recording.features, []
    if features.speech.found:
        at = features.speech.at_s or 0.0
        found.append(
            f"speech in it ({features.speech.seconds:.1f} s voiced, most from {int(at) // 60}:{int(at) % 60:02d} on): "
            "a model learns that speech is noise"
        )
    if stationarity(features.level_sd_db) == "unsteady":
        found.append(f"the level fluctuates (SD {features.level_sd_db:.1f} dB): the SNR cannot be measured well in it")
    if recording.usable_s < _MOSTLY * recording.seconds:
        found.append(f"only {recording.usable_s / recording.seconds:.0%} of it is usable")
    if recording.clipped_s > _CLIPPED * recording.seconds:
        found.append(f"{recording.clipped_s:.1f} s are clipped and are not used")
    return found
