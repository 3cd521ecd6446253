"""Data sets of other tools as sources and as dev sets: the same clips, whatever format they come in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synth.audio.read import read_samples
from synth.catalog.scan import scan
from synth.commands.compare import compare_sets
from synth.commands.dataset import read_status, verify
from synth.commands.generate import generate
from synth.commands.profile import profile_to
from synth.commands.replay import replay
from synth.commands.split import SplitRequest, split_real_audio
from synth.dev_test.real_set import open_real_set
from synth.errors import BadInput, SynthError
from synth.lists.formats.registry import SOURCE_FORMATS, detect_format
from synth.match.measure.audio_set import open_set
from synth.recipe.model import Limits, Source
from tests.foreign_sets import RATE, SETS, TEXTS, Clip, cut, some_clips, write_huggingface, write_webdataset
from tests.helpers import ROOT
from tests.tars import write_tar


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    return some_clips()


def scanned(folder: Path, source: Source):
    return scan([source], folder=folder, limits=Limits(), jobs=1)


def test_every_format_has_a_set_here() -> None:
    assert {name for name, _ in SETS.values()} == set(SOURCE_FORMATS)


@pytest.mark.parametrize("name", SETS)
def test_as_a_source_it_gives_the_same_clips(tmp_path: Path, clips: list[Clip], name: str) -> None:
    kind, write = SETS[name]
    write(tmp_path / "set", clips)
    catalog = scanned(tmp_path, Source(name="s", path="set", format=kind))
    assert list(catalog.refused) == []
    by_id = {(row.labels or {}).get("id"): (k, row) for k, row in enumerate(catalog)}
    assert set(by_id) == {clip.id for clip in clips}
    for clip in clips:
        k, row = by_id[clip.id]
        assert (row.text, row.speaker, row.num_samples, row.sample_rate) == (
            clip.text,
            clip.speaker,
            len(clip.samples),
            RATE,
        )
        assert (row.labels or {}).get("language") == clip.language
        samples, _ = read_samples(catalog.file(k), offset=row.offset, num_samples=row.num_samples)
        assert np.array_equal(np.rint(samples * 32768).astype(np.int16), clip.samples)


@pytest.mark.parametrize("name", [name for name in SETS if name != "audiofolder"])
def test_it_is_recognized(tmp_path: Path, clips: list[Clip], name: str) -> None:
    kind, write = SETS[name]
    assert detect_format(write(tmp_path / "set", clips)) == kind
    assert len(scanned(tmp_path, Source(name="s", path="set"))) == len(clips)


@pytest.mark.parametrize("name", SETS)
def test_a_folder_with_loose_audio_is_a_folder_as_before(
    tmp_path: Path, clips: list[Clip], make_sound, name: str
) -> None:
    SETS[name][1](tmp_path / "set", clips)
    make_sound("set/loose.wav")
    assert detect_format(tmp_path / "set") is None


@pytest.mark.parametrize("name", SETS)
def test_as_a_dev_set_it_gives_the_same_clips(tmp_path: Path, clips: list[Clip], name: str) -> None:
    _, write = SETS[name]
    folder = write(tmp_path / "set", clips)
    real_set = open_real_set(folder)
    assert real_set.refused == ()
    assert sorted(row.detail.get("text") for row in real_set.rows) == sorted(clip.text for clip in clips)
    if name != "audiofolder":  # `synth profile` reads a folder with metadata as a folder, and says so
        audio_set = open_set(folder)
        assert len(audio_set.clips) == len(clips)
        assert {clip.group for clip in audio_set.clips} == {"spk0", "spk1"}


def test_audio_that_is_elsewhere_needs_the_folder_that_it_is_in(tmp_path: Path, clips: list[Clip]) -> None:
    folder = SETS["kaldi"][1](tmp_path / "set", clips)
    (tmp_path / "set" / "wav").rename(tmp_path / "corpus")
    lines = "".join(f"{clip.id} {tmp_path}/corpus/{clip.id}.flac\n" for clip in clips)
    (folder / "wav.scp").write_text(lines)
    with pytest.raises(SynthError, match=r"`manifest: set`, and the folder that all its audio is in as `path`"):
        scanned(tmp_path, Source(name="s", path="set", format="kaldi"))
    catalog = scanned(tmp_path, Source(name="s", path="corpus", manifest="set", format="kaldi"))
    assert sorted(row.path for row in catalog) == sorted(f"{clip.id}.flac" for clip in clips)
    assert len(open_real_set(folder).rows) == len(clips)


RECIPE = """
seed: 5
sample_rate: 16000
copies: 2
speech:
  sources: [{{name: s, path: speech, format: {speech}}}]
  room: {{probability: 0.5, sources: [{{path: rooms, format: {room}}}]}}
margins_s: [0.05, 0.1]
noise:
  snr_db: [5, 15]
  layers: [{{name: car, sources: [{{name: n, path: noise, format: {noise}}}], min_recordings: 2}}]
splits: {{by: [id], train: 1.0}}
output: {{shard_size: 4}}
"""


def noises(count: int = 4) -> list[Clip]:
    """Four seconds of noise each, without text."""
    return [
        Clip(f"noise-{k}", "", "", (1000 * np.random.RandomState(90 + k).standard_normal(4 * RATE)).astype(np.int16))
        for k in range(count)
    ]


def responses() -> list[Clip]:
    decay = 20_000 * np.exp(-np.arange(800) / 90.0)
    return [Clip(f"room-{k}", "", "", (decay * np.cos(np.arange(800) * k)).astype(np.int16)) for k in range(2)]


@pytest.mark.parametrize(
    ("speech", "noise", "room"),
    [
        ("webdataset", "huggingface", "kaldi"),
        ("huggingface", "shar", "webdataset"),
        ("shar", "nemo_tarred", "lhotse_cuts"),
    ],
)
def test_speech_noise_and_rooms_in_archives_make_a_data_set_that_holds(
    tmp_path: Path, clips: list[Clip], speech: str, noise: str, room: str
) -> None:
    """The same clips as from loose files, to the byte of the samples; it verifies, replays and resumes as any other."""
    kinds = {"speech": (speech, clips), "noise": (noise, noises()), "room": (room, responses())}
    for name, (kind, content) in kinds.items():
        SETS[kind][1](tmp_path / ("rooms" if name == "room" else name), content)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE.format(**{name: SETS[kind][0] for name, (kind, _) in kinds.items()}))
    out = tmp_path / "out"
    generate(recipe, out, jobs=1)
    rows = [json.loads(line) for line in (out / "manifest.jsonl").read_bytes().splitlines()]
    assert len(rows) == 2 * len(clips)
    assert sorted({row["text"] for row in rows}) == sorted(clip.text for clip in clips)
    assert {row["labels"]["language"] for row in rows} == {"de"}
    assert all((tmp_path / "speech" / row["source"]["path"].rpartition("/")[0]).is_file() for row in rows)
    assert verify(out).findings == []
    assert replay(out, rows[0]["id"], tmp_path / "again.flac").same
    assert read_status(out).complete
    if speech == "webdataset":
        generate(recipe, tmp_path / "twice", jobs=2)
        assert (tmp_path / "twice" / "manifest.jsonl").read_bytes() == (out / "manifest.jsonl").read_bytes()


def test_an_archive_that_changed_since_the_plan_is_noticed(tmp_path: Path, clips: list[Clip]) -> None:
    write_webdataset(tmp_path / "speech", clips)
    SETS["shar"][1](tmp_path / "noise", noises())
    recipe = tmp_path / "recipe.yaml"
    text = RECIPE.format(speech="webdataset", noise="shar", room="shar").replace("  room:", "  # room:")
    recipe.write_text(text)
    generate(recipe, tmp_path / "out", jobs=1)
    row = json.loads((tmp_path / "out" / "manifest.jsonl").read_bytes().splitlines()[0])
    archive = tmp_path / "speech" / row["source"]["path"].split("/")[0]
    os.utime(archive, (1e9, 1e9))  # touched: the same clip all the same
    assert replay(tmp_path / "out", row["id"], tmp_path / "a.flac").same
    data = bytearray(archive.read_bytes())
    data[data.index(b"fLaC") + 2000] ^= 255
    archive.write_bytes(data)
    with pytest.raises(BadInput, match=r"\.tar/clip-"):
        for each in (tmp_path / "out" / "manifest.jsonl").read_bytes().splitlines():
            replay(tmp_path / "out", json.loads(each)["id"], tmp_path / "b.flac")


@pytest.mark.parametrize("name", ["lhotse_cuts", "huggingface"])
def test_profile_split_and_compare_take_them(tmp_path: Path, name: str) -> None:
    clips = some_clips(12)
    spoken = [replace(clip, samples=np.tile(clip.samples, 3), speaker=f"spk{k % 6}") for k, clip in enumerate(clips)]
    folder = SETS[name][1](tmp_path / "real", spoken)
    measured = profile_to(folder, tmp_path / "real.profile", jobs=1).profile
    assert len(measured.clips) == len(spoken)
    assert len({clip.group for clip in measured.clips}) == 6
    assert compare_sets(folder, folder, jobs=1).advice is not None
    split_real_audio(SplitRequest(folder, tmp_path / "split", {"dev": "4", "test": "4"}, by=("speaker",)))
    lists = sorted((tmp_path / "split").glob("*.jsonl"))
    rows = [json.loads(line) for path in lists for line in path.read_bytes().splitlines()]
    assert {row["text"] for row in rows} <= set(TEXTS)
    assert len(open_real_set(lists[0]).rows) > 0


def _marked(name: str, folder: Path) -> Path:
    """A set with the marks that `synth export` leaves in its rows."""
    marks = {"source_id": "s", "pcm_sha256": "0", "synth": {"labels": {}}}
    clip = some_clips(1)[0]
    folder.mkdir()
    if name == "webdataset":
        return write_tar(folder / "a.tar", [("a.flac", clip.flac), ("a.json", json.dumps(marks).encode())])
    if name == "lhotse":
        (folder / "cuts.jsonl").write_text(json.dumps({**cut(clip, "a.flac"), "custom": marks}))
    elif name == "huggingface":
        audio = pa.array([{"bytes": clip.flac, "path": "a"}])
        pq.write_table(pa.table({"audio": audio, "pcm_sha256": ["0"], "source_id": ["s"]}), folder / "a.parquet")
    else:
        write_tar(folder / "audio_0.tar", [("a.flac", clip.flac)])
        row = {"audio_filepath": "a.flac", "duration": 0.5, "source_id": "s", "copy": 0, "speech_onset": 0.2}
        (folder / "tarred_audio_manifest.json").write_text(json.dumps({**row, "shard_id": 0}))
    return folder


@pytest.mark.parametrize("name", ["webdataset", "lhotse", "huggingface", "nemo_tarred"])
def test_clips_of_synth_are_refused_in_any_format(tmp_path: Path, name: str) -> None:
    """Their noise is in them, so no SNR made from them would be true, and no dev set may have them."""
    path = _marked(name, tmp_path / "set")
    with pytest.raises(SynthError, match=r"is a clip that synth made: its clips are mixtures"):
        scanned(tmp_path, Source(name="s", path=str(path), format=name))
    assert len(scanned(tmp_path, Source(name="s", path=str(path), format=name, allow_synthesized=True))) == 1
    with pytest.raises(SynthError, match=r"columns of a clip that synth exported"):
        open_real_set(path)


def test_this_process_never_loads_what_decodes_parquet(tmp_path: Path, clips: list[Clip]) -> None:
    """It may crash on a hostile file, and it starts a thread, after which workers could not be forked."""
    write_huggingface(tmp_path / "set", clips)
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from synth.catalog.scan import scan\n"
        "from synth.catalog.source_hashes import hash_sources\n"
        "from synth.recipe.model import Limits, Source\n"
        "catalog = hash_sources(scan([Source(name='s', path='set')], folder=Path(sys.argv[1]), limits=Limits()))\n"
        "print(len(catalog), sum(map(bool, map(catalog.sha256, range(len(catalog))))), 'pyarrow' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.split() == ["4", "4", "False"]
