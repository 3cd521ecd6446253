"""Randomness as a pure function of (seed, clip id, key): no generator object, no order, no shared state.

Every number is a keyed BLAKE2b hash. The parts are length-prefixed, so that no two keys can be spelled alike.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b

_TWO_53 = 1.0 / (1 << 53)


def _seed_key(seed: int) -> bytes:
    return str(seed).encode()


def uniform01(seed: int, clip_id: str, key: str) -> float:
    """A number in [0, 1) with 53 random bits, the same on every machine and for ever."""
    return clip_draws(seed, clip_id)(key)


def integer_seed(seed: int, clip_id: str, key: str) -> int:
    """A seed in [0, 2**32) for a step that needs a whole random waveform, or that wraps a library's own randomness."""
    return int(clip_draws(seed, clip_id)(key) * (1 << 32))


ClipDraws = Callable[[str], float]


def clip_draws(seed: int, clip_id: str) -> ClipDraws:
    """The draws of one clip: key -> number in [0, 1). Hashes the clip's part once."""
    ident = clip_id.encode()
    base = blake2b(b"%d:%b|" % (len(ident), ident), digest_size=8, key=_seed_key(seed))

    def draw(key: str) -> float:
        state = base.copy()
        state.update(key.encode())
        return (int.from_bytes(state.digest(), "little") >> 11) * _TWO_53

    return draw
