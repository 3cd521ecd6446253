from __future__ import annotations

from synth.export.lhotse_cut import cut_values, recording_values
from tests.export.rows import AWKWARD_TEXT, row

SOURCE = {"type": "file", "source": "a.flac"}


def test_the_supervision_is_the_speech_without_its_margins() -> None:
    aligned = row(alignment=[["é", 0.1, 0.2]], labels={"language": "de", "gender": None})
    cut = cut_values(aligned, recording_values(aligned, SOURCE))
    assert (cut["start"], cut["duration"], cut["recording"]["duration"]) == (0, 2.0, 2.0)
    (supervision,) = cut["supervisions"]
    assert supervision == {
        "id": cut["id"],
        "recording_id": cut["recording"]["id"],
        "start": 0.1,
        "duration": 1.5,
        "channel": 0,
        "text": AWKWARD_TEXT,
        "language": "de",
        "alignment": {"word": [["é", 0.1, 0.2]]},
    }


def test_an_unknown_text_is_no_empty_text() -> None:
    for text in (None, ""):
        clip = row(text=text)
        assert cut_values(clip, recording_values(clip, SOURCE))["supervisions"][0].get("text") == text


def test_no_object_right_below_custom_has_keys_that_users_choose() -> None:
    """Lhotse makes an image of an object with a key `width` there, and fails."""
    clip = row(labels={"width": 3, "id": 1, "sources": [], "sampling_rate": 2})
    cut = cut_values(clip, recording_values(clip, SOURCE), {"noise": recording_values(clip, SOURCE, recording_id="n")})
    objects = {key: value for key, value in cut["custom"].items() if isinstance(value, dict)}
    assert set(objects) == {"synth", "noise_stem"}
    assert set(objects["synth"]) == {"labels", "source"}
    assert objects["synth"]["labels"] == clip["labels"]
