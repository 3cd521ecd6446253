"""What holds for every effect in the table."""

import dataclasses
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from synth.dsp.effects import (
    EFFECTS,
    Agc,
    Audiomentations,
    Drift,
    Equalizer,
    Gain,
    Microphone,
    Pitch,
    Polarity,
    Shelf,
    Speed,
    Tempo,
    Trim,
    effect_from_json,
)
from synth.dsp.effects.effect import Effect, effect_to_json
from tests.dsp.effects.known_signals import noise

EXAMPLES = [
    Trim(40.0, 100, 5000),
    Speed(0.9),
    Tempo(1.1),
    Tempo(1.1, "signalsmith"),
    Tempo(0.8, "librosa"),
    Pitch(2.5),
    Pitch(2.5, "signalsmith"),
    Pitch(-3.0, "librosa"),
    Gain(-3.5),
    Equalizer((1.0, 2.0, -3.0, 0.0, 0.5, 4.0, 1.0, 0.0), -2.0),
    Drift(2.0, 0.3, 99),
    Polarity(),
    Shelf(6.0, 1500.0),
    Microphone(100.0, 3400.0, 4),
    Agc(),
    Audiomentations.of("BitCrush", {"min_bit_depth": 6, "max_bit_depth": 8}, 7),
    Audiomentations.of("SevenBandParametricEQ", {}, 2**32 - 1),
]


def test_every_effect_of_the_table_is_tried_here() -> None:
    assert {type(effect) for effect in EXAMPLES} == {*EFFECTS.values(), Audiomentations}


@pytest.mark.parametrize("effect", EXAMPLES, ids=repr)
def test_keeps_its_input_and_gives_the_planned_length_and_the_same_bytes_again(effect) -> None:
    before = noise(9000)
    before.setflags(write=False)
    out = effect(before, sample_rate=16000)
    assert out.dtype == np.float64
    assert out.shape == (effect.output_length(9000, 16000),)
    assert np.isfinite(out).all()
    assert effect(before, sample_rate=16000).tobytes() == out.tobytes()


@pytest.mark.parametrize("effect", EXAMPLES, ids=repr)
def test_positions_are_in_order_and_inside(effect) -> None:
    places = [effect.map_position(p, 9000, 16000) for p in range(0, 9001, 50)]
    assert places == sorted(places)
    assert places[0] >= 0
    assert places[-1] <= effect.output_length(9000, 16000)


@pytest.mark.parametrize("effect", EXAMPLES, ids=repr)
def test_comes_back_from_json(effect) -> None:
    back = effect_from_json(json.loads(json.dumps(effect_to_json(effect))))
    assert back == effect
    assert hash(back) == hash(effect)


@pytest.mark.parametrize(("name", "kind"), EFFECTS.items(), ids=list(EFFECTS))
def test_table_and_class_agree(name, kind) -> None:
    """Every parameter of a recipe is a field with the same default; other fields are filled in by the plan."""
    assert kind.name == name
    fields = {field.name: field for field in dataclasses.fields(kind)}
    for key, parameter in kind.parameters.items():
        default = fields.pop(key).default
        assert parameter.default == (None if default is dataclasses.MISSING else default)
        assert parameter.help
    assert all(field.default is not dataclasses.MISSING for field in fields.values())
    assert kind.needs_seed == ("seed" in fields)
    assert kind.main is None or kind.main in kind.parameters
    assert isinstance(effect_from_json({"name": name} | dict.fromkeys(kind.parameters, 1)), Effect)


def test_unknown_effect_is_named() -> None:
    with pytest.raises(ValueError, match=r"^name='sped' is not an effect; effects are trim, speed, tempo, "):
        effect_from_json({"name": "sped", "factor": 1})


DIGESTS = """
import hashlib
from tests.dsp.effects.known_signals import noise
from tests.dsp.effects.test_effect import EXAMPLES
print([hashlib.sha256(e(noise(9000), sample_rate=16000).tobytes()).hexdigest() for e in EXAMPLES])
"""


def test_another_process_gives_the_same_bytes() -> None:
    outputs = [
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", DIGESTS],
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, zone in [("0", "UTC"), ("123", "Asia/Tokyo")]
    ]
    assert outputs[0] == outputs[1]
    assert len(outputs[0]) > 64 * len(EXAMPLES)


def test_planning_loads_no_audio_library() -> None:
    code = (
        "import sys, synth.dsp.effects, synth.dsp.effects.chain, synth.dsp.room;"
        "from synth.dsp.effects import *;"
        "synth.dsp.effects.chain.planned_length(1000, 8000, 16000, [Speed(0.9), Pitch(2.0)]);"
        "print({'scipy', 'librosa', 'audiomentations', 'python_stretch', 'soxr', 'numba'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
