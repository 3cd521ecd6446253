"""A fit says how far it is, what its figures mean, and which round is ahead (D27)."""

from __future__ import annotations

from synth.match.fit.match_score import LEVEL, MatchScore, MedianShift
from synth.match.fit.progress import BEFORE, MIXTURE, FitProgress, plan_steps, round_title

STEPS = plan_steps(clips=500, calibration_clips=200, rounds=8, calibrations=2)


def test_all_steps_are_counted() -> None:
    assert len(STEPS) == 13
    assert sum(clips for _, clips in STEPS) == 500 + 2 * 200 + 9 * 500 + 500
    assert len(plan_steps(clips=500, calibration_clips=200, rounds=8, calibrations=0)) == 11


def test_the_step_and_the_time_left_are_stated() -> None:
    """D27: nothing said how many rounds there are, or how long a fit takes."""
    now = [0.0]
    steps = FitProgress(STEPS, clock=lambda: now[0])
    assert steps.begin(BEFORE) == "step 1 of at most 13, the recipe as it is"
    now[0] = 30.0
    assert steps.times() == "0:00:30 elapsed, at most 0:05:24 left"  # 5,400 clips at 500 in 30 s
    assert steps.begin(round_title(8, 8)) == "step 12 of at most 13, round 8 of 8"
    now[0] = 324.0
    assert steps.times() == "0:05:24 elapsed, at most 0:00:30 left"
    steps.begin(MIXTURE)
    assert steps.times() == "0:05:24 elapsed, at most 0:00:00 left"


def test_figures_in_words() -> None:
    """D27: `SNR -4.6 dB, level +17.0 dB` did not say against what, nor what a sign means."""
    distances = {
        "snr_db": MedianShift(8.0, 3.4, 4.6),
        LEVEL: MedianShift(-40.0, -23.0, 17.0),
        "noise_band_2": MedianShift(0, 2, 2),
    }
    figures = MatchScore(0.72, 0.83, distances, 1.0)
    same = " (0.50 = same; dev against dev 0.56)"
    assert figures.words(same) == (
        "AUC 0.72 (0.50 = same; dev against dev 0.56), coverage 0.83, SNR 4.6 dB too low, level 17.0 dB too high, "
        "noise bands within 2.0 dB"
    )
    equal = MatchScore(None, None, {LEVEL: MedianShift(-40.0, -40.01, 0.1)}, 1.0)
    assert equal.headline == "AUC not measured, coverage not measured, level as in dev"
