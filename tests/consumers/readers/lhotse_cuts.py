"""Lhotse's reader of cuts: CutSet.from_file, validated with audio, and an epoch of a sampler. python lhotse_cuts.py FILE..."""

from __future__ import annotations

import sys

from clip import report
from lhotse import CutSet
from lhotse_parts import check, epoch, read

cuts = CutSet()
for path in sys.argv[1:]:
    cuts = cuts + CutSet.from_file(path)
check(cuts)
report(read(cuts), "lhotse", "torch", epoch=epoch(cuts))
