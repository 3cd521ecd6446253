"""A review as a page: hear each clip, see where its transcript went wrong, tag it, and save the CSV.

One file, nothing fetched: sound stands in it as FLAC (a hundred clips of 4 s at 16 kHz make about 10 MB), at most
MOST_S of each clip. Linked audio would need the page to stay beside the data, and the browser to read other files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from html import escape
from pathlib import Path

from synth.diagnose.review.review_csv import HEAD, TAIL, ReviewRow, cells
from synth.diagnose.review.sample import Sample
from synth.paths import output_path
from synth.report.clip_card import Sound, picture_and_player, sound_of
from synth.report.page import page
from synth.report.review_script import REVIEW_SCRIPT, REVIEW_STYLE
from synth.stats.alignment import Step, align

MOST_S = 30.0
_KEYS = "1234567890qwertyuiop"
_REVIEWED = HEAD.index("reviewed")
_HELP = (
    ("space", "play"),
    ("1 2 ...", "tag"),
    ("c", "comment"),
    ("x", "right text"),
    ("Enter", "looked at, next"),
    ("j k", "next, back"),
    ("s", "save"),
)


def review_page(sample: Sample, *, name: str) -> str:
    """The page of a sample, one HTML document. `name`: of the CSV that it saves."""
    rows = sample.review.rows
    cards = [_card(k, row, sample, sound_of(str(sample.root), row.audio, most_s=MOST_S)) for k, row in enumerate(rows)]
    design = sample.review.design
    error = 100 * design["errors"] / (design["words"] or 1)
    body = [
        f"<h1>{escape(name)}</h1>",
        f'<p class="soft">{len(rows)} clips of {design["clips"]:,}, of which {design["wrong"]:,} are wrong: '
        f"{escape(design['measure'])} {error:.2f} %. Above what was said, below what the model heard. Tag all that "
        "is wrong with a clip; a right answer may have a wrong label, too. What is entered stays in this browser.</p>",
        _bar(),
        *cards,
        f'<script type="application/json" id="review">{_data(sample, name)}</script>',
        f"<script>{REVIEW_SCRIPT}</script>",
    ]
    return page(name, body, style=REVIEW_STYLE, embeds=True)


def write_page(path: Path, sample: Sample, *, name: str) -> None:
    """Raises UsageError, StorageError as `synth.paths.output_path.write`."""
    output_path.write(path, review_page(sample, name=name).encode("utf-8", "replace"), "page", option="--html")


def _bar() -> str:
    keys = " ".join(f"<kbd>{escape(key)}</kbd> {escape(does)}" for key, does in _HELP)
    return (
        '<div class="bar"><button id="save" type="button">Save CSV</button>'
        '<span role="status" id="count"></span><form id="own"><input type="text" name="tag" maxlength="60" '
        'aria-label="a tag of your own" placeholder="a tag of your own"><button>Add tag</button></form>'
        f'<span class="soft">{keys}</span><span class="soft" id="kept"></span></div>'
        "<noscript><p>Without JavaScript clips can be heard, but not tagged: fill in the CSV by hand.</p></noscript>"
    )


def _card(number: int, row: ReviewRow, sample: Sample, sound: Sound | str) -> str:
    said = [f"{number + 1}", row.id, row.stratum, f"{row.errors:g} of {row.words:g}"]
    if row.group != row.id and not row.stratum.endswith(f"={row.group}"):
        said.append(row.group)
    header = "".join(f"<span>{escape(text)}</span>" for text in said)
    return (
        f'<article aria-label="clip {number + 1}"><header>{header}</header><div>{_heard(row, sound)}</div><div>'
        f"{_words(align(row.reference, row.hypothesis, sample.unit))}{_tags(sample.review.tags)}{_fields(row)}"
        "</div></article>"
    )


def _heard(row: ReviewRow, sound: Sound | str) -> str:
    if isinstance(sound, str):
        return f'<p class="soft">not to be heard: {escape(sound if row.audio else "the manifest names no audio")}</p>'
    cut = sound.shown_s < sound.seconds - 0.01
    note = f'<p class="soft">the first {sound.shown_s:g} of {sound.seconds:.1f} s</p>' if cut else ""
    return picture_and_player(row.id, sound) + note


def _words(steps: Sequence[Step]) -> str:
    """Two lines, word above word; what differs is underlined, struck out or stands alone, and said to readers."""
    said = {"same": "", "other": "heard otherwise", "missing": "not heard", "added": "heard, not said"}
    spans = [
        f'<span class="{kind}"{f" title={chr(34)}{said[kind]}{chr(34)}" if said[kind] else ""}>'
        f'<b dir="auto">{_shown(told)}</b><i dir="auto">{_shown(heard)}</i></span>'
        for kind, told, heard in steps
    ]
    return f'<div class="words">{"".join(spans)}</div>'


def _shown(text: str) -> str:
    return "&#9251;" if text == " " else escape(text)


def _tags(tags: Sequence[str]) -> str:
    labels = [
        f'<label><input type="checkbox" value="{escape(tag)}"> {escape(tag)}'
        + (f" <kbd>{_KEYS[k]}</kbd></label>" if k < len(_KEYS) else "</label>")
        for k, tag in enumerate(tags)
    ]
    return f'<div class="tags">{"".join(labels)}</div>'


def _fields(row: ReviewRow) -> str:
    right = escape(row.reference)
    return (
        f'<div class="fields"><label>right text <input type="text" name="correction" placeholder="{right}" dir="auto">'
        '</label><label>comment <input type="text" name="comment" dir="auto"></label>'
        '<label><input type="checkbox" name="reviewed"> looked at</label></div>'
    )


def _data(sample: Sample, name: str) -> str:
    """What the script needs to write the CSV: each row's cells before the tags, and those after the comment."""
    review = sample.review
    rows = []
    for row in review.rows:
        found = cells(row, review.tags, review.design)
        said = {
            "tags": list(row.tags),
            "correction": row.correction,
            "comment": row.comment,
            "reviewed": row.reviewed,
        }
        rows.append({"head": found[:_REVIEWED], "tail": found[-len(TAIL) + 2 :], "said": said})
    told = {
        "name": name,
        "head": list(HEAD),
        "tail": list(TAIL),
        "taken": [*HEAD, *TAIL],
        "tags": list(review.tags),
        "rows": rows,
    }
    # pages of other samples in the same browser keep their own
    told["key"] = f"synth-review {hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]}"
    return json.dumps(told).replace("<", "\\u003c")
