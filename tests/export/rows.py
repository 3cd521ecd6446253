"""Rows of a manifest for tests of exports, with everything that is awkward in them."""

from __future__ import annotations

from typing import Any

AWKWARD_TEXT = 'a "quoted" $HOME {braces} \\ back\nnew line\u2028 \U0001f697 é'


def row(clip_id: str = "ada_1_0a1b2c3d-v0", **values: Any) -> dict[str, Any]:
    """A row with the keys that exports read."""
    return {
        "id": clip_id,
        "audio_filepath": f"audio/train/0a/{clip_id}.flac",
        "duration": 2.0,
        "text": AWKWARD_TEXT,
        "num_samples": 32000,
        "sampling_rate": 16000,
        "channels": 1,
        "speaker": None,
        "labels": {},
        "alignment": None,
        "split": "train",
        "condition": None,
        "case": None,
        "stage": None,
        "weight": 1.0,
        "copy": 0,
        "source_id": "ada_1_0a1b2c3d",
        "source": {"name": "s", "path": "a.flac", "offset": 0, "num_samples": 1, "sampling_rate": 16000, "sha256": "0"},
        "speech": {"onset": 1600, "num_samples": 24000, "unchanged": False, "effects": [], "active_level_dbfs": -20.5},
        "room": None,
        "noise": [{"kind": "recording"}, {"kind": "cabin"}, {"kind": "recording"}],
        "snr_db": None,
        "level_dbfs": {"requested": None, "measured": -25.0},
        "peak_dbfs": -3.0,
        "headroom_gain_db": 0.0,
        "stems": {"speech": None, "speech_sha256": None, "noise": None, "noise_sha256": None},
        "events": [{"label": "horn", "start": 0.1, "end": 0.2}],
        "sha256": "1",
        "pcm_sha256": "2",
        **values,
    }
