"""A clip in a page: a player and a spectrogram, both embedded in the page."""

from __future__ import annotations

import base64
import io
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Final

import numpy as np

from synth.audio.read import read_header, read_samples
from synth.dsp.arrays import Samples
from synth.errors import BadInput
from synth.report.png import png

MAX_SECONDS: Final = 10.0
_HEIGHT, _MAX_WIDTH = 128, 640  # pixels
_WINDOW_S, _HOP_S = 0.032, 0.010
_RANGE_DB = 80.0
_COLORS = 64
_HEAT = np.array([(0, 0, 4), (66, 10, 104), (147, 38, 103), (221, 81, 58), (252, 165, 10), (252, 255, 164)], float)
_PART = re.compile(r"#t=([0-9.]+)(?:,([0-9.]+))?$")


@dataclass(frozen=True, slots=True)
class ClipSound:
    """The first seconds of a clip, to be embedded in a page."""

    audio: bytes  # FLAC
    picture: bytes  # spectrogram, PNG
    seconds: float  # length of the clip
    shown_s: float  # length of `audio`
    sample_rate: int  # Hz

    @property
    def cut_note(self) -> str:
        """How much of the clip there is; empty if it is complete."""
        if self.shown_s >= self.seconds - 0.01:
            return ""
        return f"the first {self.shown_s:g} of {self.seconds:.1f} s"


def sound_of(root: str, path: str, *, max_seconds: float = MAX_SECONDS) -> ClipSound | str:
    """Read a clip; if that is not possible, return the reason.

    Args:
        root: folder that `path` counts from.
        path: relative or absolute, with `#t=from,to` (seconds) for a part of a file.
        max_seconds: longer clips are cut.
    """
    part = _PART.search(path)
    first, last = (float(part[1]), part[2]) if part else (0.0, None)
    file = os.fspath(Path(root) / (path[: part.start()] if part else path))
    try:
        header = read_header(file)
        rate = header.sample_rate
        start = round(first * rate)
        length = (round(float(last) * rate) if last else header.num_samples) - start
        samples, _ = read_samples(file, offset=start, num_samples=min(length, round(max_seconds * rate)))
    except (BadInput, OSError, ValueError) as error:
        return str(error)
    if not len(samples):
        return "the file is empty"
    return ClipSound(_flac(samples, rate), spectrogram(samples, rate), length / rate, len(samples) / rate, rate)


def card(clip: Mapping[str, Any], sound: ClipSound | str, *, score: str) -> str:
    """Return a figure of a clip of a comparison (as in its JSON). `score`: what the clip's number means."""
    lines = [f"<strong>{escape(clip['path'])}</strong>", f"{escape(score)} {clip['score']:g}"]
    if clip["odd"]:
        lines.append(f"unlike the other set: {escape(clip['odd'])}")
    player = ""
    if isinstance(sound, str):
        lines.append(f"cannot be played: {escape(sound)}")
    else:
        player = picture_and_player(clip["path"], sound)
        lines += [sound.cut_note] if sound.cut_note else []
    return f'<figure class="clip">{player}<figcaption>{"<br>".join(lines)}</figcaption></figure>'


def picture_and_player(name: str, sound: ClipSound) -> str:
    """Return the spectrogram above the player, both as data in the page."""
    name = escape(name)
    picture, audio = (base64.b64encode(data).decode() for data in (sound.picture, sound.audio))
    title = f"Spectrogram of {name}, 0 to {sound.sample_rate / 2000:g} kHz"
    return (
        f'<img alt="{title}" src="data:image/png;base64,{picture}">'
        f'<audio controls preload="metadata" aria-label="{name}" src="data:audio/flac;base64,{audio}"></audio>'
    )


def spectrogram(samples: Samples, sample_rate: int) -> bytes:
    """Draw a spectrogram as a PNG: 0 Hz at the bottom, half the rate at the top, 80 dB from the loudest point down.

    Args:
        samples: float64, shape (n,), full scale 1.0.
        sample_rate: Hz.
    """
    size = 2 * (_HEIGHT * max(1, round(_WINDOW_S * sample_rate / 2 / _HEIGHT)))
    hop = max(round(_HOP_S * sample_rate), -(-len(samples) // _MAX_WIDTH))
    padded = np.pad(samples, (0, max(0, size - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop] * np.hanning(size)
    power = np.abs(np.fft.rfft(frames)[:, 1:]) ** 2
    power = power.reshape(len(power), _HEIGHT, -1).mean(axis=2)
    levels = 10 * np.log10(power + 1e-12).T[::-1]
    heat = np.clip((levels - np.percentile(levels, 99.8)) / _RANGE_DB + 1, 0, 1) * (_COLORS - 1)
    at = np.linspace(0, len(_HEAT) - 1, _COLORS)
    palette = np.stack([np.interp(at, np.arange(len(_HEAT)), _HEAT[:, k]) for k in range(3)], axis=1)
    return png(heat.astype(np.uint8), palette.astype(np.uint8))


def _flac(samples: Samples, sample_rate: int) -> bytes:
    """Encode in 16 bits, turned down if it would clip."""
    import soundfile as sf

    file = io.BytesIO()
    pcm = np.rint(samples / max(1.0, float(np.abs(samples).max())) * 32767).astype(np.int16)
    sf.write(file, pcm, sample_rate, format="FLAC", subtype="PCM_16")
    return file.getvalue()
