"""NeMo's reader of tars: LazyNeMoTarredIterator. python nemo_tarred.py all|subset MANIFESTS TARS, both as NeMo spells them.

`subset` passes skip_missing_manifest_entries=True: members of the tars that the manifest does not name are passed over.
"""

from __future__ import annotations

import json
import sys

import nemo_parts  # noqa: F401 - before nemo
from clip import clip, report
from lhotse import CutSet
from nemo.collections.common.data.lhotse.nemo_adapters import LazyNeMoTarredIterator

members, manifests, tars = sys.argv[1:]
cuts = CutSet(
    LazyNeMoTarredIterator(
        manifest_path=json.loads(manifests) if manifests.startswith("[") else manifests,
        tar_paths=json.loads(tars) if tars.startswith("[") else tars,
        skip_missing_manifest_entries=members == "subset",
    )
)
clips = []
for cut in cuts:
    (supervision,) = cut.supervisions
    clips.append(
        clip(
            (cut.custom or {}).get("id", cut.id),
            cut.load_audio(),
            cut.sampling_rate,
            declared_samples=cut.num_samples,
            duration=cut.duration,
            text=supervision.text,
            language=supervision.language,
            custom={name: value for name, value in (cut.custom or {}).items() if name != "dataloading_info"},
        )
    )
report(clips, "nemo_toolkit", "lhotse", "torch")
