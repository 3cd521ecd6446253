"""The even schedule: which recording, and from where, for each use of noise of one layer and pool.

Every recording is a tape wound round its circle of usable sound: a use starts where the one before it ended, so that
after any number of uses each second has been used equally often, but for one. Once a lap the tape skips a moment (at
most 40 ms), so that uses of one fixed length do not fall on the same few segments lap after lap. Which recording comes
next is decided by quota: each is due when its share has been used up, with a small keyed jitter, so that the order is
not the same in every round. A recording that should be avoided (a copy of the same utterance has it) is passed over
for one that is at most half a use early: evenness comes before variety.

The constants were chosen by simulation (tests/plan/test_schedule.py holds the bar): a larger skip or jitter makes some
seconds of 10-second recordings miss the even share by more than 2.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from synth.draws import ClipDraws, clip_draws

_SKIP_SECONDS = 0.0382  # no simple fraction of a second, or fixed lengths would come round
_SKIP_SHARE = 1 / 200  # of the circle, for short recordings
_JITTER = 0.1  # of a use
_EARLY = 0.5  # of a use

BALANCES = ("seconds", "sqrt", "recordings")


@dataclass(frozen=True, slots=True)
class NoiseRecording:
    """What the schedule knows of a recording: its index in the noise catalog, its id, the samples of its circle."""

    index: int
    id: str
    circumference: int


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
        """Use the next `num_samples` of the tape; where on the circle they start."""
        offset = (self.start + self.used + self.skipped) % self.circumference
        self.used += num_samples
        self.uses += 1
        if self.used // self.circumference > self.laps:
            self.laps = self.used // self.circumference
            self.skipped += self.skip
        return offset

    def due(self, num_samples: int) -> float:
        """When this recording's next use is due, on a clock that all recordings of the layer share."""
        return (self.used + _JITTER * self.draws(f"due.{self.uses}") * num_samples) / self.weight


def _skip(recording: NoiseRecording, sample_rate: int) -> int:
    return int(min(_SKIP_SECONDS * sample_rate, _SKIP_SHARE * recording.circumference))


class Rotation:
    """All recordings of one layer in one pool, handed out in turn. The state moves with each call: ask in plan
    order."""

    def __init__(
        self, recordings: Sequence[NoiseRecording], *, balance: str, sample_rate: int, seed: int, name: str
    ) -> None:
        """`name` keys the draws: layer and pool. `balance` is the share of use that a recording gets: by its seconds,
        by the square root of them, or the same for all."""
        if not recordings:
            raise ValueError(f"no noise recording for {name}")
        exponent = {"seconds": 1.0, "sqrt": 0.5, "recordings": 0.0}[balance]
        self._tapes = [
            _Tape(
                r, order, float(r.circumference) ** exponent, _skip(r, sample_rate), clip_draws(seed, f"{name}/{r.id}")
            )
            for order, r in enumerate(recordings)
        ]
        typical = min(t.circumference for t in self._tapes)
        self._heap = [(t.due(typical), t.order) for t in self._tapes]
        heapq.heapify(self._heap)

    def __len__(self) -> int:
        return len(self._tapes)

    def next(self, num_samples: int, avoid: Collection[int] = ()) -> tuple[int, int, int]:
        """(recording index, offset on its circle, samples) of the next use.

        At most one lap of the recording is handed out: of a use longer than that an equal share, so that the rest can
        come from other recordings. Recordings in `avoid` (catalog indices) are passed over while another is nearly
        due.
        """
        tape = self._tapes[self._pop(num_samples, avoid)]
        count = -(-num_samples // -(-num_samples // tape.circumference))
        offset = tape.take(count)
        heapq.heappush(self._heap, (tape.due(count), tape.order))
        return tape.index, offset, count

    def turn(self, num_samples: int, avoid: Collection[int] = ()) -> tuple[int, int]:
        """(recording index, offset on its circle) of the next use, however long: what grows from a recording need not
        end where it does."""
        tape = self._tapes[self._pop(num_samples, avoid)]
        offset = tape.take(num_samples)
        heapq.heappush(self._heap, (tape.due(num_samples), tape.order))
        return tape.index, offset

    def _pop(self, num_samples: int, avoid: Collection[int]) -> int:
        """Take the recording that is due out of the heap, or the next one that need not be avoided and is not too
        early."""
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
