"""Whether what the ladder calls new is really new: speech and noise that lower rungs share with train."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from synth.diagnose.ladder.predictions import Prediction
from synth.text import count_of

#: With fewer held-out noise recordings, their choice changes the error (our own convention; `min_recordings` of a
#: recipe has the same default).
FEW_RECORDINGS: Final = 8

_NEW_SPEECH: Final = ("train-dev", "train-dev-noise", "dev", "test")
#: Field of a prediction -> (what train has too, what that means). Whoever shares utterances also shares speakers, so
#: only the first that applies is reported.
_SHARED_SPEECH: Final[Mapping[str, tuple[str, str]]] = {
    "source_id": ("utterances of train", "this is not new speech, and variance is underestimated"),
    "speaker": ("speakers of train", "variance is that of new utterances, not of new speakers"),
}


def overlap_notes(rows: Mapping[str, Sequence[Prediction]]) -> list[str]:
    """Return notes on speech and noise that is not new.

    Args:
        rows: rung -> its clips. Only what the scores and manifests list is compared, not all of the training set.
    """
    notes = []
    for rung in _NEW_SPEECH:
        clips = rows.get(rung, ())
        for column, (what, meaning) in _SHARED_SPEECH.items():
            in_train = {getattr(clip, column) for clip in rows.get("train", ())} - {None, ""}
            shared = sum(getattr(clip, column) in in_train for clip in clips)
            if shared:
                notes.append(f"{shared:,} of {len(clips):,} clips of {rung} have {what}: {meaning}")
                break
    in_training = {
        name for rung in ("train", "train-dev") for clip in rows.get(rung, ()) for name in recordings_of(clip)
    }
    held_out = {name for clip in rows.get("train-dev-noise", ()) for name in recordings_of(clip)}
    if shared_noise := sorted(held_out & in_training):
        notes.append(
            f"{len(shared_noise)} of {len(held_out)} noise recordings of train-dev-noise are in train or train-dev too "
            f"(the first is {shared_noise[0]}): this is not unseen noise, and noise overfitting is underestimated"
        )
    if 0 < len(held_out) < FEW_RECORDINGS:
        recordings = count_of(len(held_out), "noise recording")
        notes.append(
            f"train-dev-noise has only {recordings}: its error depends as much on these as on unseen noise, and its "
            "interval does not include that (--by noise does)"
        )
    return notes


def recordings_of(clip: Prediction) -> list[str]:
    """Return the noise recordings in a clip, from its row in the manifest."""
    segments = clip.row.get("noise")
    if not isinstance(segments, list):
        return []
    return [str(each["recording"]) for each in segments if isinstance(each, Mapping) and each.get("recording")]
