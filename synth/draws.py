"""Random numbers as pure functions of a seed and a key: no global state, no order of calls.

A plan needs single numbers: `uniform01` and `clip_draws` hash (seed, clip id, key) with BLAKE2b. Arrays need numpy
generators: `generator` for statistics, `audio_generator` for sound.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

ClipDraws = Callable[[str], float]
"""The draws of one clip: key -> number in [0, 1)."""

_TWO_53 = 1.0 / (1 << 53)


def uniform01(seed: int, clip_id: str, key: str) -> float:
    """Draw a number in [0, 1) with 53 random bits: the same on every machine and in every version."""
    return clip_draws(seed, clip_id)(key)


def integer_seed(seed: int, clip_id: str, key: str) -> int:
    """Draw a seed in [0, 2**32) for a step that makes a random waveform or wraps a library's own randomness."""
    return int(clip_draws(seed, clip_id)(key) * (1 << 32))


def clip_draws(seed: int, clip_id: str) -> ClipDraws:
    """Return the draws of one clip. A plan draws many numbers per clip, so the clip's part is hashed only once."""
    encoded_id = clip_id.encode()
    # the id is preceded by its length, so that no two pairs (clip id, key) hash the same bytes
    base = blake2b(b"%d:%b|" % (len(encoded_id), encoded_id), digest_size=8, key=str(seed).encode())

    def draw(key: str) -> float:
        state = base.copy()
        state.update(key.encode())
        return (int.from_bytes(state.digest(), "little") >> 11) * _TWO_53

    return draw


def generator(seed: int, key: str, number: int = 0) -> np.random.Generator:
    """Return the random generator of one step of a statistic; steps with different keys are independent.

    Args:
        seed: the user's seed.
        key: `module.step`, such as "two_sample.fold"; no two steps share one.
        number: which of several equal steps it is (a repeat, a side).
    """
    import numpy as np  # takes 0.1 s to import, and `synth --help` loads this module

    digest = blake2b(f"{key}/{number}".encode(), digest_size=16, key=str(seed).encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))


def audio_generator(seed: int, purpose: int = 0) -> np.random.Generator:
    """Return the random generator of one part of a synthesized sound.

    Its stream is frozen: a clip must sound the same in every version. New statistics use `generator`.

    Args:
        seed: of the sound, drawn by the plan (0 to 2**32 - 1).
        purpose: which part of the sound it serves. Parts with different numbers are independent, so that, for
            example, rain does not change the road noise.
    """
    import numpy as np

    return np.random.Generator(np.random.Philox(key=[seed, purpose]))
