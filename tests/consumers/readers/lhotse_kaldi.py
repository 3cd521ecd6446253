"""Lhotse's reader of a Kaldi data directory, cut into its segments. python lhotse_kaldi.py FOLDER"""

from __future__ import annotations

import sys

from clip import report
from lhotse import CutSet
from lhotse.kaldi import load_kaldi_data_dir
from lhotse_parts import check, read

recordings, supervisions, _ = load_kaldi_data_dir(sys.argv[1], sampling_rate=16000)
cuts = CutSet.from_manifests(recordings=recordings, supervisions=supervisions)
check(cuts)
clips = read(cuts.trim_to_supervisions(keep_overlapping=False) if "--segments" in sys.argv else cuts)
for cut in clips:
    cut["id"] = cut["supervisions"][0]["id"]
report(clips, "lhotse", "torch")
