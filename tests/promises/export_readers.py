"""Readers of exports that share no code with `synth`: each as the documentation of the format says, nothing more."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import re
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class ReadClip:
    """What a reader gets of a clip."""

    text: str | None
    audio: Path | bytes  # the file, or its bytes
    seconds: float | None = None  # None: the format has no length
    samples: int | None = None  # likewise, exact


Clips = dict[str, ReadClip]


def json_lines(path: Path) -> list[dict[str, Any]]:
    data = path.read_bytes()
    data = gzip.decompress(data) if path.suffix == ".gz" else data
    return [json.loads(line) for line in data.split(b"\n") if line]


def nemo(out: Path) -> Clips:
    return {
        row["id"]: ReadClip(row["text"], out / row["audio_filepath"], row["duration"], row["num_samples"])
        for path in out.glob("*.jsonl")
        for row in json_lines(path)
    }


def nemo_tarred(out: Path) -> Clips:
    clips: Clips = {}
    for tar in sorted(out.rglob("*.tar")):
        shard = int(tar.stem.rsplit("_", 1)[1])
        manifests = [path for path in tar.parent.rglob("*.json*") if path.stem.endswith(f"manifest_{shard}")]
        assert len(manifests) == 1, (tar, manifests)
        rows = json_lines(manifests[0])
        members = dict(tar_members(tar))
        audio = [name for name in members if not name.endswith(".json")]
        assert [row["audio_filepath"] for row in rows] == audio
        for row in rows:
            assert row["shard_id"] == shard
            clips[row["id"]] = ReadClip(row["text"], members[row["audio_filepath"]], row["duration"])
    return clips


def tar_members(tar: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(tar, "r:") as archive:
        for member in archive:
            assert member.isreg() and (member.mtime, member.uid, member.gid) == (0, 0, 0)
            file = archive.extractfile(member)
            assert file is not None
            yield member.name, file.read()


def webdataset(out: Path) -> Clips:
    clips: Clips = {}
    for tar in out.rglob("*.tar"):
        members: dict[str, dict[str, bytes]] = {}
        for name, data in tar_members(tar):
            key, suffix = name.split(".", 1)
            members.setdefault(key, {})[suffix] = data
        for key, parts in members.items():
            row = json.loads(parts["json"])
            audio = next(data for suffix, data in parts.items() if suffix in ("flac", "wav", "opus", "mp3"))
            assert row["id"].endswith(key)  # a name in a tar file has 100 bytes
            clips[row["id"]] = ReadClip(row["text"], audio, row["duration"])
    return clips


def cut(row: dict[str, Any], audio: Path | bytes) -> ReadClip:
    supervision = row["supervisions"][0] if row["supervisions"] else {}
    recording = row["recording"]
    return ReadClip(supervision.get("text"), audio, row["duration"], recording["num_samples"])


def lhotse(out: Path) -> Clips:
    return {
        row["id"]: cut(row, Path(out, row["recording"]["sources"][0]["source"]))
        for path in out.glob("*cuts*.jsonl*")
        for row in json_lines(path)
    }


def shar(out: Path) -> Clips:
    clips: Clips = {}
    for path in out.rglob("cuts.*.jsonl*"):
        number = path.name.split(".")[1]
        members = list(tar_members(path.parent / f"recording.{number}.tar"))
        for row, (name, audio), (meta_name, meta) in zip(json_lines(path), members[::2], members[1::2], strict=True):
            assert name.startswith(f"{row['id']}.") and meta_name == f"{row['id']}.json"
            recording = json.loads(meta)
            clips[row["id"]] = cut(row | {"recording": recording}, audio)
    return clips


def kaldi_table(path: Path) -> dict[str, str]:
    """A table of Kaldi: first word, space, rest of the line; sorted by bytes."""
    lines = path.read_bytes().split(b"\n") if path.exists() else [b""]
    assert lines.pop() == b""
    pairs = [line.partition(b" ") for line in lines]
    keys = [key for key, _, _ in pairs]
    assert keys == sorted(set(keys)), path
    return {key.decode(): value.decode() for key, _, value in pairs}


def kaldi(out: Path) -> Clips:
    """Data directories of Kaldi and of ESPnet. A key begins with the speaker, so the id is that of the file."""
    clips: Clips = {}
    for scp in out.rglob("wav.scp"):
        folder = scp.parent
        texts, speakers = kaldi_table(folder / "text"), kaldi_table(folder / "utt2spk")
        seconds, counts = kaldi_table(folder / "utt2dur"), kaldi_table(folder / "utt2num_samples")
        pairs = [(key, speaker) for speaker, keys in kaldi_table(folder / "spk2utt").items() for key in keys.split()]
        assert dict(pairs) == speakers and len(pairs) == len(speakers)
        for key, path in kaldi_table(scp).items():
            assert key.startswith(f"{speakers[key]}-") and len(key.split()) == len(speakers[key].split()) == 1
            duration = float(seconds[key]) if seconds else None
            clips[Path(path).stem] = ReadClip(
                texts[key] if texts else None, out / path, duration, int(counts[key]) if counts else None
            )
    return clips


def speechbrain(out: Path) -> Clips:
    """SpeechBrain's loader passes every text to `str.format`."""
    clips: Clips = {}
    for path in out.glob("*.json"):
        if path.name != "export.json":
            for key, row in json.loads(path.read_text("utf-8")).items():
                wav, words = (text and text.format(data_root=out) for text in (row["wav"], row["words"]))
                clips[key] = ReadClip(words, Path(wav), row["length"], row["num_samples"])
    return clips


def wenet(out: Path) -> Clips:
    return {
        row["key"]: ReadClip(row["txt"], out / row["wav"]) for path in out.rglob("*.list") for row in json_lines(path)
    }


def funasr(out: Path) -> Clips:
    return {
        row["key"]: ReadClip(row["target"], out / row["source"])
        for path in out.rglob("*.jsonl")
        for row in json_lines(path)
    }


def flat(row: dict[str, Any], out: Path) -> ReadClip:
    return ReadClip(row["text"], out / row["audio_filepath"], float(row["duration"]), int(row["num_samples"]))


def table(out: Path) -> Clips:
    """A CSV file. What a spreadsheet would run as a formula has an apostrophe in front."""
    clips: Clips = {}
    for row in csv.DictReader(io.StringIO((out / "table.csv").read_bytes().decode(), newline="")):
        text = row["text"]
        clips[row["id"]] = flat(row | {"text": text[1:] if re.match(r"'+[=+\-@\t\r\n]", text) else text}, out)
    return clips


def croissant(out: Path) -> Clips:
    description = json.loads((out / "croissant.json").read_text("utf-8"))
    files = [each for each in description["distribution"] if each["@type"] == "cr:FileObject"]
    assert hashlib.sha256((out / files[0]["contentUrl"]).read_bytes()).hexdigest() == files[0]["sha256"]
    return {row["id"]: flat(row, out) for row in json_lines(out / files[0]["contentUrl"])}


def table_parquet(out: Path) -> Clips:
    import pyarrow.parquet

    return {
        row["id"]: flat(row, out)
        for path in out.rglob("*.parquet")
        for row in pyarrow.parquet.read_table(path).to_pylist()
    }


def huggingface(out: Path) -> Clips:
    import pyarrow.parquet

    clips: Clips = {}
    for path in (out / "data").glob("*.parquet"):
        for row in pyarrow.parquet.read_table(path).to_pylist():
            clips[row["id"]] = ReadClip(row["text"], row["audio"]["bytes"], row["duration"], row["num_samples"])
    return clips


READERS: dict[str, Callable[[Path], Clips]] = {
    "croissant": croissant,
    "espnet": kaldi,
    "funasr": funasr,
    "huggingface": huggingface,
    "kaldi": kaldi,
    "lhotse": lhotse,
    "nemo": nemo,
    "nemo_tarred": nemo_tarred,
    "shar": shar,
    "speechbrain": speechbrain,
    "table": table,
    "table_parquet": table_parquet,
    "webdataset": webdataset,
    "wenet": wenet,
}
"""Formats with a reader here."""
