"""Clips of the same moments are one group in profile, compare and fit, as in split."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from synth.commands.profile import profile_to
from synth.match.compare.analysis import compare
from synth.match.fit.held_out import held_out_split
from synth.match.measure import sound_groups
from synth.match.measure.audio_set import open_set
from synth.match.measure.profile import Profile, read_profile
from synth.match.measure.profiler import measure_set, profile_set
from tests.helpers import FIXTURES

RATE = 16000
MOMENTS, MICROPHONES = 5, 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five moments of 4.5 s, each by four microphones: other gains, other bands."""
    from scipy.signal import butter, sosfilt

    folder = tmp_path_factory.mktemp("moments") / "real"
    folder.mkdir()
    paths = sorted((FIXTURES / "speech").glob("*/*.flac"))
    bands = [(50, 7000), (120, 6000), (200, 7500), (80, 5000)]
    for moment in range(MOMENTS):
        samples = np.concatenate([sf.read(path)[0] for path in paths[5 * moment : 5 * moment + 5]])[: round(4.5 * RATE)]
        samples = samples + 0.003 * np.random.RandomState(moment).standard_normal(len(samples))
        for microphone, band in enumerate(bands):
            sos = butter(1, band, "bandpass", fs=RATE, output="sos")
            path = folder / f"{moment}{'abcd'[microphone]}.wav"
            sf.write(path, 0.7**microphone * sosfilt(sos, samples), RATE, subtype="PCM_16")
            os.utime(path, (1e9, 1e9))
    return folder


@pytest.fixture(scope="module")
def profile(folder: Path) -> Profile:
    return profile_set(folder)


def moments(profile: Profile) -> dict[str, str]:
    return {clip.path: clip.group for clip in profile.clips}


def test_microphones_of_one_moment_are_one_group(profile: Profile) -> None:
    """D8: 4 microphones of the same moments were 17 groups in `profile`, and 8 in `split`."""
    assert moments(profile) == {f"{m}{x}.wav": f"{m}a.wav" for m in range(MOMENTS) for x in "abcd"}
    pairs = MOMENTS * MICROPHONES * (MICROPHONES - 1) // 2
    assert profile.group_notes == [
        "groups: each file alone; clips of one drive or speaker should lie in one folder",
        f"groups: 20 clips in 5 groups: {pairs} pairs of clips share their sound (microphones of the same moments, or "
        "copies), and clips that share their sound are one group",
    ]
    assert "same sound: 0a.wav and 0b.wav; 0a.wav and 0c.wav; and 28 more pairs" in profile.notes


def test_held_out_groups_of_a_fit_share_no_moment(profile: Profile) -> None:
    """D8: other microphones of the same seconds took part in the fit that was judged on them."""
    part, held_out = held_out_split(profile.groups, seed=0)
    sides = [{profile.clips[k].path[0] for k in side} for side in (part, held_out)]
    assert sides[0] and sides[1]
    assert sides[0].isdisjoint(sides[1])


def test_the_notes_on_groups_reach_the_comparison(profile: Profile) -> None:
    """D8: the note on groups was printed by `profile` only."""
    notes = compare(replace(profile, name="training", root="other"), profile).notes
    assert [note for note in notes if note.startswith("dev: groups")] == [
        f"dev: {note}" for note in profile.group_notes
    ]


def test_a_profile_keeps_groups_and_notes(folder: Path, profile: Profile, tmp_path: Path) -> None:
    profile_to(folder, tmp_path / "dev.profile")
    assert read_profile(tmp_path / "dev.profile") == profile


def test_sets_are_not_listened_to_unless_groups_matter(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("listened")

    monkeypatch.setattr(sound_groups, "measure_clips", refuse)
    found = open_set(folder)
    assert len(set(measure_set(found).profile.groups)) == 20
    ours = replace(found, kind="ours")
    assert sound_groups.join_groups(ours, found.clips, [4.5] * 20, cache=folder).groups == tuple(
        clip.group for clip in found.clips
    )


def test_only_so_much_audio_is_compared(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sound_groups, "MAX_SECONDS", 9.1)
    found = open_set(folder)
    joined = sound_groups.join_groups(found, found.clips, [4.5] * 20, cache=tmp_path)
    assert joined.notes[-1] == "groups: 2 of 20 clips (0.00252778 h) were compared for shared sound"
