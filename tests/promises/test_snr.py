"""The bar on levels: the SNR computed from the written stems, by code that shares nothing with synth, is the one asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from synth.commands.generate import generate
from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.verify import verify
from tests import oracles
from tests.helpers import FIXTURES, LONG, fixture_recipe, needs_real_audio, real_audio, rows_of

SCALES = [
    ("active", "band"),
    ("active", "a"),
    ("active", "none"),
    ("rms", "band"),
    ("rms", "a"),
    ("rms", "none"),
    ("lufs", "none"),
]
LAYERS = f"""  layers:
    - name: cabin
      sources: [{{name: car, path: '{FIXTURES}/noise/car'}}]
      recordings: {{choice: [1, 2, 3]}}
      effects:
        - speed: {{log_uniform: [0.85, 1.18]}}
        - equalizer: {{bands_db: {{normal: [0, 3]}}, tilt_db_per_octave: [-6, 6]}}
        - drift: {{depth_db: [0, 2]}}
        - polarity: {{}}
          probability: 0.5
    - name: rain
      probability: 0.3
      relative_db: [-12, 0]
      sources: [{{name: rain, path: '{FIXTURES}/noise/rain'}}]"""
SHORT_NOISE = """  layers:
    - {name: cabin, min_recordings: 1, max_reuse: 100000, sources: [{name: car, path: 'short'}]}"""
OUTPUT = "output: {format: flac, stems: true}"


def tolerance(measure: str, weighting: str) -> float:
    return 0.05 if (measure, weighting) == ("rms", "none") else 0.1


def stems(out: Path, row: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    found = [soundfile.read(out / row["stems"][name], dtype="float64")[0] for name in ("speech", "noise")]
    return found[0], found[1]


def span_of(row: dict[str, Any]) -> slice:
    onset = row["speech"]["onset"]
    return slice(onset, onset + row["speech"]["num_samples"])


def noisy_rows(out: Path) -> list[dict[str, Any]]:
    return [row for row in rows_of(out / "manifest.jsonl") if row["noise"]]


def snr_error(out: Path, row: dict[str, Any], **swapped: Any) -> float:
    speech, noise = stems(out, row)
    how = {
        "span": span_of(row),
        "measure": row["snr_db"]["measure"],
        "weighting": row["snr_db"]["weighting"],
        **swapped,
    }
    return abs(oracles.snr_db(speech, noise, row["sampling_rate"], **how) - row["snr_db"]["requested"])


HOURS = (0.085, 0.06) if LONG else (0.022, 0.016)
"""Of the clips for each scale, and for LUFS."""


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[str, str], Path]]:
    """18 clips or more (long form: 72) for each measure and weighting: several layers, summed recordings, every noise effect, a room."""
    folder = tmp_path_factory.mktemp("snr")
    made = {}
    for measure, weighting in SCALES:
        recipe = fixture_recipe(
            folder / f"{measure}-{weighting}",
            head=f"seed: 23\nsample_rate: 16000\nhours: {HOURS[measure == 'lufs']}",
            room=f"  room: {{probability: 0.3, sources: [{{name: room, path: '{FIXTURES}/room'}}]}}",
            noise=f"noise:\n  snr_db: [-5, 25]\n  measure: {measure}\n  weighting: {weighting}",
            layers=LAYERS,
            output=OUTPUT,
        ).rename(folder / f"{measure}-{weighting}.yaml")
        lines = recipe.read_text().split("\n")
        room = next(line for line in lines if line.startswith("  room:"))
        lines.remove(room)
        lines.insert(next(i for i, line in enumerate(lines) if line.startswith("margins_s")), room)
        recipe.write_text("\n".join(lines))
        made[measure, weighting] = folder / f"{measure}-{weighting}-out"
        generate(recipe, made[measure, weighting], jobs=2)
    yield made


def test_every_clip_has_the_snr_asked_for(mixed: dict[tuple[str, str], Path]) -> None:
    worst: dict[str, float] = {}
    clips = 0
    for (measure, weighting), out in mixed.items():
        errors = [snr_error(out, row) for row in noisy_rows(out)]
        clips += len(errors)
        worst[f"{measure}/{weighting}"] = max(errors)
    print(f"\n{clips} clips, worst SNR error in dB: " + ", ".join(f"{k} {v:.3f}" for k, v in worst.items()))
    assert clips >= (500 if LONG else 120)
    for scale, error in worst.items():
        assert error <= tolerance(*scale.split("/")), worst


def test_swapping_weighting_span_or_margins_would_be_seen(mixed: dict[tuple[str, str], Path]) -> None:
    """The control: measured in another way, the same stems miss by far."""
    out = mixed["active", "band"]
    rows = noisy_rows(out)
    whole = [snr_error(out, row, span=slice(0, row["num_samples"])) for row in rows]
    broad = [snr_error(out, row, weighting="none") for row in rows]
    rms = [snr_error(out, row, measure="rms") for row in rows]
    late = [snr_error(out, row, span=slice(0, row["speech"]["num_samples"])) for row in rows]
    assert max(whole) > 0.1
    assert np.mean(broad) > 0.5
    assert np.mean(rms) > 0.3
    assert np.mean(late) > 0.3


def test_the_other_measured_values_are_true_too(mixed: dict[tuple[str, str], Path]) -> None:
    """`band`, `a` and `broadband` share the activity of the measure: with `rms` it is 1, so they can be checked alone."""
    out = mixed["rms", "band"]
    for row in noisy_rows(out):
        speech, noise = stems(out, row)
        for key, weighting in (("band", "band"), ("a", "a"), ("broadband", "none")):
            found = oracles.snr_db(speech, noise, 16000, span=span_of(row), measure="rms", weighting=weighting)
            assert row["snr_db"][key] == pytest.approx(found, abs=0.1)


def test_stems_sum_to_the_mix_within_one_step(mixed: dict[tuple[str, str], Path]) -> None:
    for out in mixed.values():
        for row in noisy_rows(out)[:20]:
            mix = soundfile.read(out / row["audio_filepath"], dtype="float64")[0]
            speech, noise = stems(out, row)
            assert np.abs(mix - (speech + noise)).max() <= 1 / 32768


def test_level_peak_and_length_are_as_the_manifest_says(mixed: dict[tuple[str, str], Path]) -> None:
    for out in mixed.values():
        for row in rows_of(out / "manifest.jsonl"):
            mix = soundfile.read(out / row["audio_filepath"], dtype="float64")[0]
            assert mix.size == row["num_samples"]
            level = 10 * np.log10(np.mean(mix**2))
            assert level == pytest.approx(row["level_dbfs"]["measured"], abs=0.02)
            assert row["level_dbfs"]["measured"] == pytest.approx(
                row["level_dbfs"]["requested"] + row["headroom_gain_db"], abs=0.002
            )
            assert 20 * np.log10(np.abs(mix).max()) <= -1.0 + 0.001


def test_noise_of_300_ms_under_long_speech(tmp_path: Path) -> None:
    """Short noise is chained from pieces: the SNR holds, there is no gap and no period."""
    (tmp_path / "short").mkdir()
    source = soundfile.read(sorted((FIXTURES / "noise" / "car").glob("*.flac"))[0], dtype="float64")[0]
    soundfile.write(tmp_path / "short" / "car.wav", source[:4800], 16000)
    recipe = fixture_recipe(
        tmp_path,
        layers=SHORT_NOISE,
        noise="noise:\n  snr_db: [0, 10]\n  measure: rms\n  weighting: none",
        output=OUTPUT,
    )
    generate(recipe, tmp_path / "out", jobs=2)
    rows = noisy_rows(tmp_path / "out")
    assert max(snr_error(tmp_path / "out", row) for row in rows) <= 0.05
    for row in rows:
        noise = stems(tmp_path / "out", row)[1]
        blocks = (noise[: noise.size // 1600 * 1600].reshape(-1, 1600) ** 2).mean(axis=1)
        assert 10 * np.log10(blocks.min() / blocks.mean()) > -9
        assert len({(piece["offset"], piece["source_num_samples"]) for piece in row["noise"]}) == len(row["noise"])


REAL_LAYERS = """  layers:
    - name: cabin
      max_reuse: 100000
      min_recordings: 5
      sources: [{{name: car, path: '{audio}/noise/car'}}]
      recordings: {{choice: [1, 2]}}
      effects:
        - speed: {{log_uniform: [0.85, 1.18]}}
    - name: outside
      probability: 0.3
      relative_db: [-12, 0]
      sources: [{{name: other, path: '{audio}/noise/other', glob: '*.flac'}}]"""


@needs_real_audio
@pytest.mark.parametrize(
    ("measure", "weighting"), [("active", "band"), ("rms", "none"), ("active", "a"), ("lufs", "none")]
)
def test_real_audio_has_the_snr_asked_for(tmp_path: Path, measure: str, weighting: str) -> None:
    audio = real_audio()
    recipe = fixture_recipe(
        tmp_path,
        head="seed: 5\nsample_rate: 16000\nhours: 0.26",
        speech=f"speech:\n  sources: [{{name: spoken, path: '{audio}/speech', glob: '[lpv]*/*.flac'}}]",
        noise=f"noise:\n  snr_db: [-5, 25]\n  measure: {measure}\n  weighting: {weighting}",
        layers=REAL_LAYERS.format(audio=audio),
        output=OUTPUT,
    )
    generate(recipe, tmp_path / "out", jobs=2)
    errors = [snr_error(tmp_path / "out", row) for row in noisy_rows(tmp_path / "out")]
    print(f"\n{measure}/{weighting}: {len(errors)} clips of real audio, worst SNR error {max(errors):.4f} dB")
    assert len(errors) > 90
    assert max(errors) <= tolerance(measure, weighting)


UNCHANGED = f"""  layers:
    - {{name: cabin, min_recordings: 1, max_reuse: 100000, sources: [{{name: car, path: '{FIXTURES}/noise/car'}}]}}"""


@pytest.mark.parametrize(("measure", "weighting"), SCALES)
def test_unchanged_noise_is_mixed_from_its_power_table(tmp_path: Path, measure: str, weighting: str) -> None:
    """Where no effect changes the noise its powers come from tables: also over the wrap of a recording and over joins."""
    recipe = fixture_recipe(
        tmp_path,
        margins="margins_s: [0.0, 2.5]",
        noise=f"noise:\n  snr_db: [-5, 25]\n  measure: {measure}\n  weighting: {weighting}",
        layers=UNCHANGED,
        output=OUTPUT,
    )
    generate(recipe, tmp_path / "out", jobs=2)
    for row in noisy_rows(tmp_path / "out"):
        assert snr_error(tmp_path / "out", row) <= tolerance(measure, weighting)
        speech, noise = stems(tmp_path / "out", row)
        if measure == "rms":
            for key, other in (("band", "band"), ("a", "a"), ("broadband", "none")):
                found = oracles.snr_db(speech, noise, 16000, span=span_of(row), measure="rms", weighting=other)
                assert row["snr_db"][key] == pytest.approx(found, abs=0.25)


def test_side_figures_of_very_short_speech_are_those_of_its_stems(tmp_path: Path) -> None:
    """Found by fuzzing, as findings of `verify` in fresh output: tables do not know that a stem begins from silence, which is most of a clip of milliseconds."""
    (tmp_path / "short").mkdir()
    for k, count in enumerate((13, 100, 800, 8000)):
        tone = 0.3 * np.sin(2 * np.pi * 700 * np.arange(count) / 16000 + k + 1)
        soundfile.write(tmp_path / "short" / f"s{k}.wav", tone, 16000)
    recipe = fixture_recipe(
        tmp_path,
        speech="speech:\n  sources: [{name: s, path: short}]",
        effects="",
        margins="margins_s: 0",
        noise="noise:\n  snr_db: 10\n  measure: rms\n  weighting: band",
        layers=UNCHANGED,
        splits="",
        output=OUTPUT,
    )
    generate(recipe, tmp_path / "out")
    assert len(noisy_rows(tmp_path / "out")) == 4
    assert [str(finding) for finding in verify(DatasetDir(tmp_path / "out")).findings] == []


def test_tables_follow_a_recording_with_a_dead_beginning(tmp_path: Path) -> None:
    """UsableNoise sound that starts late in the file, and grows louder: the table must be read where the noise was."""
    (tmp_path / "late").mkdir()
    source = soundfile.read(sorted((FIXTURES / "noise" / "car").glob("*.flac"))[0], dtype="float64")[0]
    louder = np.tile(source, 3) * np.geomspace(0.05, 0.5, 3 * source.size)
    soundfile.write(tmp_path / "late" / "car.wav", np.concatenate([np.zeros(40_000), louder]), 16000)
    layers = "  layers:\n    - {name: cabin, min_recordings: 1, max_reuse: 100000, sources: [{name: car, path: late}]}"
    noise = "noise:\n  snr_db: [0, 10]\n  measure: rms\n  weighting: band"
    recipe = fixture_recipe(tmp_path, noise=noise, layers=layers, output=OUTPUT)
    generate(recipe, tmp_path / "out", jobs=2)
    assert max(snr_error(tmp_path / "out", row) for row in noisy_rows(tmp_path / "out")) <= 0.1
