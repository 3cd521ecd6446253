"""The Lombard effect: a talker in noise speaks louder, higher, brighter and slower.

The level follows the noise by a slope above a change point of 43.3 dB(A) (Bottalico, Passione, Graetzer and Hunter,
"Evaluation of the starting point of the Lombard effect", Acta Acustica united with Acustica 2017: 0.65 dB per dB above
it; others find 0.3 (van Heusden, Plomp and Pols 1979) to 0.5). So the SNR falls by only 1 - slope of each dB of noise,
and SNR and noise level are one draw, not two: the SNR of a clip is drawn, and the noise level follows from it.

Below the change point Bottalico et al. still find 0.24 dB per dB, which is omitted here. All slopes of pitch, treble
and duration are per dB by which the level rises. Values and sources: docs/science.md, "Lombard effect".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from synth.dsp.effects.effect import Effect
from synth.dsp.effects.gain import Gain
from synth.dsp.effects.pitch import Pitch
from synth.dsp.effects.shelf import Shelf
from synth.dsp.effects.tempo import Tempo
from synth.dsp.parameters import Parameter

CHANGE_POINT_DBA = 43.3
"""Noise level above which talkers raise their voices (Bottalico et al. 2017)."""

NOISE_RANGE_DBA = (30.0, 95.0)
"""No car is quieter or louder than this. Chosen: from parked to a highway with a window open."""

LARGEST_LEVEL_DB = 18.0
"""No voice rises by more: from normal to very loud vocal effort, 60 to 78 dB(A) at 1 m (ISO 9921:2003)."""

LARGEST_PITCH_SEMITONES = 2.0
"""A larger shift would move the formants of an adult too far, for pitch and formants are shifted together."""

LARGEST_SHELF_DB = 12.0
LARGEST_STRETCH = 0.15
"""Caps of the treble and of the added duration; 15 % is the most that was reported at 85 dB(A)."""

SHELF_HZ = 1000.0

PARAMETERS: Mapping[str, Parameter] = {
    "slope": Parameter(
        "how much louder a speaker gets with each dB of noise above 43.3 dB(A); drawn once a speaker",
        low=0,
        high=0.9,
        unit="dB/dB",
        default={"normal": [0.4, 0.15], "clip": [0.1, 0.7]},
    ),
    "quiet_snr_db": Parameter(
        "SNR in a car of 43.3 dB(A), where nobody raises the voice yet; drawn once a clip",
        low=0,
        high=60,
        unit="dB",
        default={"uniform": [18, 26]},
    ),
    "pitch_per_db": Parameter(
        "how much higher the voice gets with each dB that it is raised, 2 semitones at most; drawn once a speaker",
        low=0,
        high=0.4,
        unit="semitones/dB",
        default={"uniform": [0.08, 0.2]},
        resolution=0.0001,
    ),
    "shelf_per_db": Parameter(
        "how much treble above 1 kHz gains with each dB, 12 dB at most; drawn once a speaker",
        low=0,
        high=1,
        unit="dB/dB",
        default={"uniform": [0.3, 0.6]},
    ),
    "duration_per_db": Parameter(
        "share by which speech gets longer with each dB, 0.15 at most; drawn once a speaker",
        low=0,
        high=0.03,
        unit="1/dB",
        default={"uniform": [0, 0.009]},
        resolution=0.0001,
    ),
}
"""What the recipe section `speech.lombard` sets, with these defaults.

- slope: the spread of the published fits; the shape of its distribution is chosen.
- quiet_snr_db: derived: normal vocal effort is 60 dB(A) at 1 m (ISO 9921:2003); microphones
  in cars hang 0.35 to 0.9 m from the mouth, which adds 9 to 1 dB in a free field; less 43.3 dB(A) that is 18 to 26 dB.
  A clip's SNR, whatever its measure and weighting, is taken as one in dB(A).
- pitch_per_db: 0.4 to 1 semitone for each 5 dB; shelf_per_db: 3 to 6 dB above 1 kHz for 10 dB; duration_per_db: 0 to
  15 % at 85 dB(A), where a slope of 0.4 raises the level by 16.7 dB (after Ngo, Kubo, Morikawa and Akagi 2017).
"""


@dataclass(frozen=True, slots=True)
class Lombard:
    """How the speech of a clip changes. The values are rounded, and applied as they are."""

    noise_dba: float  # level of the noise that the talker hears, dB(A)
    slope: float  # dB louder per dB of noise, 0 to 1
    level_db: float  # how much the level of the voice rises, 0 to 18 dB
    pitch_semitones: float  # how much the pitch rises, 0 to 2
    shelf_db: float  # gain of a high shelf at 1 kHz, 0 to 12 dB
    tempo: float  # times as fast, 0.87 to 1


def noise_level_dba(snr_db: float, *, quiet_snr_db: float, slope: float) -> float:
    """Return the noise level in dB(A), 30 to 95 and rounded to 0.1, in which a talker has an SNR.

    It solves SNR = quiet_snr_db - (1 - slope) * (noise - 43.3) above 43.3 dB(A). Below, and where the voice cannot rise
    any more, the slope is 0.

    Args:
        snr_db: SNR of the clip, dB.
        quiet_snr_db: SNR in a car of 43.3 dB(A), dB.
        slope: dB louder per dB of noise.

    Raises:
        ValueError: slope outside [0, 1).
    """
    if not 0 <= slope < 1:
        raise ValueError(f"slope={slope} is not within 0 and 1, 1 excluded")
    missing = quiet_snr_db - snr_db
    level_db = min(slope * max(0.0, missing) / (1 - slope), LARGEST_LEVEL_DB)
    noise_dba = CHANGE_POINT_DBA + missing + level_db
    low, high = NOISE_RANGE_DBA
    return round(min(max(noise_dba, low), high), 1)


def speak_in_noise(
    *, noise_dba: float, slope: float, pitch_per_db: float, shelf_per_db: float, duration_per_db: float
) -> Lombard:
    """Return how a talker speaks in noise of `noise_dba` dB(A); the other arguments are as in PARAMETERS."""
    level_db = round(min(slope * max(0.0, noise_dba - CHANGE_POINT_DBA), LARGEST_LEVEL_DB), 2)
    return Lombard(
        noise_dba=noise_dba,
        slope=slope,
        level_db=level_db,
        pitch_semitones=round(min(pitch_per_db * level_db, LARGEST_PITCH_SEMITONES), 2),
        shelf_db=round(min(shelf_per_db * level_db, LARGEST_SHELF_DB), 2),
        tempo=round(1 / (1 + min(duration_per_db * level_db, LARGEST_STRETCH)), 3),
    )


def lombard_effects(lombard: Lombard) -> tuple[Effect, ...]:
    """Return the effects that change the speech so; none in quiet.

    If a recipe sets the level of the finished clip and the SNR, the gain matters only for what comes before them.
    """
    chain: list[Effect] = []
    if lombard.tempo != 1:
        chain.append(Tempo(lombard.tempo))
    if lombard.pitch_semitones:
        chain.append(Pitch(lombard.pitch_semitones))
    if lombard.shelf_db:
        chain.append(Shelf(lombard.shelf_db, SHELF_HZ))
    if lombard.level_db:
        chain.append(Gain(lombard.level_db))
    return tuple(chain)
