"""A dev set that holds a re-encoded or cut copy of a training recording is refused, and nothing else is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

from synth.catalog.near_duplicates import find_pairs
from synth.commands.plan import PlannedRecipe, make_plan
from synth.errors import GuardError
from synth.match.fit import copies
from synth.match.fit.copies import refuse_copies
from synth.match.fit.guards import refuse_shared_files
from synth.match.measure.profile import ClipProfile, Profile
from tests.helpers import FIXTURES, fixture_recipe

CARS = sorted((FIXTURES / "noise" / "car").glob("*.flac"))


@dataclass(frozen=True)
class Sources:
    folder: Path
    planned: PlannedRecipe


def sentence(speaker: str, first: int) -> np.ndarray:
    """Three clips of a speaker in a row: longer than the fixtures, which are shorter than what can be compared."""
    files = sorted((FIXTURES / "speech" / speaker).glob("*.flac"))[first : first + 3]
    return np.concatenate([soundfile.read(file)[0] for file in files])


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    """Training speech of two speakers, and all car noise but the first recording."""
    folder = tmp_path_factory.mktemp("copies")
    for name in ("speech/fay", "speech/grace", "noise"):
        (folder / name).mkdir(parents=True)
    for speaker in ("fay", "grace"):
        soundfile.write(folder / "speech" / speaker / f"{speaker}.flac", sentence(speaker, 0), 16000)
    for car in CARS[1:]:
        (folder / "noise" / car.name).write_bytes(car.read_bytes())
    recipe = fixture_recipe(
        folder,
        speech=f"speech:\n  sources: '{folder}/speech'",
        layers=f"  layers:\n    - {{name: cabin, sources: '{folder}/noise', min_recordings: 1}}",
    )
    return Sources(folder, make_plan(recipe, check=False))


def dev_of(folder: Path, **clips: np.ndarray) -> Profile:
    """A dev set in Ogg Vorbis, of two recordings that are nobody's and those given."""
    folder.mkdir(exist_ok=True)
    noise, _ = soundfile.read(CARS[0])
    whole = {"own_speech": sentence("hal", 0), "own_noise": noise, "own_take": sentence("fay", 3), **clips}
    for name, samples in whole.items():
        soundfile.write(folder / f"{name}.ogg", samples, 16000, format="OGG", subtype="VORBIS")
    rows = tuple(ClipProfile(f"{n}.ogg", n, {"duration_s": len(x) / 16000}) for n, x in whole.items())
    return Profile("dev", str(folder), len(rows), {"16000": len(rows)}, rows)


def refused(dev: Profile, sources: Sources) -> str | None:
    plan = sources.planned.plan
    refuse_shared_files(dev, [plan.speech, plan.noise])  # equal bytes are not what is tried here
    try:
        assert refuse_copies(dev, plan.speech, plan.noise, sources.planned.noise) == ()
    except GuardError as error:
        return str(error)
    return None


def test_other_recordings_of_the_same_speaker_and_other_cars_are_no_copies(sources: Sources, tmp_path: Path) -> None:
    assert refused(dev_of(tmp_path / "dev"), sources) is None


def test_a_cut_and_coded_copy_of_speech_names_both_files(sources: Sources, tmp_path: Path) -> None:
    copy = 0.4 * sentence("fay", 0)[4000:]
    text = refused(dev_of(tmp_path / "dev", taken=copy), sources)
    assert text is not None and text.startswith("1 recording of the dev set")
    assert f"{tmp_path / 'dev' / 'taken.ogg'} is a copy of {sources.folder / 'speech' / 'fay' / 'fay.flac'} (" in text


def test_a_cut_and_equalised_copy_of_noise_names_both_files(sources: Sources, tmp_path: Path) -> None:
    noise, _ = soundfile.read(CARS[3])
    brighter = np.convolve(noise[8000 : 8000 + 5 * 16000], [1.0, -0.5])
    text = refused(dev_of(tmp_path / "dev", motor=brighter), sources)
    assert text is not None
    assert f"motor.ogg is a copy of {sources.folder / 'noise' / CARS[3].name} (" in text


def test_the_same_silence_around_other_words_is_no_copy(sources: Sources, tmp_path: Path) -> None:
    """4 s of one faint hiss, as of a codec, before words of another speaker and before those of the training."""
    hiss = 1e-4 * np.random.Generator(np.random.Philox(3)).normal(size=4 * 16000)
    whole = [np.concatenate([hiss, sentence(*one)]) for one in (("hal", 0), ("fay", 0))]
    prints = []
    for name, samples in zip("ab", whole, strict=True):
        soundfile.write(tmp_path / f"{name}.flac", samples, 16000)
        words = copies.fingerprint_file(str(tmp_path / f"{name}.flac"))
        assert words is not None
        prints.append(words)
    assert find_pairs(prints) == []


def test_what_there_was_no_time_for_is_told(sources: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "MAX_SECONDS", {"dev": 7200.0, "speech": 5.0})
    plan = sources.planned.plan
    notes = refuse_copies(dev_of(tmp_path / "dev"), plan.speech, plan.noise, sources.planned.noise)
    assert len(notes) == 1 and "of the speech were compared; not compared: 1 recording" in notes[0]


def test_a_dev_set_whose_audio_is_gone_is_not_compared_and_that_is_told(sources: Sources, tmp_path: Path) -> None:
    dev = dev_of(tmp_path / "dev", taken=sentence("fay", 0))
    for file in (tmp_path / "dev").iterdir():
        file.unlink()
    plan = sources.planned.plan
    assert "no audio of dev" in refuse_copies(dev, plan.speech, plan.noise, sources.planned.noise)[0]
