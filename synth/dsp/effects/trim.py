"""trim: cut the silence before and after the speech."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from synth.dsp.arrays import Samples
from synth.dsp.effects.effect import Parameter


@dataclass(frozen=True, slots=True)
class Trim:
    """Keep `num_samples` from sample `start` on (None: to the end).

    A recipe gives `top_db` alone; the catalog measures the bounds with `librosa.effects.trim`, and the plan fills them
    in. They count in samples of the recording at its own rate: trim comes first, before any resampling.
    """

    top_db: float = 40.0
    start: int = 0
    num_samples: int | None = None

    name: ClassVar[str] = "trim"
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "top_db": Parameter(
            "what lies this far below the loudest frame counts as silence",
            low=10,
            high=100,
            unit="dB",
            default=40.0,
            drawn=False,
        ),
    }
    main: ClassVar[str | None] = "top_db"
    needs_seed: ClassVar[bool] = False

    def output_length(self, num_samples: int, sample_rate: int) -> int:
        rest = max(num_samples - self.start, 0)
        return rest if self.num_samples is None else min(self.num_samples, rest)

    def map_position(self, position: int, num_samples: int, sample_rate: int) -> int:
        return min(max(position - self.start, 0), self.output_length(num_samples, sample_rate))

    def __call__(self, samples: Samples, *, sample_rate: int) -> Samples:
        return samples[self.start : self.start + self.output_length(len(samples), sample_rate)]
