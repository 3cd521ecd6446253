"""The recipe's keys: one table for reading, writing back and the JSON Schema."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from synth.dsp.lombard import PARAMETERS as LOMBARD_PARAMETERS
from synth.recipe.condition_fields import CONDITIONS
from synth.recipe.defaults import MAX_REUSE
from synth.recipe.distributions import Constant, Uniform
from synth.recipe.drawn import Drawn
from synth.recipe.effect_list import PROBABILITY, EffectList
from synth.recipe.event_list import EventList
from synth.recipe.growing import GrowTable
from synth.recipe.kinds import (
    NAME,
    Field,
    Flag,
    KeyPath,
    Keyword,
    Kind,
    ListOf,
    Number,
    PathText,
    Range,
    Reading,
    Record,
    Section,
    Text,
    TextMap,
    number_text,
)
from synth.recipe.model import SPLITS, Layer, Limits, LombardChoice, Noise, Output, Recipe, Room, Source, Speech, Splits
from synth.recipe.parameters import default_of, parameter_kind
from synth.recipe.path_labels import FROM_PATH
from synth.recipe.stages import LOSS_WEIGHT, MAKES_UNKNOWN, STAGE, STAGES
from synth.recipe.yaml_text import Node

FIRST_LAYER_MIN_RECORDINGS = 8
"""Below this many recordings of its first noise layer, a recipe must say so itself (the curve flattens at 16 to 32)."""

_UNSAID = 0  # min_recordings, until the layer's position is known


class Channels(Kind):
    """`mean`, `first`, or the number of a channel."""

    _words = Keyword(("mean", "first"))
    _number = Number(Range(0, 15, whole=True))

    def read(self, node: Node, at: KeyPath, reading: Reading) -> Any:
        kind: Kind = self._words if isinstance(node.value, str) else self._number
        return kind.read(node, at, reading)

    def write(self, value: str | int) -> Any:
        return value

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [self._words.schema(), self._number.schema()]}


def _name_of_folder(path: str) -> str:
    """A name for a source that has none: that of its folder."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", PurePosixPath(path.replace("\\", "/")).name)[:64].strip("_") or "source"


def _source(name: str | None, path: str | None, manifest: str | None, **rest: Any) -> Source:
    if path is None:
        path = str(PurePosixPath(manifest or "").parent)
    return Source(name=name or _name_of_folder(path), path=path, manifest=manifest, **rest)


def _path_or_manifest(section: Section) -> None:
    if not section.gives("path") and not section.gives("manifest"):
        section.wrong("give path (a folder or a file) or manifest (a list of files)")


def _list_keys(section: Section) -> None:
    session = section.get("recording_column") == "session" and section.gives("session")  # no list is needed for it
    for key in ("columns",) if session else ("recording_column", "columns"):
        if section.gives(key) and not section.gives("manifest"):
            section.wrong("this is about the columns of a list; give manifest as well", key)
    if section.gives("glob") and section.gives("manifest"):
        section.wrong("a manifest lists its files itself; remove `glob` or `manifest`", "glob")


SOURCE = Record(
    "a source",
    (
        Field("name", NAME, None, "what messages and ids call it; the folder's name where left out"),
        Field("path", PathText(), None, "folder of the recordings, or one file, relative to the recipe"),
        Field("manifest", PathText(), None, "list of recordings (CSV, TSV or JSON lines), relative to the recipe"),
        Field("glob", Text(), None, "files to take below path, such as '**/*.wav'; every audio file where left out"),
        Field("channels", Channels(), "mean", "what to make of several channels: mean, first, or a number from 0"),
        Field("recording_column", Text(), None, "column of the list that says which rows are one recording"),
        Field("pool", Keyword(("train", "held_out")), None, "keep the whole source for one noise pool"),
        Field("allow_synthesized", Flag(), False, "take the clips of a data set that synth made, too"),
        Field(
            "columns", TextMap("our names of columns, each with the list's name"), None, "names of the list's columns"
        ),
        Field("speaker", FROM_PATH, None, "where in the path the speaker is; the list's column goes before"),
        Field("session", FROM_PATH, None, "where in the path the session (drive, chapter) is; likewise"),
    ),
    _source,
    checks=(_path_or_manifest, _list_keys),
    short="path",
    keeps_positions=True,
)

SOURCES = ListOf(SOURCE, "source", alone=True)

SPEECH_SOURCE = dataclasses.replace(
    SOURCE,
    fields=(
        *SOURCE.fields,
        Field("unchanged", Flag(), False, "one clip of each recording as it is: no effect, margin, noise, level"),
        Field(
            "split", Keyword(SPLITS), None, "where all its groups are; left out: where the shares of splits put them"
        ),
        STAGE,
        LOSS_WEIGHT,
    ),
)

ROOM = Record(
    "a room",
    (
        Field("probability", PROBABILITY, 1.0, "share of the clips that get a room"),
        Field("sources", SOURCES, help="recorded impulse responses"),
        MAKES_UNKNOWN,
    ),
    Room,
)

_LOMBARD_KINDS = {name: parameter_kind(parameter) for name, parameter in LOMBARD_PARAMETERS.items()}


def _lombard_parts(lombard: LombardChoice) -> Mapping[str, Any]:
    return {"probability": lombard.probability, **lombard.parameters, "makes_unknown": lombard.makes_unknown}


LOMBARD = Record(
    "how speech reacts to noise",
    (
        Field("probability", PROBABILITY, 1.0, "share of the noisy clips whose speaker hears the noise"),
        *(
            Field(name, _LOMBARD_KINDS[name], default_of(parameter), parameter.help)
            for name, parameter in LOMBARD_PARAMETERS.items()
        ),
        MAKES_UNKNOWN,
    ),
    lambda probability, makes_unknown, **parameters: LombardChoice(probability, parameters, makes_unknown),
    _lombard_parts,
)

SPEECH = Record(
    "the speech",
    (
        Field("sources", ListOf(SPEECH_SOURCE, "source", alone=True), help="where the speech comes from"),
        Field("effects", EffectList("speech"), (), "applied to the speech in this order"),
        Field("room", ROOM, None, "impulse responses that the speech is convolved with"),
        Field("lombard", LOMBARD, None, "speakers raise their voices in noise; needs noise"),
    ),
    Speech,
)

LAYER = Record(
    "a noise layer",
    (
        Field("name", NAME, help="a name for the layer, such as cabin"),
        Field("sources", SOURCES, help="where the noise comes from"),
        Field("probability", PROBABILITY, 1.0, "share of the noisy clips that have this layer"),
        Field("relative_db", Drawn(Range(-60, 60, "dB")), Constant(0.0), "level against the other layers"),
        Field("recordings", Drawn(Range(1, 16, whole=True)), Constant(1), "how many recordings are summed"),
        Field("effects", EffectList("noise"), (), "applied to each piece of noise, drawn anew for each"),
        Field("balance", Keyword(("seconds", "sqrt", "recordings")), "seconds", "what the recordings' shares follow"),
        Field("max_reuse", Number(Range(0.01)), MAX_REUSE, "the plan is refused where a second is used more often"),
        Field(
            "min_recordings",
            Number(Range(1, whole=True)),
            None,
            "the plan is refused with fewer; 8 for the first layer",
        ),
        Field("crossfade_s", Number(Range(0, 1, "s")), 0.05, "length of a join"),
        Field("grow", GrowTable(), (), "shares of the clips whose noise is grown; the rest is the recordings"),
        Field("max_synthesized", Number(Range(0, 1)), 0.5, "the plan is refused where models make more of the noise"),
        MAKES_UNKNOWN,
    ),
    lambda min_recordings, **rest: Layer(min_recordings=min_recordings or _UNSAID, **rest),
)


def _noise(layers: tuple[Layer, ...], weighting: str | None, measure: str, **rest: Any) -> Noise:
    first, *others = layers
    counted = [_with_least(first, FIRST_LAYER_MIN_RECORDINGS), *(_with_least(layer, 1) for layer in others)]
    weighting = weighting or ("none" if measure == "lufs" else "band")
    return Noise(layers=tuple(counted), measure=measure, weighting=weighting, **rest)  # type: ignore[arg-type]


def _with_least(layer: Layer, least: int) -> Layer:
    return dataclasses.replace(layer, min_recordings=least) if layer.min_recordings == _UNSAID else layer


def _lufs_weighting(section: Section) -> None:
    if section.get("measure") == "lufs" and section.get("weighting") in ("band", "a"):
        section.wrong("lufs brings its own weighting; leave this out, or choose another measure", "weighting")


NOISE = Record(
    "the noise",
    (
        Field("probability", PROBABILITY, 1.0, "share of the clips that get noise; the rest stays clean"),
        Field("snr_db", Drawn(Range(-60, 100, "dB")), help="speech against the sum of all layers"),
        Field("measure", Keyword(("active", "rms", "lufs")), "active", "how the level of the speech is measured"),
        Field("weighting", Keyword(("band", "a", "none")), None, "filter before measuring; band, but none for lufs"),
        Field("held_out", Number(Range(0, 0.9)), 0.2, "share of each layer's recordings kept for train-dev-noise"),
        Field("layers", ListOf(LAYER, "layer"), help="kinds of noise; the first is the main one"),
        Field("events", EventList(SOURCES), (), "what happens over the noise, with its time and label in the manifest"),
    ),
    _noise,
    checks=(_lufs_weighting,),
)

_SHARE = Number(Range(0, 1))


def _splits(by: tuple[str, ...], **shares: float) -> Splits:
    named = {name: shares[name.replace("-", "_")] for name in SPLITS}
    return Splits(by, {name: share for name, share in named.items() if share > 0})


def _splits_parts(splits: Splits) -> Mapping[str, Any]:
    return {"by": splits.by} | {name: splits.shares.get(name, 0.0) for name in SPLITS}


def _shares_sum(section: Section) -> None:
    shares = [section.get(name) for name in SPLITS]
    if None not in shares and abs(sum(shares) - 1) > 1e-6:
        section.wrong(f"the shares of the splits sum to {number_text(sum(shares))}, not to 1")


def _by_once(section: Section) -> None:
    by = section.get("by") or ()
    for label in dict.fromkeys(label for label in by if by.count(label) > 1):
        section.wrong(f"{label!r} is listed more than once", "by")


SPLITS_RECORD = Record(
    "the splits",
    (
        Field("by", ListOf(Text(), "label", alone=True), ("speaker",), "labels whose groups are never torn apart"),
        Field("train", _SHARE, 0.0, "share of the groups to train on"),
        Field("train-dev", _SHARE, 0.0, "share with new speech over the noise recordings of train"),
        Field("train-dev-noise", _SHARE, 0.0, "share with new speech over noise recordings that train never hears"),
    ),
    _splits,
    _splits_parts,
    checks=(_shares_sum, _by_once),
)


def _share_or_count(section: Section) -> None:
    max_bad = section.get("max_bad")
    if max_bad is not None and max_bad > 1 and not float(max_bad).is_integer():
        section.wrong(f"{number_text(max_bad)} is neither a share below 1 nor a whole number of inputs", "max_bad")


LIMITS = Record(
    "the limits",
    (
        Field("max_bad", Number(Range(0)), 0.01, "inputs that may be refused: a share below 1, or a number"),
        Field("max_speech_s", Number(Range(0.1, 86400, "s")), 120.0, "longest piece of speech"),
        Field("max_noise_s", Number(Range(0.1, 864000, "s")), 14400.0, "longest noise recording"),
        Field("timeout_s", Number(Range(1, 86400, "s")), 60.0, "longest time for one input file"),
    ),
    Limits,
    checks=(_share_or_count,),
)

OUTPUT = Record(
    "the output",
    (
        Field("format", Keyword(("flac", "wav")), "flac", "of the clips, 16 bits"),
        Field("stems", Flag(), False, "write speech and noise apart as well, 24 bits"),
        Field("shard_size", Number(Range(1, 100_000, whole=True)), 128, "clips a shard, the unit of work"),
    ),
    Output,
)


def _copies_or_hours(section: Section) -> None:
    if section.gives("copies") and section.gives("hours"):
        section.wrong("copies is given as well; keep one of them (null takes out one that comes from extends)", "hours")


def _recipe(schema: int, copies: int | None, hours: float | None, **rest: Any) -> Recipe:
    if copies is None and hours is None:
        copies = 1
    return Recipe(copies=copies, hours=hours, folder=Path(), **rest)


def _recipe_parts(recipe: Recipe) -> Mapping[str, Any]:
    return {"schema": 1} | {f.name: getattr(recipe, f.name) for f in dataclasses.fields(recipe)}


class SchemaVersion(Kind):
    """The version of the recipe's format: 1."""

    def read(self, node: Node, at: KeyPath, reading: Reading) -> Any:
        if node.value == 1 and isinstance(node.value, int) and not isinstance(node.value, bool):
            return 1
        text = f"{node.describe()} is not a version of recipes that this synth reads; it reads 1"
        return reading.wrong(node, at, text)

    def write(self, value: int) -> Any:
        return value

    def schema(self) -> dict[str, Any]:
        return {"const": 1}


RECIPE = Record(
    "a recipe",
    (
        Field("schema", SchemaVersion(), 1, "version of the recipe's format"),
        Field("seed", Number(Range(0, 2**53 - 1, whole=True)), 0, "another seed draws another data set"),
        Field("sample_rate", Number(Range(4000, 192_000, "Hz", whole=True)), 16000, "of the clips"),
        Field("copies", Number(Range(1, 1_000_000, whole=True)), None, "clips for each utterance; 1 without hours"),
        Field("hours", Number(Range(0.0001, 1_000_000, "h")), None, "hours of clips, instead of copies"),
        Field("speech", SPEECH, help="what is said"),
        Field("margins_s", Drawn(Range(0, 60, "s")), Uniform(0.2, 0.5), "before and after the speech, with noise only"),
        Field("noise", NOISE, None, "what is mixed with it"),
        Field("channel", EffectList("channel"), (), "applied to the mix: microphone, gain control, codec"),
        Field("level_dbfs", Drawn(Range(-90, 0, "dBFS")), None, "level of the clip (RMS); left out: as it is"),
        Field("max_peak_dbfs", Number(Range(-60, 0, "dBFS")), -1.0, "highest peak of a clip"),
        Field("on_clipping", Keyword(("turn_down", "refuse")), "turn_down", "what happens to a clip above the headroom"),
        Field("conditions", CONDITIONS, (), "weighted variants of the recipe; a clip draws one first"),
        STAGE,
        LOSS_WEIGHT,
        Field("stages", STAGES, (), "all stages in the order of training; left out: as they stand in the recipe"),
        Field("splits", SPLITS_RECORD, Splits(("speaker",), {"train": 1.0}), "shares; left out: all train"),
        Field("limits", LIMITS, Limits(), "what is too bad, too long, too slow"),
        Field("output", OUTPUT, Output(), "how the data set is written"),
    ),
    _recipe,
    _recipe_parts,
    checks=(_copies_or_hours,),
)  # fmt: skip
