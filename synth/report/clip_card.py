"""A clip in a page: a player and a spectrogram, both inside the page itself."""

from __future__ import annotations

import base64
import io
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from synth.audio.read import read_header, read_samples
from synth.dsp.arrays import Samples
from synth.errors import BadInput
from synth.report.png import Pixels, png

SECONDS = 10.0
"""What is longer is cut."""
_HEIGHT, _MOST_WIDE = 128, 640
_WINDOW_S, _HOP_S = 0.032, 0.010
_RANGE_DB = 80.0
_COLOURS = 64
_HEAT = np.array([(0, 0, 4), (66, 10, 104), (147, 38, 103), (221, 81, 58), (252, 165, 10), (252, 255, 164)], float)
_FRAGMENT = re.compile(r"#t=([0-9.]+)(?:,([0-9.]+))?$")


@dataclass(frozen=True, slots=True)
class Sound:
    """The first seconds of a clip: `audio` as FLAC, `picture` as PNG, `seconds` of the whole clip."""

    audio: bytes
    picture: bytes
    seconds: float
    shown_s: float
    sample_rate: int


def sound_of(root: str, path: str, *, most_s: float = SECONDS) -> Sound | str:
    """A clip of a profile: `path` relative to `root` or absolute, with `#t=from,to` (seconds) for a part of a file.

    `most_s`: what is longer is cut to so many seconds.

    Returns:
        In words why it cannot be heard, where the file is gone or can no longer be read.
    """
    found = _FRAGMENT.search(path)
    first, last = (float(found[1]), found[2]) if found else (0.0, None)
    full = Path(root) / (path[: found.start()] if found else path)
    try:
        header = read_header(os.fspath(full))
        rate, start = header.sample_rate, round(first * header.sample_rate)
        whole = (round(float(last) * rate) if last else header.num_samples) - start
        samples, _ = read_samples(os.fspath(full), offset=start, num_samples=min(whole, round(most_s * rate)))
    except (BadInput, OSError, ValueError) as error:
        return str(error)
    if not len(samples):
        return "the file is empty"
    return Sound(_flac(samples, rate), spectrogram(samples, rate), whole / rate, len(samples) / rate, rate)


def card(clip: Mapping[str, Any], sound: Sound | str, *, score: str) -> str:
    """The clip (as in a comparison's JSON) with its player; `score` says what its number means."""
    lines = [f"<strong>{escape(clip['path'])}</strong>", f"{escape(score)} {clip['score']:g}"]
    if clip["odd"]:
        lines.append(f"unlike the other set: {escape(clip['odd'])}")
    if isinstance(sound, str):
        lines.append(f"not to be heard: {escape(sound)}")
        return f'<figure class="clip"><figcaption>{"<br>".join(lines)}</figcaption></figure>'
    if sound.shown_s < sound.seconds - 0.01:
        lines.append(f"the first {sound.shown_s:g} of {sound.seconds:.1f} s")
    said = f"<figcaption>{'<br>'.join(lines)}</figcaption>"
    return f'<figure class="clip">{picture_and_player(clip["path"], sound)}{said}</figure>'


def picture_and_player(name: str, sound: Sound) -> str:
    """The spectrogram above the player, both as data in the page."""
    name = escape(name)
    return (
        f'<img alt="Spectrogram of {name}, 0 to {sound.sample_rate / 2000:g} kHz" '
        f'src="{_data("image/png", sound.picture)}">'
        f'<audio controls preload="metadata" aria-label="{name}" src="{_data("audio/flac", sound.audio)}"></audio>'
    )


def spectrogram(samples: Samples, sample_rate: int) -> bytes:
    """From 0 Hz at the bottom to half the rate at the top, 80 dB from the loudest down; a PNG."""
    size = 2 * (_HEIGHT * max(1, round(_WINDOW_S * sample_rate / 2 / _HEIGHT)))
    hop = max(round(_HOP_S * sample_rate), -(-len(samples) // _MOST_WIDE))
    padded = np.pad(samples, (0, max(0, size - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop] * np.hanning(size)
    power = np.abs(np.fft.rfft(frames)[:, 1:]) ** 2
    power = power.reshape(len(power), _HEIGHT, -1).mean(axis=2)
    levels = 10 * np.log10(power + 1e-12).T[::-1]
    heat = np.clip((levels - np.percentile(levels, 99.8)) / _RANGE_DB + 1, 0, 1) * (_COLOURS - 1)
    return png(heat.astype(np.uint8), _palette())


def _palette() -> Pixels:
    at = np.linspace(0, len(_HEAT) - 1, _COLOURS)
    mixed = [np.interp(at, np.arange(len(_HEAT)), _HEAT[:, k]) for k in range(3)]
    return np.stack(mixed, axis=1).astype(np.uint8)


def _flac(samples: Samples, sample_rate: int) -> bytes:
    """16 bits; turned down where it would clip."""
    import soundfile as sf

    held = io.BytesIO()
    pcm = np.rint(samples / max(1.0, float(np.abs(samples).max())) * 32767).astype(np.int16)
    sf.write(held, pcm, sample_rate, format="FLAC", subtype="PCM_16")
    return held.getvalue()


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
