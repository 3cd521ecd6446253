"""The colour of virtual cars as found in real recordings: what `benchmarks/fit_cabin.py` printed."""

from __future__ import annotations

from synth.dsp.generators.cabin_colour import Colour

# fmt: off
FITTED = Colour(
    mean_db=(
        1.8, 2.0, 2.3, 2.5, 2.6, 2.6, 2.3, 2.0, 1.7, 1.4, 1.2, 1.0, 0.5, -0.3, -1.3, -2.5, -3.6, -4.4, -4.5, -4.1, -3.3,
    ),
    spread_db=4.1,
)
# fmt: on
"""From three recordings in moving cars (a BMW i3, a car whose origin is not stated, DEMAND's TCAR; the last two may be
the same car). Recordings of rain on the roof and of wipers do not count for the colour: they are not the road's. Three
recordings are few: most of the spread is the prior's."""
