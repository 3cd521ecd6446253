"""The labels of rows that `synth export` wrote: they come back as they were, unknown ones too.

How a clip was made (its SNR, noise, hashes) is no label of it as a source.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

LABEL_PREFIX: Final = "label_"
"""What the column of a label begins with in an exported table."""
_NEMO_MARKS: Final = ("source_id", "speech_onset", "copy")  # what NeMo manifests of `synth export` have together
_MARK: Final = "pcm_sha256"  # a key that only rows of clips of `synth` have


def has_exported_columns(names: tuple[str, ...]) -> bool:
    """Whether a table with these columns was exported, with labels."""
    return _MARK in names and any(name.startswith(LABEL_PREFIX) for name in names)


def has_nemo_columns(names: tuple[str, ...]) -> bool:
    """Whether rows with these columns are those of a manifest that `synth export` wrote for NeMo."""
    return all(name in names for name in _NEMO_MARKS)


def is_exported(fields: Mapping[str, Any]) -> bool:
    """Whether a row is of a clip that `synth` made: its samples are a mixture, whatever format it came in."""
    return exported_labels(fields) is not None or _MARK in fields or has_nemo_columns(tuple(fields))


def exported_labels(fields: Mapping[str, Any]) -> dict[str, object] | None:
    """The labels of an exported row.

    Args:
        fields: of the row; the labels are in `labels`, in `synth.labels` (Lhotse), or in the manifest row `row`
            (Hugging Face).

    Returns:
        The labels; None for a row that was not exported.
    """
    synth = fields.get("synth")
    labels = synth.get("labels") if isinstance(synth, Mapping) else None
    if labels is None and _MARK in fields:
        labels = _row(fields).get("labels", {})
    return {str(name): value for name, value in labels.items()} if isinstance(labels, Mapping) else None


def _row(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """The manifest row: the value of `row` as JSON, or the fields themselves."""
    text = fields.get("row")
    if not isinstance(text, str):
        return fields
    try:
        row = json.loads(text)
    except (ValueError, RecursionError):
        return fields
    return row if isinstance(row, Mapping) and _MARK in row else fields
