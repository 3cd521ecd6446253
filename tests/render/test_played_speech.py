"""Speech that copies share: the key names all that decides it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from synth.dsp.effects import effect_from_json
from synth.dsp.room import prepare_response
from synth.plan.clip_spec import ClipSpec
from synth.render.played_speech import play_speech, speech_key

RATE = 16000
SPEED = effect_from_json({"name": "speed", "factor": 0.9})
SPEECH = np.random.RandomState(1).standard_normal(18000) * 0.1
ROOM = prepare_response(np.r_[np.zeros(20), 1.0, np.full(800, 0.01)], sample_rate=RATE)
SPEC = ClipSpec(
    index=0,
    clip_id="utt-v0",
    source_id="utt",
    recording=0,
    copy=0,
    split="train",
    pool="train",
    sample_rate=RATE,
    speech_effects=(SPEED,),
    onset=4000,
    speech_num_samples=20000,
    num_samples=30000,
    room=None,
    room_id=None,
    noise=(),
    events=(),
    event_labels=(),
    lombard=None,
    snr_db=None,
    measure="active",
    weighting="band",
    channel_effects=(),
    level_dbfs=None,
)


class WatchedSpec:
    """A spec that notes which of its fields are read."""

    def __init__(self, spec: ClipSpec) -> None:
        self.spec = spec
        self.read: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        self.read.add(name)
        return getattr(self.spec, name)


@pytest.mark.parametrize("room", [None, 3])
@pytest.mark.parametrize("measure", ["active", "rms", "lufs"])
def test_the_speech_depends_on_nothing_that_is_not_in_its_key(room: int | None, measure: str) -> None:
    spec = replace(SPEC, room=room, measure=measure)
    playing, naming = WatchedSpec(spec), WatchedSpec(spec)
    play_speech(playing, SPEECH, source_rate=RATE, room=None if room is None else ROOM)
    speech_key(naming)
    assert playing.read - naming.read == set()


@pytest.mark.parametrize(
    "change",
    [
        {"speech_effects": (effect_from_json({"name": "speed", "factor": 0.901}),)},
        {"speech_effects": (SPEED, effect_from_json({"name": "polarity"}))},
        {"room": 3},
        {"measure": "rms"},
        {"weighting": "a"},
        {"sample_rate": 8000},
        {"speech_num_samples": 20001},
    ],
)
def test_what_changes_the_speech_changes_the_key(change: dict[str, Any]) -> None:
    assert speech_key(replace(SPEC, **change)) != speech_key(SPEC)


def test_the_tail_of_a_room_depends_on_the_margin_after_it() -> None:
    first = replace(SPEC, room=3)
    shorter = replace(first, num_samples=first.num_samples - 9900)
    assert speech_key(first) != speech_key(shorter)
    lengths = [len(play_speech(spec, SPEECH, source_rate=RATE, room=ROOM).samples) for spec in (first, shorter)]
    assert lengths[0] != lengths[1]


def test_copies_that_differ_only_in_their_noise_share_the_key() -> None:
    other = replace(SPEC, index=1, copy=1, clip_id="utt-v1", onset=5000, snr_db=3.0, level_dbfs=-20.0)
    assert speech_key(other) == speech_key(SPEC)
