"""Hugging Face datasets: load_dataset of a folder or builder, without torchcodec. python hugging_face.py PATH [BUILDER]

Prints the splits, the features, and every row; audio is decoded from the bytes with soundfile, which is what a data set
without torchcodec can do.
"""

from __future__ import annotations

import hashlib
import io
import sys
import tempfile
from pathlib import Path

import datasets
from clip import clip, decoded, report
from datasets import Audio, load_dataset

datasets.disable_progress_bars()
path, builder = sys.argv[1], sys.argv[2:]
arguments = {"data_dir": path} if builder else {}
with tempfile.TemporaryDirectory() as cache:
    splits = load_dataset(*(builder or [path]), cache_dir=cache, **arguments)
    features = {name: str(splits[name].features) for name in splits}
    clips = []
    for name, split in splits.items():
        columns = [column for column, feature in split.features.items() if isinstance(feature, Audio)]
        encoded = split
        for column in columns:
            encoded = encoded.cast_column(column, Audio(decode=False))
        for row in encoded:
            audio = row.pop("audio", None) if columns else None
            stems = {column: row.pop(column) for column in columns if column in row}
            if audio is None:
                clips.append({"id": row["id"], "split": name, "row": row})
                continue
            source = io.BytesIO(audio["bytes"]) if audio["bytes"] is not None else audio["path"]
            samples, rate = decoded(source)
            clips.append(
                clip(
                    row["id"],
                    samples,
                    rate,
                    split=name,
                    row=row,
                    path=Path(audio["path"] or "").name,
                    stems={name: hashlib.sha256(value["bytes"]).hexdigest() for name, value in stems.items() if value},
                )
            )
    report(clips, "datasets", "pyarrow", "soundfile", features=features)
