"""The file of a profile: what is written is read again, and what is damaged is refused by line and field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from synth.errors import UsageError
from synth.match.measure.profile import read_profile, write_profile
from tests.match.feature_sets import profile


def test_what_is_written_is_read(tmp_path: Path) -> None:
    whole = profile(clips=20, groups=5, seed=1)
    write_profile(whole, tmp_path / "a.profile")
    again = read_profile(tmp_path / "a.profile")
    assert again.clips == whole.clips
    assert (again.name, again.root, again.total, again.notes) == (whole.name, whole.root, whole.total, whole.notes)
    assert again.sample_rates == whole.sample_rates


def damaged(folder: Path, line: int, **fields: Any) -> Path:
    """A profile with other fields in one line (from 0); None takes a field out."""
    path = folder / "a.profile"
    write_profile(profile(clips=4, groups=2, seed=1), path)
    lines = path.read_text().splitlines()
    row = {**json.loads(lines[line]), **fields}
    lines[line] = json.dumps({key: value for key, value in row.items() if value != "out"})
    path.write_text("\n".join(lines) + "\n")
    return path


AGAIN = "; profile the set again"


@pytest.mark.parametrize(
    ("line", "fields", "message"),
    [
        (0, {"name": None}, f":1: `name` is None, not a text{AGAIN}"),
        (0, {"total": "4"}, f":1: `total` is '4', not a whole number{AGAIN}"),
        (0, {"total": 1e9}, f":1: `total` is 1000000000.0, not a whole number{AGAIN}"),
        (0, {"total": 10**400}, f":1: `total` is 1{'0' * 59}..., outside 0 to 1e+12{AGAIN}"),
        (0, {"clips": []}, " has 4 clips, but its header says []; profile the set again"),
        (0, {"notes": [1]}, f":1: `notes` is [1], not a list of texts{AGAIN}"),
        (0, {"sample_rates": []}, f":1: `sample_rates` is [], not an object{AGAIN}"),
        (2, {"path": "out"}, f":3: `path` is missing{AGAIN}"),
        (2, {"group": None}, f":3: `group` is None, not a text{AGAIN}"),
        (2, {"flags": {}}, f":3: `flags` is {{}}, not a list{AGAIN}"),
        (2, {"split": 3}, f":3: `split` is 3, not a text{AGAIN}"),
        (2, {"features": {"snr_db": [1]}}, ":3: `features.snr_db` is [1]; a number from -1000 to 1000 or null is needed"),
        (2, {"features": {"f0_hz": True}}, ":3: `features.f0_hz` is True; a number from -1e+07 to 1e+07 or null is needed"),
        (2, {"features": {"noise_band_1": 1e9}}, ":3: `features.noise_band_1` is 1000000000.0; a number from -1000 to"),
        (2, {"features": {"snr_db": 10**400}}, f":3: `features.snr_db` is 1{'0' * 59}...; a number from"),
        (2, {"truth": {"snr_db": "5"}}, ":3: `truth.snr_db` is '5'; a number from -1000 to 1000 or null is needed"),
        (2, {"truth": [1]}, f":3: `truth` is [1], not an object{AGAIN}"),
    ],
)  # fmt: skip
def test_a_damaged_field_is_named(tmp_path: Path, line: int, fields: dict[str, Any], message: str) -> None:
    """B14: `compare` ended with a TypeError (features.py) on such profiles."""
    path = damaged(tmp_path, line, **fields)
    with pytest.raises(UsageError) as error:
        read_profile(path)
    assert str(error.value).startswith(f"{path}{message}")


def test_nan_and_deep_nesting_are_refused(tmp_path: Path) -> None:
    """B14: `compare` ended with a RecursionError."""
    path = damaged(tmp_path, 2, features={"snr_db": float("nan")})
    with pytest.raises(UsageError, match=r"a\.profile:3: `features\.snr_db` is nan; a number"):
        read_profile(path)
    path.write_text("[" * 100_000 + "\n")
    with pytest.raises(UsageError, match=r"a\.profile:1: not JSON: nested too deeply"):
        read_profile(path)


def test_a_profile_of_version_1_is_read_with_the_names_of_today(tmp_path: Path) -> None:
    path = damaged(tmp_path, 1, features={"snr_db": 5.0, "level_sd_db": 1.5}, flags=["unsteady", "wavering", "short"])
    header, *rows = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps({**json.loads(header), "version": 1}), *rows]) + "\n")
    clip = read_profile(path).clips[0]
    assert clip.features == {"snr_db": 5.0, "fluctuation_db": 1.5}
    assert clip.flags == ("non_stationary", "fluctuating", "short")


@pytest.mark.parametrize("version", [0, 3, "2", None])
def test_a_profile_of_another_version_is_refused(tmp_path: Path, version: object) -> None:
    path = damaged(tmp_path, 0, version=version)
    with pytest.raises(
        UsageError, match=r"a\.profile is a profile of version .*reads up to version 2: profile the set"
    ):
        read_profile(path)
