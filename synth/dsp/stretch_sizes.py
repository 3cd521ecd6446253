"""The lengths that the kernel of WSOLA works with; it gets them as an array, in the order of the fields."""

from __future__ import annotations

from typing import Final, NamedTuple

_COARSE_RATE: Final = 4000  # Hz; parts are compared at about this rate first


class Sizes(NamedTuple):
    """What the kernel needs to know besides the sound; all in samples."""

    match: int  # what is compared at a joint; longer than the period of a low voice
    fade: int  # of a joint
    step: int  # between places where a joint is considered
    least_jump: int
    drift: int  # so far from its place the sound is joined even where nothing is similar
    block: int  # of the search for onsets
    factor: int  # between the fine and the coarse samples
    lead: int  # zeros before and after the rounded sound
    bits: int  # of the greatest rounded sample; a sum of `match` products fits 31 bits

    @classmethod
    def at(cls, sample_rate: int) -> Sizes:
        """Return the sizes at a rate in Hz."""
        match = round(0.016 * sample_rate)
        factor = max(sample_rate // _COARSE_RATE, 1)
        return cls(
            match=match,
            fade=round(0.008 * sample_rate),
            step=round(0.0025 * sample_rate),
            least_jump=round(0.0025 * sample_rate),
            drift=round(0.008 * sample_rate),
            block=round(0.001 * sample_rate),
            factor=factor,
            lead=-(-2 * match // factor) * factor,
            bits=min((30 - match.bit_length()) // 2, 14),
        )
