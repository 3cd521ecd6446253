"""A review as a page: hear each clip, see where its transcript went wrong, tag it, and save the CSV.

The page is one file and loads nothing: sound is embedded as FLAC (a hundred clips of 4 s at 16 kHz make about 10 MB),
at most MAX_SECONDS of each clip. Linked audio would need the page to stay beside the data, and the browser to read
other files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from html import escape
from typing import Final

from synth.diagnose.review.review_csv import HEAD, TAIL, ReviewRow, review_cells
from synth.diagnose.review.sample import ErrorSample
from synth.report.clip_card import ClipSound, picture_and_player, sound_of
from synth.report.page import asset, page
from synth.stats.edits import Step, align

MAX_SECONDS: Final = 30.0
_TAG_KEYS: Final = "1234567890qwertyuiop"
_KEYS: Final = (
    ("space", "play"),
    ("1 2 ...", "tag"),
    ("c", "comment"),
    ("x", "correct text"),
    ("Enter", "reviewed, next"),
    ("j k", "next, back"),
    ("s", "save"),
)
#: Kind of step -> what a screen reader (or the pointer) says about the word.
_STEP_TITLES: Final = {"same": "", "substituted": "misrecognized", "missing": "missed", "added": "added by the model"}


def review_page(sample: ErrorSample, *, name: str) -> str:
    """Return the page of a sample, one HTML document. `name`: file name of the CSV that it saves."""
    rows = sample.review.rows
    design = sample.review.design
    error = 100 * design["errors"] / (design["words"] or 1)
    cards = []
    for number, row in enumerate(rows, start=1):
        sound = sound_of(str(sample.root), row.audio, max_seconds=MAX_SECONDS)
        cards.append(_card(number, row, sample, sound))
    body = [
        f"<h1>{escape(name)}</h1>",
        f'<p class="soft">{len(rows)} of {design["clips"]:,} clips, of which {design["wrong"]:,} are wrong: '
        f"{escape(design['measure'])} {error:.2f} %. The upper line is what was said, the lower line what the model "
        "recognized. Set all tags that apply; a right answer may have a wrong label too. What you enter is kept in "
        "this browser until you save the CSV.</p>",
        _toolbar(),
        *cards,
        f'<script type="application/json" id="review">{_script_data(sample, name)}</script>',
        f"<script>\n{asset('review.js')}</script>",
    ]
    return page(name, body, style=asset("review.css"), embeds=True)


def _toolbar() -> str:
    keys = " ".join(f"<kbd>{escape(key)}</kbd> {escape(action)}" for key, action in _KEYS)
    return (
        '<div class="bar"><button id="save" type="button">Save CSV</button>'
        '<span role="status" id="count"></span><form id="own"><input type="text" name="tag" maxlength="60" '
        'aria-label="a tag of your own" placeholder="a tag of your own"><button>Add tag</button></form>'
        f'<span class="soft">{keys}</span><span class="soft" id="storage"></span></div>'
        "<noscript><p>Without JavaScript you can hear the clips but not tag them: fill in the CSV by hand.</p>"
        "</noscript>"
    )


def _card(number: int, row: ReviewRow, sample: ErrorSample, sound: ClipSound | str) -> str:
    facts = [f"{number}", row.id, row.stratum, f"{row.errors:g} of {row.words:g}"]
    if row.group != row.id and not row.stratum.endswith(f"={row.group}"):
        facts.append(row.group)
    header = "".join(f"<span>{escape(text)}</span>" for text in facts)
    if isinstance(sound, str):
        reason = sound if row.audio else "the manifest names no audio"
        player = f'<p class="soft">cannot be played: {escape(reason)}</p>'
    else:
        player = picture_and_player(row.id, sound)
        if sound.cut_note:
            player += f'<p class="soft">{sound.cut_note}</p>'
    words = _aligned_words(align(row.reference, row.hypothesis, sample.unit))
    return (
        f'<article aria-label="clip {number}"><header>{header}</header><div>{player}</div>'
        f"<div>{words}{_tag_boxes(sample.review.tags)}{_text_fields(row)}</div></article>"
    )


def _aligned_words(steps: Sequence[Step]) -> str:
    """Return two lines, word above word; what differs is underlined, struck out or alone, and has a title."""
    spans = []
    for step in steps:
        title = f' title="{_STEP_TITLES[step.kind]}"' if _STEP_TITLES[step.kind] else ""
        upper, lower = ("&#9251;" if text == " " else escape(text) for text in (step.reference, step.hypothesis))
        spans.append(f'<span class="{step.kind}"{title}><b dir="auto">{upper}</b><i dir="auto">{lower}</i></span>')
    return f'<div class="words">{"".join(spans)}</div>'


def _tag_boxes(tags: Sequence[str]) -> str:
    boxes = []
    for k, tag in enumerate(tags):
        key = f" <kbd>{_TAG_KEYS[k]}</kbd>" if k < len(_TAG_KEYS) else ""
        boxes.append(f'<label><input type="checkbox" value="{escape(tag)}"> {escape(tag)}{key}</label>')
    return f'<div class="tags">{"".join(boxes)}</div>'


def _text_fields(row: ReviewRow) -> str:
    reference = escape(row.reference)
    return (
        '<div class="fields"><label>correct text <input type="text" name="correction" '
        f'placeholder="{reference}" dir="auto"></label>'
        '<label>comment <input type="text" name="comment" dir="auto"></label>'
        '<label><input type="checkbox" name="reviewed"> reviewed</label></div>'
    )


def _script_data(sample: ErrorSample, name: str) -> str:
    """Return what the script needs to write the CSV, as JSON that is safe inside a script element.

    `rows[].head` are the cells before `reviewed`, `rows[].tail` those after the comment.
    """
    review = sample.review
    rows = []
    for row in review.rows:
        cells = review_cells(row, review.tags, review.design)
        entry = {
            "tags": list(row.tags),
            "correction": row.correction,
            "comment": row.comment,
            "reviewed": row.reviewed,
        }
        rows.append({"head": cells[: HEAD.index("reviewed")], "tail": cells[2 - len(TAIL) :], "entry": entry})
    data = {
        "name": name,
        "head": list(HEAD),
        "tail": list(TAIL),
        "reserved": [*HEAD, *TAIL],
        "tags": list(review.tags),
        "rows": rows,
        # pages of other samples in the same browser keep their own entries
        "key": f"synth-review {hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]}",
    }
    return json.dumps(data).replace("<", "\\u003c")
