"""The manifest row: one JSON line a clip, a superset of NeMo's, in which every word is true.

Flat where training code looks, nested for provenance; unknown is null, never left out. Keys are sorted and floats have
fixed decimals, so the same clip gives the same line.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from synth.catalog.recording import Recording
from synth.dataset.old_formats import refuse_old_row
from synth.dataset.reader import DataFile
from synth.dataset.row_schema import fault_of
from synth.dsp.effects.effect import Effect
from synth.plan.clip_spec import ClipSpec, NoiseSegment, PlannedEvent, RecordingSpan
from synth.plan.noise_choice import label_truth
from synth.plan.origin import NO_ORIGIN, Origin

if TYPE_CHECKING:
    from synth.render.clip import Measurements, RenderedAudio

ManifestRow: TypeAlias = dict[str, Any]
Trace: TypeAlias = Callable[[str, RecordingSpan], Origin]
"""Where a use of a layer's noise recording comes from."""

_encode = json.JSONEncoder(sort_keys=True, ensure_ascii=False, allow_nan=False, check_circular=False).encode
SYNTHESIZED_FROM: Final = "synthesized_from"
"""The key under `synthesis` of noise that was played from a file of `synth grow`: what the file was made from."""

_DECIBEL_DECIMALS: Final = 3
_SECOND_DECIMALS: Final = 6


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file of a clip: its path relative to the data set, and the SHA-256 of its bytes."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class WrittenClip:
    """The files of a clip, and the SHA-256 of its samples as little-endian int16."""

    main: WrittenFile
    pcm_sha256: str
    speech_stem: WrittenFile | None = None
    noise_stem: WrittenFile | None = None


def row(
    spec: ClipSpec,
    recording: Recording,
    *,
    source_sha256: str,
    rendered: RenderedAudio,
    written: WrittenClip,
    trace: Trace,
) -> ManifestRow:
    """The manifest row of a clip that was made from `spec`. `trace` finds noise in its source file.

    Samples are counted at the clip's rate, but for `source` (the file's own). `duration` is num_samples divided by
    sampling_rate, unrounded. Alignments are seconds from the start of the clip.
    """
    measured = rendered.measurements
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
        "source": _source(recording, source_sha256),
        "speech": _speech(spec, measured),
        "room": spec.room_id,
        "noise": _noise(spec, measured, trace),
        "match_spectrum": _colour(spec, measured),
        "fluctuation_db": spec.fluctuation_db,
        "channel": _effects(spec.channel_effects, measured.effect_reports.channel),
        "snr_db": _snr(spec, measured),
        "level_dbfs": {"requested": _db(spec.level_dbfs), "measured": _db(measured.level_dbfs)},
        "peak_dbfs": _db(measured.peak_dbfs),
        "headroom_gain_db": _db(measured.headroom_gain_db),
        "stems": {**_stem("speech", written.speech_stem), **_stem("noise", written.noise_stem)},
        "events": _events(spec, measured, trace),
        "sha256": written.main.sha256,
        "pcm_sha256": written.pcm_sha256,
    }  # fmt: skip


def _labels(spec: ClipSpec, recording: Recording) -> dict[str, Any]:
    """The speech's labels, and those of what happens in the noise. What both have is true where either says so, and
    unknown where neither does and one of them does not know. What something done to the clip makes unknown is null, and
    of a recording as it is there is known what its list says."""
    labels = dict(recording.labels or {})
    for name, happens in spec.event_labels:
        said = (happens, label_truth(labels, name) if name in labels else False)
        labels[name] = True if True in said else None if None in said else False
        if spec.unchanged:
            labels[name] = label_truth(recording.labels, name)
    return labels | {name: None for name in spec.unknown_labels if name in labels}


def _colour(spec: ClipSpec, measured: Measurements) -> dict[str, Any] | None:
    """The colour that the noise was equalised to, and the gain of each band."""
    if spec.target_spectrum is None:
        return None
    gains = [_db(gain) for gain in measured.band_gains_db]
    rumble = None if spec.target_spectrum.rumble_db is None else list(spec.target_spectrum.rumble_db)
    return {
        "bands_db": list(spec.target_spectrum.bands_db),
        "rumble_db": rumble,
        "limit_db": spec.target_spectrum.limit_db,
        "gains_db": gains,
    }


def _stem(name: str, file: WrittenFile | None) -> dict[str, str | None]:
    return {name: file.path if file else None, f"{name}_sha256": file.sha256 if file else None}


def _db(value: float | None) -> float | None:
    return None if value is None else round(value, _DECIBEL_DECIMALS) + 0.0  # + 0.0: there is no -0.0 dB


def _alignment(words: Sequence[tuple[str, float, float]] | None) -> list[list[Any]] | None:
    if words is None:
        return None
    return [[text, round(start, _SECOND_DECIMALS), round(length, _SECOND_DECIMALS)] for text, start, length in words]


def _source(recording: Recording, sha256: str) -> dict[str, Any]:
    return {
        "name": recording.source,
        "path": recording.path,
        "offset": recording.offset,
        "num_samples": recording.num_samples,
        "sampling_rate": recording.sample_rate,
        "sha256": sha256,
    }


def _speech(spec: ClipSpec, measured: Measurements) -> dict[str, Any]:
    return {
        "onset": spec.onset,
        "num_samples": spec.speech_num_samples,
        "unchanged": spec.unchanged,
        "effects": _effects(spec.speech_effects, measured.effect_reports.speech),
        "lombard": None if spec.lombard is None else dataclasses.asdict(spec.lombard),
        "active_level_dbfs": _db(measured.active_level_dbfs),
    }


def _snr(spec: ClipSpec, measured: Measurements) -> dict[str, Any] | None:
    if spec.snr_db is None or measured.snr is None:
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


def _noise(spec: ClipSpec, measured: Measurements, trace: Trace) -> list[dict[str, Any]]:
    drawn = measured.effect_reports.noise or [None] * len(spec.noise)
    pieces = zip(spec.noise, measured.noise_gains_db, drawn, strict=True)
    return [_piece(piece, gain_db, parameters, trace) for piece, gain_db, parameters in pieces]


def _piece(
    piece: NoiseSegment, gain_db: float, drawn: Sequence[Mapping[str, Any] | None] | None, trace: Trace
) -> dict[str, Any]:
    place = RecordingSpan(piece.recording, piece.recording_id, piece.offset, piece.source_num_samples)
    return {
        "layer": piece.layer,
        "kind": piece.kind,
        "recording": piece.recording_id,
        "offset": piece.offset,
        "source_num_samples": piece.source_num_samples,
        **(NO_ORIGIN if piece.synthesis else trace(piece.layer, place)),
        "track": piece.track,
        "at": piece.at,
        "num_samples": piece.num_samples,
        "fade_in": piece.fade_in,
        "effects": _effects(piece.effects, drawn),
        "gain_db": _db(gain_db),
        "synthesis": _synthesis(piece, trace),
    }


def _synthesis(piece: NoiseSegment, trace: Trace) -> dict[str, Any] | None:
    """The generator with its values and what it worked from; of a file of `synth grow` what its list says."""
    if piece.synthesis is not None:
        grown = piece.synthesis
        return {
            **values_of(grown.generator),
            "materials": [_place(piece.layer, place, trace) for place in grown.materials],
        }
    if (file := piece.grown_file) is not None:
        return {"name": file.method, SYNTHESIZED_FROM: file.grown_from, "materials": []}
    return None


def is_from_file(piece: Mapping[str, Any]) -> bool:
    """Whether a noise piece of a row was played from a file: a recording, or a file of `synth grow`."""
    return piece["synthesis"] is None or SYNTHESIZED_FROM in piece["synthesis"]


def _place(layer: str, place: RecordingSpan, trace: Trace) -> dict[str, Any]:
    return {
        "recording": place.recording_id,
        "offset": place.offset,
        "num_samples": place.num_samples,
        **trace(layer, place),
    }


def _events(spec: ClipSpec, measured: Measurements, trace: Trace) -> list[dict[str, Any]]:
    return [_event(spec, event, gain, trace) for event, gain in zip(spec.events, measured.event_gains_db, strict=True)]


def _event(spec: ClipSpec, event: PlannedEvent, gain_db: float, trace: Trace) -> dict[str, Any]:
    """`start` and `end` are seconds of the clip in which it sounds; the rest says how it was made."""
    place = event.recorded
    return {
        "label": event.label,
        "start": round(event.at / spec.sample_rate, _SECOND_DECIMALS),
        "end": round((event.at + event.num_samples) / spec.sample_rate, _SECOND_DECIMALS),
        "at": event.at,
        "num_samples": event.num_samples,
        "relative_db": event.relative_db,
        "gain_db": _db(gain_db),
        "kind": "synthesized" if place is None else "recording",
        "synthesis": None if event.synthesized is None else values_of(event.synthesized),
        "source": None if place is None else {"layer": event.layer, **_place(event.layer, place, trace)},
    }


def values_of(values: Any) -> dict[str, Any]:
    """`{"name": ..., **fields}` of a generator or an event."""
    names = _field_names(cast("Hashable", type(values)))
    return {"name": values.name, **{name: getattr(values, name) for name in names}}


@lru_cache
def _field_names(kind: Hashable) -> tuple[str, ...]:
    return tuple(f.name for f in dataclasses.fields(kind))  # type: ignore[arg-type]


def _effects(effects: Sequence[Effect], drawn: Sequence[Mapping[str, Any] | None] | None) -> list[dict[str, Any]]:
    """As `effect_to_json`, and under `drawn` what a library drew itself where it did."""
    found = [values_of(effect) for effect in effects]
    for fields, parameters in zip(found, drawn or (), strict=False):
        if parameters is not None:
            fields["drawn"] = dict(parameters)
    return found


def to_line(fields: Mapping[str, Any]) -> str:
    """One line of a JSON lines file, without its line end. Raises ValueError for NaN and infinity."""
    return _encode(fields)


def read_rows(path: Path) -> Iterator[ManifestRow]:
    """The rows of a manifest, one at a time. Rows with NeMo's keys alone are taken too.

    Raises:
        DamagedDataset: the manifest is one of a data set, and a line is not a row of it.
        UsageError: as that, for a manifest that lies anywhere else; or there is no such file.
    """
    file = DataFile.named(path)
    for number, fields, _ in file.objects():
        yield _typed(fields, file, number)


def parse_row(line: bytes, file: DataFile, at: int | str) -> ManifestRow:
    """A line of a manifest, the `at`-th of its file. Raises as `read_rows`."""
    return _typed(file.object(line, at), file, at)


def _typed(fields: ManifestRow, file: DataFile, at: int | str) -> ManifestRow:
    fault = fault_of(fields)
    if fault is not None:
        refuse_old_row(fields, f"{file.path}:{at}" if isinstance(at, int) else f"{file.path}: {at}")
        raise file.error(f"not a row of a manifest: {fault}", at)
    return fields
