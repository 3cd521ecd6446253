"""What the manifest of a data set of ours knows about its clips: the true values of features."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from synth.dataset.manifest import ManifestRow, read_rows
from synth.match.measure.audio_set import AudioSet


def true_values(audio_set: AudioSet, lines: Collection[int]) -> dict[int, dict[str, float]]:
    """Line of the manifest (from 0) -> true values by name of the feature; empty for a set that is not ours."""
    if audio_set.kind != "ours" or audio_set.manifest is None:
        return {}
    chosen = set(lines)
    return {k: truth_of(row) for k, row in enumerate(read_rows(audio_set.manifest)) if k in chosen}


def truth_of(row: ManifestRow) -> dict[str, float]:
    """What a row of ours says about the features; only what it knows.

    The active level of the speech is unweighted, while the feature is that of the SNR's band (a little less); so is the
    noise level, which follows from it and the SNR. All three are of the stems before the channel: if the channel
    filters or compresses, something else can be measured.

    Returns:
        Some of `snr_db` (in its band), `speech_dbfs`, `noise_dbfs`, `level_dbfs`, `duration_s`, and the margins
        `before_s` and `after_s`.
    """
    snr, speech = row.get("snr_db") or {}, row.get("speech") or {}
    active, band = speech.get("active_level_dbfs"), snr.get("band")
    values: dict[str, Any] = {
        "snr_db": band,
        "speech_dbfs": active,
        "noise_dbfs": None if active is None or band is None else active - band,
        "level_dbfs": (row.get("level_dbfs") or {}).get("measured"),
        "duration_s": row.get("duration"),
    }
    onset, length, rate = speech.get("onset"), speech.get("num_samples"), row.get("sampling_rate")
    if onset is not None and length is not None and rate and row.get("num_samples") is not None:
        values |= {"before_s": onset / rate, "after_s": (row["num_samples"] - onset - length) / rate}
    return {name: float(value) for name, value in values.items() if value is not None}
