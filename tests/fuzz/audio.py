"""Mutated audio files as speech: each is either made, with its right length, or in quarantine with a code."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import soundfile

from synth.audio.read import ROUNDING_SECONDS
from synth.errors import BadInput
from tests.fuzz.bench import Bench, sound, write_sources
from tests.fuzz.mutators import generator, mutate_bytes
from tests.fuzz.ogg_pages import with_checksums
from tests.fuzz.outcome import Campaign, problems_of

RATE: Final = 8000
_BATCH: Final = 200
_FORMATS: Final = (
    ("wav", "WAV", "PCM_16", 1), ("wav", "WAV", "PCM_U8", 2), ("wav", "WAV", "PCM_24", 1), ("wav", "WAV", "FLOAT", 1),
    ("wav", "WAV", "DOUBLE", 2), ("wav", "WAV", "ULAW", 1), ("wav", "WAV", "IMA_ADPCM", 1), ("wav", "WAVEX", "PCM_16", 2),
    ("wav", "WAVEX", "FLOAT", 1), ("wav", "RF64", "PCM_16", 1), ("w64", "W64", "PCM_16", 1), ("w64", "W64", "FLOAT", 2),
    ("flac", "FLAC", "PCM_16", 1), ("flac", "FLAC", "PCM_24", 2), ("ogg", "OGG", "VORBIS", 1), ("ogg", "OGG", "VORBIS", 2),
    ("ogg", "OGG", "OPUS", 1), ("mp3", "MP3", "MPEG_LAYER_III", 1), ("mp3", "MP3", "MPEG_LAYER_III", 2),
    ("aiff", "AIFF", "PCM_16", 1), ("aiff", "AIFF", "FLOAT", 1), ("caf", "CAF", "PCM_16", 1), ("caf", "CAF", "ALAC_16", 1),
    ("au", "AU", "PCM_16", 1), ("au", "AU", "FLOAT", 1),
)  # fmt: skip
_RECIPE: Final = """
seed: 3
sample_rate: 8000
copies: 1
speech: {{sources: {folder}}}
margins_s: 0
noise: {{snr_db: 10, measure: rms, layers: [{{name: car, sources: noise, min_recordings: 3}}]}}
splits: {{by: [id], train: 1.0}}
limits: {{max_bad: 100000, max_speech_s: 60, timeout_s: 20}}
output: {{shard_size: 32, stems: true}}
"""


def bases(folder: Path, *, real: bool) -> list[Path]:
    """Short files of all containers; with `real`, small ones of SYNTH_TEST_AUDIO, too."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for ending, container, coding, channels in _FORMATS:
        path = folder / f"{container}_{coding}_{channels}.{ending}"
        paths.append(path)
        if path.exists():
            continue
        rate = 16000 if coding == "OPUS" else RATE
        soundfile.write(path, sound(0.5, rate, channels=channels), rate, subtype=coding, format=container)
        if container == "OGG":
            path.write_bytes(with_checksums(path.read_bytes(), serial=1))
        elif b"PEAK" in path.read_bytes():  # libsndfile writes the time of day into this chunk
            head, _, tail = path.read_bytes().partition(b"PEAK")
            path.write_bytes(head + b"PEAK" + tail[:8] + bytes(4) + tail[12:])
    return paths + (_real_files() if real else [])


def _real_files() -> list[Path]:
    given = os.environ.get("SYNTH_TEST_AUDIO")
    if not given:
        return []
    files = sorted(p for p in Path(given).rglob("*.*") if p.is_file() and 1000 < p.stat().st_size < 100_000)
    chosen: dict[str, list[Path]] = {}
    for path in files:
        chosen.setdefault(path.suffix.lower(), []).append(path)
    return [path for ending in sorted(chosen) if ending[1:] in _ENDINGS for path in chosen[ending][:3]]


_ENDINGS: Final = frozenset(ending for ending, *_ in _FORMATS)


def mutant(paths: Sequence[Path], seed: int, index: int) -> tuple[str, bytes]:
    """File name and content of one mutant."""
    draw = generator(seed, "audio", index)
    base = paths[index % len(paths)]
    data, change = mutate_bytes(base.read_bytes(), draw)
    if base.suffix == ".ogg" and draw.random() < 0.5:
        data, change = with_checksums(data), f"{change}_summed"
    return f"{index:05}_{base.stem[:30]}_{change}{base.suffix}", data


def run(bench: Bench, seed: int, indices: Iterable[int], *, real: bool = False) -> Campaign:
    """All mutants in batches, each one data set."""
    campaign = Campaign("audio")
    write_sources(bench.folder)
    paths = bases(bench.folder / "bases", real=real)
    left = list(indices)
    while left:
        batch, left = left[:_BATCH], left[_BATCH:]
        campaign.add(_batch(bench, seed, batch, paths))
    return campaign


def _batch(bench: Bench, seed: int, batch: Sequence[int], paths: Sequence[Path]) -> Campaign:
    """One batch; one that fails is cut in halves until the mutants that are to blame are alone."""
    campaign = Campaign("audio")
    where = bench.folder / f"batch_{batch[0]}_{len(batch)}"
    files = dict(mutant(paths, seed, index) for index in batch)
    (where / "mutants").mkdir(parents=True)
    for name, data in files.items():
        (where / "mutants" / name).write_bytes(data)
    shutil.copytree(bench.folder / "noise", where / "noise")
    (where / "recipe.yaml").write_text(_RECIPE.format(folder="mutants"))
    ended = bench.call("generate", where / "recipe.yaml", "--out", where / "out", "--jobs", "2", cwd=where)
    # A data set with no clips is a failure, and what is in it is looked at all the same.
    codes = (0,) if len(batch) > 1 else (0, 1, 2, 3)
    problems = problems_of(ended, codes=codes, names=[*files, "speech"])
    if (ended.returncode or ended.hung) and len(batch) > 1:
        middle = len(batch) // 2
        for half in (batch[:middle], batch[middle:]):
            campaign.add(_batch(bench, seed, half, paths))
        if not campaign.violations:
            campaign.note(f"audio:{batch[0]}+{len(batch)}", ended, problems)
    else:
        campaign.tried = len(batch)
        campaign.note(f"audio:{batch[0]}", ended, problems)
        if ended.returncode == 0:
            _check_set(bench, campaign, where, files)
    if not bench.keep:
        shutil.rmtree(where)
    return campaign


def _check_set(bench: Bench, campaign: Campaign, where: Path, files: dict[str, bytes]) -> None:
    """Verify, and each mutant in one place with its length."""
    verified = bench.call("verify", where / "out")
    made = {Path(row["source"]["path"]).name: row for row in _rows(where / "out" / "manifest.jsonl")}
    refused = {Path(row["path"]).name: row for row in _rows(where / "out" / "quarantine.jsonl")}
    problems = problems_of(verified, codes=(0,), names=["verify"])
    decoded = bench.call(where / "mutants", target="tests.fuzz.audio:print_lengths")
    lengths = {name: found for name, *found in map(json.loads, decoded.stdout.splitlines())}
    for name in files:
        problems += [f"{name}: {problem}" for problem in _problems_of(name, made, refused, lengths)]
    campaign.accepted += len(made)
    campaign.codes.update(row["code"] for row in refused.values())
    campaign.note(f"audio in {where.name}", verified, problems)


def _problems_of(
    name: str, made: dict[str, Any], refused: dict[str, Any], lengths: dict[str, list[Any]]
) -> Iterator[str]:
    if (name in made) == (name in refused):
        yield "is made and in quarantine" if name in made else "is neither made nor in quarantine"
    if name in refused and (refused[name]["code"] not in BadInput.CODES or not refused[name]["message"].strip()):
        yield f"refused without a code or message: {refused[name]}"
    if name not in made:
        return
    row, (frames, rate) = made[name], lengths.get(name, [None, None])
    if frames is None:
        yield f"is made, and a decoder refuses it: {rate}"
    elif rate != row["source"]["sampling_rate"] or not 0 <= row["source"]["num_samples"] - frames <= _slack(name, rate):
        yield f"has {frames} samples at {rate} Hz, its row says {row['source']}"
    elif abs(row["num_samples"] - row["source"]["num_samples"] * RATE / rate) > 1:
        yield f"makes {row['num_samples']} samples of {frames} at {rate} Hz"


def _slack(name: str, rate: int) -> int:
    """Samples that a reader fills up with zeros: a header of FLAC may promise up to 10 ms more than there is."""
    return int(ROUNDING_SECONDS * rate) if name.endswith(".flac") else 0


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().split(b"\n") if line]


class _Sequential(soundfile.SoundFile):  # type: ignore[misc]
    """Without the seek after each read, which a FLAC file refuses if its header promises more than there is."""

    def seekable(self) -> bool:
        return False


def print_lengths() -> None:
    """In a child: name, decoded samples and rate of each file of a folder, as JSON lines; the error for none."""
    for path in sorted(Path(sys.argv[1]).iterdir()):
        try:
            try:
                frames, rate = _decoded(soundfile.SoundFile(path))
            except soundfile.LibsndfileError:
                frames, rate = _decoded(_Sequential(path))
            print(json.dumps([path.name, frames, rate]))
        except (RuntimeError, TypeError, ValueError) as error:
            print(json.dumps([path.name, None, str(error)]))


def _decoded(file: soundfile.SoundFile) -> tuple[int, int]:
    with file:
        frames = 0  # not file.blocks(): it gives as many as the header guesses
        while count := len(file.read(65536, dtype="float32", always_2d=True)):
            frames += count
        return frames, file.samplerate
