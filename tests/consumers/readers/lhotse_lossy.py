"""Lhotse's reader of lossy audio, rounded to 16 bits: python lhotse_lossy.py CUTS SHAR_FOLDER"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import numpy as np
from clip import clip, report
from lhotse import CutSet, validate


def read(cuts: Iterable[Any]) -> list[dict[str, Any]]:
    clips = []
    for cut in cuts:
        validate(cut, read_data=True)
        steps = np.rint(cut.load_audio().astype(np.float64)[0] * 32768)
        samples = np.clip(steps, -32768, 32767).astype(np.int16)
        clips.append(clip(cut.id, samples, cut.sampling_rate, declared_samples=cut.num_samples))
    return clips


report(read(CutSet.from_file(sys.argv[1])), "lhotse", shar=read(CutSet.from_shar(in_dir=sys.argv[2])))
