"""The same recipe once more with fresh draws: epoch k of a plan. Splits, noise pools and speakers stay as they are.

Another seed would redraw the splits, and training would then see train-dev's speech and noise in its second epoch. An
epoch therefore takes the next copies of each utterance: the plan has the copies 0 to n - 1, epoch k has k n to
k n + n - 1, whose clip ids, and so draws, are new; and the schedule of the noise starts elsewhere. Speech that is taken
unchanged is the same clip in every epoch.
"""

from __future__ import annotations

from synth.catalog.recording import Recording
from synth.plan.builder import PlanBuilder, copies_of
from synth.plan.plan import Plan
from synth.plan.schedule import Rotation
from synth.recipe.model import Layer


class _EpochBuilder(PlanBuilder):
    def __init__(self, plan: Plan, epoch: int, first_copy: int) -> None:
        super().__init__(plan.recipe, plan.speech, plan.pools, plan.cases)
        self._epoch = epoch
        self._first_copy = first_copy

    def add(self, index: int, recording: Recording, copy: int, split: int) -> None:
        first = 0 if recording.source in self._unchanged else self._first_copy
        super().add(index, recording, first + copy, split)

    def _rotation(self, layer: Layer, pool: str, purpose: str = "") -> Rotation:
        return super()._rotation(layer, pool, f"{purpose}.epoch-{self._epoch}")


def epoch_of(plan: Plan, epoch: int) -> Plan:
    """Epoch `epoch` of a plan, a pure function of both: as many clips, in the same order of utterances and splits.

    If the recipe has `hours`, each utterance has as many copies as in the plan, so the hours differ a little. The
    guards checked the plan, so reuse counts per epoch.

    Args:
        plan: the plan, which is epoch 0.
        epoch: from 0.

    Raises:
        ValueError: a negative number.
    """
    if epoch < 0:
        raise ValueError(f"epoch={epoch} is below 0")
    if epoch == 0:
        return plan
    builder = PlanBuilder(plan.recipe, plan.speech, plan.pools, plan.cases)
    copies = list(copies_of(plan.recipe, plan.speech, builder))
    first_copy = epoch * max(count for _, count in copies)
    clips, segments = _EpochBuilder(plan, epoch, first_copy).build(iter(copies))
    return Plan(plan.recipe, plan.speech, plan.noise, plan.rooms, plan.pools, clips, segments, plan.cases)
