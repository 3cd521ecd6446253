"""What a fit was worth: before and after on the groups held out, as JSON and as a page to read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from synth.match.fit.fitter import FitResult
from synth.match.fit.match_score import LEVEL, Figures
from synth.match.fit.noise_model import LEAST_RECORDINGS, RecordingVerdict
from synth.match.measure.features import BAND_NAMES, BY_NAME
from synth.match.measure.profile import Profile

_MOST_NAMED = 12


def report_json(
    dev: Profile, fitted: FitResult, judged: Sequence[RecordingVerdict], *, shareable: bool, seed: int
) -> dict[str, Any]:
    """The report as JSON values; no clip of dev is named in it."""
    verdicts = [one.verdict for one in judged]
    return {
        "format": "synth-fit-report",
        "version": 1,
        "dev": dev.name,
        "shareable": shareable,
        "seed": seed,
        "helped": fitted.helped,
        "clips": {"fitted": fitted.clips[0], "held_out": fitted.clips[1]},
        "groups": {"fitted": fitted.groups[0], "held_out": fitted.groups[1]},
        "auc_dev": _rounded(fitted.auc_dev),
        "before": _figures(fitted.before),
        "after": _figures(fitted.after),
        "mixture": _figures(fitted.mixture),
        "rounds": [
            {"round": one.number, "fitted": _figures(one.fitted), "held_out": _figures(one.held_out)}
            for one in fitted.rounds
        ],
        "kept_round": fitted.kept,
        "calibrations": [_clean(asdict(curve)) for curve in fitted.calibrations],
        "trust": {**_clean(asdict(fitted.trust)), "snr": fitted.trust.snr, "colour": fitted.trust.spectrum},
        "jitter": asdict(fitted.matched.jitter),
        "noise": {
            "recordings": [_clean(asdict(one)) for one in judged],
            **{verdict.replace(" ", "_"): verdicts.count(verdict) for verdict in ("accepted", "equalised", "left out")},
        },
        "warnings": list(fitted.warnings),
        "notes": [*fitted.notes, *dev.group_notes],
    }


def _figures(figures: Figures) -> dict[str, Any]:
    return {
        "auc": _rounded(figures.auc),
        "coverage": _rounded(figures.coverage),
        "score": _rounded(figures.score),
        "headline": figures.headline,
        "features": {name: _clean(asdict(distance)) for name, distance in figures.distances.items()},
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, 4)


def _clean(value: Any) -> Any:
    """Floats with four decimals, tuples as lists."""
    if isinstance(value, float):
        return _rounded(value)
    if isinstance(value, dict):
        return {key: _clean(one) for key, one in value.items()}
    return [_clean(one) for one in value] if isinstance(value, list | tuple) else value


def report_text(report: dict[str, Any]) -> str:
    """The same as Markdown."""
    clips, groups = report["clips"], report["groups"]
    lines = [
        f"# Fitted to {report['dev']}",
        "",
        f"Fitted on {clips['fitted']} clips of {groups['fitted']} groups; judged on {clips['held_out']} clips of "
        f"{groups['held_out']} groups that took no part in it.",
        "",
        *(f"**Warning:** {text}\n" for text in report["warnings"]),
        *_table(report),
        "",
        *_rounds(report),
        "",
        *_snr(report),
        *_noise(report["noise"]),
        *(f"{text[0].upper()}{text[1:]}.\n" for text in report["notes"]),
    ]
    return "\n".join(lines).rstrip("\n") + "\n"


def _table(report: dict[str, Any]) -> list[str]:
    """Before, the condition matched, and the whole mixture, against the groups held out."""
    columns = [report[name] for name in ("before", "after", "mixture")]
    rows = [
        "| on the groups held out | dev | before | `matched` | whole mixture |",
        "|---|---|---|---|---|",
        "| AUC (0.5: cannot be told apart) | "
        + " | ".join([_number(report["auc_dev"], 2), *(_number(c["auc"], 2) for c in columns)])
        + " |",
        "| coverage of dev | | " + " | ".join(_number(c["coverage"], 2) for c in columns) + " |",
    ]
    rows += [_median_row(shown, name, columns) for name, shown in _shown()]
    return [*rows, "", "Each number but the first two is a median; in brackets Wasserstein-1 to dev, in the same unit."]


def _shown() -> list[tuple[str, str]]:
    names = ["snr_db", "speech_dbfs", "noise_dbfs", *BAND_NAMES, "fluctuation_db"]
    named = [(name, f"{BY_NAME[name].shown}, {BY_NAME[name].unit}") for name in names]
    return [named[0], (LEVEL, "level of the clip, dBFS"), *named[1:]]


def _median_row(shown: str, name: str, columns: Sequence[dict[str, Any]]) -> str:
    there = [c["features"].get(name) for c in columns]
    known = next((one for one in there if one), None)
    cells = [f"{_number(one['simulated'], 1)} ({_number(one['w1'], 1)})" if one else "-" for one in there]
    return f"| {shown} | {_number(known['dev'], 1) if known else '-'} | " + " | ".join(cells) + " |"


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _rounds(report: dict[str, Any]) -> list[str]:
    lines = ["| round | on what was fitted | on the groups held out |", "|---|---|---|"]
    for one in report["rounds"]:
        kept = " (kept)" if report["helped"] and one["round"] == report["kept_round"] else ""
        lines.append(f"| {one['round']}{kept} | {one['fitted']['headline']} | {one['held_out']['headline']} |")
    return lines


def _snr(report: dict[str, Any]) -> list[str]:
    lines = []
    for number, curve in enumerate(report["calibrations"], start=1):
        if curve["mixes"]:
            lines.append(
                f"SNR, calibration {number} ({'noise as it is' if number == 1 else 'noise with the colours of dev'}, "
                f"{curve['mixes']} mixes): error {curve['bias_db']:+.1f} dB with SD {curve['error_db']:.1f} before, "
                f"SD {curve['uncertainty_db']:.1f} after.\n"
            )
    return lines


def _noise(noise: dict[str, Any]) -> list[str]:
    if not noise["recordings"]:
        return []
    gone = [one["name"] for one in noise["recordings"] if one["verdict"] == "left out"]
    named = ", ".join(gone[:_MOST_NAMED]) + (f" and {len(gone) - _MOST_NAMED} more" if len(gone) > _MOST_NAMED else "")
    text = (
        f"Noise of the first layer: {noise['accepted']} recordings are near enough to dev as they are, "
        f"{noise['equalised']} are used equalised, {noise['left_out']} are left out{': ' + named if gone else ''}."
    )
    few = noise["accepted"] + noise["equalised"]
    more = f" {few} are few; {LEAST_RECORDINGS} to 32 are good." if few < LEAST_RECORDINGS else ""
    return [text + more + "\n"]
