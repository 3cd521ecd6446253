"""The next action for each gap: in words, with the lines of the recipe or the command that does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from synth.diagnose.ladder.gaps import MATCHING, Gap


@dataclass(frozen=True, slots=True)
class Action:
    """Something to do."""

    words: str
    recipe: str | None = None  # lines to put into the recipe (YAML)
    commands: tuple[str, ...] = ()  # to run, with example names for the user's own files


_MATCH_COMMANDS: Final = (
    "synth compare data/augmented dev_recordings --split train --html compare.html",
    "synth fit recipe.yaml --to dev_recordings --out fitted",
)
_HOLD_OUT_NOISE: Final = "splits: {by: [speaker], train: 0.8, train-dev: 0.1, train-dev-noise: 0.1}\n"

#: Step -> remedy, after A. Ng, Machine Learning Yearning, and our own measurements on noise (docs/science.md, "Error
#: ladder"); the numbers in the recipe lines are our own choice.
ACTIONS: Final[Mapping[str, Action]] = {
    "bias": Action(
        "The model does not even fit its training data, so more data will not help: take a larger model, train it "
        "longer, or give it better features. If the clips themselves are too hard (people fail on them too), give "
        "people's error with --human, and look at what is wrong in training clips before anything else.",
        commands=("synth errors sample predictions.csv --manifest data/augmented --n 100 --out review.csv",),
    ),
    "variance": Action(
        "The model has memorized its training utterances: get more speech (more speakers rather than more hours), "
        "regularize (dropout, weight decay, masking of time and frequency), and vary the speech you have. More noise "
        "will not help.",
        recipe=(
            "copies: 3\nspeech:\n  effects:\n    - speed: {choice: [0.9, 1.0, 1.1]}\n"
            "    - pitch: {normal: [0, 1], clip: [-3, 3]}\n      probability: 0.5\n"
        ),
    ),
    "noise_overfitting": Action(
        "The model has memorized its noise: it does well on new speech in noise from training, and badly in noise that "
        "it has never heard. Get more noise recordings (16 to 32 different ones are worth more than hours of one), "
        "change their spectrum and speed at each use, synthesize noise from them, and limit the reuse of each second.",
        recipe=(
            "noise:\n  layers:\n    - name: cabin\n      recordings: {choice: [1, 2, 3]}\n      effects:\n"
            "        - speed: {log_uniform: [0.85, 1.18]}\n"
            "        - equalizer: {bands_db: {normal: [0, 3]}, tilt_db_per_octave: [-6, 6]}\n"
            "      max_reuse: 20\n      min_recordings: 16\n"
        ),
        commands=("synth noise noise_recordings --html noise.html", "synth plan recipe.yaml"),
    ),
    "mismatch": Action(
        "Dev differs from what the model was trained on: see in which features, and fit the recipe to dev.",
        commands=_MATCH_COMMANDS,
    ),
    "dev_overfitting": Action(
        "Dev has been used so often that choices fit it by chance: get a larger or a new dev set, of drives and "
        "speakers that were in neither set before, and stop choosing by the old one.",
        commands=("synth split new_recordings --by session --dev 2000 --test 2000 --out splits",),
    ),
    MATCHING: Action(
        "A model trained on target-like data is this much better on dev: the most that a recipe that matches dev could "
        "still give, whatever the step from train-dev to dev says.",
        commands=_MATCH_COMMANDS,
    ),
}

MORE_CLIPS: Final = Action(
    "Before you spend money or time on a remedy, score more clips, of more speakers and drives, in the sets on both "
    "sides of the largest gap. For synthesized sets, raise copies or their share in splits; dev grows by recordings."
)

#: Steps that one gap spans -> how to tell them apart.
_TELL_APART: Final[Mapping[frozenset[str], Action]] = {
    frozenset({"noise_overfitting", "mismatch"}): Action(
        "Noise overfitting and mismatch cannot be told apart here: hold noise recordings out (train-dev-noise) to see "
        "which it is.",
        recipe=_HOLD_OUT_NOISE,
    ),
    frozenset({"variance", "noise_overfitting"}): Action(
        "Variance and noise overfitting cannot be told apart here: add a train-dev of new speech in the noise of "
        "training to see which it is.",
        recipe=_HOLD_OUT_NOISE,
    ),
}


def actions_for(gap: Gap) -> tuple[Action, ...]:
    """Return the next actions for a gap.

    For one step that is its remedy; if noise overfitting is the only other step in the gap, also how to tell the two
    apart. For any other gap of several steps it is to measure the missing rungs.
    """
    if len(gap.steps) == 1:
        return (ACTIONS[gap.steps[0]],)
    apart = _TELL_APART.get(frozenset(gap.steps))
    if apart is not None:
        main = next(step for step in gap.steps if step != "noise_overfitting")
        return ACTIONS[main], apart
    words = (
        f"Rungs of the ladder are missing between {gap.above} and {gap.below}: measure the model on these splits too, "
        "to see which of the steps it is."
    )
    return (Action(words, _HOLD_OUT_NOISE if "noise_overfitting" in gap.steps else None),)
