"""Which noise a clip gets: its layers, whether a layer's noise is grown and how, and when events happen.

Every choice is a keyed draw, so that both passes of planning, and `synth explain`, find the same.
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
from synth.recipe.model import Event, GrowMethod, Layer, Recipe
from synth.units import seconds_to_samples

NAMES = tuple(GENERATORS)


def draw_layers(recipe: Recipe, draws: ClipDraws) -> Iterator[tuple[int, Layer]]:
    """(number, layer) of the layers that a clip has; none where it stays clean."""
    if recipe.noise is None or draws("noise.probability") >= recipe.noise.probability:
        return
    for number, layer in enumerate(recipe.noise.layers):
        if layer.probability >= 1 or draws(layer.key + ".probability") < layer.probability:
            yield number, layer


def is_noisy(recipe: Recipe, draws: ClipDraws) -> bool:
    return next(draw_layers(recipe, draws), None) is not None


def draw_grow_method(layer: Layer, draws: ClipDraws) -> GrowMethod | None:
    """How the layer's noise is grown in this clip; None where it is taken from recordings."""
    if not layer.grow:
        return None
    u = draws(layer.key + ".grow")
    for growth in layer.grow:
        u -= growth.share
        if u < 0:
            return growth
    return None


def draw_track_count(layer: Layer, growth: GrowMethod | None, draws: ClipDraws) -> int:
    """How many recordings, or noises grown from them, are summed. Nobody drives in two cars at once."""
    if growth is not None and not growth.choice.kind().sources():
        return 1
    return int(layer.recordings.value(draws(layer.key + ".recordings")))


def car_number(growth: GrowMethod, recipe: Recipe, pool: str, u: float) -> int:
    """The number of a virtual car: the last ones are held out, such a share of them as of the recordings, but at least
    one is in each pool."""
    assert recipe.noise is not None
    wanted = max(1, round(growth.cars * recipe.noise.held_out))
    held_out = min(wanted, growth.cars - 1) if needs_held_out(recipe) else 0
    kept = growth.cars - held_out
    return int(u * kept) if pool == POOLS[0] else kept + int(u * held_out)


def car_name(number: int) -> str:
    return f"car-{number:03d}"


def material_span(circle: Circle, offset: int, sample_rate: int) -> tuple[int, int]:
    """(start on the circle, samples) of what noise is grown from where the schedule says `offset`.

    Starts lie on a grid, so that what was found out about a material serves again.
    """
    longest = seconds_to_samples(MATERIAL_SECONDS, sample_rate)
    if circle.circumference <= longest:
        return 0, circle.circumference
    step = longest // 2
    return offset % circle.circumference // step * step, longest


def recording_spans(piece: NoiseSegment) -> tuple[RecordingSpan, ...]:
    """The stretches of recordings that a piece is, or is grown from."""
    if piece.synthesis is not None:
        return piece.synthesis.materials
    return (RecordingSpan(piece.recording, piece.recording_id, piece.offset, piece.source_num_samples),)


def label_truth(labels: Mapping[str, object] | None, name: str) -> bool | None:
    """What a list says of a label, as a truth value; None where it does not."""
    return truth_of((labels or {}).get(name))


@dataclass(frozen=True, slots=True)
class EventOccurrence:
    """One occurrence of an event: `key` is what its draws begin with."""

    event: Event
    key: str


def draw_occurrences(recipe: Recipe, draws: ClipDraws) -> Iterator[EventOccurrence]:
    """The events of a clip that has noise."""
    for event in recipe.noise.events if recipe.noise else ():
        if draws(event.key + ".probability") < event.probability:
            for k in range(int(event.count.value(draws(event.key + ".count")))):
                yield EventOccurrence(event, f"{event.key}.{k}" if k else event.key)


def draw_event_start(happening: EventOccurrence, num_samples: int, total: int, draws: ClipDraws) -> int:
    """The sample of the clip at which an event of `num_samples` begins: anywhere where it ends before the clip does."""
    return int(draws(happening.key + ".at") * (total - num_samples + 1))
