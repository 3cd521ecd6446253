"""Lhotse's reader of Shar: CutSet.from_shar, validated with audio, and an epoch of a sampler. python lhotse_shar.py FOLDER..."""

from __future__ import annotations

import sys

from clip import report
from lhotse import CutSet
from lhotse_parts import check, epoch, read

cuts = CutSet()
for folder in sys.argv[1:]:
    cuts = cuts + CutSet.from_shar(in_dir=folder)
check(cuts)
report(read(cuts), "lhotse", "torch", epoch=epoch(cuts))
