"""trim: cut the silence before and after the speech."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from synth.dsp.arrays import Samples
from synth.dsp.effects.effect import Effect
from synth.dsp.parameters import Parameter


@dataclass(frozen=True, slots=True)
class Trim(Effect):
    """Keep `num_samples` from sample `start` on (None: to the end).

    A recipe gives `top_db` alone. The catalog measures the bounds with `librosa.effects.trim`, and the plan fills them
    in. They count in samples of the recording at its own rate, so trim comes first, before any resampling.
    """

    name = "trim"
    main = "top_db"
    keeps_length = False
    before_resampling = True

    top_db: Annotated[
        float,
        Parameter(
            "what lies this far below the loudest frame counts as silence",
            low=10,
            high=100,
            unit="dB",
            drawn=False,
        ),
    ] = 40.0
    start: int = 0  # samples of the recording
    num_samples: int | None = None

    def output_length(self, num_samples: int, sample_rate: int) -> int:
        """Return how many samples of the recording remain."""
        rest = max(num_samples - self.start, 0)
        return rest if self.num_samples is None else min(self.num_samples, rest)

    def map_position(self, position: int, num_samples: int, sample_rate: int) -> int:
        """Return the position after the cut; what was cut off maps to the nearest end."""
        return min(max(position - self.start, 0), self.output_length(num_samples, sample_rate))

    def __call__(self, samples: Samples, *, sample_rate: int) -> Samples:
        """Apply the effect to samples of shape (n,), full scale 1.0."""
        return samples[self.start : self.start + self.output_length(len(samples), sample_rate)]
