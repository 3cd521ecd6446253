"""The types of a manifest row: what every value must be.

Rows of ours are checked in every key. In rows of others (NeMo's, or a list that somebody wrote) only the keys that we
read are checked, and their other keys may hold anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from synth.dataset.json_checks import (
    Check,
    count,
    fault,
    flag,
    integer,
    length,
    list_of,
    mapping,
    name_or_number,
    needing,
    number,
    object_of,
    or_null,
    text,
    tuple_of,
)


def fault_of(row: Mapping[str, Any]) -> str | None:
    """What is wrong with the types of a row; None if nothing is."""
    return fault(OUR_ROW if "pcm_sha256" in row else ANY_ROW, row)


def _measured(value: Any) -> str | None:
    """A level or an SNR in a manifest of others: a number, or an object with `measured`."""
    return object_of({"measured": or_null(number)}, required=False)(value) if type(value) is dict else number(value)


_alignment = list_of(tuple_of(text, number, number))
_segments = list_of(tuple_of(count, count))
_effects = list_of(object_of({"name": text}))
_span = {"recording": text, "offset": count, "num_samples": count}
_origin = object_of(
    {"source_name": or_null(text), "source_path": or_null(text), "source_segments": or_null(_segments)}, required=False
)


def _with_origin(check: Check) -> Check:
    def checked(value: Any) -> str | None:
        return check(value) or _origin(value)

    return checked


_noise = object_of(
    {
        "layer": text,
        "kind": text,
        "recording": text,
        "offset": count,
        "source_num_samples": count,
        "track": count,
        "at": count,
        "num_samples": count,
        "fade_in": count,
        "effects": _effects,
        "gain_db": number,
        "synthesis": or_null(object_of({"name": text, "materials": list_of(_with_origin(object_of(_span)))})),
    }
)
_event = object_of(
    {
        "label": text,
        "start": length,
        "end": length,
        "at": count,
        "num_samples": count,
        "relative_db": number,
        "gain_db": number,
        "kind": text,
        "synthesis": or_null(mapping),
        "source": or_null(_with_origin(object_of({"layer": text, **_span}))),
    }
)
_db = or_null(number)

_ALWAYS: Final = (
    *("audio_filepath", "duration", "id", "num_samples", "sampling_rate", "split", "source_id", "source", "speech"),
    *("noise", "snr_db", "level_dbfs", "peak_dbfs", "headroom_gain_db", "stems", "events", "sha256", "pcm_sha256"),
)

#: Every key of a row that we wrote; a key that an older version did not write may be missing.
OUR_ROW: Final[Check] = needing(
    object_of(
        {
            "audio_filepath": text,
            "duration": length,
            "text": or_null(text),
            "id": text,
            "num_samples": count,
            "sampling_rate": count,
            "channels": count,
            "speaker": or_null(text),
            "labels": or_null(mapping),
            "alignment": or_null(_alignment),
            "split": text,
            "condition": or_null(text),
            "case": or_null(integer),
            "stage": or_null(text),
            "weight": or_null(length),
            "copy": count,
            "source_id": text,
            "source": object_of(
                {
                    "name": text,
                    "path": text,
                    "offset": count,
                    "num_samples": count,
                    "sampling_rate": count,
                    "sha256": text,
                }
            ),
            "speech": needing(
                object_of(
                    {
                        "onset": count,
                        "num_samples": count,
                        "unchanged": flag,
                        "effects": _effects,
                        "lombard": or_null(mapping),
                        "active_level_dbfs": _db,
                    },
                    required=False,
                ),
                "onset",
                "num_samples",
            ),
            "room": or_null(text),
            "noise": list_of(_with_origin(_noise)),
            "match_spectrum": or_null(mapping),
            "fluctuation_db": _db,
            "channel": _effects,
            "snr_db": or_null(
                object_of(
                    {
                        "requested": number,
                        "measured": number,
                        "measure": text,
                        "weighting": text,
                        "band": _db,
                        "a": _db,
                        "broadband": _db,
                    }
                )
            ),
            "level_dbfs": object_of({"requested": _db, "measured": number}),
            "peak_dbfs": number,
            "headroom_gain_db": number,
            "stems": object_of(
                {
                    "speech": or_null(text),
                    "speech_sha256": or_null(text),
                    "noise": or_null(text),
                    "noise_sha256": or_null(text),
                }
            ),
            "events": list_of(_event),
            "sha256": or_null(text),
            "pcm_sha256": text,
            "encoding": object_of(
                {"format": text, "bit_rate_kbps": number, "level_change_db": number, "error_db": number}
            ),
            "shard_id": or_null(count),
            "tar_offset": or_null(count),
        },
        required=False,
    ),
    *_ALWAYS,
)

#: The keys that we read of any row.
ANY_ROW: Final[Check] = needing(
    object_of(
        {
            "audio_filepath": text,
            "duration": length,
            "offset": or_null(length),
            "text": or_null(text),
            "id": or_null(name_or_number),
            "num_samples": or_null(count),
            "sampling_rate": or_null(count),
            "speaker": or_null(name_or_number),
            "labels": or_null(mapping),
            "alignment": or_null(_alignment),
            "split": or_null(text),
            "condition": or_null(text),
            "stage": or_null(text),
            "weight": or_null(length),
            "source_id": or_null(name_or_number),
            "snr_db": or_null(_measured),
            "level_dbfs": or_null(_measured),
        },
        required=False,
    ),
    "audio_filepath",
    "duration",
)
