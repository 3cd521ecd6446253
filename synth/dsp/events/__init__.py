"""Sounds that happen in a car (horn, wipers, ...), one per file; `EVENTS` lists them. Imports `dsp` and the ground."""

from __future__ import annotations

from synth.dsp.events.door import Door
from synth.dsp.events.event import Event
from synth.dsp.events.horn import Horn
from synth.dsp.events.indicator import Indicator
from synth.dsp.events.level import loudness
from synth.dsp.events.passing_car import PassingCar
from synth.dsp.events.pothole import Pothole
from synth.dsp.events.siren import Siren
from synth.dsp.events.wipers import Wipers

__all__ = ["EVENTS", "loudness"]

EVENTS: dict[str, type[Event]] = {
    "indicator": Indicator,
    "wipers": Wipers,
    "horn": Horn,
    "passing_car": PassingCar,
    "pothole": Pothole,
    "door": Door,
    "siren": Siren,
}
"""Every event by the name that a recipe uses, which is its label in the manifest."""
