"""Look for damage inside OGG and MP3 files: decoders skip it, and the sound after the gap comes too early.

OGG numbers its pages and has a checksum in each. MP3 has neither, but each frame says how long it is, and most files
say at their start how many frames they have. Of MP3 files only the headers are read, of OGG files everything.
"""

from __future__ import annotations

from synth.audio.containers import ContainerError, ReadAt, is_mpeg_frame, sync_positions, tag_length
from synth.audio.ogg_pages import PAGE_HEADER, page_checksum

_LAST_OF_STREAM = 4


def check_stream(kind: str, read_at: ReadAt, size: int) -> int:
    """Check the pages or frames of a whole file; other kinds have nothing to check.

    Returns:
        The least number of samples that decoding the file must give; 0 if nothing says so.

    Raises:
        ContainerError: corrupt, truncated.
    """
    if kind == "ogg":
        _check_ogg(read_at, size)
    return _check_mp3(read_at, size) if kind == "mp3" else 0


def _check_ogg(read_at: ReadAt, size: int) -> None:
    """Check that every page is whole and follows its predecessor; what comes after the last page does not matter."""
    at = 0
    numbers: dict[int, int] = {}  # of the last page of each stream that goes on
    while at < size:
        page = read_at(at, 27 + 255)
        if len(page) < 27 or not page.startswith(b"OggS\0"):
            if numbers:
                raise ContainerError("corrupt", f"at byte {at} there is no page where one must begin")
            return
        _, _, flags, _, serial, number, checksum = PAGE_HEADER.unpack_from(page)
        begin = 27 + page[26]
        length = begin + sum(page[27:begin])
        page = page[:length] + read_at(at + len(page), length - len(page)) if length > len(page) else page[:length]
        if len(page) < length:
            raise ContainerError("truncated", "the file ends inside a page")
        if page_checksum(page) != checksum:
            raise ContainerError("corrupt", f"the checksum of the page at byte {at} is wrong")
        if serial in numbers and number != (numbers[serial] + 1) & 0xFFFFFFFF:
            text = f"page {number} at byte {at} follows page {numbers[serial]}: pages are missing or out of order"
            raise ContainerError("corrupt", text)
        if flags & _LAST_OF_STREAM:
            numbers.pop(serial, None)
        else:
            numbers[serial] = number
        at += length


_BIT_RATES = {  # kbit/s of layer III by index: MPEG-1, and MPEG-2 and 2.5
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SAMPLE_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_WINDOW = 1 << 16
_FRAMES_LEFT_OUT = 6
"""A decoder leaves out the frame with the promise, and what an encoder put before and after the sound. Measured: 2.0 to
4.0 frames in 15 real files with a promise, none in 4 without."""
_TRAILERS = (b"TAG", b"APETAGEX", b"LYRICSBEGIN")  # ID3v1, APE, Lyrics3: after the last frame


def _check_mp3(read_at: ReadAt, size: int) -> int:
    """Walk from frame to frame to the end of the file, and count them; returns the samples that they must give."""
    at = first = _next_frames(read_at, tag_length(read_at(0, 10)), size)
    if first is None or at is None:
        return 0  # the decoder finds its own way, or says that there is nothing
    promised = _promised_frames(read_at(first, 256))
    frames, window, base = 0, b"", 0
    while at < size:
        if not base <= at <= base + len(window) - 10:
            window, base = read_at(at, _WINDOW), at
        head = window[at - base : at - base + 10]
        if is_mpeg_frame(head):
            length = frame_length(head)
            if length is None:
                return 0  # free format: only the decoder knows how long a frame is
            if at + length > size:
                break
            frames, at = frames + 1, at + length
        elif head[:3] == b"ID3":
            at += tag_length(head)  # files that were put one after the other
        else:
            if not head.startswith(_TRAILERS) and (later := _next_frames(read_at, at, size)) is not None:
                raise ContainerError("corrupt", f"no frame begins at byte {at}, the next one at byte {later}")
            break
    cut = at < size and is_mpeg_frame(read_at(at, 4))
    if promised and frames < promised + cut:
        raise ContainerError("truncated", f"its first frame promises {promised} frames, the file has {frames}")
    if promised and frames > promised + 2:  # the decoder stops where the promise ends
        text = f"its first frame promises {promised} frames, the file has {frames}: files put one after the other?"
        raise ContainerError("corrupt", text)
    if cut and not promised:
        raise ContainerError("truncated", "the file ends inside a frame")
    samples = 1152 if read_at(first, 2)[1] >> 3 & 3 == 3 else 576
    return max(0, frames - _FRAMES_LEFT_OUT) * samples


def frame_length(head: bytes) -> int | None:
    """Bytes of the frame of layer III with this header (4 bytes); None if the header does not say (free format)."""
    version, index = head[1] >> 3 & 3, head[2] >> 4
    bits = _BIT_RATES[version == 3][index] * 1000
    if not bits:
        return None
    rate, padding = _SAMPLE_RATES[version][head[2] >> 2 & 3], head[2] >> 1 & 1
    return (144 if version == 3 else 72) * bits // rate + padding


def _next_frames(read_at: ReadAt, start: int, size: int) -> int | None:
    """Where the next two frames in a row begin (or the last one), at most a window from `start` on."""
    data = read_at(start, _WINDOW)
    for k in sync_positions(data):
        head = data[k : k + 4]
        if is_mpeg_frame(head):
            length = frame_length(head)
            if length is None or start + k + length == size:
                return start + k
            # Two bytes of chance look like a header; one that is followed by a header of the same version and sample
            # rate is one.
            follower = read_at(start + k + length, 4)
            if is_mpeg_frame(follower) and (follower[1] ^ head[1]) & 0x1E == 0 == (follower[2] ^ head[2]) & 0x0C:
                return start + k
    return None


def _promised_frames(frame: bytes) -> int | None:
    """The number of frames that the first one (Xing, Info, VBRI) says follow it; None or 0 if it does not say."""
    is_mono, is_mpeg1 = frame[3] >> 6 == 3, frame[1] >> 3 & 3 == 3
    side_bytes = {(True, True): 17, (False, True): 32, (True, False): 9, (False, False): 17}[is_mono, is_mpeg1]
    tag = frame[4 + side_bytes :]
    if tag[:4] in (b"Xing", b"Info") and len(tag) >= 12 and tag[7] & 1:
        return int.from_bytes(tag[8:12], "big")
    vbri = frame[36:54]
    return int.from_bytes(vbri[14:18], "big") if vbri[:4] == b"VBRI" and len(vbri) == 18 else None
