"""Reading scores: what each column means, joining with manifests, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from synth.diagnose.ladder.predictions import Prediction, read_scores
from synth.errors import UsageError


def read_predictions(path: Path, manifests: Sequence[Path] = ()) -> list[Prediction]:
    return list(read_scores(path, manifests).predictions)


def written(folder: Path, text: str, name: str = "scores.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("columns", "line", "errors", "words", "measure"),
    [
        ("errors,words", "2,9", 2, 9, "error rate (errors / words)"),
        ("errors,text", "2,one two three", 2, 3, "error rate (errors / words)"),
        ("error", "1", 1, 1, "error rate"),
        ("wer,words", "0.25,8", 2, 8, "error rate"),
        ("reference,hypothesis", "turn left,turn right", 1, 2, "word error rate"),
        ("text,pred_text", "turn left,", 2, 2, "word error rate"),
        ("loss", "-0.5", -0.5, 1, "loss"),
        ("loss,words", "0.5,4", 2, 4, "loss"),
    ],
)
def test_columns(tmp_path: Path, columns: str, line: str, errors: float, words: float, measure: str) -> None:
    scores = read_scores(written(tmp_path, f"id,split,{columns}\na,dev,{line}\n"))
    (clip,) = scores.predictions
    assert (clip.id, clip.split, clip.errors, clip.words, scores.measure) == ("a", "dev", errors, words, measure)
    assert scores.is_rate == (measure != "loss")


def test_json_lines_and_tabs_say_the_same(tmp_path: Path) -> None:
    rows = [{"id": "a", "split": "train_dev", "errors": 1, "words": 4, "p_yes": 0.5}]
    lines = written(tmp_path, "\n".join(map(json.dumps, rows)), "scores.jsonl")
    tabs = written(tmp_path, "id\tsplit\terrors\twords\tp_yes\na\ttrain-dev\t1\t4\t0.5\n", "scores.tsv")
    (one,), (other,) = read_predictions(lines), read_predictions(tabs)
    assert (one.split, one.errors, one.words) == (other.split, other.errors, other.words) == ("train-dev", 1, 4)
    assert float(one.others["p_yes"]) == float(other.others["p_yes"]) == 0.5


MANIFEST = [
    {
        "audio_filepath": "audio/train/00/a_1-v0.flac",
        "duration": 1.0,
        "id": "a_1-v0",
        "split": "train",
        "speaker": "ann",
        "source_id": "a_1",
        "text": "turn left",
        "noise": [{"recording": "car/7"}],
    },
    {"audio_filepath": "audio/dev/00/b.flac", "duration": 1.0, "split": "dev", "speaker": "bob", "text": "stop"},
]


@pytest.mark.parametrize("key", ["id", "audio_filepath", "full", "elsewhere"])
def test_a_clip_is_joined_by_id_or_by_file(tmp_path: Path, key: str) -> None:
    written(tmp_path, "\n".join(map(json.dumps, MANIFEST)), "manifest.jsonl")
    path = {
        "id": "a_1-v0",
        "audio_filepath": "audio/train/00/a_1-v0.flac",
        "full": str(tmp_path / "audio/train/00/a_1-v0.flac"),
        "elsewhere": "copied/a_1-v0.wav",
    }[key]
    scores = written(tmp_path, f"{'id' if key == 'id' else 'audio'},hypothesis\n{path},turn right\n")
    (clip,) = read_predictions(scores, [tmp_path])
    assert (clip.id, clip.split, clip.speaker, clip.source_id) == ("a_1-v0", "train", "ann", "a_1")
    assert (clip.reference, clip.errors, clip.words) == ("turn left", 1, 2)
    assert clip.row["noise"] == [{"recording": "car/7"}]
    assert clip.row["audio_filepath"] == "audio/train/00/a_1-v0.flac"


def test_a_manifest_without_ids_is_joined_by_the_names_of_its_files(tmp_path: Path) -> None:
    manifest = written(tmp_path, json.dumps(MANIFEST[1]), "dev.jsonl")
    (clip,) = read_predictions(written(tmp_path, "id,error\nb,1\n"), [manifest])
    assert (clip.split, clip.speaker) == ("dev", "bob")


def test_the_name_of_a_list_gives_the_split(tmp_path: Path) -> None:
    manifest = written(tmp_path, "path,speaker\nx/1.wav,ann\n", "test.csv")
    (clip,) = read_predictions(written(tmp_path, "path,error\nx/1.wav,0\n"), [manifest])
    assert (clip.split, clip.speaker) == ("test", "ann")


def test_an_oracle_answers_dev_clips_again(tmp_path: Path) -> None:
    manifest = written(tmp_path, "\n".join(map(json.dumps, MANIFEST)), "manifest.jsonl")
    scores = written(tmp_path, "id,split,error\nb,,1\nb,oracle,0\nb,human,0\n")
    assert [clip.split for clip in read_predictions(scores, [manifest])] == ["dev", "oracle", "human"]


def test_clips_in_no_manifest_are_counted_in_a_note(tmp_path: Path) -> None:
    manifest = written(tmp_path, json.dumps(MANIFEST[0]), "manifest.jsonl")
    scores = read_scores(written(tmp_path, "id,split,error\na_1-v0,,1\nz,dev,1\n"), [manifest])
    assert any("predictions without a clip in this manifest: 1; the first is z" in note for note in scores.notes)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (
            {"a": "one", "b": None, "c": None},
            "p.csv:3: clip b: neither the predictions nor list.jsonl have its text; 2 of 3 have none. Give a column "
            "reference, or remove these clips from the predictions",
        ),
        (
            {"a": "one", "c": "three"},
            "p.csv:3: clip b: neither the predictions nor list.jsonl have its text (list.jsonl does not have this clip); "
            "1 of 3 have none. Give a column reference, or remove these clips from the predictions",
        ),
    ],
)
def test_a_clip_whose_text_nobody_has(
    texts: dict[str, str | None], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D20: with --manifest given, the advice was to give --manifest."""
    monkeypatch.chdir(tmp_path)
    rows = [
        {"id": name, "audio_filepath": f"{name}.wav", "duration": 1.0, "text": text} for name, text in texts.items()
    ]
    (tmp_path / "list.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "p.csv").write_text("id,hypothesis\na,one\nb,two\nc,three\n")
    with pytest.raises(UsageError) as caught:
        read_predictions(Path("p.csv"), [Path("list.jsonl")])
    assert str(caught.value) == message


def test_without_a_manifest_the_advice_is_to_give_one(tmp_path: Path) -> None:
    rows = [{"id": "a", "hypothesis": "one", "reference": "one"}, {"id": "b", "hypothesis": "two", "reference": None}]
    path = tmp_path / "p.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(UsageError) as caught:
        read_predictions(path)
    assert str(caught.value) == (
        f"{path}:2: clip b: the predictions do not have its text; 1 of 2 have none. Give a column reference, or "
        "--manifest with the texts"
    )


def test_rates_without_words_are_said_to_count_alike(tmp_path: Path) -> None:
    assert "long and short clips count the same" in read_scores(written(tmp_path, "id,error\na,0.25\n")).notes[0]
    assert read_scores(written(tmp_path, "id,error\na,1\n", "other.csv")).notes == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("id,errors,words\na,-1,3\n", "scores.csv:2: errors is '-1'; a number of 0 or more is needed"),
        ("id,errors,words\na,1,3\nb,x,3\n", "scores.csv:3: errors is 'x'; a number of 0 or more is needed"),
        ("id,errors,words\na,1e308,3\n", "scores.csv:2: errors is '1e308'; a number up to 1e+12 is needed"),
        ("id,errors,words\na,nan,3\n", "scores.csv:2: errors is 'nan'"),
        ("id,errors\na,1\n", "scores.csv:2: no errors in these columns"),
        ("id,error\na,12.5\n", "give rates (1 means all wrong), not percent"),
        ("id,error\na\n", "scores.csv:2: 1 cell, the header has 2 columns"),
        ("id,error,error\na,1,1\n", "scores.csv:1: duplicate column 'error'"),
        ("id,error\na,1\na,0\n", "scores.csv:3: clip a of split None is there already at"),
        ("id,hypothesis\na,x\n", "no errors in these columns"),
        ("id,error\n", "no rows"),
        ('id,error\n"a,1\n', "scores.csv:2: not valid CSV: unexpected end of data"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(UsageError) as error:
        read_scores(written(tmp_path, text))
    assert told in str(error.value)


def test_a_split_that_the_manifest_contradicts_is_refused(tmp_path: Path) -> None:
    manifest = written(tmp_path, json.dumps(MANIFEST[0]), "manifest.jsonl")
    with pytest.raises(UsageError, match="the split is dev, but the manifest says train"):
        read_scores(written(tmp_path, "id,split,error\na_1-v0,dev,1\n"), [manifest])


def test_a_name_that_fits_two_clips_is_refused(tmp_path: Path) -> None:
    rows = [{"audio_filepath": f"{folder}/b.flac", "duration": 1.0} for folder in ("x", "y")]
    manifest = written(tmp_path, "\n".join(map(json.dumps, rows)), "dev.jsonl")
    assert read_predictions(written(tmp_path, "path,error\ny/b.flac,1\n"), [manifest])[0].path == "y/b.flac"
    with pytest.raises(UsageError, match=r"its name matches x/b\.flac and y/b\.flac"):
        read_predictions(written(tmp_path, "id,error\nb,1\n"), [manifest])


def test_clips_of_one_long_recording_are_told_apart_by_their_offsets(tmp_path: Path) -> None:
    rows = [{"audio_filepath": "x.wav", "duration": 1.0, "offset": k * 2.5, "speaker": f"s{k}"} for k in range(3)]
    manifest = written(tmp_path, "\n".join(map(json.dumps, rows)), "dev.jsonl")
    scores = written(tmp_path, "path,offset,error\nx.wav,5.0,1\nx.wav,,0\nx.wav,2.5,0\n")
    found = read_predictions(scores, [manifest])
    assert [(clip.id, clip.speaker) for clip in found] == [
        ("x.wav from 5 s", "s2"),
        ("x.wav", "s0"),
        ("x.wav from 2.5 s", "s1"),
    ]


def test_lists_in_other_folders_mean_the_same_file(tmp_path: Path) -> None:
    (tmp_path / "splits").mkdir()
    manifest = written(tmp_path, '{"audio_filepath": "../real/a/1.wav", "speaker": "ann"}', "splits/dev.jsonl")
    written(tmp_path, '{"audio_filepath": "../real/b/1.wav", "speaker": "bob"}', "splits/test.jsonl")
    found = read_predictions(written(tmp_path, "path,error\nreal/b/1.wav,1\nreal/a/1.wav,0\n"), [manifest.parent])
    assert [(clip.split, clip.speaker) for clip in found] == [("test", "bob"), ("dev", "ann")]


def test_lists_of_synth_split_count_from_the_folder_of_the_audio(tmp_path: Path) -> None:
    (tmp_path / "splits").mkdir()
    written(tmp_path, '{"format": "synth-split", "root": "../real", "lists": ["dev.jsonl"]}', "splits/split.json")
    rows = [{"audio_filepath": f"{drive}/1.wav", "group": f"session={drive}", "split": "dev"} for drive in "ab"]
    written(tmp_path, "\n".join(map(json.dumps, rows)), "splits/dev.jsonl")
    scores = written(tmp_path, "path,error\nreal/b/1.wav,1\nreal/a/1.wav,0\n")
    found = read_predictions(scores, [tmp_path / "splits"])
    assert [(clip.split, clip.group) for clip in found] == [("dev", "session=b"), ("dev", "session=a")]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.csv: cannot be read"):
        read_scores(tmp_path / "none.csv")


def test_a_number_beyond_floats_is_refused(tmp_path: Path) -> None:
    """B14: an OverflowError of `diagnose`, reported as a bug."""
    path = written(tmp_path, f'{{"id": "a", "errors": {10**400}, "words": 3}}\n', "scores.jsonl")
    with pytest.raises(UsageError) as error:
        read_scores(path)
    assert str(error.value) == f"{path}:1: errors is 1{'0' * 59}...; a number of 0 or more is needed"


@pytest.mark.parametrize("offset", [10**400, float("inf"), float("nan"), "x", []])
def test_an_offset_that_is_no_number_of_seconds_is_refused(tmp_path: Path, offset: object) -> None:
    """Found by fuzzing (a manifest with 10**400): an OverflowError, reported as a bug."""
    manifest = written(tmp_path, json.dumps({"audio_filepath": "a.wav", "offset": offset or [1]}) + "\n", "m.jsonl")
    scores = written(tmp_path, "path,errors,words\na.wav,1,3\n")
    with pytest.raises(UsageError, match=r"m\.jsonl:1: offset is .{1,63}; a number of seconds is needed$"):
        read_scores(scores, [manifest])
