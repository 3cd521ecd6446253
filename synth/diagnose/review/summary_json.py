"""A summary as JSON values, and the sentence on labels; points are per cent of dev's words (or clips)."""

from __future__ import annotations

import math
from typing import Any

from synth.diagnose.review.automatic_tags import AutomaticTag
from synth.diagnose.review.label_check import LabelCheck
from synth.diagnose.review.manual_tags import MISLABELLED, Remedy
from synth.diagnose.review.summary import Category, Summary
from synth.stats.intervals import Estimate, Risk


def summary_json(found: Summary) -> dict[str, Any]:
    design = found.design
    return {
        "dev": {
            "clips": design["clips"],
            "wrong": design["wrong"],
            "errors": design["errors"],
            "words": design["words"],
            "error": _number(100 * found.error),
            "measure": design["measure"],
            "split": design["split"],
        },
        "sample": {
            "wrong": found.looked_at[0],
            "right": found.looked_at[1],
            "groups": found.groups,
            "seed": design["seed"],
            "by": design["by"],
        },
        "tags": [_category(category) for category in found.categories],
        "unused": {"tags": list(found.unused), "share_high": _number(found.unused_high)},
        "automatic": None if found.automatic is None else [_automatic(*pair) for pair in found.automatic],
        "mislabelled": {**_labels(found.labels), "words": label_words(found)},
        "notes": list(found.notes),
    }


def _number(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None


def _estimate(found: Estimate, scale: float = 1.0) -> dict[str, float | None]:
    return {key: _number(scale * getattr(found, key)) for key in ("value", "low", "high")}


def _remedy(remedy: Remedy) -> dict[str, str]:
    return {"words": remedy.words, "snippet": remedy.snippet, "command": remedy.command}


def _category(found: Category) -> dict[str, Any]:
    return {
        "tag": found.name,
        "count": found.count,
        "looked_at": found.looked_at,
        "alone": found.alone,
        "share": _estimate(found.share),
        "ceiling": _estimate(found.ceiling, 100),
        "dev_share": found.dev_share if found.dev_share is None else _number(found.dev_share),
        "recipe": _remedy(found.remedy),
    }


def _automatic(tag: AutomaticTag, risk: Risk) -> dict[str, Any]:
    return {
        "tag": tag.name,
        "clips": tag.clips,
        "known": tag.known,
        "share": _number(tag.share),
        "error_with": _number(100 * risk.with_it),
        "error_without": _number(100 * risk.without),
        "risk_ratio": _estimate(risk.ratio),
        "attributable": _estimate(risk.attributable, 100),
        "recipe": _remedy(tag.remedy),
    }


def _labels(found: LabelCheck) -> dict[str, Any]:
    return {
        "verdict": found.verdict,
        "wrong": found.mislabelled[0],
        "right": found.mislabelled[1],
        "corrections": found.corrected,
        "share": _estimate(found.share),
        "gain": _estimate(found.gain, 100),
        "added": None if found.added is None else _estimate(found.added, 100),
        "corrected_error_wrong_only": _estimate(found.wrong_only, 100),
        "corrected_error": None if found.both is None else _estimate(found.both, 100),
    }


def label_words(found: Summary) -> str:
    """Whether fixing labels pays, in a sentence, beside the largest other category."""
    labels = found.labels
    span = f"{100 * labels.share.low:.0f} to {100 * labels.share.high:.0f} %"
    first = {
        "pays": f"fixing labels pays: {span} of dev's errors lie in mislabelled clips",
        "does not pay": f"fixing labels does not pay: no more than {100 * labels.share.high:.0f} % of dev's errors lie "
        "in mislabelled clips",
        "cannot tell": f"whether fixing labels pays cannot be told: {span} of dev's errors lie in mislabelled clips",
        "none found": f"no mislabelled clip was found, but up to {100 * labels.share.high:.0f} % may be: too few were "
        "looked at to say",
    }[labels.verdict]
    other = next((category for category in found.categories if category.name != MISLABELLED), None)
    if other is None or labels.verdict == "none found":
        return first
    own = next((category.ceiling.value for category in found.categories if category.name == MISLABELLED), 0.0)
    order = "below" if own < other.ceiling.value else "above" if own > other.ceiling.value else "level with"
    return (
        f"{first}; its ceiling of {100 * own:.2f} points stands {order} {other.name} ({100 * other.ceiling.value:.2f})"
    )
