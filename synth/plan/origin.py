"""Where in which file the noise of a clip was: from the circle of usable sound back to samples of the source."""

from __future__ import annotations

from typing import TypedDict

from synth.catalog.recording import Recording
from synth.plan.clip_spec import RecordingSpan
from synth.plan.plan import Plan
from synth.units import resampled_length


class Origin(TypedDict):
    """The sound of a use of a recording in its source file.

    There are several segments if the use runs over dead or clipped sound, which is left out, or over the end of the
    recording to its start. The first samples of a segment are crossfaded with what follows the segment before it.
    """

    source_name: str | None  #: of the recipe's source
    source_path: str | None  #: of the file, relative to the root of the source
    source_segments: list[list[int]] | None  #: [[start, num_samples], ...] in samples of the file, in order of use


NO_ORIGIN = Origin(source_name=None, source_path=None, source_segments=None)
"""The origin of noise that is not in any file as it is."""


def origin_of(plan: Plan, recording: Recording, layer: str, pool: str, span: RecordingSpan) -> Origin:
    """Where a use of a noise recording (`plan.noise[span.recording]`) comes from."""
    circle, rate = plan.circle(layer, pool, span.recording), plan.recipe.sample_rate

    def in_file(sample: int) -> int:
        return recording.offset + min(resampled_length(sample, rate, recording.sample_rate), recording.num_samples)

    segments = []
    for stretch, inside, count in circle.runs(span.offset, span.num_samples):
        start = circle.stretches[stretch][0] + inside
        first, last = in_file(start), in_file(start + count)
        segments.append([first, last - first])
    return Origin(source_name=recording.source, source_path=recording.path, source_segments=segments)
