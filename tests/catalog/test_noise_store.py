from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import soxr

from synth.audio.cache import open_cache
from synth.catalog import noise_decode
from synth.catalog.noise_decode import clipped_samples, decode_noise
from synth.catalog.noise_store import NoiseStore, prepare_noise
from synth.catalog.probe import AudioSegment
from synth.catalog.scan import scan
from synth.dsp.analysis.fingerprint import compute_fingerprint
from synth.errors import UsageError
from synth.processes import pool
from synth.recipe.model import Limits, Source
from synth.units import resampled_length
from tests.processes.hostile import peak_megabytes

RATE = 16000


def noise(seconds: float, *, rate: int = RATE, level: float = 0.05, seed: int = 1) -> np.ndarray:
    return level * np.random.RandomState(seed).standard_normal(round(seconds * rate))


@pytest.fixture
def stored(tmp_path: Path, cache: Path):
    """Write sounds (name -> samples, rate), scan and decode them; the store and the index of each name."""

    def run(sounds: dict[str, tuple[np.ndarray, int]], *, channels="mean", rate=RATE, subtype=None):
        folder = tmp_path / "noise"
        folder.mkdir(exist_ok=True)
        for name, (samples, file_rate) in sounds.items():
            sf.write(folder / name, samples, file_rate, subtype=subtype)
        source = Source("n", str(folder), channels=channels)
        catalog = scan([source], folder=tmp_path, limits=Limits(), cache=cache, kind="noise")
        store = prepare_noise(catalog, sample_rate=rate, cache=cache, limits=Limits())
        return store, {catalog.path(i): i for i in range(len(catalog))}

    return run


def usable(store: NoiseStore, index: int) -> list[tuple[float, float]]:
    """(start, end) in seconds of each stretch."""
    rate = store.sample_rate
    return [(start / rate, (start + length) / rate) for start, length in store.stretches(index)]


@pytest.mark.parametrize("rate", [8000, 11127, 16000, 44100, 48000])
@pytest.mark.parametrize("level", [0.2, 1e-4])
def test_the_store_holds_the_recording_at_the_target_rate_and_its_own_level(stored, rate: int, level: float) -> None:
    truth = noise(3.0, rate=rate, level=level)
    store, index = stored({"a.wav": (truth, rate)}, subtype="FLOAT")
    (i,) = index.values()
    expected = soxr.resample(truth.astype(np.float32).astype(np.float64), rate, RATE, quality="HQ")
    found = store.samples(i) * store.scale(i)
    assert store.num_samples[i] == len(found) == resampled_length(len(truth), rate, RATE)
    overlap = min(len(found), len(expected))
    assert np.abs(found[:overlap] - expected[:overlap]).max() <= 0.51 * store.scale(i)
    assert np.abs(store.samples(i)).max() == 32767, "quiet noise uses all of int16"
    assert usable(store, i) == [(0.0, len(found) / RATE)]


def test_channels_are_mixed_by_the_policy_of_the_source(stored, tmp_path: Path, cache: Path) -> None:
    left, right = noise(1.0, seed=1), noise(1.0, seed=2)
    sounds = {"a.wav": (np.stack([left, right], axis=1), RATE)}
    for policy, truth in (("mean", (left + right) / 2), ("first", left), (1, right)):
        store, _ = stored(sounds, channels=policy, subtype="DOUBLE")
        assert np.abs(store.samples(0) * store.scale(0) - truth).max() <= 0.51 * store.scale(0)


def test_a_segment_of_a_list_is_what_is_stored(tmp_path: Path, cache: Path) -> None:
    truth = noise(5.0)
    sf.write(tmp_path / "a.wav", truth, RATE, subtype="DOUBLE")
    (tmp_path / "list.csv").write_text("path,offset,duration\na.wav,1.5,2\n")
    source = Source("n", ".", manifest="list.csv")
    catalog = scan([source], folder=tmp_path, limits=Limits(), cache=cache, kind="noise")
    store = prepare_noise(catalog, sample_rate=RATE, cache=cache, limits=Limits())
    assert np.abs(store.samples(0) * store.scale(0) - truth[24000:56000]).max() <= 0.51 * store.scale(0)


# what is usable


def test_dead_stretches_are_left_out(stored) -> None:
    samples = noise(10.0)
    samples[2 * RATE : 3 * RATE] *= 10 ** (-40 / 20)
    samples[5 * RATE : 6 * RATE] *= 10 ** (-15 / 20)  # quieter, but noise
    samples[7 * RATE : 7 * RATE + 1600] = 0
    store, _ = stored({"a.wav": (samples, RATE)})
    assert usable(store, 0) == [(0, 2), (3, 7), (7.1, 10)]
    assert store.unusable(0) == (round(1.1 * RATE), 0)


def test_digital_zero_of_50_ms_is_left_out_and_a_shorter_one_is_not(stored) -> None:
    samples = noise(4.0)
    samples[16100 : 16100 + 480] = 0
    samples[32100 : 32100 + 960] = 0
    store, _ = stored({"a.wav": (samples, RATE)})
    assert usable(store, 0) == [(0, 2), (2.1, 4)]


def test_what_is_left_between_dead_stretches_and_shorter_than_a_quarter_second_is_dropped(stored) -> None:
    samples = noise(3.0)
    samples[16000:17600] = samples[20800:22400] = 0  # 1.0 to 1.1 and 1.3 to 1.4 s
    store, _ = stored({"a.wav": (samples, RATE)})
    assert usable(store, 0) == [(0, 1), (1.4, 3)]


def test_clipped_stretches_are_left_out(stored) -> None:
    samples = noise(4.0)
    samples[RATE : 2 * RATE] = np.clip(40 * samples[RATE : 2 * RATE], -1, 1)
    samples[3 * RATE] = samples[3 * RATE + 400] = 1.0  # single peaks are no clipping
    store, _ = stored({"a.wav": (samples, RATE)})
    assert usable(store, 0) == [(0, 1), (2, 4)]
    assert store.unusable(0) == (0, RATE)


def test_clipping_is_found_at_another_rate_and_in_one_channel(stored) -> None:
    samples = np.stack([noise(8.0, rate=44100, seed=1), noise(8.0, rate=44100, seed=2)], axis=1)
    for second in (1, 5):  # more than one block of decoding apart
        part = slice(44100 * second, 44100 * (second + 1))
        samples[part, 1] = np.clip(40 * samples[part, 1], -1, 1)
    store, _ = stored({"a.wav": (samples, 44100)})
    assert usable(store, 0) == [(0, 1), (2, 5), (6, 8)]


@pytest.mark.parametrize(
    ("values", "rail", "flat", "expected"),
    [
        ([0, 1, 1, 1, 0], 0.9999, False, [0, 1, 1, 1, 0]),
        ([0, 1, 1, 0, 1], 0.9999, False, [0, 0, 0, 0, 0]),
        ([0, -1, 1, -1, -1, 0.5], 0.9999, False, [0, 1, 1, 1, 1, 0]),
        ([1.5, 2.5, 2.5, 2.5, 1.2], 0.9999, True, [0, 1, 1, 1, 0]),
        ([1, 1], 0.9999, False, [0, 0]),
    ],
)
def test_three_in_a_row_at_full_scale_are_clipped(
    values: list[float], rail: float, flat: bool, expected: list[int]
) -> None:
    block = np.array(values, float)[:, None]
    assert clipped_samples(block, rail, must_be_flat=flat).astype(int).tolist() == expected


def test_loud_float_sound_is_not_clipped(stored) -> None:
    store, _ = stored({"a.wav": (noise(2.0, level=3.0), RATE)}, subtype="FLOAT")
    assert usable(store, 0) == [(0, 2)]


def test_a_short_recording_keeps_what_it_has(stored) -> None:
    store, index = stored({"a.wav": (noise(0.15), RATE), "b.wav": (noise(0.02), RATE)})
    assert store.stretches(index["a.wav"]) == ((0, 2400),)
    assert store.stretches(index["b.wav"]) == ((0, 320),)


def test_unusable_recordings_are_refused_and_the_indices_of_the_others_stay(stored) -> None:
    nothing_long = np.zeros(3 * RATE)
    for at in range(0, len(nothing_long), RATE):
        nothing_long[at : at + 1600] = noise(0.1)
    nan = noise(1.0)
    nan[5000] = np.nan
    huge = noise(1.0)
    huge[5000] = 1e20
    sounds = {
        "1_zeros.wav": (np.zeros(RATE), RATE),
        "2_good.wav": (noise(1.0), RATE),
        "3_constant.wav": (np.full(RATE, 0.25), RATE),
        "4_antiphase.wav": (np.stack([noise(1.0), -noise(1.0)], axis=1), RATE),
        "5_pieces.wav": (nothing_long, RATE),
        "6_nan.wav": (nan, RATE),
        "7_good.wav": (noise(2.0, seed=3), RATE),
        "8_huge.wav": (huge, RATE),
    }
    store, _ = stored(sounds, subtype="FLOAT")
    assert [(r.path, r.code, r.step, r.message) for r in store.refused] == [
        ("1_zeros.wav", "silent", "plan", "no signal"),
        ("3_constant.wav", "silent", "plan", "no signal"),
        (
            "4_antiphase.wav",
            "silent",
            "plan",
            "no signal in the mean of its 2 channels; `channels: first` takes one of them",
        ),
        ("5_pieces.wav", "too_short", "plan", "no 0.25 s in a row that are neither dead nor clipped"),
        ("6_nan.wav", "nonfinite", "plan", "it has NaN or infinite samples"),
        (
            "8_huge.wav",
            "nonfinite",
            "plan",
            "it has samples up to 1e+20, full scale is 1.0, and nothing real is above 100: the file is damaged, or "
            "holds integers as floats (divide them by 32768)",
        ),
    ]
    assert store.num_samples.tolist() == [0, 16000, 0, 0, 0, 0, 32000, 0]
    assert [bool(store.stretches(i)) for i in range(8)] == [False, True, False, False, False, False, True, False]
    with pytest.raises(IndexError, match="noise recording 0 was refused"):
        store.samples(0)


def test_a_cut_file_is_refused(tmp_path: Path, stored) -> None:
    stored({"a.flac": (noise(3.0), RATE)})
    path = tmp_path / "noise" / "a.flac"
    path.write_bytes(path.read_bytes()[:20_000])
    store, _ = stored({})
    assert [(r.path, r.code) for r in store.refused] == [("a.flac", "truncated")]


# the cache


def test_what_was_decoded_once_is_found_again(tmp_path: Path, stored, monkeypatch, aged) -> None:
    sounds = {"a.wav": (noise(1.0), RATE), "zeros.wav": (np.zeros(RATE), RATE)}
    stored(sounds)
    aged(*(tmp_path / "noise").iterdir())
    first, _ = stored({})

    def fail() -> None:
        raise AssertionError("a worker was started")

    monkeypatch.setattr(pool, "start_worker", fail)
    second, _ = stored({})
    assert (second.digest, second.refused) == (first.digest, first.refused)


def test_the_same_sound_under_another_name_is_stored_once_and_has_one_digest(cache: Path, stored) -> None:
    store, index = stored(
        {"a.wav": (noise(1.0), RATE), "b.wav": (noise(1.0), RATE), "c.wav": (noise(1.0, seed=2), RATE)}
    )
    digests = [store.pcm_digest(index[name]) for name in ("a.wav", "b.wav", "c.wav")]
    assert digests[0] == digests[1] != digests[2]
    assert len(list(cache.glob("noise/*/*.s16"))) == 2


def test_a_change_of_rate_or_policy_gets_files_of_its_own(stored) -> None:
    sounds = {"a.wav": (np.stack([noise(1.0), noise(1.0, seed=2)], axis=1), RATE)}
    digests = {stored(sounds, **how)[0].digest for how in ({}, {"rate": 8000}, {"channels": "first"}, {"channels": 1})}
    assert len(digests) == 4


def test_an_index_opens_the_same_store_in_another_process(tmp_path: Path, stored) -> None:
    store, _ = stored({"a.wav": (noise(1.0), RATE), "zeros.wav": (np.zeros(RATE), RATE)})
    store.save(tmp_path / "index")
    loaded = NoiseStore.load(tmp_path / "index")
    assert (loaded.digest, loaded.refused, len(loaded)) == (store.digest, store.refused, 2)
    assert (loaded.scale(0), loaded.stretches(0)) == (store.scale(0), store.stretches(0))
    assert np.array_equal(loaded.samples(0), store.samples(0))
    with pytest.raises(ValueError, match="read-only"):
        loaded.samples(0)[0] = 1
    index = json.loads((tmp_path / "index").read_bytes())
    (tmp_path / "index").write_text(json.dumps({**index, "decoded": [7, None]}))
    with pytest.raises(UsageError, match="an entry is not a decoded recording"):
        NoiseStore.load(tmp_path / "index")
    (tmp_path / "index").write_text("{}")
    with pytest.raises(UsageError, match="is not an index of decoded noise"):
        NoiseStore.load(tmp_path / "index")


def test_a_lost_file_is_noticed_and_made_again_with_the_same_bytes(stored, cache: Path) -> None:
    store, _ = stored({"a.wav": (noise(1.0, seed=7), RATE)})
    assert store.missing() == []
    shutil.rmtree(cache / "noise")
    assert store.missing() == [0]
    with pytest.raises(
        UsageError, match=r"decoded noise is gone from the cache .*, or damaged; plan again to rebuild it"
    ):
        store.samples(0)
    again, _ = stored({})
    assert (again.digest, again.missing()) == (store.digest, [])


@pytest.mark.parametrize("suffix", ["s16", "power", "bits"])
def test_a_half_written_file_is_not_taken_for_a_whole_one(stored, cache: Path, suffix: str) -> None:
    store, _ = stored({"a.wav": (noise(1.0, seed=8), RATE)})
    (path,) = cache.glob(f"noise/*/*.{suffix}")
    whole = path.read_bytes()
    path.write_bytes(whole[:-2])
    assert store.missing() == [0]
    again, _ = stored({})
    assert again.missing() == []
    assert path.read_bytes() == whole
    assert len(again.samples(0)) == RATE


DAMAGES: dict[str, Callable[[bytearray], object]] = {
    "bit": lambda data: data.__setitem__(len(data) // 2, data[len(data) // 2] ^ 1),
    "bytes": lambda data: data.__setitem__(slice(0, None, 2), bytes(b ^ 3 for b in data[::2])),
    "zeros": lambda data: data.__setitem__(slice(None), bytes(len(data))),
}


def damage(path: Path, kind: str) -> bytes:
    """Change a file, but neither its size nor its time; what it held."""
    intact, before = path.read_bytes(), path.stat()
    data = bytearray(intact)
    DAMAGES[kind](data)
    assert len(data) == len(intact) and data != intact
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    return intact


def test_damage_in_any_file_of_the_store_is_noticed(stored, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """B6: one bit, every second byte, zeros; seen by a process that has not read the file yet."""
    store, _ = stored({"a.wav": (noise(2.0, seed=8), RATE)})
    for path in (path for suffix in ("s16", "power", "bits") for path in cache.glob(f"noise/*/*.{suffix}")):
        for kind in DAMAGES:
            intact = damage(path, kind)
            monkeypatch.setattr(noise_decode, "_intact", {})
            assert store.missing() == [0], f"{kind} in {path.suffix}"
            path.write_bytes(intact)
            assert store.missing() == []


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_entry_is_rebuilt_with_the_same_bytes(
    stored, cache: Path, kind: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """B6: `-v` says so."""
    store, _ = stored({"a.wav": (noise(2.0, seed=8), RATE)})
    intact = {path: damage(path, kind) for path in cache.glob("noise/*/*.*")}
    assert len(intact) == 4
    monkeypatch.setattr(noise_decode, "_intact", {})
    with caplog.at_level("INFO", logger="synth.catalog.noise_store"):
        again, _ = stored({})
    assert {path: path.read_bytes() for path in intact} == intact
    assert (again.digest, again.missing()) == (store.digest, [])
    text = "decoded noise of a.wav is gone from the cache, or damaged: it is decoded again"
    assert [record.message for record in caplog.records] == [text]


def test_damage_after_the_plan_is_refused_when_it_is_read(stored, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """B6: a worker on another machine, or a replay, opens the index and has no decoder."""
    store, _ = stored({"a.wav": (noise(30.0, seed=9), RATE)})
    store.save(cache / "index")
    for path in cache.glob("noise/*/*.*"):
        data = bytearray(path.read_bytes())
        DAMAGES["bit"](data)
        path.write_bytes(data)
    loaded = NoiseStore.load(cache / "index")
    for read in (loaded.samples, loaded.power_table, loaded.audio_fingerprint):
        with pytest.raises(UsageError, match=r"is gone from the cache .*, or damaged; plan again"):
            read(0)


def test_a_file_of_the_store_is_read_whole_once(stored, monkeypatch: pytest.MonkeyPatch) -> None:
    """B6: once per process and state of the file; forked workers know what their parent knew."""
    store, _ = stored({"a.wav": (noise(1.0, seed=8), RATE)})
    assert store.missing() == []
    monkeypatch.setattr(noise_decode, "file_sha256", lambda *_, **__: pytest.fail("it was hashed again"))
    assert store.missing() == []
    assert len(store.samples(0)) == RATE


def test_an_answer_of_the_cache_with_a_flipped_bit_is_no_answer(tmp_path: Path) -> None:
    """B6: the index of decoded noise is kept in the cache, too."""
    with contextlib.closing(open_cache(tmp_path)) as one:
        one.put({b"key": {"scale": 0.5}, b"other": 1})
        with one._database:
            one._database.execute("UPDATE measured SET answer = replace(answer, '0.5', '0.7')")
        assert one.get([b"key", b"other"]) == {b"other": 1}


def test_the_fingerprint_lies_beside_the_samples(stored, cache: Path) -> None:
    samples = noise(25.0, seed=8)
    store, index = stored({"a.wav": (samples, RATE), "short.wav": (noise(0.2), RATE)})
    steps = store.samples(index["a.wav"]).astype(float)
    expected = np.concatenate(list(compute_fingerprint([steps], sample_rate=RATE)))
    assert np.array_equal(store.audio_fingerprint(index["a.wav"]), expected)
    assert len(store.audio_fingerprint(index["short.wav"])) == 0
    shutil.rmtree(cache / "noise")
    with pytest.raises(
        UsageError, match=r"decoded noise is gone from the cache .*, or damaged; plan again to rebuild it"
    ):
        store.audio_fingerprint(index["a.wav"])


def peak_of_decoding(path: str, folder: str) -> int:
    """Run in a worker process: its peak memory in MB."""
    info = sf.info(path)
    decode_noise(path, AudioSegment("/", 0, info.frames, "mean"), RATE, folder)
    return peak_megabytes()


def test_memory_does_not_grow_with_the_length_of_the_recording(tmp_path: Path) -> None:
    block = np.stack([noise(10.0, rate=22050, seed=s) for s in (1, 2)], axis=1)
    with sf.SoundFile(tmp_path / "long.wav", "w", 22050, 2) as out:
        for _ in range(180):
            out.write(block)
    with pool.Pool() as workers:
        task = (str(tmp_path / "long.wav"), str(tmp_path / "store"))
        answers = dict(workers.map("tests.catalog.test_noise_store:peak_of_decoding", [task], timeout_s=100))
    assert answers[0] < 200, "half an hour is 230 MB as float64 in one channel"
