"""Labels that a model confidently contradicts, by the confident joint of Northcutt, Jiang and Chuang (2021).

Of a class j the threshold t_j is the mean probability of j over the clips labelled j. A clip counts as confidently j
where p_j >= t_j (the j of the highest p, where there are several). Those confidently another class than their label
are candidates. The probabilities must come from models that were not trained on the clip (out of fold), or they
repeat the label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from synth.diagnose.ladder.manifest_join import Joined, join
from synth.dsp.arrays import Matrix
from synth.errors import UsageError
from synth.lists.scores import ScoreRow, read_rows
from synth.paths import output_path
from synth.text import csv_line

PREFIX: Final = "p_"
_SUM_OFF = 0.02
_HEAD: Final = ("id", "audio", "label", "suggested", "p_label", "p_suggested", "margin", "correction", "comment")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A clip whose label may be wrong. `margin`: probability of `suggested` less that of the label."""

    id: str
    audio: str
    label: str
    suggested: str
    p_label: float
    p_suggested: float

    @property
    def margin(self) -> float:
        return self.p_suggested - self.p_label


@dataclass(frozen=True, slots=True)
class Found:
    """`candidates`: the largest margin first. `joint`: estimated share of all clips by (label, true class), adds up to
    1. `thresholds`: NaN for a class that no clip is labelled with."""

    classes: tuple[str, ...]
    clips: int
    thresholds: tuple[float, ...]
    joint: Matrix
    candidates: tuple[Candidate, ...]

    @property
    def noise(self) -> float:
        """Estimated share of the clips whose label is wrong."""
        return float(self.joint.sum() - np.trace(self.joint))

    def to_json(self) -> dict[str, Any]:
        thresholds = [None if np.isnan(t) else round(t, 6) for t in self.thresholds]
        return {
            "clips": self.clips,
            "classes": list(self.classes),
            "thresholds": dict(zip(self.classes, thresholds, strict=True)),
            "estimated_noise": round(self.noise, 6),
            "joint": [[round(float(value), 6) for value in row] for row in self.joint],
            "candidates": [
                {
                    "id": c.id,
                    "audio": c.audio,
                    "label": c.label,
                    "suggested": c.suggested,
                    "p_label": round(c.p_label, 6),
                    "p_suggested": round(c.p_suggested, 6),
                    "margin": round(c.margin, 6),
                }
                for c in self.candidates
            ],
            "note": "the probabilities must be of models that were not trained on the clip (out of fold)",
        }


def find_mislabelled(
    predictions: Path, manifest: Path | None = None, *, label: str | None = None, out: Path | None = None
) -> Found:
    """Candidates among clips with columns p_<class>, ranked by margin.

    `label`: the column, manifest key or label that holds the class; else the reference (of the file, or of the
    manifest). `out`: a CSV of the candidates, with an empty column `correction` that `synth errors correct` takes.

    Raises:
        UsageError: no such columns, a row without a label, a label that is no class, probabilities that are none.
    """
    if out is not None:
        output_path.check_file(out, "list of candidates", inputs=(predictions, manifest))
    rows = read_rows(predictions)
    joined = join(predictions, rows, [manifest]) if manifest else [None] * len(rows)
    classes = tuple(name.removeprefix(PREFIX) for name in rows[0].others if name.startswith(PREFIX))
    if len(classes) < 2:
        raise UsageError(
            f"{rows[0].where}: columns p_<class> with the probability of each class are needed, at least 2"
        )
    labels = [_label(row, found, label, classes) for row, found in zip(rows, joined, strict=True)]
    found = confident_joint(np.array([_probabilities(row, classes) for row in rows]), np.array(labels))
    candidates = [_candidate(rows[i], joined[i], classes, labels[i], j, found.p[i]) for i, j in found.off]
    result = Found(classes, len(rows), tuple(found.thresholds.tolist()), found.joint, tuple(candidates))
    if out is not None:
        output_path.write(out, _csv(candidates).encode("utf-8", "replace"), "list of candidates")
    return result


@dataclass(frozen=True, slots=True)
class Confident:
    """`off`: (clip, class that it confidently is) of the candidates, the largest margin first."""

    p: Matrix
    thresholds: Matrix
    joint: Matrix
    off: tuple[tuple[int, int], ...]


def confident_joint(p: Matrix, labels: npt.NDArray[np.intp]) -> Confident:
    """`p`: shape (clips, classes), rows add up to 1. `labels`: class of each clip, shape (clips,).

    The joint is calibrated: its rows add up to the share of the clips that have the label.
    """
    count, classes = p.shape
    given = np.bincount(labels, minlength=classes).astype(np.float64)
    own = np.bincount(labels, weights=p[np.arange(count), labels], minlength=classes)
    thresholds = np.where(given > 0, own / np.maximum(given, 1), np.nan)
    # rounding must not keep out a class whose clips all have the same probability
    confident = p >= np.where(given > 0, thresholds, np.inf) - 1e-12
    best = np.where(confident, p, -1.0).argmax(axis=1)
    sure = confident.any(axis=1)
    joint = np.zeros((classes, classes))
    np.add.at(joint, (labels[sure], best[sure]), 1.0)
    joint[np.arange(classes), np.arange(classes)] += (joint.sum(axis=1) == 0) * given  # nobody sure: taken as right
    joint *= (given / np.maximum(joint.sum(axis=1), 1))[:, None] / max(count, 1)
    off = [(int(i), int(best[i])) for i in np.flatnonzero(sure & (best != labels))]
    off.sort(key=lambda pair: (p[pair[0], labels[pair[0]]] - p[pair], pair))
    return Confident(p, thresholds, joint, tuple(off))


def _probabilities(row: ScoreRow, classes: Sequence[str]) -> list[float]:
    values = []
    for name in classes:
        try:
            value = float(row.others[PREFIX + name])
        except (KeyError, TypeError, ValueError, OverflowError):
            value = -1.0
        if not 0 <= value <= 1:
            raise UsageError(f"{row.where}: {PREFIX}{name} is {row.others.get(PREFIX + name)!r}; a number from 0 to 1")
        values.append(value)
    if abs(sum(values) - 1) > _SUM_OFF:
        raise UsageError(f"{row.where}: the probabilities add up to {sum(values):g}, not to 1")
    return values


def _label(row: ScoreRow, found: Joined | None, column: str | None, classes: Sequence[str]) -> int:
    there: Mapping[str, Any] = found.row if found else {}
    if column is None:
        value = row.fields["reference"] or there.get("text")
    else:
        labels = there.get("labels")
        nested = labels if isinstance(labels, Mapping) else {}
        value = next((f[column] for f in (row.others, row.fields, there, nested) if f.get(column) is not None), None)
    if value is None or value == "":
        raise UsageError(
            f"{row.where}: no {column or 'reference'}; give the label in the file, or --manifest, or --label"
        )
    text = str(value).strip()
    text = text if text in classes else text.lower()  # JSON's true is Python's True
    if text not in classes:
        raise UsageError(f"{row.where}: the label {str(value)!r} is none of the classes {', '.join(classes)}")
    return classes.index(text)


def _candidate(
    row: ScoreRow, found: Joined | None, classes: Sequence[str], label: int, suggested: int, p: Matrix
) -> Candidate:
    fields = {**(found.fields if found else {}), **{k: v for k, v in row.fields.items() if v is not None}}
    name = fields.get("id") or fields.get("path") or row.where
    path = (found.row.get("audio_filepath") if found else None) or fields.get("path") or ""
    return Candidate(str(name), str(path), classes[label], classes[suggested], float(p[label]), float(p[suggested]))


def _csv(candidates: Sequence[Candidate]) -> str:
    lines = [csv_line(_HEAD)]
    for c in candidates:
        numbers = [f"{value:.6g}" for value in (c.p_label, c.p_suggested, c.margin)]
        lines.append(csv_line([c.id, c.audio, c.label, c.suggested, *numbers, "", ""]))
    return "".join(lines)
