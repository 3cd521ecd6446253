"""`synth init`: its recipe is accepted by `synth plan`, whatever the audio, and it says what it did."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from synth.commands.init import StarterRecipe, init
from synth.commands.plan import PlannedRecipe, make_plan
from synth.errors import GuardError, UsageError
from synth.recipe.load import load_recipe
from synth.recipe.schema import json_schema
from tests.helpers import rows_of

RATE = 8000
RECORDINGS = 20
SPEAKERS = 12


def sound(path: Path, seconds: float, seed: int) -> np.ndarray:
    """White noise in a file whose time of change is long past, so that what is measured of it is remembered."""
    samples = np.random.RandomState(seed).standard_normal(round(seconds * RATE)) * 0.1
    return written(path, samples)


def written(path: Path, samples: np.ndarray) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, RATE, subtype="PCM_16")
    os.utime(path, (1e9, 1e9))
    return samples


@pytest.fixture(scope="module")
def audio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise: 20 recordings, one dead, one that is no audio, near-duplicates of the first. Speech of 12 speakers."""
    folder = tmp_path_factory.mktemp("starter")
    for number in range(RECORDINGS):
        samples = sound(folder / "noise" / f"{number:02}.wav", 4.0, number)
        if number == 0:
            written(folder / "noise" / "near.wav", 0.5 * samples[: round(3.6 * RATE)])
    written(folder / "noise" / "dead.wav", np.zeros(RATE))
    (folder / "noise" / "text.wav").write_text("no audio")
    os.utime(folder / "noise" / "text.wav", (1e9, 1e9))
    rows = []
    for number in range(2 * SPEAKERS):
        sound(folder / "speech" / f"{number:02}.wav", 0.4, 100 + number)
        rows.append(f"{number:02}.wav,s{number % SPEAKERS}")
    (folder / "speech.csv").write_text("\n".join(["path,speaker", *rows]) + "\n")
    (folder / "nobody.csv").write_text("\n".join(["path", *(row.split(",")[0] for row in rows)]) + "\n")
    for name in ("speech", "nobody"):
        (folder / f"{name}.csv").rename(folder / "speech" / f"{name}.csv")
    return folder


def noise_list(audio: Path, count: int, *others: str) -> Path:
    path = audio / "noise" / f"{count}{''.join(others)}.csv"
    names = [f"{number:02}.wav" for number in range(count)] + list(others)
    path.write_text("\n".join(["path", *names]) + "\n")
    return path


def planned(started: StarterRecipe) -> PlannedRecipe:
    return make_plan(started.recipe, check=False)


@pytest.mark.parametrize(
    ("count", "speech"),
    [*((count, "speech") for count in range(1, RECORDINGS + 1)), *((count, "nobody") for count in (1, 2, 7, 8, 20))],
)
def test_plan_accepts_the_recipe_of_init(count: int, speech: str, audio: Path, tmp_path: Path) -> None:
    """D3: `init` counted refused files and near-duplicates, and `plan` refused its recipe."""
    noise = noise_list(audio, count, "dead.wav", "text.wav", "near.wav")
    started = init(tmp_path / "my", speech=audio / "speech" / f"{speech}.csv", noise=noise)
    plan = planned(started)
    splits = set(plan.plan.recipe.splits.shares)
    assert splits == ({"train", "train-dev", "train-dev-noise"} if speech == "speech" else {"train"})
    train = next(use.count for use in plan.uses if use.pool == "train")
    layer = plan.plan.recipe.noise.layers[0]  # type: ignore[union-attr]
    assert layer.min_recordings == min(8, train)
    # below four recordings each is divided by time; of more a fifth is held out
    held_out = max(1, round(0.2 * count)) if speech == "speech" and count >= 4 else 0
    assert train == count - held_out


def test_the_notes_say_what_was_counted(audio: Path, tmp_path: Path) -> None:
    noise = noise_list(audio, 9, "dead.wav", "text.wav", "near.wav")
    notes = init(tmp_path / "my", speech=audio / "speech" / "speech.csv", noise=noise).notes
    assert "24 utterances (0.00 h), 11 noise recordings (0.01 h)" in notes
    assert any(note.startswith("refused: text.wav: not_audio: ") for note in notes)
    assert any(note.startswith("refused: dead.wav: silent: ") for note in notes)
    assert any("1 noise recording is a near-duplicate of another and was left out: near.wav" in note for note in notes)
    assert "7 noise recordings for train: few (16 to 32 are good), so that min_recordings is 7" in notes


def test_a_split_that_cannot_be_made_is_left_out(audio: Path, tmp_path: Path) -> None:
    """One recording of a second cannot be divided between train and train-dev-noise."""
    sound(audio / "short" / "a.wav", 1.0, 5)
    started = init(tmp_path / "my", speech=audio / "speech" / "speech.csv", noise=audio / "short" / "a.wav")
    assert set(planned(started).plan.recipe.splits.shares) == {"train", "train-dev"}
    assert any(
        note.startswith(
            "train-dev-noise is not in the recipe: noise.layers.cabin: no usable noise for train-dev-noise: its 1 "
            "recording (1.0 s) is too short to be divided"
        )
        for note in started.notes
    )


def test_too_little_noise_makes_fewer_hours(audio: Path, tmp_path: Path) -> None:
    """1,500 clips over one second of noise would use it more than 100 times."""
    sound(audio / "short" / "a.wav", 1.0, 5)
    (audio / "speech" / "many.csv").write_text(
        "path,duration,sampling_rate\n" + "".join(f"x{k}.wav,1.0,{RATE}\n" for k in range(1500))
    )
    started = init(tmp_path / "my", speech=audio / "speech" / "many.csv", noise=audio / "short")
    plan = planned(started)
    assert plan.plan.recipe.hours is not None
    assert 50 < max(use.reuse_mean for use in plan.uses) <= 100
    assert any(f"the recipe asks for {plan.plan.recipe.hours:g} h instead" in note for note in started.notes)


def test_noise_that_cannot_be_used_is_no_recipe(audio: Path, tmp_path: Path) -> None:
    with pytest.raises(GuardError, match=r"^noise.layers.cabin: no usable noise for train: none of its recordings can"):
        init(tmp_path / "my", speech=audio / "speech", noise=audio / "noise" / "dead.wav")
    with pytest.raises(GuardError, match=r"^noise: none of the recordings in .*text.wav can be used: text.wav: "):
        init(tmp_path / "my", speech=audio / "speech", noise=audio / "noise" / "text.wav")
    assert not (tmp_path / "my").exists()
    with pytest.raises(UsageError) as caught:
        init(tmp_path / "my", speech=audio / "nowhere")
    assert str(caught.value) == f"there is no folder, list or file {audio}/nowhere"


def test_toy_noise_is_announced(audio: Path, tmp_path: Path) -> None:
    """D22: with only --speech, generated noise was mentioned in a subclause."""
    started = init(tmp_path / "my", speech=audio / "speech")
    text = started.recipe.read_text()
    warning = "no --noise: toy noise was generated to try the commands; do not train on it"
    assert started.notes[0] == warning
    assert text.startswith(f"# {warning}\n# yaml-language-server: $schema=recipe.schema.json\n")
    assert text.endswith("}\n")
    assert json.loads((tmp_path / "my" / "recipe.schema.json").read_text()) == json_schema()


def test_unknown_speakers_are_told_what_to_do(audio: Path, tmp_path: Path) -> None:
    """D23: "0 known speakers are too few for splits by speaker" said nothing about what to do."""
    started = init(tmp_path / "my", speech=audio / "speech", noise=audio / "noise")
    assert started.notes[-1] == (
        "no speakers are known: all clips go to train. For train-dev and train-dev-noise 10 or more are needed. If the "
        "speaker is in the paths, say where in the source, such as `speaker: {from: folder, level: 1}` or `speaker: "
        "{from: path, pattern: '([0-9]+)-'}`; else give a list (`manifest`) with a column speaker"
    )


# layouts of corpora


def speech_of(started: StarterRecipe) -> dict[str, tuple[str | None, str | None]]:
    """File -> (speaker, text)."""
    return {recording.path: (recording.speaker, recording.text) for recording in planned(started).plan.speech}


@pytest.mark.parametrize("base", ["", "train-clean-100/"])
@pytest.mark.parametrize("texts", [True, False])
def test_librispeech_is_recognized(base: str, texts: bool, audio: Path, tmp_path: Path) -> None:
    """D23: the speakers of LibriSpeech are in its paths."""
    root = tmp_path / "LibriSpeech"
    for number in range(10):
        chapter = root / f"{base}{80 + number}/{121120 + number}"
        for k in range(2):
            sound(chapter / f"{80 + number}-{121120 + number}-000{k}.flac", 0.3, number)
        if texts:
            name = f"{80 + number}-{121120 + number}"
            (chapter / f"{name}.trans.txt").write_text(f"{name}-0000 GO ON\n{name}-0001 TURN {number}\n")
    started = init(tmp_path / "my", speech=root, noise=audio / "noise")
    assert started.notes[0] == "speech: the layout of LibriSpeech was recognized; " + (
        "speakers and texts were written to speech.jsonl" if texts else "speakers are taken from its paths"
    )
    speech = speech_of(started)
    assert len(speech) == 20
    assert speech[f"{base}84/121124/84-121124-0001.flac"] == ("84", "TURN 4" if texts else None)
    recipe = load_recipe(started.recipe)
    assert set(recipe.splits.shares) == {"train", "train-dev", "train-dev-noise"}
    assert (tmp_path / "my" / "speech.jsonl").exists() is texts
    if not texts:
        assert set(recipe.speech.sources[0].path_labels) == {"speaker", "session"}


def test_vctk_is_recognized(audio: Path, tmp_path: Path) -> None:
    """D23: speakers from folders, texts from txt/, one of two microphones."""
    root = tmp_path / "VCTK"
    for speaker in ("p225", "s5"):
        for microphone in (1, 2):
            sound(root / f"wav48_silence_trimmed/{speaker}/{speaker}_001_mic{microphone}.flac", 0.3, microphone)
    (root / "txt" / "p225").mkdir(parents=True)
    (root / "txt" / "p225" / "p225_001.txt").write_text("Please call Stella.\n")
    started = init(tmp_path / "my", speech=root / "wav48_silence_trimmed", noise=audio / "noise")
    assert started.notes[0] == (
        "speech: the layout of VCTK was recognized; speakers and texts were written to speech.jsonl; 2 files of the "
        "second microphone were left out"
    )
    assert speech_of(started) == {
        "p225/p225_001_mic1.flac": ("p225", "Please call Stella."),
        "s5/s5_001_mic1.flac": ("s5", None),
    }


def test_common_voice_is_recognized(audio: Path, tmp_path: Path) -> None:
    """D23: client_id is the speaker; a quote in a sentence is text."""
    root = tmp_path / "cv"
    for k in range(3):
        sound(root / "clips" / f"common_voice_en_{k}.flac", 0.3, k)
    (root / "train.tsv").write_text(
        "client_id\tpath\tsentence\tup_votes\tgender\n"
        'aa\tcommon_voice_en_0.flac\t"Stop, he said.\t2\tfemale\n'
        "bb\tcommon_voice_en_1.flac\tGo.\t2\t\n"
    )
    started = init(tmp_path / "my", speech=root, noise=audio / "noise")
    assert started.notes[0] == (
        "speech: the layout of Common Voice was recognized; speakers and texts were written to speech.jsonl; the clips "
        "are those of train.tsv; validated.tsv has more clips, those of its dev and test sets too"
    )
    assert speech_of(started) == {
        "common_voice_en_0.flac": ("aa", '"Stop, he said.'),
        "common_voice_en_1.flac": ("bb", "Go."),
    }
    assert rows_of(tmp_path / "my" / "speech.jsonl")[0]["labels"] == {"gender": "female"}


def test_other_names_are_no_layout(audio: Path, tmp_path: Path) -> None:
    for k in range(3):
        sound(tmp_path / "speech" / f"01-02-202{k}.wav", 0.3, k)  # days
    notes = init(tmp_path / "my", speech=tmp_path / "speech", noise=audio / "noise").notes
    assert not any("recognized" in note for note in notes)


def test_a_folder_behind_a_link_has_true_paths(audio: Path, tmp_path: Path) -> None:
    (tmp_path / "far" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "far" / "deep")
    started = init(tmp_path / "link" / "my", speech=audio / "speech", noise=audio / "noise")
    assert len(planned(started).plan) == 24
