"""What `synth labels` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synth.cli.terminal import table
from synth.text import listed

_STATES = ("present", "absent", "unknown", "other")
_METRICS = ("error", "precision", "recall", "f1", "cross_entropy")
_METRIC_HEAD = ["label", "n known", "present", "error", "precision", "recall", "f1", "cross entropy"]
_VALUES = 8  # values of a label of text that are shown


def labels_text(report: Mapping[str, Any]) -> str:
    """Tabulate the counts of labels (`count_labels`), and the metrics if there are predictions."""
    values = report["values"]  # of labels of text: label -> split -> value -> clips
    head = ["label", "split", *_STATES, *(["values"] if values else [])]
    rows = []
    for name, splits in report["labels"].items():
        for split, states in splits.items():
            row = [name, split, *(f"{states[state]:,}" for state in _STATES)]
            if values:
                counts = [f"{value} {clips:,}" for value, clips in values.get(name, {}).get(split, {}).items()]
                row.append(listed(counts, _VALUES, noun="values"))
            rows.append(row)
    if rows:
        lines = [f"{report['clips']:,} clips", *table([head, *rows], text=(0, 1, 6))]
    else:
        lines = [f"{report['clips']:,} clips; none has a label"]
    return "\n".join([*lines, *(_metric_lines(report["metrics"]) if report["metrics"] else [])])


def _metric_lines(metrics: Mapping[str, Any]) -> list[str]:
    rows = [_metric_row(name, values) for name, values in metrics["labels"].items()]
    means = ["mean of labels", "", "", *(_number(metrics["macro"][metric]["mean"]) for metric in _METRICS)]
    lines = [
        "",
        f"predictions, over known labels only (present from {metrics['threshold']:g} on; cross-entropy in nats)",
        *table([_METRIC_HEAD, *rows, means, _metric_row("all together", metrics["all"])]),
    ]
    if metrics["without_prediction"]:
        lines.append(f"clips without a prediction: {metrics['without_prediction']:,}")
    if metrics["predictions_without_clip"]:
        lines.append(f"predictions without a clip: {metrics['predictions_without_clip']:,}")
    return lines


def _metric_row(name: str, values: Mapping[str, Any]) -> list[str]:
    return [name, f"{values['n']:,}", f"{values['present']:,}", *(_number(values[metric]) for metric in _METRICS)]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
