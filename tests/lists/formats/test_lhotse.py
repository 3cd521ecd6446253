"""Lhotse's manifests: what is exact, and what is refused because it is computed, not read."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from synth.errors import BadInput, UsageError
from synth.lists.audio_list import AudioRow
from synth.lists.formats.lhotse import read_lhotse
from synth.lists.formats.listing import Listing
from tests.foreign_sets import cut, recording, some_clips, supervision

CLIP = some_clips(1)[0]


def read(path: Path, rows: list[Any], **options: Any) -> list[AudioRow | BadInput]:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return list(read_lhotse(Listing(path, str(path.parent), **options)))


def changed(**fields: Any) -> dict[str, Any]:
    return {**cut(CLIP, "a.flac"), **fields}


def with_recording(**fields: Any) -> dict[str, Any]:
    return changed(recording={**recording(CLIP, "a.flac"), **fields})


@pytest.mark.parametrize(
    ("row", "what"),
    [
        (changed(type="MixedCut"), "is computed"),
        (changed(type="PaddingCut"), "is computed"),
        (changed(recording=None), "without a recording"),
        (changed(start=-1), "start is -1"),
        (changed(duration="x"), "duration is 'x'"),
        (changed(duration=True), "duration is True"),
        (changed(supervisions=[7]), "supervisions"),
        (with_recording(transforms=[{"name": "Speed"}]), "to be changed"),
        (with_recording(sources=[]), "0 sources"),
        (with_recording(sources=[{"type": "command", "channels": [0], "source": "rm -rf /"}]), "type 'command'"),
        (with_recording(sources=[{"type": "url", "channels": [0], "source": "http://x/a.wav"}]), "type 'url'"),
        (with_recording(sources=[{"type": "memory", "channels": [0], "source": "x"}]), "type 'memory'"),
        (with_recording(sampling_rate=0), "sampling_rate is 0"),
        (with_recording(num_samples=1.5), "num_samples is 1.5"),
        (with_recording(channel_ids=[0, 1]), "channel 0 of 2"),
        (changed(supervisions=[{**supervision(CLIP), "text": 7}]), "text is 7"),
        (changed(supervisions=[{**supervision(CLIP), "alignment": {"word": [["a"]]}}]), "alignment"),
        (changed(supervisions=[{**supervision(CLIP), "alignment": {"word": [["a", 1, -2]]}}]), "alignment"),
    ],
)
def test_what_is_no_plain_part_of_a_file_is_refused_with_its_line(tmp_path: Path, row: Any, what: str) -> None:
    first, second = read(tmp_path / "cuts.jsonl", [changed(), row])
    assert isinstance(first, AudioRow)
    assert isinstance(second, BadInput)
    assert second.path == "cuts.jsonl:2"
    assert what in second.message


def test_segments_alignments_and_custom_fields_are_exact(tmp_path: Path) -> None:
    words = {"word": [["turn", 0.1, 0.2, 0.9], ["left", 0.35, 0.25]], "phone": [["t", 0.1, 0.05]]}
    parts = [
        {**supervision(CLIP), "id": "b", "start": 0.3, "text": "left", "alignment": {"word": words["word"][1:]}},
        {**supervision(CLIP), "id": "a", "text": "turn", "alignment": {"word": words["word"][:1]}},
    ]
    custom = {"car": "A4", "noise": {"id": "n", "sources": []}, "windows": {"front": True}}
    (row,) = read(tmp_path / "cuts.jsonl", [changed(start=2.5125, duration=0.6, supervisions=parts, custom=custom)])
    assert isinstance(row, AudioRow)
    assert (row.offset, row.duration, row.num_samples, row.sample_rate, row.channels) == (2.5125, 0.6, 9600, 16000, 1)
    assert row.detail["text"] == "turn left"
    assert row.detail["alignment"] == [["turn", 0.1, 0.2], ["left", 0.35, 0.25]]
    assert row.detail["labels"] == {"id": "clip-0", "language": "de", "car": "A4", "windows": {"front": True}}


@pytest.mark.parametrize(
    ("start", "times", "expected"),
    [(3.0, 3.1, 0.1), (0.0, 0.1, 0.1), (3.0, 0.1, 0.1), (0.1, 0.2, None), (0.0, 3.1, None)],
)
def test_words_of_a_cut_are_where_they_are_or_unknown(
    tmp_path: Path, start: float, times: float, expected: float | None
) -> None:
    """Lhotse's trim_to_supervisions leaves the times of words as they were in the recording."""
    part = {**supervision(CLIP), "alignment": {"word": [["x", times, 0.2]]}}
    (row,) = read(tmp_path / "cuts.jsonl", [changed(start=start, duration=0.5, supervisions=[part])])
    assert isinstance(row, AudioRow)
    words = row.detail["alignment"]
    assert words == (None if expected is None else [["x", expected, 0.2]])


def test_alignments_of_a_supervision_count_from_its_start(tmp_path: Path) -> None:
    (tmp_path / "supervisions.jsonl").write_text(
        json.dumps({**supervision(CLIP), "start": 0.2, "duration": 0.2, "alignment": {"word": [["x", 0.3, 0.1]]}})
    )
    (row,) = read(tmp_path / "recordings.jsonl", [recording(CLIP, "a.flac")])
    assert isinstance(row, AudioRow)
    assert (row.offset, row.detail["alignment"]) == (0.2, [["x", 0.1, 0.1]])


def test_two_speakers_in_one_cut_are_no_speaker(tmp_path: Path) -> None:
    parts = [supervision(CLIP), {**supervision(CLIP), "speaker": "other"}]
    (row,) = read(tmp_path / "cuts.jsonl", [changed(supervisions=parts)])
    assert isinstance(row, AudioRow)
    assert "speaker" not in row.detail


def test_a_source_may_take_one_channel_of_several(tmp_path: Path) -> None:
    stereo = with_recording(channel_ids=[0, 1])
    rows = read(tmp_path / "cuts.jsonl", [stereo, {**stereo, "channel": 1}], channels=1)
    assert [type(row) for row in rows] == [BadInput, AudioRow]


def test_a_supervision_without_its_recording_is_refused(tmp_path: Path) -> None:
    (tmp_path / "supervisions.jsonl").write_text(json.dumps({**supervision(CLIP), "recording_id": "other"}))
    (row,) = read(tmp_path / "recordings.jsonl", [recording(CLIP, "a.flac")])
    assert isinstance(row, BadInput)
    assert row.path == "supervisions.jsonl:1"


def test_several_sets_in_one_folder_must_be_named(tmp_path: Path) -> None:
    for name in ("a_cuts_train.jsonl", "a_cuts_dev.jsonl"):
        (tmp_path / name).write_text("{}\n")
    with pytest.raises(UsageError, match=r"several files of cuts \(a_cuts_dev\.jsonl, a_cuts_train\.jsonl\)"):
        list(read_lhotse(Listing(tmp_path, str(tmp_path))))


@pytest.mark.parametrize("data", [gzip.compress(b"{}\n" * 9999)[:30], b"no gzip at all"])
def test_a_damaged_gzip_is_named(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "cuts.jsonl.gz").write_bytes(data)
    with pytest.raises(UsageError, match=r"cuts\.jsonl\.gz: it cannot be decompressed"):
        list(read_lhotse(Listing(tmp_path / "cuts.jsonl.gz", str(tmp_path))))
