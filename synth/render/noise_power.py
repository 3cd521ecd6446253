"""The power of a clip's noise in the span of its speech, looked up instead of measured where that is exact enough.

This is the fast path of rendering: filtering the noise with the weightings of an SNR costs more than all else that is
done to it. The power table of a recording (dsp/analysis/power_table.py) has the filtered energy of each of its steps,
so noise that is played as it is recorded needs no filter. What was changed, synthesized or summed is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from synth.dsp import levels, mix
from synth.plan.clip_spec import ClipSpec, NoiseSegment
from synth.render.stored_noise import Noise, as_samples, power_in

#: Noise shorter than this is measured unless its tabulated powers are exact: at a start from silence or at a join they
#: may be far off, and measuring it costs little.
_SHORT_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class TabulatedPowers:
    """Mean powers of a stretch of noise by weighting, from the power table of its recording."""

    powers: Mapping[str, float]  # in the scale of the recording
    # As good as filtering (0.05 dB). If not, the stretch begins at the start of its segment or runs over a join of the
    # recording: good enough to be reported (0.2 dB), not to set a level by.
    exact: bool


#: Looks up the powers of samples start..stop of a noise segment that no effect has changed.
LookUpPowers = Callable[[NoiseSegment, int, int], TabulatedPowers]


def is_changed(segment: NoiseSegment) -> bool:
    """Whether the powers of a noise segment are not those of the samples of its recording."""
    return segment.synthesis is not None or any(effect.name != "polarity" for effect in segment.effects)


def noise_powers(
    spec: ClipSpec,
    noise: Noise,
    gains: tuple[float, ...],
    span: slice,
    scale: mix.Scale,
    look_up_powers: LookUpPowers | None,
) -> Mapping[str, float]:
    """The mean power of a clip's noise in a span, by weighting.

    Args:
        spec: the plan of the clip.
        noise: the noise of the clip, shape (num_samples,), full scale 1.0.
        gains: of each noise segment in `noise`.
        span: where the powers are taken (samples).
        scale: the power that sets the SNR is that of its weighting.
        look_up_powers: looks up powers; None if all are to be measured.
    """
    has_one_plain_track = not (
        spec.events
        or spec.target_spectrum is not None
        or spec.fluctuation_db is not None
        or any(segment.track or is_changed(segment) for segment in spec.noise)
        or len({segment.layer for segment in spec.noise}) > 1
    )
    if look_up_powers is None or not has_one_plain_track:
        return mix.noise_powers(as_samples(noise), span, sample_rate=spec.sample_rate)
    powers = dict.fromkeys(mix.REPORTED, 0.0)
    exact = len(spec.noise) == 1  # the crossfade of two segments is in the table of neither
    ends = [*(segment.at for segment in spec.noise[1:]), spec.num_samples]
    for segment, gain, end in zip(spec.noise, gains, ends, strict=True):
        start, stop = max(span.start, segment.at), min(span.stop, end)
        if start >= stop:
            continue
        tabulated = look_up_powers(segment, start - segment.at, stop - segment.at)
        exact = exact and tabulated.exact
        for weighting in powers:
            powers[weighting] += tabulated.powers[weighting] * gain**2 * (stop - start) / (span.stop - span.start)
    if not exact and span.stop - span.start < _SHORT_SECONDS * spec.sample_rate:
        return mix.noise_powers(as_samples(noise), span, sample_rate=spec.sample_rate)
    powers["none"] = power_in(noise, span)
    if not exact:
        powers[scale.weighting] = levels.weighted_power(
            as_samples(noise), weighting=scale.weighting, sample_rate=spec.sample_rate, span=span
        )
    return powers
