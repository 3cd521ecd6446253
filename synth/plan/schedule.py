"""The even schedule: which recording, and from where, for each use of noise of one layer and pool.

Every recording is a tape wound round its circle of usable sound: a use starts where the one before it ended. So after
any number of uses each second has been used equally often, give or take one. Once per lap the tape skips a moment (at
most 40 ms); otherwise uses of one fixed length would fall on the same few places lap after lap.

Which recording comes next is decided by quota: each is due when its share has been used up. A small keyed jitter varies
the order from round to round. A recording that should be avoided (a copy of the same utterance has it) is passed over
for one that is at most half a use early: evenness comes before variety.

The constants were chosen by simulation (tests/plan/test_schedule.py holds the bar): a larger skip or jitter makes some
seconds of 10-second recordings miss the even share by more than 2.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from synth.draws import ClipDraws, clip_draws

_SKIP_SECONDS = 0.0382  # no simple fraction of a second: fixed lengths would come round to the same places
_SKIP_SHARE = 1 / 200  # of the circle, for short recordings
_JITTER = 0.1  # of a use
_EARLY = 0.5  # of a use

_EXPONENTS = {"seconds": 1.0, "sqrt": 0.5, "recordings": 0.0}
"""A recording's share of use is its length to this power, by `balance`."""


@dataclass(frozen=True, slots=True)
class NoiseRecording:
    """What the schedule needs of a recording."""

    index: int  #: into the noise catalog
    id: str
    circumference: int  #: samples of its circle of usable sound


class NoiseUse(NamedTuple):
    """One use of a recording."""

    recording: int  #: index into the noise catalog
    offset: int  #: first sample on its circle
    num_samples: int


class _Tape:
    """One recording, as far as it has been used."""

    __slots__ = (
        "circumference",
        "draws",
        "index",
        "laps",
        "order",
        "skip",
        "skipped",
        "start",
        "used",
        "uses",
        "weight",
    )

    def __init__(self, recording: NoiseRecording, order: int, weight: float, skip: int, draws: ClipDraws) -> None:
        self.index = recording.index
        self.order = order
        self.circumference = recording.circumference
        self.weight = weight
        self.draws = draws
        self.start = int(draws("start") * recording.circumference)
        self.skip = skip
        self.used = self.uses = self.laps = self.skipped = 0

    def take(self, num_samples: int) -> int:
        """Use the next `num_samples` of the tape, and return where on the circle they start."""
        offset = (self.start + self.used + self.skipped) % self.circumference
        self.used += num_samples
        self.uses += 1
        if self.used // self.circumference > self.laps:
            self.laps = self.used // self.circumference
            self.skipped += self.skip
        return offset

    def due(self, num_samples: int) -> float:
        """When the next use is due, on a clock that all recordings of the layer share."""
        return (self.used + _JITTER * self.draws(f"due.{self.uses}") * num_samples) / self.weight


class Rotation:
    """All recordings of one layer in one pool, handed out in turn. Each call moves it on, so ask in plan order."""

    def __init__(
        self, recordings: Sequence[NoiseRecording], *, balance: str, sample_rate: int, seed: int, name: str
    ) -> None:
        """Start the rotation.

        Args:
            recordings: at least one.
            balance: what a recording's share of use follows: its `seconds`, their `sqrt`, or the same for all
                `recordings`.
            sample_rate: of the circles (Hz).
            seed: of the recipe.
            name: keys the draws: layer and pool.
        """
        if not recordings:
            raise ValueError(f"no noise recording for {name}")
        self._tapes = []
        for order, recording in enumerate(recordings):
            skip = int(min(_SKIP_SECONDS * sample_rate, _SKIP_SHARE * recording.circumference))
            weight = float(recording.circumference) ** _EXPONENTS[balance]
            self._tapes.append(_Tape(recording, order, weight, skip, clip_draws(seed, f"{name}/{recording.id}")))
        typical = min(tape.circumference for tape in self._tapes)
        self._heap = [(tape.due(typical), tape.order) for tape in self._tapes]
        heapq.heapify(self._heap)

    def __len__(self) -> int:
        return len(self._tapes)

    def next_use(self, num_samples: int, avoid: Collection[int] = (), *, endless: bool = False) -> NoiseUse:
        """The next use.

        At most one lap of the recording is handed out: of a longer use an equal share, so that the rest can come from
        other recordings.

        Args:
            num_samples: how many samples are needed.
            avoid: indices of recordings to pass over while another one is nearly due.
            endless: hand out all of `num_samples`, because noise that is grown does not end where its recording does.
        """
        tape = self._tapes[self._pop(num_samples, avoid)]
        count = num_samples if endless else -(-num_samples // -(-num_samples // tape.circumference))
        offset = tape.take(count)
        heapq.heappush(self._heap, (tape.due(count), tape.order))
        return NoiseUse(tape.index, offset, count)

    def _pop(self, num_samples: int, avoid: Collection[int]) -> int:
        """Take the recording that is due out of the heap, or the next one that is not to be avoided nor too early."""
        first = heapq.heappop(self._heap)
        if self._tapes[first[1]].index not in avoid:
            return first[1]
        passed = [first]
        chosen = first
        while self._heap:
            due, order = item = heapq.heappop(self._heap)
            tape = self._tapes[order]
            if due > first[0] + _EARLY * min(num_samples, tape.circumference) / tape.weight:
                passed.append(item)
                break
            if tape.index not in avoid:
                chosen = item
                break
            passed.append(item)
        for item in passed:
            if item is not chosen:
                heapq.heappush(self._heap, item)
        return chosen[1]
