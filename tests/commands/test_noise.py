"""`synth noise` on collections of known make: what it finds, what it says, and what it makes of odd folders."""

from __future__ import annotations

import json
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from synth.catalog.noise_measure import StoredSamples
from synth.commands.noise import NoiseReport, noise_report
from synth.dsp.analysis.features import measure_recording
from synth.errors import UsageError
from tests.helpers import needs_real_audio, real_audio, run_synth

RATE = 16000


def noise(seconds: float, *, rate: int = RATE, seed: int = 1, slope_db: float = 6.0) -> np.ndarray:
    """Gaussian noise that falls by so many dB an octave from 100 Hz on."""
    count = round(seconds * rate)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    hz = np.maximum(np.fft.rfftfreq(count, 1 / rate), 100.0)
    samples = np.fft.irfft(spectrum * (hz / 100.0) ** (-slope_db / 20 / np.log10(2)), count)
    return 0.1 * samples / samples.std()


def write(folder: Path, **sounds: np.ndarray | tuple[np.ndarray, int]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, sound in sounds.items():
        samples, rate = sound if isinstance(sound, tuple) else (sound, RATE)
        sf.write(folder / f"{name}.wav", samples, rate)
    return folder


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two spectra in three recordings; of one of them a copy 12 dB softer that lacks its first 4 s; a refused file."""
    flat = noise(12, slope_db=0, seed=3)
    hum = np.sin(2 * np.pi * 224 * np.arange(10 * RATE) / RATE)
    folder = write(
        tmp_path_factory.mktemp("noise"),
        flat=flat,
        flat_again=0.25 * flat[4 * RATE :],
        red=noise(10, seed=4) + 0.02 * hum,
        red_too=noise(10, seed=5),
    )
    (folder / "broken.wav").write_bytes(b"RIFF no sound in it")
    return folder


@pytest.fixture(scope="module")
def report(collection: Path) -> NoiseReport:
    return noise_report(collection)


def test_what_was_made_is_found(report: NoiseReport) -> None:
    named = {r.name: r for r in report.recordings}
    assert list(named) == ["flat.wav", "flat_again.wav", "red.wav", "red_too.wav"]
    assert named["flat.wav"].seconds == named["flat.wav"].usable_s == 12
    assert named["flat.wav"].features.level_dbfs == pytest.approx(-20, abs=0.05)
    assert named["flat_again.wav"].features.level_dbfs == pytest.approx(-32, abs=0.1)
    assert [round(line.hz) for line in named["red.wav"].features.lines] == [224]
    assert named["red_too.wav"].features.lines == ()
    assert [(r.path, r.code) for r in report.refused] == [("broken.wav", "not_audio")]


def test_recordings_that_are_one_count_once(report: NoiseReport) -> None:
    assert [r.family for r in report.recordings] == [1, 1, 2, 3]
    (pair,) = report.duplicates
    assert (pair.first, pair.second) == (0, 1)
    assert pair.seconds == pytest.approx(8, abs=0.5)
    assert report.recordings[1].warnings == (f"the same recording as flat.wav ({pair.seconds:.1f} s in common)",)
    assert report.families == 3
    assert report.unique_s == pytest.approx(12 + 10 + 10, abs=0.5)


def test_spectra_are_counted(report: NoiseReport) -> None:
    assert report.spectra == 2
    clusters = [r.cluster for r in report.recordings]
    assert clusters[0] == clusters[1] != clusters[2] == clusters[3]


def test_the_number_of_effective_recordings_is_the_exponential_of_the_entropy_of_the_seconds(
    report: NoiseReport,
) -> None:
    shares = np.array([report.unique_s - 20, 10, 10]) / report.unique_s
    assert report.effective_recordings == pytest.approx(np.exp(-(shares * np.log(shares)).sum()))


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        (
            {"unique_s": 720.0, "families": 3, "spectra": 2, "effective_recordings": 2.7, "largest_share": 0.371},
            [
                "12.0 min from 3 recordings with 2 different spectra: enough for 20.0 h of speech if no second is used more than 100 times (--reuse 100); you asked for 100 h: add recordings, or synthesize more with `synth grow`",
                "Only 2.7 recordings' worth of variety (3 recordings, the largest is 37% of the sound). Fewer than 8: a model can learn them by heart; 16 is fine, 32 good. Add recordings, or synthesize more.",
                "More than 10 uses of a second need a random equalizer on the noise (the starter recipe has one).",
            ],
        ),
        (
            {
                "unique_s": 5.0,
                "families": 1,
                "spectra": 1,
                "effective_recordings": 1.0,
                "largest_share": 1.0,
                "reuse": 2.5,
                "hours": 0.5,
            },
            [
                "5.0 s from 1 recording with 1 different spectrum: enough for 12.5 s of speech if no second is used more than 2.5 times (--reuse 2.5); you asked for 0.5 h: add recordings, or synthesize more with `synth grow`",
                "Only 1 recording's worth of variety (1 recording, the largest is 100% of the sound). Fewer than 8: a model can learn them by heart; 16 is fine, 32 good. Add recordings, or synthesize more.",
            ],
        ),
        (
            {
                "unique_s": 36000.0,
                "families": 10,
                "spectra": 6,
                "effective_recordings": 9.96,
                "largest_share": 0.1,
                "reuse": 10.0,
            },
            [
                "10.0 h from 10 recordings with 6 different spectra: enough for 100.0 h of speech if no second is used more than 10 times (--reuse 10); you asked for 100 h",
                "Only 10 recordings' worth of variety (10 recordings, the largest is 10% of the sound). Fewer than 16 is low; 16 is fine, 32 good. Add recordings, or synthesize more.",
            ],
        ),
        (
            {
                "unique_s": 36000.0,
                "families": 20,
                "spectra": 16,
                "effective_recordings": 16.0,
                "largest_share": 0.1,
                "reuse": 20.0,
            },
            [
                "10.0 h from 20 recordings with 16 different spectra: enough for 200.0 h of speech if no second is used more than 20 times (--reuse 20); you asked for 100 h",
                "16 recordings' worth of variety (20 recordings, the largest is 10% of the sound): fine (32 is good).",
                "More than 10 uses of a second need a random equalizer on the noise (the starter recipe has one).",
            ],
        ),
        (
            {
                "unique_s": 36000.0,
                "families": 40,
                "spectra": 30,
                "effective_recordings": 32.0,
                "largest_share": 0.05,
                "reuse": 101.0,
            },
            [
                "10.0 h from 40 recordings with 30 different spectra: enough for 1,010.0 h of speech if no second is used more than 101 times (--reuse 101); you asked for 100 h",
                "32 recordings' worth of variety (40 recordings, the largest is 5% of the sound): good.",
                "More than 100 uses of a second: a recipe refuses this unless its max_reuse is higher.",
            ],
        ),
    ],
    ids=["few", "one", "long", "ok", "good"],
)
def test_what_it_is_enough_for_in_words(report: NoiseReport, changes: dict[str, float], lines: list[str]) -> None:
    assert list(replace(report, **changes).conclusion) == lines


def test_a_file_is_measured_piece_by_piece_as_an_array_is(tmp_path: Path) -> None:
    samples = np.rint(noise(30, seed=6) * np.linspace(0.2, 1, 30 * RATE) * 60000).astype(np.int16)
    samples.tofile(tmp_path / "x.s16")
    stretches = [(1000, 5 * RATE), (8 * RATE, 22 * RATE)]
    on_disk = measure_recording(StoredSamples(str(tmp_path / "x.s16")), stretches, scale=1e-5, sample_rate=RATE)
    assert on_disk == measure_recording(samples, stretches, scale=1e-5, sample_rate=RATE)


# the hidden mismatch


def cut(samples: np.ndarray, low: float, high: float) -> np.ndarray:
    hz = np.fft.rfftfreq(len(samples), 1 / RATE)
    return np.fft.irfft(np.where((hz >= low) & (hz <= high), np.fft.rfft(samples), 0), len(samples))


def test_telephone_and_low_pass_noise_is_flagged_in_words(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        a_phone=cut(noise(8, seed=1), 300, 3400),
        b_low_pass=cut(noise(8, seed=2), 0, 4000),
        c_narrow=(noise(8, rate=8000, seed=3), 8000),
        d_wide=(noise(8, rate=44100, seed=4), 44100),
    )
    phone, low_pass, narrow, wide = (r.warnings for r in noise_report(folder).recordings)
    assert phone[0].startswith(("telephone band (3", "telephone band (29"))
    assert phone[0].endswith(" Hz) in a set at 16000 Hz: a model can tell noise by what is missing above")
    assert low_pass[0].startswith(("low-pass at 39", "low-pass at 40"))
    assert narrow[0].startswith(("low-pass at 38", "low-pass at 39", "low-pass at 4000"))
    assert " Hz, up-sampled from 8000 Hz, in a set at 16000 Hz" in narrow[0]
    assert wide == ()


def test_in_a_set_at_its_own_rate_a_narrow_recording_is_as_it_should_be(tmp_path: Path) -> None:
    folder = write(tmp_path, narrow=(noise(4, rate=8000), 8000))
    assert noise_report(folder, sample_rate=8000).recordings[0].warnings == ()


# odd collections


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no audio file in"):
        noise_report(tmp_path)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder, list or file"):
        noise_report(tmp_path / "nowhere")


def test_no_usable_audio_names_every_file(tmp_path: Path) -> None:
    write(tmp_path, silent=np.zeros(RATE))
    (tmp_path / "text.wav").write_text("no audio")
    with pytest.raises(UsageError) as error:
        noise_report(tmp_path)
    lines = str(error.value).splitlines()
    assert lines[0] == f"{tmp_path}: no usable audio in it"
    assert [line.split(": ")[:2] for line in lines[1:]] == [["  text.wav", "not_audio"], ["  silent.wav", "silent"]]


@pytest.mark.parametrize("rate", [4000, 8000, 192_000])
def test_one_short_file_at_any_rate(tmp_path: Path, rate: int) -> None:
    report = noise_report(write(tmp_path, short=(noise(0.05, rate=rate), rate)), sample_rate=rate)
    assert (report.families, report.spectra, report.effective_recordings) == (1, 1, 1.0)
    json.dumps(report.to_json(), allow_nan=False)


def test_a_list_of_segments_of_one_file_is_one_recording(tmp_path: Path) -> None:
    write(tmp_path, long=noise(20))
    rows = ["path,offset,duration", "long.wav,0,5", "long.wav,5,5", "long.wav,12,8"]
    (tmp_path / "list.csv").write_text("\n".join(rows) + "\n")
    report = noise_report(tmp_path / "list.csv")
    assert [r.name for r in report.recordings] == ["long.wav", "long.wav @5s", "long.wav @12s"]
    assert report.families == 1
    assert report.unique_s == pytest.approx(18)


def test_a_pattern_chooses_files(collection: Path) -> None:
    assert [r.name for r in noise_report(collection, glob="red*.wav").recordings] == ["red.wav", "red_too.wav"]


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["reuse", "hours"])
def test_numbers_that_make_no_sense(collection: Path, name: str, value: float) -> None:
    with pytest.raises(UsageError, match=f"{name} must be a number above 0"):
        noise_report(collection, **{name: value})


def test_measured_once(collection: Path, report: NoiseReport, monkeypatch: pytest.MonkeyPatch) -> None:
    from synth.catalog import noise_measure

    class NoPool:
        def __init__(self, jobs: int) -> None: ...
        def __enter__(self) -> NoPool:
            return self

        def __exit__(self, *_: object) -> None: ...
        def map(self, function: str, tasks: list[object], **options: object) -> list[object]:
            assert tasks == [], "measured again"
            return []

    monkeypatch.setattr(noise_measure, "Pool", NoPool)
    assert noise_report(collection).to_json() == report.to_json()


# the command


def test_the_command_prints_a_table_and_what_it_is_enough_for(collection: Path, report: NoiseReport) -> None:
    run = run_synth("noise", collection)
    assert run.returncode == 0
    assert run.stderr.splitlines()[:2] == [
        "refused inputs: 1",
        "  broken.wav: not_audio: not a format that is read here",
    ]
    lines = run.stdout.splitlines()
    assert lines[0].split() == [
        "recording",
        "seconds",
        "usable",
        "dBFS",
        "SD",
        "dB",
        "from",
        "Hz",
        "to",
        "Hz",
        "lines",
        "strongest",
        "Hz",
        "spectrum",
    ]
    assert lines[1].split()[:4] == ["flat.wav", "12.00", "12.00", "-20.0"]
    assert lines[-len(report.conclusion) :] == list(report.conclusion)
    assert "refused" not in run.stdout


def test_json_and_page_come_from_the_same_numbers(collection: Path, report: NoiseReport, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    run = run_synth("noise", collection, "--json", "--html", page, "--jobs", "1", "--reuse", "20", "--hours", "1")
    result = json.loads(run.stdout)
    expected = replace(report, reuse=20.0, hours=1.0).to_json()
    assert {k: v for k, v in result.items() if k != "schema_version"} == json.loads(json.dumps(expected))
    assert all(line in unescape(page.read_text()) for line in result["conclusion"])
    assert run_synth("noise", collection, "--html", page).returncode == 0  # a page may be made anew


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere"], "there is no folder, list or file"),
        (["{folder}", "--glob", "*.ogg"], "no file that matches"),
        (["{folder}", "--html", "{folder}/flat.wav"], "an input of this command: inputs are never changed"),
        (["{folder}", "--html", "{folder}-no/page.html"], "there is no folder"),
        (["{folder}", "--reuse", "0"], "reuse must be a number above 0"),
        (["{folder}", "--sample-rate", "100"], "--sample-rate"),
    ],
)
def test_wrong_use_ends_with_2_and_says_why(collection: Path, words: list[str], message: str) -> None:
    before = (collection / "flat.wav").read_bytes()
    run = run_synth("noise", *(word.format(folder=collection) for word in words))
    assert run.returncode == 2
    assert message in run.stderr
    assert "Traceback" not in run.stderr
    assert run.stdout == ""
    assert (collection / "flat.wav").read_bytes() == before


@needs_real_audio
def test_two_files_of_one_drive_have_one_spectrum() -> None:
    report = noise_report(real_audio() / "noise" / "car", jobs=2)
    clusters = {r.name: r.cluster for r in report.recordings}
    assert clusters["noice_bmw_i3_driving_0.mp3"] == clusters["noice_bmw_i3_driving_1.mp3"]
    assert 4 <= report.spectra < len(report.recordings)
