"""What several formats write of a row, each value under its plain name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from synth.export.format import ChunkWriter, Row

_ENCODE: Final = json.JSONEncoder(sort_keys=True, ensure_ascii=False, allow_nan=False, check_circular=False).encode
_SECOND_DECIMALS: Final = 6


def json_line(values: Any) -> str:
    """JSON in one line, with sorted keys; the same values give the same bytes."""
    return _ENCODE(values)


def rows_with_text(out: ChunkWriter) -> Iterator[Row]:
    """Yield the clips of a chunk that have a text, for readers that need one; all of them if no selected clip has any.

    The others are counted as `no_text` or `no_texts`, of which the format must say in `losses` what it means.
    """
    for row in out.rows():
        if row["text"] is None:
            out.lose("no_text" if out.settings.has_texts else "no_texts")
            if out.settings.has_texts:
                continue
        yield row


def speech_span(row: Row) -> tuple[float, float]:
    """Where the speech starts in the clip, and how long it is (seconds): the clip without its margins."""
    speech, rate = row["speech"], row["sampling_rate"]
    return speech["onset"] / rate, speech["num_samples"] / rate


def measured(value: dict[str, Any] | float | None) -> float | None:
    """The measured value of an SNR or a level."""
    return value.get("measured") if isinstance(value, dict) else value


def shifted(alignment: list[list[Any]] | None, start: float) -> list[list[Any]] | None:
    """An alignment in seconds from `start` instead of from the start of the clip; no word begins before it."""
    if alignment is None or not start:
        return alignment
    return [[word, max(0.0, round(at - start, _SECOND_DECIMALS)), length] for word, at, length in alignment]


def details(row: Row) -> dict[str, Any]:
    """What a row says about its clip beyond audio, text and speaker, without nulls and without the recipe's details."""
    values = {
        "split": row["split"],
        "stage": row.get("stage"),
        "condition": row.get("condition"),
        "weight": row.get("weight"),
        "labels": row.get("labels"),
        "alignment": row.get("alignment"),
        "snr_db": measured(row["snr_db"]),
        "level_dbfs": measured(row["level_dbfs"]),
        "source_id": row["source_id"],
        "copy": row.get("copy"),
        "events": [{key: event[key] for key in ("label", "start", "end")} for event in row["events"]] or None,
    }
    return {key: value for key, value in values.items() if value is not None}
