"""Whether the stages of training are in balance: what is looked at, what was found, and where the rule comes from.

None of these is a law. `verdict` is `ok`, `look` (a person should), or `advice` (nothing to judge, something to know).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from synth.dataset.stages import Share, Stage, StageCounts
from synth.diagnose.row_sets import all_stages, row_set
from synth.errors import UsageError

_TRANSFER: Final = "A. Ng, Structuring Machine Learning Projects, week 2, transfer learning"
_REAL_LAST: Final = "our research notes, 6.6: clean, wide, matched, a little real audio last; one half is our own limit"
_SOME_REAL: Final = (
    "A. Ng, Machine Learning Yearning: some 5 to 10 % like dev in training, to see the error on such audio"
)
_WEIGHTS: Final = "A. Ng, Machine Learning Yearning, 'Weighting data' (beta = 1/40 there); the limit of 10 % is our own"
_END_TO_END: Final = "A. Ng, Structuring Machine Learning Projects, week 2, end-to-end deep learning"
_RETRAIN: Final = (
    "with little audio in the last stage retrain the last layer or two alone, with much all of them; dev says which is "
    "better"
)
_MOSTLY: Final = 0.5
_UNHEARD: Final = 0.1
_PIPELINE_HOURS, _END_TO_END_HOURS = 3000.0, 10_000.0


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `about`: the stage, or None for all together."""

    name: str
    verdict: Literal["ok", "look", "advice"]
    about: str | None
    text: str
    source: str

    def to_json(self) -> dict[str, Any]:
        return {
            "check": self.name,
            "verdict": self.verdict,
            "stage": self.about,
            "text": self.text,
            "source": self.source,
        }


def checks(stages: Sequence[Stage]) -> tuple[Check, ...]:
    """All checks of stages that stand in the order of training; stages without clips, and clips without a stage, count
    only where all is counted together."""
    named = [stage for stage in stages if stage.name is not None and stage.total.clips]
    found = [*_fine_tuning(named), *_last_is_real(named), *_share(stages), *_weights(stages), *_hours(stages)]
    return tuple(found)


def _fine_tuning(stages: Sequence[Stage]) -> Iterator[Check]:
    if len(stages) < 2:
        return
    first, last = stages[0], stages[-1]
    early, late = first.total.seconds / 3600, last.total.seconds / 3600
    yield Check("what_to_retrain", "advice", last.name, _RETRAIN, _TRANSFER)
    sizes = f"{last.name} (the last stage) has {_hours_text(late)}, {first.name} (the first) has {_hours_text(early)}"
    if late <= early:
        yield Check("fine_tuning_size", "ok", last.name, sizes, _TRANSFER)
        return
    text = (
        f"{sizes}: pre-training pays where there is much more of it than of what one fine-tunes on. Train on "
        f"{last.name} from the start, or find more for {first.name}; if the order is another, say so with --order"
    )
    yield Check("fine_tuning_size", "look", last.name, text, _TRANSFER)


def _last_is_real(stages: Sequence[Stage]) -> Iterator[Check]:
    """Synthetic audio in the stage that comes last, which the model remembers best."""
    if not stages:
        return
    last = stages[-1]
    share = last.synthetic.seconds / last.total.seconds if last.total.seconds else 0.0
    text = f"{share:.0%} of {last.name} (the last stage) is synthetic"
    if share <= _MOSTLY:
        yield Check("last_stage_is_real", "ok", last.name, text, _REAL_LAST)
        return
    advice = (
        "what is learnt last should be as the target is: end on real target audio, however little (`synth split`, then "
        "its training share as a source with `unchanged: true` and a stage of its own)"
    )
    yield Check("last_stage_is_real", "look", last.name, f"{text}; {advice}", _REAL_LAST)


def _share(stages: Sequence[Stage]) -> Iterator[Check]:
    """How much of all was synthesised."""
    total = sum(stage.total.seconds for stage in stages)
    if not total:
        return
    share = sum(stage.synthetic.seconds for stage in stages) / total
    text = f"{share:.0%} of the hours are synthetic"
    if share < 1:
        yield Check("synthetic_share", "ok", None, text, _SOME_REAL)
        return
    text = (
        "all hours are synthetic: keep 5 to 10 % real target audio in training (`synth split`, then its training share "
        "as a source with `unchanged: true`)"
    )
    yield Check("synthetic_share", "look", None, text, _SOME_REAL)


def _weights(stages: Sequence[Stage]) -> Iterator[Check]:
    """Where a stage holds both, how loudly the real audio speaks."""
    for stage in stages:
        real, synthetic = stage.real, stage.synthetic
        if not real.clips or not synthetic.clips:
            continue
        together = real.weight + synthetic.weight
        heard = real.weight / together if together else 0.0
        name = "the clips without a stage" if stage.name is None else stage.name
        text = (
            f"{name}: {real.clips:,} real and {synthetic.clips:,} synthetic clips; real ones are "
            f"{real.clips / stage.total.clips:.1%} of the clips and {heard:.1%} of the loss"
        )
        if heard >= _UNHEARD:
            yield Check("real_weight", "ok", stage.name, text, _WEIGHTS)
        else:
            advice = f"; both sides would count alike with loss_weight {_even(real, synthetic):.3g} for the synthetic"
            yield Check("real_weight", "look", stage.name, text + advice, _WEIGHTS)


def _even(real: Share, synthetic: Share) -> float:
    """The weight of each synthetic clip with which both sides have the same sum."""
    return real.weight / synthetic.clips


def _hours(stages: Sequence[Stage]) -> Iterator[Check]:
    """End to end, or in steps: what the hours of different speech are enough for."""
    if not any(stage.total.clips for stage in stages):
        return
    hours = distinct_hours(stages)
    said = f"{_hours_text(hours)} of different speech (copies counted once)"
    if hours >= _END_TO_END_HOURS:
        text = f"{said}: from some 10,000 h on, a recogniser trained end to end begins to do better than one in steps"
    elif hours >= _PIPELINE_HOURS:
        text = (
            f"{said}: between 3,000 h, where a recogniser built in steps (features, phonemes, words) does as well, and "
            "10,000 h, where training end to end begins to pay; try both, or start from a model trained on more"
        )
    else:
        text = (
            f"{said}: below some 3,000 h a recogniser of free speech is better built in steps, or fine-tuned from a "
            "model that others have trained on more. A task with few words (commands, digits) needs far less: there "
            "the dev error decides, not this number"
        )
    yield Check("end_to_end", "advice", None, text, _END_TO_END)


def distinct_hours(stages: Sequence[Stage]) -> float:
    """Hours of source recordings, each counted once, in whatever stages it is."""
    lengths: dict[bytes, float] = {}
    for stage in stages:
        lengths.update(stage.sources)
    return sum(lengths.values()) / 3600


def _hours_text(hours: float) -> str:
    return f"{hours:,.0f} h" if hours >= 100 else f"{hours:.3g} h"


def look_at_stages(sets: Sequence[str], *, order: Sequence[str] = ()) -> dict[str, Any]:
    """The stages of data sets and manifests together, in the order of training, and all checks.

    The order is `order`; of stages that are not in it that of the data sets' recipes, then that in which they come.
    Raises UsageError.
    """
    found = [row_set(each) for each in sets]
    counts = StageCounts(all_stages(found, order))
    for each in found:
        for row in each.rows():
            counts.add(row)
    if strange := [name for name in order if not any(s.name == name and s.total.clips for s in counts.stages)]:
        there = ", ".join(str(s.name) for s in counts.stages if s.name is not None and s.total.clips)
        raise UsageError(f"--order: no clip is of the stage {strange[0]!r}; there are {there or 'none'}")
    return {
        "stages": [stage.to_json() for stage in counts.stages],
        "source_hours": round(distinct_hours(counts.stages), 6),
        "other_splits": counts.other_splits,
        "checks": [check.to_json() for check in checks(counts.stages)],
    }
