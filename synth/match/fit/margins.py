"""Margins of cases: how much noise alone there is before and after the speech."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from synth.lists.cases import Case
from synth.match.fit.microphone import quantile_of
from synth.match.measure.profile import ClipProfile

_TOLERANCE = 0.05  # of the share without speech, as in a comparison
_MAX_SECONDS = 60.0  # range of a case


def with_margins(cases: Sequence[Case], dev: Sequence[ClipProfile], simulated: Sequence[ClipProfile]) -> list[Case]:
    """Margins from the share without speech, if dev clearly has another than the simulated clips.

    The pauses inside the speech are taken to be those of the recipe's speech, and both margins to be alike.

    Args:
        cases: one per clip of dev.
        dev: clips of dev.
        simulated: simulated clips, whose true margins are known.
    """
    pauses = []
    for clip in simulated:
        share, length = clip.features.get("nonspeech_share"), clip.features.get("duration_s")
        if share is not None and length and clip.truth and length > (margins := clip.truth["margins_s"]):
            pauses.append((share * length - margins) / (length - margins))
    theirs, ours = quantile_of(dev, "nonspeech_share"), quantile_of(simulated, "nonspeech_share")
    if not pauses or theirs is None or ours is None or abs(theirs - ours) <= _TOLERANCE:
        return list(cases)
    pause = min(max(float(np.median(pauses)), 0.0), 0.9)
    changed = []
    for case, clip in zip(cases, dev, strict=True):
        share, length = clip.features.get("nonspeech_share"), clip.features.get("duration_s")
        if share is not None and length is not None:
            each = length * (share - pause) / (1 - pause) / 2
            each = round(min(max(each, 0.0), _MAX_SECONDS), 3)
            case = replace(case, before_s=each, after_s=each)  # noqa: PLW2901
        changed.append(case)
    return changed
