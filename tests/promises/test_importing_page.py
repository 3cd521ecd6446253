"""docs/importing.md, run: small data sets of each tool play those of the reader."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from synth.archives import parquet_reader, tar_reader
from synth.lists.formats import listing
from synth.lists.formats.registry import SOURCE_FORMATS
from tests.foreign_sets import RATE, SETS, Clip, some_clips
from tests.helpers import ROOT, run_synth

PAGE = (ROOT / "docs" / "importing.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_every_command_of_the_page_works(tmp_path: Path) -> None:
    clips = [
        replace(clip, speaker=f"spk{k % 6}", samples=np.tile(clip.samples, 3)) for k, clip in enumerate(some_clips(12))
    ]
    noise = [
        Clip(f"n{k}", "", "", (1000 * np.random.RandomState(90 + k).standard_normal(4 * RATE)).astype(np.int16))
        for k in range(4)
    ]
    content = {
        "KALDI_DIR": ("kaldi", clips),
        "HF_DIR": ("huggingface", clips),
        "SHAR_DIR": ("shar", noise),
        "LHOTSE_CUTS": ("lhotse_cuts", clips),
    }
    for folder, (name, some) in content.items():
        SETS[name][1](tmp_path / folder, some)
    (recipe,) = blocks("yaml")
    (tmp_path / "recipe.yaml").write_text(recipe)
    for line in "".join(blocks("sh")).splitlines():
        done = run_synth(*line.split()[1:], cwd=tmp_path)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        if "plan" in line.split():
            assert "clips        48 (" in done.stdout, done.stdout


def test_the_page_has_every_format_and_the_limits_of_the_code() -> None:
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == ["format", *SOURCE_FORMATS]
    assert f"more than {tar_reader.MAX_MEMBERS:,} members" in PAGE
    assert f"more than {parquet_reader.MAX_PAGE >> 20} MB" in PAGE
    columns = " ".join(PAGE.split("### Columns")[1].split())
    for names in (listing.TEXT_NAMES, listing.SPEAKER_NAMES, listing.LANGUAGE_NAMES):
        shown = ", ".join(f"`{name}`" for name in names[:-1]) + f" or `{names[-1]}`"
        assert shown in columns
