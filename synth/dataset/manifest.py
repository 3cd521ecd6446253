"""The manifest row: one JSON line per clip, a superset of NeMo's, in which every word is true.

Flat where training code looks, nested for provenance; what is unknown is null, never left out. Keys are sorted and
floats have fixed decimals, so the same clip gives the same line.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from synth.dataset.old_formats import refuse_old_row
from synth.dataset.reader import DataFile
from synth.dataset.row_schema import fault_of

# Reading rows needs none of these; they load recipes and numpy, which takes 0.4 s.
if TYPE_CHECKING:
    from synth.catalog.recording import Recording
    from synth.dsp.effects.effect import Effect
    from synth.plan.clip_spec import ClipSpec, NoiseSegment, PlannedEvent, RecordingSpan
    from synth.plan.origin import Origin
    from synth.render.clip import Measurements, RenderedAudio

ManifestRow: TypeAlias = dict[str, Any]
#: Finds where a span of a layer's noise recording comes from.
Trace: TypeAlias = "Callable[[str, RecordingSpan], Origin]"

_encode = json.JSONEncoder(sort_keys=True, ensure_ascii=False, allow_nan=False, check_circular=False).encode
#: The key under `synthesis` of noise that was played from a file of `synth grow`: what the file was made from.
SYNTHESIZED_FROM: Final = "synthesized_from"

_DECIBEL_DECIMALS: Final = 3
_SECOND_DECIMALS: Final = 6


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file of a clip: its path relative to the data set, and the SHA-256 of its bytes."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class PlaceInTar:
    """Where a clip lies in the layout `tar`."""

    shard: int
    offset: int | None  # bytes of its tar file before its first; None: it was not written


@dataclass(frozen=True, slots=True)
class WrittenClip:
    """The files of a clip, and the SHA-256 of its samples (as decoded) as little-endian int16."""

    main: WrittenFile
    pcm_sha256: str
    encoding: Mapping[str, Any] | None = None  # what a lossy format did to it; None in a data set of another format
    speech_stem: WrittenFile | None = None
    noise_stem: WrittenFile | None = None


def make_row(
    spec: ClipSpec,
    recording: Recording,
    *,
    source_sha256: str,
    rendered: RenderedAudio,
    written: WrittenClip,
    trace: Trace,
    in_tar: PlaceInTar | None = None,
) -> ManifestRow:
    """Make the manifest row of a clip.

    Samples are counted at the clip's rate, except in `source` (at the file's own). `duration` is num_samples divided by
    sampling_rate, unrounded. Alignments are seconds from the start of the clip.

    Args:
        spec: the plan of the clip.
        recording: its speech.
        source_sha256: of the file of that recording.
        rendered: the clip as rendered, with the levels as they are written.
        written: its files.
        trace: finds noise in its source file.
        in_tar: where it lies in the layout `tar`; None in the layout `files`.
    """
    measured = rendered.measurements
    lossy = {} if written.encoding is None else {"encoding": dict(written.encoding)}
    return {
        "audio_filepath": written.main.path,
        "duration": spec.num_samples / spec.sample_rate,
        "text": recording.text,
        "id": spec.clip_id,
        "num_samples": spec.num_samples,
        "sampling_rate": spec.sample_rate,
        "channels": 1,
        "speaker": recording.speaker,
        "labels": _labels(spec, recording),
        "alignment": _alignment(rendered.speech_alignment),
        "split": spec.split,
        "condition": spec.condition,
        "case": spec.case,
        "stage": spec.stage,
        "weight": spec.loss_weight,
        "copy": spec.copy,
        "source_id": spec.source_id,
        "source": {
            "name": recording.source,
            "path": recording.path,
            "offset": recording.offset,
            "num_samples": recording.num_samples,
            "sampling_rate": recording.sample_rate,
            "sha256": source_sha256,
        },
        "speech": _speech(spec, measured),
        "room": spec.room_id,
        "noise": [
            _segment(segment, gain_db, reports, trace)
            for segment, gain_db, reports in zip(
                spec.noise,
                measured.noise_gains_db,
                measured.effect_reports.noise or [()] * len(spec.noise),
                strict=True,
            )
        ],
        "match_spectrum": _spectrum(spec, measured),
        "fluctuation_db": spec.fluctuation_db,
        "channel": _effects(spec.channel_effects, measured.effect_reports.channel),
        "snr_db": _snr(spec, measured),
        "level_dbfs": {"requested": _db(spec.level_dbfs), "measured": _db(measured.level_dbfs)},
        "peak_dbfs": _db(measured.peak_dbfs),
        "headroom_gain_db": _db(measured.headroom_gain_db),
        "stems": {**_stem("speech", written.speech_stem), **_stem("noise", written.noise_stem)},
        "events": [
            _event(spec, event, gain_db, trace)
            for event, gain_db in zip(spec.events, measured.event_gains_db, strict=True)
        ],
        "sha256": written.main.sha256,
        "pcm_sha256": written.pcm_sha256,
        **lossy,
        **_place(in_tar),
    }  # fmt: skip


def _place(in_tar: PlaceInTar | None) -> dict[str, int | None]:
    """NeMo takes `shard_id`; with `tar_offset` a clip is read without a look through its tar file."""
    return {} if in_tar is None else {"shard_id": in_tar.shard, "tar_offset": in_tar.offset}


def _labels(spec: ClipSpec, recording: Recording) -> dict[str, Any]:
    """The labels of the speech, and those of what happens in the noise.

    A label of both is true if either is true, else unknown (None) if either is unknown. For a recording that is taken
    as it is, only its list counts. What something done to the clip makes unknown is None.
    """
    from synth.plan.noise_choice import label_truth

    labels = dict(recording.labels or {})
    for name, happens in spec.event_labels:
        in_speech = label_truth(labels, name) if name in labels else False
        if spec.unchanged:
            labels[name] = label_truth(recording.labels, name)
        elif happens is True or in_speech is True:
            labels[name] = True
        else:
            labels[name] = None if happens is None or in_speech is None else False
    return labels | {name: None for name in spec.unknown_labels if name in labels}


def _speech(spec: ClipSpec, measured: Measurements) -> dict[str, Any]:
    return {
        "onset": spec.onset,
        "num_samples": spec.speech_num_samples,
        "unchanged": spec.unchanged,
        "effects": _effects(spec.speech_effects, measured.effect_reports.speech),
        "lombard": None if spec.lombard is None else dataclasses.asdict(spec.lombard),
        "active_level_dbfs": _db(measured.active_level_dbfs),
    }


def _stem(name: str, file: WrittenFile | None) -> dict[str, str | None]:
    return {name: file.path if file else None, f"{name}_sha256": file.sha256 if file else None}


def _alignment(words: Sequence[tuple[str, float, float]] | None) -> list[list[Any]] | None:
    if words is None:
        return None
    return [[text, round(start, _SECOND_DECIMALS), round(length, _SECOND_DECIMALS)] for text, start, length in words]


def _spectrum(spec: ClipSpec, measured: Measurements) -> dict[str, Any] | None:
    """The spectrum that the noise was equalized to, and the gain of each band."""
    target = spec.target_spectrum
    if target is None:
        return None
    return {
        "bands_db": list(target.bands_db),
        "rumble_db": None if target.rumble_db is None else list(target.rumble_db),
        "limit_db": target.limit_db,
        "gains_db": [_db(gain) for gain in measured.band_gains_db],
    }


def _snr(spec: ClipSpec, measured: Measurements) -> dict[str, Any] | None:
    if measured.snr is None:
        return None
    return {
        "requested": _db(spec.snr_db),
        "measured": _db(measured.snr.measured),
        "measure": spec.measure,
        "weighting": spec.weighting,
        "band": _db(measured.snr.band),
        "a": _db(measured.snr.a),
        "broadband": _db(measured.snr.broadband),
    }


def _segment(
    segment: NoiseSegment, gain_db: float, reports: Sequence[Mapping[str, Any] | None], trace: Trace
) -> dict[str, Any]:
    from synth.plan.clip_spec import RecordingSpan
    from synth.plan.origin import NO_ORIGIN

    span = RecordingSpan(segment.recording, segment.recording_id, segment.offset, segment.source_num_samples)
    synthesis = None
    if segment.synthesis is not None:
        materials = [_span(segment.layer, each, trace) for each in segment.synthesis.materials]
        synthesis = {**parameters_of(segment.synthesis.generator), "materials": materials}
    elif (file := segment.grown_file) is not None:
        synthesis = {"name": file.method, SYNTHESIZED_FROM: file.grown_from, "materials": []}
    return {
        "layer": segment.layer,
        "kind": segment.kind,
        "recording": segment.recording_id,
        "offset": segment.offset,
        "source_num_samples": segment.source_num_samples,
        **(NO_ORIGIN if segment.synthesis else trace(segment.layer, span)),
        "track": segment.track,
        "at": segment.at,
        "num_samples": segment.num_samples,
        "fade_in": segment.fade_in,
        "effects": _effects(segment.effects, reports),
        "gain_db": _db(gain_db),
        "synthesis": synthesis,
    }


def is_from_file(segment: Mapping[str, Any]) -> bool:
    """Whether a noise segment of a row was played from a file: a recording, or a file of `synth grow`."""
    return segment["synthesis"] is None or SYNTHESIZED_FROM in segment["synthesis"]


def _span(layer: str, span: RecordingSpan, trace: Trace) -> dict[str, Any]:
    return {
        "recording": span.recording_id,
        "offset": span.offset,
        "num_samples": span.num_samples,
        **trace(layer, span),
    }


def _event(spec: ClipSpec, event: PlannedEvent, gain_db: float, trace: Trace) -> dict[str, Any]:
    """`start` and `end` are seconds of the clip, for training; the rest is how the event was made."""
    span = event.recorded
    return {
        "label": event.label,
        "start": round(event.at / spec.sample_rate, _SECOND_DECIMALS),
        "end": round((event.at + event.num_samples) / spec.sample_rate, _SECOND_DECIMALS),
        "at": event.at,
        "num_samples": event.num_samples,
        "relative_db": event.relative_db,
        "gain_db": _db(gain_db),
        "kind": "synthesized" if span is None else "recording",
        "synthesis": None if event.synthesized is None else parameters_of(event.synthesized),
        "source": None if span is None else {"layer": event.layer, **_span(event.layer, span, trace)},
    }


def _effects(effects: Sequence[Effect], reports: Sequence[Mapping[str, Any] | None]) -> list[dict[str, Any]]:
    """As `effect_to_json`, and under `drawn` what a library drew itself."""
    rows = [parameters_of(effect) for effect in effects]
    for row, report in zip(rows, reports, strict=False):
        if report is not None:
            row["drawn"] = dict(report)
    return rows


def _db(value: float | None) -> float | None:
    return None if value is None else round(value, _DECIBEL_DECIMALS) + 0.0  # + 0.0: there is no -0.0 dB


def parameters_of(processor: Any) -> dict[str, Any]:
    """`{"name": ..., **parameters}` of an effect, a generator or an event."""
    names = _field_names(cast("Hashable", type(processor)))
    return {"name": processor.name, **{name: getattr(processor, name) for name in names}}


@lru_cache
def _field_names(kind: Hashable) -> tuple[str, ...]:
    return tuple(f.name for f in dataclasses.fields(kind))  # type: ignore[arg-type]


def to_line(fields: Mapping[str, Any]) -> str:
    """One line of a JSON lines file, without its line end. Raises ValueError for NaN and infinity."""
    return _encode(fields)


def read_rows(path: Path) -> Iterator[ManifestRow]:
    """Read the rows of a manifest, one at a time. Rows with NeMo's keys alone are read as well.

    Raises:
        DamagedDataset: the manifest is one of a data set, and a line is not a row of it.
        UsageError: as that, for a manifest that lies anywhere else; or there is no such file.
    """
    file = DataFile.named(path)
    for number, fields, _ in file.objects():
        yield _check_types(fields, file, number)


def parse_row(line: bytes, file: DataFile, at: int | str) -> ManifestRow:
    """Parse a line of a manifest; `at` is its number in the file, or what else names it. Raises as `read_rows`."""
    return _check_types(file.object(line, at), file, at)


def _check_types(fields: ManifestRow, file: DataFile, at: int | str) -> ManifestRow:
    fault = fault_of(fields)
    if fault is not None:
        refuse_old_row(fields, f"{file.path}:{at}" if isinstance(at, int) else f"{file.path}: {at}")
        raise file.error(f"not a row of a manifest: {fault}", at)
    return fields
