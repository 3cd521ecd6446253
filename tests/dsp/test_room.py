import os
from pathlib import Path

import numpy as np
import pytest

from synth.dsp.room import convolve, prepare_response, reverberation_length

RATE = 16000


def decaying(rt60: float = 0.4, direct: int = 700, ratio: float = 0.3, seed: int = 0) -> np.ndarray:
    """A direct path at sample `direct` and an exponential tail behind it, with faint noise before."""
    generator = np.random.default_rng(seed)
    tail = generator.standard_normal(RATE) * 10 ** (-3 * np.arange(RATE) / RATE / rt60)
    response = 1e-6 * generator.standard_normal(direct + RATE)
    response[direct:] += ratio * tail
    response[direct] = 1.5
    return response


@pytest.mark.parametrize("direct", [0, 3, 700, 12000])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 40.0, -1.0])
def test_the_direct_path_does_not_move_and_the_first_fifty_ms_keep_the_level(direct, scale) -> None:
    response = prepare_response(scale * decaying(direct=direct), sample_rate=RATE)
    click = np.zeros(5000)
    click[2000] = 1.0
    out = convolve(click, response)
    assert int(np.argmax(np.abs(out))) == 2000
    assert np.sum(out[: 2000 + 800] ** 2) == pytest.approx(1.0, rel=1e-9)
    assert len(out) == 5000 + reverberation_length(response)


def test_a_dry_room_changes_nothing() -> None:
    response = prepare_response(np.eye(1, 4000, 250)[0] * 0.2, sample_rate=RATE)
    samples = np.random.default_rng(1).standard_normal(3000)
    np.testing.assert_allclose(convolve(samples, response), samples, atol=1e-12)


def test_the_tail_is_kept_whole_down_to_sixty_db() -> None:
    response = prepare_response(decaying(rt60=0.4), sample_rate=RATE)
    assert 0.3 * RATE < reverberation_length(response) < 0.5 * RATE


def test_a_late_echo_louder_than_the_direct_path_is_not_taken_for_it() -> None:
    response = np.zeros(4000)
    response[100], response[900] = 0.5, 1.0
    out = convolve(np.eye(1, 1000)[0], prepare_response(response, sample_rate=RATE))
    assert np.flatnonzero(np.abs(out) > 1e-9).tolist() == [0, 800]
    assert out[0] == pytest.approx(1.0)


@pytest.mark.parametrize("response", [np.zeros(0), np.zeros(100), np.array([0.0, np.nan, 1.0]), np.array([np.inf])])
def test_what_is_no_response_is_refused(response) -> None:
    with pytest.raises(ValueError, match=r"^the impulse response is empty, silent or not finite$"):
        prepare_response(response, sample_rate=RATE)


def recorded() -> list[Path]:
    folder = os.environ.get("SYNTH_TEST_AUDIO")
    return sorted(Path(folder, "rir").rglob("*.wav")) if folder else []


@pytest.mark.skipif(not recorded(), reason="SYNTH_TEST_AUDIO names no folder with recorded impulse responses")
def test_recorded_responses_begin_with_their_direct_path() -> None:
    """What is kept before it is its own ringing, of less energy than it has with what follows."""
    import soundfile

    for path in recorded():
        samples, rate = soundfile.read(path, always_2d=True)
        response = prepare_response(samples[:, 0], sample_rate=rate)
        size = np.abs(response.taps)
        assert size[response.lead] >= 0.1 * size.max(), path.name
        assert np.sum(response.taps[: response.lead] ** 2) < 0.5, path.name
        assert np.sum(response.taps[: response.lead + round(0.05 * rate)] ** 2) == pytest.approx(1.0)
        assert response.lead <= 0.001 * rate + 1
