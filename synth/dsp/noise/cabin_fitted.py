"""The colour of virtual cars as found in real recordings: what `benchmarks/fit_cabin.py` printed."""

from __future__ import annotations

from synth.dsp.noise.cabin_colour import Colour

# fmt: off
FITTED = Colour(
    mean_db=(
        1.9, 2.1, 2.3, 2.4, 2.5, 2.5, 2.2, 1.9, 1.5, 1.1, 0.7, 0.4, 0.0, -0.5, -1.3, -2.1, -3.0, -3.7, -4.0, -3.8, -3.2,
    ),
    spread_db=4.1,
)
# fmt: on
"""From three recordings in moving cars (a BMW i3, a car whose origin is not stated, DEMAND's TCAR; the last two may be
the same car). Recordings of rain on the roof and of wipers do not count for the colour: they are not the road's."""
