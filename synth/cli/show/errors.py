"""What the commands of `synth errors` print."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from synth.cli.terminal import table
from synth.diagnose.review.sample import ErrorSample
from synth.text import count_of

_CANDIDATES = 20  # that are shown
_ESTIMATE = ("value", "low", "high")
_TAG_HEAD = ["tag", "clips", "share %", "95 %", "alone", "ceiling", "95 %"]
_AUTO_HEAD = ["tag", "clips", "share %", "error with", "without", "risk ratio", "95 %", "attributable", "95 %"]
_CANDIDATE_HEAD = ["id", "label", "suggested", "p label", "p suggested", "margin"]


def sample_text(sample: ErrorSample, out: Path, html: Path | None) -> str:
    """Describe a sample of clips to listen to, and say what to do with it."""
    drawn, design = sample.to_json(), sample.review.design
    strata = [[name, f"{stratum['clips']:,}", str(stratum["drawn"])] for name, stratum in drawn["strata"].items()]
    lines = [
        f"{drawn['wrong']} of {design['wrong']:,} wrong clips and {drawn['right']} right ones, of "
        f"{design['clips']:,} ({design['measure']} {100 * design['errors'] / (design['words'] or 1):.2f} %), "
        f"{drawn['groups']} groups",
        "",
        *table([["stratum", "clips", "drawn"], *strata]),
        "",
        *_note_lines(drawn["notes"]),
    ]
    step = f"open {html} in a browser, tag, and save its CSV" if html else f"listen, and fill in {out}"
    return "\n".join([*lines, f"next: {step}; then: synth errors summary {out} --manifest ..."])


def summary_text(summary: Mapping[str, Any]) -> str:
    """Tabulate the causes of errors, and list the changes of the recipe that the larger ones suggest."""
    dev, sample = summary["dev"], summary["sample"]
    lines = [
        f"{dev['measure']} of {dev['split'] or 'all clips'}: {dev['error']:.2f} % ({dev['wrong']:,} of "
        f"{dev['clips']:,} clips wrong); listened to {sample['wrong']} wrong and {sample['right']} right clips, of "
        f"{sample['groups']} groups",
        "",
        *table([_TAG_HEAD, *map(_tag_row, summary["tags"])]),
        "",
        "ceiling: points of error in clips of the category, the most that fixing it can gain. Ceilings do not add up,",
        "because a clip may have several tags. alone: clips with no other tag.",
    ]
    if summary["unused"]["tags"]:
        high = 100 * summary["unused"]["share_high"]
        unused = ", ".join(summary["unused"]["tags"])
        lines.append(f"not heard in the sample (each up to {high:.1f} % of the wrong clips): {unused}")
    lines += ["", "labels", *(f"  {line}" for line in _label_lines(summary["mislabeled"]))]
    if summary["automatic"]:
        lines += ["", "over all clips of dev", *table([_AUTO_HEAD, *map(_auto_row, summary["automatic"])]), ""]
        lines += ["attributable: the error of all clips minus that of the clips without the tag. What goes with errors"]
        lines += ["need not be their cause, and tags overlap."]
    return "\n".join([*lines, *_recipe_lines(summary), "", *_note_lines(summary["notes"])]).rstrip()


def _tag_row(tag: Mapping[str, Any]) -> list[str]:
    counts = f"{tag['count']}/{tag['looked_at']}"
    return [tag["tag"], counts, *_cells(tag["share"], 100, 1), str(tag["alone"]), *_cells(tag["ceiling"], 1, 2)]


def _auto_row(tag: Mapping[str, Any]) -> list[str]:
    return [
        tag["tag"],
        f"{tag['clips']:,}/{tag['known']:,}",
        f"{100 * tag['share']:.1f}",
        *("-" if tag[side] is None else f"{tag[side]:.2f}" for side in ("error_with", "error_without")),
        *_cells(tag["risk_ratio"], 1, 2),
        *_cells(tag["attributable"], 1, 2),
    ]


def _cells(estimate: Mapping[str, float | None], scale: float, decimals: int) -> list[str]:
    """The cells of an estimate: its value, and its interval."""
    numbers = map(estimate.get, _ESTIMATE)
    value, low, high = ("-" if number is None else f"{scale * number:.{decimals}f}" for number in numbers)
    return [value, f"{low} to {high}"]


def _label_lines(labels: Mapping[str, Any]) -> list[str]:
    """Whether fixing labels pays, and the error that would remain, estimated in two ways."""
    wrong_only, both = (
        None if estimate is None else "{} ({}) %".format(*_cells(estimate, 1, 2))
        for estimate in (labels["corrected_error_wrong_only"], labels["corrected_error"])
    )
    return [
        labels["words"],
        f"error with corrected labels, from wrong clips alone: {wrong_only}, which is too low",
        f"error with corrected labels, from right clips too: {both or 'not known, none of them was listened to'}",
    ]


def _recipe_lines(summary: Mapping[str, Any]) -> list[str]:
    """For each cause that was heard, and each automatic tag that surely goes with errors, what to change."""
    suggestions = [(tag["tag"], tag["recipe"]) for tag in summary["tags"]]
    suggestions += [
        (tag["tag"], tag["recipe"]) for tag in summary["automatic"] or () if (tag["attributable"]["low"] or 0) > 0
    ]
    if not suggestions:
        return []
    lines = ["", "what to change in the recipe (add list items to the lists that are there)"]
    for name, recipe in suggestions:
        lines += ["", f"{name}: {recipe['words']}"]
        lines += [f"    {line}" for line in (recipe["snippet"] or recipe["command"]).splitlines()]
    return lines


def mislabeled_text(result: Mapping[str, Any], out: Path | None) -> str:
    """List the first labels that are likely wrong, and the estimated share of wrong labels."""
    candidates = result["candidates"]
    rows = [
        [c["id"], c["label"], c["suggested"], *(f"{c[key]:.3f}" for key in ("p_label", "p_suggested", "margin"))]
        for c in candidates[:_CANDIDATES]
    ]
    lines = [
        f"{len(candidates)} candidates among {result['clips']:,} clips of {len(result['classes'])} classes; "
        f"about {100 * result['estimated_noise']:.1f} % of the labels are wrong",
        "",
        *table([_CANDIDATE_HEAD, *rows], text=(0, 1, 2)),
    ]
    if len(candidates) > _CANDIDATES:
        lines.append(f"and {len(candidates) - _CANDIDATES:,} more candidates")
    lines += ["", result["note"], "Listen before you correct: a model that is sure can be wrong."]
    if out is not None:
        lines.append(f"next: fill in the column correction of {out}; then: synth errors correct {out} --manifest ...")
    return "\n".join(lines)


def corrected_text(result: Mapping[str, Any]) -> str:
    """Describe which clips got corrections."""
    splits = ", ".join(f"{name} {count}" for name, count in result["splits"].items())
    lines = [
        f"{result['out']}: {count_of(result['corrections'], 'correction')}, {count_of(result['sources'], 'source')}, "
        f"{result['clips']:,} of {result['rows']:,} clips changed" + (f" ({splits})" if splits else "")
    ]
    if result["same"]:
        lines.append(f"{count_of(result['same'], 'value')} needed no change")
    if result["alignments_dropped"]:
        lines.append(f"{count_of(result['alignments_dropped'], 'alignment')} of an old text set to null")
    if result["unknown"]:
        lines.append(f"{count_of(len(result['unknown']), 'correction')} without a clip")
    return "\n".join(lines)


def _note_lines(notes: Iterable[str]) -> list[str]:
    return [f"note: {text}" for text in notes]
