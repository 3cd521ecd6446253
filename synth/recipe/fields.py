"""The recipe's keys: one table for reading, writing back and the JSON Schema."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from synth.audio.formats import DEFAULT_BIT_RATE_KBPS, FORMATS
from synth.dsp.lombard import PARAMETERS as LOMBARD_PARAMETERS
from synth.lists.formats.registry import SOURCE_FORMATS, WITH_COLUMNS, WITH_GLOB
from synth.recipe.condition_fields import CONDITIONS
from synth.recipe.defaults import MAX_REUSE
from synth.recipe.distributions import Constant, Uniform
from synth.recipe.drawn import DrawnNumber
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

_NOT_SET = 0  # min_recordings, until the layer's position is known


class Channels(Kind):
    """`mean`, `first`, or the number of a channel."""

    _words = Keyword(("mean", "first"))
    _number = Number(Range(0, 15, integer=True))

    def read(self, node: Node, at: KeyPath, reading: Reading) -> Any:
        """A str or an int."""
        kind: Kind = self._words if isinstance(node.value, str) else self._number
        return kind.read(node, at, reading)

    def schema(self) -> dict[str, Any]:
        """A word or a number."""
        return {"anyOf": [self._words.schema(), self._number.schema()]}


def _build_source(name: str | None, path: str | None, manifest: str | None, **rest: Any) -> Source:
    """A source; without `path` its paths are relative to its list, and without `name` it has that of its folder."""
    if path is None:
        path = str(PurePosixPath(manifest or "").parent)
    folder = re.sub(r"[^A-Za-z0-9_-]+", "_", PurePosixPath(path.replace("\\", "/")).name)
    return Source(name=name or folder[:64].strip("_") or "source", path=path, manifest=manifest, **rest)


def _path_or_manifest(section: Section) -> None:
    if not section.gives("path") and not section.gives("manifest"):
        section.wrong("give path (a folder or a file) or manifest (a list of files)")


def _list_keys(section: Section) -> None:
    # a session that is in the path needs no list
    is_in_path = section.get("recording_column") == "session" and section.gives("session")
    name = section.get("format")
    has_rows = section.gives("manifest") or name is not None
    for key in ("columns",) if is_in_path else ("recording_column", "columns"):
        if section.gives(key) and not has_rows:
            section.wrong("this is about the columns of a list; give manifest as well", key)
    if section.gives("columns") and name is not None and name not in WITH_COLUMNS:
        section.wrong(f"the fields of {name} have fixed names; remove `columns`", "columns")
    if section.gives("glob") and name is not None and name not in WITH_GLOB:
        section.wrong(f"a glob chooses among the files of {' or '.join(WITH_GLOB)}; remove `glob`", "glob")
    if section.gives("glob") and section.gives("manifest") and name not in WITH_GLOB:
        section.wrong("a manifest lists its files itself; remove `glob` or `manifest`", "glob")


SOURCE = Record(
    "a source",
    (
        Field("name", NAME, None, "name in messages and ids (default: that of its folder)"),
        Field("path", PathText(), None, "folder of the recordings, or one file, relative to the recipe"),
        Field("manifest", PathText(), None, "list of recordings (CSV, TSV or JSON lines), relative to the recipe"),
        Field("glob", Text(), None, "files to take below path, such as '**/*.wav' (default: all audio)"),
        Field(
            "format",
            Keyword(tuple(SOURCE_FORMATS)),
            None,
            "tool whose format path or manifest has (default: recognized)",
        ),
        Field("channels", Channels(), "mean", "what to take of several channels: mean, first, or a number from 0"),
        Field("recording_column", Text(), None, "column of the list: rows with the same value are one recording"),
        Field("pool", Keyword(("train", "held_out")), None, "keep the whole source for one noise pool"),
        Field("allow_synthesized", Flag(), False, "also take the clips of a data set that synth made"),
        Field(
            "columns", TextMap("our names of columns, each with the list's name"), None, "names of the list's columns"
        ),
        Field("speaker", FROM_PATH, None, "where in the path the speaker is, if no column of the list says it"),
        Field("session", FROM_PATH, None, "where in the path the session (drive, chapter) is; likewise"),
    ),
    _build_source,
    checks=(_path_or_manifest, _list_keys),
    short="path",
    keeps_positions=True,
)

SOURCES = ListOf(SOURCE, "source", alone=True)

SPEECH_SOURCE = dataclasses.replace(
    SOURCE,
    fields=(
        *SOURCE.fields,
        Field("unchanged", Flag(), False, "one clip per recording, as it is: no effect, margin, noise or level"),
        Field("split", Keyword(SPLITS), None, "split of all its groups (default: by the shares of splits)"),
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
        Field("probability", PROBABILITY, 1.0, "share of the noisy clips whose speaker reacts to the noise"),
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
        Field("relative_db", DrawnNumber(Range(-60, 60, "dB")), Constant(0.0), "level against the other layers"),
        Field("recordings", DrawnNumber(Range(1, 16, integer=True)), Constant(1), "how many recordings are summed"),
        Field("effects", EffectList("noise"), (), "applied to each noise segment, drawn for each"),
        Field(
            "balance", Keyword(("seconds", "sqrt", "recordings")), "seconds", "what a recording's share of use follows"
        ),
        Field("max_reuse", Number(Range(0.01)), MAX_REUSE, "guard: the plan is refused if a second is used more often"),
        Field(
            "min_recordings",
            Number(Range(1, integer=True)),
            None,
            "guard: the plan is refused if train has fewer (default: 8 for the first layer, else 1)",
        ),
        Field("crossfade_s", Number(Range(0, 1, "s")), 0.05, "length of a join between stretches"),
        Field("grow", GrowTable(), (), "shares of the clips whose noise is grown; the rest is as recorded"),
        Field(
            "max_synthesized",
            Number(Range(0, 1)),
            0.5,
            "guard: the plan is refused if models (shaped, cabin) make the noise of more of the clips",
        ),
        MAKES_UNKNOWN,
    ),
    lambda min_recordings, **rest: Layer(min_recordings=min_recordings or _NOT_SET, **rest),
)


def _build_noise(layers: tuple[Layer, ...], weighting: str | None, measure: str, **rest: Any) -> Noise:
    with_minimum = list(layers)
    for number, layer in enumerate(layers):
        if layer.min_recordings == _NOT_SET:
            minimum = 1 if number else FIRST_LAYER_MIN_RECORDINGS
            with_minimum[number] = dataclasses.replace(layer, min_recordings=minimum)
    weighting = weighting or ("none" if measure == "lufs" else "band")
    return Noise(layers=tuple(with_minimum), measure=measure, weighting=weighting, **rest)  # type: ignore[arg-type]


def _lufs_weighting(section: Section) -> None:
    if section.get("measure") == "lufs" and section.get("weighting") in ("band", "a"):
        section.wrong("lufs brings its own weighting; remove this, or choose another measure", "weighting")


NOISE = Record(
    "the noise",
    (
        Field("probability", PROBABILITY, 1.0, "share of the clips that get noise; the rest stays clean"),
        Field("snr_db", DrawnNumber(Range(-60, 100, "dB")), help="speech against the sum of all layers"),
        Field("measure", Keyword(("active", "rms", "lufs")), "active", "how the level of the speech is measured"),
        Field(
            "weighting", Keyword(("band", "a", "none")), None, "filter before measuring (default: band; none for lufs)"
        ),
        Field("held_out", Number(Range(0, 0.9)), 0.2, "share of each layer's recordings kept for train-dev-noise"),
        Field("layers", ListOf(LAYER, "layer"), help="kinds of noise; the first is the main one"),
        Field("events", EventList(SOURCES), (), "what happens over the noise, with its time and label in the manifest"),
    ),
    _build_noise,
    checks=(_lufs_weighting,),
)

_SHARE = Number(Range(0, 1))


def _build_splits(by: tuple[str, ...], **shares: float) -> Splits:
    by_name = {name: shares[name.replace("-", "_")] for name in SPLITS}
    return Splits(by, {name: share for name, share in by_name.items() if share > 0})


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
    _build_splits,
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
        Field("max_speech_s", Number(Range(0.1, 86400, "s")), 120.0, "longest speech recording"),
        Field("max_noise_s", Number(Range(0.1, 864000, "s")), 14400.0, "longest noise recording"),
        Field("timeout_s", Number(Range(1, 86400, "s")), 60.0, "longest time for one input file"),
    ),
    Limits,
    checks=(_share_or_count,),
)

OUTPUT = Record(
    "the output",
    (
        Field("format", Keyword(FORMATS), "flac", "audio format of the clips; flac and wav have 16 bits"),
        Field(
            "bit_rate_kbps",
            Number(Range(6, 320, "kbit/s")),
            None,
            f"average bit rate of opus and mp3 (default: {DEFAULT_BIT_RATE_KBPS:g})",
        ),
        Field("layout", Keyword(("files", "tar")), "files", "a file per clip, or a tar file per shard and split"),
        Field("stems", Flag(), False, "also write speech and noise apart, 24 bits"),
        Field("shard_size", Number(Range(1, 100_000, integer=True)), 128, "clips per shard, the unit of work"),
    ),
    Output,
)


def _copies_or_hours(section: Section) -> None:
    if section.gives("copies") and section.gives("hours"):
        section.wrong("copies is given as well; keep one of them (null removes one that comes from extends)", "hours")


def _build_recipe(schema: int, copies: int | None, hours: float | None, **rest: Any) -> Recipe:
    if copies is None and hours is None:
        copies = 1
    return Recipe(copies=copies, hours=hours, folder=Path(), **rest)


def _recipe_parts(recipe: Recipe) -> Mapping[str, Any]:
    return {"schema": 1} | {f.name: getattr(recipe, f.name) for f in dataclasses.fields(recipe)}


class SchemaVersion(Kind):
    """The version of the recipe's format: 1."""

    def read(self, node: Node, at: KeyPath, reading: Reading) -> Any:
        """The number 1."""
        if node.value == 1 and isinstance(node.value, int) and not isinstance(node.value, bool):
            return 1
        text = f"{node.describe()} is not a version of recipes that this synth reads; it reads 1"
        return reading.wrong(node, at, text)

    def schema(self) -> dict[str, Any]:
        """A constant."""
        return {"const": 1}


RECIPE = Record(
    "a recipe",
    (
        Field("schema", SchemaVersion(), 1, "version of the recipe's format"),
        Field("seed", Number(Range(0, 2**53 - 1, integer=True)), 0, "another seed draws another data set"),
        Field("sample_rate", Number(Range(4000, 192_000, "Hz", integer=True)), 16000, "sample rate of the clips"),
        Field("copies", Number(Range(1, 1_000_000, integer=True)), None, "clips per utterance (default: 1)"),
        Field("hours", Number(Range(0.0001, 1_000_000, "h")), None, "hours of clips, instead of copies"),
        Field("speech", SPEECH, help="the speech and what is done to it"),
        Field("margins_s", DrawnNumber(Range(0, 60, "s")), Uniform(0.2, 0.5), "noise before and after the speech"),
        Field("noise", NOISE, None, "the noise that is mixed with it"),
        Field("channel", EffectList("channel"), (), "effects of the mix: microphone, gain control, codec"),
        Field("level_dbfs", DrawnNumber(Range(-90, 0, "dBFS")), None, "RMS level (default: that of the source)"),
        Field("max_peak_dbfs", Number(Range(-60, 0, "dBFS")), -1.0, "highest peak of a clip"),
        Field("on_clipping", Keyword(("turn_down", "refuse")), "turn_down", "what happens to a clip above that peak"),
        Field("conditions", CONDITIONS, (), "weighted variants of the recipe; a clip draws one first"),
        STAGE,
        LOSS_WEIGHT,
        Field("stages", STAGES, (), "all stages in the order of training (default: in the order of the recipe)"),
        Field("splits", SPLITS_RECORD, Splits(("speaker",), {"train": 1.0}), "shares (default: all train)"),
        Field("limits", LIMITS, Limits(), "what is too bad, too long, too slow"),
        Field("output", OUTPUT, Output(), "how the data set is written"),
    ),
    _build_recipe,
    _recipe_parts,
    checks=(_copies_or_hours,),
)  # fmt: skip
