"""What `synth profile` and `synth select` print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synth.cli.terminal import table

_WANTED = 10


def profile_text(told: Mapping[str, Any]) -> str:
    """The summary of a profile (`match.summary.summary`) for people."""
    rates = ", ".join(f"{rate} Hz" + (f" ({n})" if len(told["sample_rates"]) > 1 else "") for rate, n in _rates(told))
    of = f" of {told['of_clips']:,}" if told["of_clips"] != told["clips"] else ""
    lines = [
        f"clips   {told['clips']:,}{of} ({told['remembered']:,} measured before)",
        f"hours   {told['hours']:.2f}",
        f"groups  {told['groups']:,}",
        f"rate    {rates}",
        *(f"note: {note}" for note in told["notes"]),
        "",
        *table([["feature", "unit", "P10", "P50", "P90", "clips"], *map(_feature_row, told["features"])]),
    ]
    if told["flags"]:
        lines += [
            "",
            "flags",
            *(f"  {f['flag']} {f['clips']:,} ({f['share']:.0%}): {f['means']}" for f in told["flags"]),
        ]
    if told["estimators"]:
        lines += ["", "measured less true (from the manifest)", *_estimators(told["estimators"])]
    return "\n".join([*lines, "", f"written to {told['out']}"])


def _rates(told: Mapping[str, Any]) -> list[tuple[str, int]]:
    return list(told["sample_rates"].items())


def _feature_row(row: Mapping[str, Any]) -> list[str]:
    quantiles = [_number(row[q]) for q in ("p10", "p50", "p90")]
    return [row["shown"], row["unit"] or "-", *quantiles, f"{row['clips']:,}"]


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _estimators(errors: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [["value", "clips that are", "unit", "bias", "SD", "n"]]
    for e in errors:
        which = "trusted" if e["trusted"] else "flagged"
        rows.append([e["shown"], which, e["unit"], f"{e['bias']:+.2f}", f"{e['sd']:.2f}", str(e["clips"])])
    return table(rows)


def selected_text(told: Mapping[str, Any]) -> str:
    """What was selected (`Chosen.to_json()`) for people."""
    what = "a subset of" if told["subset"] else "weights for"
    reach = "-" if told["within_reach"] is None else f"{told['within_reach']:.0%}"
    lines = [
        f"{what} {told['clips']:,} of {told['of_clips']:,} clips, {told['hours']:.2f} h ({told['method']})",
        f"effective sample size  {told['ess']:.2f} of the clips",
        f"target within reach    {reach}",
        *(f"note: {note}" for note in told["notes"]),
        "",
        "Wasserstein-1 distance from the target",
        *table([["feature", "unit", "before", "after", "matters from"], *map(_distance_row, told["distances"])]),
    ]
    if told["to_generate"]:
        total = sum(w["clips"] for w in told["to_generate"])
        lines += ["", f"what would have to be generated: {total:,} clips", *_wanted(told["to_generate"])]
    return "\n".join([*lines, "", f"written to {told['out']}, with absolute paths"])


def _distance_row(row: Mapping[str, Any]) -> list[str]:
    unit = {"log2": f"log2 {row['unit']}", "logit": "log-odds"}.get(row["scale"], row["unit"] or "-")
    return [row["shown"], unit, _number(row["before"]), _number(row["after"]), f"{row['tolerance']:.2g}"]


def _wanted(wanted: Sequence[Mapping[str, Any]]) -> list[str]:
    more = [f"  and {len(wanted) - _WANTED} more cells (--json lists them)"] if len(wanted) > _WANTED else []
    return [*(f"  {w['text']}" for w in wanted[:_WANTED]), *more]
