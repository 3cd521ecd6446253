"""Manifests of Lhotse: cuts, or recordings with supervisions; JSON lines, plain or with gzip.

Only audio in files is read. Everything that Lhotse would compute (mixtures, changes of speed), download or take from
memory is refused by name, because a row must be the audio that its file has.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from synth.errors import BadInput, UsageError
from synth.lists.audio_list import AudioRow, bad_row
from synth.lists.exported_labels import exported_labels, is_exported
from synth.lists.formats.listing import Listing, Rows, pick_one, scalar_labels
from synth.lists.table import BadRow, RowMistake, read_table
from synth.text import short_repr
from synth.units import seconds_to_samples

_SLACK_S = 0.05  # aligners round, and words may begin in the margin
_MANIFEST = re.compile(r"\.jsonl(\.gz)?$")


def is_manifest_name(name: str) -> bool:
    """Whether a file is called as Lhotse calls its manifests of cuts and recordings."""
    return bool(_MANIFEST.search(name)) and ("cuts" in name or "recordings" in name)


def is_lhotse_row(fields: Mapping[str, Any]) -> bool:
    """Whether an object of JSON lines is a cut or a recording."""
    is_cut = str(fields.get("type")).endswith("Cut") and "id" in fields
    return is_cut or (isinstance(fields.get("sources"), list) and "sampling_rate" in fields)


def read_lhotse(listing: Listing) -> Rows:
    """The cuts of a manifest, or the supervisions of one of recordings (or its recordings, if there are none).

    A row for each cut: its texts joined, its speaker and language if there is only one. A row for each supervision.

    Raises:
        UsageError: no such manifest, or several in the folder.
    """
    path = listing.path
    if path.is_dir():
        names = [name for name in listing.names() if is_manifest_name(name)]
        cuts = [name for name in names if "cuts" in name]
        path /= pick_one(listing, cuts or names, "cuts" if cuts else "cuts or recordings")
    if "supervisions" in path.name and "cuts" not in path.name:
        path = path.with_name(path.name.replace("supervisions", "recordings"))
        if not path.is_file():
            raise UsageError(f"{listing.path}: the recordings of these supervisions are needed, {path.name}; not found")
    supervisions = path.with_name(path.name.replace("recordings", "supervisions"))
    if "recordings" in path.name and supervisions.is_file():
        yield from _supervision_rows(path, supervisions, listing)
        return
    for line, fields in _objects(path):
        if isinstance(fields, BadInput):
            yield fields
            continue
        try:
            yield cut_row(fields, line, listing) if "sources" not in fields else _recording_row(fields, line, listing)
        except RowMistake as mistake:
            yield bad_row(path.name, line, f"{_name_of(fields)}: {mistake}")


def _objects(path: Path) -> Iterator[tuple[int, Any]]:
    """(line, JSON object, or the refusal of the line)."""
    for row in read_table(path, json_lines=True, allow_nan=False).rows_and_mistakes():
        yield row.line, bad_row(path.name, row.line, row.mistake) if isinstance(row, BadRow) else row.fields


def _name_of(fields: Mapping[str, Any]) -> str:
    return str(fields.get("id", "no id"))[:100]


def _recording_row(fields: Mapping[str, Any], line: int, listing: Listing) -> AudioRow:
    path, rate, count, channels = recording_audio(fields, listing)
    return AudioRow(path, line, 0.0, None, count, rate, channels, {"labels": {"id": _name_of(fields)}})


def _supervision_rows(path: Path, supervisions: Path, listing: Listing) -> Rows:
    recordings: dict[str, tuple[str, int, int, int] | None] = {}
    for line, fields in _objects(path):
        if isinstance(fields, BadInput):
            yield fields
            continue
        try:
            recordings[_name_of(fields)] = recording_audio(fields, listing)
        except RowMistake as mistake:
            recordings[_name_of(fields)] = None  # its supervisions are not counted as well
            yield bad_row(path.name, line, f"{_name_of(fields)}: {mistake}")
    for line, fields in _objects(supervisions):
        if isinstance(fields, BadInput):
            yield fields
            continue
        try:
            name = str(fields.get("recording_id"))[:100]
            if name not in recordings:
                raise RowMistake(f"no recording {short_repr(name)} in {path.name}")
            if (audio := recordings[name]) is not None:
                yield _supervision_row(fields, line, audio)
        except RowMistake as mistake:
            yield bad_row(supervisions.name, line, f"{_name_of(fields)}: {mistake}")


def _supervision_row(fields: Mapping[str, Any], line: int, audio: tuple[str, int, int, int]) -> AudioRow:
    path, rate, num_samples, channels = audio
    start, duration = number(fields, "start", 0.0), number(fields, "duration")
    detail = details([fields], _name_of(fields), {}, start)
    count = samples_of(start, duration, rate, num_samples)
    return AudioRow(path, line, start, duration, count, rate, channels, detail)


def cut_row(fields: Mapping[str, Any], line: int, listing: Listing, audio: str | None = None) -> AudioRow:
    """The row of a cut.

    Args:
        fields: of the cut.
        line: of its list.
        listing: the data set.
        audio: path of its audio, if that is in a Shar archive.

    Raises:
        RowMistake: the cut is not a plain part of a file.
    """
    kind, recording = fields.get("type", "MonoCut"), fields.get("recording")
    if kind not in ("MonoCut", "MultiCut"):
        advice = "save it with `CutSet.save_audios` first" if kind == "MixedCut" else "leave it out"
        raise RowMistake(f"a {short_repr(kind)} is computed, not read from a file; {advice}")
    if not isinstance(recording, Mapping):
        raise RowMistake("a cut without a recording; only audio is read, no features")
    path, rate, num_samples, channels = recording_audio(recording, listing, audio)
    start, duration = number(fields, "start", 0.0), number(fields, "duration")
    count = samples_of(start, duration, rate, num_samples)
    check_channel(fields.get("channel", 0), channels, listing)
    supervisions = fields.get("supervisions") or []
    if not isinstance(supervisions, list) or not all(isinstance(each, Mapping) for each in supervisions):
        raise RowMistake("its supervisions are not a list of objects")
    custom = fields.get("custom")
    detail = details(supervisions, _name_of(fields), custom if isinstance(custom, Mapping) else {}, 0.0)
    if "alignment" in detail:
        detail["alignment"] = _in_cut(detail["alignment"], start, duration)
    made_by_synth = isinstance(custom, Mapping) and is_exported(custom)
    return AudioRow(path, line, start, duration, count, rate, channels, detail, made_by_synth)


def _in_cut(words: Any, start: float, duration: float) -> list[list[object]] | None:
    """The words with times from the start of a cut; None if the times do not say where the words are.

    Lhotse does not move alignments when it cuts a recording: then their times count from the start of the recording.
    """

    def fits(shift: float) -> bool:
        return all(word[1] - shift >= -_SLACK_S and word[1] + word[2] - shift <= duration + _SLACK_S for word in words)

    shifts = [shift for shift in dict.fromkeys((0.0, start)) if fits(shift)]
    if len(shifts) != 1:
        return None
    return [[word, max(0.0, round(begin - shifts[0], 9)), length] for word, begin, length in words]


def recording_audio(fields: Mapping[str, Any], listing: Listing, audio: str | None = None) -> tuple[str, int, int, int]:
    """(path, sample rate in Hz, samples, channels) of a recording.

    Raises:
        RowMistake: it is not the audio of one file.
    """
    sources, transforms = fields.get("sources"), fields.get("transforms")
    if transforms:
        raise RowMistake(f"its audio is to be changed ({short_repr(transforms)}); save the changed audio first")
    if not isinstance(sources, list) or len(sources) != 1 or not isinstance(sources[0], Mapping):
        count = len(sources) if isinstance(sources, list) else "no"
        raise RowMistake(f"it has {count} sources; only recordings of one file are read")
    kind, path = sources[0].get("type"), sources[0].get("source")
    if audio is None and kind != "file":
        raise RowMistake(f"its audio is of type {short_repr(kind)}; only files are read, so save it as one")
    path = path if audio is None else audio
    if not isinstance(path, str) or not path:
        raise RowMistake(f"its path is {short_repr(path)}, not text")
    rate, count = (_positive(fields, name) for name in ("sampling_rate", "num_samples"))
    numbers = fields.get("channel_ids") or sources[0].get("channels") or [0]
    return path, rate, count, len(numbers) if isinstance(numbers, list) else 1


def check_channel(channel: object, count: int, listing: Listing) -> None:
    """Check that the channel of a cut is what the source takes of a file. Raises RowMistake."""
    if isinstance(channel, list) or count == 1 or listing.channels == channel:
        return
    if listing.channels == "first" and channel == 0:
        return
    text = (
        f"it is channel {short_repr(channel)} of {count}; give the source `channels: {channel}` to use such cuts only"
    )
    raise RowMistake(text)


def samples_of(start: float, duration: float, rate: int, num_samples: int) -> int:
    """The samples of a segment, as Lhotse counts them; all of the recording if it is as long as that."""
    count = seconds_to_samples(duration, rate)
    return num_samples if start == 0 and abs(count - num_samples) <= 1 else count


def details(
    supervisions: list[Mapping[str, Any]], name: str, custom: Mapping[str, Any], start: float
) -> dict[str, object]:
    """Text, speaker, alignment and labels of a row.

    Args:
        supervisions: of the row, in any order.
        name: id of the row.
        custom: further fields, which are labels.
        start: of the row, on the time axis of the supervisions, s.

    Raises:
        RowMistake: a field is not what it should be.
    """
    ordered = sorted(supervisions, key=lambda each: number(each, "start", 0.0))
    detail: dict[str, object] = {}
    texts = [text for each in ordered if (text := _text(each, "text"))]
    if texts:
        detail["text"] = " ".join(texts)
    labels: dict[str, object] = {"id": name}
    for field, label in (("speaker", None), ("language", "language"), ("gender", "gender")):
        values = {_text(each, field) for each in ordered}
        value = values.pop() if len(values) == 1 else None
        if value and label is None:
            detail[field] = value
        elif value and label:
            labels[label] = value
    words = [word for each in ordered for word in _words(each, start)]
    if words:
        detail["alignment"] = words
    if (exported := exported_labels(custom)) is not None:
        detail["labels"] = {"id": name, **exported}
        return detail
    for fields in (*(each.get("custom") for each in ordered), custom):
        if isinstance(fields, Mapping):
            labels.update(scalar_labels(fields))
    detail["labels"] = labels
    return detail


def _words(supervision: Mapping[str, Any], start: float) -> list[list[object]]:
    alignment = supervision.get("alignment")
    items = alignment.get("word") if isinstance(alignment, Mapping) else None
    words: list[list[object]] = []
    for item in items or ():
        try:
            word, begin, duration = str(item[0]), float(item[1]) - start, float(item[2])
        except (TypeError, ValueError, LookupError):
            raise RowMistake(f"alignment: {short_repr(item)} is not [word, start, duration]") from None
        if not (math.isfinite(begin) and 0 <= duration < 1e9):
            raise RowMistake(f"alignment: {short_repr(item)} has times that cannot be")
        words.append([word, max(0.0, round(begin, 9)), duration])
    return words


def number(fields: Mapping[str, Any], name: str, default: float | None = None) -> float:
    """A field in seconds. Raises RowMistake."""
    value = fields.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
        raise RowMistake(f"{name} is {short_repr(value)}; a number of seconds, 0 or more, is needed")
    return float(value)


def _positive(fields: Mapping[str, Any], name: str) -> int:
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value) or not 0 < value < 1 << 53:
        raise RowMistake(f"{name} is {short_repr(value)}; a whole number above 0 is needed")
    return int(value)


def _text(fields: Mapping[str, Any], name: str) -> str | None:
    value = fields.get(name)
    if value is None or isinstance(value, str):
        return value or None
    raise RowMistake(f"{name} is {short_repr(value)}, not text")
