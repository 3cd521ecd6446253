"""datasets writes Parquet, webdataset writes tar files. python light_sets.py CLIPS.json OUT"""

from __future__ import annotations

import importlib.metadata
import json
import sys
from pathlib import Path

import datasets
import webdataset
from datasets import Audio, ClassLabel, Dataset, Features, Value

clips, out = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[2])
datasets.disable_progress_bars()
(out / "huggingface" / "data").mkdir(parents=True)
(out / "webdataset").mkdir()
contents = [Path(clip["file"]).read_bytes() for clip in clips]
features = Features(
    {
        "audio": Audio(sampling_rate=16000, decode=False),
        "sentence": Value("string"),
        "speaker_id": Value("string"),
        "id": Value("string"),
        "road": ClassLabel(names=["city", "highway"]),
    }
)
rows = {
    "audio": [{"bytes": data, "path": None} for data in contents],
    "sentence": [clip["text"] for clip in clips],
    "speaker_id": [clip["speaker"] for clip in clips],
    "id": [clip["id"] for clip in clips],
    "road": [k % 2 for k in range(len(clips))],
}
storage = {"audio": {"bytes": Value("binary"), "path": Value("string")}}
plain = Features({**features, **storage})
data = Dataset.from_dict(rows, features=plain).cast_column("audio", features["audio"])
data.to_parquet(str(out / "huggingface" / "data" / "train-00000-of-00001.parquet"), batch_size=5)
with webdataset.ShardWriter(str(out / "webdataset" / "car-%06d.tar"), maxcount=5, verbose=0) as writer:
    for clip, content in zip(clips, contents, strict=True):
        sample = {"__key__": clip["id"], "flac": content, "json": {"speaker": clip["speaker"], "language": "en"}}
        writer.write({**sample, "txt": clip["text"]})
versions = {name: importlib.metadata.version(name) for name in ("datasets", "pyarrow", "webdataset")}
print(json.dumps({"versions": versions}))
