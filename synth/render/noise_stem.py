"""The noise of a clip as one stem: its segments joined to tracks, tracks summed to layers, layers and events together.

Levels are those under the weighting of the SNR, so that "equally loud" means what the SNR means:

1. The segments of a track are brought to one level and crossfaded; a track of one segment stays as it is.
2. The tracks of a layer are brought to one level and summed.
3. Each layer is brought to its level relative to the others, and the layers are summed.
4. Events are added, relative to the mean of that sum.
5. The sum is equalized to the spectrum, and given the level fluctuation, that the clip's case asks for.

The level of the whole against the speech is set later, by the SNR (render/clip.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from synth.dsp import levels, mix
from synth.dsp.arrays import Samples
from synth.dsp.effects.chain import run_chain
from synth.dsp.effects.effect import Report
from synth.dsp.events.level import loudness
from synth.dsp.fluctuation import set_fluctuation
from synth.dsp.segments import crossfade_into
from synth.dsp.spectral_shape import shape_spectrum
from synth.errors import BadInput
from synth.plan.clip_spec import ClipSpec, NoiseSegment, PlannedEvent
from synth.render.noise_power import LookUpPowers, is_changed
from synth.render.stored_noise import Noise, as_samples
from synth.units import db_to_gain

#: Reads a noise segment, shape (source_num_samples,), in the scale of the recording.
ReadNoise = Callable[[NoiseSegment], Noise]

#: Reads the samples of an event, shape (num_samples,), at any level.
ReadEvent = Callable[[PlannedEvent], Samples]


@dataclass(frozen=True, slots=True)
class NoiseStem:
    """The noise of a clip before the SNR is set."""

    sound: Noise  # shape (num_samples,): the sum of all layers and events
    segment_gains: tuple[float, ...]  # of each noise segment in it
    reports: tuple[tuple[Report | None, ...], ...]  # for each segment and effect, what a library drew by itself
    event_gains: tuple[float, ...] = ()  # of each event in it
    band_gains_db: tuple[float, ...] = ()  # of each band, to reach the target spectrum

    @property
    def samples(self) -> Samples:
        """The sound as float64."""
        return as_samples(self.sound)


@dataclass(frozen=True, slots=True)
class _Track:
    """Noise segments that follow each other over the whole clip."""

    layer: str
    samples: Samples  # shape (num_samples,)
    gains: tuple[float, ...]  # of each segment in it
    reports: tuple[tuple[Report | None, ...], ...]  # as in NoiseStem


def noise_stem(
    spec: ClipSpec, read_noise: ReadNoise, look_up_powers: LookUpPowers | None, read_event: ReadEvent | None
) -> NoiseStem:
    """Make the noise of a clip.

    Args:
        spec: the plan of a clip with noise.
        read_noise: reads the source samples of a noise segment.
        look_up_powers: looks up the powers of unchanged noise, so that it need not be filtered; None: it is filtered.
        read_event: reads the samples of an event; None: events are left out.

    Raises:
        BadInput: `silent` if a recording has nothing in the band that counts.
    """
    if _is_one_recording(spec):
        return NoiseStem(read_noise(spec.noise[0]), (1.0,), ((),))
    tracks = [
        _track(spec, list(segments), read_noise, look_up_powers)
        for _, segments in groupby(spec.noise, key=lambda segment: (segment.layer, segment.track))
    ]
    noise = _sum_layers(spec, tracks)
    if read_event is not None and spec.events:
        noise = _add_events(spec, noise, read_event)
    if (target := spec.target_spectrum) is not None:
        samples, band_gains = shape_spectrum(
            noise.samples,
            target.bands_db,
            rumble_db=target.rumble_db,
            limit_db=target.limit_db,
            sample_rate=spec.sample_rate,
        )
        noise = replace(noise, sound=samples, band_gains_db=tuple(band_gains.tolist()))
    if spec.fluctuation_db is not None:
        noise = replace(noise, sound=set_fluctuation(noise.samples, spec.fluctuation_db, sample_rate=spec.sample_rate))
    return noise


def _is_one_recording(spec: ClipSpec) -> bool:
    """Whether the noise is a stretch of one recording to which nothing is done, so that it needs no floats.

    For BS.1770, which filters the noise, it needs them.
    """
    is_changed_later = spec.events or spec.target_spectrum is not None or spec.fluctuation_db is not None
    return len(spec.noise) == 1 and not (spec.noise[0].effects or is_changed_later or spec.measure == "lufs")


def _track(
    spec: ClipSpec, segments: list[NoiseSegment], read_noise: ReadNoise, look_up_powers: LookUpPowers | None
) -> _Track:
    """Read the segments of one track, apply their effects, and join them."""
    rate = spec.sample_rate
    chains = [
        run_chain(as_samples(read_noise(segment)), source_rate=rate, sample_rate=rate, effects=segment.effects)
        for segment in segments
    ]
    reports = tuple(tuple(reports) for _, reports in chains)
    parts = [samples[: segment.num_samples] for segment, (samples, _) in zip(segments, chains, strict=True)]
    if len(parts) == 1:
        return _Track(segments[0].layer, parts[0], (1.0,), reports)
    gains = [
        1 / _segment_loudness(spec, segment, part, look_up_powers)
        for segment, part in zip(segments, parts, strict=True)
    ]
    samples = np.zeros(spec.num_samples)
    for segment, part, gain in zip(segments, parts, gains, strict=True):
        crossfade_into(samples, gain * part, at=segment.at, fade_in=segment.fade_in)
    return _Track(segments[0].layer, samples, tuple(gains), reports)


def _sum_layers(spec: ClipSpec, tracks: list[_Track]) -> NoiseStem:
    """Sum the tracks of each layer equally loud, and the layers at their relative levels."""
    reports = tuple(reports for track in tracks for reports in track.reports)
    if len(tracks) == 1:
        return NoiseStem(tracks[0].samples, tracks[0].gains, reports)
    total = np.zeros(spec.num_samples)
    segment_gains: list[float] = []
    relative_db = {segment.layer: segment.relative_db for segment in spec.noise}
    for layer, group in groupby(tracks, key=lambda track: track.layer):
        tracks_of_layer = list(group)
        track_gains = [1 / _loudness(spec, track.samples) for track in tracks_of_layer]
        layer_samples = np.zeros(spec.num_samples)
        for track, gain in zip(tracks_of_layer, track_gains, strict=True):
            layer_samples += gain * track.samples
        layer_gain = mix.round_gain(db_to_gain(relative_db[layer]) / _loudness(spec, layer_samples))
        total += layer_gain * layer_samples
        for track, track_gain in zip(tracks_of_layer, track_gains, strict=True):
            segment_gains += [gain * track_gain * layer_gain for gain in track.gains]
    return NoiseStem(total, tuple(segment_gains), reports)


def _add_events(spec: ClipSpec, noise: NoiseStem, read_event: ReadEvent) -> NoiseStem:
    """Add the events, the loudest 50 ms of each `relative_db` above the mean of the other noise."""
    total, mean, gains = noise.samples.copy(), _loudness(spec, noise.samples), []
    for event in spec.events:
        samples = read_event(event)
        peak = loudness(samples, sample_rate=spec.sample_rate, weighting=_weighting(spec))
        gain = mix.round_gain(mean * db_to_gain(event.relative_db) / _root(event.label, peak))
        total[event.at : event.at + event.num_samples] += gain * samples
        gains.append(gain)
    return replace(noise, sound=total, event_gains=tuple(gains))


def _weighting(spec: ClipSpec) -> str:
    """The weighting in which noises are compared with each other."""
    return "a" if spec.measure == "lufs" else spec.weighting


def _loudness(spec: ClipSpec, samples: Samples) -> float:
    """Root mean square of noise under the weighting; BadInput names the first recording."""
    power = levels.weighted_power(samples, weighting=_weighting(spec), sample_rate=spec.sample_rate)
    return _root(spec.noise[0].recording_id, power)


def _segment_loudness(
    spec: ClipSpec, segment: NoiseSegment, samples: Samples, look_up_powers: LookUpPowers | None
) -> float:
    """As `_loudness`, for one segment of a track; looked up if possible."""
    if look_up_powers is None or is_changed(segment):
        return _loudness(spec, samples)
    powers = look_up_powers(segment, 0, segment.num_samples).powers
    return _root(segment.recording_id, powers[_weighting(spec)])


def _root(name: str, power: float) -> float:
    if power < levels.SILENCE:
        raise BadInput("silent", name, "the noise is silent in the band that counts")
    return mix.round_gain(float(np.sqrt(power)))
