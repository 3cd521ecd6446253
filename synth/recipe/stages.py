"""Stages of training and what a clip counts in the loss: which setting holds for a clip.

What a speech source sets goes before what the clip's condition sets, and that before what the recipe sets for all.
"""

from __future__ import annotations

from synth.recipe.kinds import NAME, Field, ListOf, Number, Range, Reading, Text
from synth.recipe.model import Condition, Recipe, Source
from synth.recipe.yaml_text import did_you_mean

STAGE = Field("stage", NAME, None, "stage of training that its clips are for, such as pre-train")
LOSS_WEIGHT = Field(
    "loss_weight", Number(Range(0, 1e6)), None, "what each of its clips counts in the loss; nothing is drawn more often"
)
STAGES = ListOf(NAME, "stage", alone=True, may_be_empty=True)
MAKES_UNKNOWN = Field(
    "makes_unknown",
    ListOf(Text(), "label", alone=True, may_be_empty=True),
    (),
    "labels that may no longer be true of a clip that gets this; they become null",
)


def stage_of(recipe: Recipe, source: Source, condition: Condition | None) -> str | None:
    """The stage of a clip of `source` under `condition`; None if nothing sets it."""
    settings = (source.stage, condition.stage if condition else None, recipe.stage)
    return next((stage for stage in settings if stage is not None), None)


def loss_weight_of(recipe: Recipe, source: Source, condition: Condition | None) -> float:
    """What such a clip counts in the loss; 1 if nothing sets it."""
    settings = (source.loss_weight, condition.loss_weight if condition else None, recipe.loss_weight)
    return next((weight for weight in settings if weight is not None), 1.0)


def stages_of(recipe: Recipe) -> tuple[str, ...]:
    """The recipe's stages in the order of `stages`.

    If that is omitted, they are in the order of the recipe: its own, those of the speech's sources, those of the
    conditions.
    """
    settings = (recipe.stage, *(s.stage for s in recipe.speech.sources), *(c.stage for c in recipe.conditions))
    return recipe.stages or tuple(dict.fromkeys(stage for stage in settings if stage is not None))


def check_stages(reading: Reading) -> None:
    """If the recipe lists its stages, each that is used is in the list; and each is the name of a file of its own."""
    listed: tuple[str, ...] = reading.values.get("stages") or ()
    used = [key for key in reading.positions if (key == "stage" or key.endswith(".stage")) and reading.values.get(key)]
    for key in used:
        stage = reading.values[key]
        if listed and stage not in listed:
            hint = did_you_mean(stage, listed) or f"; it has {', '.join(listed)}"
            reading.wrong(reading.positions[key], key, f"{stage!r} is not in the list `stages`{hint}")
    seen: set[str] = set()
    for k, stage in enumerate(listed):
        if stage.lower() in seen:
            text = f"{stage!r} is already in the list; its name is that of a file, whatever the capitals"
            reading.wrong(reading.positions["stages"], f"stages.{k}", text)
        seen.add(stage.lower())
    spelled: dict[str, str] = {}
    for key in () if listed else used:
        stage = reading.values[key]
        first = spelled.setdefault(stage.lower(), stage)
        if first != stage:
            text = f"{stage!r} and {first!r} differ in capitals alone; the name is that of a file, so write one of them"
            reading.wrong(reading.positions[key], key, text)
