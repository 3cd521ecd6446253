"""Lhotse writes recordings, supervisions, cuts, Shar and a Kaldi directory. python lhotse_sets.py CLIPS.json OUT"""

from __future__ import annotations

import importlib.metadata
import json
import sys
from pathlib import Path

from lhotse import CutSet, Recording, RecordingSet, SupervisionSegment, SupervisionSet
from lhotse.kaldi import export_to_kaldi

clips, out = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[2])
for name in ("manifests", "cuts", "trimmed", "kaldi", "shar", "speed", "mixed"):
    (out / name).mkdir(parents=True)
recordings, supervisions = [], []
for clip in clips:
    recording = Recording.from_file(clip["file"], recording_id=clip["id"])
    recordings.append(recording)
    supervisions.append(
        SupervisionSegment(
            id=clip["id"],
            recording_id=recording.id,
            start=clip["start"],
            duration=clip["duration"],
            text=clip["text"],
            speaker=clip["speaker"],
            language="en",
        )
    )
all_recordings = RecordingSet.from_recordings(recordings)
all_supervisions = SupervisionSet.from_segments(supervisions)
all_recordings.to_file(out / "manifests" / "car_recordings_train.jsonl.gz")
all_supervisions.to_file(out / "manifests" / "car_supervisions_train.jsonl.gz")
export_to_kaldi(all_recordings, all_supervisions, out / "kaldi")
cuts = CutSet.from_manifests(all_recordings, all_supervisions)
cuts.to_file(out / "cuts" / "car_cuts_train.jsonl.gz")
trimmed = cuts.trim_to_supervisions(keep_overlapping=False).to_eager()
trimmed.to_file(out / "trimmed" / "car_cuts_trimmed.jsonl")
trimmed.to_shar(out / "shar", fields={"recording": "flac"}, shard_size=4)
cuts.perturb_speed(1.1).to_file(out / "speed" / "car_cuts.jsonl")
cuts.mix(cuts, snr=5).to_file(out / "mixed" / "car_cuts.jsonl")
print(json.dumps({"versions": {"lhotse": importlib.metadata.version("lhotse")}}))
