"""The noise of a clip as one stem: its pieces joined to tracks, tracks summed to layers, layers and events together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np

from synth.dsp import levels, mix
from synth.dsp.arrays import Samples
from synth.dsp.effects.chain import run_chain
from synth.dsp.events.level import loudness
from synth.dsp.fluctuation import set_fluctuation
from synth.dsp.segments import crossfade_into
from synth.dsp.spectral_shape import shape_spectrum
from synth.errors import BadInput
from synth.plan.clip_spec import ClipSpec, NoiseSegment, PlannedEvent
from synth.plan.conditions import TargetSpectrum
from synth.units import db_to_gain

_SHORT_SECONDS = 2.0
"""Noise of less than this is measured unless its known powers are exact: at a start from silence or at a join they may
be far off, and measuring it costs little."""

ReadNoise = Callable[[NoiseSegment], Samples]
"""The source samples of a noise piece, shape (source_num_samples,), in the scale of the recording."""

ReadEvent = Callable[[PlannedEvent], Samples]
"""The samples of an event, shape (num_samples,), at any level."""


@dataclass(frozen=True, slots=True)
class KnownPowers:
    """Mean powers of noise in the span, in the scale of the recording, that were known without filtering.

    `exact`: as good as filtering (0.05 dB); else the use runs over a join, or began just before, and they are good
    enough to be reported (0.2 dB), not to set a level by.
    """

    powers: Mapping[str, float]
    exact: bool


FindPowers = Callable[[NoiseSegment, int, int], KnownPowers]
"""The known powers of samples start..stop of a noise piece that no effect has changed."""

Drawn = dict[str, Any]


@dataclass(frozen=True, slots=True)
class NoiseStem:
    """The noise of a clip, shape (num_samples,): the sum of all layers and events, with the gain of each piece and of
    each event in it, and what libraries drew for the effects of each piece."""

    samples: Samples
    gains: tuple[float, ...]
    event_gains: tuple[float, ...]
    band_gains: tuple[float, ...]
    drawn: tuple[tuple[Drawn | None, ...], ...]


def noise_stem(
    spec: ClipSpec, read_noise: ReadNoise, known_powers: FindPowers | None, read_event: ReadEvent | None
) -> NoiseStem:
    """All layers summed: the tracks of a layer equally loud, the layers at their relative levels (in the SNR's
    weighting); then the events over it.

    Raises BadInput `silent` where a recording has nothing in the band that counts.
    """
    made = _layers(spec, read_noise, known_powers)
    if read_event is not None and spec.events:
        made = _with_events(spec, made, read_event)
    if spec.target_spectrum is not None:
        made = _with_colour(spec.target_spectrum, made, spec.sample_rate)
    if spec.fluctuation_db is not None:
        made = replace(made, samples=set_fluctuation(made.samples, spec.fluctuation_db, sample_rate=spec.sample_rate))
    return made


def _with_colour(colour: TargetSpectrum, noise: NoiseStem, sample_rate: int) -> NoiseStem:
    samples, gains = shape_spectrum(
        noise.samples,
        colour.bands_db,
        rumble_db=colour.rumble_db,
        limit_db=colour.limit_db,
        sample_rate=sample_rate,
    )
    return replace(noise, samples=samples, band_gains=tuple(gains.tolist()))


def _with_events(spec: ClipSpec, noise: NoiseStem, read_event: ReadEvent) -> NoiseStem:
    """The loudest 50 ms of each event stand `relative_db` above the mean of the other noise."""
    weighting, total = _weighting(spec), noise.samples.copy()
    mean, gains = _loudness(spec, noise.samples), []
    for event in spec.events:
        samples = read_event(event)
        peak = loudness(samples, sample_rate=spec.sample_rate, weighting=weighting)
        gain = mix.round_gain(mean * db_to_gain(event.relative_db) / _root(event.label, peak))
        total[event.at : event.at + event.num_samples] += gain * samples
        gains.append(gain)
    return replace(noise, samples=total, event_gains=tuple(gains))


def _layers(spec: ClipSpec, read_noise: ReadNoise, known_powers: FindPowers | None) -> NoiseStem:
    tracks: list[tuple[str, Samples, list[float]]] = []
    drawn: list[tuple[Drawn | None, ...]] = []
    for (layer, _), pieces in groupby(spec.noise, key=lambda piece: (piece.layer, piece.track)):
        stem, gains = _track(spec, list(pieces), read_noise, known_powers, drawn)
        tracks.append((layer, stem, gains))
    if len(tracks) == 1:
        return NoiseStem(tracks[0][1], tuple(tracks[0][2]), (), (), tuple(drawn))
    total = np.zeros(spec.num_samples)
    gains_of_all: list[float] = []
    relative = {piece.layer: piece.relative_db for piece in spec.noise}
    for layer, layer_tracks in groupby(tracks, key=lambda track: track[0]):
        mine = list(layer_tracks)
        stem = np.zeros(spec.num_samples)
        unit = [1 / _loudness(spec, track) for _, track, _ in mine]
        for (_, track, _), gain in zip(mine, unit, strict=True):
            stem += gain * track
        own = mix.round_gain(db_to_gain(relative[layer]) / _loudness(spec, stem))
        total += own * stem
        gains_of_all += [g * u * own for (_, _, gains), u in zip(mine, unit, strict=True) for g in gains]
    return NoiseStem(total, tuple(gains_of_all), (), (), tuple(drawn))


def _loudness(spec: ClipSpec, samples: Samples) -> float:
    """Root mean square in the SNR's weighting, of a whole stem."""
    heard = levels.weight(samples, weighting=_weighting(spec), sample_rate=spec.sample_rate)
    return _root(spec.noise[0].recording_id, levels.mean_power(heard))


def _weighting(spec: ClipSpec) -> str:
    """The weighting in which noises are compared with each other."""
    return "a" if spec.measure == "lufs" else spec.weighting


def _root(name: str, power: float) -> float:
    if power < levels.SILENCE:
        raise BadInput("silent", name, "the noise is silent in the band that counts")
    return mix.round_gain(float(np.sqrt(power)))


def _piece_loudness(spec: ClipSpec, piece: NoiseSegment, samples: Samples, known_powers: FindPowers | None) -> float:
    """As `_loudness`, for one piece of a track; from known powers where there are any."""
    if known_powers is None or _is_changed(piece):
        return _loudness(spec, samples)
    known = known_powers(piece, 0, piece.num_samples)
    return _root(piece.recording_id, known.powers[_weighting(spec)])


def _track(
    spec: ClipSpec,
    pieces: list[NoiseSegment],
    read_noise: ReadNoise,
    known_powers: FindPowers | None,
    drawn: list[tuple[Drawn | None, ...]],
) -> tuple[Samples, list[float]]:
    """One track: a single piece as it is, several at one level and crossfaded. The gain of each piece."""
    made = []
    for piece in pieces:
        samples, records = run_chain(
            read_noise(piece), source_rate=spec.sample_rate, sample_rate=spec.sample_rate, effects=piece.effects
        )
        drawn.append(tuple(records))
        made.append(samples[: piece.num_samples])
    if len(made) == 1:
        return made[0], [1.0]
    gains = [1 / _piece_loudness(spec, piece, m, known_powers) for piece, m in zip(pieces, made, strict=True)]
    track = np.zeros(spec.num_samples)
    for piece, samples, gain in zip(pieces, made, gains, strict=True):
        crossfade_into(track, gain * samples, at=piece.at, fade_in=piece.fade_in)
    return track, gains


def noise_powers(
    spec: ClipSpec, noise: NoiseStem, span: slice, scale: mix.Scale, known_powers: FindPowers | None
) -> Mapping[str, float]:
    """The powers of the noise in the span: known ones where it is one track of unchanged pieces, else measured."""
    if (
        known_powers is None
        or spec.events
        or spec.target_spectrum is not None
        or spec.fluctuation_db is not None
        or any(piece.track or _is_changed(piece) for piece in spec.noise)
    ):
        return mix.noise_powers(noise.samples, span, sample_rate=spec.sample_rate)
    if len({piece.layer for piece in spec.noise}) > 1:
        return mix.noise_powers(noise.samples, span, sample_rate=spec.sample_rate)
    powers, exact = _known_sum(spec, noise, span, known_powers)
    if not exact and span.stop - span.start < _SHORT_SECONDS * spec.sample_rate:
        return mix.noise_powers(noise.samples, span, sample_rate=spec.sample_rate)
    powers["none"] = levels.mean_power(noise.samples[span])
    if not exact:
        heard = levels.weight(noise.samples, weighting=scale.weighting, sample_rate=spec.sample_rate)
        powers[scale.weighting] = levels.mean_power(heard[span])
    return powers


def _is_changed(piece: NoiseSegment) -> bool:
    """Whether the piece is something else than the samples of its recording."""
    return piece.synthesis is not None or any(effect.name != "polarity" for effect in piece.effects)


def _known_sum(
    spec: ClipSpec, noise: NoiseStem, span: slice, known_powers: FindPowers
) -> tuple[dict[str, float], bool]:
    """Powers of a track from those of its pieces, each up to where the next begins; and whether they are exact."""
    total, exact = dict.fromkeys(mix.REPORTED, 0.0), len(spec.noise) == 1
    ends = [*(piece.at for piece in spec.noise[1:]), spec.num_samples]
    for piece, gain, end in zip(spec.noise, noise.gains, ends, strict=True):
        start, stop = max(span.start, piece.at), min(span.stop, end)
        if start < stop:
            known = known_powers(piece, start - piece.at, stop - piece.at)
            exact = exact and known.exact
            for weighting in total:
                total[weighting] += known.powers[weighting] * gain**2 * (stop - start) / (span.stop - span.start)
    return total, exact
