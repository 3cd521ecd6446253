"""D14: the tables of all commands at 60, 80, 100 and 200 columns: no line too wide, every number whole."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from synth.cli import terminal
from synth.cli.show.compare import compare_text
from synth.cli.show.diagnose import diagnosis_text
from synth.cli.show.errors import mislabeled_text
from synth.cli.show.explain import explanation_text
from synth.cli.show.labels import labels_text
from synth.cli.show.noise import noise_text
from synth.cli.show.plan import ledger_lines
from synth.cli.show.profile import profile_text
from synth.cli.show.select import selection_text
from synth.cli.show.split import split_text
from synth.cli.show.stages import stages_text
from synth.cli.terminal import wrapped
from synth.commands.explain import ClipExplanation
from synth.plan.explain import ExplainedDraw, drawn_value

LONG = "1688-142285-0012_very_long_name_of_a_recording_c03b302d"
SENTENCE = "training's speech level is 24.5 dB too low: raise level_dbfs by about 24 dB, at 16000 Hz, " * 3

FEATURE = {
    "shown": "tilt of the speech (1-4 kHz against 0.2-1 kHz)", "unit": "dBFS", "training": [-41.25, -38.5, -31.75],
    "dev": [-17.5, -14.25, -9.125], "w1_shown": "24.5 dB", "null95_shown": "5.0 dB", "p": 0.0123,
    "verdict_shown": "likely, not proven",
}  # fmt: skip
RUNG = {"title": "train-dev-noise (new speech, unseen noise)", "shown": "20.53 %", "interval_shown": "17.85 to 23.37",
        "clips": 600, "words": 3000.5, "groups": 30}  # fmt: skip
GAP = {"name": "noise overfitting", "shown": "17.57", "interval_shown": "14.81 to 20.54", "share_shown": "74 %",
       "is_step": True, "named": True, "large": True, "clear": True}  # fmt: skip
ACTION = {"title": "for noise overfitting", "words": SENTENCE, "recipe": "noise:\n  snr_db: 5.5", "commands": []}
RECORDING = {"name": LONG, "seconds": 123.25, "usable_s": 99.5, "level_dbfs": -31.5, "level_sd_db": 2.5, "low_hz": 131,
             "high_hz": 8000, "lines": [{"hz": 224.5, "above_db": 9.5}], "spectrum": 3, "warnings": [SENTENCE]}  # fmt: skip
METRICS = {"n": 12345, "present": 678, "error": 0.125, "precision": 0.875, "recall": 0.75, "f1": 0.625,
           "cross_entropy": 0.375}  # fmt: skip
USE = {
    "layer": "cabin", "pool": "held_out", "count": 12, "unique_s": 3723.5, "used_s": 99999.5, "recorded_share": 1.0,
    "reuse_mean": 99.5, "reuse_max": 123.5, "effective_recordings": 11.5, "largest_share": 0.125, "grown": (),
}  # fmt: skip


class Use:
    """A PoolUse of these values; its other properties are not shown."""

    def __init__(self) -> None:
        self.__dict__.update(USE)


def _labels() -> str:
    states = {"present": 12345, "absent": 6789, "unknown": 0, "other": 131}
    metrics = {"threshold": 0.5, "labels": {LONG: METRICS}, "all": METRICS, "without_prediction": 3,
               "predictions_without_clip": 0, "macro": {name: {"mean": 0.5} for name in METRICS}}  # fmt: skip
    values = {LONG: {"train-dev-noise": {f"value{k}": 100 - k for k in range(20)}}}
    return labels_text(
        {"clips": 19134, "labels": {LONG: {"train-dev-noise": states}}, "values": values, "metrics": metrics}
    )


def _ledger() -> str:
    uses: list[Any] = [Use(), Use()]
    return "\n".join(ledger_lines(uses))


STAGE = {
    "stage": LONG,
    "clips": 12345,
    "weight": 1234.5,
    "hours": 12.25,
    "source_hours": 3.75,
    "synthetic": {"hours": 9.5},
}
PROFILE = {
    "sample_rates": {"16000": 97}, "clips": 97, "of_clips": 131, "remembered": 12, "hours": 1.25, "groups": 9, "notes": [],
    "features": [{"shown": FEATURE["shown"], "unit": "dBFS", "p10": -41.25, "p50": -38.5, "p90": -31.75, "clips": 97}],
    "flags": [{"flag": "non_stationary", "clips": 12, "share": 0.12, "means": SENTENCE}], "refused": [], "warnings": [],
    "estimators": [{"shown": FEATURE["shown"], "trusted": True, "unit": "dB", "bias": 0.25, "sd": 1.5, "clips": 97}],
    "out": "dev.profile",
}  # fmt: skip
SELECTED = {
    "subset": True, "within_reach": 0.75, "clips": 97, "of_clips": 131, "hours": 1.25, "method": "quotas", "ess": 0.5,
    "notes": [SENTENCE], "to_generate": [], "warnings": [], "out": "a.jsonl",
    "distances": [{"shown": FEATURE["shown"], "scale": "log2", "unit": "Hz", "before": 12.5, "after": 1.25, "tolerance": 0.5}],
}  # fmt: skip
CANDIDATE = {"id": LONG, "label": LONG, "suggested": LONG, "p_label": 0.125, "p_suggested": 0.875, "margin": 0.75}
ONE_SPLIT = {
    "clips": 12345, "hours": 1.25, "groups": 9, "largest_group": {"clips": 400}, "standard_error_points": 0.75,
    "standard_error_points_grouped": 2.5, "design_effect": 3.5, "held_groups": 0,
}  # fmt: skip
SPLIT = {
    "error_rate": 0.1, "splits": {"dev": ONE_SPLIT, "test": ONE_SPLIT}, "asked": {"dev": "2000"}, "by": ["speaker"],
    "near_duplicate_pairs": 3, "near_duplicates_looked_for": True, "largest_group": {"name": LONG, "clips": 400},
    "clips": 24690, "hours": 2.5, "groups": 18, "notes": [SENTENCE], "left_out": 3, "earlier": None, "conflicts": [],
    "near_duplicates": [{"first": "a.wav", "second": "b.wav", "common_s": 12.5}], "refused": [], "refused_count": 0,
    "lists": ["dev.csv", "test.csv"],
}  # fmt: skip


def _explained() -> str:
    spec = {
        "index": 3, "split": "train-dev-noise", "pool": "held_out", "sample_rate": 16000, "num_samples": 40000,
        "onset": 3200, "speech_num_samples": 30000, "source_id": LONG, "room_id": None, "lombard": None,
        "speech_effects": [{"name": "speed", "factor": 0.9}], "channel_effects": [], "events": [], "snr_db": 8.985,
        "measure": "active", "weighting": "band", "level_dbfs": -31.25,
        "noise": [{"synthesis": None, "recording_id": LONG, "offset": 15446, "layer": "cabin", "track": 1,
                   "source_num_samples": 43033, "at": 0, "relative_db": 0.0, "effects": [], "grown_file": None}],
    }  # fmt: skip
    draws = tuple(
        ExplainedDraw(key, u, drawn_value(key, u, setting), setting)
        for key, u, setting in (
            ("noise.snr_db", 0.576319, {"normal": [8.5, 5.25], "clip": [-5.5, 25.5]}),
            ("noise.layers.cabin.1.0.effects.equalizer.tilt_db_per_octave", 0.25, [-6, 6]),
        )
    )
    row = {"noise": [{"gain_db": -15.892}], "source": {"path": "ann/a.wav"}, "snr_db": {"measured": 8.98},
           "level_dbfs": {"measured": -31.25}}  # fmt: skip
    return explanation_text(ClipExplanation("clip-v0", spec, draws, row))


def test_explain_shows_values_with_units(monkeypatch: pytest.MonkeyPatch) -> None:
    """D15: `explain` printed the number in [0, 1), and one of two levels without its name."""
    monkeypatch.setattr(terminal, "width", lambda stream=None: None)
    lines = [" ".join(line.split()) for line in _explained().splitlines()]
    assert "key value drawn from" in lines
    assert "noise.layers.cabin.1.0.effects.equalizer.tilt_db_per_octave -3 dB per octave [-6, 6]" in lines
    assert any(line.endswith("at 0.000 s, relative +0.0 dB, gain -15.9 dB") for line in lines)
    assert any(line.startswith("noise.layers.cabin.1.0 in a key is layer cabin, track 1, segment 0") for line in lines)
    assert "0.576319" not in "".join(lines)


TEXTS: dict[str, Callable[[], str]] = {
    "plan": _ledger,
    "explain": _explained,
    "split": lambda: split_text(SPLIT, Path("out")),
    "compare": lambda: compare_text(
        {"headline": SENTENCE, "explained": [SENTENCE], "features": [FEATURE] * 2, "advice": [SENTENCE], "notes": []}
    ),
    "diagnose": lambda: diagnosis_text(
        {
            "headline": SENTENCE,
            "measure": "error rate (errors / words)",
            "rungs": [RUNG],
            "unit": "%",
            "gaps": [GAP],
            "reference": "dev",
            "actions": [ACTION],
            "notes": [SENTENCE],
        }
    ),
    "noise": lambda: noise_text({"recordings": [RECORDING], "conclusion": [SENTENCE]}),
    "labels": _labels,
    "stages": lambda: stages_text(
        {"stages": [STAGE], "other_splits": 3, "checks": [{"verdict": "look", "text": SENTENCE, "source": ""}]}
    ),
    "profile": lambda: profile_text(PROFILE),
    "select": lambda: selection_text(SELECTED),
    "errors": lambda: mislabeled_text(
        {"candidates": [CANDIDATE], "clips": 97, "classes": ["a", "b"], "estimated_noise": 0.125, "note": SENTENCE},
        None,
    ),
}


def numbers(text: str) -> list[str]:
    """The numbers with a decimal point, without those in names."""
    return sorted(re.findall(r"(?<![\w.-])-?\d+\.\d+(?![\w.-])", text))


@pytest.mark.parametrize("columns", [60, 80, 100, 200])
@pytest.mark.parametrize("command", TEXTS)
def test_what_a_command_prints_fits(command: str, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "width", lambda stream=None: None)
    piped = TEXTS[command]()
    monkeypatch.setattr(terminal, "width", lambda stream=None: columns)
    shown = wrapped(TEXTS[command](), columns)
    assert [line for line in shown.splitlines() if len(line) > columns] == []
    assert numbers(shown) == numbers(piped)
