"""The result as a page: tables, bars, ladders, and how it was made."""

from __future__ import annotations

import datetime
import json
import platform
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import synth

from .experiment import ROOT, Answers, Size
from .ladder import RUNGS, Told
from .models import MODELS
from .statistics import Counts, Measured, counts, points_worse, reduction, times

TITLES: Mapping[str, str] = {
    "clean": "clean",
    "one_clip": "one clip, looped",
    "one_recording": "one recording",
    "varied": "varied, perturbed",
    "fitted": "fitted",
    "oracle": "oracle",
    "oracle_varied": "oracle, perturbed",
}
BEGIN, END = "<!-- made by benchmarks.digits_in_car: begin -->", "<!-- made by benchmarks.digits_in_car: end -->"
STRONGER = tuple(MODELS)[-1]
MOST_TIMES, LEAST_REDUCTION, MOST_WORSE = 3.0, 25.0, 3.0


def errors_table(found: Counts, stationary: Sequence[str]) -> list[str]:
    """Percent of wrong digits: mean and SD over seeds by recipe and target, and the mean over stationary targets."""
    head = [f"{name}" if name in stationary else f"{name} (non-stationary)" for name in found.targets]
    lines = ["| trained on | " + " | ".join([*head, "mean of the stationary"]) + " |", "|---" * (len(head) + 2) + "|"]
    for recipe, title in TITLES.items():
        if recipe not in found.wrong:
            continue
        errors = 100 * found.error(recipe)
        cells = [_mean_sd(row) for row in errors]
        steady = errors[[found.targets.index(name) for name in stationary]]
        cells.append(f"{steady.mean():.1f}" if len(steady) else "-")
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return lines


def _mean_sd(row: Any) -> str:
    return f"{row.mean():.1f}" + (f" ± {row.std(ddof=1):.1f}" if len(row) > 1 else "")


def bars(found: Counts, stationary: Sequence[str]) -> dict[str, tuple[str, Measured, bool]]:
    """Each bar: what it asks for, what was measured, and whether it is met."""
    non_stationary = [name for name in found.targets if name not in stationary]
    told: dict[str, tuple[str, Measured, bool]] = {}
    if stationary:
        ratio = times(found, "one_clip", "varied", stationary)
        told["one clip"] = ("one clip looped: at least 3 times the error of varied", ratio, ratio.value >= MOST_TIMES)
        less = reduction(found, "varied", "fitted", stationary)
        met = less.value >= LEAST_REDUCTION and less.low > 0
        told["fitted"] = ("fitted: at least 25 % below varied, interval without 0", less, met)
    if non_stationary:
        more = points_worse(found, "fitted", "varied", non_stationary)
        told["non-stationary"] = (
            "fitted on the non-stationary target: at most 3 points worse",
            more,
            more.value <= MOST_WORSE,
        )
    return told


def bars_table(
    answers: Sequence[Answers], split: str, stationary: Sequence[str], among: str | None = None
) -> list[str]:
    """Each bar under each model; under it what the oracle reaches, which no recipe is asked to."""
    lines = ["| bar | model | measured | |", "|---|---|---|---|"]
    for model in reversed(MODELS):
        found = counts(answers, model, split, among)
        steady = [name for name in stationary if name in found.targets]
        for asked, measured, met in bars(found, steady).values():
            lines.append(f"| {asked} | `{model}` | {measured.shown()} | {'met' if met else '**missed**'} |")
        for oracle in ("oracle", "oracle_varied"):
            if steady and oracle in found.wrong:
                reached = reduction(found, "varied", oracle, steady).shown()
                lines.append(
                    f"| for comparison: {TITLES[oracle]}: so many percent below varied | `{model}` | {reached} | |"
                )
    return lines


def by_target(found: Counts) -> list[str]:
    """The two comparisons for each target alone, with intervals."""
    lines = ["| target | one clip / varied | % below varied: fitted | oracle | oracle, perturbed |", "|---" * 5 + "|"]
    for name in found.targets:
        cells = [times(found, "one_clip", "varied", [name]).shown()]
        cells += [reduction(found, "varied", by, [name]).shown(".0f") for by in ("fitted", "oracle", "oracle_varied")]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def ladder_table(ladders: Sequence[Told]) -> list[str]:
    """Errors of single models in percent, and the gap that `synth diagnose` names."""
    lines = ["| trained on | target | " + " | ".join(RUNGS) + " | named |", "|---" * (len(RUNGS) + 3) + "|"]
    for told in ladders:
        errors = {rung["name"]: rung["error"] for rung in told.report["rungs"]}
        cells = [f"{errors[name]:.1f}" if name in errors else "-" for name in RUNGS]
        lines.append(f"| {_title(told.recipe)} | {told.target} | " + " | ".join(cells) + f" | {told.named} |")
    return lines


def _title(recipe: str) -> str:
    return TITLES.get(recipe, "varied at a wrong SNR (20 to 35 dB)")


def fits_table(work: Path, targets: Sequence[str]) -> list[str]:
    """What `synth fit` says of itself, on the groups of dev that it held out."""
    lines = ["| target | AUC of halves of dev | before | matched | helped | warning |", "|---" * 6 + "|"]
    for target in targets:
        report = json.loads((work / target / "dev_and_fit" / "fit.json").read_text())
        halves = "-" if report["auc_dev"] is None else f"{report['auc_dev']:.2f}"
        cells = [target, halves, _of(report, "before"), _of(report, "after"), _helped(report), _warned(report)]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _of(report: Mapping[str, Any], name: str) -> str:
    auc = report[name].get("auc")
    return "-" if auc is None else f"{auc:.2f}"


def _helped(report: Mapping[str, Any]) -> str:
    return "yes" if report["helped"] else "no: the recipe stayed as it was"


def _warned(report: Mapping[str, Any]) -> str:
    return "; ".join(str(text).split(":")[0].split(";")[0] for text in report["warnings"]) or "none"


def versions(digest: str, seconds: float, size: Size) -> str:
    """Date, versions, and what was fixed before."""
    told = [f"{name} {version(name)}" for name in ("numpy", "scipy", "scikit-learn", "soundfile", "soxr")]
    made = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, check=False, capture_output=True, text=True
    ).stdout.strip()
    return (
        f"Made on {made} with synth {synth.__version__}" + (f" (commit {commit})" if commit else "") + ", Python "
        f"{platform.python_version()}, {', '.join(told)}; {len(size.seeds)} seeds, in {seconds / 60:.0f} minutes. "
        f"SHA-256 of what was fixed before: `{digest}`."
    )


def result_text(
    answers: Sequence[Answers],
    ladders: Sequence[Told],
    work: Path,
    stationary: Sequence[str],
    made: str,
    split: str,
) -> str:
    """The result in Markdown, without the prose around it."""
    targets = tuple(dict.fromkeys(one.target for one in answers))
    blocks: list[list[str]] = [[made]]
    for model in reversed(MODELS):
        blocks.append([f"### Error on {split}, percent: model `{model}`"])
        blocks.append(errors_table(counts(answers, model, split), stationary))
    blocks.append(["![errors by target and recipe](proof.svg)"])
    blocks += [["### Bars"], bars_table(answers, split, stationary)]
    for model in reversed(MODELS):
        blocks += [[f"### By target: model `{model}`"], by_target(counts(answers, model, split))]
    blocks += _speakers_left_out(answers, stationary, split)
    blocks += [["### Ladders"], ladder_table(ladders)]
    shown = [told for told in ladders if told.target == targets[0] and told.recipe in ("one_clip", "wrong_snr")]
    for told in shown:
        called = f"`synth diagnose` on {_title(told.recipe)}, target {told.target}:"
        blocks += [[called], ["```text", told.text.rstrip("\n"), "```"]]
    blocks += [["### What `synth fit` says of itself"], fits_table(work, targets)]
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _speakers_left_out(answers: Sequence[Answers], stationary: Sequence[str], split: str) -> list[list[str]]:
    if not any(key[2] == "alone" for one in answers for key in one.wrong):
        return []
    blocks = [["### Each speaker left out of training"]]
    for model in reversed(MODELS):
        blocks += [[f"Model `{model}`:"], errors_table(counts(answers, model, "alone", split), stationary)]
    return [*blocks, bars_table(answers, "alone", stationary, split)]


def into_page(page: Path, text: str) -> None:
    """Put the result between the marks of a page."""
    whole = page.read_text(encoding="utf-8")
    head, rest = whole.split(BEGIN, 1)
    page.write_text(f"{head}{BEGIN}\n\n{text}\n{END}{rest.split(END, 1)[1]}", encoding="utf-8")
