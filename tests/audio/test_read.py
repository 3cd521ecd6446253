from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given
from hypothesis import strategies as st

from synth.audio import read as audio_file
from synth.audio.file_identity import file_sha256
from synth.audio.read import audio_path, count_samples, opened, path_complaint, read_header, read_samples
from synth.errors import BadInput
from tests.tars import write_tar

FORMATS = {
    "u8.wav": "PCM_U8",
    "s16.wav": "PCM_16",
    "s24.wav": "PCM_24",
    "s32.wav": "PCM_32",
    "f32.wav": "FLOAT",
    "f64.wav": "DOUBLE",
    "alaw.wav": "ALAW",
    "ulaw.wav": "ULAW",
    "a.rf64": "PCM_16",
    "a.w64": "PCM_16",
    "a.aiff": "PCM_24",
    "a.au": "PCM_16",
    "a.caf": "PCM_16",
    "s8.flac": "PCM_S8",
    "s16.flac": "PCM_16",
    "s24.flac": "PCM_24",
    "vorbis.ogg": "VORBIS",
    "opus.ogg": "OPUS",
    "a.mp3": "MPEG_LAYER_III",
}


def refusal(path: object, **options: object) -> tuple[str, str]:
    with pytest.raises(BadInput) as caught:
        read_samples(path, **options)  # type: ignore[arg-type]
    return caught.value.code, caught.value.message


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("channels", [1, 2])
def test_a_file_is_read_as_soundfile_reads_it_whole(tmp_path: Path, make_sound, name: str, channels: int) -> None:
    truth = make_sound(name, 1.0, rate=16000, channels=channels, subtype=FORMATS[name])
    samples, rate = read_samples(tmp_path / name)
    assert rate == 16000
    assert samples.dtype == np.float64
    # soundfile seeks before it reads, which sets back the state of the MP3 decoder
    assert np.abs(samples - truth.mean(axis=1)).max() <= (1e-6 if name == "a.mp3" else 0)
    assert count_samples(tmp_path / name).num_samples == len(truth)


@pytest.mark.parametrize("name", FORMATS)
def test_a_segment_is_a_slice_of_the_whole_to_the_bit(tmp_path: Path, make_sound, name: str) -> None:
    make_sound(name, 3.0, rate=16000, subtype=FORMATS[name])
    truth = read_samples(tmp_path / name)[0]
    for offset, count in ((0, 100), (12_345, 20_000), (40_000, 1)):
        samples, _ = read_samples(tmp_path / name, offset=offset, num_samples=count)
        assert np.array_equal(samples, truth[offset : offset + count])


@pytest.mark.parametrize("name", FORMATS)
def test_many_small_blocks_give_what_one_read_gives(tmp_path: Path, make_sound, monkeypatch, name: str) -> None:
    make_sound(name, 2.0, rate=16000, channels=2, subtype=FORMATS[name])

    def both() -> tuple[np.ndarray, np.ndarray]:
        some = read_samples(tmp_path / name, offset=5001, num_samples=9000, channels=1)[0]
        return read_samples(tmp_path / name)[0], some

    expected = both()
    monkeypatch.setattr(audio_file, "_BLOCK", 1000)
    for found, at_once in zip(both(), expected, strict=True):
        assert np.array_equal(found, at_once)


def test_channels_are_chosen_by_policy(tmp_path: Path, make_sound) -> None:
    truth = make_sound("a.wav", channels=3)
    for policy, expected in (("mean", truth.mean(axis=1)), ("first", truth[:, 0]), (2, truth[:, 2])):
        assert np.array_equal(read_samples(tmp_path / "a.wav", channels=policy)[0], expected)
    assert refusal(tmp_path / "a.wav", channels=3) == ("bad_channels", "channel 3 (from 0) was asked for, it has 3")


def flac_with_total(path: Path, total: int) -> None:
    """Write the number of samples into a FLAC file's header."""
    data = bytearray(path.read_bytes())
    packed = int.from_bytes(data[18:26], "big") >> 36 << 36 | total
    data[18:26] = packed.to_bytes(8, "big")
    path.write_bytes(data)


def test_a_flac_file_that_does_not_know_its_length_is_counted(tmp_path: Path, make_sound) -> None:
    truth = make_sound("a.flac", 5.0, rate=16000)[:, 0]
    flac_with_total(tmp_path / "a.flac", 0)
    assert not read_header(tmp_path / "a.flac").exact
    assert count_samples(tmp_path / "a.flac").num_samples == len(truth)
    assert np.array_equal(read_samples(tmp_path / "a.flac")[0], truth)
    assert np.array_equal(read_samples(tmp_path / "a.flac", offset=70_000, num_samples=99)[0], truth[70_000:70_099])
    assert refusal(tmp_path / "a.flac", max_seconds=4.9) == ("too_long", "5.0 s; the limit is 4.9 s")


def test_a_lying_header_is_held_against_the_cap_or_found_out(tmp_path: Path, make_sound) -> None:
    make_sound("a.flac", 1.0)
    flac_with_total(tmp_path / "a.flac", (1 << 36) - 1)
    assert refusal(tmp_path / "a.flac") == ("too_long", "8589934.6 s; the limit is 3600 s")
    flac_with_total(tmp_path / "a.flac", 16_000)
    assert refusal(tmp_path / "a.flac")[0] == "truncated"


def test_a_list_may_be_up_to_10_ms_wrong_about_the_end(tmp_path: Path, make_sound) -> None:
    truth = make_sound("a.wav", 0.5, rate=8000)[:, 0]
    samples, _ = read_samples(tmp_path / "a.wav", offset=1000, num_samples=3080)
    assert np.array_equal(samples, np.concatenate([truth[1000:], np.zeros(80)]))
    short = refusal(tmp_path / "a.wav", offset=1000, num_samples=3081)
    assert short == ("truncated", "the sound ends at sample 4000, 81 before what was promised")
    assert refusal(tmp_path / "a.wav", offset=4000, num_samples=10)[0] == "truncated"
    assert refusal(tmp_path / "a.wav", offset=4000) == ("empty", "no samples are left to read")


def test_only_the_file_that_was_planned_with_is_read(tmp_path: Path, make_sound) -> None:
    make_sound("a.wav", seed=1)
    with opened(tmp_path / "a.wav") as file:
        identity = file.identity
    read_samples(tmp_path / "a.wav", identity=identity, sample_rate=8000)
    assert refusal(tmp_path / "a.wav", sample_rate=16000) == ("bad_row", "the list says 16000 Hz, the file has 8000 Hz")
    make_sound("a.wav", seed=2)
    text = "it is not the file that was planned with: its first or last 4096 bytes have changed"
    assert refusal(tmp_path / "a.wav", identity=identity) == ("changed_during_run", text)


def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path: Path, make_sound) -> None:
    make_sound("a.wav")
    with pytest.raises(BadInput, match="changed_during_run: it was written to while it was read"):  # noqa: SIM117
        with opened(tmp_path / "a.wav"), (tmp_path / "a.wav").open("ab") as other:
            other.write(b"more")
            other.flush()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_one_sample_that_is_no_number_is_found(tmp_path: Path, value: float, subtype: str) -> None:
    samples = np.zeros(5000)
    samples[4321] = value
    sf.write(tmp_path / "a.wav", samples, 16000, subtype=subtype)
    assert refusal(tmp_path / "a.wav") == ("nonfinite", "it has NaN or infinite samples")


@pytest.mark.parametrize("value", [1e20, -1e20, 101.0, 32767.0])
@pytest.mark.parametrize("channels", [1, 2])
def test_one_sample_beyond_any_scale_is_found(tmp_path: Path, value: float, channels: int) -> None:
    """B2: 1e20 is finite, but its square is not."""
    samples = np.zeros((5000, channels))
    samples[4321] = value
    sf.write(tmp_path / "a.wav", samples, 16000, subtype="FLOAT")
    assert refusal(tmp_path / "a.wav") == (
        "nonfinite",
        f"it has samples up to {abs(value):.3g}, full scale is 1.0, and nothing real is above 100: the file is damaged, "
        "or holds integers as floats (divide them by 32768)",
    )


def test_sound_far_beyond_full_scale_is_read(tmp_path: Path) -> None:
    sf.write(tmp_path / "a.wav", np.array([0.1, -99.0, 99.0]), 16000, subtype="FLOAT")
    assert read_samples(tmp_path / "a.wav")[0].max() == 99.0


def test_infinities_of_both_signs_are_found(tmp_path: Path) -> None:
    sf.write(tmp_path / "a.wav", np.array([np.inf, -np.inf, 0.5]), 16000, subtype="DOUBLE")
    assert refusal(tmp_path / "a.wav")[0] == "nonfinite"


@pytest.mark.parametrize(
    ("name", "share", "code"),
    [
        ("a.wav", 0.5, "truncated"),
        ("a.w64", 0.5, "truncated"),
        ("a.rf64", 0.5, "truncated"),
        ("a.aiff", 0.5, "truncated"),
        ("a.au", 0.5, "truncated"),
        ("a.caf", 0.99, "truncated"),
        ("a.flac", 0.5, "truncated"),
        ("vorbis.ogg", 0.5, "truncated"),
        ("opus.ogg", 0.5, "truncated"),
    ],
)
def test_a_cut_file_is_not_read_as_a_shorter_one(
    tmp_path: Path, make_sound, name: str, share: float, code: str
) -> None:
    make_sound(name, 3.0, rate=16000, subtype=FORMATS.get(name, "PCM_16"))
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: int(len(data) * share)])
    assert refusal(tmp_path / name)[0] == code


def test_a_cut_mp3_is_shorter_than_what_was_planned(tmp_path: Path, make_sound) -> None:
    make_sound("a.mp3", 3.0, rate=16000)
    count = count_samples(tmp_path / "a.mp3").num_samples
    data = (tmp_path / "a.mp3").read_bytes()
    (tmp_path / "a.mp3").write_bytes(data[: len(data) // 2])
    assert refusal(tmp_path / "a.mp3", num_samples=count)[0] == "truncated"


def test_a_bit_that_flipped_in_a_flac_file_is_found(tmp_path: Path, make_sound) -> None:
    make_sound("a.flac", 3.0, rate=16000)
    data = bytearray((tmp_path / "a.flac").read_bytes())
    data[len(data) // 3] ^= 4
    (tmp_path / "a.flac").write_bytes(data)
    assert refusal(tmp_path / "a.flac")[0] in ("corrupt", "truncated")


def test_names_of_all_kinds_are_read(tmp_path: Path, make_sound) -> None:
    for name in (
        "имя с пробелом ü 数字.wav",
        "-rf.wav",
        "u\u0308.wav",
        "\u00fc.wav",
        "a'\"$(x);.wav",
        "x" * 251 + ".wav",
    ):
        truth = make_sound(name)
        assert np.array_equal(read_samples(tmp_path / name, root=str(tmp_path))[0], truth[:, 0])
    raw = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.wav")
    Path(raw).write_bytes((tmp_path / "-rf.wav").read_bytes())
    assert len(read_samples(raw)[0]) == 4000


# where files may lie


def test_what_is_no_regular_file_inside_the_root_is_refused(tmp_path: Path, make_sound) -> None:
    root = tmp_path / "root"
    make_sound("root/in.wav")
    make_sound("outside.wav")
    (root / "out.wav").symlink_to(tmp_path / "outside.wav")
    (root / "in_link.wav").symlink_to(root / "in.wav")
    (root / "loop.wav").symlink_to("loop.wav")
    (root / "gone.wav").symlink_to("nowhere.wav")
    (root / "zero.wav").symlink_to("/dev/zero")
    (root / "folder.wav").mkdir()
    (root / "sub").symlink_to(tmp_path)
    os.mkfifo(root / "pipe.wav")

    def code(name: str) -> str:
        return refusal(root / name, root=str(root))[0]

    assert len(read_samples(root / "in_link.wav", root=str(root))[0]) == 4000
    found = {
        name: code(name) for name in ("out.wav", "zero.wav", "folder.wav", "pipe.wav", "sub/outside.wav", "loop.wav")
    }
    assert set(found.values()) == {"forbidden_path"}, found
    assert code("gone.wav") == code("in.wav/x") == code("none.wav") == "missing"
    leads_out = "it leads out of the folder of its source; name the folder it leads to as a source"
    assert refusal(root / "out.wav", root=str(root)) == ("forbidden_path", leads_out)


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        ("/etc/passwd", "an absolute path outside the root of its source"),
        ("C:\\x.wav", "an absolute path outside the root of its source"),
        ("../x.wav", "a path with '..'"),
        ("a/../../x.wav", "a path with '..'"),
        ("sox a.wav -t wav - |", "a command or a URL, not a file"),
        ("| rm -rf x", "a command or a URL, not a file"),
        ("pipe:cat a.wav", "a command or a URL, not a file"),
        ("s3://bucket/a.wav", "a command or a URL, not a file"),
        ("file:///etc/passwd", "a command or a URL, not a file"),
        ("a\0.wav", "a NUL or a line break in the path"),
        ("a\n.wav", "a NUL or a line break in the path"),
        ("", "an empty path"),
        ("  ", "an empty path"),
        ("\udcff.wav", "a name that is not UTF-8"),
    ],
)
def test_paths_that_no_list_may_name(path: str, complaint: str) -> None:
    with pytest.raises(BadInput) as caught:
        audio_path("/root", path)
    assert (caught.value.code, caught.value.message) == ("forbidden_path", complaint)


PIECES = st.sampled_from(
    ["a", "..", ".", "", "/", "//", "\0", "~", "$HOME", "|", "proc", "self", "root", "ü", "\udc80", "..."]
)


@given(st.lists(PIECES, max_size=8).map("/".join) | st.lists(PIECES, max_size=8).map("".join) | st.text(max_size=20))
def test_no_spelling_of_an_accepted_path_leaves_the_root(path: str) -> None:
    if path_complaint(path) is None:
        plain = os.path.normpath(audio_path("/some/folder", path))
        assert plain == "/some/folder" or plain.startswith("/some/folder/")
        path.encode()


# others


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment)


def test_bombs_take_no_more_memory_than_their_bound(tmp_path: Path) -> None:
    """Silence packs 700 to 3200 times: in eight channels of 24 bits, of a length that is not known, or that is a lie."""
    quiet = tmp_path / "quiet.flac"
    with sf.SoundFile(quiet, "w", 8000, 8, subtype="PCM_24") as out:
        for _ in range(18):
            out.write(np.zeros((100 * 8000, 8), np.int16))
    unknown, lie = tmp_path / "unknown.flac", tmp_path / "lie.flac"
    for path, total in ((unknown, 0), (lie, (1 << 36) - 1)):
        path.write_bytes(quiet.read_bytes())
        flac_with_total(path, total)
    code = (
        "import sys; from synth.audio.read import *; from synth.errors import BadInput\n"
        "from tests.processes.hostile import peak_megabytes\n"
        "for path, seconds in zip(sys.argv[1::2], sys.argv[2::2]):\n"
        "    try: print(len(read_samples(path, max_seconds=float(seconds))[0]))\n"
        "    except BadInput as error: print(error.code)\n"
        "print(peak_megabytes())"
    )
    arguments = [str(quiet), "600", str(unknown), "600", str(lie), "1e6", str(quiet), "1800"]
    done = run(code, *arguments)
    *outcomes, megabytes = done.stdout.split()
    assert outcomes == ["too_long", "too_long", "too_long", str(1800 * 8000)]
    assert int(megabytes) < 115 + 150, "half an hour in one channel is 115 MB, in eight 920 MB"
    done = run(code, *arguments[:6])
    assert int(done.stdout.split()[-1]) < 150


def test_messages_name_the_file_and_hold_no_other_path(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("hello")
    with pytest.raises(BadInput, match=re.escape(f"{tmp_path}/text.wav: not_audio: not a format that is read here")):
        read_samples(tmp_path / "text.wav")


@pytest.mark.parametrize("name", FORMATS)
def test_a_member_of_a_tar_is_read_as_its_file_to_the_bit(tmp_path: Path, make_sound, name: str) -> None:
    make_sound(name, 3.0, rate=16000, channels=2, subtype=FORMATS[name])
    data = (tmp_path / name).read_bytes()
    archive = write_tar(tmp_path / "a.tar", [("before.wav", data[:100]), (f"sub/{name}", data), ("after", b"x" * 9999)])
    file, member = tmp_path / name, archive / "sub" / name
    assert read_header(member) == read_header(file)
    assert count_samples(member) == count_samples(file)
    assert file_sha256(member) == file_sha256(file) == hashlib.sha256(data).hexdigest()
    for segment in ({}, {"offset": 12_345, "num_samples": 20_000, "channels": 1}):
        assert np.array_equal(read_samples(member, **segment)[0], read_samples(file, **segment)[0])
    with opened(member) as one, opened(file) as other:
        assert one.identity.content == other.identity.content
        assert one.identity.mtime_ns == archive.stat().st_mtime_ns


@pytest.mark.parametrize("name", ["s16.wav", "s16.flac", "vorbis.ogg", "a.mp3"])
def test_a_cut_member_does_not_go_on_into_the_next_one(tmp_path: Path, make_sound, name: str) -> None:
    make_sound(name, 1.0, rate=16000, subtype=FORMATS[name])
    data = (tmp_path / name).read_bytes()
    half = len(data) // 2
    cut = data[:half]
    (tmp_path / f"cut_{name}").write_bytes(cut)
    archive = write_tar(tmp_path / "a.tar", [(name, cut), ("rest", data[half:])])
    with pytest.raises(BadInput) as alone:
        count_samples(tmp_path / f"cut_{name}"), read_samples(tmp_path / f"cut_{name}")
    with pytest.raises(BadInput) as member:
        count_samples(archive / name), read_samples(archive / name)
    assert (member.value.code, member.value.message) == (alone.value.code, alone.value.message)


def test_an_archive_that_changes_while_a_member_is_read_is_refused(tmp_path: Path, make_sound) -> None:
    make_sound("a.wav")
    archive = write_tar(tmp_path / "a.tar", [("a.wav", (tmp_path / "a.wav").read_bytes())])
    with (
        pytest.raises(BadInput, match="changed_during_run"),
        opened(archive / "a.wav"),
        archive.open("ab") as other,
    ):
        other.write(bytes(512))
        other.flush()


def test_a_link_in_front_of_a_member_must_stay_in_the_root(tmp_path: Path, make_sound) -> None:
    make_sound("a.wav")
    (tmp_path / "root").mkdir()
    archive = write_tar(tmp_path / "a.tar", [("a.wav", (tmp_path / "a.wav").read_bytes())])
    (tmp_path / "root" / "l.tar").symlink_to(archive)
    with pytest.raises(BadInput, match="forbidden_path"):
        read_header(tmp_path / "root" / "l.tar" / "a.wav", root=str(tmp_path / "root"))
    assert read_header(tmp_path / "root" / "l.tar" / "a.wav", root=str(tmp_path)).sample_rate == 8000
