"""The stages of training as counted, and what is said of their balance, on rows of known hours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from synth.commands.stages import count_stages
from synth.dataset.stages import Stage, StageCounts
from synth.diagnose.stages import check_stages, distinct_hours
from synth.errors import UsageError
from tests.helpers import run_synth


def row(clip: int, hours: float, stage: str | None, *, made: bool, weight: float = 1.0, **more: Any) -> dict[str, Any]:
    source = {"sha256": f"{clip:064x}", "offset": 0, "num_samples": round(hours * 3600 * 8000), "sampling_rate": 8000}
    speech = {"unchanged": not made}
    fields = {
        "id": f"c{clip}",
        "audio_filepath": f"{clip}.wav",
        "duration": hours * 3600,
        "stage": stage,
        "weight": weight,
    }
    return {**fields, "split": "train", "source": source, "speech": speech, **more}


def counted(*rows: dict[str, Any], names: tuple[str, ...] = ()) -> tuple[Stage, ...]:
    counts = StageCounts(names)
    for each in rows:
        counts.add(each)
    return counts.stages


def verdicts(stages: tuple[Stage, ...]) -> dict[str, str]:
    return {check.name: check.verdict for check in check_stages(stages)}


def text_of(stages: tuple[Stage, ...], name: str) -> str:
    (found,) = (check.text for check in check_stages(stages) if check.name == name)
    return found


def test_a_fine_tuning_set_larger_than_the_pre_training_set_is_pointed_out() -> None:
    small, large = row(0, 10, "tune", made=False), row(1, 100, "pre", made=True)
    assert verdicts(counted(large, small))["fine_tuning_size"] == "ok"
    assert verdicts(counted(small, large))["fine_tuning_size"] == "look"
    assert (
        verdicts(counted(small, large, names=("pre", "tune")))["fine_tuning_size"] == "ok"
    )  # the order is the recipe's
    assert "fine_tuning_size" not in verdicts(counted(large))
    assert "fine_tuning_size" not in verdicts(counted(large, names=("pre", "tune")))  # nothing is in the other stage


def test_the_last_stage_should_be_real() -> None:
    assert verdicts(counted(row(0, 9, "a", made=True), row(1, 1, "b", made=False)))["last_stage_is_real"] == "ok"
    mixed = counted(row(0, 9, "a", made=False), row(1, 2, "b", made=True), row(2, 1, "b", made=False))
    assert verdicts(mixed)["last_stage_is_real"] == "look"
    assert "67% of b" in text_of(mixed, "last_stage_is_real")


def test_all_synthetic_is_pointed_out() -> None:
    assert verdicts(counted(row(0, 1, None, made=True)))["synthetic_share"] == "look"
    some = counted(row(0, 3, None, made=True), row(1, 1, None, made=False))
    assert verdicts(some)["synthetic_share"] == "ok" and text_of(some, "synthetic_share").startswith("75%")


def test_the_weight_that_makes_both_sides_even_does_so() -> None:
    many = [row(k, 0.01, "s", made=True) for k in range(40)]
    lone = row(99, 0.01, "s", made=False)
    stages = counted(*many, lone)
    assert verdicts(stages)["real_weight"] == "look"
    assert "loss_weight 0.025 for the synthetic" in text_of(stages, "real_weight")  # 1/40, as in the book
    even = counted(*(dict(each, weight=0.025) for each in many), lone)
    assert verdicts(even)["real_weight"] == "ok" and "50.0% of the loss" in text_of(even, "real_weight")


@pytest.mark.parametrize(
    ("hours", "said"), [(1, "below about 3,000 h"), (4000, "at 3,000 h"), (12_000, "from about 10,000 h on")]
)
def test_what_the_hours_are_enough_for_comes_with_its_source(hours: float, said: str) -> None:
    (found,) = (c for c in check_stages(counted(row(0, hours, None, made=True))) if c.name == "end_to_end")
    assert said in found.text and found.verdict == "advice" and "A. Ng" in found.source
    assert all(check.source for check in check_stages(counted(row(0, hours, "a", made=True))))


def test_copies_of_an_utterance_are_no_more_speech() -> None:
    copies = [dict(row(1, 2, stage, made=True), id=f"c1-{k}") for k, stage in enumerate(["a", "a", "b"])]
    stages = counted(*copies, row(2, 1, "b", made=True))
    assert distinct_hours(stages) == pytest.approx(3)
    assert [stage.to_json()["source_hours"] for stage in stages] == [2, 3]
    assert [stage.to_json()["hours"] for stage in stages] == [4, 3]


def test_only_what_is_trained_on_counts_and_plain_manifests_are_real() -> None:
    counts = StageCounts()
    for each in (row(0, 1, "a", made=True), row(1, 1, "a", made=True, split="train-dev")):
        counts.add(each)
    counts.add({"audio_filepath": "x.wav", "duration": 7200.0})
    told = counts.to_json()
    assert [(s["stage"], s["hours"], s["synthetic"]["clips"], s["real"]["clips"]) for s in told] == [
        ("a", 1, 1, 0),
        (None, 2, 0, 1),
    ]
    assert counts.other_splits == 1
    assert StageCounts().to_json() == []


def test_the_command_takes_manifests_with_a_stage(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps(row(0, 1, "wide", made=True)) + "\n")
    (tmp_path / "b.jsonl").write_text(json.dumps({"audio_filepath": "x.wav", "duration": 360.0}) + "\n")
    names = [str(tmp_path / "a.jsonl"), f"fine-tune={tmp_path / 'b.jsonl'}"]
    told = count_stages(names, order=["wide", "fine-tune"])
    assert [(s["stage"], s["hours"]) for s in told["stages"]] == [("wide", 1), ("fine-tune", 0.1)]
    done = run_synth("stages", *names, "--order", "wide,fine-tune", "--json")
    assert json.loads(done.stdout) == {"schema_version": 1, **json.loads(json.dumps(told))}
    with pytest.raises(UsageError, match="no clip is of the stage 'wde'"):
        count_stages(names, order=["wde"])
    with pytest.raises(UsageError, match="cannot read"):
        count_stages([str(tmp_path / "gone.jsonl")])
    with pytest.raises(UsageError, match="has no manifest"):
        count_stages([str(tmp_path)])
