"""What `synth labels` and `synth stages` print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synth.cli.terminal import table

_METRICS = ("error", "precision", "recall", "f1", "cross_entropy")
_SOURCES = "where these rules come from: docs/labels_and_stages.md"
_VALUES = 8  # of a label that are shown
_COUNT_HEAD = ["label", "split", "present", "absent", "unknown", "other"]
_METRIC_HEAD = ["label", "n known", "present", "error", "precision", "recall", "f1", "cross entropy"]
_STATES = _COUNT_HEAD[2:]


def labels_text(told: Mapping[str, Any]) -> str:
    """The counts of labels (`label_metrics.count_labels`), and the metrics where there are predictions."""
    head = [*_COUNT_HEAD, *(["values"] if told["values"] else [])]
    counts = [
        [name, split, *(f"{states[state]:,}" for state in _STATES), *_values(told, name, split)]
        for name, splits in told["labels"].items()
        for split, states in splits.items()
    ]
    lines = [f"{told['clips']:,} clips", *table([head, *counts], text=(0, 1, 6))]
    if not counts:
        lines = [f"{told['clips']:,} clips; none has a label"]
    return "\n".join([*lines, *(_metrics(told["metrics"]) if told["metrics"] else [])])


def _values(told: Mapping[str, Any], name: str, split: str) -> list[str]:
    """The values of a label of text, each with its number of clips; nothing if no label has some."""
    if not told["values"]:
        return []
    values = told["values"].get(name, {}).get(split, {})
    shown = ", ".join(f"{value} {clips:,}" for value, clips in list(values.items())[:_VALUES])
    more = f", and {len(values) - _VALUES:,} more values" if len(values) > _VALUES else ""
    return [shown + more]


def _metrics(told: Mapping[str, Any]) -> list[str]:
    rows = [_metric_row(name, metrics) for name, metrics in told["labels"].items()]
    means = ["mean of labels", "", "", *(_number(told["macro"][metric]["mean"]) for metric in _METRICS)]
    notes = [
        f"{text}: {told[key]:,}"
        for key, text in (
            ("without_prediction", "clips without a prediction"),
            ("predictions_without_clip", "predictions without a clip"),
        )
        if told[key]
    ]
    return [
        "",
        f"predictions, over what is known only (present from {told['threshold']:g} on; cross-entropy in nats)",
        *table([_METRIC_HEAD, *rows, means, _metric_row("all together", told["all"])]),
        *notes,
    ]


def _metric_row(name: str, metrics: Mapping[str, Any]) -> list[str]:
    return [name, f"{metrics['n']:,}", f"{metrics['present']:,}", *(_number(metrics[metric]) for metric in _METRICS)]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def stages_text(told: Mapping[str, Any]) -> str:
    """The stages (`stage_advice.look_at_stages`) with what was found of their balance."""
    head = ["stage", "clips", "hours", "of sources", "weight", "mean", "synthetic"]
    lines = table([head, *(_stage_row(stage) for stage in told["stages"])])
    if told["other_splits"]:
        lines.append(f"{told['other_splits']:,} clips of other splits than train are not counted")
    return "\n".join([*lines, "", *(f"{check['verdict']}: {check['text']}" for check in told["checks"]), _SOURCES])


def _stage_row(stage: Mapping[str, Any]) -> Sequence[str]:
    clips = stage["clips"]
    mean = f"{stage['weight'] / clips:.3g}" if clips else "-"
    share = f"{stage['synthetic']['hours'] / stage['hours']:.0%}" if stage["hours"] else "-"
    hours = [f"{stage['hours']:.2f}", f"{stage['source_hours']:.2f}"]
    return [stage["stage"] or "(none)", f"{clips:,}", *hours, f"{stage['weight']:,.6g}", mean, share]
