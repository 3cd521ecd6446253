"""What can be wrong with a clip, and what in the recipe each speaks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

MISLABELLED: Final = "mislabelled"


@dataclass(frozen=True, slots=True)
class Remedy:
    """What a category speaks for. `words`: why and how; `snippet`: a piece of a recipe, its list items to be added to
    the lists that are there; `command`: what to run. Folders in capitals are the user's to fill in."""

    words: str
    snippet: str = ""
    command: str = ""

    def filled(self, share: float) -> Remedy:
        """With the share of the clips, between 0.01 and 1, where the snippet asks for it."""
        shown = f"{min(1.0, max(0.01, share)):.2g}"
        return Remedy(self.words, self.snippet.replace("SHARE", shown), self.command)


def _layer(name: str, folder: str, relative: str) -> str:
    return (
        "noise:\n  layers:\n"
        f"    - {{name: {name}, probability: SHARE, relative_db: {relative}, min_recordings: 8, sources: {folder}}}\n"
    )


_FIT = Remedy(
    "the noise or the SNR of training is not that of dev: see how they differ, and fit the recipe",
    command="synth compare data/augmented dev.profile && synth fit recipe.yaml --to dev.profile --out fitted",
)

MANUAL: Final[Mapping[str, Remedy]] = {
    "car noise": _FIT,
    "wind": Remedy("wind and open windows, in the share in which dev has them", _layer("wind", "WIND_DIR", "[-6, 6]")),
    "babble or passenger": Remedy(
        "other voices behind the one that counts; also from speech that is not in the speech sources",
        _layer("babble", "BABBLE_DIR", "[-12, 0]"),
    ),
    "radio or music": Remedy("music and radio speech", _layer("radio", "MUSIC_DIR", "[-12, 0]")),
    "event": Remedy(
        "something short over the speech (indicator, wipers, horn, pothole)",
        "noise:\n  events:\n    - indicator: {}\n      probability: SHARE\n    - horn: {}\n      probability: SHARE\n",
    ),
    "clipping": Remedy(
        "a channel that clips, after the noise",
        "channel:\n  - ClippingDistortion: {min_percentile_threshold: 0, max_percentile_threshold: 20}\n"
        "    probability: SHARE\n",
    ),
    "accent": Remedy(
        "no effect makes an accent: more speakers who have it, if need be unchanged from the target",
        "speech:\n  sources:\n    - {name: accent, path: ACCENT_DIR}\n",
    ),
    "far microphone": Remedy(
        "rooms recorded in cabins, from where the microphone is",
        "speech:\n  room: {probability: SHARE, sources: [{name: cabins, path: ROOM_DIR}]}\n",
    ),
    "fast or slow speech": Remedy(
        "more tempo, both ways",
        "speech:\n  effects:\n    - tempo: {factor: {log_uniform: [0.75, 1.35]}, engine: signalsmith}\n"
        "      probability: SHARE\n",
    ),
    "raised voice": Remedy(
        "speakers raise their voices in noise",
        "speech:\n  lombard: {probability: SHARE, slope: {normal: [0.4, 0.15], clip: [0.1, 0.7]}}\n",
    ),
    "cut off": Remedy(
        "clips that begin or end inside the speech: shorter margins in training, or another cut in the product",
        "margins_s: [0, 0.1]\n",
    ),
    "not even by ear": Remedy(
        "people do not understand it either: no recipe helps; it belongs to the human error of the ladder",
        command="synth diagnose --scores scores.csv --manifest data/augmented/manifest.jsonl --human HUMAN_ERROR",
    ),
    MISLABELLED: Remedy(
        "correct dev and test alike, right answers too; a source is corrected once, for all its clips",
        command="synth errors correct review.csv --manifest MANIFEST --out corrected.jsonl",
    ),
}
"""The tags that a review starts with (our own choice, after science notes 6.3), by the name of their column."""

OWN: Final = Remedy("a tag of your own: find out how much of it dev has, and give it a source or an effect")


def remedy_of(tag: str) -> Remedy:
    return MANUAL.get(tag, OWN)
