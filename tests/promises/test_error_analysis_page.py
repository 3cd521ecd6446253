"""docs/error_analysis.md, run: predictions are made up, and the person who listens hears what is true."""

from __future__ import annotations

import re
from pathlib import Path

from tests.diagnose.dev_lists import dev_list, filled_in
from tests.diagnose.review.test_confident_joint import written
from tests.helpers import ROOT, rows_of, run_synth


def test_every_command_of_the_page_works(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "error_analysis.md").read_text(encoding="utf-8")
    lines = "".join(re.findall(r"^```sh\n(.*?)^```", page, re.DOTALL | re.MULTILINE)).splitlines()
    assert [line.split()[1] for line in lines] == ["errors", "profile", "errors", "errors", "errors"]
    dev = dev_list(tmp_path, clips=60, wrong=0.5, sound=60)
    written(tmp_path)
    printed = []
    mended = next(clip for clip, tags in dev.truth.items() if "mislabeled" in tags)
    for line in lines:
        done = run_synth(*line.split()[1:], cwd=tmp_path)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        printed.append(done.stdout)
        if "sample" in line:
            filled_in(tmp_path / "review.csv", dev.truth, {mended: "what was said"})
    assert (tmp_path / "review.html").stat().st_size > 100_000
    assert "car noise" in printed[2]
    assert "over all clips of dev" in printed[2]
    assert "candidates among 400 clips" in printed[3]
    texts = {row["id"]: row["text"] for row in rows_of(tmp_path / "corrected.jsonl")}
    assert texts == {row["id"]: row["text"] for row in dev.rows} | {mended: "what was said"}
