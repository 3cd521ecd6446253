"""A comparison as a page to look at and to listen to. It is made from the comparison's JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any, Final, TypeAlias

from synth.report.clip_card import MAX_SECONDS, ClipSound, card
from synth.report.comparison_plots import histogram, quantile_plot, spectra_plot
from synth.report.page import Cell, asset, bullets, page, table

#: Returns the sound of a clip by its path in the profile, or the reason why it cannot be played.
ReadSound: TypeAlias = Callable[[str], ClipSound | str]

_VERDICT_CLASSES: Final = {"green": "good", "amber": "low", "red": "bad"}
_KEY: Final = '<span class="swatch one"></span>training <span class="swatch two"></span>dev.'

_EXPLANATION: Final = (
    '<p class="soft">W1: mean distance between equal quantiles of both sets (Wasserstein-1); of logarithms as a ratio. '
    "95 % by chance: 95 % of equal sets with these numbers of clips and groups are below this value (bootstrap over "
    "groups). p: by permutation of groups, corrected for the number of features (Holm). Green: W1 is at most the "
    "feature's tolerance, or within chance. Red: W1 is above twice the tolerance and above what 99 % of equal sets are "
    "below in all features (95 % by chance times {factor:g}). Amber: between. These limits are a convention.</p>"
)


def compare_page(comparison: Mapping[str, Any], *, training: ReadSound, dev: ReadSound) -> str:
    """Return the page of a comparison, one self-contained HTML document.

    Args:
        comparison: `Comparison.to_json()`.
        training: reads clips of the training set.
        dev: reads clips of dev.
    """
    title = f"{comparison['training']['name']} against {comparison['dev']['name']}"
    sides = [(name, comparison[name]) for name in ("training", "dev", "clean") if comparison[name]]
    sizes = [f"{name}: {side['clips']} clips of {side['groups']} groups ({side['name']})" for name, side in sides]
    explanations = "".join(f"<p>{escape(line)}</p>" for line in comparison["explained"])
    verdict_class = _VERDICT_CLASSES.get(comparison["verdict"] or "", "")
    body = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="soft">{escape(", ".join(sizes))}</p>',
        f'<div class="verdict {verdict_class}"><p class="headline">{escape(comparison["headline"])}</p>'
        f"{explanations}</div>",
        *bullets("What to change, the largest difference first", comparison["advice"]),
        *bullets("Notes", comparison["notes"]),
        "<h2>Distance, and what it could be</h2>",
        _reference_table(comparison),
        "<h2>Features</h2>",
        _feature_table(comparison["features"]),
        _EXPLANATION.format(factor=comparison["family_factor"]),
        *_spectra(comparison["spectra"]),
        *_quantiles(comparison["features"]),
        *_scores(comparison),
        *_clips("The most synthetic training clips", comparison["most_synthetic"], training, "looks synthetic:"),
        *_clips(
            "The dev clips farthest from training",
            comparison["most_uncovered"],
            dev,
            "distance (above 1: not covered):",
        ),
    ]
    return page(title, body, style=asset("compare.css"), embeds=True)


def _reference_table(comparison: Mapping[str, Any]) -> str:
    def row(name: str, auc: str, coverage: str) -> list[Cell]:
        return [Cell(name, kind="text"), Cell(auc), Cell(coverage)]

    rows = [
        row("clean against dev", _number(comparison["auc_clean"], "not given"), ""),
        row("training against dev", _number(comparison["auc"]), _number(comparison["coverage"])),
        row("halves of dev", _number(comparison["auc_dev"]), _number(comparison["coverage_dev"])),
    ]
    return table(row("", "AUC", "coverage"), rows)


def _number(value: float | None, missing: str = "not measured") -> str:
    return missing if value is None else f"{value:.6g}"


def _feature_table(features: Sequence[Mapping[str, Any]]) -> str:
    numeric = ("training P10 / P50 / P90", "dev P10 / P50 / P90", "W1", "95 % by chance", "p", "verdict")
    head = [Cell("feature", kind="text"), *map(Cell, numeric), Cell("what to change", kind="text")]
    rows = []
    for feature in features:
        quantiles = []
        for side in ("training", "dev"):
            values = feature[side]
            text = "" if values is None else " / ".join(_number(value) for value in values)
            quantiles.append(Cell(text, sort="" if values is None else _number(values[1])))
        differs = feature["likely"] or feature["verdict"] in ("amber", "red")
        rows.append(
            [
                Cell(feature["shown"] + (f", {feature['unit']}" if feature["unit"] else ""), kind="text"),
                *quantiles,
                Cell(feature["w1_shown"] or "", sort=_number(feature["w1"], "")),
                Cell(feature["null95_shown"] or "", sort=_number(feature["null95"], "")),
                Cell(_number(feature["p"], "")),
                Cell(
                    feature["verdict_shown"],
                    sort=f"{feature['excess']:g}",
                    kind="amber" if feature["likely"] else feature["verdict"] or "",
                ),
                Cell(feature["words"] if differs else "", kind="wordy"),
            ]
        )
    return table(head, rows)


def _spectra(spectra: Mapping[str, Any]) -> list[str]:
    sides = [spectra["training"], spectra["dev"]]
    bands = [k for k in range(len(spectra["hz"])) if all(side["mean"][k] is not None for side in sides)]
    if len(bands) < 2:
        return []
    training, dev = ({name: [side[name][k] for k in bands] for name in ("mean", "sd")} for side in sides)
    plot = spectra_plot([spectra["hz"][k] for k in bands], training, dev)
    return [
        "<h2>Noise spectra</h2>",
        f"<figure>{plot}<figcaption>{_KEY} Mean of the clips' noise bands and one standard deviation to either side, "
        "in dB relative to each clip's mean band, over Hz.</figcaption></figure>",
    ]


def _quantiles(features: Sequence[Mapping[str, Any]]) -> list[str]:
    figures = []
    for feature in features:
        if feature["knots"]:
            unit = f", {feature['unit']}" if feature["unit"] else ""
            caption = escape(f"{feature['shown']}{unit}: W1 {feature['w1_shown']}")
            figures.append(f"<figure>{quantile_plot(feature)}<figcaption>{caption}</figcaption></figure>")
    note = (
        "Training on the vertical axis, dev on the horizontal one, from 2 to 98 %; equal sets lie on the dashed line. "
        "The largest difference first."
    )
    return ["<h2>Quantiles</h2>", f'<p class="soft">{note}</p>', f'<div class="grid">{"".join(figures)}</div>']


def _scores(comparison: Mapping[str, Any]) -> list[str]:
    if comparison["histogram"] is None:
        return []
    return [
        "<h2>How the classifier rates each clip</h2>",
        f"<figure>{histogram(*comparison['histogram'])}<figcaption>{_KEY} Shares of the clips by score, from models "
        "that were not trained on the clip: 0 looks like dev, 1 looks like training. If the sets are equal, both "
        "histograms are the same, around 0.5.</figcaption></figure>",
    ]


def _clips(title: str, clips: Sequence[Mapping[str, Any]], read_sound: ReadSound, score: str) -> list[str]:
    if not clips:
        return []
    note = f'<p class="soft">Spectrograms: from 0 Hz up to half the rate, 80 dB, at most {MAX_SECONDS:g} s.</p>'
    cards = [card(clip, read_sound(clip["path"]), score=score) for clip in clips]
    return [f"<h2>{title}</h2>", note, f'<div class="clips">{"".join(cards)}</div>']
