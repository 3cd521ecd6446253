"""How good predictions of labels are, over what is known only.

A label that is unknown in a clip says nothing about a prediction there, so that clip is left out for that label: the
mask of the loss sum(m * BCE) / sum(m) is the mask of every number here.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from synth.dataset.labels import LabelCounts, label_arrays
from synth.diagnose.row_sets import RowSet, row_set
from synth.errors import UsageError
from synth.lists.source_text import text_lines
from synth.text import CsvReader

_SURE: Final = 1e-7
"""Probabilities are kept so far from 0 and 1 in the cross-entropy (our own choice): a sure mistake costs 16 nats."""

_METRICS: Final = ("error", "precision", "recall", "f1", "cross_entropy")


@dataclass(frozen=True, slots=True)
class LabelPredictions:
    """`probabilities[id]`: shape (len(names),), NaN where a cell was empty."""

    path: Path
    names: tuple[str, ...]
    probabilities: Mapping[str, npt.NDArray[np.float64]]


def read_label_predictions(path: Path) -> LabelPredictions:
    """Predictions from a CSV: a column `id`, and one for each label with probabilities (or 0 and 1) that it is present.

    Raises UsageError with file and line.
    """
    try:
        lines = CsvReader(text_lines(path))
        header = [name.strip() for name in next(lines, [])]
        names = _names(path, header)
        found: dict[str, npt.NDArray[np.float64]] = {}
        for cells in lines:
            if cells:
                clip, row = _read(f"{path}:{lines.line_num}", header, cells)
                if clip in found:
                    raise UsageError(f"{path}:{lines.line_num}: the clip {clip!r} is there already")
                found[clip] = row
    except csv.Error as error:
        raise UsageError(f"{path}:{lines.line_num}: not a CSV file: {error}") from None
    return LabelPredictions(path, names, found)


def _names(path: Path, header: Sequence[str]) -> tuple[str, ...]:
    names = tuple(name for name in header if name != "id")
    if len(names) == len(header) or not names:
        raise UsageError(f"{path}:1: give a column id and one for each label; the header is {', '.join(header)}")
    if twice := sorted({name for name in header if header.count(name) > 1}):
        raise UsageError(f"{path}:1: the column {twice[0]!r} is there twice")
    return names


def _read(where: str, header: Sequence[str], cells: Sequence[str]) -> tuple[str, npt.NDArray[np.float64]]:
    if len(cells) != len(header):
        raise UsageError(f"{where}: {len(cells)} cells, the header has {len(header)} columns")
    fields = dict(zip(header, cells, strict=True))
    clip = fields.pop("id")
    return clip, np.array([_probability(f"{where}: {name}", cell) for name, cell in fields.items()])


def _probability(where: str, cell: str) -> float:
    if not cell.strip():
        return math.nan
    try:
        value = float({"true": "1", "false": "0"}.get(cell.strip().lower(), cell))
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise UsageError(f"{where} is {cell!r}; a probability from 0 to 1 is needed, or nothing where there is none")
    return value


def score_labels(
    rows: Iterable[Mapping[str, Any]], predictions: LabelPredictions, *, threshold: float = 0.5
) -> dict[str, Any]:
    """The metrics of each predicted label over the clips in which it is known and predicted, their mean, and over all
    known cells alike (`all`). A label is predicted as present from `threshold` on. None: not defined.

    Cross-entropies are in nats. Raises UsageError where no clip has a prediction, or a predicted label is no truth.
    """
    known_rows, clips = [], 0
    for row in rows:
        clips += 1
        if row.get("id") in predictions.probabilities:
            known_rows.append({"id": row["id"], "labels": row.get("labels")})
    if not known_rows:
        raise UsageError(f"{predictions.path}: none of its {len(predictions.probabilities)} ids is that of a clip here")
    truth, known = label_arrays(known_rows, predictions.names)
    said = np.stack([predictions.probabilities[row["id"]] for row in known_rows])
    mask = known & ~np.isnan(said)
    labels = {
        name: {
            **_metrics(truth[mask[:, k], k], said[mask[:, k], k], threshold),
            "not_predicted": int((known[:, k] & ~mask[:, k]).sum()),
        }
        for k, name in enumerate(predictions.names)
    }
    return {
        "clips": clips,
        "without_prediction": clips - len(known_rows),
        "predictions_without_clip": len(predictions.probabilities) - len({row["id"] for row in known_rows}),
        "threshold": threshold,
        "labels": labels,
        "macro": dict(_macro(list(labels.values()))),
        "all": _metrics(truth[mask], said[mask], threshold),
    }


def _metrics(truth: npt.NDArray[np.float32], said: npt.NDArray[np.float64], threshold: float) -> dict[str, Any]:
    there, found = truth > 0.5, said >= threshold
    hits = int((there & found).sum())
    sure = np.clip(said, _SURE, 1 - _SURE)
    entropy = -np.where(there, np.log(sure), np.log1p(-sure))
    return {
        "n": len(truth),
        "present": int(there.sum()),
        "error": _ratio(int((there != found).sum()), len(truth)),
        "precision": _ratio(hits, int(found.sum())),
        "recall": _ratio(hits, int(there.sum())),
        "f1": _ratio(2 * hits, int(found.sum()) + int(there.sum())),
        "cross_entropy": _ratio(float(entropy.sum()), len(truth)),
    }


def _ratio(of: float, total: int) -> float | None:
    return round(of / total, 6) if total else None


def _macro(labels: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each metric's plain mean over the labels in which it is defined, and how many those are."""
    for metric in _METRICS:
        values = [label[metric] for label in labels if label[metric] is not None]
        yield metric, {"mean": round(sum(values) / len(values), 6) if values else None, "labels": len(values)}


def count_labels(
    named: Path, *, split: str | None = None, predictions: Path | None = None, threshold: float = 0.5
) -> dict[str, Any]:
    """The counts of the labels in a data set or manifest (of one split where given), with the metrics of predictions.

    Raises UsageError.
    """
    found = row_set(named)
    counts = LabelCounts()
    for row in _of_split(found, split):
        counts.add(row)
    if not counts.clips:
        raise UsageError(f"{found.manifest}: no clip" + ("" if split is None else f" of the split {split!r}"))
    given = None if predictions is None else read_label_predictions(predictions)
    if given is not None:
        _check_names(given, counts.names)
    return {
        "clips": sum(counts.clips.values()),
        "labels": counts.to_json(),
        "values": counts.values(),
        "metrics": None if given is None else score_labels(_of_split(found, split), given, threshold=threshold),
    }


def _of_split(found: RowSet, split: str | None) -> Iterator[Mapping[str, Any]]:
    return (row for row in found.rows() if split is None or row.get("split") == split)


def _check_names(predictions: LabelPredictions, names: Sequence[str]) -> None:
    for name in predictions.names:
        if name not in names:
            close = get_close_matches(name, names, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(names) or 'none'}"
            raise UsageError(f"{predictions.path}:1: no clip has a label {name!r}; {hint}")
