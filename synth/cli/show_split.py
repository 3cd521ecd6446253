"""What `synth split` prints: the groups, what each split got, what it can resolve, and what to do next."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synth.cli.terminal import table
from synth.dev_test.split_folder import list_name, snippet

_SHOWN = 5
_GROUPED = 1.1  # times: below that the groups do not matter


def split_text(report: Mapping[str, Any], out: Path) -> str:
    """split.json for people."""
    rate = f"{100 * report['error_rate']:g} %"
    rows = [_row(report, name, one) for name, one in report["splits"].items()]
    lines = [
        *_head(report),
        "",
        *table([["split", "asked", "clips", "hours", "groups", "largest", f"at {rate} error"], *rows]),
        *_resolved(report, rate),
        *_listed(report),
    ]
    if "train" in report["splits"]:
        root = os.path.relpath(out / report["root"]).replace(os.sep, "/")
        manifest = os.path.relpath(out / list_name("train")).replace(os.sep, "/")
        lines += ["", "the training share as a source of a recipe in this folder:", *snippet(root, manifest)]
    lists = ", ".join(report["lists"])
    return "\n".join([*lines, "", f"{lists}, split.json and README.md are in {out}"])


def _head(report: Mapping[str, Any]) -> list[str]:
    by = ", ".join(report["by"]) or "sub-folder or file"
    pairs = report["near_duplicate_pairs"]
    looked = (
        f"{pairs:,} pairs of near-duplicates"
        if report["near_duplicates_looked_for"]
        else "no near-duplicates looked for"
    )
    largest = report["largest_group"]
    return [
        f"clips        {report['clips']:,} ({report['hours']:.2f} h)",
        f"groups       {report['groups']:,} by {by}; {looked}",
        f"largest      {largest['name']}: {largest['clips']:,} clips",
        *(f"note         {text}" for text in report["notes"]),
    ]


def _row(report: Mapping[str, Any], name: str, one: Mapping[str, Any]) -> list[str]:
    asked = report["asked"].get(name, "rest")
    error = "" if name == "train" else f"+-{one['standard_error_points']:.1f} points"
    largest = f"{one['largest_group']['clips']:,}"
    return [name, asked, f"{one['clips']:,}", f"{one['hours']:.2f}", f"{one['groups']:,}", largest, error]


def _resolved(report: Mapping[str, Any], rate: str) -> list[str]:
    lines = [""]
    for name in ("dev", "test"):
        one = report["splits"].get(name)
        if one is None:
            continue
        text = f"{name}: {one['clips']:,} clips: +-{one['standard_error_points']:.1f} points at {rate} error"
        if one["standard_error_points_grouped"] > _GROUPED * one["standard_error_points"]:
            text += (
                f"; +-{one['standard_error_points_grouped']:.1f} where clips of a group err alike (correlation 0.05, "
                f"assumed: design effect {one['design_effect']:.1f})"
            )
        lines.append(text)
    return lines


def _listed(report: Mapping[str, Any]) -> list[str]:
    lines: list[str] = []
    if report["left_out"]:
        lines += ["", f"in no split: {report['left_out']:,} clips"]
    if report["earlier"]:
        lines += ["", _kept(report)]
    if report["conflicts"]:
        lines += ["", "joined sides of the earlier split:", *_some(report["conflicts"], len(report["conflicts"]))]
    if report["near_duplicates"]:
        told = [f"{p['first']} and {p['second']} ({p['common_s']:g} s)" for p in report["near_duplicates"]]
        lines += ["", "near-duplicates, kept on one side:", *_some(told, report["near_duplicate_pairs"])]
    return lines


def _kept(report: Mapping[str, Any]) -> str:
    held = ", ".join(f"{name} {one['held_groups']:,}" for name, one in report["splits"].items())
    gone = f"; {report['gone']:,} of its clips are not in the set any more" if report["gone"] else ""
    return f"groups held by the earlier split: {held}{gone}"


def _some(lines: list[str], count: int) -> list[str]:
    more = [f"  and {count - _SHOWN:,} more"] if count > _SHOWN else []
    return [*(f"  {line}" for line in lines[:_SHOWN]), *more]
