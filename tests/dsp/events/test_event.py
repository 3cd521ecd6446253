"""What holds for every event in the table."""

import dataclasses
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from synth.dsp.events import EVENTS
from synth.dsp.events.event import Event

RATES = (8000, 16000, 48000)


def values_at(name, end):
    """An event with every parameter at the low (0) or the high (1) end of its default; words and numbers stay."""
    drawn = {}
    for key, parameter in EVENTS[name].parameters.items():
        default = parameter.default
        if isinstance(default, dict):
            (span,) = default.values()
            drawn[key] = float(span[end])
    return EVENTS[name](**drawn, seed=7 + end)


def limits_of(name, end):
    """The same at the very limits of what a recipe may say; at most 5 s of it."""
    parameters = EVENTS[name].parameters
    ends = {key: (p.low, p.high)[end] for key, p in parameters.items() if not p.choices}
    return EVENTS[name](**ends | {"seconds": min(ends["seconds"], 5.0)}, seed=3)


EXAMPLES = [make(name, end) for make in (values_at, limits_of) for name in EVENTS for end in (0, 1)]
EXAMPLES.append(EVENTS["siren"](kind="wail", seed=4))


def whole(event, sample_rate=16000):
    return event(round(event.seconds * sample_rate), sample_rate=sample_rate)


@pytest.mark.parametrize("name", EVENTS)
def test_table_and_class_agree(name) -> None:
    kind = EVENTS[name]
    assert (kind.name, kind.main, kind.needs_seed) == (name, None, True)
    assert {field.name for field in dataclasses.fields(kind)} == {*kind.parameters, "seed"}
    assert isinstance(kind(), Event)
    assert kind.parameters["seconds"].unit == "s"
    for key, parameter in kind.parameters.items():
        assert parameter.help
        value = getattr(kind(), key)
        if parameter.choices:
            assert parameter.default == value
        else:
            ((how, (low, high)),) = parameter.default.items()
            assert how in ("uniform", "log_uniform")
            assert parameter.low <= low <= value <= high <= parameter.high


@pytest.mark.parametrize("name", EVENTS)
def test_values_come_back_from_json(name) -> None:
    event = values_at(name, 1)
    assert type(event)(**json.loads(json.dumps(dataclasses.asdict(event)))) == event


@pytest.mark.parametrize("sample_rate", RATES)
@pytest.mark.parametrize("event", EXAMPLES, ids=repr)
def test_is_a_sound_that_starts_and_ends_at_zero(event, sample_rate) -> None:
    sound = whole(event, sample_rate)
    assert sound.dtype == np.float64
    assert sound.shape == (round(event.seconds * sample_rate),)
    assert np.isfinite(sound).all()
    assert abs(sound[0]) < 1e-6
    assert abs(sound[-1]) < 1e-6
    assert np.abs(sound[-3:]).max() < 0.01 * np.abs(sound).max()
    assert np.abs(sound).max() < 1.5


@pytest.mark.parametrize("sample_rate", RATES)
@pytest.mark.parametrize("name", EVENTS)
@pytest.mark.parametrize("end", [0, 1])
def test_peaks_near_a_tenth(name, end, sample_rate) -> None:
    assert 0.02 < np.abs(whole(values_at(name, end), sample_rate)).max() < 0.4


@pytest.mark.parametrize("event", EXAMPLES, ids=repr)
def test_cut_short_it_is_the_beginning_of_the_whole_faded_over_ten_milliseconds(event) -> None:
    full = whole(event)
    cut = 2 * len(full) // 3
    short = event(cut, sample_rate=16000)
    assert short.shape == (cut,)
    np.testing.assert_array_equal(short[:-160], full[: cut - 160])
    fade = 0.5 + 0.5 * np.cos(np.pi * np.arange(1, 161) / 160)
    np.testing.assert_allclose(short[-160:], full[cut - 160 : cut] * fade, atol=1e-15)


@pytest.mark.parametrize("event", EXAMPLES, ids=repr)
@pytest.mark.parametrize("num_samples", [0, 1, 2, 161])
def test_any_length_however_short(event, num_samples) -> None:
    sound = event(num_samples, sample_rate=16000)
    assert sound.shape == (num_samples,)
    assert np.isfinite(sound).all()
    assert not num_samples or abs(sound[-1]) < 1e-6


@pytest.mark.parametrize("name", EVENTS)
def test_beyond_its_seconds_there_is_silence(name) -> None:
    event = values_at(name, 0)
    full = whole(event)
    longer = event(len(full) + 500, sample_rate=16000)
    np.testing.assert_array_equal(longer[: len(full)], full)
    assert longer.shape == (len(full) + 500,)
    assert not longer[len(full) :].any()


@pytest.mark.parametrize("name", EVENTS)
def test_the_same_seed_gives_the_same_bytes_and_another_one_another_sound(name) -> None:
    event = EVENTS[name](seed=1)
    assert whole(event).tobytes() == whole(event).tobytes()
    assert whole(event).tobytes() != whole(dataclasses.replace(event, seed=2)).tobytes()


DIGESTS = """
import hashlib
from synth.dsp.events import EVENTS
made = [kind(seed=5)(12000, sample_rate=16000) for kind in EVENTS.values()]
print([hashlib.sha256(sound.tobytes()).hexdigest() for sound in made])
"""


def test_another_process_gives_the_same_bytes() -> None:
    outputs = [
        subprocess.run(
            [sys.executable, "-c", DIGESTS],
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, zone in [("0", "UTC"), ("123", "Asia/Tokyo")]
    ]
    assert outputs[0] == outputs[1]
    assert len(outputs[0]) > 64 * len(EVENTS)
