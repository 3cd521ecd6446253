"""What a model got wrong, clip by clip: scores or predictions, joined with manifests by id or audio file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from synth.diagnose.ladder.manifest_join import JoinedRow, join, place_of
from synth.errors import UsageError
from synth.lists.scores import ScoreRow, called, number_of, read_rows, text_of
from synth.stats.edits import edit_errors

__all__ = [
    "MEASURES",
    "ROLES",
    "Prediction",
    "Scores",
    "check_twice",
    "edit_errors",
    "read_predictions",
    "read_scores",
    "split_name",
]

ROLES: Final = ("human", "oracle")
"""What a split may be called besides a split: people's answers, or those of a model trained on target-like data."""

MEASURES: Final = ("errors", "error", "text", "loss")
"""Where errors can come from: counts; a rate (or 0 and 1); reference and hypothesis; a loss."""

_ALIASES: Final = {"proxy": "human", "training": "train", "validation": "dev", "eval": "dev", "testing": "test"}
_UNIT_NAMES: Final = {"word": "word error rate", "character": "character error rate", "clip": "error rate"}


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model did with one clip.

    `errors`: how many units are wrong, or the clip's loss; `words`: how many units there are (words, characters; 1
    where errors or losses are a clip's). A set has the error sum(weight * errors) / sum(weight * words).
    `errors` and `words` are None only where they were not asked for and are not known.
    `row`: the manifest's row, empty where no manifest has the clip. `others`: columns that have no meaning here, such
    as class probabilities. `where`: file:line.
    """

    id: str
    reference: str | None
    hypothesis: str | None
    errors: float | None
    words: float | None
    split: str | None = None
    path: str | None = None
    speaker: str | None = None
    session: str | None = None
    group: str | None = None
    source_id: str | None = None
    weight: float = 1.0
    row: Mapping[str, Any] = field(default_factory=dict)
    others: Mapping[str, Any] = field(default_factory=dict)
    where: str = ""

    @property
    def wrong(self) -> bool:
        """Is there an error at all?"""
        return bool(self.errors)


@dataclass(frozen=True, slots=True)
class Scores:
    """`measure`: what the errors are, in words, such as `word error rate`. `is_rate`: an error rate (percent is how
    people read it), not a loss. `notes`: what a reader must know of the numbers."""

    predictions: tuple[Prediction, ...]
    measure: str
    is_rate: bool
    notes: tuple[str, ...]


def read_predictions(
    path: Path, manifests: Sequence[Path] = (), *, unit: str = "word", measure: str | None = None
) -> list[Prediction]:
    """The clips of a file of scores or predictions, in its order. As `read_scores`."""
    return list(read_scores(path, manifests, unit=unit, measure=measure).predictions)


def read_scores(
    path: Path, manifests: Sequence[Path] = (), *, unit: str = "word", measure: str | None = None
) -> Scores:
    """A file of scores (score_list.COLUMNS), each clip joined with its row in a manifest.

    The manifest gives what the scores do not say: split, speaker, session, source, reference. Errors come from the
    first of these that the file has: `errors` with `words`; `error` (0 and 1, or a rate; with `words` it
    counts by them); `reference` (or the manifest's text) with `hypothesis`; `loss`.

    `manifests`: files, or data set directories. `unit`: of reference against hypothesis (edits.UNITS). `measure`:
    one of MEASURES in place of the first that is there.

    Raises:
        UsageError: names file and line, what is wrong and what to do.
    """
    rows = read_rows(path)
    joined = join(path, rows, manifests)
    chosen = _measure(rows, joined, measure)
    clips = [_prediction(row, found) for row, found in zip(rows, joined, strict=True)]
    if chosen == "text":
        _check_texts(clips, manifests)
    predictions = tuple(_scored(clip, row, chosen, unit) for clip, row in zip(clips, rows, strict=True))
    check_twice(predictions)
    name = _name(rows[0], chosen, unit)
    return Scores(predictions, name, chosen != "loss", tuple(_notes(path, predictions, chosen, bool(manifests))))


def split_name(text: str) -> str:
    """`train_dev` and `Train-Dev` are `train-dev`; `proxy` is `human`."""
    name = text.strip().lower().replace("_", "-").replace(" ", "-")
    return _ALIASES.get(name, name)


# --- one clip ---------------------------------------------------------------------------------------------------------


def _prediction(row: ScoreRow, found: JoinedRow | None) -> Prediction:
    """Without errors yet. What the scores say counts before what the manifest says."""
    there = {} if found is None else found.fields

    def text(column: str) -> str | None:
        own = text_of(row, column)
        return own if own is not None or there.get(column) is None else str(there[column])

    weight = number_of(row, "weight")
    return Prediction(
        id=text("id") or place_of(row.fields) or row.where,
        reference=text("reference"),
        hypothesis=text_of(row, "hypothesis"),
        errors=None,
        words=None,
        split=_split(row, found),
        path=text("path"),
        speaker=text("speaker"),
        session=text("session"),
        group=text("group"),
        source_id=text("source_id"),
        weight=1.0 if weight is None else weight,
        row={} if found is None else found.row,
        others=row.others,
        where=row.where,
    )


def _split(row: ScoreRow, found: JoinedRow | None) -> str | None:
    own = text_of(row, "split")
    listed = None if found is None or found.fields["split"] is None else split_name(str(found.fields["split"]))
    if own is None:
        return listed
    name = split_name(own)
    if listed is not None and name != listed and name not in ROLES:
        raise UsageError(f"{row.where}: the split is {name}, the manifest says {listed}; mend one of them")
    return name


def _scored(clip: Prediction, row: ScoreRow, measure: str, unit: str) -> Prediction:
    errors, words = _ERRORS[measure](clip, row, unit)
    return replace(clip, errors=errors, words=words)


def _counted(clip: Prediction, row: ScoreRow, unit: str) -> tuple[float, float]:
    return _needed(row, "errors"), _length(clip, row, unit)


def _rated(clip: Prediction, row: ScoreRow, _: str) -> tuple[float, float]:
    """A rate counts by its words (or characters, of which it is a rate) where they are given."""
    words = number_of(row, "words")
    length = 1.0 if words is None else words
    return _needed(row, "error") * length, length


def _compared(clip: Prediction, row: ScoreRow, unit: str) -> tuple[float, float]:
    if clip.hypothesis is None:
        raise UsageError(f"{row.where}: no hypothesis; {called('hypothesis', row)}")
    errors, length = edit_errors(clip.reference or "", clip.hypothesis or "", unit)
    return float(errors), float(length)


def _check_texts(clips: Sequence[Prediction], manifests: Sequence[Path]) -> None:
    """Raise UsageError if a clip's own text is known neither from the predictions nor from a manifest."""
    missing = [clip for clip in clips if clip.reference is None]
    if not missing:
        return
    first, count = missing[0], f"{len(missing):,} of {len(clips):,} have none"
    if not manifests:
        raise UsageError(
            f"{first.where}: clip {first.id}: the predictions do not have its text; {count}. Give a column reference, "
            "or --manifest with the texts"
        )
    names = " and ".join(str(path) for path in manifests)
    state = "" if first.row else f" ({names} does not have this clip)"
    raise UsageError(
        f"{first.where}: clip {first.id}: neither the predictions nor {names} have its text{state}; {count}. Give a "
        "column reference, or leave these clips out of the predictions"
    )


def _lost(_clip: Prediction, row: ScoreRow, _: str) -> tuple[float, float]:
    words = number_of(row, "words")
    loss = number_of(row, "loss", least=None)
    if loss is None:
        raise UsageError(f"{row.where}: no loss")
    return (loss, 1.0) if words is None else (loss * words, words)


_ERRORS = {"errors": _counted, "error": _rated, "text": _compared, "loss": _lost}


def _needed(row: ScoreRow, column: str) -> float:
    value = number_of(row, column)
    if value is None:
        raise UsageError(f"{row.where}: {column} is empty")
    return value


def _length(clip: Prediction, row: ScoreRow, unit: str) -> float:
    words = number_of(row, "words")
    if words is not None:
        return words
    if clip.reference is None:
        raise UsageError(f"{row.where}: errors, but not of how many words; {called('words', row)}, or a reference")
    return float(edit_errors(clip.reference, "", unit)[1])


# --- the file ---------------------------------------------------------------------------------------------------------


def _measure(rows: Sequence[ScoreRow], joined: Sequence[JoinedRow | None], asked: str | None) -> str:
    """Where errors come from."""
    first = rows[0]
    reference = first.fields["reference"] is not None or any(j and j.fields["reference"] is not None for j in joined)
    there = {
        "errors": first.fields["errors"] is not None and (first.fields["words"] is not None or reference),
        "error": first.fields["error"] is not None,
        "text": first.fields["hypothesis"] is not None and reference,
        "loss": first.fields["loss"] is not None,
    }
    if asked is not None and asked not in MEASURES:
        raise UsageError(f"measure {asked!r}: one of {', '.join(MEASURES)} is needed")
    found = asked or next((name for name, is_there in there.items() if is_there), None)
    if found is None or not there[found]:
        raise UsageError(
            f"{first.where}: no {asked or 'errors'} in these columns: errors and words, or error (0 and 1, or a rate), "
            f"or reference and hypothesis, or loss are needed; there are {', '.join(_columns(first))}"
        )
    return found


def _columns(row: ScoreRow) -> list[str]:
    return [*(name for name, value in row.fields.items() if value is not None), *row.others]


def _name(row: ScoreRow, measure: str, unit: str) -> str:
    if measure == "text":
        return _UNIT_NAMES[unit]
    if measure == "errors":
        return "error rate (errors / words)"
    return "loss" if measure == "loss" else "error rate"


def check_twice(predictions: Sequence[Prediction]) -> None:
    """A clip has one answer in a split; another role (oracle, human) may answer it again."""
    first: dict[tuple[str | None, str], str] = {}
    for clip in predictions:
        before = first.setdefault((clip.split, clip.id), clip.where)
        if before != clip.where:
            raise UsageError(f"{clip.where}: clip {clip.id} of split {clip.split} is there already at {before}")


def _notes(path: Path, predictions: Sequence[Prediction], measure: str, joined: bool) -> list[str]:
    notes = []
    if joined and (unknown := sum(not clip.row for clip in predictions)):
        first = next(clip.id for clip in predictions if not clip.row)
        notes.append(f"{path}: {unknown:,} predictions are of no clip in this manifest, the first {first}")
    if measure == "error":
        notes += _rate_notes(path, predictions)
    empty = Counter(clip.words == 0 for clip in predictions)[True]
    if empty:
        notes.append(f"{path}: {empty:,} clips have no words; what was heard in them counts as errors")
    return notes


def _rate_notes(path: Path, predictions: Sequence[Prediction]) -> list[str]:
    values = [(clip.errors or 0.0) / clip.words for clip in predictions if clip.words]
    if values and sum(values) / len(values) > 1:
        raise UsageError(
            f"{path}: the column error has mean {sum(values) / len(values):g}; rates are needed in which 1 is all "
            "wrong, not percent"
        )
    if all(clip.words == 1 for clip in predictions) and any(value not in (0.0, 1.0) for value in values):
        return [f"{path}: rates without words: each clip counts alike, long or short; give words to count rightly"]
    return []
