"""What a fit refuses besides equal files: dev recordings that are copies of noise or speech that it trains on.

A copy may be cut, louder or softer, equalized or encoded again; its acoustic fingerprint gives it away
(synth/dsp/analysis/fingerprint.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from synth.audio.read import mix_channels, opened, read_blocks
from synth.catalog.catalog import Catalog
from synth.catalog.near_duplicates import Fingerprinted, find_pairs
from synth.draws import uniform01
from synth.dsp.analysis.fingerprint import FRAME_SECONDS, HOP_SECONDS, Words, compute_fingerprint, seconds_of
from synth.dsp.arrays import Samples
from synth.errors import BadInput, GuardError
from synth.match.fit.guards import SHARED_ADVICE, file_of
from synth.match.measure.profile import Profile
from synth.text import count_of, listed

LEAST_SECONDS = 3.4
"""Shorter recordings are not decoded: a fingerprint needs 3.3 s in common."""
MAX_SECONDS: Mapping[str, float] = {"dev": 3600.0, "speech": 7200.0}
"""Of each side, so that it takes half a minute at most; of more, a random part is decoded. Noise is decoded and
fingerprinted anyway, so all of it is compared."""

_LEAST_RATE = 4000
_BLOCK = 1024  # samples whose power is measured
# Frames 40 dB below the loudest block count as silence: many clips have the silence of a codec in common.
_SILENCE_SHARE = 1e-4
_MAX_NAMED = 3


def refuse_copies(profile: Profile, speech: Catalog, noise: Catalog, store: Fingerprinted) -> tuple[str, ...]:
    """Refuse a dev set of which a file shares 3.3 s of sound or more with a recording of the sources.

    Args:
        profile: of dev. Nothing is compared if its audio is not here.
        speech: the recordings of speech.
        noise: the recordings of noise.
        store: the decoded noise.

    Returns:
        Notes on what was not compared.

    Raises:
        GuardError: there are such files; the message names some.
    """
    dev_seconds: dict[str, float] = {}
    for clip in profile.clips:
        path = file_of(profile, clip.path)
        dev_seconds[path] = dev_seconds.get(path, 0.0) + (clip.features.get("duration_s") or 0.0)
    dev_paths, dev_skipped = _choose(dev_seconds, MAX_SECONDS["dev"])
    dev = {path: words for path in dev_paths if (words := fingerprint_file(path)) is not None}
    if not dev:
        return ("no audio of dev of 3.4 s or more is here: dev was compared with the sources for equal files only",)
    rows = {speech.id(k): k for k in range(len(speech))}
    speech_names, speech_skipped = _choose({name: speech[k].seconds for name, k in rows.items()}, MAX_SECONDS["speech"])
    sources = {_name(noise, k): store.audio_fingerprint(k) for k in range(len(noise)) if store.num_samples[k]}
    for k in (rows[name] for name in speech_names):
        words = fingerprint_file(speech.file(k), offset=speech[k].offset, num_samples=speech[k].num_samples)
        if words is not None:
            sources[_name(speech, k)] = words
    names = [*dev, *sources]
    copies = []
    for first, second, _, common, _ in find_pairs([*dev.values(), *sources.values()]):
        if first < len(dev) <= second:
            copies.append((names[first], f"{names[first]} is a copy of {names[second]} ({seconds_of(common):.1f} s)"))
    if copies:
        count = len({path for path, _ in copies})
        shown = listed([text for _, text in copies], _MAX_NAMED, separator="; ")
        raise GuardError(
            f"{count_of(count, 'recording')} of the dev set {'is' if count == 1 else 'are'} also in the training "
            f"sources, cut, with another gain or encoded again: {shown}. {SHARED_ADVICE}"
        )
    return tuple(
        f"copies of training recordings: {MAX_SECONDS[side] / 3600:g} h of the {side} were compared; not "
        f"compared: {count_of(count, 'recording')}"
        for side, count in (("dev", dev_skipped), ("speech", speech_skipped))
        if count
    )


def fingerprint_file(path: str, *, offset: int = 0, num_samples: int | None = None) -> Words | None:
    """The fingerprint of a file or a part of it, 0 where it is silent; None if it cannot be read or is too short.

    Args:
        path: of the file.
        offset: first sample.
        num_samples: None: to the end.
    """
    try:
        with opened(path) as file:
            rate = file.header.sample_rate
            if rate < _LEAST_RATE:
                return None
            blocks = (
                32768 * mix_channels(block, "mean", path)
                for block in read_blocks(file, offset=offset, num_samples=num_samples)
            )
            powers: list[float] = []
            parts = list(compute_fingerprint(_with_powers(blocks, powers), sample_rate=rate))
    except (OSError, BadInput):
        return None
    if not parts or not powers:
        return np.concatenate(parts) if parts else None
    words = np.concatenate(parts)
    starts = np.arange(len(words)) * HOP_SECONDS * rate / _BLOCK
    middles = (starts + FRAME_SECONDS * rate / _BLOCK / 2).astype(int)
    power = np.array(powers)
    is_loud = power[np.clip(middles, 0, len(power) - 1)] > power.max() * _SILENCE_SHARE
    return np.where(is_loud, words, np.uint32(0))


def _with_powers(blocks: Iterable[Samples], powers: list[float]) -> Iterator[Samples]:
    """The samples in multiples of _BLOCK; the power of each block is appended to `powers`.

    It is that of the differences of samples, so that hum does not pass for sound.
    """
    rest = np.zeros(0)
    for block in blocks:
        rest = np.concatenate([rest, block])
        complete = rest[: len(rest) // _BLOCK * _BLOCK]
        rest = rest[len(complete) :]
        powers += np.var(np.diff(complete.reshape(-1, _BLOCK), axis=1), axis=1).tolist()
        yield complete
    yield rest


def _name(catalog: Catalog, index: int) -> str:
    """The file of a recording, and where it starts if it is a part of the file."""
    row = catalog[index]
    return catalog.file(index) + (f" from {row.offset / row.sample_rate:.1f} s" if row.offset else "")


def _choose(seconds: Mapping[str, float], limit: float) -> tuple[list[str], int]:
    """(random names of recordings that are long enough, `limit` seconds together; how many did not fit)."""
    names = sorted(
        (name for name, each in seconds.items() if each >= LEAST_SECONDS),
        key=lambda name: (uniform01(0, name, "copies"), name),
    )
    ends = np.cumsum([seconds[name] for name in names])
    count = max(1, int(np.searchsorted(ends, limit, side="right")))
    return names[:count], max(0, len(names) - count)
