"""The bar on coverage, checked on a data set as written: from the manifest's rows alone, by counting sample after sample.

Of `dataset.json` only the seconds of usable sound of each recording are taken (to the millisecond), and then the ledgers are
compared with the count.
"""

from __future__ import annotations

import json
import math
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from synth.commands.generate import generate
from tests.helpers import FIXTURES, fixture_recipe, rows_of

RATE = 8000
CLIPS = 1200
WINDOW = 1000
POOL_OF = {"train": "train", "train-dev": "train", "train-dev-noise": "held_out"}
LAYERS = f"""  layers:
    - name: cabin
      sources: [{{name: car, path: '{FIXTURES}/noise/car'}}]
      recordings: {{choice: [1, 2]}}
      max_reuse: 1000
      effects:
        - speed: {{log_uniform: [0.85, 1.18]}}
    - name: rain
      probability: 0.9
      relative_db: [-12, 0]
      max_reuse: 10000
      sources: [{{name: rain, path: '{FIXTURES}/noise/rain'}}]"""

Use = tuple[str, int, int]
"""Recording, offset, samples."""
Uses = dict[tuple[str, str], list[Use]]


def write_segments(path: Path) -> None:
    """A list of short segments of the fixtures, of many lengths."""
    chosen = random.Random(8)
    files = sorted((FIXTURES / "speech").glob("*/*.flac"))
    lines = ["path,offset,duration,speaker"]
    for number in range(CLIPS):
        file = files[number % len(files)]
        length = soundfile.info(file).duration
        offset = round(chosen.uniform(0.1, length - 0.6), 4)
        seconds = round(chosen.uniform(0.3, length - 0.2 - offset), 4)
        lines.append(f"{file.relative_to(FIXTURES / 'speech')},{offset},{seconds},{file.parent.name}")
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1,200 clips of 0.5 to 10 s, over recordings of up to 10 s; both pools are used for a third or more of them."""
    folder = tmp_path_factory.mktemp("coverage")
    write_segments(folder / "segments.csv")
    recipe = fixture_recipe(
        folder,
        head=f"seed: 8\nsample_rate: {RATE}\ncopies: 1",
        speech=f"speech:\n  sources: [{{name: spoken, path: '{FIXTURES}/speech', manifest: segments.csv}}]",
        effects="",
        margins="margins_s: [0.1, 4]",
        noise="noise:\n  snr_db: [0, 20]\n  measure: rms\n  weighting: none",
        layers=LAYERS,
        splits="splits: {by: [speaker], train: 0.5, train-dev: 0.1, train-dev-noise: 0.4}",
    )
    generate(recipe, folder / "out", jobs=2)
    return folder / "out"


@pytest.fixture(scope="module")
def uses(made: Path) -> Uses:
    """Every use of noise in the order of the manifest, by layer and pool."""
    found: Uses = defaultdict(list)
    for row in rows_of(made / "manifest.jsonl"):
        for piece in row["noise"]:
            use = piece["recording"], piece["offset"], piece["source_num_samples"]
            found[piece["layer"], POOL_OF[row["split"]]].append(use)
    return found


@pytest.fixture(scope="module")
def ledgers(made: Path) -> dict[str, dict[tuple[str, str], dict[str, Any]]]:
    content = json.loads((made / "dataset.json").read_text())["ledger"]
    return {which: {(p["layer"], p["pool"]): p for p in content[which]["pools"]} for which in ("planned", "rendered")}


def circles(pool: dict[str, Any]) -> dict[str, int]:
    """Samples of usable sound of each recording."""
    return {name: round(use["unique_s"] * RATE) for name, use in pool["by_recording"].items()}


def samples_used(uses: list[Use], sizes: dict[str, int]) -> dict[str, np.ndarray[Any, np.dtype[np.int64]]]:
    """How often each sample of each recording was used."""
    counts = {name: np.zeros(size, np.int64) for name, size in sizes.items()}
    for name, offset, num_samples in uses:
        place = counts[name]
        np.add.at(place, (offset + np.arange(num_samples)) % place.size, 1)
    return counts


def worst_bin(counts: dict[str, np.ndarray[Any, np.dtype[np.int64]]]) -> tuple[float, float]:
    """(largest distance of a 1-s bin's use from the even share, the even share)."""
    share = sum(int(c.sum()) for c in counts.values()) / sum(c.size for c in counts.values())
    bins = np.concatenate([c[: c.size // RATE * RATE].reshape(-1, RATE).mean(axis=1) for c in counts.values()])
    return float(np.abs(bins - share).max()), share


def windows(of: list[Use]) -> list[list[Use]]:
    """Runs of 1,000 consecutive uses, started at every 40th; all of them where there are fewer."""
    return [of[first : first + WINDOW] for first in range(0, max(1, len(of) - WINDOW + 1), 40)]


def test_every_clip_was_made_and_its_lengths_vary(made: Path, uses: Uses) -> None:
    rows = rows_of(made / "manifest.jsonl")
    assert len(rows) == CLIPS
    assert min(row["duration"] for row in rows) < 1
    assert max(row["duration"] for row in rows) > 7
    assert len(uses["cabin", "train"]) > WINDOW


def test_in_any_1000_uses_every_second_is_used_evenly(uses: Uses, ledgers: dict[str, Any]) -> None:
    """Within max(2, 10 %) of the even share: layer by layer, pool by pool."""
    told = []
    for key, all_uses in uses.items():
        sizes = circles(ledgers["rendered"][key])
        assert max(sizes.values()) <= 10 * RATE
        found = [worst_bin(samples_used(window, sizes)) for window in windows(all_uses)]
        told.append(f"{key[0]}/{key[1]} {len(all_uses)} uses: {max(found)[0]:.2f} of {max(found)[1]:.1f}")
        assert all(distance <= max(2.0, 0.1 * share) for distance, share in found), told
    print("\nworst distance from the even share in a window of 1,000 uses: " + "; ".join(told))
    assert len(told) == 4


def test_random_offsets_would_fail(uses: Uses, ledgers: dict[str, Any]) -> None:
    """The control: the same uses, from anywhere."""
    chosen = random.Random(3)
    sizes = circles(ledgers["rendered"]["cabin", "train"])
    moved = [(name, chosen.randrange(sizes[name]), count) for name, _, count in uses["cabin", "train"][:WINDOW]]
    distance, share = worst_bin(samples_used(moved, sizes))
    assert distance > 1.5 * max(2.0, 0.1 * share)


@pytest.mark.parametrize("which", ["planned", "rendered"])
def test_the_ledger_is_the_count(which: str, uses: Uses, ledgers: dict[str, Any]) -> None:
    assert ledgers[which].keys() == uses.keys()
    for key, pool in ledgers[which].items():
        sizes = circles(pool)
        counts = samples_used(uses[key], sizes)
        for name, use in pool["by_recording"].items():
            mine = counts[name]
            assert use["uses"] == sum(recording == name for recording, _, _ in uses[key])
            assert use["used_s"] == pytest.approx(mine.sum() / RATE, abs=0.001)
            assert use["reuse_max"] == pytest.approx(most_of_a_tenth(mine), abs=0.06)
        assert totals(pool) == pytest.approx(expected_totals(counts), abs=0.002)


def most_of_a_tenth(counts: np.ndarray[Any, np.dtype[np.int64]]) -> float:
    tenth = RATE // 10
    return max(float(counts[k : k + tenth].mean()) for k in range(0, counts.size, tenth))


def totals(pool: dict[str, Any]) -> dict[str, float]:
    return {
        name: pool[name] for name in ("recordings", "used_s", "reuse_mean", "effective_recordings", "largest_share")
    }


def expected_totals(counts: dict[str, np.ndarray[Any, np.dtype[np.int64]]]) -> dict[str, float]:
    used = [int(c.sum()) for c in counts.values()]
    shares = [u / sum(used) for u in used]
    return {
        "recordings": len(counts),
        "used_s": sum(used) / RATE,
        "reuse_mean": sum(used) / sum(c.size for c in counts.values()),
        "effective_recordings": math.exp(-sum(s * math.log(s) for s in shares if s)),
        "largest_share": max(shares),
    }


def test_no_recording_is_in_both_pools(uses: Uses) -> None:
    for layer in ("cabin", "rain"):
        train, held_out = ({name for name, _, _ in uses[layer, pool]} for pool in ("train", "held_out"))
        assert train
        assert held_out
        assert not train & held_out
