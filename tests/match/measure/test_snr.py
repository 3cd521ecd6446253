"""Blind SNR on mixes whose SNR is known."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks.snr_mixes import calibration_mixes, fit_hint_model, fit_on_mixes, mix_at
from synth.dsp import levels
from synth.dsp.analysis.bands import band_levels, normalize_levels
from synth.dsp.arrays import Samples
from synth.errors import UsageError
from synth.match.measure.calibration import DEFAULT_CALIBRATION, Calibration, fit_calibration
from synth.match.measure.frames import frames_of
from synth.match.measure.noise_hints import track_noise
from synth.match.measure.snr import (
    ESTIMATORS,
    hints_of,
    margin_frames,
    noise_floor,
    raw_estimates,
    trained_fluctuation,
)

RATE = 16_000


def rng(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=[seed, 1]))


def noise(seconds: float, *, seed: int = 1, slope: float = 1.0, rate: int = RATE) -> Samples:
    """Steady noise whose power falls by 3 dB an octave for a slope of 1."""
    spectrum = np.fft.rfft(rng(seed).normal(size=int(seconds * rate)))
    hz = np.fft.rfftfreq(int(seconds * rate), 1 / rate)
    return np.asarray(np.fft.irfft(spectrum / np.maximum(hz, 50) ** (slope / 2), int(seconds * rate)))


def babble(seconds: float, *, seed: int = 2, rate: int = RATE) -> Samples:
    """Syllables of a pulse train with formant-like bands: what the estimators take for speech."""
    draw = rng(seed)
    t = np.arange(int(seconds * rate)) / rate
    pitch = 120 + 60 * draw.uniform() + 15 * np.sin(2 * np.pi * 0.7 * t)
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    voice = sum(np.cos(k * phase) / k * (1 + 2 * ((k * 150) % 1100 < 300)) for k in range(1, 22))
    syllables = np.clip(np.sin(2 * np.pi * 4 * t + draw.uniform()) + 0.35, 0, None) * (
        0.3 + np.repeat(draw.uniform(size=len(t) // 4000 + 1), 4000)[: len(t)]
    )
    return np.asarray(0.05 * voice * syllables)


def mixed(snr_db: float, *, seed: int = 3, slope: float = 1.0, rate: int = RATE, margin: float = 0.25) -> Samples:
    speech = babble(2.5, seed=seed, rate=rate)
    edge = int(margin * rate)
    under = noise(2.5 + 2 * margin + 0.01, seed=seed + 100, slope=slope, rate=rate)
    clip, _, _ = mix_at(speech, under, snr_db=snr_db, before=edge, after=edge, sample_rate=rate)
    return clip


def test_a_mix_has_the_snr_it_was_asked_for() -> None:
    speech, under = babble(2.0), noise(3.0)
    clip, noise_db, _ = mix_at(speech, under, snr_db=7.0, before=4000, after=4000, sample_rate=RATE)
    alone = clip.copy()
    alone[4000 : 4000 + len(speech)] -= speech
    heard = levels.weight(alone, weighting="band", sample_rate=RATE)[4000 : 4000 + len(speech)]
    active = levels.active_level(levels.weight(speech, weighting="band", sample_rate=RATE), sample_rate=RATE).power()
    assert 10 * np.log10(levels.mean_power(heard)) == pytest.approx(noise_db, abs=0.01)
    assert 10 * np.log10(active) - noise_db == pytest.approx(7.0, abs=0.01)


@pytest.mark.parametrize("slope", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_the_default_tells_the_snr_of_steady_noise_of_any_colour_and_rate(slope: float, rate: int) -> None:
    for true in (3.0, 10.0, 17.0):
        found, uncertainty = DEFAULT_CALIBRATION.snr(
            raw_estimates(mixed(true, slope=slope, rate=rate), sample_rate=rate)
        )
        assert found == pytest.approx(true, abs=2.5)
        assert uncertainty is not None and 0.3 < uncertainty < 4


def test_every_estimate_rises_with_the_snr_and_none_knows_the_gain() -> None:
    low, high = (raw_estimates(mixed(snr), sample_rate=RATE) for snr in (2.0, 12.0))
    assert set(low) == set(ESTIMATORS)
    assert all(high[name] - low[name] > 6 for name in ESTIMATORS)
    quiet = raw_estimates(0.01 * mixed(2.0), sample_rate=RATE)
    assert all(quiet[name] == pytest.approx(low[name], abs=0.01) for name in ESTIMATORS)


def test_without_margins_the_edges_say_nothing() -> None:
    assert "edges" not in raw_estimates(mixed(25.0, margin=0.0)[2000:-2000], sample_rate=RATE)


@pytest.mark.parametrize("swell_db", [0.0, 6.0, -6.0])
def test_noise_is_followed_from_the_margins_through_the_speech(swell_db: float) -> None:
    """Speech at 5 dB above noise that swells and comes back: most of the swell is found, and none where there is none."""
    margin, length = RATE // 2, int(3.5 * RATE)
    gain = np.interp(np.arange(length), [0, margin, length // 2, length - margin, length], [0, 0, swell_db, 0, 0])
    under = noise(3.6, seed=8)[:length] * 10 ** (gain / 20)
    clip, level, _ = mix_at(babble(2.5), under, snr_db=5.0, before=margin, after=margin, sample_rate=RATE)
    frames = frames_of(clip, sample_rate=RATE)
    after, before = track_noise(frames, margin_frames(frames))
    found = 10 * np.log10((after + before)[30:-30].mean() / 2)
    assert found == pytest.approx(level, abs=1.5)
    plain = 10 * np.log10(frames.band[1:12].mean())
    assert abs(found - level) < max(0.6 * abs(plain - level), 1.0)


def test_noise_that_moves_is_told_from_noise_that_does_not() -> None:
    found = []
    for moves in (0.0, 5.0):
        gain = moves * np.sin(2 * np.pi * 0.9 * np.arange(int(3.5 * RATE)) / RATE)
        under = noise(3.6, seed=9)[: len(gain)] * 10 ** (gain / 20)
        clip, _, _ = mix_at(babble(2.9), under, snr_db=6.0, before=4800, after=4000, sample_rate=RATE)
        frames = frames_of(clip, sample_rate=RATE)
        found.append(trained_fluctuation(hints_of(frames, noise_floor(frames))) or 0.0)
    assert found[0] < 1.6 and found[1] > found[0] + 1


def test_a_model_bends_with_the_excess_and_counts_no_hint_beyond_its_reach() -> None:
    draw = rng(10)
    rows = [{"excess": float(draw.uniform(0, 22)), "other": float(draw.normal(3, 2))} for _ in range(600)]
    truth = [row["excess"] + (2.0 if row["excess"] > 14 else 0.5) * row["other"] for row in rows]
    trained = fit_hint_model(rows, truth, penalty=0.1)
    low, high = ({"excess": at, "other": 5.0} for at in (3.0, 20.0))
    slopes = [trained.value(row | {"other": 6.0}) - trained.value(row) for row in (low, high)]
    assert slopes[0] == pytest.approx(0.5, abs=0.15) and slopes[1] == pytest.approx(2.0, abs=0.3)
    assert trained.value(low | {"other": 500.0}) == trained.value(low | {"other": 50.0})


def test_the_trained_estimate_counts_by_how_much_better_it_is() -> None:
    draw = rng(11)
    true = draw.uniform(-5, 20, 300)
    shares = []
    for mine in (0.5, 8.0):
        raws = [{"nist": s + draw.normal(0, 1.5), "trained": s + draw.normal(0, mine)} for s in true]
        shares.append(fit_calibration(raws, true.tolist()).share)
    assert shares[0] > 0.8 and shares[1] < 0.2
    far = Calibration(dict.fromkeys(("nist", "trained"), ((-50.0, -50.0), (50.0, 50.0))), 1.0, 1.0, share=1.0)
    assert far.snr({"nist": 5.0, "trained": 5.5})[0] == pytest.approx(5.5, abs=0.02)
    assert far.snr({"nist": 5.0, "trained": 400.0})[0] == pytest.approx(9.0, abs=0.02)


def test_a_calibration_mends_a_bias_and_survives_json() -> None:
    draw = rng(9)
    true = draw.uniform(-5, 20, 300)
    raws = [{"nist": s * 1.2 + 7 + draw.normal(0, 1), "floor": s - 3 + draw.normal(0, 1)} for s in true]
    calibration = fit_calibration(raws, true.tolist())
    again = Calibration.from_json(json.loads(json.dumps(calibration.to_json())))
    found = np.array([again.snr(raw)[0] for raw in raws], float)
    inner = (true > -3) & (true < 18)
    assert abs((found - true)[inner].mean()) < 0.2
    assert np.abs(found - true)[inner].std() < 1.0
    assert 0.4 < calibration.residual_db < 1.5
    for curve in again.curves.values():
        assert np.all(np.diff([x for x, _ in curve]) > 0) and np.all(np.diff([y for _, y in curve]) >= 0)


def test_it_goes_on_above_its_end_for_a_while_and_stays_below() -> None:
    calibration = Calibration({"nist": ((0.0, -5.0), (10.0, 15.0))}, 1.0, 1.0)
    assert [calibration.snr({"nist": raw})[0] for raw in (-50.0, 5.0, 12.0, 90.0)] == [-5.0, 5.0, 17.0, 20.0]
    assert calibration.snr({}) == (None, None)


def test_estimators_that_disagree_are_less_sure() -> None:
    agreed = DEFAULT_CALIBRATION.snr({"floor": 8.0, "subband": 8.0, "edges": 8.0})[1]
    apart = DEFAULT_CALIBRATION.snr({"floor": 2.0, "subband": 8.0, "edges": 16.0})[1]
    assert agreed is not None and apart is not None and apart > agreed + 1


def test_too_few_clips_and_what_is_no_calibration_are_refused() -> None:
    with pytest.raises(UsageError, match="at least 30"):
        fit_calibration([{"nist": 1.0}] * 5, [1.0] * 5)
    with pytest.raises(UsageError, match="not a calibration"):
        Calibration.from_json({"curves": 5})


def test_mixes_are_the_same_for_a_seed_and_have_the_colour_asked_for() -> None:
    speech, pool = [babble(1.5, seed=k) for k in range(3)], [noise(4.0, seed=k) for k in range(2)]
    colour = normalize_levels(np.linspace(0, -30, 12))
    first, again = (
        list(calibration_mixes(speech, pool, count=4, sample_rate=RATE, seed=5, spectra=[colour], snr_db=(-30, -30)))
        for _ in range(2)
    )
    assert all(np.array_equal(a.samples, b.samples) for a, b in zip(first, again, strict=True))
    assert [mix.noise for mix in first] == [0, 1, 0, 1]
    for mix in first:
        power = np.abs(np.fft.rfft(mix.samples)) ** 2
        power = power[: len(power) // 2 * 2 + 1] if len(power) % 2 else np.append(power, 0.0)
        assert np.abs(normalize_levels(band_levels(power, sample_rate=RATE)) - colour).max() < 4
    with pytest.raises(UsageError, match="empty"):
        next(calibration_mixes([], pool, count=1, sample_rate=RATE, seed=1))
    with pytest.raises(UsageError, match="silent"):
        list(calibration_mixes(speech, [np.zeros(80_000)], count=3, sample_rate=RATE, seed=1))


def test_calibrating_on_similar_noise_removes_what_the_default_leaves() -> None:
    speech, pool = [babble(2.0, seed=k) for k in range(12)], [noise(8.0, seed=k, slope=2) for k in range(3)]
    own = fit_on_mixes(calibration_mixes(speech[:6], pool[:2], count=80, sample_rate=RATE, seed=2), sample_rate=RATE)
    tests = list(calibration_mixes(speech[6:], pool[2:], count=30, sample_rate=RATE, seed=3, snr_db=(0, 20)))
    errors = {
        name: np.mean([(c.snr(raw_estimates(m.samples, sample_rate=RATE))[0] or 0) - m.snr_db for m in tests])
        for name, c in {"own": own, "default": DEFAULT_CALIBRATION}.items()
    }
    assert abs(errors["own"]) < 0.8
    assert abs(errors["own"]) <= abs(errors["default"]) + 0.2
