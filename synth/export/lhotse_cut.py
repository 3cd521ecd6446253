"""The cut of a clip as Lhotse writes it, wherever its audio is.

`cut.custom` has the values of the clip; its labels and its source are in `cut.synth`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synth.export.format import Row
from synth.export.row_values import details, shifted, speech_span


def recording_values(row: Row, source: Mapping[str, Any], *, recording_id: str | None = None) -> dict[str, Any]:
    """A recording as long as the clip.

    Args:
        row: the clip.
        source: type and place of the audio, such as `{"type": "file", "source": "a.flac"}`.
        recording_id: default: the id of the clip.
    """
    return {
        "id": recording_id or row["id"],
        "sources": [{**source, "channels": [0]}],
        "sampling_rate": row["sampling_rate"],
        "num_samples": row["num_samples"],
        "duration": row["num_samples"] / row["sampling_rate"],
        "channel_ids": [0],
    }


def cut_values(
    row: Row, recording: Mapping[str, Any], stems: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, Any]:
    """A cut over the whole clip, with one supervision over its speech.

    Args:
        row: the clip.
        recording: of the clip.
        stems: recordings of its stems by name; they become custom recordings `<name>_stem`.
    """
    start, seconds = speech_span(row)
    labels = row.get("labels") or {}
    texts = {"text": row["text"], "speaker": row.get("speaker")}
    texts |= {key: labels[key] for key in ("language", "gender") if isinstance(labels.get(key), str)}
    values = details(row)
    alignment = values.pop("alignment", None)
    supervision = {
        "id": row["id"],
        "recording_id": recording["id"],
        "start": start,
        "duration": seconds,
        "channel": 0,
        **{key: text for key, text in texts.items() if text is not None},
        **({} if alignment is None else {"alignment": {"word": alignment}}),
    }
    values |= {"room": row.get("room"), "pcm_sha256": row["pcm_sha256"]}
    # One level down: of an object right below `custom` that has a key `width`, Lhotse makes an image, and fails.
    values["synth"] = {"labels": values.pop("labels", {}), "source": row["source"]}
    return {
        "id": row["id"],
        "start": 0,
        "duration": recording["duration"],
        "channel": 0,
        "supervisions": [supervision],
        "recording": dict(recording),
        "custom": {**values, **{f"{name}_stem": dict(each) for name, each in (stems or {}).items()}},
        "type": "MonoCut",
    }


def without_margins(cut: dict[str, Any], row: Row) -> dict[str, Any]:
    """A cut of `cut_values` over the speech alone; its recordings stay as they are.

    Lhotse counts the times of supervisions and words from the start of the cut.
    """
    start, seconds = speech_span(row)
    (supervision,) = cut["supervisions"]
    supervision = {**supervision, "start": 0}
    if "alignment" in supervision:
        supervision["alignment"] = {"word": shifted(supervision["alignment"]["word"], start)}
    return {**cut, "start": start, "duration": seconds, "supervisions": [supervision]}
