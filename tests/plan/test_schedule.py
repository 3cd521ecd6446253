"""Even use of noise, for any clips: every second about as often as every other, copies on different recordings."""

from __future__ import annotations

import numpy as np
import pytest

from synth.plan.schedule import NoiseRecording, Rotation

RATE = 1000  # of the toy: evenness knows no rate
WINDOW = 1000

LENGTHS = {
    "3 to 12 s": lambda random, k: random.uniform(3, 12),
    "1 to 15 s": lambda random, k: random.uniform(1, 15),
    "always 1 s": lambda random, k: 1.0,
    "always 5 s": lambda random, k: 5.0,
    "always 10 s": lambda random, k: 10.0,
    "log-normal": lambda random, k: min(30.0, random.lognormal(1.5, 0.6)),
}
RECORDINGS = {
    "24 of 10 s": [10.0] * 24,
    "8 of 10 s": [10.0] * 8,
    "3 of 10 s": [10.0] * 3,
    "10 s and 600 s": [10.0, 600.0],
    "24 of 10 to 60 s": list(np.random.RandomState(5).uniform(10, 60, 24)),
    "60 of 4 to 10 s": list(np.random.RandomState(6).uniform(4, 10, 60)),
    "one hour": [3600.0],
}


def rotation(seconds: list[float], balance: str = "seconds", seed: int = 1) -> Rotation:
    recordings = [NoiseRecording(i, f"r{i}", int(s * RATE)) for i, s in enumerate(seconds)]
    return Rotation(recordings, balance=balance, sample_rate=RATE, seed=seed, name="cabin.train")


def uses(of: Rotation, lengths: object, clips: int, copies: int = 3, seed: int = 0) -> list[tuple[int, int, int]]:
    """Uses as the plan asks for them: the copies of an utterance avoid what the earlier ones had."""
    random = np.random.RandomState(seed)
    found: list[tuple[int, int, int]] = []
    avoid: set[int] = set()
    for k in range(clips):
        if k % copies == 0 or len(avoid) >= len(of):
            avoid.clear()
        left = int(lengths(random, k) * RATE)  # type: ignore[operator]
        while left > 0:
            use = of.next_use(left, avoid)
            avoid.add(use[0])
            found.append(use)
            left -= use[2]
    return found


def seconds_used(found: list[tuple[int, int, int]], seconds: list[float]) -> list[np.ndarray]:
    """Sample by sample: how often each sample of each recording was used, then the mean over its 1-s bins."""
    counts = [np.zeros(int(s * RATE)) for s in seconds]
    for recording, offset, count in found:
        size = counts[recording].size
        assert 0 <= offset < size
        assert 0 < count <= size
        counts[recording][offset : offset + count] += 1
        counts[recording][: max(0, offset + count - size)] += 1
    return [c[: c.size // RATE * RATE].reshape(-1, RATE).mean(axis=1) for c in counts]


@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("recordings", RECORDINGS)
def test_every_second_within_2_or_10_percent_of_its_even_share(recordings: str, lengths: str) -> None:
    """The bar: for any 1,000 consecutive uses, here 12 windows at different places of a long run."""
    seconds = RECORDINGS[recordings]
    found = uses(rotation(seconds), LENGTHS[lengths], 4000)
    for start in range(0, 3000, 263):
        window = found[start : start + WINDOW]
        share = sum(count for _, _, count in window) / sum(int(s * RATE) for s in seconds)
        bins = np.concatenate(seconds_used(window, seconds))
        assert np.abs(bins - share).max() <= max(2.0, 0.1 * share)


def test_random_offsets_would_fail_the_bar() -> None:
    random = np.random.RandomState(0)
    seconds = [10.0] * 24
    found = [
        (int(random.randint(24)), int(random.randint(10 * RATE)), int(random.uniform(3, 10) * RATE))
        for _ in range(WINDOW)
    ]
    share = sum(count for _, _, count in found) / (240 * RATE)
    assert np.abs(np.concatenate(seconds_used(found, seconds)) - share).max() > 2 * max(2.0, 0.1 * share)


@pytest.mark.parametrize(("balance", "expected"), [("seconds", 0.8), ("sqrt", 2 / 3), ("recordings", 0.5)])
def test_balance_decides_the_share_of_a_long_recording(balance: str, expected: float) -> None:
    found = uses(rotation([10.0, 40.0], balance), LENGTHS["always 5 s"], 2000, copies=1)
    used = [sum(count for recording, _, count in found if recording == i) for i in range(2)]
    assert used[1] / sum(used) == pytest.approx(expected, abs=0.01)


def test_copies_of_an_utterance_get_different_recordings_while_there_are_enough() -> None:
    found = uses(rotation([10.0] * 24), LENGTHS["always 5 s"], 3000)
    same = sum(len({r for r, _, _ in found[k : k + 3]}) < 3 for k in range(0, 3000, 3))
    assert same <= 3  # of 1,000: evenness may come first


def test_copies_on_one_recording_do_not_overlap() -> None:
    found = uses(rotation([60.0]), LENGTHS["always 5 s"], 600, copies=3)
    for k in range(0, 600, 3):
        counts = np.zeros(60 * RATE)
        for _, offset, count in found[k : k + 3]:
            np.add.at(counts, (offset + np.arange(count)) % counts.size, 1)
        assert counts.max() == 1


def test_uses_of_one_length_do_not_fall_on_the_same_segments() -> None:
    """8 recordings of 10 s and clips of 1 s: tiling would give 80 different segments for ever."""
    found = uses(rotation([10.0] * 8), LENGTHS["always 1 s"], 4000)
    assert len({(recording, offset) for recording, offset, _ in found}) > 3000


def test_the_order_of_recordings_differs_from_round_to_round() -> None:
    found = [r for r, _, _ in uses(rotation([10.0] * 12), LENGTHS["always 10 s"], 480, copies=1)]
    rounds = {tuple(found[k : k + 12]) for k in range(0, 480, 12)}
    assert len(rounds) > 35


def test_a_use_longer_than_its_recording_is_divided_evenly() -> None:
    of = rotation([10.0, 10.0])
    assert of.next_use(25 * RATE)[2] == pytest.approx(25 * RATE / 3, abs=1)


def test_same_seed_same_schedule_other_seed_another() -> None:
    one, two, other = (uses(rotation([10.0] * 5, seed=s), LENGTHS["3 to 12 s"], 50) for s in (1, 1, 2))
    assert one == two != other
