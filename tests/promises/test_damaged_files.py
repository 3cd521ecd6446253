"""Files of every format with flipped bytes, extreme numbers in their headers, and cuts."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from synth.audio.read import read_samples
from synth.errors import BadInput
from synth.processes.pool import Pool

FORMATS = {
    "a.wav": "PCM_16",
    "f.wav": "FLOAT",
    "u.wav": "ULAW",
    "a.rf64": "PCM_16",
    "a.w64": "PCM_16",
    "a.aiff": "PCM_24",
    "a.au": "PCM_16",
    "a.caf": "PCM_16",
    "a.flac": "PCM_16",
    "v.ogg": "VORBIS",
    "o.ogg": "OPUS",
    "a.mp3": "MPEG_LAYER_III",
}
EXTREMES = (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f")


def damaged(data: bytes, chance: random.Random) -> bytes:
    out = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(min(len(out), 120) if chance.random() < 0.7 else len(out))
        if chance.random() < 0.3:
            out[at : at + 4] = chance.choice(EXTREMES)
        else:
            out[at] = chance.randrange(256)
    return bytes(out[: chance.randrange(len(out))] if chance.random() < 0.2 else out)


def test_damage_of_any_kind_is_read_or_refused_in_bounded_memory(tmp_path: Path, make_sound) -> None:
    chance, tasks = random.Random(2), []
    for name, subtype in FORMATS.items():
        make_sound(name, 0.25, rate=16000, channels=2, subtype=subtype)
        data = (tmp_path / name).read_bytes()
        for k in range(40):
            (tmp_path / f"{k}_{name}").write_bytes(damaged(data, chance))
            tasks.append((str(tmp_path / f"{k}_{name}"),))
    with Pool(jobs=2) as pool:
        answers = [answer for _, answer in pool.map("tests.processes.hostile:read_and_measure", tasks, timeout_s=60)]
    assert len(answers) == len(tasks)
    assert not [answer for answer in answers if isinstance(answer, BadInput)], "none crashed or hung"
    outcomes = {outcome.split()[0] for outcome, _ in answers}
    assert {"ok", "truncated", "corrupt", "not_audio", "unsupported", "bad_rate"} <= outcomes <= {"ok", *BadInput.CODES}
    assert max(megabytes for _, megabytes in answers) < 150


def test_a_chunk_that_ends_beyond_any_file_is_no_error_of_ours(tmp_path: Path, make_sound) -> None:
    make_sound("a.w64", subtype="PCM_16")
    data = bytearray((tmp_path / "a.w64").read_bytes())
    data[40 + 16 : 40 + 24] = b"\xff" * 8  # the size of the first chunk
    (tmp_path / "a.w64").write_bytes(data)
    with pytest.raises(BadInput, match="truncated: the file ends before its data chunk"):
        read_samples(tmp_path / "a.w64")
