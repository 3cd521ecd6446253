"""Labels that a model confidently contradicts, found with the confident joint of Northcutt, Jiang and Chuang.

The threshold of a class is the mean probability of the class over the clips that are labeled with it. A clip counts as
confidently of a class if its probability reaches the threshold (if several do, the class with the highest
probability). Clips that are confidently of another class than their label are candidates. The probabilities must come
from models that were not trained on the clip (out of fold), or they only repeat the label.

Source: Northcutt, Jiang and Chuang, Confident Learning, Journal of Artificial Intelligence Research 70 (2021).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from synth.diagnose.ladder.manifest_join import JoinedRow
from synth.dsp.arrays import Matrix, Vector
from synth.errors import UsageError
from synth.lists.scores import ScoreRow
from synth.text import csv_line

#: Prefix of the columns with the probabilities of the classes.
PREFIX: Final = "p_"
_SUM_TOLERANCE: Final = 0.02
_COLUMNS: Final = ("id", "audio", "label", "suggested", "p_label", "p_suggested", "margin")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A clip whose label may be wrong."""

    id: str
    audio: str  # path as in the manifest
    label: str
    suggested: str  # the class that the model is confident of
    p_label: float  # probability of the label
    p_suggested: float

    @property
    def margin(self) -> float:
        """Probability of the suggested class minus that of the label."""
        return self.p_suggested - self.p_label

    def values(self) -> dict[str, Any]:
        """Return the fields by column."""
        return {name: getattr(self, name) for name in _COLUMNS}


@dataclass(frozen=True, slots=True)
class MislabeledClips:
    """The candidates, and the estimated share of wrong labels."""

    classes: tuple[str, ...]
    clips: int
    thresholds: tuple[float, ...]  # one per class; NaN: no clip has this label
    joint: Matrix  # float64, shape (classes, classes): share of all clips by (label, true class); its sum is 1
    candidates: tuple[Candidate, ...]  # the largest margin first

    @property
    def noise(self) -> float:
        """Estimated share of the clips whose label is wrong."""
        return float(self.joint.sum() - np.trace(self.joint))

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        thresholds = [None if np.isnan(threshold) else round(threshold, 6) for threshold in self.thresholds]
        return {
            "clips": self.clips,
            "classes": list(self.classes),
            "thresholds": dict(zip(self.classes, thresholds, strict=True)),
            "estimated_noise": round(self.noise, 6),
            "joint": [[round(float(value), 6) for value in row] for row in self.joint],
            "candidates": [
                {name: round(v, 6) if isinstance(v, float) else v for name, v in candidate.values().items()}
                for candidate in self.candidates
            ],
            "note": "the probabilities must come from models that were not trained on the clip (out of fold)",
        }

    def to_csv(self) -> str:
        """Return the candidates as a CSV with empty columns `correction` and `comment`."""
        lines = [csv_line([*_COLUMNS, "correction", "comment"])]
        for candidate in self.candidates:
            texts = [f"{v:.6g}" if isinstance(v, float) else v for v in candidate.values().values()]
            lines.append(csv_line([*texts, "", ""]))
        return "".join(lines)


@dataclass(frozen=True, slots=True)
class ConfidentJoint:
    """The joint distribution of labels and true classes, and the clips off its diagonal."""

    thresholds: Vector  # float64, shape (classes,)
    joint: Matrix  # float64, shape (classes, classes); shares
    off_diagonal: tuple[tuple[int, int], ...]  # (index of the clip, its confident class), the largest margin first


def find_mislabeled(
    rows: Sequence[ScoreRow], joined: Sequence[JoinedRow | None], *, label: str | None = None
) -> MislabeledClips:
    """Find clips whose label is likely wrong, in rows with columns p_<class>.

    Args:
        rows: the predictions, at least one.
        joined: the manifest's row of each, if there is one.
        label: column, manifest key or label that holds the class (default: the reference).

    Raises:
        UsageError: no such columns, a row without a label, a label that is no class, or invalid probabilities.
    """
    classes = tuple(name.removeprefix(PREFIX) for name in rows[0].others if name.startswith(PREFIX))
    if len(classes) < 2:
        raise UsageError(f"{rows[0].where}: at least 2 columns p_<class> with the probability of a class are needed")
    labels = [_class_index(row, match, label, classes) for row, match in zip(rows, joined, strict=True)]
    p = np.array([_probabilities(row, classes) for row in rows])
    result = confident_joint(p, np.array(labels))
    candidates = []
    for index, suggested in result.off_diagonal:
        row, match = rows[index], joined[index]
        fields = {
            **(match.fields if match else {}),
            **{key: value for key, value in row.fields.items() if value is not None},
        }
        audio = (match.row.get("audio_filepath") if match else None) or fields.get("path") or ""
        candidates.append(
            Candidate(
                id=str(fields.get("id") or fields.get("path") or row.where),
                audio=str(audio),
                label=classes[labels[index]],
                suggested=classes[suggested],
                p_label=float(p[index, labels[index]]),
                p_suggested=float(p[index, suggested]),
            )
        )
    return MislabeledClips(classes, len(rows), tuple(result.thresholds.tolist()), result.joint, tuple(candidates))


def confident_joint(p: Matrix, labels: npt.NDArray[np.intp]) -> ConfidentJoint:
    """Estimate the joint distribution of labels and true classes.

    The joint is calibrated: each of its rows has the share of the clips that have the label as its sum.

    Args:
        p: float64, shape (clips, classes); probabilities, each row with sum 1.
        labels: int, shape (clips,); index of the class that each clip is labeled with.
    """
    count, classes = p.shape
    labeled = np.bincount(labels, minlength=classes).astype(np.float64)
    own_sum = np.bincount(labels, weights=p[np.arange(count), labels], minlength=classes)
    thresholds = np.where(labeled > 0, own_sum / np.maximum(labeled, 1), np.nan)
    # the tolerance keeps a class whose clips all have the same probability: its mean may round upwards
    is_confident = p >= np.where(labeled > 0, thresholds, np.inf) - 1e-12
    best = np.where(is_confident, p, -1.0).argmax(axis=1)
    has_class = is_confident.any(axis=1)
    joint = np.zeros((classes, classes))
    np.add.at(joint, (labels[has_class], best[has_class]), 1.0)
    # no confident clip has this label: all its labels are taken as right
    joint[np.arange(classes), np.arange(classes)] += (joint.sum(axis=1) == 0) * labeled
    joint *= (labeled / np.maximum(joint.sum(axis=1), 1))[:, None] / max(count, 1)
    off_diagonal = [(int(index), int(best[index])) for index in np.flatnonzero(has_class & (best != labels))]
    off_diagonal.sort(key=lambda pair: (p[pair[0], labels[pair[0]]] - p[pair], pair))
    return ConfidentJoint(thresholds, joint, tuple(off_diagonal))


def _probabilities(row: ScoreRow, classes: Sequence[str]) -> list[float]:
    values = []
    for name in classes:
        text = row.others.get(PREFIX + name)
        try:
            value = float(text)  # type: ignore[arg-type]  # None is a TypeError
        except (TypeError, ValueError, OverflowError):
            value = -1.0
        if not 0 <= value <= 1:
            raise UsageError(f"{row.where}: {PREFIX}{name} is {text!r}; a number from 0 to 1 is needed")
        values.append(value)
    if abs(sum(values) - 1) > _SUM_TOLERANCE:
        raise UsageError(f"{row.where}: the sum of the probabilities is {sum(values):g}; it must be 1")
    return values


def _class_index(row: ScoreRow, match: JoinedRow | None, column: str | None, classes: Sequence[str]) -> int:
    """Return the class of the clip's label: from the predictions, or else from the manifest."""
    manifest_row: Mapping[str, Any] = match.row if match else {}
    if column is None:
        value = row.fields["reference"] or manifest_row.get("text")
    else:
        labels = manifest_row.get("labels")
        sources = (row.others, row.fields, manifest_row, labels if isinstance(labels, Mapping) else {})
        value = next((fields[column] for fields in sources if fields.get(column) is not None), None)
    if value is None or value == "":
        raise UsageError(
            f"{row.where}: no {column or 'reference'}; add the column to the file, or give --manifest or --label"
        )
    text = str(value).strip()
    text = text if text in classes else text.lower()  # JSON's true is Python's True
    if text not in classes:
        raise UsageError(f"{row.where}: the label {str(value)!r} is none of the classes {', '.join(classes)}")
    return classes.index(text)
