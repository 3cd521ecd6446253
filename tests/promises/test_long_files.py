"""B5: memory does not follow the length of one file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from synth.catalog.probe import AudioSegment
from synth.match.measure.audio_set import open_set
from synth.match.measure.profiler import MEASURED_SAMPLES, measure_file, measure_set
from synth.processes.pool import Pool

RATE, SECONDS = 48_000, 400


@pytest.fixture(scope="module")
def long_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stereo of 400 s, so soft and so much the same that it is small on disk."""
    path = tmp_path_factory.mktemp("long") / "long.flac"
    block = (np.random.default_rng(1).standard_normal((RATE, 2)) * 20).astype(np.int16)
    with sf.SoundFile(path, "w", RATE, 2, "PCM_16") as file:
        for _ in range(SECONDS):
            file.write(block)
    return path


def answer_of(function: str, *task: object) -> tuple[object, int]:
    with Pool(1) as pool:
        ((_, answer),) = pool.map(f"tests.processes.hostile:{function}", [task], timeout_s=60)
    return answer  # type: ignore[no-any-return]


def test_profile_measures_the_start_of_a_long_file_in_bounded_memory(long_file: Path) -> None:
    measured, megabytes = answer_of("profile_and_measure", str(long_file))
    assert isinstance(measured, dict)
    assert (measured["seconds"], measured["features"]["duration_s"], measured["cut"]) == (SECONDS, SECONDS, True)
    assert megabytes < 300


def test_the_own_snr_of_long_speech_is_measured_in_bounded_memory(long_file: Path) -> None:
    place = AudioSegment(str(long_file.parent), 0, 30 * RATE, "mean")
    snr, megabytes = answer_of("own_snr_and_measure", str(long_file), place)
    assert isinstance(snr, float)
    assert megabytes < 300


def test_a_profile_notes_the_clips_that_were_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synth.match.measure.profiler.MEASURED_SAMPLES", 8000)
    monkeypatch.setattr("synth.match.measure.profiler.Pool", _InProcess)
    noise = np.random.default_rng(1).standard_normal(12_000) * 0.1
    for name, count in (("long.wav", 12_000), ("short.wav", 8000)):
        sf.write(tmp_path / name, noise[:count], 8000)
    profile = measure_set(open_set(tmp_path), cache=tmp_path / "cache").profile
    note = "long clips: of 1 only the start was measured (8,000 samples); a list with offsets cuts a recording into utterances"
    assert note in profile.notes
    assert {clip.path: clip.features["duration_s"] for clip in profile.clips} == {"long.wav": 1.5, "short.wav": 1.0}
    levels = {clip.features["level_dbfs"] for clip in profile.clips}
    assert len(levels) == 1, "of both the same 8000 samples are measured"
    assert MEASURED_SAMPLES == 60 * 48_000


class _InProcess(Pool):
    def map(self, function, tasks, *, timeout_s, batch=1):  # type: ignore[no-untyped-def]
        yield from ((k, measure_file(*task)) for k, task in enumerate(tasks))
