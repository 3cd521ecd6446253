"""Conditions: a clip draws one first, and what it says replaces the recipe's own, in plan, sound and manifest."""

from __future__ import annotations

import csv
import itertools
import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from synth.commands.plan import make_plan
from synth.dsp.analysis.bands import EDGES_HZ
from tests.helpers import fixture_recipe, rows_of, run_synth

BANDS = [16, 14, 12, 9, 5, 1, -3, -6, -9, -12, -13, -14]
CONDITIONS = """conditions:
  - {name: matched, weight: 3, cases: cases.csv, jitter: {snr_db: 0.5, level_dbfs: 0.25, bands_db: 1}}
  - {name: dark, weight: 1, match_spectrum: {mean_db: [16, 14, 12, 9, 5, 1, -3, -6, -9, -12, -13, -14]}, snr_db: 3}
  - {name: edge, weight: 1, snr_db: [-9, -6], level_dbfs: -40, margins_s: 0.1}
  - {name: wide, weight: 1}"""


def recipe(folder: Path, **changes: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "cases.csv").open("w", newline="") as file:
        table = csv.writer(file)
        bands = [f"band_{k}" for k in range(1, 13)]
        table.writerow(["weight", "snr_db", "level_dbfs", "before_s", "after_s", "low_hz", "high_hz", *bands])
        table.writerow([2, 12, -25, 0.3, 0.4, 120, 3400, *BANDS])
        table.writerow([1, -2, -28, "", "", "", "", *([""] * 12)])
    blocks = {"splits": CONDITIONS + "\nsplits: {by: [speaker], train: 1.0}", "head": "schema: 1\nseed: 5\ncopies: 4"}
    return fixture_recipe(folder, **{**blocks, **changes})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("conditions")
    done = run_synth("generate", recipe(folder, output="output: {stems: true}"), "--out", folder / "set")
    assert done.returncode == 0, done.stderr
    assert run_synth("verify", folder / "set").returncode == 0
    return folder / "set", rows_of(folder / "set" / "manifest.jsonl")


def of(rows: list[dict[str, Any]], condition: str) -> list[dict[str, Any]]:
    return [row for row in rows if row["condition"] == condition]


def test_conditions_and_cases_are_drawn_by_their_weights(made: tuple[Path, list[dict[str, Any]]]) -> None:
    rows = made[1]
    found = Counter(row["condition"] for row in rows)
    for name, share in (("matched", 3 / 6), ("dark", 1 / 6), ("edge", 1 / 6), ("wide", 1 / 6)):
        assert abs(found[name] / len(rows) - share) < 4 * math.sqrt(share * (1 - share) / len(rows))
    cases = Counter(row["case"] for row in of(rows, "matched"))
    share = cases[0] / cases.total()
    assert set(cases) == {0, 1} and abs(share - 2 / 3) < 4 * math.sqrt(2 / 9 / cases.total())
    assert {row["case"] for row in rows if row["condition"] != "matched"} == {None}


def test_what_a_condition_says_replaces_the_recipes_own(made: tuple[Path, list[dict[str, Any]]]) -> None:
    rows = made[1]
    for row in of(rows, "edge"):
        assert -9 <= row["snr_db"]["measured"] <= -6 and row["level_dbfs"]["measured"] == -40
        assert row["speech"]["onset"] == 1600
    for row in of(rows, "dark"):
        assert row["snr_db"]["requested"] == 3 and -32 <= row["level_dbfs"]["requested"] <= -18
    assert max(row["snr_db"]["requested"] for row in of(rows, "wide")) > 12


def test_a_case_is_drawn_whole_with_jitter(made: tuple[Path, list[dict[str, Any]]]) -> None:
    first = [row for row in of(made[1], "matched") if row["case"] == 0]
    for name, centre, spread in (("snr_db", 12, 0.5), ("level_dbfs", -25, 0.25)):
        drawn = np.array([row[name]["requested"] for row in first])
        assert abs(drawn.mean() - centre) < 4 * spread / math.sqrt(len(drawn))
        assert 0.6 * spread < drawn.std() < 1.4 * spread
    for row in first:
        assert row["speech"]["onset"] == 4800
        assert row["num_samples"] == 4800 + row["speech"]["num_samples"] + 6400
        assert row["channel"][-1] == {"name": "microphone", "low_hz": 120.0, "high_hz": 3400.0, "order": 4}
    second = [row for row in of(made[1], "matched") if row["case"] == 1]
    assert all(row["match_spectrum"] is None and row["channel"] == [] for row in second)
    assert len({row["speech"]["onset"] for row in second}) > 3  # not said: the recipe's own margins


def test_a_condition_draws_the_limits_of_a_microphone(tmp_path: Path) -> None:
    """Without cases: a low-pass from a distribution, heard in the sound; a case's own limit goes before."""
    conditions = """conditions:
  - {name: narrow, weight: 1, low_hz: [100, 300], high_hz: {quantiles: [2500, 3000, 3500]}}
  - {name: matched, weight: 1, cases: cases.csv, high_hz: 5000}"""
    text = conditions + "\nsplits: {by: [speaker], train: 1.0}"
    done = run_synth("generate", recipe(tmp_path, splits=text), "--out", tmp_path / "set")
    assert done.returncode == 0, done.stderr
    rows = rows_of(tmp_path / "set" / "manifest.jsonl")
    narrow = of(rows, "narrow")
    microphones = [row["channel"][-1] for row in narrow]
    assert {(m["name"], m["order"]) for m in microphones} == {("microphone", 4)}
    assert all(100 <= m["low_hz"] <= 300 and 2500 <= m["high_hz"] <= 3500 for m in microphones)
    assert len({m["high_hz"] for m in microphones}) > len(microphones) // 2
    for row in narrow[:10]:
        samples, rate = soundfile.read(tmp_path / "set" / row["audio_filepath"])
        power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
        hz = np.fft.rfftfreq(len(samples), 1 / rate)
        inside, outside = power[(hz > 500) & (hz < 2000)].mean(), power[(hz > 7000) & (hz < 7900)].mean()
        assert 10 * np.log10(inside / outside) > 20
    cases = {row["case"]: row["channel"][-1] for row in of(rows, "matched")}
    assert (cases[0]["low_hz"], cases[0]["high_hz"]) == (120.0, 3400.0)
    assert (cases[1]["low_hz"], cases[1]["high_hz"]) == (0.0, 5000.0)


def test_limits_without_anything_between_are_refused(tmp_path: Path) -> None:
    text = "conditions: [{name: none, low_hz: [100, 1500], high_hz: [1200, 3400]}]\nsplits: {by: [speaker], train: 1.0}"
    done = run_synth("plan", recipe(tmp_path, splits=text))
    assert done.returncode == 2
    assert "low_hz" in done.stderr and "leaves nothing below high_hz" in done.stderr and "Traceback" not in done.stderr


def colour(path: Path) -> np.ndarray:
    """Bands of a file without their mean, by one long spectrum: not as the code does it."""
    samples, rate = soundfile.read(path)
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    hz = np.fft.rfftfreq(len(samples), 1 / rate)
    edges = itertools.pairwise(EDGES_HZ)
    bands = 10 * np.log10([power[(hz >= low) & (hz < high)].sum() for low, high in edges])
    return np.asarray(bands - bands.mean())


def test_the_noise_has_the_colour_and_the_snr_is_still_true(made: tuple[Path, list[dict[str, Any]]]) -> None:
    folder, rows = made
    wanted = np.array(BANDS) - np.mean(BANDS)
    errors = []
    for row in of(rows, "dark"):
        assert row["match_spectrum"]["bands_db"] == BANDS
        errors.append(colour(folder / row["stems"]["noise"]) - wanted)
        assert abs(row["snr_db"]["measured"] - 3) < 0.02
    assert np.abs(np.mean(errors, axis=0)[1:]).max() < 1
    assert np.abs(np.array(errors)[:, 2:]).mean() < 1


def test_noise_that_no_condition_colours_is_as_it_was(made: tuple[Path, list[dict[str, Any]]], tmp_path: Path) -> None:
    without = make_plan(recipe(tmp_path, splits="splits: {by: [speaker], train: 1.0}"), check=False).plan
    specs = {spec.clip_id: spec for spec in without}
    for row in of(made[1], "wide"):
        spec = specs[row["id"]]
        assert (row["snr_db"]["requested"], row["level_dbfs"]["requested"]) == (spec.snr_db, spec.level_dbfs)
        assert row["num_samples"] == spec.num_samples and row["match_spectrum"] is None


def test_changing_one_condition_changes_only_its_clips(tmp_path: Path) -> None:
    before = make_plan(recipe(tmp_path / "a"), check=False).plan
    after = make_plan(recipe(tmp_path / "b"), overrides=["conditions.edge.level_dbfs=-35"], check=False).plan
    changed = {a.condition for a, b in zip(before, after, strict=True) if a.level_dbfs != b.level_dbfs}
    same = [a.condition for a, b in zip(before, after, strict=True) if a == b]
    assert changed == {"edge"} and set(same) == {"matched", "dark", "wide"}


def test_same_bytes_with_any_number_of_workers_and_replayed(
    made: tuple[Path, list[dict[str, Any]]], tmp_path: Path
) -> None:
    folder, rows = made
    path = recipe(tmp_path, output="output: {stems: true}")
    done = run_synth("generate", path, "--out", tmp_path / "set", "--jobs", "2")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "set" / "manifest.jsonl").read_bytes() == (folder / "manifest.jsonl").read_bytes()
    clip = of(rows, "matched")[0]["id"]
    again = run_synth("replay", folder, clip, "--out", tmp_path / "clip.flac")
    assert again.returncode == 0, again.stderr
    assert "noise" in run_synth("explain", folder, clip).stdout


def test_other_cases_are_another_data_set(made: tuple[Path, list[dict[str, Any]]], tmp_path: Path) -> None:
    path = recipe(tmp_path)
    assert run_synth("generate", path, "--out", tmp_path / "set").returncode == 0
    with (tmp_path / "cases.csv").open("a") as file:
        file.write("1,5,-20,,,,,,,,,,,,,,,,\n")
    refused = run_synth("generate", path, "--out", tmp_path / "set")
    assert refused.returncode == 2 and "cases" in refused.stderr


def test_mistakes_in_the_cases_end_with_2(tmp_path: Path) -> None:
    path = recipe(tmp_path)
    (tmp_path / "cases.csv").write_text("snr_db\nloud\n")
    done = run_synth("plan", path)
    assert done.returncode == 2
    assert done.stderr.endswith(f"synth: {tmp_path}/cases.csv:2: snr_db is 'loud', which is not a number\n")
