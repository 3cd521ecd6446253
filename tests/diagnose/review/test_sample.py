"""Which clips are drawn to be listened to, and the file that is filled in."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.commands.errors import correct_manifest, sample_errors
from synth.diagnose.review.review_csv import format_review, read_review
from synth.diagnose.review.sample import allotted
from synth.errors import UsageError
from tests.diagnose.dev_lists import DevList, dev_list
from tests.helpers import run_synth


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> DevList:
    return dev_list(tmp_path_factory.mktemp("dev"), clips=1200)


@given(st.lists(st.integers(1, 400), min_size=1, max_size=30), st.integers(1, 200))
def test_each_stratum_gets_its_share_and_at_least_one(sizes: list[int], more: int) -> None:
    n = len(sizes) + more
    counts = allotted(sizes, n)
    assert sum(counts) == min(n, sum(sizes))
    for size, count in zip(sizes, counts, strict=True):
        assert 1 <= count <= size
        if sum(sizes) > n:  # Webster's method stays within one of the quota but for what the least of one takes
            assert count <= size * n / sum(sizes) + 1.5


def test_shares_are_proportional() -> None:
    assert allotted([500, 300, 150, 40, 10], 100) == [50, 30, 15, 4, 1]


def test_a_sample_is_what_it_says(dev: DevList, tmp_path: Path) -> None:
    drawn = sample_errors(dev.predictions, dev.manifest, tmp_path / "a.csv", n=100, right=20, by="speaker", seed=3)
    rows = drawn.review.rows
    assert Counter(row.kind for row in rows) == {"wrong": 100, "right": 20}
    assert len({row.id for row in rows}) == 120
    strata = Counter(row.stratum for row in rows if row.kind == "wrong")
    assert len(strata) == 20
    wrong = {clip for clip, tags in dev.truth.items() if tags}
    assert {row.id for row in rows if row.kind == "wrong"} <= wrong
    sizes = Counter(f"speaker={row['speaker']}" for row in dev.rows if row["id"] in wrong)
    for row in rows:
        assert row.stratum_clips == (sizes[row.stratum] if row.kind == "wrong" else 1200 - len(wrong))
        if row.kind == "wrong":
            assert abs(strata[row.stratum] - 100 * row.stratum_clips / len(wrong)) <= 1
    design = drawn.review.design
    assert (design["seed"], design["clips"], design["wrong"]) == (3, 1200, len(wrong))
    assert "right" in {row.kind for row in rows[60:]}  # mixed, not one after the other
    assert "right" in {row.kind for row in rows[:60]}


def test_the_same_seed_draws_the_same_and_another_others(dev: DevList, tmp_path: Path) -> None:
    drawn = [
        sample_errors(dev.predictions, dev.manifest, tmp_path / f"{k}.csv", seed=seed, by="errors").review
        for k, seed in enumerate((5, 5, 6))
    ]
    assert drawn[0].rows == drawn[1].rows
    assert (tmp_path / "0.csv").read_bytes() == (tmp_path / "1.csv").read_bytes()
    same = {row.id for row in drawn[0].rows} & {row.id for row in drawn[2].rows}
    assert len(same) < 70  # by chance 100 * 100 / 290


def test_every_wrong_clip_is_as_likely(tmp_path: Path) -> None:
    """Over 60 seeds the first and the last half of the list are drawn alike."""
    dev = dev_list(tmp_path, clips=160)
    counts: Counter[bool] = Counter()
    for seed in range(60):
        rows = sample_errors(dev.predictions, dev.manifest, tmp_path / f"{seed}.csv", n=10, seed=seed).review.rows
        counts.update(row.id < "clip0080" for row in rows)
    wrong = [clip for clip, tags in dev.truth.items() if tags]
    share = sum(clip < "clip0080" for clip in wrong) / len(wrong)
    assert counts[True] / counts.total() == pytest.approx(share, abs=0.07)  # 600 draws: SD 0.02


def test_how_wrong_makes_strata(tmp_path: Path) -> None:
    (tmp_path / "dev.csv").write_text(
        "id,path,text\n" + "".join(f"c{k},c{k}.wav,one two three four\n" for k in range(6))
    )
    heard = ["one two three four", "one two three x", "one two x x", "one x x x", "x x x x", "a b c d e f"]
    (tmp_path / "p.csv").write_text("id,hypothesis\n" + "".join(f"c{k},{text}\n" for k, text in enumerate(heard)))
    drawn = sample_errors(tmp_path / "p.csv", tmp_path / "dev.csv", tmp_path / "out.csv", by="errors")
    told = {row.id: row.stratum for row in drawn.review.rows}
    assert told == {
        "c1": "errors: up to a quarter",
        "c2": "errors: up to a half",
        "c3": "errors: most",
        "c4": "errors: all",
        "c5": "errors: all",
    }


@pytest.mark.parametrize("form", ["ours", "nemo", "csv"])
def test_any_list_will_do(form: str, tmp_path: Path) -> None:
    dev = dev_list(tmp_path, clips=60)
    rows = [dict(row) for row in dev.rows]
    if form == "nemo":
        rows = [{key: row[key] for key in ("audio_filepath", "duration", "text")} for row in rows]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    if form == "csv":
        text = "path,text,drive\n" + "".join(
            f"{row['audio_filepath']},{row['text']},{row['session']}\n" for row in rows
        )
    listed = tmp_path / ("list.csv" if form == "csv" else "list.jsonl")
    listed.write_text(text)
    drawn = sample_errors(dev.predictions, listed, tmp_path / "out.csv", n=5)
    wrong = {clip for clip, tags in dev.truth.items() if tags}
    assert {row.id for row in drawn.review.rows} <= wrong
    assert all(row.audio == f"audio/{row.id}.wav" for row in drawn.review.rows)
    assert {row.group[:4] for row in drawn.review.rows} == {"clip" if form == "nemo" else "driv"}


def test_lists_of_synth_split_name_the_audio_where_it_lies(tmp_path: Path) -> None:
    dev = dev_list(tmp_path / "real", clips=20, wrong=0.5, sound=20)
    (tmp_path / "splits").mkdir()
    listed = tmp_path / "splits" / "dev.jsonl"
    listed.write_bytes(dev.manifest.read_bytes())
    split = {"format": "synth-split", "root": "../real", "lists": ["dev.jsonl"]}
    (tmp_path / "splits" / "split.json").write_text(json.dumps(split))
    for k, manifest in enumerate((listed, listed.parent)):
        drawn = sample_errors(dev.predictions, manifest, tmp_path / f"{k}.csv", n=4)
        assert all((drawn.root / row.audio).is_file() for row in drawn.review.rows)
    (tmp_path / "fix.csv").write_text("id,text\nclip0001,on\n")
    (note,) = correct_manifest(tmp_path / "fix.csv", listed, tmp_path / "splits" / "new.jsonl").notes
    assert f"are relative to {tmp_path / 'real'}" in note
    assert correct_manifest(tmp_path / "fix.csv", listed, tmp_path / "real" / "new.jsonl").notes == ()


def test_a_review_is_read_as_it_was_written(dev: DevList, tmp_path: Path) -> None:
    review = sample_errors(dev.predictions, dev.manifest, tmp_path / "a.csv", n=12, own_tags=["rattle"]).review
    odd = replace(review.rows[0], tags=("wind", "rattle"), comment='"hm", she said;\nthen', reviewed=True)
    changed = replace(review, rows=(odd, *review.rows[1:]))
    (tmp_path / "b.csv").write_text(format_review(changed))
    found = read_review(tmp_path / "b.csv")
    assert found.design == review.design
    assert [replace(row, where="") for row in found.rows] == list(changed.rows)
    (tmp_path / "c.csv").write_bytes(b"\xef\xbb\xbf" + format_review(review).replace("\n", "\r\n").encode())
    assert [replace(row, where="") for row in read_review(tmp_path / "c.csv").rows] == list(review.rows)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace("design\n", "plan\n"), "review.csv:1: no column design"),
        (lambda text: text.replace(",wrong,", ",bad,", 1), "kind is 'bad'; wrong or right is needed"),
        (lambda text: text.replace('""seed"": 0', '""seed"": 1', 1), "the design differs from that of"),
        (lambda text: text + text.splitlines()[1] + "\n", "is there already at"),
        (lambda text: text + "x,y\n", "2 cells, the header has"),
        (lambda text: text.splitlines()[0], "no rows"),
    ],
)
def test_a_damaged_review_is_refused_with_its_line(dev: DevList, tmp_path: Path, change: object, said: str) -> None:
    path = tmp_path / "review.csv"
    sample_errors(dev.predictions, dev.manifest, path, n=12)
    path.write_text(change(path.read_text()))  # type: ignore[operator]
    with pytest.raises(UsageError, match=said):
        read_review(path)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"n": 10, "by": "speaker"}, "--by speaker: 20 strata, but only 10 clips; use --n 20 or more, or --by errors"),
        ({"by": "driver"}, "--by driver: no wrong clip has this column or label"),
        (
            {"own_tags": ["comment"]},
            "--tag 'comment': a tag has 1 to 60 printable characters and is no column of the review",
        ),
        ({"split": "test"}, r"no clips of the split test; there are dev \(1,200\)\. Choose one with --split"),
        ({"group_by": "driver"}, "--group-by driver: no clip has this column or label"),
    ],
)
def test_what_cannot_be_drawn_is_said(dev: DevList, tmp_path: Path, asked: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        sample_errors(dev.predictions, dev.manifest, tmp_path / "out.csv", **asked)  # type: ignore[arg-type]
    assert not (tmp_path / "out.csv").exists()


def test_the_one_split_of_a_manifest_is_taken(tmp_path: Path) -> None:
    """D19: with a list of train-dev alone, `--split` was asked for, and clips in no list were a split "none"."""
    rows = [{"id": f"c{k}", "audio_filepath": f"c{k}.wav", "text": "a b", "split": "train-dev"} for k in range(4)]
    (tmp_path / "list.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    lines = [f"c{k},a b,a x" for k in range(4)] + [f"z{k},a b,a x" for k in range(107)]
    (tmp_path / "p.csv").write_text("\n".join(["id,reference,hypothesis", *lines]) + "\n")
    drawn = sample_errors(tmp_path / "p.csv", tmp_path / "list.jsonl", tmp_path / "out.csv")
    assert {row.id for row in drawn.review.rows} == {"c0", "c1", "c2", "c3"}
    assert drawn.review.design["split"] == "train-dev"
    assert any(
        "predictions without a clip in this manifest: 107; the first is z0" in note for note in drawn.to_json()["notes"]
    )
    message = (
        r"no clips of the split dev; there are train-dev \(4\), and 107 predictions without a clip in this manifest\."
    )
    with pytest.raises(UsageError, match=message):
        sample_errors(tmp_path / "p.csv", tmp_path / "list.jsonl", tmp_path / "b.csv", split="dev")


def test_hours_of_listening_are_not_written_over(dev: DevList, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    out.write_text("mine")
    done = run_synth("errors", "sample", dev.predictions, "--manifest", dev.manifest, "--out", out)
    assert (done.returncode, done.stdout) == (2, "")
    assert "this exists, and it is not an unchanged review that synth wrote" in done.stderr
    assert out.read_text() == "mine"
