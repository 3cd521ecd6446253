"""Recordings that are one recording are found, whatever was done to them; different ones are not joined."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from benchmarks.near_duplicates import RATE, Sound, coded, equalised, found, made_pairs, parts_of, recordings, words_of
from synth.catalog import near_duplicates as module
from synth.catalog.near_duplicates import Pair, find_pairs
from synth.catalog.noise_store import NoiseStore, prepare_noise
from synth.catalog.scan import scan
from synth.dsp.analysis.fingerprint import HOP_SECONDS
from synth.recipe.model import Limits, Source
from tests.helpers import FIXTURES, LONG, needs_real_audio, real_audio


def noise(seconds: float, seed: int) -> np.ndarray:
    return 0.1 * np.random.RandomState(seed).standard_normal(round(seconds * RATE))


def joined(sounds: Sequence[np.ndarray]) -> set[tuple[int, int]]:
    return {(a, b) for a, b, *_ in find_pairs([words_of(samples) for samples in sounds])}


# the search


@pytest.mark.parametrize(("first", "second"), [((0, 12), (7, 20)), ((9.377, 20), (0, 15)), ((0, 20), (6.2, 11.4))])
def test_two_cuts_of_a_recording_are_found_with_their_offset(
    first: tuple[float, float], second: tuple[float, float]
) -> None:
    whole = noise(20.0, 1)
    cuts = [whole[round(a * RATE) : round(b * RATE)] for a, b in (first, second)]
    ((a, b, lag, common, rate),) = find_pairs([words_of(noise(9.0, 2)), *map(words_of, cuts)])
    assert (a, b) == (1, 2)
    assert lag * HOP_SECONDS == pytest.approx(second[0] - first[0], abs=0.012)
    assert common * HOP_SECONDS == pytest.approx(min(first[1], second[1]) - max(first[0], second[0]) - 0.37, abs=0.1)
    assert rate < 0.15


def test_less_than_two_seconds_in_common_is_not_compared() -> None:
    whole = noise(20.0, 1)
    assert joined([whole[: 11 * RATE], whole[9 * RATE :]]) == set()
    assert joined([whole[: 12 * RATE], whole[7 * RATE :]]) == {(0, 1)}
    assert joined([noise(3.0, 1), noise(3.0, 1)]) == set()


def test_a_loop_of_a_recording_is_the_recording() -> None:
    whole = noise(6.0, 1)
    assert joined([whole, np.tile(whole, 4)]) == {(0, 1)}


def test_one_recording_in_many_forms_is_connected() -> None:
    whole = noise(6.0, 1)
    curves = np.random.RandomState(3).uniform(-12, 12, (12, 8))
    assert {b for _, b in joined([equalised(whole, curve) for curve in curves])} == set(range(1, 12))


@pytest.mark.parametrize(("at_once", "candidates"), [(500, 30_000_000), (500, 1), (300, 3)])
def test_much_noise_is_sorted_in_parts_or_sampled(
    monkeypatch: pytest.MonkeyPatch, at_once: int, candidates: int
) -> None:
    whole = noise(40.0, 1)
    words = [words_of(noise(10.0, k)) for k in range(2, 6)] + [words_of(whole[: 30 * RATE]), words_of(whole[RATE:])]
    expected = find_pairs(words)
    assert [pair[:2] for pair in expected] == [(4, 5)]
    monkeypatch.setattr(module, "_AT_ONCE", at_once)
    monkeypatch.setattr(module, "_CANDIDATES", candidates)
    assert find_pairs(words) == expected


def siren(seed: int, floor: float) -> np.ndarray:
    random = np.random.RandomState(seed)
    pitch = 700 + 400 * np.sin(2 * np.pi * np.arange(10 * RATE) / RATE / 2 + random.uniform(0, 6))
    return np.sin(2 * np.pi * np.cumsum(pitch) / RATE) + floor * random.standard_normal(10 * RATE)


def hum(seed: int, floor: float, harmonics: int) -> np.ndarray:
    random, t = np.random.RandomState(seed), np.arange(10 * RATE) / RATE
    tones = [np.sin(2 * np.pi * 110.1 * h * t + random.uniform(0, 6)) / h for h in range(1, harmonics)]
    return np.sum(tones, axis=0) + floor * random.standard_normal(len(t))


def narrow(seed: int, low: float, high: float) -> np.ndarray:
    spectrum, hz = np.fft.rfft(noise(10.0, seed)), np.fft.rfftfreq(10 * RATE, 1 / RATE)
    return np.fft.irfft(spectrum * ((hz > low) & (hz < high)))


def ticks(seed: int) -> np.ndarray:
    train = np.zeros(10 * RATE)
    train[np.random.RandomState(seed).randint(0, 8000) :: 11200] = 1
    decay = np.exp(-np.arange(800) / 100) * np.sin(0.4 * np.arange(800))
    return np.convolve(train, decay)[: len(train)] + 0.01 * noise(10.0, seed)


@pytest.mark.parametrize("floor", [0.0, 1e-5, 1e-4, 1e-3])
def test_sirens_and_hums_of_one_make_are_different_recordings(floor: float) -> None:
    assert joined([siren(k, floor) for k in range(4)]) == set()
    assert joined([hum(k, floor, 2) for k in range(4)]) == set()
    assert joined([hum(k, floor, 20) for k in range(4)]) == set()


def test_narrow_noises_ticks_and_silences_are_different_recordings() -> None:
    assert joined([narrow(k, 480, 520) for k in range(4)]) == set()
    assert joined([narrow(k, 20, 250) for k in range(4)]) == set(), "nothing in the bands but rounding"
    assert joined([ticks(k) for k in range(4)]) == set()
    burst = [np.concatenate([np.zeros(10 * RATE), noise(1.0, k)]) for k in range(4)]
    assert joined(burst) == set()


def test_a_siren_coded_anew_is_the_same_recording() -> None:
    one = siren(0, 1e-2)
    assert joined([one, coded(0.3 * one[2 * RATE :], "mp3")[0]]) == {(0, 1)}


# the store


def store_of(folder: Path, cache: Path, rate: int = RATE) -> tuple[NoiseStore, dict[str, int]]:
    catalog = scan([Source("n", str(folder))], folder=folder, limits=Limits(), cache=cache, kind="noise")
    store = prepare_noise(catalog, sample_rate=rate, cache=cache, limits=Limits())
    return store, {catalog.path(i): i for i in range(len(catalog))}


def write(folder: Path, **sounds: np.ndarray) -> Path:
    folder.mkdir(exist_ok=True)
    for name, samples in sounds.items():
        sf.write(folder / f"{name}.wav", samples, RATE, subtype="PCM_16")
    return folder


@pytest.mark.parametrize("rate", [4000, 8000, 16000, 44100])
def test_pairs_of_a_store_at_any_rate(tmp_path: Path, rate: int) -> None:
    whole = noise(12.0, 1)
    folder = write(tmp_path / "noise", a=whole[: 9 * RATE], b=noise(9.0, 2), c=0.3 * whole[3 * RATE :])
    store, _ = store_of(folder, tmp_path / "cache", rate)
    (pair,) = store.near_duplicates()
    assert (pair.first, pair.second) == (0, 2)
    assert pair.lag_s == pytest.approx(3.0, abs=0.012)
    assert pair.common_s == pytest.approx(6.0, abs=0.1)
    assert pair.error_rate < 0.1


def test_equal_samples_are_a_pair_however_short(tmp_path: Path) -> None:
    one = noise(0.5, 1)
    store, _ = store_of(write(tmp_path / "noise", a=one, b=noise(0.5, 2), c=one, d=one), tmp_path / "cache")
    assert store.near_duplicates() == (Pair(0, 2, 0.0, 0.5, 0.0), Pair(0, 3, 0.0, 0.5, 0.0))


def test_the_answer_is_remembered_whatever_the_names_and_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = noise(12.0, 1)
    sounds = {"a": whole[: 9 * RATE], "b": noise(9.0, 2), "c": whole[3 * RATE :]}
    store, _ = store_of(write(tmp_path / "noise", **sounds), tmp_path / "cache")
    (first,) = store.near_duplicates()

    def fail(prints: object) -> None:
        raise AssertionError("searched again")

    monkeypatch.setattr(module, "find_pairs", fail)
    again, _ = store_of(tmp_path / "noise", tmp_path / "cache")
    assert again.near_duplicates() == (first,)
    other = write(tmp_path / "other", z=sounds["a"], y=sounds["b"], x=sounds["c"])
    (turned,) = store_of(other, tmp_path / "cache")[0].near_duplicates()
    assert turned == Pair(0, 2, -first.lag_s, first.common_s, first.error_rate)
    write(tmp_path / "other", w=noise(4.0, 3))
    with pytest.raises(AssertionError, match="searched again"):
        store_of(other, tmp_path / "cache")[0].near_duplicates()


# the bars


def test_changed_copies_of_the_fixtures_are_found_and_nothing_else() -> None:
    """Among them several takes of one virtual car."""
    sounds = recordings([FIXTURES / "noise"], least_s=4.0)
    made = list(made_pairs([sound for sound in sounds if len(sound.samples) >= 6 * RATE], 12, seed=5))
    changed = [Sound(pair.name, pair.second) for pair in made]
    everything = [*sounds, *changed]
    pairs = joined([sound.samples for sound in everything])
    assert pairs == {
        (a, b) for a, b in itertools.combinations(range(len(everything)), 2) if everything[a].name == everything[b].name
    }


LOOPS = ("moodist_rain-on-window.mp3", "moodist_heavy-rain.mp3")
"""Loops, by their wrong bits: their ends repeat their beginnings, so that their halves share sound."""


@needs_real_audio
def test_pairs_of_real_noise_are_found() -> None:
    """At least 48 of 50; in the short form all of 15 but one."""
    count, least = (50, 48) if LONG else (15, 14)
    sounds = recordings([real_audio() / "noise"], least_s=6.0)
    pairs = list(made_pairs(sounds, count, seed=1))
    answers = [found(words_of(pair.first), words_of(pair.second)) for pair in pairs]
    delay = 0.1  # of the codecs
    right = [
        answer is not None and abs(answer[0] * HOP_SECONDS - pair.lag_s) < delay
        for pair, answer in zip(pairs, answers, strict=True)
    ]
    assert sum(right) >= least


@needs_real_audio
def test_of_200_pairs_of_different_real_recordings_at_most_2_are_joined() -> None:
    """Two drives of one car among them, and the halves of every recording of 20 s or more."""
    sounds = [one for one in recordings([real_audio() / "noise"], least_s=4.0) if one.name not in LOOPS]
    parts = [part for sound in sounds for part in parts_of(sound)]
    assert len(parts) * (len(parts) - 1) / 2 >= 200
    assert len(joined([part.samples for part in parts])) <= 2


@needs_real_audio
def test_the_end_of_a_loop_is_found_to_be_its_beginning() -> None:
    sounds = [one for one in recordings([real_audio() / "noise" / "other"], least_s=4.0) if one.name in LOOPS]
    for sound in sounds:
        assert joined([part.samples for part in parts_of(sound)]) == {(0, 1)}
