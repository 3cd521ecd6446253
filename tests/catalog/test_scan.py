from __future__ import annotations

import json
import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from synth.audio.file_names import glob_matcher
from synth.catalog.catalog import Catalog
from synth.catalog.probe import trim_bounds
from synth.catalog.scan import relative_path, scan
from synth.errors import UsageError
from synth.processes import pool
from synth.recipe.model import Limits, Source


@pytest.fixture
def scanned(tmp_path: Path, cache: Path):
    """Scan one source below tmp_path; speech with default limits unless told otherwise."""

    def run(path: str = "sounds", *, limits: Limits = Limits(), keep: bool = True, **options: object) -> Catalog:  # noqa: B008
        known = ("kind", "jobs", "trim_top_db")
        source = Source("s", path, **{k: v for k, v in options.items() if k not in known})  # type: ignore[arg-type]
        chosen = {k: v for k, v in options.items() if k in known}
        return scan([source], folder=tmp_path, limits=limits, cache=cache if keep else None, **chosen)  # type: ignore[arg-type]

    return run


@pytest.fixture
def no_workers(monkeypatch):
    def refuse():
        def fail() -> None:
            raise AssertionError("a worker was started")

        monkeypatch.setattr(pool, "start_worker", fail)

    return refuse


def refusals(catalog: Catalog) -> dict[str, str]:
    return {refusal.path: f"{refusal.code}: {refusal.message}" for refusal in catalog.refused}


# folders


def test_a_folder_gives_its_sound_files_whole(tmp_path: Path, make_sound, scanned) -> None:
    make_sound("sounds/b/deep/er.FLAC", 0.25, rate=16000, channels=2)
    make_sound("sounds/a.wav", 0.5, rate=8000)
    for other in ("notes.txt", "a.json", ".hidden.wav", "._a.wav"):
        (tmp_path / "sounds" / other).write_text("not sound")
    make_sound("sounds/.git/x.wav")
    catalog = scanned()
    found = [(r.path, r.offset, r.num_samples, r.sample_rate, r.channels) for r in catalog]
    assert found == [("a.wav", 0, 4000, 8000, 1), ("b/deep/er.FLAC", 0, 4000, 16000, 2)]
    assert catalog.refused == ()
    assert catalog.roots == {"s": str(tmp_path / "sounds")}
    assert [catalog.file(i) for i in range(2)] == [str(tmp_path / "sounds" / r.path) for r in catalog]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.wav", ["a.wav"]),
        ("**/*.wav", ["a.wav", "x/b.wav", "x/y/c.wav"]),
        ("x/*", ["x/b.wav", "x/d.flac"]),
        ("x/**", ["x/b.wav", "x/d.flac", "x/y/c.wav"]),
        ("./x/?.flac", ["x/d.flac"]),
        ("**/[!ab].*", ["x/d.flac", "x/y/c.wav"]),
        ("**/[a-b].wav", ["a.wav", "x/b.wav"]),
    ],
)
def test_a_pattern_chooses(make_sound, scanned, pattern: str, expected: list[str]) -> None:
    for path in ("a.wav", "x/b.wav", "x/y/c.wav", "x/d.flac"):
        make_sound(f"sounds/{path}")
    assert [r.path for r in scanned(glob=pattern)] == expected


def test_brackets_and_dots_of_a_pattern_are_taken_literally_where_they_are() -> None:
    matches = glob_matcher("a[1].w+v(x)")
    assert matches("a1.w+v(x)")
    assert not matches("a1xw+v(x)")


def test_odd_names_are_told_apart(make_sound, scanned) -> None:
    nfc = unicodedata.normalize("NFC", "ü.wav")
    names = {
        nfc,
        unicodedata.normalize("NFD", nfc),
        "имя с пробелом 数字.wav",
        "-a.wav",
        "A.wav",
        "a.wav",
        "n" * 251 + ".wav",
    }
    for name in names:
        make_sound(f"sounds/{name}")
    catalog = scanned()
    assert {r.path for r in catalog} == names
    assert len({r.id for r in catalog}) == len(names)


def test_what_must_not_be_read_is_named(tmp_path: Path, make_sound, scanned) -> None:
    make_sound("outside/out.wav")
    make_sound("sounds/good.wav")
    root = tmp_path / "sounds"
    (root / "link.wav").symlink_to(root / "good.wav")
    (root / "out.wav").symlink_to(tmp_path / "outside" / "out.wav")
    (root / "gone.wav").symlink_to("nowhere.wav")
    (root / "zero.wav").symlink_to("/dev/zero")
    (root / "circle").symlink_to(root)
    os.mkfifo(root / "pipe.wav")
    (root / "text.wav").write_text("hello")
    Path(os.fsdecode(os.fsencode(root) + b"/\xff.wav")).write_bytes(b"")
    catalog = scanned()
    leads_out = "forbidden_path: it leads out of the folder of its source; name the folder it leads to as a source"
    assert [r.path for r in catalog] == ["good.wav", "link.wav"]
    assert refusals(catalog) == {
        "out.wav": leads_out,
        "zero.wav": leads_out,
        "gone.wav": "forbidden_path: it leads out of the folder of its source; name the folder it leads to as a source"
        if (root / "gone.wav").exists()
        else "missing: it cannot be found: No such file or directory",
        "circle": "forbidden_path: a link to a folder; name that folder as a source",
        "pipe.wav": "forbidden_path: not a regular file",
        "text.wav": "not_audio: not a format that is read here",
        "\\xff.wav": "forbidden_path: a name that is not UTF-8",
    }


def test_limits_of_length_depend_on_the_kind(make_sound, scanned) -> None:
    make_sound("sounds/a.wav", 2.0)
    limits = Limits(max_speech_s=1.5, max_noise_s=3)
    assert refusals(scanned(limits=limits)) == {"a.wav": "too_long: 2.0 s; the limit is 1.5 s (limits.max_speech_s)"}
    assert len(scanned(limits=limits, kind="noise")) == 1


def test_lengths_that_headers_only_guess_are_counted(tmp_path: Path, make_sound, scanned) -> None:
    for name in ("a.mp3", "b.ogg"):
        make_sound(f"sounds/{name}", 1.3, rate=16000)
    for recording in scanned():
        truth, _ = sf.read(tmp_path / "sounds" / recording.path)
        assert recording.num_samples == len(truth)


def test_nothing_at_all_is_an_error(tmp_path: Path, scanned) -> None:
    (tmp_path / "sounds").mkdir()
    with pytest.raises(UsageError, match=f"source 's': no audio file in {tmp_path}/sounds"):
        scanned()
    with pytest.raises(UsageError, match=r"source 's': no file that matches '\*.xyz' in"):
        scanned(glob="*.xyz")
    with pytest.raises(UsageError, match=f"source 's': there is no folder {tmp_path}/none"):
        scanned("none")
    with pytest.raises(UsageError, match=f"source 's': there is no list {tmp_path}/none.csv"):
        scanned(manifest="none.csv")
    (tmp_path / "empty.csv").write_text("path\n")
    with pytest.raises(UsageError, match=r"source 's': the list empty\.csv has no rows"):
        scanned(manifest="empty.csv")


# lists


def test_a_list_gives_segments_with_what_is_known_of_them(tmp_path: Path, make_sound, scanned) -> None:
    make_sound("sounds/long.wav", 3.0, rate=8000)
    make_sound("sounds/b.wav", 0.5, rate=16000)
    (tmp_path / "list.csv").write_text(
        "path,offset,duration,text,speaker,street\n"
        "long.wav,1.25,0.5,two,s2,\n"
        "long.wav,,1,one,s1,yes\n"
        "long.wav,2.5,,three,,\n"
        "./b.wav,,,,,\n"
        f"{tmp_path}/sounds//b.wav,0.25,,,,\n"
    )
    found = [
        (r.path, r.offset, r.num_samples, r.sample_rate, r.text, r.speaker, r.labels)
        for r in scanned(manifest="list.csv")
    ]
    assert found == [
        ("b.wav", 0, 8000, 16000, None, None, {"street": None}),
        ("b.wav", 4000, 4000, 16000, None, None, {"street": None}),
        ("long.wav", 0, 8000, 8000, "one", "s1", {"street": "yes"}),
        ("long.wav", 10000, 4000, 8000, "two", "s2", {"street": None}),
        ("long.wav", 20000, 4000, 8000, "three", None, {"street": None}),
    ]


def test_a_list_that_says_enough_is_believed_and_no_file_is_opened(tmp_path: Path, scanned, no_workers) -> None:
    (tmp_path / "sounds").mkdir()
    no_workers()
    rows = [
        {"audio_filepath": "a.wav", "duration": 4.25, "sampling_rate": 16000, "text": "x"},
        {"audio_filepath": "b.wav", "num_samples": 1000, "sampling_rate": 8000, "offset": 0.5},
        {"audio_filepath": "c.wav", "num_samples": 1000, "sampling_rate": 1000},
        {"audio_filepath": "d.wav", "duration": 4000, "sampling_rate": 16000},
        {"audio_filepath": "../e.wav", "duration": 1, "sampling_rate": 16000},
        {"audio_filepath": "/etc/passwd", "duration": 1, "sampling_rate": 16000},
        {"audio_filepath": "f.wav", "duration": 0, "sampling_rate": 16000},
        {"audio_filepath": "sox x |", "duration": 1, "sampling_rate": 16000},
    ]
    (tmp_path / "list.jsonl").write_text("\n".join(map(json.dumps, rows)))
    catalog = scanned(manifest="list.jsonl")
    found = [(r.path, r.offset, r.num_samples, r.sample_rate, r.identity) for r in catalog]
    assert found == [("a.wav", 0, 68000, 16000, None), ("b.wav", 4000, 1000, 8000, None)]
    assert refusals(catalog) == {
        "c.wav": "bad_rate: 1000 Hz is outside 4000 to 384000 Hz",
        "d.wav": "too_long: 4000.0 s; the limit is 120 s (limits.max_speech_s)",
        "../e.wav": "forbidden_path: a path with '..'",
        "/etc/passwd": "forbidden_path: an absolute path outside the root of its source",
        "f.wav": "empty: it holds no samples",
        "sox x |": "forbidden_path: a command or a URL, not a file",
    }


def test_segments_must_lie_in_their_file_but_for_rounding(tmp_path: Path, make_sound, scanned) -> None:
    make_sound("sounds/a.wav", 1.0, rate=8000)
    rows = [
        "a.wav,0,1.01",
        "a.wav,0.5,0.51",
        "a.wav,0.25,0.7601",
        "a.wav,1,0.1",
        "a.wav,2,",
        "none.wav,,",
        "a.wav,0.1,8000,x",
    ]
    (tmp_path / "list.csv").write_text("path,offset,duration\n" + "\n".join(rows))
    catalog = scanned(manifest="list.csv")
    assert [(r.offset, r.num_samples) for r in catalog] == [(0, 8000), (4000, 4000)]
    assert [f"{r.path}: {r.code}: {r.message}" for r in catalog.refused] == [
        "list.csv:8: bad_row: 4 cells, the header has 3 columns",
        "a.wav: bad_row: the segment from 0.25 s to 1.01012 s does not lie in the file of 1 s",
        "a.wav: bad_row: the segment from 1 s to 1.1 s does not lie in the file of 1 s",
        "a.wav: bad_row: the segment from 2 s to 1 s does not lie in the file of 1 s",
        "none.wav: missing: it cannot be found: No such file or directory",
    ]


def test_a_list_that_is_wrong_about_the_rate_is_found_out(tmp_path: Path, make_sound, scanned) -> None:
    make_sound("sounds/a.wav", 1.0, rate=8000)
    (tmp_path / "list.csv").write_text("path,sampling_rate\na.wav,16000\n")
    assert refusals(scanned(manifest="list.csv")) == {"a.wav": "bad_row: the list says 16000 Hz, the file has 8000 Hz"}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a/b.wav", "a/b.wav"),
        ("./a//b/./c.wav", "a/b/c.wav"),
        ("/r/s/a.wav", "a.wav"),
        ("/r/s//a.wav", "a.wav"),
        ("/r/sx/a.wav", "/r/sx/a.wav"),
        ("/r/s/../a.wav", "../a.wav"),
        ("a/../b.wav", "a/../b.wav"),
        ("http://x/./a", "http://x/./a"),
    ],
)
def test_a_path_of_a_list_is_made_relative_where_it_can_be(path: str, expected: str) -> None:
    assert relative_path(path, "/r/s") == expected


# the cache


def test_a_second_scan_opens_no_file(tmp_path: Path, make_sound, scanned, no_workers, aged) -> None:
    make_sound("sounds/a.wav")
    make_sound("sounds/b.mp3", 1.0, rate=16000)
    (tmp_path / "sounds" / "bad.wav").write_text("hello")
    aged(*(tmp_path / "sounds").iterdir())
    first = scanned(trim_top_db=40.0)
    no_workers()
    second = scanned(trim_top_db=40.0)
    assert (list(second), second.refused, second.digest) == (list(first), first.refused, first.digest)
    with pytest.raises(AssertionError, match="a worker was started"):
        scanned(trim_top_db=30.0)


def test_a_changed_file_is_read_again(tmp_path: Path, make_sound, scanned, aged) -> None:
    make_sound("sounds/a.wav", 0.5, seed=1)
    aged(tmp_path / "sounds" / "a.wav")
    first = scanned()
    make_sound("sounds/a.wav", 0.5, seed=2)
    second = scanned()
    assert first[0].num_samples == second[0].num_samples
    assert first.digest != second.digest, "the same size and length, other sound"


def test_a_file_that_was_changed_just_now_is_not_kept(make_sound, scanned, no_workers) -> None:
    make_sound("sounds/a.wav")
    scanned()
    no_workers()
    with pytest.raises(AssertionError, match="a worker was started"):
        scanned()


def test_a_broken_cache_is_made_anew(tmp_path: Path, make_sound, scanned, no_workers, aged) -> None:
    make_sound("sounds/a.wav")
    aged(tmp_path / "sounds" / "a.wav")
    digest = scanned().digest
    (database,) = tmp_path.glob("cache/*.sqlite")
    database.write_bytes(b"not a database at all, but longer than one page " * 200)
    assert scanned().digest == digest
    no_workers()
    assert scanned().digest == digest


def test_no_cache_and_any_number_of_jobs_give_the_same(make_sound, scanned) -> None:
    for i in range(40):
        make_sound(f"sounds/{i}.wav", seed=i)
    assert len({scanned(jobs=jobs, keep=keep).digest for jobs in (1, 3) for keep in (False, True)}) == 1


# trimming


@pytest.mark.parametrize("top_db", [20, 40, 60])
@pytest.mark.parametrize("length", [100, 511, 512, 2048, 5000, 16000, 16001])
def test_sound_begins_and_ends_where_librosa_finds_it(top_db: int, length: int) -> None:
    import librosa

    random = np.random.RandomState(length)
    for loud in (slice(0, 0), slice(length // 3, length // 2), slice(0, length), slice(length - 50, length)):
        samples = 1e-4 * random.standard_normal(length)
        samples[loud] *= 1000
        _, (start, end) = librosa.effects.trim(samples, top_db=top_db)
        assert trim_bounds(samples, top_db) == (start, end)


def test_trimmed_recordings_carry_their_bounds_and_silent_ones_are_refused(tmp_path: Path, make_sound, scanned) -> None:
    samples = np.zeros(16000)
    samples[6000:8000] = make_sound("x.wav", 0.125, rate=16000)[:, 0]
    (tmp_path / "sounds").mkdir()
    sf.write(tmp_path / "sounds" / "a.wav", samples, 16000)
    sf.write(tmp_path / "sounds" / "silent.wav", samples * 0, 16000)
    (tmp_path / "list.csv").write_text("path,offset\na.wav,0\na.wav,0.25\nsilent.wav,0\n")
    catalog = scanned(manifest="list.csv", trim_top_db=40.0)
    first, second = (recording.trim for recording in catalog)
    assert first is not None and second is not None
    assert 6000 - 2048 <= first[0] <= 6000 and 8000 <= first[1] <= 8000 + 2048
    assert abs(second[0] - (first[0] - 4000)) < 512
    assert refusals(catalog) == {"silent.wav": "silent: nothing is left after trimming"}
    assert all(recording.trim is None for recording in scanned(manifest="list.csv"))


# impulse responses


def test_a_bad_impulse_response_is_found_once_when_planning(tmp_path: Path, scanned) -> None:
    """B5 and B14: they cost a clip each at render, and one of minutes took gigabytes."""
    rate = 8000
    sounds = {"good": np.eye(1, 100)[0], "silent": np.zeros(100), "long": np.eye(1, 11 * rate)[0]}
    sounds |= {"nan": np.full(100, np.nan), "huge": np.full(100, 1e20), "ten": np.eye(1, 10 * rate)[0]}
    (tmp_path / "sounds").mkdir()
    for name, samples in sounds.items():
        sf.write(tmp_path / "sounds" / f"{name}.wav", samples, rate, subtype="FLOAT")
    lines = [f"{name}.wav,{rate},{len(samples)}" for name, samples in sounds.items()]
    (tmp_path / "list.csv").write_text("\n".join(["path,sampling_rate,num_samples", *lines]))
    for options in ({}, {"manifest": "list.csv"}):
        for _ in range(2):  # the second time from the cache
            catalog = scanned(kind="room", **options)
            assert [room.path for room in catalog] == ["good.wav", "ten.wav"]
            found = refusals(catalog)
            assert found.pop("huge.wav").startswith("nonfinite: it has samples up to 1e+20")
            assert found == {
                "long.wav": "too_long: 11.0 s; the limit is 10 s (for impulse responses)",
                "nan.wav": "nonfinite: it has NaN or infinite samples",
                "silent.wav": "silent: the impulse response is empty, silent or not finite",
            }
    assert len(scanned(limits=Limits(max_speech_s=5), kind="room")) == 1
