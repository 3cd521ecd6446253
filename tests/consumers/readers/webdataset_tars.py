"""webdataset's reader of tars, which splits samples at the first dot of a name. python webdataset_tars.py TAR..."""

from __future__ import annotations

import hashlib
import io
import json
import sys

import soundfile
import webdataset
from clip import clip, report

AUDIO = ("flac", "wav", "opus", "mp3")


def decoded(data: bytes) -> tuple[object, int]:
    """The samples of a member, as int16, and their rate."""
    return soundfile.read(io.BytesIO(data), dtype="int16")


clips = []
for sample in webdataset.WebDataset(sys.argv[1:], shardshuffle=False, empty_check=False):
    (suffix,) = [name for name in AUDIO if name in sample]
    samples, rate = decoded(sample[suffix])
    row = json.loads(sample["json"])
    stems = {name: hashlib.sha256(data).hexdigest() for name, data in sample.items() if name.endswith(f".{suffix}")}
    clips.append(clip(sample["__key__"], samples, rate, row=row, suffixes=sorted(sample), stems=stems))
report(clips, "webdataset", "soundfile")
