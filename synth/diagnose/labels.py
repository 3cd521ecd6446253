"""How good predictions of labels are, over the clips whose label is known.

A label that is unknown in a clip says nothing about a prediction for it, so the clip is left out for this label. The
metrics use the same mask as the loss sum(mask * BCE) / sum(mask).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from synth.dataset.labels import label_arrays
from synth.errors import UsageError
from synth.lists.table import read_table

#: The cross-entropy keeps probabilities this far from 0 and 1 (our own choice): a confident mistake costs 16 nats.
_MIN_DISTANCE: Final = 1e-7
_METRICS: Final = ("error", "precision", "recall", "f1", "cross_entropy")


@dataclass(frozen=True, slots=True)
class LabelPredictions:
    """The predictions of one file."""

    path: Path
    names: tuple[str, ...]  # labels
    probabilities: Mapping[str, npt.NDArray[np.float64]]  # clip id -> shape (labels,), 0 to 1; NaN: empty cell


def read_label_predictions(path: Path) -> LabelPredictions:
    """Read a CSV with a column `id` and one column per label: the probability (or 0 and 1) that it is present.

    Raises:
        UsageError: the file cannot be used; names the line.
    """
    table = read_table(path, json_lines=False)
    names = tuple(name for name in table.columns if name != "id")
    if "id" not in table.columns or not names:
        header = ", ".join(table.columns)
        raise UsageError(f"{path}:1: columns id and one per label are needed; the header is {header}")
    probabilities: dict[str, npt.NDArray[np.float64]] = {}
    for row in table:
        clip = row.fields["id"]
        if clip in probabilities:
            raise UsageError(f"{row.where}: the clip {clip!r} is there already")
        probabilities[clip] = np.array([_probability(f"{row.where}: {name}", row.fields[name]) for name in names])
    return LabelPredictions(path, names, probabilities)


def _probability(where: str, cell: str) -> float:
    if not cell.strip():
        return math.nan
    try:
        value = float({"true": "1", "false": "0"}.get(cell.strip().lower(), cell))
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise UsageError(f"{where} is {cell!r}; a probability from 0 to 1 is needed, or an empty cell")
    return value


def check_label_names(predictions: LabelPredictions, names: Sequence[str]) -> None:
    """Raise UsageError if a predicted label is none of `names`."""
    for name in predictions.names:
        if name not in names:
            close = get_close_matches(name, names, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"the labels are {', '.join(names) or 'none'}"
            raise UsageError(f"{predictions.path}:1: no clip has a label {name!r}; {hint}")


def score_labels(
    rows: Iterable[Mapping[str, Any]], predictions: LabelPredictions, *, threshold: float = 0.5
) -> dict[str, Any]:
    """Compute the metrics of each label over the clips in which it is known and predicted.

    `macro` has the mean of each metric over labels, `all` the metrics over all cells together. None: not defined.

    Args:
        rows: rows of a manifest.
        predictions: probabilities of the labels.
        threshold: a label is predicted as present from this probability on.

    Raises:
        UsageError: no clip has a prediction.
    """
    predicted_rows, clips = [], 0
    for row in rows:
        clips += 1
        if row.get("id") in predictions.probabilities:
            predicted_rows.append({"id": row["id"], "labels": row.get("labels")})
    if not predicted_rows:
        raise UsageError(f"{predictions.path}: none of its {len(predictions.probabilities)} ids is the id of a clip")
    truth, is_known = label_arrays(predicted_rows, predictions.names)
    probabilities = np.stack([predictions.probabilities[row["id"]] for row in predicted_rows])
    mask = is_known & ~np.isnan(probabilities)
    labels: dict[str, dict[str, Any]] = {}
    for k, name in enumerate(predictions.names):
        metrics = _metrics(truth[mask[:, k], k], probabilities[mask[:, k], k], threshold)
        labels[name] = {**metrics, "not_predicted": int((is_known[:, k] & ~mask[:, k]).sum())}
    macro = {}
    for metric in _METRICS:
        values = [label[metric] for label in labels.values() if label[metric] is not None]
        macro[metric] = {"mean": _ratio(sum(values), len(values)), "labels": len(values)}
    return {
        "clips": clips,
        "without_prediction": clips - len(predicted_rows),
        "predictions_without_clip": len(predictions.probabilities) - len({row["id"] for row in predicted_rows}),
        "threshold": threshold,
        "labels": labels,
        "macro": macro,
        "all": _metrics(truth[mask], probabilities[mask], threshold),
    }


def _metrics(
    truth: npt.NDArray[np.float32], probabilities: npt.NDArray[np.float64], threshold: float
) -> dict[str, Any]:
    is_present, is_predicted = truth > 0.5, probabilities >= threshold
    hits = int((is_present & is_predicted).sum())
    inside = np.clip(probabilities, _MIN_DISTANCE, 1 - _MIN_DISTANCE)
    entropy = -np.where(is_present, np.log(inside), np.log1p(-inside))
    return {
        "n": len(truth),
        "present": int(is_present.sum()),
        "error": _ratio(int((is_present != is_predicted).sum()), len(truth)),
        "precision": _ratio(hits, int(is_predicted.sum())),
        "recall": _ratio(hits, int(is_present.sum())),
        "f1": _ratio(2 * hits, int(is_predicted.sum()) + int(is_present.sum())),
        "cross_entropy": _ratio(float(entropy.sum()), len(truth)),
    }


def _ratio(part: float, total: int) -> float | None:
    return round(part / total, 6) if total else None
