"""Mutated tar and Parquet files as speech: each clip is made with its own samples, or it or its archive is refused."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

import numpy as np
import soundfile

from synth.errors import BadInput
from tests.fuzz.bench import Bench, sound, write_sources
from tests.fuzz.mutators import generator, mutate_bytes
from tests.fuzz.outcome import Campaign, problems_of
from tests.tars import END, entry, pax, with_checksum

RATE: Final = 8000
_BATCH: Final = 40
_CLIPS: Final = 3
_RECIPE: Final = """
seed: 3
sample_rate: 8000
copies: 1
speech: {{sources: [{sources}]}}
margins_s: 0
noise: {{snr_db: 10, measure: rms, layers: [{{name: car, sources: noise, min_recordings: 3}}]}}
splits: {{by: [id], train: 1.0}}
limits: {{max_bad: 100000, max_speech_s: 60, timeout_s: 20}}
output: {{shard_size: 32, stems: true}}
"""
_TYPES: Final = b"01234567SxgLKVMDXZ\0"
_OF_ARCHIVE: Final = ("type", "name", "size", "magic", "footer")
"""Last words of the changes that touch nothing but the archive."""
_NAMES: Final = (b"../a.flac", b"/etc/a.flac", b"a/./b.flac", b"", b"\xff.flac", b"c0.flac", b"x.tar", b"a" * 100)


def clip(number: int) -> bytes:
    """The FLAC file of a clip; another length for each number."""
    buffer = io.BytesIO()
    soundfile.write(buffer, sound(0.3 + 0.05 * number, RATE, seed=number), RATE, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def bases() -> dict[str, bytes]:
    """Small archives of all kinds: file name -> content."""
    samples = [(f"c{k}.flac".encode(), clip(k), json.dumps({"text": f"t{k}"}).encode()) for k in range(_CLIPS)]
    ustar = b"".join(entry(name, data) + entry(name[:2] + b".json", text) for name, data, text in samples)
    gnu = b"".join(entry(b"././@LongLink", name + b"\0", b"L") + entry(b"short", data) for name, data, _ in samples)
    long = b"".join(pax(path=name.decode()) + entry(b"short", data) for name, data, _ in samples)
    tars = {"ustar.tar": ustar + END, "gnu.tar": gnu + END, "pax.tar": long + END}
    return {**tars, **_parquets([data for _, data, _ in samples])}


def _parquets(clips: Sequence[bytes]) -> dict[str, bytes]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    audio = pa.array([{"bytes": data, "path": f"c{k}.flac"} for k, data in enumerate(clips)], kind)
    table = pa.table({"audio": audio, "text": [f"t{k}" for k in range(len(clips))], "n": list(range(len(clips)))})
    contents = {}
    for compression in ("none", "snappy", "zstd"):
        out = io.BytesIO()
        pq.write_table(table, out, compression=compression, row_group_size=2, use_dictionary=compression == "zstd")
        contents[f"{compression}.parquet"] = out.getvalue()
    return contents


def mutant(contents: dict[str, bytes], seed: int, index: int) -> tuple[str, bytes]:
    """File name and content of one mutant."""
    draw = generator(seed, "archives", index)
    name = sorted(contents)[index % len(contents)]
    data = contents[name]
    if draw.random() < 0.5:
        data, change = _mutate_header(data, draw) if name.endswith(".tar") else _mutate_footer(data, draw)
    else:
        data, change = mutate_bytes(data, draw)
    stem, _, ending = name.partition(".")
    return f"{index:05}_{stem}_{change}.{ending}", data


def _mutate_header(data: bytes, draw: Random) -> tuple[bytes, str]:
    """A header with another type, name, size or magic, and a right checksum."""
    headers = [at for at in range(0, len(data), 512) if data[at + 257 : at + 262] == b"ustar"]
    at = draw.choice(headers)
    block = bytearray(data[at : at + 512])
    change = draw.choice(("type", "name", "size", "binary_size", "magic", "link_size"))
    if change in ("type", "link_size"):
        block[156] = draw.choice(_TYPES) if change == "type" else ord("2")
    elif change == "name":
        name = draw.choice(_NAMES)
        block[:100] = name.ljust(100, b"\0")
    elif change == "size":
        block[124:136] = b"%011o\0" % draw.choice((0, 1, 511, 513, 1 << 20, 8**11 - 1))
    elif change == "binary_size":
        block[124:136] = b"\x80" + draw.choice((0, 700, 1 << 40, 1 << 62, (1 << 88) - 1)).to_bytes(11, "big")
    else:
        block[257:265] = draw.choice((b"ustar  \0", b"\0" * 8, b"xxxxxxxx"))
    return data[:at] + with_checksum(block) + data[at + 512 :], change


def _mutate_footer(data: bytes, draw: Random) -> tuple[bytes, str]:
    """Changed bytes in the footer, where the places and sizes of everything are, or in the header of a page."""
    length = int.from_bytes(data[-8:-4], "little")
    first, stop = (len(data) - 8 - length, len(data) - 4) if draw.random() < 0.7 else (4, 60)
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 4))):
        changed[draw.randrange(first, stop)] = draw.choice((0, 1, 0x7F, 0x80, 0xFF, draw.randrange(256)))
    return bytes(changed), "footer" if first > 4 else "page"


def run(bench: Bench, seed: int, indices: Iterable[int]) -> Campaign:
    """All mutants in batches, each one data set with a source for each mutant."""
    campaign = Campaign("archives")
    write_sources(bench.folder)
    contents = bases()
    left = list(indices)
    while left:
        batch, left = left[:_BATCH], left[_BATCH:]
        campaign.add(_batch(bench, seed, batch, contents))
    return campaign


def _batch(bench: Bench, seed: int, batch: Sequence[int], contents: dict[str, bytes]) -> Campaign:
    """One batch; one that fails is cut in halves until the mutants that are to blame are alone."""
    campaign = Campaign("archives")
    where = bench.folder / f"batch_{batch[0]}_{len(batch)}"
    files = dict(mutant(contents, seed, index) for index in batch)
    (where / "mutants").mkdir(parents=True)
    sources = []
    for name, data in files.items():
        (where / "mutants" / name).write_bytes(data)
        kind = "webdataset" if name.endswith(".tar") else "huggingface"
        sources.append(f"{{name: s{name[:5]}, path: mutants/{name}, format: {kind}}}")
    shutil.copytree(bench.folder / "noise", where / "noise")
    (where / "recipe.yaml").write_text(_RECIPE.format(sources=", ".join(sources)))
    ended = bench.call("generate", where / "recipe.yaml", "--out", where / "out", "--jobs", "2", cwd=where)
    codes = (0,) if len(batch) > 1 else (0, 1, 2, 3)
    problems = problems_of(ended, codes=codes, names=[*files, "speech"])
    if (ended.returncode or ended.hung) and len(batch) > 1:
        middle = len(batch) // 2
        for half in (batch[:middle], batch[middle:]):
            campaign.add(_batch(bench, seed, half, contents))
    else:
        campaign.tried = len(batch)
        campaign.note(f"archives:{batch[0]}", ended, problems)
        if ended.returncode == 0:
            _check_set(bench, campaign, where, files)
    if not bench.keep:
        shutil.rmtree(where)
    return campaign


def _check_set(bench: Bench, campaign: Campaign, where: Path, files: dict[str, bytes]) -> None:
    """Verify; every mutant is made or refused, and what is made has the samples of a clip of the base."""
    verified = bench.call("verify", where / "out")
    problems = problems_of(verified, codes=(0,), names=["verify"])
    lengths = {soundfile.info(io.BytesIO(clip(k))).frames for k in range(_CLIPS)}
    made: dict[str, list[int]] = {name: [] for name in files}
    refused: dict[str, int] = dict.fromkeys(files, 0)
    for row in _rows(where / "out" / "manifest.jsonl"):
        name = row["source"]["path"].split("/", 1)[0]
        made[name].append(row["source"]["num_samples"])
        samples, _ = soundfile.read(where / "out" / row["audio_filepath"])
        if not np.isfinite(samples).all() or len(samples) != row["num_samples"]:
            problems.append(f"{name}: a clip that is not what its row says")
    for row in _rows(where / "out" / "quarantine.jsonl"):
        name = row["path"].split("/", 1)[0]
        refused[name] = refused.get(name, 0) + 1
        campaign.codes[row["code"]] += 1
        if row["code"] not in BadInput.CODES or not row["message"].strip():
            problems.append(f"{name}: refused without a code or message: {row}")
    for name in files:
        if not made[name] and not refused[name]:
            problems.append(f"{name} is neither made nor refused")
        # a changed bit of a clip itself may be in its number of samples, which a reader of FLAC must believe
        if name.partition(".")[0].rpartition("_")[2] in _OF_ARCHIVE and not lengths.issuperset(made[name]):
            problems.append(f"{name}: clips of {made[name]} samples, there are none such in the archive")
    campaign.accepted += sum(map(bool, made.values()))
    campaign.note(f"archives in {where.name}", verified, problems)


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().split(b"\n") if line]
