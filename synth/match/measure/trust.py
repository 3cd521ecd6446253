"""What can be believed of measured clips: which SNR, and what of a whole set."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from synth.match.measure.profile import ClipProfile

DISTRUSTED = ("trimmed", "non_stationary")
"""Flags of clips whose SNR, and the levels that follow from it, are not to be trusted."""

_MOST = 0.5  # more clips than these make a set untrustworthy: its median clip is then flagged


@dataclass(frozen=True, slots=True)
class Trust:
    """Shares of the clips of a set that are flagged, and what of the set can be matched therefore."""

    non_stationary: float  # share of the clips
    trimmed: float  # share of the clips
    without_snr: float  # share of the clips whose SNR is unknown or flagged

    @property
    def snr(self) -> bool:
        """Whether the distribution of the SNR can be matched."""
        return max(self.non_stationary, self.trimmed, self.without_snr) <= _MOST

    @property
    def spectrum(self) -> bool:
        """Whether the noise spectrum can be matched: that of noise made of events is the one of the gaps between."""
        return self.non_stationary <= _MOST


def trust_in(clips: Sequence[ClipProfile]) -> Trust:
    """What can be believed of these clips."""
    count = max(1, len(clips))
    return Trust(
        non_stationary=sum("non_stationary" in clip.flags for clip in clips) / count,
        trimmed=sum("trimmed" in clip.flags for clip in clips) / count,
        without_snr=sum(trusted_snr(clip) is None for clip in clips) / count,
    )


def is_trusted(clip: ClipProfile) -> bool:
    """Whether the clip has none of the flags in DISTRUSTED."""
    return not any(flag in DISTRUSTED for flag in clip.flags)


def measured_snr(clip: ClipProfile) -> float | None:
    """The SNR in dB as measured, flagged or not; None if there is none."""
    value = clip.features.get("snr_db")
    return float(value) if value is not None and math.isfinite(value) else None


def trusted_snr(clip: ClipProfile) -> float | None:
    """The SNR in dB; None if it is unknown or flagged."""
    return measured_snr(clip) if is_trusted(clip) else None
