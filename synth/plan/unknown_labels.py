"""The labels that what is done to a clip makes unknown: not wrong, but nobody has listened to the clip."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from synth.draws import ClipDraws
from synth.dsp.effects.effect import Effect
from synth.plan.build import piece_key
from synth.plan.clip_spec import NoiseSegment, PlannedEvent
from synth.recipe.model import EffectChoice, Recipe

_NEUTRAL = {"speed": ("factor", 1.0), "tempo": ("factor", 1.0), "pitch": ("semitones", 0.0), "gain": ("db", 0.0)}
"""Effects that leave the sound as it is at one value -> that value."""


def labels_made_unknown(recipe: Recipe) -> frozenset[str]:
    """The labels that anything in the recipe makes unknown."""
    speech, noise = recipe.speech, recipe.noise
    layers, events = (noise.layers, noise.events) if noise else ((), ())
    chains = (speech.effects, recipe.channel, *(layer.effects for layer in layers))
    parts = (speech.room, speech.lombard, *layers, *events, *(choice for chain in chains for choice in chain))
    return frozenset(label for part in parts if part is not None for label in part.makes_unknown)


def made_unknown(
    recipe: Recipe,
    draws: ClipDraws,
    noise: tuple[NoiseSegment, ...],
    events: tuple[PlannedEvent, ...],
    *,
    room: bool,
    lombard: bool,
) -> tuple[str, ...]:
    """The labels that a clip with this noise and these events does not know any more, sorted.

    `room`, `lombard`: whether it has a room, and speech that reacts to the noise. An effect counts where it is applied
    and changes anything: a speed of 1 does not.
    """
    speech = recipe.speech
    happened = {event.label for event in events}
    found = [*_of_effects(speech.effects, draws), *_of_effects(recipe.channel, draws)]
    found += speech.room.makes_unknown if room and speech.room else ()
    found += speech.lombard.makes_unknown if lombard and speech.lombard else ()
    for event in recipe.noise.events if recipe.noise else ():
        found += event.makes_unknown if event.label in happened else ()
    return tuple(sorted({*found, *_of_noise(recipe, draws, noise)}))


def _of_noise(recipe: Recipe, draws: ClipDraws, noise: tuple[NoiseSegment, ...]) -> Iterator[str]:
    layers = {layer.name: layer for layer in recipe.noise.layers} if recipe.noise else {}
    for (name, track), pieces in groupby(noise, key=lambda piece: (piece.layer, piece.track)):
        yield from layers[name].makes_unknown
        for number, _ in enumerate(pieces):
            for choice in layers[name].effects:
                yield from _of_effects((choice,), draws, piece_key(layers[name], choice, track, number))


def _of_effects(choices: tuple[EffectChoice, ...], draws: ClipDraws, key: str | None = None) -> Iterator[str]:
    for choice in choices:
        if choice.makes_unknown and _changes(choice.draw(draws, key)):
            yield from choice.makes_unknown


def _changes(effect: Effect | None) -> bool:
    """Whether a drawn effect does anything."""
    if effect is None:
        return False
    name, neutral = _NEUTRAL.get(effect.name, ("name", None))
    return bool(getattr(effect, name) != neutral)
