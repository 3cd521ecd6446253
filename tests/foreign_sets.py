"""The same clips as data sets of other tools, written by hand after the descriptions of their formats."""

from __future__ import annotations

import csv
import gzip
import io
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from tests.tars import write_tar

RATE = 16000


@dataclass(frozen=True)
class Clip:
    id: str
    text: str
    speaker: str
    samples: np.ndarray  # int16
    language: str = "de"

    @property
    def flac(self) -> bytes:
        buffer = io.BytesIO()
        soundfile.write(buffer, self.samples, RATE, format="FLAC", subtype="PCM_16")
        return buffer.getvalue()

    @property
    def seconds(self) -> float:
        return len(self.samples) / RATE


TEXTS = ("turn left", 'a "quoted" $5 {x}', "größer 😀 2\u3000spaces", "nach  Köln")


def some_clips(count: int = 4) -> list[Clip]:
    """Clips of different lengths, with texts that break careless readers."""
    clips = []
    for number in range(count):
        samples = np.random.RandomState(number).randint(-3000, 3000, 8001 + 1234 * number).astype(np.int16)
        clips.append(Clip(f"clip-{number}", TEXTS[number % len(TEXTS)], f"spk{number % 2}", samples))
    return clips


def _write_files(folder: Path, clips: list[Clip]) -> None:
    (folder / "wav").mkdir(parents=True, exist_ok=True)
    for clip in clips:
        (folder / "wav" / f"{clip.id}.flac").write_bytes(clip.flac)


def _jsonl(path: Path, rows: list[dict[str, object]]) -> None:
    data = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)


def write_kaldi(folder: Path, clips: list[Clip]) -> Path:
    _write_files(folder, clips)
    for name, value in (
        ("wav.scp", lambda clip: f"wav/{clip.id}.flac"),
        ("text", lambda clip: clip.text),
        ("utt2spk", lambda clip: clip.speaker),
        ("utt2lang", lambda clip: clip.language),
    ):
        lines = (f"{clip.id} {value(clip)}\n" for clip in clips)
        (folder / name).write_text("".join(lines), encoding="utf-8")
    return folder


def write_kaldi_segments(folder: Path, clips: list[Clip]) -> Path:
    """All clips in one recording of two channels, with 0.1 s of silence between them."""
    write_kaldi(folder, clips)
    (folder / "wav.scp").write_text("drive wav/drive.wav\n")
    gap = np.zeros(RATE // 10, np.int16)
    parts, lines, at = [], [], 0
    for clip in clips:
        parts += [gap, clip.samples]
        start = at + len(gap)
        at = start + len(clip.samples)
        lines.append(f"{clip.id} drive {start / RATE!r} {at / RATE!r}\n")
    (folder / "segments").write_text("".join(lines))
    soundfile.write(folder / "wav" / "drive.wav", np.concatenate(parts), RATE, subtype="PCM_16")
    return folder


def recording(clip: Clip, source: str, kind: str = "file") -> dict[str, object]:
    return {
        "id": clip.id,
        "sources": [{"type": kind, "channels": [0], "source": source}],
        "sampling_rate": RATE,
        "num_samples": len(clip.samples),
        "duration": clip.seconds,
        "channel_ids": [0],
    }


def supervision(clip: Clip) -> dict[str, object]:
    return {
        "id": clip.id,
        "recording_id": clip.id,
        "start": 0.0,
        "duration": clip.seconds,
        "channel": 0,
        "text": clip.text,
        "language": clip.language,
        "speaker": clip.speaker,
    }


def cut(clip: Clip, source: str, kind: str = "file") -> dict[str, object]:
    return {
        "id": clip.id,
        "start": 0,
        "duration": clip.seconds,
        "channel": 0,
        "supervisions": [supervision(clip)],
        "recording": recording(clip, source, kind),
        "type": "MonoCut",
    }


def write_lhotse_cuts(folder: Path, clips: list[Clip]) -> Path:
    _write_files(folder, clips)
    _jsonl(folder / "car_cuts_train.jsonl.gz", [cut(clip, f"wav/{clip.id}.flac") for clip in clips])
    return folder


def write_lhotse_recordings(folder: Path, clips: list[Clip]) -> Path:
    _write_files(folder, clips)
    _jsonl(folder / "car_recordings_train.jsonl", [recording(clip, f"wav/{clip.id}.flac") for clip in clips])
    _jsonl(folder / "car_supervisions_train.jsonl", [supervision(clip) for clip in clips])
    return folder


def write_shar(folder: Path, clips: list[Clip], shard_size: int = 3) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number, start in enumerate(range(0, len(clips), shard_size)):
        shard = clips[start : start + shard_size]
        _jsonl(folder / f"cuts.{number:06d}.jsonl.gz", [cut(clip, "", "shar") for clip in shard])
        members = []
        for clip in shard:
            members.append((f"{clip.id}.flac", clip.flac))
            members.append((f"{clip.id}.json", json.dumps(recording(clip, "", "shar")).encode()))
        write_tar(folder / f"recording.{number:06d}.tar", members)
    return folder


def write_nemo_tarred(folder: Path, clips: list[Clip], shard_size: int = 3) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, object]] = []
    for number, start in enumerate(range(0, len(clips), shard_size)):
        shard = clips[start : start + shard_size]
        write_tar(folder / f"audio_{number}.tar", [(f"{clip.id}.flac", clip.flac) for clip in shard])
        for clip in shard:
            row = {"audio_filepath": f"{clip.id}.flac", "duration": clip.seconds, "text": clip.text}
            rows.append({**row, "speaker": clip.speaker, "language": clip.language, "shard_id": number})
    _jsonl(folder / "tarred_audio_manifest.json", rows)
    return folder


def write_webdataset(folder: Path, clips: list[Clip], shard_size: int = 3) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number, start in enumerate(range(0, len(clips), shard_size)):
        members = []
        for clip in clips[start : start + shard_size]:
            fields = {"speaker": clip.speaker, "language": clip.language, "duration": 99.0}
            members.append((f"{clip.id}.flac", clip.flac))
            members.append((f"{clip.id}.json", json.dumps(fields).encode()))
            members.append((f"{clip.id}.txt", clip.text.encode()))
        write_tar(folder / f"car-{number:06d}.tar", members)
    return folder


def write_huggingface(folder: Path, clips: list[Clip], shard_size: int = 3) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    (folder / "data").mkdir(parents=True, exist_ok=True)
    count = -(-len(clips) // shard_size)
    for number in range(count):
        shard = clips[number * shard_size : (number + 1) * shard_size]
        table = pa.table(
            {
                "audio": pa.array([{"bytes": clip.flac, "path": f"{clip.id}.flac"} for clip in shard]),
                "id": [clip.id for clip in shard],
                "sentence": [clip.text for clip in shard],
                "speaker_id": [clip.speaker for clip in shard],
                "locale": [clip.language for clip in shard],
            }
        )
        pq.write_table(table, folder / "data" / f"train-{number:05d}-of-{count:05d}.parquet", row_group_size=2)
    return folder


def write_audio_folder(folder: Path, clips: list[Clip]) -> Path:
    _write_files(folder, clips)
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file_name", "transcription", "speaker_id", "language", "id"])
        for clip in clips:
            writer.writerow([f"wav/{clip.id}.flac", clip.text, clip.speaker, clip.language, clip.id])
    return folder


SETS: dict[str, tuple[str, Callable[[Path, list[Clip]], Path]]] = {
    "kaldi": ("kaldi", write_kaldi),
    "kaldi_segments": ("kaldi", write_kaldi_segments),
    "lhotse_cuts": ("lhotse", write_lhotse_cuts),
    "lhotse_recordings": ("lhotse", write_lhotse_recordings),
    "shar": ("shar", write_shar),
    "nemo_tarred": ("nemo_tarred", write_nemo_tarred),
    "webdataset": ("webdataset", write_webdataset),
    "huggingface": ("huggingface", write_huggingface),
    "audiofolder": ("audiofolder", write_audio_folder),
}
"""Name -> (format, writer)."""


def thrift_varint(number: int) -> bytes:
    """A number in Thrift's compact protocol (zigzag), for headers of Parquet pages."""
    value = number << 1 ^ number >> 63
    data = bytearray()
    while value > 127:
        data.append(value & 127 | 128)
        value >>= 7
    return bytes(data) + struct.pack("B", value)
