"""A comparison as a page to look at and to listen to. Made from its JSON values, so that both tell the same numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from synth.paths import output_path
from synth.report.clip_card import SECONDS, Sound, card
from synth.report.comparison_plots import STYLE, histogram, quantiles, spectra
from synth.report.page import Cell, page, table

Hear = Callable[[str], "Sound | str"]
"""The sound of a clip by its path in the profile, or why there is none."""

_STYLE = (
    STYLE
    + """
td.green { color: var(--good); } td.amber { color: var(--warn); } td.red { color: var(--bad); }
td.wordy { text-align: left; white-space: normal; min-width: 13rem; }
.headline { font-size: 1.05rem; font-weight: 600; max-width: none; } ul { margin: .25rem 0; padding-left: 1.2rem; }
.clips { display: grid; grid-template-columns: repeat(auto-fill, minmax(19rem, 1fr)); gap: 1rem; }
.clip img { display: block; width: 100%; height: 8rem; border-radius: 3px; }
.clip audio { width: 100%; height: 2.2rem; }
"""
)
_KIND = {"green": "good", "amber": "low", "red": "bad"}
_COLUMNS = (
    ("feature", "text"),
    ("training P10 / P50 / P90", ""),
    ("dev P10 / P50 / P90", ""),
    ("W1", ""),
    ("95 % by chance", ""),
    ("p", ""),
    ("verdict", ""),
    ("what to change", "text"),
)


def compare_page(found: Mapping[str, Any], *, training: Hear, dev: Hear) -> str:
    """The page of a comparison (`Comparison.to_json()`), one self-contained HTML document.

    `training`, `dev`: where the sound of the clips to listen to comes from.
    """
    names = f"{found['training']['name']} against {found['dev']['name']}"
    body = [
        f"<h1>{escape(names)}</h1>",
        f'<p class="soft">{_sizes(found)}</p>',
        _verdict(found),
        *_list("What to change, the farthest first", found["advice"]),
        *_list("Notes", found["notes"]),
        "<h2>How far, beside what it could be</h2>",
        _references(found),
        "<h2>Features</h2>",
        table([Cell(name, kind=kind) for name, kind in _COLUMNS], [_row(feature) for feature in found["features"]]),
        _explained(found),
        *_spectra(found["spectra"]),
        *_quantiles(found["features"]),
        *_histogram(found),
        *_clips("The most synthetic-looking training clips", found["most_synthetic"], training, "looks synthetic:"),
        *_clips("The dev clips farthest from training", found["most_uncovered"], dev, "distance, above 1 uncovered:"),
    ]
    return page(names, body, style=_STYLE, embeds=True)


def write_page(path: Path, found: Mapping[str, Any], *, training: Hear, dev: Hear) -> None:
    """Raises UsageError, StorageError as `synth.paths.output_path.write`."""
    output_path.write(
        path, compare_page(found, training=training, dev=dev).encode("utf-8", "replace"), "page", option="--html"
    )


def _sizes(found: Mapping[str, Any]) -> str:
    sides = [(name, found[name]) for name in ("training", "dev", "clean") if found[name]]
    return ", ".join(
        f"{name}: {side['clips']} clips of {side['groups']} groups ({escape(side['name'])})" for name, side in sides
    )


def _verdict(found: Mapping[str, Any]) -> str:
    lines = "".join(f"<p>{escape(line)}</p>" for line in found["explained"])
    kind = _KIND.get(found["verdict"] or "", "")
    return f'<div class="verdict {kind}"><p class="headline">{escape(found["headline"])}</p>{lines}</div>'


def _list(title: str, lines: Sequence[str]) -> list[str]:
    if not lines:
        return []
    return [f"<h2>{title}</h2>", "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"]


def _references(found: Mapping[str, Any]) -> str:
    rows = [
        [Cell("clean against dev", kind="text"), Cell(_number(found["auc_clean"], "not given")), Cell("")],
        [Cell("training against dev", kind="text"), Cell(_number(found["auc"])), Cell(_number(found["coverage"]))],
        [Cell("halves of dev", kind="text"), Cell(_number(found["auc_dev"])), Cell(_number(found["coverage_dev"]))],
    ]
    return table([Cell("", kind="text"), Cell("AUC"), Cell("coverage")], rows)


def _number(value: float | None, missing: str = "not measured") -> str:
    return missing if value is None else f"{value:.6g}"


def _row(feature: Mapping[str, Any]) -> list[Cell]:
    unit = f", {feature['unit']}" if feature["unit"] else ""
    w1, null95 = feature["w1"], feature["null95"]
    return [
        Cell(feature["shown"] + unit, kind="text"),
        *(_three(feature[side]) for side in ("training", "dev")),
        Cell(feature["w1_shown"] or "", sort=_number(w1, "")),
        Cell(feature["null95_shown"] or "", sort=_number(null95, "")),
        Cell(_number(feature["p"], "")),
        Cell(
            feature["verdict_shown"],
            sort=f"{feature['excess']:g}",
            kind="amber" if feature["likely"] else feature["verdict"] or "",
        ),
        Cell(feature["words"] if feature["likely"] or feature["verdict"] in ("amber", "red") else "", kind="wordy"),
    ]


def _three(values: Sequence[float] | None) -> Cell:
    if values is None:
        return Cell("", sort="")
    return Cell(" / ".join(_number(value) for value in values), sort=_number(values[1]))


def _explained(found: Mapping[str, Any]) -> str:
    return (
        '<p class="soft">W1: mean distance between equal quantiles of both sets (Wasserstein-1), of logarithms as a '
        "ratio. 95 % by chance: what equal sets of these numbers of clips and groups stay below, found by drawing "
        "groups again. p: by permutation of groups, corrected for the number of features (Holm). Green: W1 up to the "
        "feature's tolerance or up to chance; red: above twice the tolerance and above what 99 % of equal sets stay "
        f"below in all features (95 % by chance times {found['family_factor']:g}); amber between. These cut-offs are "
        "a convention.</p>"
    )


def _spectra(found: Mapping[str, Any]) -> list[str]:
    sides = [found["training"], found["dev"]]
    there = [k for k in range(len(found["hz"])) if all(side["mean"][k] is not None for side in sides)]
    if len(there) < 2:
        return []
    parts = [{name: [side[name][k] for k in there] for name in ("mean", "sd")} for side in sides]
    drawn = spectra([found["hz"][k] for k in there], parts[0], parts[1])
    return [
        "<h2>Noise spectra</h2>",
        f"<figure>{drawn}<figcaption>{_key()} Mean of the clips' noise bands and one standard deviation to either "
        "side, dB about each clip's mean band, over Hz.</figcaption></figure>",
    ]


def _key() -> str:
    return '<span class="swatch one"></span>training <span class="swatch two"></span>dev.'


def _quantiles(features: Sequence[Mapping[str, Any]]) -> list[str]:
    drawn = [f for f in features if f["knots"]]
    figures = [
        f"<figure>{quantiles(f)}<figcaption>{escape(f['shown'])}{escape(', ' + f['unit'] if f['unit'] else '')}: "
        f"W1 {escape(f['w1_shown'])}</figcaption></figure>"
        for f in drawn
    ]
    note = "Training upwards, dev across, 2 to 98 %; on the dashed line they are equal. The farthest first."
    return ["<h2>Quantiles</h2>", f'<p class="soft">{note}</p>', f'<div class="grid">{"".join(figures)}</div>']


def _histogram(found: Mapping[str, Any]) -> list[str]:
    if found["histogram"] is None:
        return []
    return [
        "<h2>What the classifier thinks of each clip</h2>",
        f"<figure>{histogram(*found['histogram'])}<figcaption>{_key()} Shares of the clips by score, of clips that it "
        "had not learned from: 0 looks like dev, 1 looks like training. Equal sets lie on each other about 0.5."
        "</figcaption></figure>",
    ]


def _clips(title: str, clips: Sequence[Mapping[str, Any]], hear: Hear, score: str) -> list[str]:
    if not clips:
        return []
    note = f'<p class="soft">Spectrograms: from 0 Hz up to half the rate, 80 dB, at most {SECONDS:g} s.</p>'
    cards = [card(clip, hear(clip["path"]), score=score) for clip in clips]
    return [f"<h2>{title}</h2>", note, f'<div class="clips">{"".join(cards)}</div>']
