"""What a decoder may do to the process that it runs in; called by name in the worker processes of a pool."""

from __future__ import annotations

import errno
import os
import signal
import time
from pathlib import Path
from typing import Any

from synth.errors import BadInput


def answer(path: str, number: int) -> tuple[str, int, int]:
    return path, number, os.getpid()


def misbehave(path: str, how: str) -> str:
    if how == "abort":
        os.abort()
    if how == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    if how == "hang":
        time.sleep(1000)
    if how == "eat memory":
        return str(len(bytearray(8 << 30)))
    if how == "eio":
        raise OSError(errno.EIO, os.strerror(errno.EIO), path)
    if how == "refuse":
        raise BadInput("not_audio", path, "no")
    if how == "mistake":
        raise KeyError("a mistake of ours")
    if how == "talk":
        os.write(1, b"noise on stdout")
        os.write(2, b"noise on stderr")
    return how


def die_at_first(path: str, marker: str) -> str:
    """As a process that the kernel kills for want of memory, which is no fault of the file."""
    if not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "came through"


def read_and_measure(path: str) -> tuple[str, int]:
    """(what became of it, peak memory of the process in MB)."""
    from synth.audio.read import count_samples, read_samples

    try:
        count_samples(path)
        samples, _ = read_samples(path)
        outcome = f"ok {len(samples)}"
    except BadInput as error:
        outcome = error.code
    return outcome, peak_megabytes()


def peak_megabytes() -> int:
    """The most memory that this process has had. Not ru_maxrss: that counts what its parent had when it forked."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


def profile_and_measure(path: str) -> tuple[dict[str, Any], int]:
    """(what `synth profile` measures of a file, peak memory of the process in MB)."""
    from synth.match.measure.profiler import measure_file

    return measure_file(path, None, 0.0, None), peak_megabytes()


def own_snr_and_measure(path: str, place: Any) -> tuple[float | None, int]:
    """(own SNR of a segment of speech, peak memory of the process in MB)."""
    from synth.commands.noisy_speech import measure_own_snr

    return measure_own_snr(path, place, "a"), peak_megabytes()
