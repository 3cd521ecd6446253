"""Read audio files that nobody vouches for.

The order is always the same: the path (inside its root, a regular file), the first bytes (containers.py), then
libsndfile in bounded blocks. Every refusal is a BadInput with a code.

Wherever a path is taken it may also be that of a member of an archive (synth/archives/member_path.py). Its bytes are
read in place, and the checks and the decoder see nothing else of the archive.
"""

# Paths are strings here, thousands of them: to make a Path of each costs more than the call itself.
# ruff: noqa: PTH118

from __future__ import annotations

import functools
import io
import math
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
import soundfile as sf

from synth import files
from synth.archives.member_path import open_window
from synth.archives.window import Window, WindowFile
from synth.audio.containers import HEAD_BYTES, ContainerError, check_form, examine, sniff
from synth.audio.decoder_notes import dropped_decoder_notes
from synth.audio.file_identity import Beat, FileIdentity, difference, file_sha256, window_identity
from synth.audio.lossy_stream import check_stream
from synth.audio.sequential import SequentialSoundFile
from synth.dsp.arrays import Samples
from synth.errors import BadInput
from synth.text import is_utf8, printable

__all__ = [
    "AudioFile",
    "Channels",
    "Header",
    "audio_path",
    "check_finite",
    "check_identity",
    "count_samples",
    "inside",
    "mix_channels",
    "opened",
    "opened_descriptor",
    "opened_window",
    "path_complaint",
    "read_blocks",
    "read_header",
    "read_samples",
    "sniff",
]

Channels: TypeAlias = Literal["mean", "first"] | int
"""How many channels become one: their mean, the first, or one by its number (0 is the first)."""

MAX_FILE_SECONDS: Final = 86_400.0
"""No file is decoded for longer than a day of sound."""
ROUNDING_SECONDS: Final = 0.01
"""Lists round durations: a segment may end this much after its file, and is then filled up with zeros."""

_BLOCK = 1 << 20  # samples (of all channels together) decoded at a time: 8 MB
_COPIED_BYTES = 1 << 20
"""A member of an archive up to here is read at once and decoded in memory. Otherwise libsndfile calls Python for each
small read, which takes a tenth of the time of decoding a short clip."""
_INTEGER = ("PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "ULAW", "ALAW")
_CAN_BE_NONFINITE = frozenset(("FLOAT", "DOUBLE", "VORBIS", "OPUS", "MPEG_LAYER_III"))
_CODINGS = _CAN_BE_NONFINITE.union(_INTEGER)
_LOSSY = frozenset(("ogg", "mp3"))
_UNKNOWN = 1 << 62
BEYOND_ANY_SCALE: Final = 100.0
"""The largest sample that is accepted (full scale is 1.0, so this is +40 dBFS). Files of floats go some 10 or 20 dB
beyond full scale if nobody watched the mixer. Larger samples are damage (one bit of an exponent), or integers stored as
floats, which would be read 90 dB too loud: one such sample turns the rest of its clip into silence."""
LEADS_OUT: Final = "it leads out of the folder of its source; name the folder it leads to as a source"


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says about itself."""

    format: str  #: the container, as `sniff` names it
    sample_rate: int  #: Hz
    channels: int
    num_samples: int  #: of one channel; 0: unknown
    exact: bool  #: whether `num_samples` is more than a guess


@dataclass(frozen=True, slots=True)
class AudioFile:
    """An open file that passed all checks that need no decoding."""

    path: str  #: for messages
    window: Window  #: its bytes
    header: Header
    sound: sf.SoundFile  #: the decoder
    head: bytes  #: the first bytes of the file
    position: Callable[[], int]  #: how far the decoder has read, bytes

    @property
    def identity(self) -> FileIdentity:
        """What a plan records of it."""
        return window_identity(self.window)

    def skip(self, count: int) -> None:
        """Go to sample `count` of a file of which nothing was read yet. Raises BadInput: corrupt, truncated."""
        for _ in read_blocks(self, num_samples=_go_to(self, count)):
            pass


def audio_path(root: str | os.PathLike[str], relative: str) -> str:
    """The absolute path of `relative` below `root`, by its spelling alone: the disk is not touched.

    Raises:
        BadInput: forbidden_path, for anything but a plain relative path (see `path_complaint`).
    """
    complaint = path_complaint(relative)
    if complaint:
        raise BadInput("forbidden_path", printable(relative), complaint, "scan")
    return os.path.join(root, relative)


def path_complaint(path: str) -> str | None:
    """What is wrong with a path relative to a root, by its spelling; None if nothing is.

    Lists come from anywhere. A path must not reach out of its root, nor be something that a library (sox, ffmpeg,
    smart_open) would run or download.
    """
    if not path or path.isspace():
        return "an empty path"
    if "\0" in path or "\n" in path or "\r" in path:
        return "a NUL or a line break in the path"
    if path.startswith("/") or path[1:3] == ":\\":
        return "an absolute path outside the root of its source"
    if path.rstrip().endswith("|") or path.startswith("|") or "://" in path or path.startswith("pipe:"):
        return "a command or a URL, not a file"
    if ".." in path.split("/"):
        return "a path with '..'"
    return None if is_utf8(path) else "a name that is not UTF-8"


@functools.lru_cache(maxsize=4096)
def _real_folder(folder: str) -> str:
    return os.path.realpath(folder)


def inside(path: str, root: str, *, keep: bool = True) -> bool:
    """Whether `path`, with all links followed, is in `root`. `keep`: the answer for a folder may be remembered."""
    real, base = _real_folder(path) if keep else os.path.realpath(path), _real_folder(root)
    return real == base or real.startswith(base if base.endswith("/") else base + "/")


def _open(path: str, root: str | None) -> Window:
    if root is not None and not inside(path, root, keep=False):
        raise BadInput("forbidden_path", path, LEADS_OUT)
    try:
        with files.reading(path):
            return open_window(path)
    except (FileNotFoundError, NotADirectoryError):
        raise BadInput("missing", path, "no such file") from None
    except (OSError, ValueError) as error:
        code = "missing" if isinstance(error, PermissionError) else "forbidden_path"
        raise BadInput(code, path, f"it cannot be opened: {getattr(error, 'strerror', None) or error}") from None


@contextmanager
def opened(path: str | os.PathLike[str], *, root: str | None = None) -> Iterator[AudioFile]:
    """Open a file, or a member of an archive, for decoding.

    Args:
        path: of the file, or a member path.
        root: links that lead out of this folder are refused; None: they may lead anywhere.

    Raises:
        BadInput: missing, forbidden_path, not_audio, unsupported, truncated, corrupt, empty, bad_rate, bad_channels;
            and changed_during_run if the file was written to when the block ends.
    """
    name = os.fspath(path)
    with opened_window(_open(name, root), name) as file:
        yield file


@contextmanager
def opened_descriptor(descriptor: int, name: str) -> Iterator[AudioFile]:
    """Decode a regular file that is open already; `name` is for messages. Closes it at the end. Raises as `opened`."""
    with opened_window(Window.of_file(descriptor), name) as file:
        yield file


@contextmanager
def opened_window(window: Window, name: str) -> Iterator[AudioFile]:
    """Decode the bytes of a window; `name` is for messages. Closes its descriptor at the end. Raises as `opened`."""
    descriptor = window.descriptor
    try:
        before = os.fstat(descriptor)
        try:
            with files.reading(name):
                if window.is_member and window.data is None and window.size <= _COPIED_BYTES:
                    window = Window(descriptor, window.start, window.size, window.read_at(0, window.size))
                kind, head = _admit(window)
            with _decoder(window, kind) as (sound, position):
                header = _header(kind, sound)
                yield AudioFile(name, window, header, sound, head, position)
        except ContainerError as error:
            raise BadInput(error.code, name, error.message) from None
        except sf.LibsndfileError as error:
            _check_readable(window, name)
            raise BadInput("corrupt", name, f"the decoder refuses it: {_decoder_message(error)}") from None
        after = os.fstat(descriptor)
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise BadInput("changed_during_run", name, "it was written to while it was read")
    finally:
        os.close(descriptor)


def _check_readable(window: Window, path: str) -> None:
    """Read a file that is about to be blamed: decoders report a broken disk as a broken file. Raises StorageError."""
    position, block = 0, 1 << 20
    with files.reading(path):
        while count := len(window.read_at(position, block)):
            position += count


def _decoder_message(error: sf.LibsndfileError) -> str:
    text = str(error.error_string).strip().removeprefix("Error : ").rstrip(".")
    # its message about an MP3 file without a whole frame
    return "there is nothing in it to decode" if "possibly a pipe" in text else text


def _admit(window: Window) -> tuple[str, bytes]:
    """The container, checked against the list, and the first bytes."""
    head = window.read_at(0, HEAD_BYTES)
    kind = sniff(head)
    if kind is None:
        raise ContainerError("not_audio", "the file is empty" if not head else "not a format that is read here")

    def read_at(position: int, count: int) -> bytes:
        if position + count <= len(head):
            return head[position : position + count]
        return window.read_at(position, count)

    examine(kind, read_at, window.size)
    return kind, head


@contextmanager
def _decoder(window: Window, kind: str) -> Iterator[tuple[sf.SoundFile, Callable[[], int]]]:
    """The decoder, and a function that says how far it has read."""
    member: io.BytesIO | WindowFile | None = None
    if window.data is not None:
        member = io.BytesIO(window.data)
    elif window.is_member:
        member = WindowFile(window)
    with _decoding(kind):
        sound = SequentialSoundFile(window.descriptor if member is None else member, closefd=False)
    try:
        yield sound, member.tell if member else functools.partial(os.lseek, window.descriptor, 0, os.SEEK_CUR)
    finally:
        with _decoding(kind):
            sound.close()


def _decoding(kind: str) -> AbstractContextManager[None]:
    """Around each call of the decoder: that of MP3 prints on stderr."""
    return dropped_decoder_notes() if kind == "mp3" else nullcontext()


def _header(kind: str, sound: sf.SoundFile) -> Header:
    if sound.subtype not in _CODINGS:
        raise ContainerError("unsupported", f"coding {sound.subtype}")
    check_form(sound.samplerate, sound.channels)
    frames = sound.frames
    has_length = 0 < frames < _UNKNOWN
    if frames == 0 and kind not in _LOSSY:
        raise ContainerError("empty", "it holds no samples")
    is_exact = has_length and kind not in _LOSSY  # lengths of lossy files are guessed from their size
    return Header(kind, sound.samplerate, sound.channels, frames if has_length else 0, is_exact)


def read_header(path: str | os.PathLike[str], *, root: str | None = None) -> Header:
    """Read and check the header, without decoding. Arguments and errors as for `opened`."""
    with opened(path, root=root) as file:
        return file.header


def mix_channels(block: Samples, channels: Channels, path: str) -> Samples:
    """Make one channel of several.

    Args:
        block: shape (n, channels), full scale 1.0.
        channels: the policy.
        path: for messages.

    Returns:
        Shape (n,), full scale 1.0.

    Raises:
        BadInput: bad_channels, if there is no such channel.
    """
    if block.shape[1] == 1 and channels in ("mean", "first", 0):
        return block[:, 0]
    if channels == "mean":
        with np.errstate(all="ignore"):  # damaged files of floats hold anything; `check_finite` names them
            return np.asarray(block.mean(axis=1))
    number = 0 if channels == "first" else int(channels)
    if number >= block.shape[1]:
        raise BadInput("bad_channels", path, f"channel {number} (from 0) was asked for, it has {block.shape[1]}")
    return np.ascontiguousarray(block[:, number])


def read_blocks(
    file: AudioFile,
    *,
    offset: int = 0,
    num_samples: int | None = None,
    block: int | None = None,
    beat: Beat | None = None,
) -> Iterator[Samples]:
    """Decode a segment in blocks; they end early if the file does.

    Lossy formats are decoded from their start, since seeking in them gives other samples than reading does.

    Args:
        file: of which nothing was read yet.
        offset: where the segment begins, in samples.
        num_samples: of the segment; None: to the end of the file.
        block: samples per block at most; None: as many as fit into 8 MB.
        beat: called for each block that is decoded, also for one that is thrown away.

    Yields:
        Shape (n, channels), float64, full scale 1.0.

    Raises:
        BadInput: corrupt, truncated.
    """
    block = block or max(1, _BLOCK // file.sound.channels)
    remaining = _UNKNOWN if num_samples is None else num_samples
    skip = _go_to(file, offset)
    while remaining > 0:
        data = _decode(file, min(block, remaining + skip))
        if not len(data):
            return
        if beat is not None:
            beat()
        data, skip = data[skip:], max(0, skip - len(data))
        remaining -= len(data)
        if len(data):
            yield data


def _go_to(file: AudioFile, offset: int) -> int:
    """Seek if that is exact; returns the number of samples to throw away if it is not."""
    if offset and file.header.exact:
        file.sound.seek(min(offset, file.header.num_samples))
        return 0
    return offset


def _decode(file: AudioFile, count: int) -> Samples:
    try:
        with _decoding(file.header.format):
            return np.asarray(file.sound.read(count, dtype="float64", always_2d=True))
    except sf.LibsndfileError as error:
        _check_readable(file.window, file.path)
        if file.position() >= file.window.size:
            text = f"the sound breaks off at the end of the file: {_decoder_message(error)}"
            raise BadInput("truncated", file.path, text) from None
        raise BadInput("corrupt", file.path, f"the decoder gives up: {_decoder_message(error)}") from None


def count_samples(path: str | os.PathLike[str], *, root: str | None = None) -> Header:
    """The header of a file, with the number of samples counted by decoding if the file's own number is a guess.

    Such formats are the lossy ones, in which the decoder skips damage as well: it is looked for (lossy_stream.py).

    Raises:
        BadInput: as `opened`; and corrupt, truncated, unsupported, empty, too_long (more than a day).
    """
    with opened(path, root=root) as file:
        head = file.header
        if head.exact:
            return head

        at_least = check_stream(head.format, file.window.read_at, file.window.size)
        total, cap = 0, int(MAX_FILE_SECONDS * head.sample_rate)
        for data in read_blocks(file):
            total += len(data)
            if total > cap:
                raise BadInput("too_long", file.path, f"longer than {MAX_FILE_SECONDS:.0f} s", "scan")
        if not total:
            raise BadInput("empty", file.path, "it holds no samples")
        if total < at_least:  # MP3 of variable bit rate whose length the decoder only guesses
            text = f"the decoder gives {total} samples of {at_least} or more; convert it to FLAC or WAV"
            raise BadInput("unsupported", file.path, text)
        return Header(head.format, head.sample_rate, head.channels, total, True)


def read_samples(
    path: str | os.PathLike[str],
    *,
    offset: int = 0,
    num_samples: int | None = None,
    channels: Channels = "mean",
    max_seconds: float = 3600.0,
    root: str | None = None,
    sample_rate: int | None = None,
    identity: FileIdentity | None = None,
    sha256: str | None = None,
    beat: Beat | None = None,
) -> tuple[Samples, int]:
    """Read one segment of a file as mono.

    Args:
        path: of the file.
        offset: where the segment begins, in samples of the file.
        num_samples: of the segment; None: to the end of the file. A segment that ends up to 10 ms after the file is
            filled up with zeros, since lists round durations.
        channels: how several channels become one.
        max_seconds: of the segment; more is refused.
        root: links that lead out of this folder are refused.
        sample_rate: Hz, that the plan was made with; another is refused.
        identity: of the file that the plan was made with; another is refused.
        sha256: of that file, hex, if it is known: a file that was only touched is the same.
        beat: called for each block.

    Returns:
        Samples, shape (num_samples,), float64, full scale 1.0; and the sample rate of the file, Hz.

    Raises:
        BadInput: as `opened`; and too_long, truncated, corrupt, nonfinite, changed_during_run, bad_row.
    """
    with opened(path, root=root) as file:
        check_identity(file, identity, sha256, beat)
        if sample_rate not in (None, file.header.sample_rate):
            text = f"the list says {sample_rate} Hz, the file has {file.header.sample_rate} Hz"
            raise BadInput("bad_row", file.path, text)
        count = num_samples
        if count is None:
            length = file.header.num_samples if file.header.exact else count_samples(file.path).num_samples
            count = max(0, length - offset)
        # before anything is allocated
        if count > math.floor(max_seconds * file.header.sample_rate):
            seconds = count / file.header.sample_rate
            raise BadInput("too_long", file.path, f"{seconds:.1f} s; the limit is {max_seconds:g} s")
        if count == 0:
            raise BadInput("empty", file.path, "no samples are left to read")
        samples = _read_mono(file, offset, count, channels, beat)
        if (missing := count - len(samples)) > 0:
            is_rounding = missing <= ROUNDING_SECONDS * file.header.sample_rate
            if num_samples is None or not len(samples) or not is_rounding:
                end = offset + len(samples)
                text = f"the sound ends at sample {end}, {missing} before what was promised"
                raise BadInput("truncated", file.path, text)
            samples = np.concatenate([samples, np.zeros(missing)])
        check_finite(file, samples)
        return samples, file.header.sample_rate


def _read_mono(file: AudioFile, offset: int, count: int, channels: Channels, beat: Beat | None) -> Samples:
    if (count + (0 if file.header.exact else offset)) * file.sound.channels <= _BLOCK:
        # in one call: what costs most in a short segment is Python
        skip = _go_to(file, offset)
        return mix_channels(_decode(file, count + skip)[skip:], channels, file.path)
    samples, end = np.empty(count), 0
    for data in read_blocks(file, offset=offset, num_samples=count, beat=beat):
        samples[end : end + len(data)] = mix_channels(data, channels, file.path)
        end += len(data)
    return samples[:end]


def check_identity(
    file: AudioFile, planned: FileIdentity | None, sha256: str | None = None, beat: Beat | None = None
) -> None:
    """Check that an open file is the one that was planned with.

    Args:
        file: the open file.
        planned: its identity when the plan was made; None: not recorded, so nothing is checked.
        sha256: its hash then, hex, if it is known: a file that was only touched is the same.
        beat: called for each block that is hashed.

    Raises:
        BadInput: changed_during_run.
    """
    if planned is None:
        return
    with files.reading(file.path):
        present = file.identity
    change = difference(planned, present)
    may_be_touched = planned.content == present.content and sha256 is not None
    if change and not (may_be_touched and file_sha256(file.path, beat=beat) == sha256):
        raise BadInput("changed_during_run", file.path, f"it is not the file that was planned with: {change}")


def check_finite(file: AudioFile, samples: Samples, step: str = "render") -> None:
    """Check decoded samples of a file, full scale 1.0, of any shape.

    Raises:
        BadInput: nonfinite, for NaN, infinity, or a sample above BEYOND_ANY_SCALE.
    """
    if file.sound.subtype not in _CAN_BE_NONFINITE or not samples.size:
        return
    peak = max(float(samples.max()), -float(samples.min()))  # NaN survives in both
    if peak <= BEYOND_ANY_SCALE:
        return
    if not math.isfinite(peak):
        raise BadInput("nonfinite", file.path, "it has NaN or infinite samples", step)
    text = (
        f"it has samples up to {peak:.3g}, full scale is 1.0, and nothing real is above {BEYOND_ANY_SCALE:g}: the file "
        "is damaged, or holds integers as floats (divide them by 32768)"
    )
    raise BadInput("nonfinite", file.path, text, step)
