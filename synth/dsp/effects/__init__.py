"""Effects on a signal, one class per file; `EFFECTS` lists them. Imports `dsp` and the ground."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synth.dsp.effects.agc import Agc
from synth.dsp.effects.audiomentations import Audiomentations, frozen
from synth.dsp.effects.drift import Drift
from synth.dsp.effects.effect import Effect
from synth.dsp.effects.equalizer import Equalizer
from synth.dsp.effects.gain import Gain
from synth.dsp.effects.microphone import Microphone
from synth.dsp.effects.pitch import Pitch
from synth.dsp.effects.polarity import Polarity
from synth.dsp.effects.shelf import Shelf
from synth.dsp.effects.speed import Speed
from synth.dsp.effects.tempo import Tempo
from synth.dsp.effects.trim import Trim

EFFECTS: dict[str, type[Effect]] = {
    "trim": Trim,
    "speed": Speed,
    "tempo": Tempo,
    "pitch": Pitch,
    "gain": Gain,
    "equalizer": Equalizer,
    "shelf": Shelf,
    "drift": Drift,
    "polarity": Polarity,
    "microphone": Microphone,
    "agc": Agc,
}
"""Every effect by the name that a recipe uses. A CamelCase name is an audiomentations transform instead."""


def effect_from_json(fields: Mapping[str, Any]) -> Effect:
    """Read what `effect_to_json` gave, also after JSON has turned its tuples into lists.

    Raises:
        ValueError: unknown name.
        TypeError: unknown or missing fields.
    """
    name = fields["name"]
    kind = Audiomentations if name == Audiomentations.name else EFFECTS.get(name)
    if kind is None:
        raise ValueError(f"name={name!r} is not an effect; effects are {', '.join(EFFECTS)}")
    return kind(**{key: frozen(value) for key, value in fields.items() if key != "name"})
