"""SpeechBrain's reader of JSON: DynamicItemDataset, with its own audio reader. python speechbrain_json.py FILE DATA_ROOT"""

from __future__ import annotations

import sys

import soundfile
import torchaudio_stub  # noqa: F401 - before speechbrain

import speechbrain as sb  # isort: skip
from clip import clip, report


@sb.utils.data_pipeline.takes("wav")
@sb.utils.data_pipeline.provides("sig")
def audio(wav):
    """The samples as SpeechBrain reads them."""
    return sb.dataio.dataio.read_audio(wav)


data = sb.dataio.dataset.DynamicItemDataset.from_json(sys.argv[1], replacements={"data_root": sys.argv[2]})
data.add_dynamic_item(audio)
names = sorted({name for entry in data.data.values() for name in entry})
data.set_output_keys(["id", "sig", "wav"])
clips = []
for item in data:
    values = {name: data.data[item["id"]].get(name) for name in names}
    clips.append(
        clip(item["id"], item["sig"].numpy(), soundfile.info(item["wav"]).samplerate, values=values, wav=item["wav"])
    )
report(clips, "speechbrain", "torch", "soundfile")
