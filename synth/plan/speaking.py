"""How a speaker reacts to the noise of a clip (the Lombard effect), if the recipe asks for it."""

from __future__ import annotations

from synth.catalog.recording import Recording
from synth.draws import ClipDraws, clip_draws
from synth.dsp import lombard
from synth.dsp.effects.effect import Effect
from synth.dsp.lombard import Lombard
from synth.plan.conditions import ConditionValues
from synth.plan.noise_choice import is_noisy
from synth.recipe.distributions import draw_from
from synth.recipe.model import Recipe

_KEY = "speech.lombard"
_PER_CLIP = ("quiet_snr_db",)  # depends on car and microphone; all else is a person's way of speaking


def speaker_draws(recipe: Recipe, recording: Recording) -> ClipDraws:
    """The draws that all clips of one speaker share; all clips of one recording if the speaker is unknown."""
    return clip_draws(recipe.seed, f"speaker:{recording.speaker or recording.id}")


def draw_lombard(recipe: Recipe, draws: ClipDraws, speaker: ClipDraws, values: ConditionValues) -> Lombard | None:
    """Draw what the noise does to the speech of a clip.

    The noise level follows from the SNR, which is drawn first: the SNR stays as the recipe says.

    Args:
        recipe: the recipe.
        draws: the draws of the clip.
        speaker: the draws of the speaker, for what belongs to a person.
        values: what the clip's condition decides.

    Returns:
        The reaction; None if the recipe has none or this clip does not get it.
    """
    choice = recipe.speech.lombard
    if choice is None or recipe.noise is None or draws(_KEY + ".probability") >= choice.probability:
        return None
    if not is_noisy(recipe, draws):
        return None
    drawn = {
        name: round(float(distribution.value((draws if name in _PER_CLIP else speaker)(f"{_KEY}.{name}"))), 4)
        for name, distribution in choice.parameters.items()
    }
    quiet_snr_db = drawn.pop("quiet_snr_db")
    snr_db = draw_snr(recipe, draws, values)
    noise_dba = lombard.noise_level_dba(snr_db, quiet_snr_db=quiet_snr_db, slope=drawn["slope"])
    return lombard.speak_in_noise(noise_dba=noise_dba, **drawn)


def draw_snr(recipe: Recipe, draws: ClipDraws, values: ConditionValues) -> float:
    """The SNR of a clip that has noise, in dB: its condition's, else the recipe's."""
    assert recipe.noise is not None
    if values.snr_db is not None:
        return values.snr_db
    return round(float(draw_from(recipe.noise.snr_db, draws, "noise.snr_db")), 3)


def lombard_effects(reaction: Lombard | None) -> tuple[Effect, ...]:
    """The effects that carry the reaction out, after all others of the speech."""
    return () if reaction is None else lombard.lombard_effects(reaction)
