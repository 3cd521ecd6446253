"""What a model got wrong, clip by clip: scores or predictions, joined with manifests by id or audio file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from synth.diagnose.ladder.manifest_join import JoinedRow, audio_span, join
from synth.errors import UsageError
from synth.lists.scores import ScoreRow, called, number_of, read_rows, text_of
from synth.stats.edits import edit_errors

#: Where errors can come from: counts; a rate (or 0 and 1); reference and hypothesis; a loss.
MEASURES: Final = ("errors", "error", "text", "loss")

#: What a split may be called besides a split: people's answers, or those of a model trained on target-like data.
_ROLES: Final = ("human", "oracle")
_SPLIT_ALIASES: Final = {"proxy": "human", "training": "train", "validation": "dev", "eval": "dev", "testing": "test"}
_UNIT_NAMES: Final = {"word": "word error rate", "character": "character error rate", "clip": "error rate"}


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model did with one clip.

    A set of clips has the error sum(weight * errors) / sum(weight * words).
    """

    id: str
    reference: str | None
    hypothesis: str | None
    errors: float | None  # number of wrong units, or the loss of the clip (times `words`); None: not computed yet
    words: float | None  # number of units (words, characters); 1 if there is one error or loss per clip
    split: str | None = None
    path: str | None = None
    speaker: str | None = None
    session: str | None = None
    group: str | None = None
    source_id: str | None = None
    weight: float = 1.0
    row: Mapping[str, Any] = field(default_factory=dict)  # the manifest's row; empty if no manifest has the clip
    others: Mapping[str, Any] = field(default_factory=dict)  # columns without a meaning here
    where: str = ""  # file:line

    @property
    def wrong(self) -> bool:
        """Whether there is any error."""
        return bool(self.errors)


@dataclass(frozen=True, slots=True)
class Scores:
    """The predictions of one file."""

    predictions: tuple[Prediction, ...]
    measure: str  # what the errors are, in words, such as "word error rate"
    is_rate: bool  # errors are rates, shown in percent; otherwise losses
    notes: tuple[str, ...]


def read_scores(
    path: Path, manifests: Sequence[Path] = (), *, unit: str = "word", measure: str | None = None
) -> Scores:
    """Read a file of scores (lists.scores.COLUMNS), and join each clip with its row in a manifest.

    The manifest provides what the scores do not have: split, speaker, session, source, reference. Errors come from the
    first of these that the file has: `errors` with `words`; `error` (0 and 1, or a rate, which counts by `words` if
    there are any); `reference` (or the manifest's text) with `hypothesis`; `loss`.

    Args:
        path: the scores.
        manifests: manifests, or folders of data sets.
        unit: of an error between reference and hypothesis: word, character or clip.
        measure: one of MEASURES instead of the first that is there.

    Raises:
        UsageError: names file and line, what is wrong and what to do.
    """
    rows = read_rows(path)
    joined = join(path, rows, manifests)
    measure = _choose_measure(rows[0], joined, measure)
    clips = [_without_errors(row, match) for row, match in zip(rows, joined, strict=True)]
    if measure == "text":
        _check_references(clips, manifests)
    predictions = []
    for clip, row in zip(clips, rows, strict=True):
        errors, words = _count_errors(measure, clip, row, unit)
        predictions.append(replace(clip, errors=errors, words=words))
    check_unique(predictions)
    names = {"text": _UNIT_NAMES[unit], "errors": "error rate (errors / words)", "error": "error rate", "loss": "loss"}
    notes = _notes(path, predictions, measure, has_manifest=bool(manifests))
    return Scores(tuple(predictions), names[measure], measure != "loss", tuple(notes))


def check_unique(predictions: Sequence[Prediction]) -> None:
    """Raise UsageError if a clip is in a split twice. Other roles (oracle, human) may answer it again."""
    first_lines: dict[tuple[str | None, str], str] = {}
    for clip in predictions:
        first = first_lines.setdefault((clip.split, clip.id), clip.where)
        if first != clip.where:
            raise UsageError(f"{clip.where}: clip {clip.id} of split {clip.split} is there already at {first}")


def split_name(text: str) -> str:
    """Return the usual name of a split: `train_dev` and `Train-Dev` are `train-dev`; `proxy` is `human`."""
    name = text.strip().lower().replace("_", "-").replace(" ", "-")
    return _SPLIT_ALIASES.get(name, name)


def _without_errors(row: ScoreRow, match: JoinedRow | None) -> Prediction:
    """Return the clip without its errors. The scores take precedence over the manifest."""
    manifest_fields = {} if match is None else match.fields

    def text(column: str) -> str | None:
        own = text_of(row, column)
        if own is not None or manifest_fields.get(column) is None:
            return own
        return str(manifest_fields[column])

    weight = number_of(row, "weight")
    return Prediction(
        id=text("id") or audio_span(row.fields) or row.where,
        reference=text("reference"),
        hypothesis=text_of(row, "hypothesis"),
        errors=None,
        words=None,
        split=_split(row, manifest_fields.get("split")),
        path=text("path"),
        speaker=text("speaker"),
        session=text("session"),
        group=text("group"),
        source_id=text("source_id"),
        weight=1.0 if weight is None else weight,
        row={} if match is None else match.row,
        others=row.others,
        where=row.where,
    )


def _split(row: ScoreRow, in_manifest: object) -> str | None:
    own = text_of(row, "split")
    manifest_name = None if in_manifest is None else split_name(str(in_manifest))
    if own is None:
        return manifest_name
    name = split_name(own)
    if manifest_name is not None and name != manifest_name and name not in _ROLES:
        raise UsageError(f"{row.where}: the split is {name}, but the manifest says {manifest_name}; fix one of them")
    return name


def _check_references(clips: Sequence[Prediction], manifests: Sequence[Path]) -> None:
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
        "column reference, or remove these clips from the predictions"
    )


def _count_errors(measure: str, clip: Prediction, row: ScoreRow, unit: str) -> tuple[float, float]:
    """Return the errors of a clip and its length, by one of MEASURES."""
    if measure == "text":
        if clip.hypothesis is None:
            raise UsageError(f"{row.where}: no hypothesis; {called('hypothesis', row)}")
        wrong_units, units = edit_errors(clip.reference or "", clip.hypothesis or "", unit)
        return float(wrong_units), float(units)
    words = number_of(row, "words")
    if measure == "errors":
        errors = _required(row, "errors")
        if words is None:
            if clip.reference is None:
                raise UsageError(
                    f"{row.where}: errors, but not of how many words; {called('words', row)}, or a reference"
                )
            words = float(edit_errors(clip.reference, "", unit)[1])
        return errors, words
    length = 1.0 if words is None else words
    if measure == "error":
        return _required(row, "error") * length, length
    loss = number_of(row, "loss", least=None)
    if loss is None:
        raise UsageError(f"{row.where}: no loss")
    return loss * length, length


def _required(row: ScoreRow, column: str) -> float:
    value = number_of(row, column)
    if value is None:
        raise UsageError(f"{row.where}: {column} is empty")
    return value


def _choose_measure(first: ScoreRow, joined: Sequence[JoinedRow | None], measure: str | None) -> str:
    """Return `measure`, or the first of MEASURES that the columns of the scores allow."""
    has = {name: value is not None for name, value in first.fields.items()}
    has_reference = has["reference"] or any(match and match.fields["reference"] is not None for match in joined)
    is_possible = {
        "errors": has["errors"] and (has["words"] or has_reference),
        "error": has["error"],
        "text": has["hypothesis"] and has_reference,
        "loss": has["loss"],
    }
    if measure is not None and measure not in MEASURES:
        raise UsageError(f"measure {measure!r}: one of {', '.join(MEASURES)} is needed")
    chosen = measure or next((name for name in MEASURES if is_possible[name]), None)
    if chosen is None or not is_possible[chosen]:
        columns = [*(name for name in first.fields if has[name]), *first.others]
        raise UsageError(
            f"{first.where}: no {measure or 'errors'} in these columns: errors and words, or error (0 and 1, or a "
            f"rate), or reference and hypothesis, or loss are needed; there are {', '.join(columns)}"
        )
    return chosen


def _notes(path: Path, predictions: Sequence[Prediction], measure: str, *, has_manifest: bool) -> list[str]:
    notes = []
    unlisted = [clip for clip in predictions if not clip.row]
    if has_manifest and unlisted:
        notes.append(
            f"{path}: predictions without a clip in this manifest: {len(unlisted):,}; the first is {unlisted[0].id}"
        )
    if measure == "error":
        rates = [(clip.errors or 0.0) / clip.words for clip in predictions if clip.words]
        if rates and sum(rates) / len(rates) > 1:
            raise UsageError(
                f"{path}: the column error has a mean of {sum(rates) / len(rates):g}; give rates (1 means all wrong), "
                "not percent"
            )
        if all(clip.words == 1 for clip in predictions) and any(rate not in (0.0, 1.0) for rate in rates):
            notes.append(f"{path}: rates without words: long and short clips count the same; give words to weight them")
    if empty := sum(clip.words == 0 for clip in predictions):
        notes.append(f"{path}: {empty:,} clips have no words; what was recognized in them counts as errors")
    return notes
