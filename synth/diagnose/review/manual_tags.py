"""Tags that a person sets in a review, and what to change in the recipe for each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

MISLABELED: Final = "mislabeled"


@dataclass(frozen=True, slots=True)
class Remedy:
    """What to do about a category of errors. Folder names in capitals are for the user to fill in."""

    words: str  # why, and what to do
    snippet: str = ""  # part of a recipe; its list items are added to the lists that exist
    command: str = ""  # command line to run

    def to_json(self) -> dict[str, str]:
        """Return plain values."""
        return {"words": self.words, "snippet": self.snippet, "command": self.command}

    def filled(self, share: float) -> Remedy:
        """Return the remedy with `share` of the clips (limited to 0.01 to 1) in place of SHARE in the snippet."""
        probability = f"{min(1.0, max(0.01, share)):.2g}"
        return Remedy(self.words, self.snippet.replace("SHARE", probability), self.command)


CLIPPING: Final = Remedy(
    "a channel that clips, after the noise",
    "channel:\n  - ClippingDistortion: {min_percentile_threshold: 0, max_percentile_threshold: 20}\n"
    "    probability: SHARE\n",
)
_NOISE_LAYER: Final = (
    "noise:\n  layers:\n"
    "    - {{name: {name}, probability: SHARE, relative_db: {relative_db}, min_recordings: 8, sources: {folder}}}\n"
)

#: Tag (name of its column in the review) -> remedy. The choice of tags is our own (docs/science.md, "Error analysis").
MANUAL_TAGS: Final[Mapping[str, Remedy]] = {
    "car noise": Remedy(
        "the noise or the SNR in training differs from dev: see how, and fit the recipe",
        command="synth compare data/augmented dev.profile && synth fit recipe.yaml --to dev.profile --out fitted",
    ),
    "wind": Remedy(
        "add wind and open windows, as often as dev has them",
        _NOISE_LAYER.format(name="wind", relative_db="[-6, 6]", folder="WIND_DIR"),
    ),
    "babble or passenger": Remedy(
        "add other voices in the background; speech that is not in the speech sources works too",
        _NOISE_LAYER.format(name="babble", relative_db="[-12, 0]", folder="BABBLE_DIR"),
    ),
    "radio or music": Remedy(
        "add music and radio speech", _NOISE_LAYER.format(name="radio", relative_db="[-12, 0]", folder="MUSIC_DIR")
    ),
    "event": Remedy(
        "add short sounds over the speech (indicator, wipers, horn, pothole)",
        "noise:\n  events:\n    - indicator: {}\n      probability: SHARE\n    - horn: {}\n      probability: SHARE\n",
    ),
    "clipping": CLIPPING,
    "accent": Remedy(
        "no effect creates an accent: add more speakers who have it, if necessary unchanged from the target",
        "speech:\n  sources:\n    - {name: accent, path: ACCENT_DIR}\n",
    ),
    "far microphone": Remedy(
        "add room responses recorded in cabins, at the position of the microphone",
        "speech:\n  room: {probability: SHARE, sources: [{name: cabins, path: ROOM_DIR}]}\n",
    ),
    "fast or slow speech": Remedy(
        "vary the tempo more, in both directions",
        "speech:\n  effects:\n    - tempo: {factor: {log_uniform: [0.75, 1.35]}}\n      probability: SHARE\n",
    ),
    "raised voice": Remedy(
        "speakers raise their voices in noise: add the Lombard effect",
        "speech:\n  lombard: {probability: SHARE, slope: {normal: [0.4, 0.15], clip: [0.1, 0.7]}}\n",
    ),
    "cut off": Remedy(
        "clips begin or end inside the speech: use shorter margins in training, or change how the product cuts clips",
        "margins_s: [0, 0.1]\n",
    ),
    "not even by ear": Remedy(
        "people do not understand it either, so no recipe helps: it is part of the human error of the ladder",
        command="synth diagnose --scores scores.csv --manifest data/augmented/manifest.jsonl --human HUMAN_ERROR",
    ),
    MISLABELED: Remedy(
        "correct dev and test by the same rule, also the clips that the model got right; one correction of a source "
        "reaches all its clips",
        command="synth errors correct review.csv --manifest MANIFEST --out corrected.jsonl",
    ),
}

OWN_TAG: Final = Remedy("a tag of your own: find out how many clips of dev have it, then add a source or an effect")
