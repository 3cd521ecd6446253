"""A pure function: one planned clip and its source samples become samples and measurements. Nothing is drawn here.

The signal path: speech -> effects -> room -> stem; noise -> stem; both mixed at the SNR -> level -> channel -> level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from synth.audio.pcm_level import PcmLevel
from synth.catalog.recording import Word
from synth.dsp import levels, mix
from synth.dsp.arrays import Samples
from synth.dsp.effects.chain import run_chain
from synth.dsp.effects.effect import Report
from synth.errors import BadInput
from synth.plan.clip_spec import ClipSpec
from synth.render.mixture import Mixture, Rounded
from synth.render.noise_power import LookUpPowers, noise_powers
from synth.render.noise_stem import NoiseStem, ReadEvent, ReadNoise, noise_stem
from synth.render.played_speech import PlayedSpeech, place_words, snr_scale
from synth.units import db_to_gain, gain_to_db, power_to_db


@dataclass(frozen=True, slots=True)
class RenderSettings:
    """What the recipe says of every clip alike."""

    max_peak_dbfs: float = -1.0
    refuse_clipping: bool = False  # if a clip would pass that peak; else it is turned down
    stems: bool = False


@dataclass(frozen=True, slots=True)
class EffectReports:
    """For each effect what a library drew by itself while it rendered; None for our own effects."""

    speech: tuple[Report | None, ...]
    noise: tuple[tuple[Report | None, ...], ...]  # for each segment
    channel: tuple[Report | None, ...]


@dataclass(frozen=True, slots=True)
class Measurements:
    """What was done to a clip, in dB. Levels of stems are at the gain at which they enter the channel."""

    active_level_dbfs: float  # of the speech
    snr: mix.MeasuredSnr | None  # None if there is no noise
    level_dbfs: float
    peak_dbfs: float
    headroom_gain_db: float  # 0 or less: what the clip was turned down by to keep its peak
    noise_gains_db: tuple[float, ...]  # for each noise segment, from its recording (or generator) to the clip
    event_gains_db: tuple[float, ...]  # likewise for each event
    band_gains_db: tuple[float, ...]  # of each band of the noise, to reach the target spectrum; the rumble's first
    effect_reports: EffectReports


@dataclass(frozen=True, slots=True)
class RenderedAudio:
    """The sound of a clip."""

    pcm: npt.NDArray[np.int16]  # the finished sound as it is written, shape (num_samples,), full scale 32768
    pcm_level: PcmLevel
    mixture: Mixture  # the same before rounding; after a channel it is one part, without noise
    sample_rate: int  # Hz
    # Speech and noise as they enter the channel, shape (num_samples,) each; without a channel they sum to the samples.
    stems: tuple[Samples, Samples] | None
    speech_alignment: tuple[tuple[str, float, float], ...] | None  # (word, start, duration), seconds of the clip
    measurements: Measurements

    @property
    def samples(self) -> Samples:
        """The finished sound before rounding: float64, shape (num_samples,), full scale 1.0. Computed at each call."""
        return self.mixture.samples()


def render_clip(
    spec: ClipSpec,
    speech: PlayedSpeech,
    *,
    read_noise: ReadNoise,
    look_up_powers: LookUpPowers | None = None,
    read_event: ReadEvent | None = None,
    words: Sequence[Word] | None = None,
    settings: RenderSettings,
) -> RenderedAudio:
    """Render one clip.

    Args:
        spec: the plan of the clip.
        speech: its speech, after effects and room.
        read_noise: reads the source samples of a noise segment.
        look_up_powers: looks up the powers of unchanged noise, so that it need not be filtered.
        read_event: reads the samples of an event.
        words: the recording's alignment.
        settings: what holds for every clip.

    Raises:
        BadInput: `silent`, `clipped` or `nonfinite`.
    """
    span = slice(spec.onset, spec.onset + spec.speech_num_samples)
    scale = snr_scale(spec.measure, spec.weighting, spec.sample_rate)
    mixture, noise = Mixture(spec.num_samples, speech.samples, spec.onset), NoiseStem(np.zeros(0), (), ())
    if spec.noise:
        noise = noise_stem(spec, read_noise, look_up_powers, read_event)
        powers = noise_powers(spec, noise.sound, noise.segment_gains, span, scale, look_up_powers)
        noise_level = mix.NoiseLevel(powers, None)
        if spec.measure == "lufs":
            noise_level = mix.noise_level(noise.samples, span, powers, scale=scale)
        mixed = _mix_at_snr(spec, replace(mixture, noise=noise.sound), speech.level, noise_level, scale, settings)
    else:
        mixed = _Mix(_to_level(spec, mixture, settings, is_final=not spec.channel_effects), None)
    output, channel_reports = mixed.output, tuple[Report | None, ...]()
    headroom_db = output.headroom_db
    if spec.channel_effects:
        samples, channel_reports = _apply_channel(spec, output.mixture.samples())
        output = _to_level(spec, Mixture(spec.num_samples, samples), settings, is_final=True)
        # Without a planned level, nothing after the channel makes up for what the mix was turned down before it.
        headroom_db = output.headroom_db + (mixed.output.headroom_db if spec.level_dbfs is None else 0.0)
    mix_gain, noise_gain = mixed.output.mixture.gain, mixed.output.mixture.noise_gain
    rounded = output.mixture.rounded() if output.rounded is None else output.rounded
    return RenderedAudio(
        pcm=rounded.pcm,
        pcm_level=rounded.level,
        mixture=output.mixture,
        sample_rate=spec.sample_rate,
        stems=mixed.output.mixture.stems() if settings.stems else None,
        speech_alignment=None if words is None else place_words(spec, words, speech),
        measurements=Measurements(
            active_level_dbfs=power_to_db(speech.level.power(mix_gain)) + gain_to_db(mix_gain),
            snr=mixed.snr,
            level_dbfs=output.level_dbfs,
            peak_dbfs=output.peak_dbfs,
            headroom_gain_db=headroom_db,
            noise_gains_db=tuple(gain_to_db(gain * noise_gain * mix_gain) for gain in noise.segment_gains),
            event_gains_db=tuple(gain_to_db(gain * noise_gain * mix_gain) for gain in noise.event_gains),
            band_gains_db=noise.band_gains_db,
            effect_reports=EffectReports(speech.reports, noise.reports, channel_reports),
        ),
    )


@dataclass(frozen=True, slots=True)
class _Leveled:
    """A sound at the planned level."""

    mixture: Mixture
    rounded: Rounded | None  # the mixture, if it was rounded on the way
    level_dbfs: float
    peak_dbfs: float
    headroom_db: float  # 0 or less: the part of its gain that keeps the peak


@dataclass(frozen=True, slots=True)
class _Mix:
    """Speech and noise together, at the level at which they enter the channel."""

    output: _Leveled
    snr: mix.MeasuredSnr | None


_SETTLED: Final = 2e-4  # relative change of the gain: 0.002 dB
_ROUNDS: Final = 5


def _mix_at_snr(
    spec: ClipSpec,
    mixture: Mixture,
    speech_level: mix.SpeechLevel,
    noise_level: mix.NoiseLevel,
    scale: mix.Scale,
    settings: RenderSettings,
) -> _Mix:
    """Mix speech and noise at the planned SNR, and bring the mix to its level.

    P.56 and BS.1770 have thresholds in full scale, so the level of the speech depends on the gain of the whole clip.
    That gain depends on the noise (the clip has a planned RMS or peak), and the gain of the noise on the level of the
    speech. This circle is solved in rounds: each starts from the gain that the one before gave, and moves it by less.
    With RMS, where nothing depends on the gain, one round is exact.
    """
    assert spec.snr_db is not None
    mix_gain, noise_gain = 1.0, 0.0
    if spec.level_dbfs is not None:  # start as if the noise added nothing
        power = levels.mean_power(mixture.speech) * mixture.speech.size / mixture.num_samples
        mix_gain = db_to_gain(spec.level_dbfs - power_to_db(power))
    try:
        for _ in range(_ROUNDS):
            last_gain = noise_gain
            noise_gain = mix.noise_gain(speech_level, noise_level, snr_db=spec.snr_db, clip_gain=mix_gain, scale=scale)
            if abs(noise_gain - last_gain) <= _SETTLED * noise_gain:
                noise_gain = last_gain  # the one that `output` was mixed with
                break
            mixed = replace(mixture, noise_gain=noise_gain)
            output = _to_level(spec, mixed, settings, is_final=not spec.channel_effects)
            mix_gain = output.mixture.gain
            if not speech_level.moves:
                break
        snr = mix.measured_snr(speech_level, noise_level, gain=noise_gain, clip_gain=mix_gain, scale=scale)
    except levels.SilentError as error:
        raise BadInput("silent", spec.noise[0].recording_id, str(error)) from error
    return _Mix(output, snr)


def _apply_channel(spec: ClipSpec, samples: Samples) -> tuple[Samples, tuple[Report | None, ...]]:
    rate = spec.sample_rate
    samples, reports = run_chain(samples, source_rate=rate, sample_rate=rate, effects=spec.channel_effects)
    if not np.isfinite(samples).all():
        raise BadInput("nonfinite", spec.source_id, "the channel gave NaN or infinity")
    return samples, tuple(reports)


def _to_level(spec: ClipSpec, mixture: Mixture, settings: RenderSettings, *, is_final: bool) -> _Leveled:
    """Bring a sound to the planned level, or as near to it as the headroom allows."""
    rounded = None
    if is_final and spec.level_dbfs is None:  # then the gain is nearly always 1, and one pass does all
        rounded = mixture.rounded()
        power, peak = rounded.power, rounded.peak
    else:
        power, peak = mixture.power_and_peak()
    if not np.isfinite(power):
        raise BadInput("nonfinite", spec.source_id, "the clip has NaN or infinite samples")
    if power < levels.SILENCE:
        raise BadInput("silent", spec.source_id, "the clip is silent")
    gain = 1.0 if spec.level_dbfs is None else mix.round_gain(db_to_gain(spec.level_dbfs) / float(np.sqrt(power)))
    # A recording that is taken as it is may fill the scale; resampling alone can lead above the recipe's peak.
    ceiling = 1.0 if spec.unchanged else db_to_gain(settings.max_peak_dbfs)
    headroom_gain = 1.0
    if peak * gain > ceiling:
        if settings.refuse_clipping:
            raise BadInput("clipped", spec.source_id, f"the clip would peak at {gain_to_db(peak * gain):+.1f} dBFS")
        headroom_gain = mix.round_gain(ceiling / (peak * gain) * (1 - 1e-9))
    gain *= headroom_gain
    return _Leveled(
        replace(mixture, gain=gain),
        rounded if gain == 1.0 else None,
        level_dbfs=power_to_db(power) + gain_to_db(gain),
        peak_dbfs=gain_to_db(peak * gain),
        headroom_db=gain_to_db(headroom_gain),
    )
