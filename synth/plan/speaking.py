"""How a speaker reacts to the noise of a clip (the Lombard effect), where the recipe asks for it."""

from __future__ import annotations

from synth.catalog.recording import Recording
from synth.draws import ClipDraws, clip_draws
from synth.dsp import lombard
from synth.dsp.effects.effect import Effect
from synth.dsp.lombard import Lombard
from synth.plan.conditions import ConditionValues
from synth.plan.noise_choice import is_noisy
from synth.recipe.model import Recipe

_KEY = "speech.lombard"
_PER_CLIP = ("quiet_snr_db",)  # a car, a distance from the microphone; all else is a person's way of speaking


def person_draws(recipe: Recipe, recording: Recording) -> ClipDraws:
    """The draws that all clips of one speaker share; where it is not known who speaks, all of one recording."""
    return clip_draws(recipe.seed, f"speaker:{recording.speaker or recording.id}")


def lombard_of(
    recipe: Recipe,
    draws: ClipDraws,
    recording: Recording,
    situation: ConditionValues,
    person: ClipDraws | None = None,
) -> Lombard | None:
    """What the noise does to the speech of a clip; None where the recipe, or this clip, has none of it.

    The noise level follows from the SNR, which is drawn first. What belongs to a person is drawn once a speaker, from
    `person` (`person_draws` where left out).
    """
    choice = recipe.speech.lombard
    if choice is None or recipe.noise is None or draws(_KEY + ".probability") >= choice.probability:
        return None
    if not is_noisy(recipe, draws):
        return None
    person = person or person_draws(recipe, recording)

    def drawn(name: str) -> float:
        draw = draws if name in _PER_CLIP else person
        return round(float(choice.parameters[name].value(draw(f"{_KEY}.{name}"))), 4)

    values = {name: drawn(name) for name in choice.parameters}
    quiet, snr = values.pop("quiet_snr_db"), snr_of(recipe, draws, situation)
    noise_dba = lombard.noise_dba_of(snr, quiet_snr_db=quiet, slope=values["slope"])
    return lombard.lombard(noise_dba=noise_dba, **values)


def snr_of(recipe: Recipe, draws: ClipDraws, situation: ConditionValues) -> float:
    """The SNR of a clip that has noise, in dB: its condition's, else the recipe's."""
    assert recipe.noise is not None
    if situation.snr_db is not None:
        return situation.snr_db
    return round(float(recipe.noise.snr_db.value(draws("noise.snr_db"))), 3)


def lombard_effects(applied: Lombard | None) -> tuple[Effect, ...]:
    """The effects that carry it out, after all others of the speech."""
    return () if applied is None else lombard.effects(applied)
