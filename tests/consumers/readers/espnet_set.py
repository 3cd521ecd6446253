"""ESPnet2's readers: SoundScpReader and read_text, and the data set that training uses. python espnet_set.py FOLDER"""

from __future__ import annotations

import sys
from pathlib import Path

from clip import clip, hollow, report

hollow("espnet2", "espnet2.fileio", "espnet2.train")
from espnet2.fileio.read_text import load_num_sequence_text, read_2columns_text  # noqa: E402 - after hollow
from espnet2.fileio.sound_scp import SoundScpReader  # noqa: E402

folder = Path(sys.argv[1])
audio = SoundScpReader(str(folder / "wav.scp"), dtype="float32")
text = read_2columns_text(folder / "text")
speakers = read_2columns_text(folder / "utt2spk")
samples = {}
for name in ("utt2num_samples", "speech_shape"):
    if (folder / name).exists():
        samples[name] = {key: value[0] for key, value in load_num_sequence_text(folder / name, "csv_int").items()}
clips = []
for key in audio:
    rate, array = audio[key]
    clips.append(clip(key, array, rate, text=text.get(key), speaker=speakers[key]))
report(clips, "espnet", "soundfile", samples=samples, files=sorted(path.name for path in folder.iterdir()))
