"""A corrected label goes to every clip of its source, and nothing else changes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from synth.commands.errors import correct_manifest
from synth.commands.generate import generate
from synth.dataset.manifest import read_rows
from synth.errors import UsageError
from tests.helpers import FIXTURES, fixture_recipe, rows_of, run_synth


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small data set of ours, three clips an utterance; its manifest."""
    folder = tmp_path_factory.mktemp("made")
    lines = (FIXTURES / "speech" / "metadata.csv").read_text().splitlines(keepends=True)
    (folder / "few.csv").write_text("".join(lines[:5]))
    recipe = fixture_recipe(
        folder,
        head="schema: 1\nseed: 23\nsample_rate: 16000\ncopies: 3",
        speech=f"speech: {{sources: [{{path: '{FIXTURES}/speech', manifest: few.csv}}]}}",
        effects="",
        splits="splits: {train: 1.0}",
    )
    generate(recipe, folder / "data")
    return folder / "data" / "manifest.jsonl"


def test_a_text_goes_to_all_clips_of_its_source(made: Path, tmp_path: Path) -> None:
    before = made.read_bytes()
    rows = rows_of(made)
    one, other = rows[0], next(row for row in rows if row["source_id"] != rows[0]["source_id"])
    table = f"id,source_id,text\n{one['id']},,turn left\n,{other['source_id']},turn right\nnobody,,x\n"
    (tmp_path / "fix.csv").write_text(table)
    done = run_synth(
        "errors", "correct", tmp_path / "fix.csv", "--manifest", made, "--out", tmp_path / "new.jsonl", "--json"
    )
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert (told["corrections"], told["sources"], told["clips"], told["rows"]) == (3, 2, 6, len(rows))
    assert [line.rpartition("/")[2] for line in told["unknown"]] == ["fix.csv:4: id nobody"]
    assert "matches" in done.stderr
    assert "nobody" in done.stderr
    assert made.read_bytes() == before
    lines, new = before.decode().splitlines(), (tmp_path / "new.jsonl").read_text().splitlines()
    assert len(lines) == len(new)
    for line, corrected in zip(lines, new, strict=True):
        row, found = json.loads(line), json.loads(corrected)
        text = {one["source_id"]: "turn left", other["source_id"]: "turn right"}.get(row["source_id"])
        if text is None:
            assert corrected == line
        else:
            assert found == row | {"text": text, "alignment": None}
            assert list(found) == sorted(found)
    assert len(list(read_rows(tmp_path / "new.jsonl"))) == len(rows)


def listed(folder: Path, rows: list[dict[str, object]]) -> Path:
    path = folder / "list.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def clip(k: int, source: str | None, split: str = "train", **labels: object) -> dict[str, object]:
    row: dict[str, object] = {
        "audio_filepath": f"a/{k}.wav",
        "duration": 1.0,
        "id": f"c{k}",
        "split": split,
        "text": "on",
    }
    return row | ({"source_id": source} if source else {}) | ({"labels": labels} if labels else {})


def test_labels_keep_what_an_effect_or_an_event_decides(tmp_path: Path) -> None:
    rows = [
        clip(0, "s", near=True, horn=False),
        clip(1, "s", near=None, horn=True),
        clip(2, "s", near=True, horn=False),
    ]
    rows[1]["events"] = [{"label": "horn"}]
    (tmp_path / "fix.csv").write_text("source_id,near,horn\ns,no,false\n")
    done = correct_manifest(tmp_path / "fix.csv", listed(tmp_path, rows), tmp_path / "new.jsonl")
    labels = [row["labels"] for row in rows_of(tmp_path / "new.jsonl")]
    assert labels == [{"near": False, "horn": False}, {"near": None, "horn": True}, {"near": False, "horn": False}]
    assert (done.counts.clips, done.counts.kept, done.counts.same) == (2, 2, 2)


def test_what_the_recipe_makes_unknown_stays_unknown(tmp_path: Path) -> None:
    """Even where no clip of the source has the label any more."""
    rows = [clip(0, "s", near=None, accent=None), clip(1, "s", near=None, accent=None)]
    fixture_recipe(tmp_path, effects="  effects:\n  - pitch: 2\n    makes_unknown: [accent]")
    (tmp_path / "fix.csv").write_text("source_id,near,accent\ns,true,american\n")
    done = correct_manifest(tmp_path / "fix.csv", listed(tmp_path, rows), tmp_path / "new.jsonl")
    assert [row["labels"] for row in rows_of(tmp_path / "new.jsonl")] == [{"near": True, "accent": None}] * 2
    assert done.counts.kept == 2


def test_a_recipe_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("no: recipe\n")
    (tmp_path / "fix.csv").write_text("source_id,near\ns,true\n")
    corrected = correct_manifest(
        tmp_path / "fix.csv", listed(tmp_path, [clip(0, "s", near=None)]), tmp_path / "new.jsonl"
    )
    (note,) = corrected.notes
    assert "recipe.yaml was ignored" in note


def test_unknown_becomes_known_and_known_unknown(tmp_path: Path) -> None:
    rows = [clip(0, "s", near=None, age=4), clip(1, "t", near=True, age=5)]
    (tmp_path / "fix.csv").write_text("source_id,near,age\ns,true,7\nt,null,\n")
    correct_manifest(tmp_path / "fix.csv", listed(tmp_path, rows), tmp_path / "new.jsonl")
    labels = [row["labels"] for row in rows_of(tmp_path / "new.jsonl")]
    assert labels == [{"near": True, "age": 7}, {"near": None, "age": 5}]


def test_real_audio_has_no_source_and_each_clip_is_its_own(tmp_path: Path) -> None:
    path = tmp_path / "dev.csv"
    path.write_text('path,text,street,split\r\na/1.wav,"one, two",1,dev\r\na/2.wav,on,,dev\r\nb/3.wav,on,0,test\r\n')
    (tmp_path / "fix.csv").write_text("id;text\n1;one two three\na/2.wav;off\n")
    done = correct_manifest(tmp_path / "fix.csv", path, tmp_path / "new.csv")
    new = (tmp_path / "new.csv").read_bytes().decode()
    assert new == "path,text,street,split\r\na/1.wav,one two three,1,dev\r\na/2.wav,off,,dev\r\nb/3.wav,on,0,test\r\n"
    assert done.counts.clips == 2
    assert any("dev was corrected but test was not" in note for note in done.notes)


def test_a_review_is_a_list_of_corrections(tmp_path: Path) -> None:
    """Its columns say what was there; only `correction` says what should be."""
    path = listed(tmp_path, [clip(0, None), clip(1, None)])
    head = "id,audio,kind,reference,hypothesis,errors,words,reviewed,wind,correction,comment,group,stratum,stratum_clips,design"
    (tmp_path / "review.csv").write_text(
        f"{head}\nc0,a,wrong,on,off,1,1,1,1,off,,g,s,2,{{}}\nc1,a,wrong,on,x,1,1,1,,on,,g,s,2,{{}}\n"
    )
    correct_manifest(tmp_path / "review.csv", path, tmp_path / "new.jsonl")
    assert [row["text"] for row in rows_of(tmp_path / "new.jsonl")] == ["off", "on"]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("id,text\nc0,yes\nc1,no\n", "fix.csv:3: text of id c1 is 'no', but 'yes' at .*fix.csv:2 for the same source"),
        ("id,near\nc0,perhaps\n", "fix.csv:2: near is 'perhaps'; true, false or null is needed"),
        ("id,far\nc0,true\n", "fix.csv:2: the manifest has no far; it has id, text, source_id, near"),
        ("id,duration\nc0,3\n", "fix.csv:1: duration cannot be corrected"),
        ("clip,text\nc0,yes\n", "fix.csv:1: id or source_id, and text or a label, are needed"),
        ("id,text\nc0,\n", "no line has a correction"),
        ("id,text\n", "no line has a correction"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_written(tmp_path: Path, table: str, said: str) -> None:
    path = listed(tmp_path, [clip(0, "s", near=True), clip(1, "s", near=True)])
    (tmp_path / "fix.csv").write_text(table)
    with pytest.raises(UsageError, match=said):
        correct_manifest(tmp_path / "fix.csv", path, tmp_path / "new.jsonl")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["fix.csv", "list.jsonl"]


def test_a_manifest_is_never_written_over(tmp_path: Path) -> None:
    path = listed(tmp_path, [clip(0, "s")])
    (tmp_path / "fix.csv").write_text("id,text\nc0,yes\n")
    with pytest.raises(UsageError, match="this is an input of this command, which is never changed"):
        correct_manifest(tmp_path / "fix.csv", path, path)
