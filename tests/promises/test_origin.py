"""The noise of a clip is found in its source file, at the samples that the manifest names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from synth.commands.generate import generate
from tests.helpers import fixture_recipe, rows_of

SOURCE_RATE, RATE = 48000, 16000  # at 44.1 kHz the rounding to a sample of the file would show in white noise
HEAD_S = 0.25  # crossfades are shorter


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips over noise at another rate: one file with a dead second in it, and two parts of another by a list."""
    folder = tmp_path_factory.mktemp("origin")
    rng = np.random.default_rng(5)
    (folder / "noise").mkdir()
    for name in ("holed", "parted"):
        samples = rng.standard_normal(8 * SOURCE_RATE) * 0.1
        if name == "holed":
            samples[3 * SOURCE_RATE : 4 * SOURCE_RATE] = 0
        soundfile.write(folder / "noise" / f"{name}.wav", samples, SOURCE_RATE, subtype="PCM_24")
    rows = ["path,offset,duration", "holed.wav,0,8", "parted.wav,0.5,3.2", "parted.wav,4.25,3"]
    (folder / "noise" / "list.csv").write_text("\n".join(rows) + "\n")
    layers = (
        f"  layers:\n    - {{name: cabin, min_recordings: 1, max_reuse: 1000, sources: [{{name: car, "
        f"path: '{folder}/noise', manifest: '{folder}/noise/list.csv'}}]}}"
    )
    output = "output: {format: flac, stems: true}"
    recipe = fixture_recipe(
        folder / "recipe", layers=layers, output=output, head="schema: 1\nseed: 7\nsample_rate: 16000\ncopies: 4"
    )
    generate(recipe, folder / "out")
    return folder


def correlation(stem: np.ndarray, source: np.ndarray) -> float:
    return float(np.dot(stem, source) / np.sqrt(np.dot(stem, stem) * np.dot(source, source)))


def compared(folder: Path, row: dict[str, Any]) -> list[list[float]]:
    """For each piece and segment the correlation of the stem with the source, where nothing is crossfaded."""
    stem, _ = soundfile.read(folder / "out" / row["stems"]["noise"])
    ends = [*(piece["at"] for piece in row["noise"][1:]), len(stem)]
    return [in_piece(folder, piece, stem[piece["at"] : end]) for piece, end in zip(row["noise"], ends, strict=True)]


def in_piece(folder: Path, piece: dict[str, Any], stem: np.ndarray) -> list[float]:
    sound, rate = soundfile.read(folder / "noise" / piece["source_path"])
    at, found = 0, []
    for start, count in piece["source_segments"]:
        cut = soxr.resample(sound[start : start + count], rate, RATE)
        stop = min(len(cut), len(stem) - at) - round(0.01 * RATE)  # a resampler rings at cut ends
        inside = slice(round(HEAD_S * RATE), stop)
        if stop - inside.start > 0.1 * RATE:
            found.append(correlation(stem[at : at + len(cut)][inside], cut[inside]))
        at += len(cut)
    assert abs(at - piece["source_num_samples"]) <= len(piece["source_segments"])
    return found


def test_noise_is_found_at_the_samples_of_its_source(made: Path) -> None:
    """Item 8: `noise[].offset` counts on a circle of usable sound, which nobody outside can unwind."""
    rows = rows_of(made / "out" / "manifest.jsonl")
    pieces = [piece for row in rows for piece in row["noise"]]
    assert {piece["source_path"] for piece in pieces} == {"holed.wav", "parted.wav"}
    assert {piece["source_name"] for piece in pieces} == {"car"}
    measured = [values for row in rows for values in compared(made, row)]
    assert min(value for values in measured for value in values) > 0.999
    assert sum(len(values) > 1 for values in measured) >= 2  # over the hole, or round the end


def test_segments_lie_in_the_part_that_the_list_names(made: Path) -> None:
    for row in rows_of(made / "out" / "manifest.jsonl"):
        for piece in (piece for piece in row["noise"] if piece["source_path"] == "parted.wav"):
            parts = [
                (round(0.5 * SOURCE_RATE), round(3.7 * SOURCE_RATE)),
                (round(4.25 * SOURCE_RATE), round(7.25 * SOURCE_RATE)),
            ]
            for start, count in piece["source_segments"]:
                assert any(low <= start and start + count <= high for low, high in parts)
