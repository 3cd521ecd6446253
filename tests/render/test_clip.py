"""The renderer on signals of known truth: where a click lands, what a level is, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from synth.catalog.recording import Word
from synth.dsp.effects import EFFECTS, effect_from_json
from synth.dsp.effects.audiomentations import Audiomentations
from synth.dsp.effects.chain import planned_length
from synth.dsp.effects.effect import Effect
from synth.dsp.room import prepare_response
from synth.errors import BadInput
from synth.plan.clip_spec import ClipSpec, NoiseSegment
from synth.render.clip import RenderedAudio, RenderSettings, render_clip
from synth.render.played_speech import play_speech

RATE = 16000
SECONDS = 2.0
Array = npt.NDArray[np.float64]


def noise(seconds: float, *, seed: int = 0, rate: int = RATE, rms: float = 0.05) -> Array:
    return np.asarray(np.random.RandomState(seed).standard_normal(round(seconds * rate)) * rms)


def effects(*each: dict[str, Any]) -> tuple[Effect, ...]:
    return tuple(effect_from_json(fields) for fields in each)


def piece(num_samples: int, **changes: Any) -> NoiseSegment:
    plain = NoiseSegment("cabin", 0, 0, "car_0", 0, num_samples, 0, num_samples, 0, (), 0.0)
    return replace(plain, **changes)


def clip(
    speech: Array, *, source_rate: int = RATE, margins: tuple[int, int] = (4000, 6000), **changes: Any
) -> ClipSpec:
    """A spec for this speech: its lengths follow from the effects, as the plan does it."""
    made = planned_length(len(speech), source_rate, RATE, changes.get("speech_effects", ()))
    plain = ClipSpec(
        index=0,
        clip_id="utt_00000000-v0",
        source_id="utt_00000000",
        recording=0,
        copy=0,
        split="train",
        pool="train",
        sample_rate=RATE,
        speech_effects=(),
        onset=margins[0],
        speech_num_samples=made,
        num_samples=margins[0] + made + margins[1],
        room=None,
        room_id=None,
        noise=(),
        events=(),
        event_labels=(),
        lombard=None,
        snr_db=None,
        measure="rms",
        weighting="none",
        channel_effects=(),
        level_dbfs=None,
    )
    return replace(plain, **changes)


def white(each: NoiseSegment) -> Array:
    """Noise for any piece, its own for every recording and offset."""
    return noise(1, seed=each.recording * 100_003 + each.offset, rate=each.source_num_samples)


def rendered(
    spec: ClipSpec, speech: Array, *, read: Callable[[NoiseSegment], Array] = white, stems: bool = True, **more: Any
) -> RenderedAudio:
    settings = more.pop("settings", RenderSettings(stems=stems))
    source_rate, room = more.pop("source_rate", RATE), more.pop("room", None)
    played = play_speech(spec, speech, source_rate=source_rate, room=room)
    return render_clip(spec, played, read_noise=read, settings=settings, **more)


def noisy(spec: ClipSpec, snr_db: float = 5.0, **changes: Any) -> ClipSpec:
    return replace(spec, noise=(piece(spec.num_samples),), snr_db=snr_db, **changes)


def refusal(*args: Any, **more: Any) -> BadInput:
    with pytest.raises(BadInput) as caught:
        rendered(*args, **more)
    return caught.value


# what is refused


@pytest.mark.parametrize("measure", ["active", "rms", "lufs"])
@pytest.mark.parametrize("level", [0.0, 1e-9])
def test_silent_speech_is_refused_never_amplified(measure: str, level: float) -> None:
    speech = noise(SECONDS, rms=level)
    error = refusal(noisy(clip(speech), measure=measure, level_dbfs=-20.0), speech)
    assert (error.code, error.path) == ("silent", "utt_00000000")


def test_silent_noise_is_refused_by_the_name_of_its_recording() -> None:
    speech = noise(SECONDS)
    error = refusal(noisy(clip(speech)), speech, read=lambda each: np.zeros(each.source_num_samples))
    assert (error.code, error.path) == ("silent", "car_0")


def test_speech_shorter_than_planned_is_truncated() -> None:
    speech = noise(SECONDS)
    error = refusal(clip(speech), speech[:-3])
    assert error.code == "truncated"
    assert "31997 samples of speech, but 32000 were planned" in error.message


def test_speech_too_short_for_lufs_is_refused() -> None:
    speech = noise(0.3)
    assert refusal(noisy(clip(speech), measure="lufs"), speech).code == "too_short"


def test_sound_that_is_no_number_is_refused() -> None:
    speech = noise(SECONDS)
    speech[100] = np.nan
    assert refusal(clip(speech), speech).code == "nonfinite"


# levels


def level_of(samples: Array) -> float:
    return 10 * float(np.log10(np.mean(samples**2)))


@pytest.mark.parametrize("level", [-40.0, -26.0, -18.0])
@pytest.mark.parametrize("channel", [(), ({"name": "microphone", "low_hz": 100, "high_hz": 5000, "order": 2},)])
def test_the_finished_clip_has_the_level_asked_for(level: float, channel: tuple[dict[str, Any], ...]) -> None:
    speech = noise(SECONDS)
    made = rendered(noisy(clip(speech), level_dbfs=level, channel_effects=effects(*channel)), speech)
    assert level_of(made.samples) == pytest.approx(level, abs=1e-6)
    assert made.measurements.level_dbfs == pytest.approx(level, abs=1e-6)
    assert made.measurements.headroom_gain_db == 0


def test_without_a_level_the_speech_keeps_that_of_its_source() -> None:
    speech = noise(SECONDS)
    spec = noisy(clip(speech))
    made = rendered(spec, speech)
    assert made.stems is not None
    assert np.array_equal(made.stems[0][spec.onset : spec.onset + len(speech)], speech)


CHANNELS: dict[str, tuple[dict[str, Any], ...]] = {
    "none": (),
    "louder": ({"name": "gain", "db": 30.0},),
    "agc": ({"name": "agc", "target_dbfs": -10.0, "range_db": 20.0, "seconds": 0.1},),
}


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("level", [None, -3.0, -6.0, 0.0])
@pytest.mark.parametrize("snr", [-10.0, 20.0])
def test_no_sample_is_above_the_headroom(channel: str, level: float | None, snr: float) -> None:
    speech = noise(SECONDS, rms=0.3)
    spec = noisy(clip(speech), snr, level_dbfs=level, channel_effects=effects(*CHANNELS[channel]))
    made = rendered(spec, speech, settings=RenderSettings(max_peak_dbfs=-1.0))
    peak = float(np.abs(made.samples).max())
    assert peak <= 10 ** (-1 / 20)
    assert made.measurements.peak_dbfs == pytest.approx(20 * np.log10(peak))
    if level is not None:
        asked = level + made.measurements.headroom_gain_db
        assert level_of(made.samples) == pytest.approx(asked, abs=1e-6)
        assert asked < level


def test_what_the_headroom_took_is_told_also_before_a_channel() -> None:
    """Without a level the channel hears the clip turned down; the manifest must not say that nothing was done."""
    speech = noise(SECONDS, rms=0.3)
    spec = clip(speech, channel_effects=effects({"name": "polarity"}))
    made = rendered(spec, speech, settings=RenderSettings(max_peak_dbfs=-6.0))
    gain = level_of(made.samples) - level_of(np.concatenate([speech, np.zeros(10000)]))
    assert gain < -1
    assert made.measurements.headroom_gain_db == pytest.approx(gain, abs=1e-6)


def test_clipping_can_be_refused() -> None:
    speech = noise(SECONDS, rms=0.3)
    spec = clip(speech, level_dbfs=-3.0)
    error = refusal(spec, speech, settings=RenderSettings(refuse_clipping=True))
    assert error.code == "clipped"
    assert "the clip would peak at +" in error.message


def test_the_gains_of_the_pieces_are_those_that_were_used() -> None:
    """Recordings times gains are the noise stem: two layers, one of them of two tracks."""
    speech = noise(SECONDS)
    total = clip(speech).num_samples
    pieces = (
        piece(total),
        piece(total, track=1, recording=1, recording_id="car_1"),
        piece(total, layer="rain", recording=2, recording_id="rain_2", relative_db=-6.0),
    )
    spec = clip(speech, noise=pieces, snr_db=3.0, level_dbfs=-25.0)
    made = rendered(spec, speech)
    assert made.stems is not None
    mine = [10 ** (db / 20) * white(each) for db, each in zip(made.measurements.noise_gains_db, pieces, strict=True)]
    assert np.allclose(sum(mine), made.stems[1], atol=1e-12)
    assert level_of(mine[0] + mine[1]) - level_of(mine[2]) == pytest.approx(6.0, abs=1e-6)
    assert level_of(mine[0]) == pytest.approx(level_of(mine[1]), abs=1e-6)
    assert np.allclose(sum(made.stems), made.samples, atol=1e-12)


def test_a_clip_without_noise_has_no_snr() -> None:
    speech = noise(SECONDS)
    made = rendered(clip(speech), speech)
    found = made.measurements
    assert (found.snr, found.noise_gains_db) == (None, ())
    assert made.stems is not None
    assert not made.stems[1].any()


def test_inputs_are_left_as_they_are_and_twice_gives_the_same() -> None:
    speech = noise(SECONDS)
    before = speech.copy()
    spec = noisy(clip(speech), level_dbfs=-20.0)
    once, again = rendered(spec, speech), rendered(spec, speech)
    assert np.array_equal(speech, before)
    assert np.array_equal(once.samples, again.samples)


# chains of noise


def chain(total: int, length: int, fade: int) -> tuple[NoiseSegment, ...]:
    """Pieces of 1,000 recordings one after the other, crossfaded."""
    made: list[NoiseSegment] = []
    at = 0
    while at < total:
        count = min(length, total - at)
        made.append(
            piece(count, at=at, fade_in=fade if at else 0, recording=len(made), recording_id=f"car_{len(made)}")
        )
        at += count - (fade if at + count < total else 0)
    return tuple(made)


def test_joins_of_short_noise_keep_the_level_and_leave_no_gap_and_no_click() -> None:
    """The bar: over more than 200 joins of stationary noise, recorded at levels 40 dB apart, the mean 100-ms level changes by
    less than 1 dB."""
    speech = noise(60)
    total, fade = clip(speech).num_samples, 800
    pieces = chain(total, 4800, fade)
    gains = 10 ** (np.random.RandomState(1).uniform(-20, 20, len(pieces)) / 20)
    spec = clip(speech, noise=pieces, snr_db=0.0)
    made = rendered(spec, speech, read=lambda each: white(each) * gains[each.recording])
    assert made.stems is not None
    stem = made.stems[1]
    joins = [each.at + fade // 2 for each in pieces[1:-1]]
    assert len(joins) > 200
    middles = [each.at + each.num_samples // 2 for each in pieces[1:-1]]
    at_joins, between = ([level_of(stem[k - fade : k + fade]) for k in places] for places in (joins, middles))
    print(f"\n{len(joins)} joins: mean 100-ms level {np.mean(at_joins) - np.mean(between):+.3f} dB")
    assert abs(np.mean(at_joins) - np.mean(between)) < 0.25
    assert max(np.abs(np.array(at_joins) - np.mean(between))) < 2
    blocks = [level_of(stem[k : k + 160]) for k in range(0, total - 160, 160)]
    assert min(blocks) > np.mean(blocks) - 4
    steps = np.abs(np.diff(stem))
    near = np.zeros(steps.size, bool)
    for k in joins:
        near[k - fade : k + fade] = True
    assert steps[near].max() < 1.25 * steps[~near].max()


# where things land


CLICKS = (0.4, 0.9, 1.5)


def clicks(rate: int) -> Array:
    """Clicks at known seconds in faint noise."""
    samples = noise(SECONDS, rate=rate, rms=1e-4)
    for seconds in CLICKS:
        samples[round(seconds * rate)] = 0.5
    return samples


CHAINS: dict[str, tuple[tuple[dict[str, Any], ...], float]] = {  # effects; tolerance in seconds
    "nothing": ((), 1 / RATE),
    "slower": (({"name": "speed", "factor": 0.9},), 1 / RATE),
    "faster": (({"name": "speed", "factor": 1.137},), 1 / RATE),
    "trimmed": (({"name": "trim", "top_db": 40.0, "start": 5000, "num_samples": 22000},), 1.5 / RATE),
    "trimmed and slower": (
        ({"name": "trim", "top_db": 40.0, "start": 5000, "num_samples": 22000}, {"name": "speed", "factor": 0.85}),
        2 / RATE,
    ),
    "tempo": (({"name": "tempo", "factor": 1.2, "engine": "signalsmith"},), 0.008),
    "slow tempo": (({"name": "tempo", "factor": 0.8, "engine": "signalsmith"},), 0.008),
    "all": (
        (
            {"name": "trim", "top_db": 40.0, "start": 5000, "num_samples": 22000},
            {"name": "speed", "factor": 0.95},
            {"name": "tempo", "factor": 1.1, "engine": "signalsmith"},
            {"name": "equalizer", "bands_db": (3.0, -3.0, 0.0, 2.0, -2.0, 1.0, 0.0, 0.0), "tilt_db_per_octave": 1.0},
        ),
        0.01,
    ),
}


@pytest.mark.parametrize("rate", [16000, 22050])
@pytest.mark.parametrize("which", CHAINS)
def test_words_lie_where_their_sound_is(which: str, rate: int) -> None:
    """Each click is a word: it is found where the alignment says."""
    fields, tolerance = CHAINS[which]
    speech = clicks(rate)
    spec = clip(speech, source_rate=rate, speech_effects=effects(*fields))
    words = tuple(Word(f"w{k}", at, 0.05) for k, at in enumerate(CLICKS))
    made = rendered(spec, speech, source_rate=rate, words=words)
    found = made.speech_alignment
    assert found is not None
    kept = [at for at in CLICKS if "trim" not in str(fields) or 5000 / rate <= at < 27000 / rate]
    assert [word for word, _, _ in found] == [f"w{CLICKS.index(at)}" for at in kept]
    for _, start, _ in found:
        near = slice(round((start - 0.1) * RATE), round((start + 0.1) * RATE))
        heard = near.start + int(np.abs(made.samples[near]).argmax())
        assert heard / RATE == pytest.approx(start, abs=tolerance)


def test_durations_of_words_follow_the_speed() -> None:
    speech = clicks(RATE)
    spec = clip(speech, speech_effects=effects({"name": "speed", "factor": 0.8}))
    ((word, start, duration),) = rendered(spec, speech, words=[Word("w", 0.5, 0.4)]).speech_alignment or ()
    assert word == "w"
    assert (start, duration) == pytest.approx((0.25 + 0.5 / 0.8, 0.5))


def test_words_that_are_trimmed_away_are_left_out_and_cut_ones_shortened() -> None:
    speech = clicks(RATE)
    spec = clip(speech, speech_effects=effects({"name": "trim", "top_db": 40.0, "start": 8000, "num_samples": 8000}))
    words = [Word("gone", 0.1, 0.3), Word("cut", 0.4, 0.3), Word("here", 0.7, 0.2), Word("after", 1.0, 0.5)]
    found = rendered(spec, speech, words=words).speech_alignment
    assert found is not None
    assert [word for word, _, _ in found] == ["cut", "here"]
    assert [times for _, *times in found] == [pytest.approx([0.25, 0.2]), pytest.approx([0.45, 0.2])]


def test_unknown_alignment_stays_unknown() -> None:
    speech = noise(SECONDS)
    assert rendered(clip(speech), speech).speech_alignment is None
    assert rendered(clip(speech), speech, words=()).speech_alignment == ()


def response(delay: int) -> Array:
    """A direct path after some delay, a strong reflection, a tail."""
    taps = np.zeros(8000)
    taps[delay] = 0.6
    taps[delay + 700] = 0.3
    taps[delay + 1000 :] += (
        np.random.RandomState(2).standard_normal(7000 - delay) * 0.01 * np.exp(-np.arange(7000 - delay) / 1500)
    )
    return taps


@pytest.mark.parametrize("delay", [0, 37, 400])
def test_the_direct_path_stays_where_the_speech_was(delay: int) -> None:
    speech = clicks(RATE)
    spec = clip(speech, room=0, room_id="room_0")
    made = rendered(spec, speech, room=prepare_response(response(delay), sample_rate=RATE))
    for at in CLICKS:
        place = spec.onset + round(at * RATE)
        near = slice(place - 600, place + 600)
        assert near.start + int(np.abs(made.samples[near]).argmax()) == place


def test_the_tail_of_a_room_runs_into_the_margin_and_ends_with_the_clip() -> None:
    speech = noise(SECONDS)
    spec = clip(speech, room=0, room_id="room_0", margins=(4000, 500))
    made = rendered(spec, speech, room=prepare_response(response(0), sample_rate=RATE))
    assert made.samples.size == spec.num_samples
    assert np.abs(made.samples[-400:]).max() > 1e-3
    assert not made.samples[: spec.onset - 20].any()


ALONE: dict[str, dict[str, Any]] = {
    "microphone": {"low_hz": 100.0, "high_hz": 6000.0, "order": 2},
    "agc": {"target_dbfs": -20.0, "range_db": 9.0, "seconds": 0.5},
    "gain": {"db": -3.0},
    "polarity": {},
    "shelf": {"db": 6.0, "hz": 1000.0},
    "drift": {"depth_db": 2.0, "rate_hz": 0.2, "seed": 5},
    "equalizer": {"bands_db": (0.0, 3.0, -3.0, 0.0, 1.0, 0.0, 2.0, 0.0), "tilt_db_per_octave": -2.0},
}


@pytest.mark.parametrize("name", ALONE)
def test_a_channel_keeps_the_length_and_the_place(name: str) -> None:
    speech = clicks(RATE)
    spec = clip(speech, channel_effects=effects({"name": name, **ALONE[name]}))
    made = rendered(spec, speech)
    assert made.samples.size == spec.num_samples
    for at in CLICKS:
        place = spec.onset + round(at * RATE)
        found = place - 200 + int(np.abs(made.samples[place - 200 : place + 200]).argmax())
        assert abs(found - place) <= 8  # a band limit of 6 kHz delays by its group delay, half a millisecond at most


def test_every_effect_that_keeps_lengths_was_tried_as_a_channel() -> None:
    assert set(ALONE) == set(EFFECTS) - {"trim", "speed", "tempo", "pitch"}


def test_a_codec_in_the_channel_keeps_the_length() -> None:
    speech = noise(SECONDS)
    codec = Audiomentations("Mp3Compression", (("max_bitrate", 64), ("min_bitrate", 32)), seed=3)
    made = rendered(noisy(clip(speech, channel_effects=(codec,))), speech)
    assert made.samples.size == clip(speech).num_samples
    (drawn,) = made.measurements.effect_reports.channel
    assert drawn is not None
    assert 32 <= drawn["bitrate"] <= 64


def test_the_snr_holds_at_the_gain_of_the_finished_clip() -> None:
    """P.56 has a threshold in full scale: speech with a soft tail is less active in a quiet clip than in a loud one."""
    seconds = np.arange(4 * RATE) / RATE
    speech = noise(4.0, seed=3) * 10 ** (-15 * seconds / 20)  # falls by 60 dB
    for level_dbfs in (-45.0, -30.0, -12.0):
        spec = noisy(clip(speech, level_dbfs=level_dbfs, measure="active"), snr_db=-6.0)
        measured = rendered(spec, speech).measurements.snr
        assert measured is not None
        assert measured.measured == pytest.approx(-6.0, abs=0.01)
