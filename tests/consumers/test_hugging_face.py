"""`datasets.load_dataset` reads a data set, and what `synth export` writes for it."""

from __future__ import annotations

from tests.consumers.conftest import MadeSet
from tests.consumers.environments import run_reader


def test_a_data_set_is_a_data_set(made_set: MadeSet) -> None:
    """The card names its splits and lists, so that `load_dataset(DIR)` returns the rows of the manifest."""
    printed = run_reader("light", "hugging_face", made_set.path)
    clips = {(clip["split"], clip["id"]): clip["row"] for clip in printed["clips"]}
    expected = {(row["split"].replace("-", "_"), row["id"]): row for row in made_set.rows}
    assert clips.keys() == expected.keys()
    for key, row in expected.items():
        for name in ("text", "duration", "audio_filepath", "speaker", "weight", "stage", "pcm_sha256"):
            assert clips[key][name] == row[name]
