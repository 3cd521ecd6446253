"""What `synth errors` prints."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synth.cli.terminal import table
from synth.diagnose.review.sample import Sample

_MOST = 20


def sample_text(drawn: Sample, out: Path, html: Path | None) -> str:
    """What was drawn, of what, and what to do now."""
    told, design = drawn.to_json(), drawn.review.design
    lines = [
        f"{told['wrong']} of {design['wrong']:,} wrong clips, {told['right']} right ones, of {design['clips']:,} "
        f"({design['measure']} {100 * design['errors'] / (design['words'] or 1):.2f} %), {told['groups']} groups",
        "",
        *table(
            [
                ["stratum", "clips", "drawn"],
                *([k, f"{v['clips']:,}", str(v["drawn"])] for k, v in told["strata"].items()),
            ]
        ),
        "",
        *_notes(told["notes"]),
    ]
    where = f"open {html} in a browser, tag, and save its CSV" if html else f"listen, and fill in {out}"
    return "\n".join([*lines, f"next: {where}; then: synth errors summary {out} --manifest ..."])


def summary_text(found: Mapping[str, Any]) -> str:
    """The tables, and what in the recipe the larger categories speak for."""
    dev, sample = found["dev"], found["sample"]
    lines = [
        f"{dev['measure']} of {dev['split'] or 'all clips'}: {dev['error']:.2f} % ({dev['wrong']:,} of "
        f"{dev['clips']:,} clips wrong); listened to {sample['wrong']} wrong and {sample['right']} right clips, of "
        f"{sample['groups']} groups",
        "",
        *table([_TAG_HEAD, *map(_tag_row, found["tags"])]),
        "",
        "ceiling: points of error in clips of the category, the most that solving it can give; ceilings do not add up,",
        "since a clip may have several tags. alone: clips with no other tag.",
    ]
    if found["unused"]["tags"]:
        high = 100 * found["unused"]["share_high"]
        lines.append(f"not heard (each up to {high:.1f} % of the wrong clips): {', '.join(found['unused']['tags'])}")
    lines += ["", "labels", *(f"  {line}" for line in label_lines(found["mislabelled"]))]
    if found["automatic"]:
        lines += ["", "over all clips of dev", *table([_AUTO_HEAD, *map(_auto_row, found["automatic"])])]
        lines += [
            "",
            "attributable: the error of all less that of the clips without it. What goes with errors need not",
        ]
        lines += ["be their cause, and tags overlap."]
    return "\n".join([*lines, *_recipes(found), "", *_notes(found["notes"])]).rstrip()


_TAG_HEAD = ["tag", "clips", "share %", "95 %", "alone", "ceiling", "95 %"]
_AUTO_HEAD = ["tag", "clips", "share %", "error with", "without", "risk ratio", "95 %", "attributable", "95 %"]


def _tag_row(tag: Mapping[str, Any]) -> list[str]:
    return [
        tag["tag"],
        f"{tag['count']}/{tag['looked_at']}",
        *_estimate(tag["share"], 100, 1),
        str(tag["alone"]),
        *_estimate(tag["ceiling"], 1, 2),
    ]


def _auto_row(tag: Mapping[str, Any]) -> list[str]:
    return [
        tag["tag"],
        f"{tag['clips']:,}/{tag['known']:,}",
        f"{100 * tag['share']:.1f}",
        *("-" if tag[side] is None else f"{tag[side]:.2f}" for side in ("error_with", "error_without")),
        *_estimate(tag["risk_ratio"], 1, 2),
        *_estimate(tag["attributable"], 1, 2),
    ]


def _estimate(found: Mapping[str, float | None], scale: float, decimals: int) -> list[str]:
    value, low, high = ("-" if v is None else f"{scale * v:.{decimals}f}" for v in map(found.get, _PARTS))
    return [value, f"{low} to {high}"]


_PARTS = ("value", "low", "high")


def label_lines(labels: Mapping[str, Any]) -> list[str]:
    """Whether fixing labels pays, and the error that would be left, both ways."""
    only, both = labels["corrected_error_wrong_only"], labels["corrected_error"]
    lines = [labels["words"], f"corrected error by wrong clips alone: {_span(only)} %, which is too small"]
    lines.append("by right ones, too: " + (f"{_span(both)} %" if both else "not known, none of them was looked at"))
    return lines


def _span(found: Mapping[str, float | None]) -> str:
    value, low, high = ("-" if v is None else f"{v:.2f}" for v in map(found.get, _PARTS))
    return f"{value} ({low} to {high})"


def _recipes(found: Mapping[str, Any]) -> list[str]:
    """For each category that holds something, and each automatic tag that surely goes with errors."""
    lines = ["", "what in the recipe they speak for (list items go on top of the lists that are there)"]
    told = [(tag["tag"], tag["recipe"]) for tag in found["tags"]]
    told += [(t["tag"], t["recipe"]) for t in found["automatic"] or () if (t["attributable"]["low"] or 0) > 0]
    for name, recipe in told:
        lines += ["", f"{name}: {recipe['words']}"]
        lines += [f"    {line}" for line in (recipe["snippet"] or recipe["command"]).splitlines()]
    return lines if told else []


def mislabelled_text(found: Mapping[str, Any], out: Path | None) -> str:
    """How many candidates, the first of them, and the estimated share of wrong labels."""
    rows = [
        [c["id"], c["label"], c["suggested"], f"{c['p_label']:.3f}", f"{c['p_suggested']:.3f}", f"{c['margin']:.3f}"]
        for c in found["candidates"][:_MOST]
    ]
    lines = [
        f"{len(found['candidates'])} candidates among {found['clips']:,} clips of {len(found['classes'])} classes; "
        f"about {100 * found['estimated_noise']:.1f} % of the labels are wrong",
        "",
        *table([["id", "label", "suggested", "p label", "p suggested", "margin"], *rows], text=(0, 1, 2)),
    ]
    more = len(found["candidates"]) - _MOST
    lines += [f"and {more} more"] if more > 0 else []
    lines += ["", found["note"], "listen before you correct: a model that is sure can be wrong"]
    if out is not None:
        lines.append(f"next: fill in the column correction of {out}; then: synth errors correct {out} --manifest ...")
    return "\n".join(lines)


def corrected_text(done: Mapping[str, Any]) -> str:
    """What was carried where."""
    splits = ", ".join(f"{name} {count}" for name, count in done["splits"].items())
    lines = [
        f"{done['out']}: {done['corrections']} corrections, {done['sources']} sources, "
        f"{done['clips']:,} of {done['rows']:,} clips changed" + (f" ({splits})" if splits else "")
    ]
    if done["same"]:
        lines.append(f"{done['same']} values were as corrected already")
    if done["alignments_dropped"]:
        lines.append(f"{done['alignments_dropped']} alignments are null now: they were of the old text")
    if done["unknown"]:
        lines.append(f"{len(done['unknown'])} corrections fit no clip")
    return "\n".join(lines)


def _notes(notes: list[str]) -> list[str]:
    return [f"note: {line}" for line in notes]
