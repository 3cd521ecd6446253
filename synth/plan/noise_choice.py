"""Which noise a clip gets: its layers, whether a layer's noise is grown and how, and when events happen.

Every choice is a keyed draw, so both passes of planning make the same ones without passing them on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from synth.draws import ClipDraws
from synth.dsp.generators import GENERATORS
from synth.dsp.generators.generator import MATERIAL_SECONDS
from synth.dsp.segments import Circle
from synth.lists.label_value import truth_of
from synth.plan.clip_spec import NoiseSegment, RecordingSpan
from synth.plan.pools import POOLS, needs_held_out
from synth.recipe.distributions import draw_from
from synth.recipe.model import EventChoice, GrowMethod, Layer, Recipe
from synth.units import seconds_to_samples

NAMES = tuple(GENERATORS)
"""The ways to grow noise, in the order of their numbers in the plan's table."""


def draw_layers(recipe: Recipe, draws: ClipDraws) -> Iterator[tuple[int, Layer]]:
    """Yield (number, layer) of the layers that a clip has; none if it stays clean."""
    if recipe.noise is None:
        return
    probability = recipe.noise.probability
    if probability < 1 and draws("noise.probability") >= probability:
        return
    for number, layer in enumerate(recipe.noise.layers):
        if layer.probability >= 1 or draws(layer.key + ".probability") < layer.probability:
            yield number, layer


def is_noisy(recipe: Recipe, draws: ClipDraws) -> bool:
    """Whether a clip has any layer of noise."""
    return next(draw_layers(recipe, draws), None) is not None


def draw_grow_method(layer: Layer, draws: ClipDraws) -> GrowMethod | None:
    """Draw how the layer's noise is grown in this clip; None if it is taken from recordings."""
    if not layer.grow:
        return None
    u = draws(layer.key + ".grow")
    for method in layer.grow:
        u -= method.share
        if u < 0:
            return method
    return None


def draw_track_count(layer: Layer, method: GrowMethod | None, draws: ClipDraws) -> int:
    """Draw how many recordings, or noises grown from them, are summed."""
    if method is not None and not method.choice.kind().sources():
        return 1  # a virtual car: nobody drives in two cars at once
    return int(draw_from(layer.recordings, draws, layer.key + ".recordings"))


def car_number(method: GrowMethod, recipe: Recipe, pool: str, u: float) -> int:
    """The number of a virtual car of a pool.

    The last cars are held out: the same share as of the recordings, but at least one car is in each pool.

    Args:
        method: the way to grow noise, with its number of cars.
        recipe: the recipe.
        pool: "train" or "held_out".
        u: the draw, in [0, 1).
    """
    assert recipe.noise is not None
    share = max(1, round(method.cars * recipe.noise.held_out))
    held_out = min(share, method.cars - 1) if needs_held_out(recipe) else 0
    train = method.cars - held_out
    return int(u * train) if pool == POOLS[0] else train + int(u * held_out)


def car_name(number: int) -> str:
    """The name of a virtual car in manifest and ledger."""
    return f"car-{number:03d}"


def material_span(circle: Circle, offset: int, sample_rate: int) -> tuple[int, int]:
    """What noise is grown from if the schedule says `offset`: (first sample on the circle, number of samples)."""
    longest = seconds_to_samples(MATERIAL_SECONDS, sample_rate)
    if circle.circumference <= longest:
        return 0, circle.circumference
    # Starts lie on a grid: a generator analyzes its material once, and clips with the same material reuse that.
    step = longest // 2
    return offset % circle.circumference // step * step, longest


def recording_spans(segment: NoiseSegment) -> tuple[RecordingSpan, ...]:
    """The spans of recordings that a segment is taken from or grown from."""
    if segment.synthesis is not None:
        return segment.synthesis.materials
    return (RecordingSpan(segment.recording, segment.recording_id, segment.offset, segment.source_num_samples),)


def label_truth(labels: Mapping[str, object] | None, name: str) -> bool | None:
    """The truth value of a label of a list; None if it is unknown."""
    return truth_of((labels or {}).get(name))


@dataclass(frozen=True, slots=True)
class EventOccurrence:
    """One occurrence of an event in a clip."""

    event: EventChoice
    key: str  #: what the keys of its draws begin with


def draw_occurrences(recipe: Recipe, draws: ClipDraws) -> Iterator[EventOccurrence]:
    """Yield the events of a clip that has noise."""
    for event in recipe.noise.events if recipe.noise else ():
        if draws(event.key + ".probability") < event.probability:
            for k in range(int(draw_from(event.count, draws, event.key + ".count"))):
                yield EventOccurrence(event, f"{event.key}.{k}" if k else event.key)


def draw_event_start(occurrence: EventOccurrence, num_samples: int, total: int, draws: ClipDraws) -> int:
    """Draw the first sample of an event of `num_samples` in a clip of `total`, so that it ends before the clip does."""
    return int(draws(occurrence.key + ".at") * (total - num_samples + 1))
