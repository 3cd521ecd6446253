"""What an event is: a frozen dataclass of parameters that makes its own sound."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from synth.dsp.arrays import Samples
from synth.dsp.parameters import Parameter, Parametrized
from synth.units import seconds_to_samples

END_SECONDS = 0.01
"""How long an event fades out at its end, also if the clip ends first."""


class Event(Parametrized):
    """Base of all events. `name` is the label in the manifest.

    The same fields give the same samples, in any process. An event that is cut short sounds like the beginning of the
    complete one.
    """

    __slots__ = ()

    slow_modules = ("scipy.signal",)  # for most of them

    seconds: float
    """How long the event lasts, if the clip does not end before it."""
    seed: int
    """Drawn for the clip, for what is random inside the sound."""

    def __call__(self, num_samples: int, *, sample_rate: int) -> Samples:
        """Make the sound from its onset on.

        Args:
            num_samples: length of the result, at most that of `seconds`; beyond it there is silence.
            sample_rate: Hz.

        Returns:
            float64, shape (num_samples,), from zero to zero, at a peak near 0.1 (a mixer sets its level).
        """
        raise NotImplementedError


def duration(low: float, high: float, *, default: Mapping[str, Any]) -> Parameter:
    """Return the parameter `seconds`, which every event has."""
    return Parameter("how long it lasts", low=low, high=high, unit="s", default=default)


def count_sounding(event: Event, num_samples: int, sample_rate: int) -> int:
    """Return how many of `num_samples` the event fills."""
    return min(num_samples, seconds_to_samples(event.seconds, sample_rate))


def fade_out(sound: Samples, num_samples: int, sample_rate: int) -> Samples:
    """Fade the last 10 ms of a sound to zero, and fill up with silence to `num_samples`.

    Args:
        sound: float64, shape (n,), n <= num_samples; changed in place.
        num_samples: length of the result.
        sample_rate: Hz.
    """
    fade = min(seconds_to_samples(END_SECONDS, sample_rate), len(sound))
    sound[len(sound) - fade :] *= 0.5 + 0.5 * np.cos(math.pi * np.arange(1, fade + 1) / max(fade, 1))
    if len(sound) == num_samples:
        return sound
    return np.concatenate([sound, np.zeros(num_samples - len(sound))])
