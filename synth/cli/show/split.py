"""What `synth split` prints: the groups, what each split got and can resolve, and the share for training."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synth.cli.terminal import table
from synth.dev_test.split_folder import list_name, recipe_snippet
from synth.text import count_of, listed

_SHOWN = 5  # items of a list
_NEXT = "\n  "  # between two of them
_GROUPED = 1.1  # ratio of standard errors above which it matters that the clips of a group are dependent


def split_text(report: Mapping[str, Any], out: Path) -> str:
    """Describe a split, from the values of its split.json; `out` is its folder."""
    rate = f"{100 * report['error_rate']:g} %"
    head = ["split", "requested", "clips", "hours", "groups", "largest", f"at {rate} error"]
    rows = [_row(report, name, split) for name, split in report["splits"].items()]
    lines = [*_head_lines(report), "", *table([head, *rows]), ""]
    lines += [_resolution(name, report["splits"][name], rate) for name in ("dev", "test") if name in report["splits"]]
    if report["left_out"]:
        lines += ["", f"in no split: {report['left_out']:,} clips"]
    if report["earlier"]:
        lines += ["", _earlier(report)]
    if report["conflicts"]:
        shown = listed(report["conflicts"], _SHOWN, separator=_NEXT)
        lines += ["", "groups that joined splits of the earlier split:", f"  {shown}"]
    if report["near_duplicates"]:
        pairs = [f"{p['first']} and {p['second']} ({p['common_s']:g} s)" for p in report["near_duplicates"]]
        shown = listed(pairs, _SHOWN, separator=_NEXT, total=report["near_duplicate_pairs"])
        lines += ["", "near-duplicates, kept in one split:", f"  {shown}"]
    if "train" in report["splits"]:
        root = os.path.relpath(out / report["root"]).replace(os.sep, "/")
        manifest = os.path.relpath(out / list_name("train")).replace(os.sep, "/")
        lines += ["", "the training share as a source of a recipe in this folder:", *recipe_snippet(root, manifest)]
    return "\n".join([*lines, "", f"{', '.join(report['lists'])}, split.json and README.md are in {out}"])


def _head_lines(report: Mapping[str, Any]) -> list[str]:
    by = ", ".join(report["by"]) or "sub-folder or file"
    duplicates = f"{count_of(report['near_duplicate_pairs'], 'pair')} of near-duplicates"
    if not report["near_duplicates_looked_for"]:
        duplicates = "near-duplicates were not searched for"
    largest = report["largest_group"]
    return [
        f"clips        {report['clips']:,} ({report['hours']:.2f} h)",
        f"groups       {report['groups']:,} by {by}; {duplicates}",
        f"largest      {largest['name']}: {count_of(largest['clips'], 'clip')}",
        *(f"note         {text}" for text in report["notes"]),
    ]


def _row(report: Mapping[str, Any], name: str, split: Mapping[str, Any]) -> list[str]:
    error = "" if name == "train" else f"+-{split['standard_error_points']:.1f} points"
    largest = f"{split['largest_group']['clips']:,}"
    size = report["asked"].get(name, "rest")
    return [name, size, f"{split['clips']:,}", f"{split['hours']:.2f}", f"{split['groups']:,}", largest, error]


def _resolution(name: str, split: Mapping[str, Any], rate: str) -> str:
    """The standard error of an error rate measured on this split."""
    text = f"{name}: {split['clips']:,} clips: +-{split['standard_error_points']:.1f} points at {rate} error"
    if split["standard_error_points_grouped"] > _GROUPED * split["standard_error_points"]:
        text += (
            f"; +-{split['standard_error_points_grouped']:.1f} if the errors of a group are correlated (0.05 is "
            f"assumed: design effect {split['design_effect']:.1f})"
        )
    return text


def _earlier(report: Mapping[str, Any]) -> str:
    counts = ", ".join(f"{name} {split['held_groups']:,}" for name, split in report["splits"].items())
    text = f"groups kept from the earlier split: {counts}"
    return text + (f"; {report['gone']:,} of its clips are no longer in the set" if report["gone"] else "")
