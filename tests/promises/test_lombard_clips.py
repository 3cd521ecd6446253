"""Speakers raise their voices in a clip's noise: by the arithmetic of the recipe, and without touching what is drawn."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from scipy.stats import spearmanr

from synth.commands.explain import explain
from synth.commands.generate import generate
from synth.commands.plan import make_plan
from synth.plan.clip_spec import ClipSpec
from tests import oracles
from tests.helpers import fixture_recipe, rows_of

RATE = 16000
SPEED = "  effects:\n    - speed: {choice: [0.9, 1.0, 1.1]}"
KNOWN = "slope: 0.5, quiet_snr_db: 20, pitch_per_db: 0.1, shelf_per_db: 0.4, duration_per_db: 0.006"
ORDER = ["tempo", "pitch", "shelf", "gain"]


def lombard_recipe(folder: Path, lombard: str = "{probability: 1}", **changes: str) -> Path:
    effects = f"{SPEED}\n  lombard: {lombard}" if lombard else SPEED
    blocks = {"effects": effects, "noise": "noise:\n  probability: 0.8\n  snr_db: [-5, 25]"}
    return fixture_recipe(folder, **{**blocks, **changes})


def specs(recipe: Path, *overrides: str) -> dict[str, ClipSpec]:
    return {spec.clip_id: spec for spec in make_plan(recipe, overrides=overrides, check=False).plan}


def rows_by_id(out: Path) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in rows_of(out / "manifest.jsonl")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lombard")


@pytest.fixture(scope="module")
def raised(folder: Path) -> Path:
    """60 clips with the known arithmetic, four in five of them noisy."""
    recipe = lombard_recipe(folder / "raised", f"{{probability: 0.7, {KNOWN}}}", output="output: {stems: true}")
    generate(recipe, folder / "raised-out", jobs=2)
    return folder / "raised-out"


@pytest.fixture(scope="module")
def level(folder: Path) -> Path:
    """The same clips without it."""
    generate(lombard_recipe(folder / "level", "", output="output: {stems: true}"), folder / "level-out", jobs=2)
    return folder / "level-out"


def arithmetic(snr_db: float) -> dict[str, float]:
    """Of KNOWN: 43.3 dB(A) is where the SNR is 20; each dB more noise costs half a dB of SNR, until a voice is 18 dB up."""
    missing = 20 - snr_db
    noise = 43.3 + (missing if missing <= 0 else 2 * missing if missing <= 18 else missing + 18)
    noise = round(min(max(noise, 30.0), 95.0), 1)
    louder = round(min(0.5 * max(0.0, noise - 43.3), 18.0), 2)
    return {
        "noise_dba": noise,
        "slope": 0.5,
        "level_db": louder,
        "pitch_semitones": min(0.1 * louder, 2.0),
        "shelf_db": min(0.4 * louder, 12.0),
        "tempo": 1 / (1 + min(0.006 * louder, 0.15)),
    }


def test_values_follow_the_arithmetic(raised: Path) -> None:
    found = 0
    for row in rows_by_id(raised).values():
        told = row["speech"]["lombard"]
        if told is not None:
            expected = arithmetic(row["snr_db"]["requested"])
            assert told.keys() == expected.keys()
            assert told == pytest.approx(expected, abs=0.0051)
            assert told["tempo"] == pytest.approx(expected["tempo"], abs=0.00051)
            found += 1
    assert 20 < found < 50


def test_the_effects_are_those_values_in_their_order_after_all_others(raised: Path) -> None:
    kinds = set()
    for row in rows_by_id(raised).values():
        names = [effect["name"] for effect in row["speech"]["effects"]]
        own = [name for name in names if name != "speed"]
        assert names == ["speed"] * (len(names) - len(own)) + own
        told = row["speech"]["lombard"]
        if told is None:
            assert own == []
            continue
        values = {effect["name"]: effect for effect in row["speech"]["effects"]}
        assert own == [name for name in ORDER if name in own]
        assert values.get("tempo", {"factor": 1})["factor"] == told["tempo"]
        assert values.get("pitch", {"semitones": 0})["semitones"] == told["pitch_semitones"]
        assert values.get("shelf", {"db": 0})["db"] == told["shelf_db"]
        assert values.get("gain", {"db": 0})["db"] == told["level_db"]
        kinds.add(tuple(own))
    assert {(), tuple(ORDER)} <= kinds, "some in quiet, some in noise"


def test_more_noise_where_the_snr_is_lower(raised: Path) -> None:
    pairs = [
        (row["snr_db"]["requested"], row["speech"]["lombard"]["noise_dba"])
        for row in rows_by_id(raised).values()
        if row["speech"]["lombard"]
    ]
    noises = [noise for _, noise in sorted(pairs)]
    assert noises == sorted(noises, reverse=True)
    assert noises[0] > 80
    assert noises[-1] < 43.3


def test_with_drawn_values_the_noise_still_goes_with_the_snr(folder: Path) -> None:
    found = [spec for spec in specs(lombard_recipe(folder / "drawn")).values() if spec.lombard]
    snr, noise = [spec.snr_db for spec in found], [spec.lombard.noise_dba for spec in found]
    assert spearmanr(snr, noise).statistic < -0.85
    for spec in found:
        assert spec.lombard.level_db == pytest.approx(
            min(spec.lombard.slope * max(0.0, spec.lombard.noise_dba - 43.3), 18), abs=0.0051
        )


def test_a_speaker_has_one_slope(folder: Path) -> None:
    """The default is 0.4, SD 0.15, from 0.1 to 0.7; a person's way of speaking, not a clip's."""
    recipe = lombard_recipe(folder / "speakers", head="seed: 23\nsample_rate: 16000\ncopies: 3")
    plan = make_plan(recipe, check=False).plan
    slopes: dict[str, set[float]] = defaultdict(set)
    ratios: dict[str, set[float]] = defaultdict(set)
    for spec in plan:
        speaker = plan.speech[spec.recording].speaker
        assert speaker
        if spec.lombard:
            slopes[speaker].add(spec.lombard.slope)
            if 5 < spec.lombard.level_db < 10 and spec.lombard.pitch_semitones < 2:
                ratios[speaker].add(round(spec.lombard.pitch_semitones / spec.lombard.level_db, 2))
    assert len(slopes) == 10
    assert all(len(mine) == 1 for mine in slopes.values())
    assert all(0.1 <= slope <= 0.7 for mine in slopes.values() for slope in mine)
    assert len({slope for mine in slopes.values() for slope in mine}) == len(slopes)
    assert any(ratios.values())
    assert all(max(mine) - min(mine) <= 0.011 for mine in ratios.values() if mine), "so of pitch"


def test_only_the_speech_effects_and_lengths_change(folder: Path) -> None:
    """Every other draw, the SNR before all, is the same with it and without."""
    with_it, without = specs(lombard_recipe(folder / "with")), specs(lombard_recipe(folder / "without", ""))
    assert with_it.keys() == without.keys()
    for clip, spec in with_it.items():
        plain = without[clip]
        assert spec.snr_db == plain.snr_db
        assert spec.speech_effects[: len(plain.speech_effects)] == plain.speech_effects
        same = {"speech_effects": (), "lombard": None, "speech_num_samples": 0, "num_samples": 0, "noise": ()}
        assert replace(spec, **same) == replace(plain, **same)
        assert spec.num_samples - spec.speech_num_samples == plain.num_samples - plain.speech_num_samples


def test_with_a_probability_of_0_nothing_changes(folder: Path) -> None:
    assert specs(lombard_recipe(folder / "zero", "{probability: 0}")) == specs(lombard_recipe(folder / "no", ""))


def test_clean_clips_have_none(raised: Path) -> None:
    clean = [row for row in rows_by_id(raised).values() if not row["noise"]]
    assert clean
    assert all(row["speech"]["lombard"] is None and row["snr_db"] is None for row in clean)


def test_without_noise_in_the_recipe_there_is_none(folder: Path) -> None:
    recipe = lombard_recipe(folder / "silence", noise="", layers="", splits="")
    assert all(spec.lombard is None for spec in specs(recipe).values())


def test_a_share_of_the_noisy_clips(folder: Path) -> None:
    recipe = lombard_recipe(folder / "share", "{probability: 0.3}", head="seed: 4\nsample_rate: 16000\ncopies: 8")
    noisy = [spec for spec in specs(recipe).values() if spec.noise]
    count = sum(spec.lombard is not None for spec in noisy)
    assert abs(count - 0.3 * len(noisy)) < 4 * np.sqrt(0.21 * len(noisy))


# Sound


def stem(out: Path, row: dict[str, Any], name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.asarray(soundfile.read(out / row["stems"][name], dtype="float64")[0])


def spoken(out: Path, row: dict[str, Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    onset = row["speech"]["onset"]
    return stem(out, row, "speech")[onset : onset + row["speech"]["num_samples"]]


def test_the_snr_is_true_as_drawn(raised: Path, level: Path) -> None:
    plain = rows_by_id(level)
    for clip, row in rows_by_id(raised).items():
        if row["speech"]["lombard"]:
            assert row["snr_db"]["requested"] == plain[clip]["snr_db"]["requested"]
            span = slice(row["speech"]["onset"], row["speech"]["onset"] + row["speech"]["num_samples"])
            speech, noise = stem(raised, row, "speech"), stem(raised, row, "noise")
            found = oracles.snr_db(speech, noise, RATE, span=span, measure="active", weighting="band")
            assert found == pytest.approx(row["snr_db"]["requested"], abs=0.1)


def test_lengths_and_words_follow_the_tempo(raised: Path, level: Path) -> None:
    plain, compared = rows_by_id(level), 0
    for clip, row in rows_by_id(raised).items():
        tempo = row["speech"]["lombard"]["tempo"] if row["speech"]["lombard"] else 1.0
        before = plain[clip]["speech"]
        assert row["speech"]["num_samples"] == pytest.approx(before["num_samples"] / tempo, abs=2)
        assert (row["alignment"] is None) is (plain[clip]["alignment"] is None)
        for (word, start, length), (other, first, seconds) in zip(
            row["alignment"] or [], plain[clip]["alignment"] or [], strict=True
        ):
            onset = before["onset"] / RATE
            assert word == other
            assert start == pytest.approx(onset + (first - onset) / tempo, abs=0.001)
            assert length == pytest.approx(seconds / tempo, abs=0.001)
            compared += tempo < 0.95
    assert compared > 5


def test_words_are_heard_where_the_manifest_says(raised: Path, level: Path) -> None:
    """The envelope of the slowed speech, played back at the old tempo, is that of the speech as it was."""
    plain, compared = rows_by_id(level), []
    for clip, row in rows_by_id(raised).items():
        if row["speech"]["lombard"] and row["speech"]["lombard"]["tempo"] < 0.95:
            slow, usual = (envelope(spoken(out, r)) for out, r in ((raised, row), (level, plain[clip])))
            at = np.linspace(0, 1, 200)
            back = [np.interp(at, np.linspace(0, 1, e.size), e) for e in (slow, usual)]
            compared.append(float(np.corrcoef(back)[0, 1]))
    assert len(compared) > 10
    assert np.median(compared) > 0.9


def envelope(samples: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Level of 20 ms, in dB, at least 40 dB below the loudest."""
    frames = samples[: samples.size // 320 * 320].reshape(-1, 320)
    db = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-12)
    return np.maximum(db, db.max() - 40)


ALONE = "slope: 0.5, quiet_snr_db: 20, pitch_per_db: 0, shelf_per_db: 0, duration_per_db: 0"
SHORT = {"head": "seed: 23\nsample_rate: 16000\nhours: 0.01", "noise": "noise:\n  snr_db: [2, 10]"}


def pair(
    folder: Path, name: str, settings: str, **changes: str
) -> list[tuple[Path, dict[str, Any], Path, dict[str, Any]]]:
    """The same clips with a Lombard effect of these settings, and without: (data set, row, data set, row) of each."""
    blocks = {**SHORT, "effects": "", "output": "output: {stems: true}", **changes}
    for which, lombard in (("with", f"  lombard: {{probability: 1, {settings}}}"), ("without", "")):
        recipe = fixture_recipe(folder / f"{name}-{which}", **{**blocks, "effects": lombard})
        generate(recipe, folder / f"{name}-{which}-out")
    one, two = folder / f"{name}-with-out", folder / f"{name}-without-out"
    plain = rows_by_id(two)
    found = [(one, row, two, plain[clip]) for clip, row in rows_by_id(one).items() if clip in plain]
    assert len(found) >= 6
    return found


def test_the_voice_is_louder_by_the_level(folder: Path) -> None:
    """Where the recipe sets no level of the clip, speech is as loud as spoken."""
    for _, row, _, plain in pair(folder, "loud", ALONE, level="", margins="margins_s: 0.1"):
        louder = row["speech"]["active_level_dbfs"] - plain["speech"]["active_level_dbfs"]
        by_headroom = row["headroom_gain_db"] - plain["headroom_gain_db"]
        assert louder - by_headroom == pytest.approx(row["speech"]["lombard"]["level_db"], abs=0.2)


def test_the_treble_rises_by_the_shelf(folder: Path) -> None:
    """Far above 1 kHz against far below it."""
    settings = ALONE.replace("shelf_per_db: 0", "shelf_per_db: 0.5")
    for out, row, other, plain in pair(folder, "shelf", settings):
        spectra = [np.abs(np.fft.rfft(spoken(o, r))) ** 2 for o, r in ((out, row), (other, plain))]
        hz = np.fft.rfftfreq(2 * spectra[0].size - 2, 1 / RATE)
        bands = (hz > 4000) & (hz < 7500), (hz > 80) & (hz < 250)
        rise = [10 * np.log10(spectra[0][band].sum() / spectra[1][band].sum()) for band in bands]
        assert rise[0] - rise[1] == pytest.approx(row["speech"]["lombard"]["shelf_db"], abs=0.5)


def test_the_pitch_rises_by_its_semitones(folder: Path) -> None:
    settings = ALONE.replace("pitch_per_db: 0", "pitch_per_db: 0.2")
    errors = []
    for out, row, other, plain in pair(folder, "pitch", settings):
        ratio = pitch_hz(spoken(out, row)) / pitch_hz(spoken(other, plain))
        errors.append(12 * np.log2(ratio) - row["speech"]["lombard"]["pitch_semitones"])
        assert row["speech"]["lombard"]["pitch_semitones"] > 1.5
    assert abs(np.median(errors)) < 0.25


def pitch_hz(samples: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """Median pitch of the loud 64-ms frames, from the largest autocorrelation between 70 and 350 Hz."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, 1024)[::256]
    frames = frames[np.mean(frames**2, axis=1) > np.mean(samples**2)]
    found = []
    for frame in frames:
        power = np.abs(np.fft.rfft(frame * np.hanning(1024), 4096)) ** 2
        lags = (
            np.fft.irfft(power)[: RATE // 70]
            / np.fft.irfft(np.abs(np.fft.rfft(np.hanning(1024), 4096)) ** 2)[: RATE // 70]
        )
        first = RATE // 350
        found.append(RATE / (first + int(np.argmax(lags[first:]))))
    return float(np.median(found))


def test_it_is_explained(raised: Path) -> None:
    clip = next(clip for clip, row in rows_by_id(raised).items() if row["speech"]["lombard"])
    told = explain(raised, clip)
    assert "speech.lombard.probability" in {draw.key for draw in told.draws}
    assert told.spec["lombard"] == rows_by_id(raised)[clip]["speech"]["lombard"]
    json.dumps(told.spec, allow_nan=False)
