"""Lists of cases: what they say is read, and what is wrong in them is named by its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from synth.errors import UsageError
from synth.lists.cases import Case, read_cases
from tests.helpers import ROOT


def written(folder: Path, text: str) -> Path:
    (folder / "cases.csv").write_text(text)
    return folder / "cases.csv"


def test_empty_cells_are_not_said(tmp_path: Path) -> None:
    cases = read_cases(written(tmp_path, "weight,snr_db,low_hz,band_1,band_2\n2,-3.5,,1,2\n,,100,,\n"))
    assert cases.rows == (Case(2.0, snr_db=-3.5, bands_db=(1.0, 2.0)), Case(low_hz=100.0))


def test_the_digest_is_of_what_is_said_not_of_how(tmp_path: Path) -> None:
    one = read_cases(written(tmp_path, "weight,snr_db\n1,5\n"))
    assert read_cases(written(tmp_path, "snr_db , weight\n5.0, 1.0\n")).digest == one.digest
    assert read_cases(written(tmp_path, "weight,snr_db\n1,6\n")).digest != one.digest


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", ":1: a list of cases has columns from weight, snr_db"),
        ("a,b\n1,2\n", ":1: a list of cases has columns from weight"),
        ("snr_db,snr\n1,2\n", ":1: unknown column 'snr'; the columns are weight"),
        ("snr_db\n1\nloud\n", ":3: snr_db is 'loud', which is not a number"),
        ("snr_db\nnan\n", ":2: snr_db is 'nan', outside -60 to 100"),
        (f"snr_db\n{'9' * 50_000}\n", f":2: snr_db is '{'9' * 59}..., outside -60 to 100"),
        ("level_dbfs\n3\n", ":2: level_dbfs is '3', outside -90 to 0"),
        ("snr_db,weight\n1\n", ":2: 1 cell, the header has 2 columns"),
        ("snr_db,weight\n1,0\n", ": no case with a weight above 0"),
        ("band_1,band_2\n,3\n", ":2: the bands that are given must be the lowest ones, without a gap"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, wrong: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        read_cases(path)
    assert str(caught.value).startswith(f"{path}{wrong}")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone.csv: cannot be read: No such file or directory"):
        read_cases(tmp_path / "gone.csv")


def test_the_cases_of_the_reference_recipe_are_read() -> None:
    assert len(read_cases(ROOT / "recipes" / "reference_cases.csv").rows) == 4
