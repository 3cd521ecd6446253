"""The labels that become unknown through what is done to a clip: perhaps still true, but nobody has checked."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from synth.draws import ClipDraws
from synth.plan.builder import segment_key
from synth.plan.clip_spec import NoiseSegment, PlannedEvent
from synth.recipe.effect_choice import EffectChoice
from synth.recipe.model import Recipe

_NEUTRAL = {"speed": ("factor", 1.0), "tempo": ("factor", 1.0), "pitch": ("semitones", 0.0), "gain": ("db", 0.0)}
"""Effects that leave the sound as it is at one value -> their parameter and that value."""


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
    has_room: bool,
    has_lombard: bool,
) -> tuple[str, ...]:
    """The labels of a clip that are unknown after all that is done to it, sorted.

    An effect counts if it is applied and changes anything: a speed of 1 does not.

    Args:
        recipe: the recipe.
        draws: the draws of the clip.
        noise: the noise of the clip.
        events: the events of the clip.
        has_room: whether the speech is convolved with a room.
        has_lombard: whether the speech reacts to the noise.
    """
    speech = recipe.speech
    labels = {*_from_effects(speech.effects, draws), *_from_effects(recipe.channel, draws)}
    labels.update(speech.room.makes_unknown if has_room and speech.room else ())
    labels.update(speech.lombard.makes_unknown if has_lombard and speech.lombard else ())
    planned = {event.label for event in events}
    for event in recipe.noise.events if recipe.noise else ():
        labels.update(event.makes_unknown if event.label in planned else ())
    labels.update(_from_noise(recipe, draws, noise))
    return tuple(sorted(labels))


def _from_noise(recipe: Recipe, draws: ClipDraws, noise: tuple[NoiseSegment, ...]) -> Iterator[str]:
    layers = {layer.name: layer for layer in recipe.noise.layers} if recipe.noise else {}
    for (name, track), segments in groupby(noise, key=lambda segment: (segment.layer, segment.track)):
        yield from layers[name].makes_unknown
        for number, _ in enumerate(segments):
            for choice in layers[name].effects:
                yield from _from_effects((choice,), draws, segment_key(layers[name], choice, track, number))


def _from_effects(choices: tuple[EffectChoice, ...], draws: ClipDraws, key: str | None = None) -> Iterator[str]:
    for choice in choices:
        if choice.makes_unknown and (effect := choice.draw(draws, key)) is not None:
            parameter, neutral = _NEUTRAL.get(effect.name, ("name", None))
            if getattr(effect, parameter) != neutral:
                yield from choice.makes_unknown
