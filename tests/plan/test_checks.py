"""What a finished plan says before anything is rendered."""

from __future__ import annotations

from pathlib import Path

import pytest

from synth.commands.plan import make_plan
from synth.dsp.arrays import Samples
from synth.dsp.effects.audiomentations import Audiomentations
from synth.errors import GuardError
from tests.helpers import FIXTURES, fixture_recipe
from tests.plan.sources import RATE, layer, listed, noise_file, noise_folder, noise_text, planned, recipe


@pytest.fixture
def path(tmp_path: Path) -> Path:
    noise_folder(tmp_path / "car", [3.0] * 8)
    listed(tmp_path / "speech.csv", [2.0, 0.3, 1.0], speakers=3)
    return recipe(tmp_path, noise=noise_text(layer("car", "car")))


def test_speech_too_short_for_lufs_is_named(path: Path) -> None:
    with pytest.raises(GuardError) as caught:
        planned(path, "noise.measure=lufs", "noise.weighting=none")
    file = path.parent / "00001.wav"
    clip = next(spec.clip_id for spec in planned(path) if spec.speech_num_samples < 0.4 * RATE)
    assert str(caught.value) == (
        f"noise.measure: lufs needs at least 0.4 s of speech; use active or rms: clip {clip} has 0.300 s ({file}). "
        "Take such recordings out of the source"
    )


def test_speech_of_which_nothing_is_left_is_named(path: Path) -> None:
    listed(path.parent / "speech.csv", [2.0, 0.0001])
    with pytest.raises(
        GuardError, match=r"^nothing is left of the speech: clip .*-v0 has 0.000 s \(.*/00001.wav\). Take such"
    ):
        planned(path, "speech.effects=[{speed: 4.0}]")


def test_names_too_long_for_a_tar_file_are_refused_before_anything_is_made(tmp_path: Path) -> None:
    name = f"{'long/' * 30}00000.wav"
    (tmp_path / "speech.csv").write_text(f"path,duration,sampling_rate,speaker\n{name},1.0,{RATE},s0\n")
    path = recipe(tmp_path, noise="")
    loose = ("copies=10001", "output.layout=files")
    assert len(planned(path, *loose)) == 10_001
    assert len(planned(path, "copies=10000", "output.layout=tar")) == 10_000
    with pytest.raises(
        GuardError, match=r"has a name of 101 bytes, and a member of a tar file has at most 100; ask for"
    ):
        planned(path, "copies=10001", "output.layout=tar")


def warnings(path: Path, *overrides: str) -> tuple[str, ...]:
    return make_plan(path, overrides=overrides, check=False).warnings


def test_lower_rates_than_the_data_set_are_told(path: Path) -> None:
    listed(path.parent / "speech.csv", [2.0] * 3, rate=4000)
    noise_file(path.parent / "car" / "high.wav", 3.0, seed=50, rate=16000)
    assert warnings(path) == (
        f"3 of 3 speech recordings have a rate below 8000 Hz, so nothing above 2000 Hz (first: {path.parent}/00000.wav)",
    )


def test_unknown_speakers_are_told_where_they_matter(path: Path) -> None:
    listed(path.parent / "speech.csv", [2.0] * 30, speakers=29)
    text = (path.parent / "speech.csv").read_text().replace(",s0\n", ",\n")
    (path.parent / "speech.csv").write_text(text)
    assert warnings(path) == ()
    split = recipe(
        path.parent, noise=noise_text(layer("car", "car")), tail="splits: {by: [speaker], train: 0.5, train-dev: 0.5}"
    )
    assert warnings(split) == (
        "2 of 30 speech recordings have no speaker: those of one source stay together in one split. If the speaker is "
        "in the paths, say where in the source, such as `speaker: {from: folder, level: 1}` or `speaker: {from: path, "
        "pattern: '([0-9]+)-'}`; else give a list (`manifest`) with a column speaker",
    )


def test_no_warning_where_all_is_well(tmp_path: Path) -> None:
    assert warnings(fixture_recipe(tmp_path)) == ()


def test_noisy_speech_is_told(tmp_path: Path) -> None:
    """Speech with noise 15 dB below it cannot be 30 dB above noise."""
    import numpy as np
    import soundfile

    (tmp_path / "speech").mkdir()
    for file in sorted((FIXTURES / "speech" / "ada").glob("*.flac")):
        samples, rate = soundfile.read(file)
        noisy = samples + np.random.RandomState(1).standard_normal(samples.size) * samples.std() * 10 ** (-15 / 20)
        soundfile.write(tmp_path / "speech" / f"{file.stem}.wav", noisy, rate)
    path = fixture_recipe(tmp_path, speech="speech:\n  sources: [{name: noisy, path: speech}]")
    (text,) = make_plan(path, overrides=["noise.snr_db=30"]).warnings
    assert (
        "in about 100% of the noisy clips the speech's own noise makes the SNR untrue by more than 1 dB (6 recordings"
        in text
    )
    assert make_plan(path, overrides=["noise.snr_db=-10"]).warnings == ()


def test_a_library_effect_that_fails_on_the_shortest_speech_is_named(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def call(self: Audiomentations, samples: Samples, *, sample_rate: int) -> Samples:
        if len(samples) < 3000:
            raise ValueError(f"{self.transform} needs more than {len(samples)} samples")
        return samples

    monkeypatch.setattr(Audiomentations, "__call__", call)
    clip = "speech.effects=[{TanhDistortion: {}, probability: 0.01}]"
    with pytest.raises(
        GuardError,
        match=r"^speech.effects.TanhDistortion fails: ValueError: TanhDistortion needs more than 2400 samples: clip",
    ):
        planned(path, clip)
    listed(path.parent / "speech.csv", [2.0, 1.0])
    assert len(planned(path, clip)) == 2
