"""What a finished plan shows before any audio is rendered: clips too short for what is asked, rates that do not fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from synth.archives.tar_writer import MAX_NAME_BYTES
from synth.draws import clip_draws
from synth.errors import GuardError
from synth.plan.plan import Plan
from synth.plan.unchanged import unchanged_recordings
from synth.plan.unknown_labels import labels_made_unknown
from synth.recipe.path_labels import LABELS
from synth.recipe.yaml_text import did_you_mean

_FIVE_DIGITS = 10_000
_LUFS_SECONDS = 0.4  # one gating block of ITU-R BS.1770
_LOOKED_AT = 2000  # recordings whose labels are looked at


def refuse_short_clips(plan: Plan) -> None:
    """Refuse a plan whose shortest speech is too short.

    Raises:
        GuardError: too short for the measure of level, or for an effect of a library.
    """
    if not len(plan):
        raise GuardError("the plan has no clips: no speech is left, or hours is too small")
    lengths = np.asarray(plan.clips["speech_num_samples"])
    shortest = int(lengths.argmin())
    if lengths[shortest] == 0:
        raise GuardError(_short_text(plan, shortest, "nothing is left of the speech"))
    changed = np.flatnonzero(~unchanged_recordings(plan.recipe, plan.speech)[plan.clips["recording"]])
    if not len(changed):
        return
    shortest = int(changed[lengths[changed].argmin()])
    is_lufs = plan.recipe.noise is not None and plan.recipe.noise.measure == "lufs"
    if is_lufs and lengths[shortest] < _LUFS_SECONDS * plan.recipe.sample_rate:
        what = "noise.measure: lufs needs at least 0.4 s of speech; use active or rms"
        raise GuardError(_short_text(plan, shortest, what))
    _try_library_effects(plan, shortest)


def refuse_long_names(plan: Plan) -> None:
    """Refuse clips whose names are too long for a tar file. Only copies with five digits of a long path can have one.

    Raises:
        GuardError: `output.layout` is tar, and the id of a clip with its suffix has more than 100 bytes.
    """
    output = plan.recipe.output
    if output.layout != "tar":
        return
    numbered_long = np.flatnonzero(np.asarray(plan.clips["copy"]) >= _FIVE_DIGITS).tolist()
    recordings = np.asarray(plan.clips["recording"])
    last_copies = {int(recordings[index]): index for index in numbered_long}  # the copies of a recording ascend
    for index in last_copies.values():
        name = f"{plan.clip_id(index)}.{output.format}"
        if len(name) > MAX_NAME_BYTES:
            raise GuardError(
                f"output.layout: tar - the clip {name} has a name of {len(name)} bytes, and a member of a tar file has "
                f"at most {MAX_NAME_BYTES}; ask for fewer than 10,000 copies, use a shorter path than "
                f"{plan.speech[int(recordings[index])].path}, or set output.layout to files"
            )


def _try_library_effects(plan: Plan, index: int) -> None:
    # Our own effects take any length. What a library does not take is tried on noise as long as the shortest clip.
    noise = np.random.RandomState(0).standard_normal(int(plan.clips["speech_num_samples"][index])) * 0.1
    layers = plan.recipe.noise.layers if plan.recipe.noise else ()
    chains = (plan.recipe.speech.effects, plan.recipe.channel, *(layer.effects for layer in layers))
    for choice in (choice for chain in chains for choice in chain if choice.is_library):
        effect = replace(choice, probability=1.0).draw(clip_draws(plan.recipe.seed, plan.clip_id(index)))
        try:
            if effect is not None:
                effect(noise, sample_rate=plan.recipe.sample_rate)
        except Exception as error:
            what = f"{choice.key} fails: {type(error).__name__}: {error}"
            raise GuardError(_short_text(plan, index, what)) from error


def _short_text(plan: Plan, index: int, what: str) -> str:
    seconds = int(plan.clips["speech_num_samples"][index]) / plan.recipe.sample_rate
    file = plan.speech.file(int(plan.clips["recording"][index]))
    return f"{what}: clip {plan.clip_id(index)} has {seconds:.3f} s ({file}). Take such recordings out of the source"


def warn_of_rates(plan: Plan) -> Iterator[str]:
    """Recordings below the data set's rate lack the upper band: a model can learn to tell them apart by that."""
    rate = plan.recipe.sample_rate
    for name, catalog in (("speech", plan.speech), ("noise", plan.noise)):
        is_low = np.asarray(catalog.sample_rates) < rate
        if is_low.any():
            first = int(is_low.argmax())
            yield (
                f"{int(is_low.sum())} of {len(catalog)} {name} recordings have a rate below {rate} Hz, so nothing "
                f"above {int(catalog.sample_rates[first]) // 2} Hz (first: {catalog.file(first)})"
            )


def warn_of_unknown_groups(plan: Plan) -> Iterator[str]:
    """Speech without a value for `splits.by` stays together, in one split by source."""
    splits = plan.recipe.splits
    if len(splits.shares) < 2:
        return
    unknown = 0
    for recording in plan.speech:
        labels = {**(recording.labels or {}), "speaker": recording.speaker}
        unknown += any(labels.get(name) is None for name in splits.by)
    if unknown:
        yield (
            f"{unknown} of {len(plan.speech)} speech recordings have no {' or '.join(splits.by)}: "
            f"those of one source stay together in one split. {how_to_know(splits.by[0])}"
        )


def how_to_know(label: str) -> str:
    """What to do if the speech has no values of a label that its splits are made by."""
    if label not in LABELS:
        return f"Give the source a list (`manifest`) with a column {label}"
    return (
        f"If the {label} is in the paths, say where in the source, such as `{label}: {{from: folder, level: 1}}` or "
        f"`{label}: {{from: path, pattern: '([0-9]+)-'}}`; else give a list (`manifest`) with a column {label}"
    )


def warn_of_labels_nobody_has(plan: Plan) -> Iterator[str]:
    """A label of `makes_unknown` that neither an event nor the speech has, in as many recordings as are looked at."""
    named = sorted(labels_made_unknown(plan.recipe))
    if not named:
        return
    labels = {event.label for event in plan.recipe.noise.events} if plan.recipe.noise else set()
    for index in range(0, len(plan.speech), max(1, len(plan.speech) // _LOOKED_AT)):
        labels.update(plan.speech[index].labels or {})
    for name in named:
        if name not in labels:
            hint = did_you_mean(name, sorted(labels)) or f"; they have {', '.join(sorted(labels)) or 'none'}"
            yield f"makes_unknown: no recording that was looked at, and no event, has a label {name!r}{hint}"
