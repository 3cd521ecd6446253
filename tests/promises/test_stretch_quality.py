"""Short forms of benchmarks/stretch_quality.py: what the engines may do to clicks, noise and voices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import stretch_quality as quality
from tests.helpers import FIXTURES, REAL_AUDIO

CHANGES = [("tempo", 0.8), ("tempo", 1.25), ("pitch", -3.0), ("pitch", 3.0)]


@pytest.mark.parametrize("change", quality.CHANGES, ids=str)
def test_no_click_is_doubled_dropped_or_smeared(change) -> None:
    train, places = quality.click_train(100)
    assert quality.count_clicks(quality.changed(train, change, "wsola")) == len(places)
    alone = np.zeros(16000)
    alone[8000] = 1.0
    assert quality.click_width_ms(quality.changed(alone, change, "wsola")) < 2


@pytest.mark.parametrize("change", quality.CHANGES, ids=str)
def test_noise_does_not_buzz(change) -> None:
    """No tone in its spectrum, no period in the whole of it, and levels that swing as before."""
    before = quality.white(10)
    after = quality.changed(before, change, "wsola")
    assert quality.flatness(after) > 0.98
    power = np.abs(np.fft.rfft(after, 2 * len(after))) ** 2
    white = np.where(np.arange(len(power)) < 0.75 * len(power), power, 0)  # what resampling leaves of it
    correlation = np.fft.irfft(white)[: 16000 // 50]
    assert np.abs(correlation[40:]).max() < 0.04 * correlation[0]
    if change[0] == "tempo":
        assert quality.swing_db(after) == pytest.approx(quality.swing_db(before), abs=0.06)
        assert np.std(after) == pytest.approx(np.std(before), rel=0.01)
        assert quality.repetition(after) < 0.3


@pytest.fixture(scope="module")
def speech() -> list[np.ndarray]:
    """Four synthesized utterances, or real ones where there are any: pyin loses whole words of hoarse voices by chance."""
    folder = Path(REAL_AUDIO) / "speech" / "librispeech" if REAL_AUDIO else FIXTURES / "speech"
    return [samples[: 4 * 16000] for samples in quality.read_speech(folder, 4)]


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_a_voice_keeps_its_contour_and_its_onsets(speech, change) -> None:
    """Each within a bound, and no worse than Signalsmith by more than a little."""
    cache: dict[int, object] = {}
    wsola, signalsmith = (
        [float(cell) for cell in quality.speech_row(speech, change, engine, cache)]
        for engine in ("wsola", "signalsmith")
    )
    _, median, _, voicing, kept, _ = wsola
    assert median <= 15  # cents; pyin has steps of 10
    assert voicing >= max(80, signalsmith[3] - 6)  # % of the time
    assert kept >= max(70, signalsmith[4] - 10)  # % of the onsets
