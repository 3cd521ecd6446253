"""NeMo's reader of a list: LazyNeMoIterator. python nemo_list.py MANIFEST..."""

from __future__ import annotations

import sys

import nemo_parts  # noqa: F401 - before nemo
from clip import clip, report
from lhotse import CutSet
from nemo.collections.common.data.lhotse.nemo_adapters import LazyNeMoIterator

clips = []
for manifest in sys.argv[1:]:
    for cut in CutSet(LazyNeMoIterator(manifest)):
        (supervision,) = cut.supervisions
        clips.append(
            clip(
                cut.custom.get("id", cut.id),
                cut.load_audio(),
                cut.sampling_rate,
                declared_samples=cut.num_samples,
                duration=cut.duration,
                text=supervision.text,
                language=supervision.language,
                custom=cut.custom,
            )
        )
report(clips, "nemo_toolkit", "lhotse", "torch")
