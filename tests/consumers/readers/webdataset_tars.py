"""webdataset's reader of tars, which splits samples at the first dot of a name. python webdataset_tars.py TAR..."""

from __future__ import annotations

import hashlib
import io
import json
import sys

import webdataset
from clip import clip, decoded, report

AUDIO = ("flac", "wav", "opus", "mp3")

clips = []
for sample in webdataset.WebDataset(sys.argv[1:], shardshuffle=False, empty_check=False):
    (suffix,) = [name for name in AUDIO if name in sample]
    samples, rate = decoded(io.BytesIO(sample[suffix]))
    row = json.loads(sample["json"])
    stems = {name: hashlib.sha256(data).hexdigest() for name, data in sample.items() if name.endswith(f".{suffix}")}
    clips.append(clip(sample["__key__"], samples, rate, row=row, suffixes=sorted(sample), stems=stems))
report(clips, "webdataset", "soundfile")
