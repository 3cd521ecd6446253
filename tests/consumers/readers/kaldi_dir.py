"""kaldiio's reader of a Kaldi data directory: load_scp, with segments if there are any. python kaldi_dir.py FOLDER"""

from __future__ import annotations

import sys
from pathlib import Path

import kaldiio
from clip import clip, report

folder = Path(sys.argv[1])
segments = folder / "segments"
audio = kaldiio.load_scp(str(folder / "wav.scp"), segments=str(segments) if segments.exists() else None)


def table(name: str) -> dict[str, str]:
    """A file of keys and values, as Kaldi's own scripts split it: at the first space."""
    lines = (folder / name).read_text(encoding="utf-8").split("\n")[:-1]
    return {key: value for key, _, value in (line.partition(" ") for line in lines)}


text, speakers = table("text"), table("utt2spk")
clips = []
for key, (rate, array) in audio.items():
    clips.append(clip(key, array, rate, text=text.get(key), speaker=speakers[key]))
report(
    clips, "kaldiio", "soundfile", tables={path.name: table(path.name) for path in folder.iterdir() if path.is_file()}
)
