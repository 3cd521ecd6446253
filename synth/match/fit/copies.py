"""What `fit` refuses besides equal files: dev recordings that are cut, gained, equalised or re-encoded copies of noise
or speech that it trains on, told by their fingerprints (dsp/fingerprint.py)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from synth.audio.read import mix_channels, opened, read_blocks
from synth.catalog.catalog import Catalog
from synth.catalog.near_duplicates import Fingerprinted, find_pairs
from synth.draws import uniform01
from synth.dsp.analysis.fingerprint import FRAME_SECONDS, HOP_SECONDS, Words, fingerprint, seconds_of
from synth.dsp.arrays import Samples
from synth.errors import BadInput, GuardError
from synth.match.fit.guards import file_of
from synth.match.measure.profile import Profile

LEAST_SECONDS = 3.4
"""What two recordings must have in common to be compared (dsp/fingerprint.py: 3.3 s); shorter ones are not decoded."""
MOST_SECONDS: Mapping[str, float] = {"dev": 3600.0, "speech": 7200.0}
"""Of each side that is decoded for it, so that it ends in half a minute; of more, a random part. Noise is decoded and
fingerprinted anyway, so all of it is compared."""
_LEAST_RATE = 4000
_STEP = 1024  # samples
_QUIET = 1e-4  # of the loudest piece's power (our own choice)
_NAMED = 3

Named = dict[str, Words]


def refuse_copies(profile: Profile, speech: Catalog, noise: Catalog, store: Fingerprinted) -> tuple[str, ...]:
    """Raise GuardError where a file of dev shares 3.3 s of sound or more with a recording of the sources.

    Returns:
        Notes on what was not compared. A dev set whose audio is not at hand is not compared at all.
    """
    dev, dev_left = _dev_prints(profile)
    if not dev:
        return ("no audio of dev of 3.4 s or more is at hand: nothing was looked for but equal files",)
    spoken, speech_left = _speech_prints(speech)
    loud = {_told(noise, k): store.fingerprint(k) for k in range(len(noise)) if store.num_samples[k]}
    sides = [dev, loud, spoken]
    names = [name for side in sides for name in side]
    found = []
    for first, second, _, common, _ in find_pairs([words for side in sides for words in side.values()]):
        if first < len(dev) <= second:
            found.append((names[first], names[second], seconds_of(common)))
    if found:
        raise GuardError(_refusal(found))
    left = {"dev": dev_left, "speech": speech_left}
    return tuple(
        f"copies of training recordings were looked for in {MOST_SECONDS[side] / 3600:g} h of the {side}; "
        f"{count} recordings were not compared"
        for side, count in left.items()
        if count
    )


def _refusal(found: Sequence[tuple[str, str, float]]) -> str:
    shown = "; ".join(f"{ours} is a copy of {theirs} ({common:.1f} s)" for ours, theirs, common in found[:_NAMED])
    more = f"; and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    count = len({ours for ours, _, _ in found})
    return (
        f"{count} recordings of the dev set are also in the training sources, cut, gained or coded anew: "
        f"{shown}{more}. What is fitted to them says nothing about new data: take them out of the speech or the noise, "
        "or give another dev set"
    )


def _dev_prints(profile: Profile) -> tuple[Named, int]:
    """Fingerprints of dev's files, and how many were left out for want of time."""
    seconds: dict[str, float] = {}
    for clip in profile.clips:
        path = file_of(profile, clip.path)
        seconds[path] = seconds.get(path, 0.0) + (clip.features.get("duration_s") or 0.0)
    taken, left = _some(seconds, MOST_SECONDS["dev"])
    found = {path: words for path in taken if (words := _print_of(path)) is not None}
    return found, left


def _speech_prints(speech: Catalog) -> tuple[Named, int]:
    rows = {speech.id(k): k for k in range(len(speech))}
    taken, left = _some({name: speech[k].seconds for name, k in rows.items()}, MOST_SECONDS["speech"])
    found: Named = {}
    for name in taken:
        k = rows[name]
        words = _print_of(speech.file(k), offset=speech[k].offset, num_samples=speech[k].num_samples)
        if words is not None:
            found[_told(speech, k)] = words
    return found, left


def _told(catalog: Catalog, index: int) -> str:
    """The file of a recording, and from where on where it is a part of one."""
    row = catalog[index]
    return catalog.file(index) + (f" from {row.offset / row.sample_rate:.1f} s" if row.offset else "")


def _some(seconds: Mapping[str, float], most: float) -> tuple[list[str], int]:
    """Those that are long enough, in an order by chance, until `most` seconds are full; how many did not fit."""
    long = sorted((name for name, each in seconds.items() if each >= LEAST_SECONDS), key=_chance)
    ends = np.cumsum([seconds[name] for name in long])
    count = int(np.searchsorted(ends, most, side="right"))
    return long[: max(1, count)], max(0, len(long) - max(1, count))


def _chance(name: str) -> tuple[float, str]:
    return uniform01(0, name, "copies"), name


def _print_of(path: str, *, offset: int = 0, num_samples: int | None = None) -> Words | None:
    """None where the file is not there, cannot be read, or is too short."""
    try:
        with opened(path) as file:
            if file.header.sample_rate < _LEAST_RATE:
                return None
            blocks = (
                32768 * mix_channels(block, "mean", path)
                for block in read_blocks(file, offset=offset, num_samples=num_samples)
            )
            powers: list[float] = []
            words = _joined(fingerprint(_heard(blocks, powers), sample_rate=file.header.sample_rate))
            return None if words is None else _loud(words, np.array(powers), file.header.sample_rate)
    except (OSError, BadInput):
        return None


def _heard(blocks: Iterator[Samples], powers: list[float]) -> Iterator[Samples]:
    """The blocks in pieces of _STEP samples; the power of each, without what is constant, is noted."""
    left = np.zeros(0)
    for block in blocks:
        left = np.concatenate([left, block])
        whole = left[: len(left) // _STEP * _STEP]
        left = left[len(whole) :]
        powers += np.var(np.diff(whole.reshape(-1, _STEP), axis=1), axis=1).tolist()
        yield whole
    yield left


def _loud(words: Words, powers: npt.NDArray[np.float64], sample_rate: int) -> Words:
    """The words, silence (0) where a frame is more than 40 dB below the loudest piece: many clips have the silence of a
    codec in common. Measured of differences of samples, so that hum does not pass for sound."""
    if not len(powers):
        return words
    first = np.arange(len(words)) * HOP_SECONDS * sample_rate / _STEP
    near = np.clip((first + FRAME_SECONDS * sample_rate / _STEP / 2).astype(int), 0, len(powers) - 1)
    return np.where(powers[near] > powers.max() * _QUIET, words, np.uint32(0))


def _joined(pieces: Iterator[Words]) -> Words | None:
    found = list(pieces)
    return np.concatenate(found) if found else None
