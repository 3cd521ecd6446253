"""`synth split` on lists: what it writes, what it refuses, what an earlier split holds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from synth.errors import GuardError, UsageError
from synth.lists.root import list_root
from tests.helpers import rows_of, run_synth
from tests.target_lists import SIZES, divide, drives, listed, where


def tree(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_same_command_gives_the_same_bytes_and_names_no_path_of_the_machine(tmp_path: Path) -> None:
    for name in ("one", "two"):
        divide(listed(tmp_path / name / "audio", drives(30)), tmp_path / name / "splits", seed=3)
    first, second = (tree(tmp_path / name / "splits") for name in ("one", "two"))
    assert first == second
    assert set(first) == {"dev.jsonl", "test.jsonl", "train.jsonl", "split.json", "README.md"}
    assert all(str(tmp_path).encode() not in data for data in first.values())
    divide(tmp_path / "one" / "audio" / "all.jsonl", tmp_path / "one" / "splits", seed=3)
    assert tree(tmp_path / "one" / "splits") == first


def test_lists_hold_every_clip_once_with_all_its_columns(tmp_path: Path) -> None:
    rows = drives(30)
    divide(listed(tmp_path / "audio", rows), tmp_path / "splits")
    found = [row for name in ("dev", "test", "train") for row in rows_of(tmp_path / "splits" / f"{name}.jsonl")]
    by_path = {row["audio_filepath"]: row for row in found}
    assert len(found) == len(by_path) == len(rows)
    for row in rows:
        told = by_path[row["path"]]
        assert {key: told[key] for key in ("duration", "speaker", "text")} == {
            key: row[key] for key in ("duration", "speaker", "text")
        }
        assert told["labels"] == {**row["labels"], "session": row["session"]}
    assert {row.get("split") for row in rows_of(tmp_path / "splits" / "dev.jsonl")} == {"dev"}


def test_the_report_is_what_the_lists_hold(tmp_path: Path) -> None:
    report = divide(listed(tmp_path / "audio", drives(50)), tmp_path / "splits", sizes={"dev": "20", "test": "60"})
    for name, one in report["splits"].items():
        rows = rows_of(tmp_path / "splits" / f"{name}.jsonl")
        assert one["clips"] == len(rows)
        assert one["groups"] == len({row["group"] for row in rows})
        assert one["hours"] == pytest.approx(sum(row["duration"] for row in rows) / 3600, abs=1e-4)
    assert [report["splits"][name]["clips"] for name in ("dev", "test", "train")] == [20, 60, 120]
    assert report["splits"]["dev"]["standard_error_points"] == pytest.approx(100 * (0.09 / 20) ** 0.5, abs=1e-3)


def test_another_split_is_not_written_over(tmp_path: Path) -> None:
    audio = listed(tmp_path / "audio", drives(30))
    divide(audio, tmp_path / "splits")
    before = tree(tmp_path / "splits")
    with pytest.raises(
        UsageError, match="holds another split, and the record of which clips were test must not be lost"
    ):
        divide(audio, tmp_path / "splits", seed=1)
    assert tree(tmp_path / "splits") == before
    with pytest.raises(UsageError, match="an input of this command, lies in this folder"):
        divide(audio, tmp_path / "audio")


def test_lists_that_were_edited_are_not_written_over(tmp_path: Path) -> None:
    """Issue 10, item 1: the same split again is a no-op, but not if it would undo what a person changed."""
    audio = listed(tmp_path / "audio", drives(30))
    divide(audio, tmp_path / "splits")
    (tmp_path / "splits" / "recipe.yaml").write_text("mine")  # beside the lists, as README.md there says
    before = tree(tmp_path / "splits")
    divide(audio, tmp_path / "splits")
    assert tree(tmp_path / "splits") == before
    dev = tmp_path / "splits" / "dev.jsonl"
    dev.write_text(dev.read_text().partition("\n")[2])
    before = tree(tmp_path / "splits")
    with pytest.raises(UsageError, match=r"dev.jsonl in it was changed since `synth split` wrote it"):
        divide(audio, tmp_path / "splits")
    assert tree(tmp_path / "splits") == before
    divide(audio, tmp_path / "splits", keep=tmp_path / "splits")  # reads the lists as they are now
    divide(audio, tmp_path / "other")
    page = tmp_path / "other" / "README.md"
    page.write_text("my notes")
    with pytest.raises(UsageError, match=r"README.md: this exists, and it is not an unchanged split"):
        divide(audio, tmp_path / "other")
    assert page.read_text() == "my notes"


def test_clips_of_one_long_recording_stay_together(tmp_path: Path) -> None:
    rows = [
        {"path": f"drive{d}.wav", "offset": 3.0 * k, "duration": 2.5, "text": "a"} for d in range(20) for k in range(10)
    ]
    report = divide(listed(tmp_path / "audio", rows), tmp_path / "splits")
    assert report["groups"] == 20
    files = {n: {row["audio_filepath"] for row in rows_of(tmp_path / "splits" / f"{n}.jsonl")} for n in ("dev", "test")}
    assert [len(found) for found in files.values()] == [4, 4]
    assert [report["splits"][name]["clips"] for name in ("dev", "test", "train")] == [40, 40, 120]


def test_clips_of_nobody_known_stay_together(tmp_path: Path) -> None:
    rows = [*drives(20), *({**row, "session": None, "speaker": ""} for row in drives(3, first=20))]
    report = divide(listed(tmp_path / "audio", rows), tmp_path / "splits")
    assert report["groups"] == 21
    assert any("12 clips have no speaker or session" in text for text in report["warnings"])


def test_a_column_that_crosses_is_warned_of(tmp_path: Path) -> None:
    rows = [{**row, "car": "one", "speaker": f"s{k % 7}"} for k, row in enumerate(drives(30))]
    report = divide(listed(tmp_path / "audio", rows), tmp_path / "splits", by=("session",))
    assert any(
        "7 of 7 values of speaker are in more than one split; --by session,speaker" in t for t in report["warnings"]
    )
    assert any("1 of 1 values of car" in text for text in report["warnings"])


def test_few_groups_and_a_giant_are_warned_of(tmp_path: Path) -> None:
    rows = [*drives(3), *drives(1, 100, first=3)]
    warnings = "\n".join(
        divide(listed(tmp_path / "audio", rows), tmp_path / "s", sizes={"dev": "4", "test": "4"})["warnings"]
    )
    assert "dev has 1 group:" in warnings
    assert "one group holds 100 of 112 clips" in warnings


def test_a_folder_without_a_list_goes_by_sub_folder(tmp_path: Path) -> None:
    for d in range(6):
        for k in range(2):
            path = tmp_path / "audio" / "2026" / f"drive{d}" / "mic" / f"{k}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            sf.write(path, np.full(8000 + 100 * d + k, 0.1), 16000)
    report = divide(tmp_path / "audio", tmp_path / "s", by=("session",), sizes={"dev": "2", "test": "2"})
    assert report["groups"] == 6
    assert report["notes"] == ["there are no columns: each sub-folder is taken as one session"]
    for name in ("dev", "test"):
        rows = rows_of(tmp_path / "s" / f"{name}.jsonl")
        assert len({row["audio_filepath"].split("/")[1] for row in rows}) == 1
        assert all(row["num_samples"] == round(row["duration"] * row["sampling_rate"]) for row in rows)
    with pytest.raises(UsageError, match="has no list with these columns"):
        divide(tmp_path / "audio", tmp_path / "s2", by=("session", "speaker"))


def test_groups_may_be_made_by_a_part_of_the_path(tmp_path: Path) -> None:
    """D23: everyone wrote a CSV script to tell `split` the speakers, though the paths have them."""
    for number in range(12):
        path = tmp_path / "audio" / f"s{number % 4}" / f"{number // 4}-{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        sf.write(path, np.random.RandomState(number).standard_normal(2000) * 0.1, 8000)
    sizes = {"dev": "3", "test": "3"}
    report = divide(tmp_path / "audio", tmp_path / "splits", by=("speaker=s([0-9])/",), sizes=sizes, duplicates=False)
    assert (report["by"], report["groups"]) == (["speaker"], 4)
    assert report["from_path"] == {"speaker": {"pattern": "s([0-9])/"}}
    rows = rows_of(tmp_path / "splits" / "dev.jsonl")
    assert len({row["speaker"] for row in rows}) == 1
    assert [row["audio_filepath"][:2] for row in rows] == [f"s{row['speaker']}" for row in rows]
    kept = divide(tmp_path / "audio", tmp_path / "again", keep=tmp_path / "splits", duplicates=False)
    assert (kept["by"], kept["groups"], kept["from_path"]) == (["speaker"], 4, report["from_path"])
    assert rows_of(tmp_path / "again" / "dev.jsonl") == rows


def test_a_list_may_name_files_anywhere(tmp_path: Path) -> None:
    """Absolute paths and those that lead upwards: the root is the folder that holds them all."""
    rows = [{**row, "path": f"../far/{row['path']}"} for row in drives(10)]
    rows += [{**row, "path": str(tmp_path / "far" / row["path"])} for row in drives(10, first=10)]
    divide(listed(tmp_path / "lists", rows), tmp_path / "out" / "splits")
    assert set(where(tmp_path / "out" / "splits")) == {row["path"] for row in drives(20)}
    assert list_root(tmp_path / "out" / "splits" / "dev.jsonl") == tmp_path / "far"
    assert list_root(tmp_path / "out" / "splits" / "mine.jsonl") == tmp_path / "out" / "splits"


def test_bad_rows_and_unknown_columns_are_named(tmp_path: Path) -> None:
    rows = [*drives(10), {"path": "http://x/y.wav", "duration": 1}, {"duration": 1}, drives(1)[0]]
    report = divide(listed(tmp_path / "audio", rows), tmp_path / "s")
    assert [one["code"] for one in report["refused"]] == ["forbidden_path", "bad_row", "bad_row"]
    with pytest.raises(UsageError, match="--by car: the list has no such column; there are: session, speaker, street"):
        divide(tmp_path / "audio" / "all.jsonl", tmp_path / "s2", by=("car",))


# ------------------------------------------------------------------------------------ dev and test are real and target


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"noise": [{"layer": "cabin"}]}, "it says what noise was mixed in"),
        ({"source_id": "a_1"}, "it has a source_id"),
        ({"synthetic": True}, "synthetic is True"),
        ({"augmented": "yes"}, "augmented is yes"),
    ],
)
def test_synthesised_rows_are_refused(tmp_path: Path, more: dict[str, object], text: str) -> None:
    path = listed(tmp_path / "audio", [*drives(20), *drives(2, 1, first=20, **more)])
    with pytest.raises(UsageError) as caught:
        divide(path, tmp_path / "s")
    assert "2 of 82 clips are synthesized (d20/0.wav (line 81): " + text in str(caught.value)
    assert "--allow-synthesized" in str(caught.value)
    assert not (tmp_path / "s").exists()
    assert divide(path, tmp_path / "s", allow_synthesized=True)["clips"] == 82


def test_what_is_not_of_the_target_is_refused(tmp_path: Path) -> None:
    path = listed(tmp_path / "audio", [*drives(20, target=True), *drives(1, first=20, target=False)])
    with pytest.raises(
        UsageError, match=r"4 of 84 clips are not from the target \(d20/0.wav \(line 81\): target is False"
    ):
        divide(path, tmp_path / "s")
    divide(path, tmp_path / "s", allow_other=True)


def test_copies_of_one_source_stay_together_where_synthesised_audio_is_allowed(tmp_path: Path) -> None:
    rows = [{"path": f"{k}.wav", "duration": 1, "source_id": f"u{k // 3}", "speaker": f"s{k}"} for k in range(90)]
    report = divide(listed(tmp_path / "audio", rows), tmp_path / "s", allow_synthesized=True)
    assert report["groups"] == 30


# --------------------------------------------------------------------------------------------------- an earlier split


def test_an_earlier_split_is_kept_and_new_clips_follow_their_group(tmp_path: Path) -> None:
    audio = tmp_path / "audio"
    divide(listed(audio, drives(30)), tmp_path / "old", seed=4)
    more = [*drives(40, 6), *drives(20, first=40)]  # two clips more of each old drive, and new drives
    report = divide(listed(audio, more), tmp_path / "new", keep=tmp_path / "old", sizes={})
    old, new = where(tmp_path / "old"), where(tmp_path / "new")
    assert all(new[path] == split_ for path, split_ in old.items())
    assert all(new[f"d{d}/5.wav"] == old[f"d{d}/0.wav"] for d in range(30))
    assert report["asked"] == SIZES
    assert report["seed"] == 4
    assert [report["splits"][name]["clips"] for name in ("dev", "test")] == [64, 64]
    assert report["splits"]["dev"]["held_groups"] == 6


def test_keep_may_write_into_the_same_folder_and_audio_may_move(tmp_path: Path) -> None:
    divide(listed(tmp_path / "a" / "audio", drives(30)), tmp_path / "a" / "splits")
    old = where(tmp_path / "a" / "splits")
    moved = listed(tmp_path / "b", drives(35))
    divide(moved, tmp_path / "a" / "splits", keep=tmp_path / "a" / "splits")
    new = where(tmp_path / "a" / "splits")
    assert len(new) == 140
    assert all(new[path] == split_ for path, split_ in old.items())


def test_what_was_changed_by_hand_is_told(tmp_path: Path) -> None:
    audio = listed(tmp_path / "audio", drives(30, split="test"))
    notes = divide(audio, tmp_path / "old")["notes"]
    assert notes == ["the list's own column split (test) is replaced"]
    dev = tmp_path / "old" / "dev.jsonl"
    dev.write_text("".join(line + "\n" for line in dev.read_text().splitlines()[:-1]))
    told = divide(audio, tmp_path / "new", keep=tmp_path / "old")["notes"]
    assert "dev.jsonl of the earlier split was changed since it was written; the changes count" in told
    (tmp_path / "old" / "split.json").write_text("{}")
    with pytest.raises(UsageError, match=r"split\.json is not what `synth split` wrote"):
        divide(audio, tmp_path / "other", keep=tmp_path / "old")
    with pytest.raises(UsageError, match="there is no earlier split"):
        divide(audio, tmp_path / "other", keep=tmp_path / "audio")


def test_clips_that_are_gone_go_on_holding_their_speaker(tmp_path: Path) -> None:
    audio = tmp_path / "audio"
    divide(listed(audio, drives(30)), tmp_path / "old")
    old = where(tmp_path / "old")
    again = [{**row, "path": f"again/{row['path']}"} for row in drives(30, 2)]
    report = divide(listed(audio, [*again, *drives(1)]), tmp_path / "new", keep=tmp_path / "old")
    new = where(tmp_path / "new")
    assert report["gone"] == 116
    assert all(new[f"again/d{d}/0.wav"] == old[f"d{d}/0.wav"] for d in range(30))
    with pytest.raises(UsageError, match="none of its 120 clips is in the set"):
        divide(listed(audio, drives(5, first=50), "other.jsonl"), tmp_path / "other", keep=tmp_path / "old")


def conflict(tmp_path: Path) -> tuple[Path, str, str]:
    """A list in which one speaker joins a drive of the old dev with one of the old train."""
    divide(listed(tmp_path / "audio", drives(30)), tmp_path / "old")
    old = where(tmp_path / "old")
    dev, train = (next(path for path, one in old.items() if one == name) for name in ("dev", "train"))
    joined = {
        "path": "new.wav",
        "duration": 1.0,
        "session": dev.split("/")[0],
        "speaker": "s" + train.split("/")[0][1:],
    }
    return listed(tmp_path / "audio", [*drives(30), joined]), dev, train


def test_a_conflict_is_refused_with_the_clips_that_it_joins(tmp_path: Path) -> None:
    path, dev, train = conflict(tmp_path)
    with pytest.raises(GuardError) as caught:
        divide(path, tmp_path / "new", keep=tmp_path / "old")
    text = str(caught.value)
    assert "1 group joins clips of different earlier splits" in text
    assert f"has the same session ({dev.split('/')[0]}) as new.wav (new) has the same speaker" in text
    assert "(dev)" in text
    assert f"{train.split('/')[0]}/" in text
    assert "--on-conflict drop" in text


def test_a_conflict_may_be_decided(tmp_path: Path) -> None:
    path, dev, train = conflict(tmp_path)
    old = where(tmp_path / "old")
    divide(path, tmp_path / "drop", keep=tmp_path / "old", on_conflict="drop")
    dropped = where(tmp_path / "drop")
    assert dropped["new.wav"] == "dev"
    assert {p for p in old if p not in dropped} == {f"{train.split('/')[0]}/{k}.wav" for k in range(4)}
    for winner in ("dev", "train"):
        divide(path, tmp_path / winner, keep=tmp_path / "old", on_conflict=winner)
        new = where(tmp_path / winner)
        assert new[dev] == new[train] == new["new.wav"] == winner
        assert len(new) == 121
    with pytest.raises(GuardError, match="none of them is test; see --on-conflict"):
        divide(path, tmp_path / "test", keep=tmp_path / "old", on_conflict="test")
    with pytest.raises(UsageError, match="--on-conflict never: choose from refuse, drop, dev, test, train"):
        divide(path, tmp_path / "never", keep=tmp_path / "old", on_conflict="never")


def test_the_command_says_what_was_done(tmp_path: Path) -> None:
    path = listed(tmp_path / "audio", drives(200, 20))
    words = ("split", path, "--dev", "2,000", "--test", "500", "--out", tmp_path / "s", "--no-duplicates")
    done = run_synth(*words)
    assert done.returncode == 0, done.stderr
    assert "dev: 2,000 clips: +-0.7 points at 10 % error; +-0.9 if the errors of a group are correlated" in done.stdout
    assert "groups       200 by speaker, session; near-duplicates were not searched for" in done.stdout
    assert "unchanged: true}" in done.stdout
    told = json.loads(run_synth(*words, "--json").stdout)
    assert [told["splits"][name]["clips"] for name in ("dev", "test", "train")] == [2000, 500, 1500]
    wrong = run_synth("split", path, "--dev", "5000", "--out", tmp_path / "t", "--no-duplicates", "--json")
    assert json.loads(wrong.stdout)["error"]["exit_code"] == wrong.returncode == 2
    assert "dev 5000 is more than there is: 4,000 clips" in wrong.stderr
