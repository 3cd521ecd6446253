"""Is what the ladder calls new really new: speech and noise that the rungs below train share with train."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from synth.diagnose.ladder.predictions import Prediction

FEW_RECORDINGS: Final = 8
"""With fewer held-out noise recordings their choice moves the error (our own convention; `min_recordings` of a recipe
has the same default)."""

_NEW_SPEECH: Final = ("train-dev", "train-dev-noise", "dev", "test")


def held_out_notes(rows: Mapping[str, Sequence[Prediction]]) -> list[str]:
    """What a reader must know of the rungs' speech and noise. `rows`: the clips of each rung; only what the scores
    and manifests say of these clips is known, not all of the training set."""
    return [*_speech_notes(rows), *_noise_notes(rows)]


def recordings_of(clip: Prediction) -> list[str]:
    """The noise recordings in a clip, from its row in the manifest."""
    pieces = clip.row.get("noise")
    if not isinstance(pieces, list):
        return []
    return [str(piece["recording"]) for piece in pieces if isinstance(piece, Mapping) and piece.get("recording")]


def _speech_notes(rows: Mapping[str, Sequence[Prediction]]) -> list[str]:
    notes = []
    for name in _NEW_SPEECH:
        for what, of in _SPEECH.items():
            clips = rows.get(name, ())
            known = {value for clip in rows.get("train", ()) for value in of(clip)}
            shared = [clip for clip in clips if known.intersection(of(clip))]
            if shared:
                notes.append(f"{len(shared):,} of {len(clips):,} clips of {name} are of {what} too: {_MEANS[what]}")
                break  # who shares utterances shares speakers
    return notes


_SPEECH: Final[Mapping[str, Callable[[Prediction], Iterable[str]]]] = {
    "utterances that train has": lambda clip: [clip.source_id] if clip.source_id else [],
    "speakers that train has": lambda clip: [clip.speaker] if clip.speaker else [],
}
_MEANS: Final = {
    "utterances that train has": "that is not new speech, and variance is understated",
    "speakers that train has": "variance is that of new utterances, not of new speakers",
}


def _noise_notes(rows: Mapping[str, Sequence[Prediction]]) -> list[str]:
    seen = {name for rung in ("train", "train-dev") for clip in rows.get(rung, ()) for name in recordings_of(clip)}
    held = {name for clip in rows.get("train-dev-noise", ()) for name in recordings_of(clip)}
    notes = []
    if shared := sorted(held & seen):
        notes.append(
            f"{len(shared)} of {len(held)} noise recordings of train-dev-noise are in train or train-dev too, the "
            f"first {shared[0]}: that is not unseen noise, and noise overfitting is understated"
        )
    if 0 < len(held) < FEW_RECORDINGS:
        notes.append(
            f"train-dev-noise has {len(held)} noise recordings only: its error says as much of these as of unseen "
            "noise, and its interval does not know it (--by noise draws them)"
        )
    return notes
