"""B14: what the MP3 decoder prints does not litter stderr, and nothing else is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from synth.audio.decoder_notes import dropped_decoder_notes
from synth.audio.read import count_samples, read_samples
from synth.errors import BadInput


def test_lines_of_the_decoder_are_dropped_and_others_are_passed_on(capfd: pytest.CaptureFixture[str]) -> None:
    with dropped_decoder_notes():
        os.write(2, b"\nNote: Illegal Audio-MPEG-Header 0x00000000 at offset 4711.\nNote: Trying to resync...\n")
        os.write(2, b"[src/libmpg123/layer3.c:INT123_do_layer3():1801] error: dequantization failed!\n")
        os.write(2, b"Warning: Xing stream size off by more than 1%, fuzzy seeking may be even more fuzzy!\n")
        print("an error of another thread", file=sys.stderr, flush=True)
    print("after", file=sys.stderr, flush=True)
    assert capfd.readouterr().err == "an error of another thread\nafter\n"


def test_blocks_may_nest_and_an_error_restores_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), dropped_decoder_notes(), dropped_decoder_notes():
        os.write(2, b"Note: inner\n")
        raise ZeroDivisionError
    os.write(2, b"Note: outside\n")
    assert capfd.readouterr().err == "Note: outside\n"


def test_a_damaged_mp3_prints_nothing(tmp_path: Path, make_sound, capfd: pytest.CaptureFixture[str]) -> None:
    make_sound("a.mp3", 2.0, rate=16000, subtype="MPEG_LAYER_III")
    data = bytearray((tmp_path / "a.mp3").read_bytes())
    data[1500:1600] = bytes(100)
    data[2500:2900] = b"\xff" * 400
    (tmp_path / "a.mp3").write_bytes(data)
    with pytest.raises(BadInput):
        count_samples(tmp_path / "a.mp3")
    try:
        read_samples(tmp_path / "a.mp3", num_samples=20_000)
    except BadInput as error:
        assert error.code in ("corrupt", "truncated")
    assert capfd.readouterr().err == ""


def test_a_process_without_stderr_reads(tmp_path: Path, make_sound) -> None:
    make_sound("a.mp3", 1.0, rate=16000, subtype="MPEG_LAYER_III")
    code = "import sys; from synth.audio.read import read_samples; print(len(read_samples(sys.argv[1])[0]))"
    command = ["sh", "-c", 'exec "$@" 2>&-', "sh", sys.executable, "-c", code, tmp_path / "a.mp3"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout == "16000\n"
