"""The report of a fit: how good the recipe was before and after on the held-out groups, as JSON and as Markdown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from synth.match.fit.match_score import LEVEL, MatchScore
from synth.match.fit.noise_model import LEAST_RECORDINGS, RecordingVerdict
from synth.match.fit.result import FitResult
from synth.match.measure.features import BAND_NAMES, BY_NAME
from synth.match.measure.profile import Profile
from synth.text import listed

VERSION = 2
"""In version 1 a feature was called `level_sd_db`, and a verdict `equalised`."""

_MAX_NAMED = 12  # recordings


def report_json(
    dev: Profile, fit: FitResult, verdicts: Sequence[RecordingVerdict], *, shareable: bool, seed: int
) -> dict[str, Any]:
    """The report as JSON values; it names no clip of dev."""
    counts = [verdict.verdict for verdict in verdicts]
    return {
        "format": "synth-fit-report",
        "version": VERSION,
        "dev": dev.name,
        "shareable": shareable,
        "seed": seed,
        "helped": fit.helped,
        "clips": {"fitted": fit.clips[0], "held_out": fit.clips[1]},
        "groups": {"fitted": fit.groups[0], "held_out": fit.groups[1]},
        "auc_dev": _rounded(fit.auc_dev),
        "before": _score_json(fit.before),
        "after": _score_json(fit.after),
        "mixture": _score_json(fit.mixture),
        "rounds": [
            {"round": each.number, "fitted": _score_json(each.fitted), "held_out": _score_json(each.held_out)}
            for each in fit.rounds
        ],
        "kept_round": fit.kept,
        "calibrations": [_rounded(asdict(curve)) for curve in fit.calibrations],
        "trust": {**_rounded(asdict(fit.trust)), "snr": fit.trust.snr, "spectrum": fit.trust.spectrum},
        "jitter": asdict(fit.matched.jitter),
        "noise": {
            "recordings": [_rounded(asdict(verdict)) for verdict in verdicts],
            **{name.replace(" ", "_"): counts.count(name) for name in ("accepted", "equalized", "left out")},
        },
        "warnings": list(fit.warnings),
        "notes": [*fit.notes, *dev.group_notes],
    }


def _score_json(score: MatchScore) -> dict[str, Any]:
    return {
        "auc": _rounded(score.auc),
        "coverage": _rounded(score.coverage),
        "score": _rounded(score.score),
        "headline": score.headline,
        "features": {name: _rounded(asdict(distance)) for name, distance in score.distances.items()},
    }


def _rounded(value: Any) -> Any:
    """Floats with four decimals (None if not finite), tuples as lists, at any depth."""
    if isinstance(value, float):
        return round(value, 4) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list | tuple) else value


def report_text(report: dict[str, Any]) -> str:
    """The report as Markdown, from its JSON values."""
    clips, groups = report["clips"], report["groups"]
    lines = [
        f"# Fitted to {report['dev']}",
        "",
        f"Fitted to {clips['fitted']} clips of {groups['fitted']} groups; judged on {clips['held_out']} clips of "
        f"{groups['held_out']} other groups, which had no part in it.",
        "",
        *(f"**Warning:** {text}\n" for text in report["warnings"]),
        *_table(report),
        "",
        "| round | on the fitted clips | on the held-out groups |",
        "|---|---|---|",
    ]
    for each in report["rounds"]:
        kept = " (kept)" if report["helped"] and each["round"] == report["kept_round"] else ""
        lines.append(f"| {each['round']}{kept} | {each['fitted']['headline']} | {each['held_out']['headline']} |")
    lines.append("")
    for number, curve in enumerate(report["calibrations"], start=1):
        if curve["mixes"]:
            noise = "noise as it is" if number == 1 else "noise with the spectra of dev"
            lines.append(
                f"SNR, calibration {number} ({noise}, {curve['mixes']} mixes): error {curve['bias_db']:+.1f} dB with "
                f"SD {curve['error_db']:.1f} before, SD {curve['uncertainty_db']:.1f} after.\n"
            )
    if report["noise"]["recordings"]:
        lines.append(_noise_text(report["noise"]))
    lines += [f"{text[0].upper()}{text[1:]}.\n" for text in report["notes"]]
    return "\n".join(lines).rstrip("\n") + "\n"


def _table(report: dict[str, Any]) -> list[str]:
    """The recipe before, the condition `matched` and the whole mixture, against the held-out groups."""
    columns = [report[name] for name in ("before", "after", "mixture")]
    aucs = [report["auc_dev"], *(column["auc"] for column in columns)]
    rows = [
        ["on the held-out groups", "dev", "before", "`matched`", "whole mixture"],
        ["---"] * 5,
        ["AUC (0.5: no difference)", *(_number(auc, 2) for auc in aucs)],
        ["coverage of dev", "", *(_number(column["coverage"], 2) for column in columns)],
    ]
    for name in ("snr_db", LEVEL, "speech_dbfs", "noise_dbfs", *BAND_NAMES, "fluctuation_db"):
        shown = "level of the clip, dBFS" if name == LEVEL else f"{BY_NAME[name].shown}, {BY_NAME[name].unit}"
        distances = [column["features"].get(name) for column in columns]
        dev = next((_number(d["dev"], 1) for d in distances if d), "-")
        cells = [f"{_number(d['simulated'], 1)} ({_number(d['w1'], 1)})" if d else "-" for d in distances]
        rows.append([shown, dev, *cells])
    note = "The numbers below the first two rows are medians, with the Wasserstein-1 distance to dev in brackets."
    return [*(f"| {' | '.join(row)} |" for row in rows), "", note]


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _noise_text(noise: dict[str, Any]) -> str:
    names = [recording["name"] for recording in noise["recordings"] if recording["verdict"] == "left out"]
    text = (
        f"Noise of the first layer: {noise['accepted']} recordings are near enough to dev as they are, "
        f"{noise['equalized']} are equalized, {noise['left_out']} are left out"
        + (f": {listed(names, _MAX_NAMED)}." if names else ".")
    )
    used = noise["accepted"] + noise["equalized"]
    if used < LEAST_RECORDINGS:
        text += f" {used} recordings are few; {LEAST_RECORDINGS} to 32 are good."
    return text + "\n"
