"""How well the SNR of a clip is measured without its clean speech, on recordings and speakers not fitted to.

    python benchmarks/blind_snr.py --speech CLEAN MORE --noise NOISE [--noise-list noise.csv]
    python benchmarks/blind_snr.py --speech CLEAN MORE --noise NOISE --constants

With `--constants` it prints the values of synth/match/measure/calibration_constants.py.

Folders are searched for audio. A speaker is the folder's name with the file's up to its first `-` or `_`. The list
(columns `file` and `recording`) says which files are one recording. Every recording is judged by a correction and a
calibration made without it, and without the speakers it is mixed with (two halves). SNR from -5 to 20 dB, 16 kHz.
"""

from __future__ import annotations

import argparse
import csv
import math
import re
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.snr_mixes import SNR_DB, STATIONARY_DB, Mix, calibration_mixes, fit_hint_model
from synth.dsp import levels
from synth.dsp.arrays import Samples
from synth.dsp.resample import resample
from synth.match.measure import snr
from synth.match.measure.calibration import Calibration, fit_calibration
from synth.match.measure.clip import is_non_stationary, measure_clip
from synth.match.measure.frames import frames_of
from synth.match.measure.noise_hints import HintModel

RATE = 16_000
TEST_DB = (-5.0, 20.0)
LEAST_NOISE_S, LEAST_SPEECH_S = 4.0, 1.2
OWN_SNR_DB = 38.0
TRAINED_ON = 1.25  # times STATIONARY_DB: chosen on the recordings judged
BIMODAL_DB = ((2.0, 1.5), (13.0, 1.5))
Numbers = Any


@dataclass(frozen=True)
class Voice:
    speaker: str
    samples: Samples


@dataclass(frozen=True)
class MeasuredMix:
    """A clip, measured."""

    recording: str
    speaker: str
    snr_db: float
    noise_db: float
    fluctuation_db: float
    floor: snr.NoiseFloor
    tops: Mapping[str, float]
    hints: dict[str, float]
    flags: tuple[str, ...]
    test: bool


def mono(path: Path) -> Samples:
    samples, rate = soundfile.read(path, always_2d=True)
    return resample(samples.mean(axis=1), rate_in=rate, rate_out=RATE)


def frame_levels(samples: Samples, seconds: float) -> Samples:
    in_band = levels.weight(samples, weighting="band", sample_rate=RATE)
    size = round(seconds * RATE)
    blocks = in_band[: len(in_band) // size * size].reshape(-1, size)
    return np.asarray(10 * np.log10((blocks**2).mean(axis=1) + 1e-14))


def voices(folders: Sequence[Path]) -> list[Voice]:
    """Clean utterances without their silent ends, at most about 5 s, cut in a pause."""
    results: list[Voice] = []
    for path in sorted(p for folder in folders for p in folder.rglob("*") if p.suffix in (".flac", ".wav")):
        if soundfile.info(path).samplerate < RATE:
            continue
        samples = spoken(mono(path))
        level = frame_levels(samples, 0.02)
        if len(level) * 0.02 < LEAST_SPEECH_S or np.ptp(np.percentile(level, [3, 95])) < OWN_SNR_DB:
            continue
        want = 75 + (len(results) * 37) % 200  # 1.5 to 5.5 s
        if len(level) > 1.3 * want:
            quiet = int(0.7 * want) + int(np.argmin(np.convolve(level, np.ones(5), "same")[int(0.7 * want) : want]))
            samples = spoken(samples[: quiet * 320])
        results.append(Voice(f"{path.parent.name}/{re.split('[-_]', path.name)[0]}", samples))
    return results


def spoken(samples: Samples) -> Samples:
    level = frame_levels(samples, 0.02)
    if not len(level):
        return samples
    loud = np.flatnonzero(level > np.percentile(level, 95) - 35)
    return samples[loud[0] * 320 : (loud[-1] + 1) * 320]


def recordings(folder: Path, listed: Path | None) -> dict[str, list[Samples]]:
    names = {}
    if listed is not None:
        with listed.open(newline="", encoding="utf-8") as rows:
            names = {Path(row["file"]).name: row["recording"] for row in csv.DictReader(rows)}
    results: dict[str, list[Samples]] = {}
    for path in sorted(p for p in folder.rglob("*") if p.suffix in (".flac", ".wav", ".mp3", ".ogg")):
        samples = mono(path)
        if len(samples) >= LEAST_NOISE_S * RATE:
            results.setdefault(names.get(path.name, path.stem), []).append(samples)
    return results


def measured_mix(mix: Mix, recording: str, speaker: str, *, test: bool) -> MeasuredMix:
    frames = frames_of(mix.samples, sample_rate=RATE)
    flags = measure_clip(mix.samples, sample_rate=RATE).flags if test else ()
    floor, tops = snr.noise_floor(frames), snr.total_powers(frames)
    hints = snr.hints_of(frames, floor)
    return MeasuredMix(
        recording, speaker, mix.snr_db, mix.noise_db, mix.fluctuation_db, floor, tops, hints, flags, test
    )


def all_clips(speech: list[Voice], noise: Mapping[str, list[Samples]], per: int) -> list[MeasuredMix]:
    clips = []
    utterances = [voice.samples for voice in speech]
    for number, (name, pieces) in enumerate(noise.items()):
        for test in (False, True):
            mixes = calibration_mixes(
                utterances,
                pieces,
                count=per if test else 3 * per,
                sample_rate=RATE,
                seed=2 * number + test,
                snr_db=TEST_DB if test else SNR_DB,
                margins_s=(0.2, 0.2) if test else (0.2, 0.5),
            )
            clips += [measured_mix(mix, name, speech[mix.speech].speaker, test=test) for mix in mixes]
    return clips


def fit_correction(clips: Sequence[MeasuredMix]) -> dict[str, tuple[float, float, float]]:
    """The constants CORRECTION, by least squares on the true level of the noise."""
    used = [clip for clip in clips if clip.fluctuation_db <= 1.5 * STATIONARY_DB and not clip.floor.has_speech]
    results = {}
    for name in used[0].floor.levels:
        level = np.array([clip.floor.levels[name] for clip in used])
        edges = np.array([clip.floor.edges for clip in used])
        spread = np.array([clip.floor.spread for clip in used])
        true = np.array([clip.noise_db for clip in used])
        x = np.column_stack([np.ones(len(used)), edges - level, spread])
        a, b, c = np.linalg.lstsq(x, true - level, rcond=None)[0].round(3).tolist()
        results[name] = (a, b, c)
    return results


def raws(clips: Sequence[MeasuredMix], fitted: Constants) -> list[dict[str, float]]:
    results = []
    for clip in clips:
        plain = snr.floor_estimates(clip.floor, clip.tops, fitted.correction)
        results.append(plain | snr.trained_estimate(clip.hints, fitted.trained))
    return results


@dataclass(frozen=True)
class Constants:
    correction: dict[str, tuple[float, float, float]]
    trained: HintModel
    fluctuation: HintModel
    calibration: Calibration


def fitted_on(clips: Sequence[MeasuredMix]) -> Constants:
    """The trained estimate is calibrated by what it says of recordings that it was not trained on (five parts)."""
    correction = fit_correction(clips)
    names = sorted({clip.recording for clip in clips})
    pairs: list[tuple[dict[str, float], float]] = []
    for part in range(5):
        excluded = [c for c in clips if names.index(c.recording) % 5 == part and c.fluctuation_db <= STATIONARY_DB]
        trained = train([c for c in clips if names.index(c.recording) % 5 != part])
        for clip in excluded:
            plain = snr.floor_estimates(clip.floor, clip.tops, correction)
            pairs.append((plain | snr.trained_estimate(clip.hints, trained), clip.snr_db))
    order = np.random.Generator(np.random.Philox(key=[5, len(pairs)])).permutation(
        len(pairs)
    )  # folds of all recordings
    calibration = fit_calibration([pairs[i][0] for i in order], [pairs[i][1] for i in order])
    return Constants(correction, train(clips), train_fluctuation(clips), calibration)


def train_fluctuation(clips: Sequence[MeasuredMix]) -> HintModel:
    used = [clip for clip in clips if clip.hints]
    moves = [math.log(min(max(clip.fluctuation_db, 1.0), 9.0)) for clip in used]
    return fit_hint_model([clip.hints for clip in used], moves, penalty=60.0)


def train(clips: Sequence[MeasuredMix]) -> HintModel:
    used = [clip for clip in clips if clip.fluctuation_db <= TRAINED_ON * STATIONARY_DB and clip.hints]
    return fit_hint_model([clip.hints for clip in used], [clip.snr_db for clip in used])


def judged(clips: Sequence[MeasuredMix]) -> dict[str, list[tuple[MeasuredMix, float, float]]]:
    """(clip, SNR, uncertainty) by recording, of the test clips, each by what was fitted without it and its speaker."""
    halves = {name: k % 2 for k, name in enumerate(sorted({clip.speaker for clip in clips}))}
    results: dict[str, list[tuple[MeasuredMix, float, float]]] = {}
    for name in sorted({clip.recording for clip in clips}):
        for half in (0, 1):
            others = [c for c in clips if c.recording != name and halves[c.speaker] != half and not c.test]
            fitted = fitted_on(others)
            judged_clips = [c for c in clips if c.recording == name and halves[c.speaker] == half and c.test]
            judged_clips = [replace(clip, flags=flags_of(clip, fitted.fluctuation)) for clip in judged_clips]
            for clip, raw in zip(judged_clips, raws(judged_clips, fitted), strict=True):
                value, sigma = fitted.calibration.snr(raw)
                assert value is not None and sigma is not None
                results.setdefault(name, []).append((clip, value, sigma))
    return results


def flags_of(clip: MeasuredMix, model: HintModel) -> tuple[str, ...]:
    """The clip's flags with `non_stationary` by a model made without its recording."""
    moves = is_non_stationary(None, clip.floor, snr.trained_fluctuation(clip.hints, model))
    return (*(flag for flag in clip.flags if flag != "non_stationary"), *(("non_stationary",) if moves else ()))


def show(results: Mapping[str, list[tuple[MeasuredMix, float, float]]], spread: Mapping[str, float]) -> None:
    print("| recording | SD 100 ms | within a clip | mean error | SD | not flagged | within 2 sigma | flagged | met |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in sorted(results, key=lambda n: spread[n]):
        rows = results[name]
        error = np.array([value - clip.snr_db for clip, value, _ in rows])
        sure = float(np.mean([abs(value - clip.snr_db) <= 2 * sigma for clip, value, sigma in rows]))
        flags = np.array([flagged(clip) for clip, _, _ in rows])
        unflagged = error[~flags] if (~flags).sum() > 4 else np.full(5, np.nan)
        met = "-"
        if spread[name] <= 3:
            met = "met" if abs(error.mean()) <= 1 and error.std() <= 1.5 else "unmet"
        elif spread[name] > 5:
            met = "met" if flags.mean() >= 0.95 else "unmet"
        numbers = (
            f"{error.mean():+.2f} | {error.std():.2f} | {unflagged.mean():+.2f}, {unflagged.std():.2f} | {sure:.0%}"
        )
        within = np.median([clip.fluctuation_db for clip, _, _ in rows])
        print(f"| {name} | {spread[name]:.1f} | {within:.1f} | {numbers} | {flags.mean():.0%} | {met} |")
    everything = [clip for rows in results.values() for clip, _, _ in rows]
    print("\nflagged as non-stationary or trimmed, by the SD of the noise's 100-ms levels within the clip:")
    for low, high in ((0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 7), (7, 99)):
        some = [flagged(clip) for clip in everything if low <= clip.fluctuation_db < high]
        print(f"{low}-{high} dB: {np.mean(some):.0%} of {len(some)}")
    print("\nstationary recordings, by true SNR: mean error, SD")
    for low in range(-5, 20, 5):
        rows = [row for name, some in results.items() if spread[name] <= 3 for row in some]
        error = np.array([value - clip.snr_db for clip, value, _ in rows if low <= clip.snr_db < low + 5])
        print(f"{low} to {low + 5} dB: {error.mean():+.2f}, {error.std():.2f}")


def flagged(clip: MeasuredMix) -> bool:
    return "non_stationary" in clip.flags or "trimmed" in clip.flags


def bimodal(results: Mapping[str, list[tuple[MeasuredMix, float, float]]], spread: Mapping[str, float]) -> list[float]:
    """Wasserstein-1 distance in dB of the told from the true SNRs of 150 clips, 20 sets, stationary recordings."""
    rows = [row for name, some in results.items() if spread[name] <= 3 for row in some]
    true, value = np.array([clip.snr_db for clip, _, _ in rows]), np.array([v for _, v, _ in rows])
    weight = np.sum([np.exp(-0.5 * ((true - mean) / sd) ** 2) for mean, sd in BIMODAL_DB], axis=0)
    rng = np.random.Generator(np.random.Philox(key=[7, 150]))
    sets = [rng.choice(len(rows), 150, p=weight / weight.sum()) for _ in range(20)]
    return [float(np.abs(np.sort(true[some]) - np.sort(value[some])).mean()) for some in sets]


def cost(speech: list[Voice], noise: Mapping[str, list[Samples]]) -> None:
    print("\n| rate | seconds | CPU of measure_clip, ms | times real time |")
    print("|---|---|---|---|")
    some = next(iter(noise.values()))
    clips = [
        m.samples for m in calibration_mixes([v.samples for v in speech], some, count=40, sample_rate=RATE, seed=1)
    ]
    for rate in (8000, 16000, 44100, 48000):
        resampled = [resample(clip, rate_in=RATE, rate_out=rate) for clip in clips]
        seconds = sum(len(clip) for clip in resampled) / rate
        measure_clip(resampled[0], sample_rate=rate)
        start = time.process_time()
        for clip in resampled:
            measure_clip(clip, sample_rate=rate)
        used = time.process_time() - start
        print(f"| {rate} | {seconds / len(resampled):.1f} | {1e3 * used / len(resampled):.1f} | {seconds / used:.0f} |")


def constants(fitted: Constants) -> str:
    """The values of synth/match/measure/calibration_constants.py, to be formatted by ruff."""
    models = {"TRAINED": fitted.trained, "FLUCTUATION": fitted.fluctuation}
    values: dict[str, object] = {"CORRECTION": fitted.correction, "CALIBRATION": fitted.calibration.to_json()}
    values |= {name: (dict(m.center), dict(m.scale), m.coefficients) for name, m in models.items()}
    return "\n".join(f"{name} = {value!r}" for name, value in values.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path, nargs="+", required=True)
    parser.add_argument("--noise", type=Path, required=True)
    parser.add_argument("--noise-list", type=Path)
    parser.add_argument("--per-recording", type=int, default=80, help="mixes to fit on, and as many to judge by")
    parser.add_argument("--constants", action="store_true", help="only print the constants fitted on everything")
    options = parser.parse_args()
    speech, noise = voices(options.speech), recordings(options.noise, options.noise_list)
    spread = {n: max(float(frame_levels(piece, 0.1)[1:].std()) for piece in some) for n, some in noise.items()}
    clips = all_clips(speech, noise, options.per_recording)
    if options.constants:
        print(constants(fitted_on([clip for clip in clips if not clip.test])))
        return
    print(f"{len(speech)} utterances, {len({v.speaker for v in speech})} speakers, {len(noise)} recordings\n")
    results = judged(clips)
    show(results, spread)
    distances = bimodal(results, spread)
    print(f"\nbimodal set of 150: W1 {np.median(distances):.2f} dB (median of 20 sets; largest {max(distances):.2f})")
    cost(speech, noise)


if __name__ == "__main__":
    main()
