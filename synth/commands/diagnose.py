"""The error ladder: which part of the error to work on, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from synth.diagnose.ladder.diagnosis import Diagnosis
from synth.diagnose.ladder.diagnosis import diagnose as diagnose_ladder
from synth.diagnose.ladder.ladder import read_ladder
from synth.report.ladder_page import ladder_page
from synth.report.page import check_page, write_page

__all__ = ["diagnose"]


def diagnose(
    scores: Sequence[Path] = (),
    manifests: Sequence[Path] = (),
    *,
    errors: Mapping[str, str] = MappingProxyType({}),
    n: float | None = None,
    unit: str = "word",
    measure: str | None = None,
    by: Sequence[str] = (),
    seed: int = 0,
    html: Path | None = None,
) -> Diagnosis:
    """Build the error ladder and diagnose it; with `html`, write a page.

    Args:
        scores: errors of each clip.
        manifests: lists of the clips, or data sets.
        errors: rung -> error as text, such as `9`, `9@600` or `54/600` (see `parse_given`).
        n: number of clips or words behind each of `errors`.
        unit: word, character or clip.
        measure: which column of the scores to use.
        by: columns that define the groups of the bootstrap.
        seed: random seed of the bootstrap.
        html: the page.

    Raises:
        UsageError: scores, manifests or errors cannot be used, or the page must not be written.
    """
    if html is not None:
        check_page(html, inputs=(*scores, *manifests))
    ladder = read_ladder(scores, manifests, given=errors, n=n, unit=unit, measure=measure, by=by, seed=seed)
    diagnosis = diagnose_ladder(ladder)
    if html is not None:
        write_page(html, ladder_page(diagnosis.to_json()))
    return diagnosis
