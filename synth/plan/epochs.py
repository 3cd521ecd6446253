"""The same recipe once more with fresh draws: epoch k of a plan. Splits, noise pools and speakers stay as they are.

A new seed would deal the speakers and the noise recordings to the splits anew, so that train would hear in its second
epoch what train-dev was kept from. An epoch therefore takes the next copies of each utterance: where the plan has the
copies 0 .. n-1, epoch k has k n .. k n + n - 1, whose draws are other ones by their clip ids; and the schedule of the
noise starts elsewhere. Speech that is taken unchanged is the same clip in every epoch.
"""

from __future__ import annotations

from synth.catalog.catalog import Catalog
from synth.catalog.recording import Recording
from synth.plan.build import PlanBuilder, copies_of
from synth.plan.conditions import CasesByCondition
from synth.plan.plan import Plan
from synth.plan.pools import Pools
from synth.plan.schedule import Rotation
from synth.recipe.model import Layer, Recipe


class _EpochBuilder(PlanBuilder):
    def __init__(
        self, recipe: Recipe, speech: Catalog, pools: Pools, cases: CasesByCondition, *, epoch: int, first_copy: int
    ) -> None:
        super().__init__(recipe, speech, pools, cases)
        self._epoch = epoch
        self._first_copy = first_copy

    def _add(self, index: int, recording: Recording, copy: int, split: int) -> None:
        first = 0 if recording.source in self._unchanged else self._first_copy
        super()._add(index, recording, first + copy, split)

    def _rotation(self, layer: Layer, pool: str, purpose: str = "") -> Rotation:
        return super()._rotation(layer, pool, f"{purpose}.epoch-{self._epoch}")


def epoch_of(plan: Plan, epoch: int) -> Plan:
    """Epoch `epoch` (from 0; 0 is the plan itself) of a plan: a pure function of the plan and the number.

    As many clips, in the same order of utterances and splits. Where the recipe has `hours`, the copies that each
    utterance has are those of the plan, so that the hours differ a little. The guards were asked for the plan, so
    reuse counts for each epoch by itself. Raises ValueError for a negative number.
    """
    if epoch < 0:
        raise ValueError(f"epoch={epoch} is below 0")
    if epoch == 0:
        return plan
    recipe, speech = plan.recipe, plan.speech
    copies = list(copies_of(recipe, speech, PlanBuilder(recipe, speech, plan.pools, plan.cases)))
    first_copy = epoch * max(count for _, count in copies)
    builder = _EpochBuilder(recipe, speech, plan.pools, plan.cases, epoch=epoch, first_copy=first_copy)
    clips, pieces = builder.build(iter(copies))
    return Plan(recipe, speech, plan.noise, plan.rooms, plan.pools, clips, pieces, plan.cases)
