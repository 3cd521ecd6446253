"""What each gap speaks for: the next action in words, with the recipe's lines or the command that does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from synth.diagnose.ladder.gaps import MATCHING, Gap


@dataclass(frozen=True, slots=True)
class Action:
    """`recipe`: lines to put into the recipe, as YAML; `commands`: to run, with names for the user's own files."""

    words: str
    recipe: str | None = None
    commands: tuple[str, ...] = ()


_COMPARE: Final = "synth compare data/augmented dev_recordings --split train --html compare.html"
_FIT: Final = "synth fit recipe.yaml --to dev_recordings --out fitted"

# Which remedy goes with which gap is after Machine Learning Yearning (A. Ng) and our own measurements on noise; the
# numbers in the recipe lines are our own choice.
ACTIONS: Final[Mapping[str, Action]] = {
    "bias": Action(
        "The model does not even fit what it has learned from, so more data will not help: take a larger model, train "
        "it longer, or give it better features. Where the clips themselves are out of reach (people fail on them too), "
        "give people's error with --human, and look at what is wrong in training clips before anything else.",
        commands=("synth errors sample predictions.csv --manifest data/augmented --n 100 --out review.csv",),
    ),
    "variance": Action(
        "The model knows its training utterances by heart: get more speech (speakers before hours), regularise "
        "(dropout, weight decay, masking of time and frequency), and vary the speech that there is. More noise will "
        "not help.",
        recipe=(
            "copies: 3\nspeech:\n  effects:\n    - speed: {choice: [0.9, 1.0, 1.1]}\n"
            "    - pitch: {normal: [0, 1], clip: [-3, 3]}\n      probability: 0.5\n"
        ),
    ),
    "noise_overfitting": Action(
        "The model knows its noise by heart: it does well on new speech in noise that it has heard, and badly in "
        "noise that it has not. Get more noise recordings (16 to 32 different ones count for more than hours of one), "
        "change their spectrum and speed at each use, grow look-alikes, and hold down how often a second is used.",
        recipe=(
            "noise:\n  layers:\n    - name: cabin\n      recordings: {choice: [1, 2, 3]}\n      effects:\n"
            "        - speed: {log_uniform: [0.85, 1.18]}\n"
            "        - equalizer: {bands_db: {normal: [0, 3]}, tilt_db_per_octave: [-6, 6]}\n"
            "      max_reuse: 20\n      min_recordings: 16\n"
        ),
        commands=("synth noise noise_recordings --html noise.html", "synth plan recipe.yaml"),
    ),
    "mismatch": Action(
        "Dev is unlike what the model was trained on: see in what, and fit the recipe to dev.",
        commands=(_COMPARE, _FIT),
    ),
    "dev_overfitting": Action(
        "Dev has been looked at so often that choices fit it by chance: get a larger or a new dev set, of drives and "
        "speakers that were in none before, and stop choosing by the old one.",
        commands=("synth split new_recordings --by session --dev 2000 --test 2000 --out splits",),
    ),
    MATCHING: Action(
        "A model trained on target-like data does better on dev by so much: the upper limit of what a recipe that "
        "matches dev could still give, whatever the step from train-dev to dev says.",
        commands=(_COMPARE, _FIT),
    ),
}

MORE_CLIPS: Final = Action(
    "Score more clips, of more speakers and drives, of the sets on both sides of the largest gap, before money or time "
    "goes into any remedy. Of sets that are made here, raise copies or their share in splits; dev grows by recordings."
)

_TELL_APART: Final[Mapping[frozenset[str], Action]] = {
    frozenset({"noise_overfitting", "mismatch"}): Action(
        "Noise overfitting is not told from mismatch here: hold noise recordings out (train-dev-noise) to see which it "
        "is.",
        recipe="splits: {by: [speaker], train: 0.8, train-dev: 0.1, train-dev-noise: 0.1}\n",
    ),
    frozenset({"variance", "noise_overfitting"}): Action(
        "Variance is not told from noise overfitting here: a train-dev of new speech in the noise of training tells.",
        recipe="splits: {by: [speaker], train: 0.8, train-dev: 0.1, train-dev-noise: 0.1}\n",
    ),
}
_MEASURE: Final = Action(
    "Rungs of the ladder are missing between {above} and {below}: measure the model on these splits too, to see which "
    "of them it is.",
    recipe="splits: {by: [speaker], train: 0.8, train-dev: 0.1, train-dev-noise: 0.1}\n",
)


def actions_for(gap: Gap) -> tuple[Action, ...]:
    """The next actions for a gap: the remedy, and how to tell apart what it spans; the latter alone where it spans more
    than a step and noise overfitting."""
    if len(gap.steps) == 1:
        return (ACTIONS[gap.steps[0]],)
    apart = _TELL_APART.get(frozenset(gap.steps))
    if apart is None:
        words = _MEASURE.words.format(above=gap.above, below=gap.below)
        return (Action(words, _MEASURE.recipe if "noise_overfitting" in gap.steps else None),)
    main = next(step for step in gap.steps if step != "noise_overfitting")
    return ACTIONS[main], apart
