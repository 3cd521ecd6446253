"""Checks whether the stages of training are in balance: what was measured, the verdict, and the source of each rule.

The rules are not laws. The verdict is `ok`, `look` (check by hand), or `advice` (nothing to judge, but good to know).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from synth.dataset.stages import Stage

_TRANSFER: Final = "A. Ng, Structuring Machine Learning Projects, week 2, transfer learning"
_REAL_LAST: Final = 'docs/science.md, "Labels and stages"; the limit of one half is our own'

_SOME_REAL: Final = "A. Ng, Machine Learning Yearning: 5 to 10 % of training like dev, to see the error on such audio"
_WEIGHTS: Final = "A. Ng, Machine Learning Yearning, 'Weighting data' (beta = 1/40 there); the limit of 10 % is our own"
_END_TO_END: Final = "A. Ng, Structuring Machine Learning Projects, week 2, end-to-end deep learning"
_MAX_SYNTHETIC: Final = 0.5  # share of the last stage
_MIN_REAL_LOSS: Final = 0.1  # share of the loss that real audio should have
_PIPELINE_HOURS, _END_TO_END_HOURS = 3000.0, 10_000.0


@dataclass(frozen=True, slots=True)
class StageCheck:
    """The result of one check."""

    name: str
    verdict: Literal["ok", "look", "advice"]
    stage: str | None  # None: the check is about all stages together
    text: str
    source: str  # where the rule comes from

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "check": self.name,
            "verdict": self.verdict,
            "stage": self.stage,
            "text": self.text,
            "source": self.source,
        }


def check_stages(stages: Sequence[Stage]) -> tuple[StageCheck, ...]:
    """Run all checks.

    Args:
        stages: in the order of training. Stages without clips, and clips without a stage, count only in the checks of
            all stages together.
    """
    trained = [stage for stage in stages if stage.name is not None and stage.total.clips]
    return (
        *_check_fine_tuning(trained),
        *_check_last_stage(trained),
        *_check_synthetic_share(stages),
        *_check_real_weight(stages),
        *_check_hours(stages),
    )


def distinct_hours(stages: Sequence[Stage]) -> float:
    """Return the hours of source recordings, each counted once even if it is in several stages."""
    seconds: dict[bytes, float] = {}
    for stage in stages:
        seconds.update(stage.sources)
    return sum(seconds.values()) / 3600


def _check_fine_tuning(stages: Sequence[Stage]) -> Iterator[StageCheck]:
    """Compare the last stage with the first, and say which layers to train on the last."""
    if len(stages) < 2:
        return
    first, last = stages[0], stages[-1]
    layers = (
        "with little audio in the last stage retrain only the last layer or two, with much audio all of them; dev "
        "shows which is better"
    )
    yield StageCheck("what_to_retrain", "advice", last.name, layers, _TRANSFER)
    first_hours, last_hours = first.total.seconds / 3600, last.total.seconds / 3600
    text = (
        f"{last.name} (the last stage) has {_hours_text(last_hours)}, {first.name} (the first) has "
        f"{_hours_text(first_hours)}"
    )
    if last_hours <= first_hours:
        yield StageCheck("fine_tuning_size", "ok", last.name, text, _TRANSFER)
        return
    text += (
        f": pre-training pays if it has much more audio than fine-tuning. Train on {last.name} from the start, or find "
        f"more audio for {first.name}; if the order is different, give it with --order"
    )
    yield StageCheck("fine_tuning_size", "look", last.name, text, _TRANSFER)


def _check_last_stage(stages: Sequence[Stage]) -> Iterator[StageCheck]:
    """Report synthetic audio in the last stage, which the model remembers best."""
    if not stages:
        return
    last = stages[-1]
    share = last.synthetic.seconds / last.total.seconds if last.total.seconds else 0.0
    text = f"{share:.0%} of {last.name} (the last stage) is synthetic"
    if share <= _MAX_SYNTHETIC:
        yield StageCheck("last_stage_is_real", "ok", last.name, text, _REAL_LAST)
        return
    text += (
        "; the last stage should be like the target: end with real target audio, however little (`synth split`, then "
        "its training share as a source with `unchanged: true` and a stage of its own)"
    )
    yield StageCheck("last_stage_is_real", "look", last.name, text, _REAL_LAST)


def _check_synthetic_share(stages: Sequence[Stage]) -> Iterator[StageCheck]:
    total = sum(stage.total.seconds for stage in stages)
    if not total:
        return
    share = sum(stage.synthetic.seconds for stage in stages) / total
    if share < 1:
        text = f"{share:.0%} of the hours are synthetic"
        yield StageCheck("synthetic_share", "ok", None, text, _SOME_REAL)
        return
    text = (
        "all hours are synthetic: keep 5 to 10 % real target audio in training (`synth split`, then its training share "
        "as a source with `unchanged: true`)"
    )
    yield StageCheck("synthetic_share", "look", None, text, _SOME_REAL)


def _check_real_weight(stages: Sequence[Stage]) -> Iterator[StageCheck]:
    """Report how much of the loss is real audio, for stages with real and synthetic audio."""
    for stage in stages:
        real, synthetic = stage.real, stage.synthetic
        if not real.clips or not synthetic.clips:
            continue
        total = real.weight + synthetic.weight
        loss_share = real.weight / total if total else 0.0
        name = "the clips without a stage" if stage.name is None else stage.name
        text = (
            f"{name}: {real.clips:,} real and {synthetic.clips:,} synthetic clips; real ones are "
            f"{real.clips / stage.total.clips:.1%} of the clips and {loss_share:.1%} of the loss"
        )
        if loss_share >= _MIN_REAL_LOSS:
            yield StageCheck("real_weight", "ok", stage.name, text, _WEIGHTS)
        else:
            even = real.weight / synthetic.clips
            text += f"; both kinds would count the same with loss_weight {even:.3g} for the synthetic clips"
            yield StageCheck("real_weight", "look", stage.name, text, _WEIGHTS)


def _check_hours(stages: Sequence[Stage]) -> Iterator[StageCheck]:
    """Say what the hours of different speech suffice for: training end to end, or a recognizer built in steps."""
    if not any(stage.total.clips for stage in stages):
        return
    hours = distinct_hours(stages)
    text = f"{_hours_text(hours)} of different speech (copies counted once)"
    if hours >= _END_TO_END_HOURS:
        text += ": from about 10,000 h on, a recognizer trained end to end begins to be better than one in steps"
    elif hours >= _PIPELINE_HOURS:
        text += (
            ": at 3,000 h a recognizer built in steps (features, phonemes, words) is as good, from 10,000 h on "
            "training end to end begins to pay; try both, or start from a model trained on more"
        )
    else:
        text += (
            ": below about 3,000 h it is better to build a recognizer of free speech in steps, or to fine-tune a model "
            "that others have trained on more. A task with few words (commands, digits) needs far less: for it the dev "
            "error decides, not this number"
        )
    yield StageCheck("end_to_end", "advice", None, text, _END_TO_END)


def _hours_text(hours: float) -> str:
    return f"{hours:,.0f} h" if hours >= 100 else f"{hours:.3g} h"
