"""A pure function: one planned clip and its source samples become samples and measurements. Nothing is drawn here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synth.catalog.recording import Word
from synth.dsp import levels, mix
from synth.dsp.arrays import Samples
from synth.dsp.effects.chain import map_position, run_chain
from synth.dsp.effects.effect import Effect
from synth.dsp.room import Response, convolve
from synth.errors import BadInput
from synth.plan.clip_spec import ClipSpec
from synth.render.noise_stem import Drawn, FindPowers, NoiseStem, ReadEvent, ReadNoise, noise_powers, noise_stem
from synth.units import db_to_gain, gain_to_db, power_to_db, seconds_to_samples


@dataclass(frozen=True, slots=True)
class RenderSettings:
    """What the recipe says of every clip alike."""

    max_peak_dbfs: float = -1.0
    refuse_clipping: bool = False
    stems: bool = False


@dataclass(frozen=True, slots=True)
class EffectDraws:
    """For each effect what a library drew by itself; None for our own effects. `noise`: one tuple a piece."""

    speech: tuple[Drawn | None, ...]
    noise: tuple[tuple[Drawn | None, ...], ...]
    channel: tuple[Drawn | None, ...]


@dataclass(frozen=True, slots=True)
class Measurements:
    """What was done, in dB. Levels of stems are at the gain at which they enter the channel. `noise_gains_db`: for
    each noise piece, from its recording (or generator) to the clip; `event_gains_db`: likewise for each event.
    `band_gains_db`: what each band of the noise was changed by to get its colour (the rumble's first, where it has
    one).

    The SNR fields are those of `mix.MeasuredSnr`, None where there is no noise.
    """

    active_level_dbfs: float
    snr_measured: float | None
    snr_band: float | None
    snr_a: float | None
    snr_broadband: float | None
    level_dbfs: float
    peak_dbfs: float
    headroom_gain_db: float
    noise_gains_db: tuple[float, ...]
    event_gains_db: tuple[float, ...]
    band_gains_db: tuple[float, ...]
    drawn: EffectDraws


@dataclass(frozen=True, slots=True)
class RenderedAudio:
    """`samples`: shape (n,), full scale 1.0, not yet quantized. `stems`: speech and noise as they enter the channel;
    where there is none they sum to the samples. `speech_alignment`: (word, start, duration) in seconds from the start
    of the clip."""

    samples: Samples
    sample_rate: int
    stems: tuple[Samples, Samples] | None
    speech_alignment: tuple[tuple[str, float, float], ...] | None
    measurements: Measurements


def render_clip(
    spec: ClipSpec,
    speech: Samples,
    *,
    source_rate: int,
    read_noise: ReadNoise,
    known_powers: FindPowers | None = None,
    read_event: ReadEvent | None = None,
    room: Response | None = None,
    words: Sequence[Word] | None = None,
    settings: RenderSettings,
) -> RenderedAudio:
    """Render one clip.

    Args:
        spec: the plan of the clip.
        speech: the speech recording, shape (n,), at `source_rate`, full scale 1.0.
        source_rate: in Hz.
        read_noise: gives the source samples of a noise piece.
        known_powers: gives the powers of unchanged noise, so that it need not be filtered.
        read_event: gives the samples of an event.
        room: the prepared impulse response (dsp/room.py) at the clip's rate, or None.
        words: the recording's alignment.
        settings: what holds for every clip.

    Raises:
        BadInput: `silent`, `too_short`, `clipped` or `nonfinite`.
    """
    stem, drawn_speech = _speech_stem(spec, speech, source_rate, room)
    span = slice(spec.onset, spec.onset + spec.speech_num_samples)
    scale = mix.Scale(spec.measure, "none" if spec.measure == "lufs" else spec.weighting, spec.sample_rate)
    level = _speech_level(spec, stem, span, scale)
    noise = noise_stem(spec, read_noise, known_powers, read_event) if spec.noise else None
    mixed = (
        _mixed(spec, stem, noise, level, span, scale, settings, known_powers) if noise else _alone(spec, stem, settings)
    )
    samples, drawn_channel, headroom_db = _through_channel(spec, mixed, settings)
    heard = mixed.heard
    return RenderedAudio(
        samples=samples,
        sample_rate=spec.sample_rate,
        stems=(stem * heard, noise.samples * mixed.noise_gain * heard if noise else np.zeros_like(stem))
        if settings.stems
        else None,
        speech_alignment=None if words is None else _aligned(spec, words, len(speech), source_rate),
        measurements=Measurements(
            active_level_dbfs=power_to_db(level.power(heard)) + gain_to_db(heard),
            snr_measured=mixed.snr.measured if mixed.snr else None,
            snr_band=mixed.snr.band if mixed.snr else None,
            snr_a=mixed.snr.a if mixed.snr else None,
            snr_broadband=mixed.snr.broadband if mixed.snr else None,
            level_dbfs=levels.level_dbfs(samples),
            peak_dbfs=_peak_dbfs(samples),
            headroom_gain_db=headroom_db,
            noise_gains_db=tuple(gain_to_db(g * mixed.noise_gain * heard) for g in noise.gains) if noise else (),
            event_gains_db=tuple(gain_to_db(g * mixed.noise_gain * heard) for g in noise.event_gains) if noise else (),
            band_gains_db=noise.band_gains if noise else (),
            drawn=EffectDraws(drawn_speech, noise.drawn if noise else (), drawn_channel),
        ),
    )


def _speech_stem(
    spec: ClipSpec, speech: Samples, source_rate: int, room: Response | None
) -> tuple[Samples, tuple[Drawn | None, ...]]:
    """The speech after its effects and the room, at its place in the clip; a reverberant tail runs into the margin."""
    made, drawn = run_chain(speech, source_rate=source_rate, sample_rate=spec.sample_rate, effects=spec.speech_effects)
    if len(made) != spec.speech_num_samples:
        text = f"{len(made)} samples of speech where {spec.speech_num_samples} were planned"
        raise BadInput("truncated", spec.source_id, text)
    if not np.isfinite(levels.mean_power(made)):
        raise BadInput("nonfinite", spec.source_id, "an effect gave NaN or infinity")
    stem = np.zeros(spec.num_samples)
    if room is not None:
        made = convolve(made, room)[: spec.num_samples - spec.onset]
    stem[spec.onset : spec.onset + len(made)] = made
    return stem, tuple(drawn)


def _speech_level(spec: ClipSpec, stem: Samples, span: slice, scale: mix.Scale) -> mix.SpeechLevel:
    try:
        return mix.speech_level(stem, span, scale=scale)
    except levels.SilentError as error:
        raise BadInput("silent", spec.source_id, f"the speech has no level: {error}") from error
    except ValueError as error:
        raise BadInput("too_short", spec.source_id, str(error)) from error


@dataclass(frozen=True, slots=True)
class _Mixed:
    """Speech and noise together, at the level that is heard (or that enters the channel).

    `heard` is the gain of all, `headroom_db` what of it was needed for the headroom; `noise_gain` the noise's own.
    """

    samples: Samples
    heard: float
    headroom_db: float
    noise_gain: float
    snr: mix.MeasuredSnr | None


def _alone(spec: ClipSpec, stem: Samples, settings: RenderSettings) -> _Mixed:
    samples, heard, headroom_db = _to_level(spec, stem, settings)
    return _Mixed(samples, heard, headroom_db, 0.0, None)


_SETTLED = 2e-4  # relative: 0.002 dB
_ROUNDS = 5


def _mixed(
    spec: ClipSpec,
    stem: Samples,
    noise: NoiseStem,
    level: mix.SpeechLevel,
    span: slice,
    scale: mix.Scale,
    settings: RenderSettings,
    known_powers: FindPowers | None,
) -> _Mixed:
    """Mix at the SNR. Where the measure moves with the gain (P.56, BS.1770), the SNR is made true at the final gain,
    which itself depends on the noise: a few rounds, each moving it by less."""
    assert spec.snr_db is not None
    powers = noise_powers(spec, noise, span, scale, known_powers)
    noise_level = mix.NoiseLevel(noise.samples[span], powers)
    heard, gain = _guess_heard(spec, stem), 0.0
    try:
        for _ in range(_ROUNDS):
            before, gain = gain, mix.noise_gain(level, noise_level, snr_db=spec.snr_db, heard=heard, scale=scale)
            if abs(gain - before) <= _SETTLED * gain:
                gain = before
                break
            samples, heard, headroom_db = _to_level(spec, stem + gain * noise.samples, settings)
            if not level.moves:
                break
        snr = mix.measured_snr(level, noise_level, gain=gain, heard=heard, scale=scale)
    except levels.SilentError as error:
        raise BadInput("silent", spec.noise[0].recording_id, str(error)) from error
    return _Mixed(samples, heard, headroom_db, gain, snr)


def _guess_heard(spec: ClipSpec, stem: Samples) -> float:
    """The gain of the clip if the noise added nothing: a start for the rounds."""
    if spec.level_dbfs is None:
        return 1.0
    return db_to_gain(spec.level_dbfs - levels.level_dbfs(stem))


def _through_channel(
    spec: ClipSpec, mixed: _Mixed, settings: RenderSettings
) -> tuple[Samples, tuple[Drawn | None, ...], float]:
    """The clip after its channel, at its level again: (samples, what was drawn, dB for the headroom)."""
    if not spec.channel_effects:
        return mixed.samples, (), mixed.headroom_db
    through, drawn = _channel(spec, mixed.samples)
    samples, _, headroom_db = _to_level(spec, through, settings)
    if spec.level_dbfs is None:
        headroom_db += mixed.headroom_db  # what the channel heard less is not made good by a level
    return samples, drawn, headroom_db


def _channel(spec: ClipSpec, samples: Samples) -> tuple[Samples, tuple[Drawn | None, ...]]:
    effects: tuple[Effect, ...] = spec.channel_effects
    through, drawn = run_chain(samples, source_rate=spec.sample_rate, sample_rate=spec.sample_rate, effects=effects)
    if not np.isfinite(through).all():
        raise BadInput("nonfinite", spec.source_id, "the channel gave NaN or infinity")
    return through, tuple(drawn)


def _to_level(spec: ClipSpec, samples: Samples, settings: RenderSettings) -> tuple[Samples, float, float]:
    """At the asked level, turned down to the headroom where it must be: (samples, gain, dB of it for the headroom)."""
    power = levels.mean_power(samples)
    if power < levels.SILENCE:
        raise BadInput("silent", spec.source_id, "the clip is silent")
    gain = 1.0 if spec.level_dbfs is None else mix.round_gain(db_to_gain(spec.level_dbfs) / float(np.sqrt(power)))
    peak = max(float(samples.max()), -float(samples.min())) * gain
    ceiling = 1.0 if spec.unchanged else db_to_gain(settings.max_peak_dbfs)  # resampling alone can lead above that
    down = 1.0
    if peak > ceiling:
        if settings.refuse_clipping:
            raise BadInput("clipped", spec.source_id, f"the clip would peak at {gain_to_db(peak):+.1f} dBFS")
        down = mix.round_gain(ceiling / peak * (1 - 1e-9))
    gain *= down
    return samples * gain if gain != 1.0 else samples, gain, gain_to_db(down)


def _peak_dbfs(samples: Samples) -> float:
    return gain_to_db(max(float(samples.max()), -float(samples.min())))


def _aligned(
    spec: ClipSpec, words: Sequence[Word], num_samples: int, source_rate: int
) -> tuple[tuple[str, float, float], ...]:
    """The words where the effects and the margin put them; a word that was trimmed away is left out."""

    def place(seconds: float) -> int:
        position = min(seconds_to_samples(seconds, source_rate), num_samples)
        return spec.onset + map_position(position, num_samples, source_rate, spec.sample_rate, spec.speech_effects)

    placed = ((word.text, place(word.start), place(word.start + word.duration)) for word in words)
    rate = spec.sample_rate
    return tuple((text, start / rate, (end - start) / rate) for text, start, end in placed if end > start)
