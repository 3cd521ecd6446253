"""What `synth profile` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synth.cli.terminal import number_text, table

_FEATURE_HEAD = ["feature", "unit", "P10", "P50", "P90", "clips"]
_ERROR_HEAD = ["value", "clips that are", "unit", "bias", "SD", "n"]


def profile_text(summary: Mapping[str, Any]) -> str:
    """Describe a profile, from its summary (`synth.match.measure.summary`)."""
    rates = summary["sample_rates"]
    lines = [
        f"clips   {summary['clips']:,}"
        + (f" of {summary['of_clips']:,}" if summary["of_clips"] != summary["clips"] else "")
        + f" ({summary['remembered']:,} measured before)",
        f"hours   {summary['hours']:.2f}",
        f"groups  {summary['groups']:,}",
        "rate    " + ", ".join(f"{rate} Hz ({n})" if len(rates) > 1 else f"{rate} Hz" for rate, n in rates.items()),
        *(f"note: {note}" for note in summary["notes"]),
    ]
    features = [
        [
            feature["shown"],
            feature["unit"] or "-",
            *(number_text(feature[quantile]) for quantile in ("p10", "p50", "p90")),
            f"{feature['clips']:,}",
        ]
        for feature in summary["features"]
    ]
    lines += ["", *table([_FEATURE_HEAD, *features])]
    if summary["flags"]:
        flags = [f"  {f['flag']} {f['clips']:,} ({f['share']:.0%}): {f['means']}" for f in summary["flags"]]
        lines += ["", "flags", *flags]
    if summary["estimators"]:
        errors = [
            [
                error["shown"],
                "trusted" if error["trusted"] else "flagged",
                error["unit"],
                f"{error['bias']:+.2f}",
                f"{error['sd']:.2f}",
                str(error["clips"]),
            ]
            for error in summary["estimators"]
        ]
        lines += ["", "measured minus true (from the manifest)", *table([_ERROR_HEAD, *errors])]
    return "\n".join([*lines, "", f"written to {summary['out']}"])
