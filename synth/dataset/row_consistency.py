"""Whether the values of a manifest row agree with each other: no file is opened for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, Final

from synth.audio.formats import FORMATS, LOSSY_FORMATS
from synth.dataset.dataset_dir import STEMS, loose_paths, tar_paths

LEVEL_TOLERANCE_DB: Final = 0.01
_TIME_TOLERANCE_S: Final = 2e-6  # manifests have six decimals of a second


def stems_of(row: Mapping[str, Any]) -> dict[str, str]:
    """{name: path} of the stems of a row."""
    stems = row.get("stems") or {}
    return {name: stems[name] for name in STEMS if stems.get(name) is not None}


def contradictions(row: Mapping[str, Any]) -> Iterator[str]:
    """What cannot be true in a row of ours, whatever its file holds; one sentence each. The row's types are right."""
    yield from _check_names(row)
    yield from _check_spans(row)
    yield from _check_alignment(row)
    yield from _check_events(row)
    yield from _check_levels(row)


def _check_names(row: Mapping[str, Any]) -> Iterator[str]:
    from synth.plan.builder import clip_id_of  # only here: to find the stems of a row needs no plan

    clip = clip_id_of(row["source_id"], row.get("copy", 0))
    if row["id"] != clip:
        yield f"id is {row['id']!r}, source_id and copy make it {clip!r}"
    extension = PurePosixPath(row["audio_filepath"]).suffix.removeprefix(".")
    if row.get("shard_id") is None:
        paths = loose_paths(row["split"], row["source_id"], row["id"], extension)
        keys = "split, source_id and id"
    else:
        paths = tar_paths(row["split"], row["shard_id"], row["id"], extension)
        keys = "split, shard_id and id"
    if extension not in FORMATS or row["audio_filepath"] != paths.audio:
        yield f"{keys} say that it lies at {paths.audio}"
    if (encoding := row.get("encoding")) is not None and encoding["format"] != extension:
        yield f"its encoding is {encoding['format']}, its file is called .{extension}"
    if encoding is None and extension in LOSSY_FORMATS:
        yield f"its file is called .{extension}, and `encoding` does not say what that did to it"
    expected = dict(zip(STEMS, (paths.speech_stem, paths.noise_stem), strict=True))
    for name, path in stems_of(row).items():
        if path != expected[name]:
            yield f"its stem {path} should lie at {expected[name]}"
    if len(stems_of(row)) == 1:
        yield "it has one stem; there are two or none"


def _check_spans(row: Mapping[str, Any]) -> Iterator[str]:
    total, speech = row["num_samples"], row["speech"]
    if speech["num_samples"] < 1 or speech["onset"] + speech["num_samples"] > total:
        yield (
            f"the speech lies at {speech['onset']} to {speech['onset'] + speech['num_samples']}, outside of the "
            f"{total} samples of the clip"
        )
    for number, segment in enumerate(row["noise"]):
        stop = segment["at"] + segment["num_samples"]
        if stop > total or segment["fade_in"] > segment["num_samples"]:
            yield f"noise[{number}] lies at {segment['at']} to {stop}, outside of the {total} samples of the clip"
    if bool(row["noise"]) != (row["snr_db"] is not None):
        yield "it has noise and no SNR" if row["noise"] else "it has an SNR and no noise"


def _check_alignment(row: Mapping[str, Any]) -> Iterator[str]:
    before, end = 0.0, row["num_samples"] / max(1, row["sampling_rate"])
    for word, start, duration in row.get("alignment") or ():
        if start < 0 or duration <= 0 or start + duration > end + _TIME_TOLERANCE_S:
            yield f"the word {word!r} lies at {start:g} to {start + duration:g} s of {end:g} s"
        if start < before:
            yield f"the word {word!r} begins at {start:g} s, before the word in front of it"
        before = start


def _check_events(row: Mapping[str, Any]) -> Iterator[str]:
    rate, total = max(1, row["sampling_rate"]), row["num_samples"]
    for event in row["events"]:
        start, stop = event["at"], event["at"] + event["num_samples"]
        if stop > total:
            yield f"the event {event['label']!r} lies at {start} to {stop}, outside of the {total} samples of the clip"
        for key, sample in (("start", start), ("end", stop)):
            if abs(event[key] - sample / rate) > _TIME_TOLERANCE_S:
                has = f"has the {key} {event[key]:g} s, its samples say {sample / rate:g} s"
                yield f"the event {event['label']!r} {has}"


def _check_levels(row: Mapping[str, Any]) -> Iterator[str]:
    level, headroom_db = row["level_dbfs"], row["headroom_gain_db"]
    if headroom_db > 0:
        yield f"headroom_gain_db is {headroom_db:+.2f}, but headroom is never a gain above 0"
    if row["peak_dbfs"] > LEVEL_TOLERANCE_DB or level["measured"] > row["peak_dbfs"] + LEVEL_TOLERANCE_DB:
        yield f"its peak is {row['peak_dbfs']:.2f} dBFS at a level of {level['measured']:.2f} dBFS"
    if level.get("requested") is not None:
        expected = level["requested"] + headroom_db + (row.get("encoding") or {}).get("level_change_db", 0.0)
        # rounding to 16 bits moves the RMS by half a step at most
        rounding = 8.7 * 0.5 / (32768 * 10 ** (expected / 20))
        if abs(level["measured"] - expected) > LEVEL_TOLERANCE_DB + rounding:
            yield (
                f"its level is {level['measured']:.2f} dBFS; requested were {level['requested']:.2f} and "
                f"{headroom_db:.2f} dB for the headroom"
            )
