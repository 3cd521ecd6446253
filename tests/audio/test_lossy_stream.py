"""B10b: damage inside OGG and MP3 is found, where decoders pass over it and the sound is shorter."""

from __future__ import annotations

import random
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from synth.audio.containers import sniff
from synth.audio.lossy_stream import _next_frames, frame_length
from synth.audio.ogg_pages import page_checksum
from synth.audio.read import count_samples
from synth.catalog.probe import probe
from synth.errors import BadInput

FORMATS = {"v.ogg": "VORBIS", "o.opus": "OPUS", "a.mp3": "MPEG_LAYER_III"}


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("lossy")
    samples = 0.1 * np.random.default_rng(1).standard_normal(3 * 24000)
    for name, subtype in FORMATS.items():
        sf.write(folder / name, samples, 24000, subtype=subtype, format="MP3" if name == "a.mp3" else "OGG")
    return {name: (folder / name).read_bytes() for name in FORMATS}


def refusal(path: Path, data: bytes) -> tuple[str, str]:
    path.write_bytes(data)
    with pytest.raises(BadInput) as caught:
        count_samples(path)
    return caught.value.code, caught.value.message


def pages(data: bytes) -> list[int]:
    """Where the pages of an OGG file begin, and where the last one ends."""
    starts, at = [], 0
    while at < len(data):
        starts.append(at)
        segments = data[at + 26]
        at += 27 + segments + sum(data[at + 27 : at + 27 + segments])
    return [*starts, at]


def frames(data: bytes) -> list[int]:
    """Where the frames of an MP3 file begin, and where the last one ends."""
    at = _next_frames(lambda position, count: data[position : position + count], 0, len(data)) or 0
    starts = []
    while at < len(data):
        starts.append(at)
        at += frame_length(data[at : at + 4]) or 1 << 30
    return [*starts, at]


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_without_damage_is_counted(tmp_path: Path, sounds: dict[str, bytes], name: str) -> None:
    (tmp_path / name).write_bytes(sounds[name])
    assert abs(count_samples(tmp_path / name).num_samples - 72000) < 2000
    assert probe(str(tmp_path / name), str(tmp_path))[2] == count_samples(tmp_path / name).num_samples


@pytest.mark.parametrize("name", ["v.ogg", "o.opus"])
def test_a_page_that_is_missing_twice_or_damaged_is_found(tmp_path: Path, sounds: dict[str, bytes], name: str) -> None:
    data, path = sounds[name], tmp_path / name
    starts = pages(data)
    assert len(starts) > 4
    k = len(starts) - 3  # the page before the last
    at, end = starts[k], starts[k + 1]
    order = f"page {k + 1} at byte {at} follows page {k - 1}: pages are missing or out of order"
    assert refusal(path, data[:at] + data[end:]) == ("corrupt", order)
    order = f"page {k} at byte {end} follows page {k}: pages are missing or out of order"
    assert refusal(path, data[:end] + data[at:]) == ("corrupt", order)
    flipped = data[: end - 5] + bytes([data[end - 5] ^ 1]) + data[end - 4 :]
    assert refusal(path, flipped) == ("corrupt", f"the checksum of the page at byte {at} is wrong")
    text = f"at byte {at} there is no page where one must begin"
    assert refusal(path, data[:at] + b"junk" + data[at:]) == ("corrupt", text)
    assert refusal(path, data[: starts[-2]]) == ("truncated", "the stream stops before its last page")


def test_what_comes_after_the_last_page_does_not_matter(tmp_path: Path, sounds: dict[str, bytes]) -> None:
    (tmp_path / "a.ogg").write_bytes(sounds["v.ogg"] + b"TAG" + bytes(125))
    assert count_samples(tmp_path / "a.ogg").num_samples == 72000


def test_the_checksum_is_that_of_ogg(sounds: dict[str, bytes]) -> None:
    data = sounds["v.ogg"]
    for start, end in zip(pages(data), pages(data)[1:], strict=False):
        assert page_checksum(data[start:end]) == int.from_bytes(data[start + 22 : start + 26], "little")


def test_an_mp3_with_fewer_frames_than_it_promises_is_found(tmp_path: Path, sounds: dict[str, bytes]) -> None:
    data, path = sounds["a.mp3"], tmp_path / "a.mp3"
    starts = frames(data)
    promised = len(starts) - 2  # without the first, which holds the promise
    for end in (starts[5], starts[5] + 10, starts[-2] - 1):
        there = sum(start < end for start in starts) - (end not in starts)
        text = f"its first frame promises {promised} frames, the file has {there}"
        assert refusal(path, data[:end]) == ("truncated", text)


def test_an_mp3_without_promise_that_is_cut_is_found(tmp_path: Path, sounds: dict[str, bytes]) -> None:
    data, path = sounds["a.mp3"], tmp_path / "a.mp3"
    starts = frames(data)
    bare = data[starts[1] :]
    assert refusal(path, bare[:-1]) == ("truncated", "the file ends inside a frame")


def test_an_mp3_of_variable_bit_rate_that_the_decoder_would_cut_is_found(
    tmp_path: Path, sounds: dict[str, bytes]
) -> None:
    """Without the promise in its first frame the decoder stops where it guesses the end."""
    bare = sounds["a.mp3"][frames(sounds["a.mp3"])[1] :]
    code, message = refusal(tmp_path / "a.mp3", bare)
    assert code == "unsupported"
    assert re.fullmatch(r"the decoder gives \d+ samples of \d+ or more; convert it to FLAC or WAV", message)


def test_a_hole_in_an_mp3_is_found(tmp_path: Path, sounds: dict[str, bytes]) -> None:
    data, path = sounds["a.mp3"], tmp_path / "a.mp3"
    starts = frames(data)
    text = f"no frame begins at byte {starts[8]}, the next one at byte {starts[8] + 7}"
    assert refusal(path, data[: starts[8]] + bytes(7) + data[starts[8] :]) == ("corrupt", text)


@pytest.mark.parametrize("tag", [b"TAG" + bytes(125), b"APETAGEX" + bytes(50), bytes(2000), b"LYRICSBEGIN" + bytes(20)])
def test_a_tag_or_padding_behind_an_mp3_does_not_matter(tmp_path: Path, sounds: dict[str, bytes], tag: bytes) -> None:
    (tmp_path / "a.mp3").write_bytes(sounds["a.mp3"] + tag)
    assert count_samples(tmp_path / "a.mp3").num_samples > 70_000


def test_mp3_files_put_one_after_the_other_are_found(tmp_path: Path, sounds: dict[str, bytes]) -> None:
    """The decoder gives the sound of the first one alone."""
    data, tag = sounds["a.mp3"], b"ID3\x04\0\0\0\0\0\x0a" + bytes(10)
    count = len(frames(data)) - 1
    text = f"its first frame promises {count - 1} frames, the file has {2 * count}: files put one after the other?"
    assert refusal(tmp_path / "a.mp3", (tag + data) * 2) == ("corrupt", text)


def test_no_damage_makes_more_than_a_refusal(tmp_path: Path, sounds: dict[str, bytes]) -> None:
    chance = random.Random(3)
    for k in range(150):
        name = chance.choice(list(FORMATS))
        data = bytearray(sounds[name])
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(data))
            data[at : at + chance.choice((0, 1, 50))] = chance.randbytes(chance.choice((0, 1, 50)))
        path = tmp_path / f"{k}_{name}"
        path.write_bytes(data)
        if data == sounds[name]:
            continue
        try:
            count_samples(path)
        except BadInput as error:
            assert error.code in ("corrupt", "truncated", "not_audio", "unsupported", "bad_rate", "empty")
        else:
            assert sniff(bytes(data[:4096])) == "mp3", "each page of an OGG file has a checksum"
