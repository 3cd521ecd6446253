"""Counts the labels of a data set or manifest, and says how good predictions of them are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from synth.dataset.labels import LabelCounts
from synth.diagnose.labels import check_label_names, read_label_predictions, score_labels
from synth.diagnose.row_sets import open_row_set
from synth.errors import UsageError

__all__ = ["count_labels"]


def count_labels(
    manifest: Path, *, split: str | None = None, predictions: Path | None = None, threshold: float = 0.5
) -> dict[str, Any]:
    """Count the labels of a data set or manifest, and compute the metrics of predictions.

    Args:
        manifest: a data set, or a manifest.
        split: count only this split.
        predictions: probabilities of the labels (see `read_label_predictions`).
        threshold: a label is predicted as present from this probability on.

    Raises:
        UsageError: a file cannot be read, there are no clips, or a predicted label is not in the manifest.
    """
    row_set = open_row_set(manifest)

    def rows() -> Iterator[Mapping[str, Any]]:
        return (row for row in row_set.rows() if split is None or row.get("split") == split)

    counts = LabelCounts()
    for row in rows():
        counts.add(row)
    if not counts.clips:
        raise UsageError(f"{row_set.manifest}: no clips" + ("" if split is None else f" of the split {split!r}"))
    metrics = None
    if predictions is not None:
        label_predictions = read_label_predictions(predictions)
        check_label_names(label_predictions, counts.names)
        metrics = score_labels(rows(), label_predictions, threshold=threshold)
    return {
        "clips": sum(counts.clips.values()),
        "labels": counts.to_json(),
        "values": counts.values(),
        "metrics": metrics,
    }
