"""croissant: a description of the data set by the vocabulary Croissant 1.1, with a list of its clips."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from synth.export.columns import Column, table_columns
from synth.export.format import ChunkWriter, ExportContent, Format, Merge
from synth.export.row_values import json_line
from synth.export.settings import RELATIVE, ExportSettings
from synth.version import __version__

_DESCRIPTION: Final = "croissant.json"
_CLIPS: Final = "clips.jsonl"
_SOURCES: Final = "sources"  # a list that is merged into the description
_TYPES: Final = {"string": "sc:Text", "bool": "sc:Boolean", "int64": "sc:Integer", "float64": "sc:Float"}
_MEDIA: Final = {"flac": "audio/flac", "wav": "audio/wav", "opus": "audio/ogg", "mp3": "audio/mpeg"}
_CONTEXT: Final = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    **{
        name: f"cr:{name}"
        for name in (
            *("citeAs", "column", "containedIn", "extract", "field", "fileObject", "fileProperty", "fileSet", "format"),
            *("includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references"),
            *("regex", "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform"),
        )
    },
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "prov": "http://www.w3.org/ns/prov#",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
}


class Croissant(Format):
    """`croissant.json` describes the data set, and `clips.jsonl` has one line of flat values per clip.

    The audio is a field of type `sc:AudioObject` whose value is a path: mlcroissant 1.1 decodes MP3 only.
    """

    name = "croissant"
    summary = "A Croissant 1.1 description with provenance, and a list of all clips."
    default_paths = RELATIVE
    left_out = ("effects", "noise segments")

    def write_chunk(self, out: ChunkWriter) -> None:
        """Add one line per clip to the list of clips."""
        columns = table_columns(out.settings.label_kinds)
        sources = set()
        for row in out.rows():
            values = {column.name: column.value(row) for column in columns}
            out.add_line(_CLIPS, json_line({"audio_filepath": out.audio(row), **values}))
            sources.add(row["source"]["name"])
        for source in sorted(sources):
            out.add_line(_SOURCES, json.dumps(source))

    def finish(self, merge: Merge) -> None:
        """Write the list of clips, then the description with its hash."""
        merge.write(_CLIPS, merge.lines(_CLIPS))
        sources = [json.loads(each) for each in sorted(set(merge.lines(_SOURCES)))]
        text = json.dumps(_description(merge, sources), ensure_ascii=False, indent=2)
        merge.write(_DESCRIPTION, [f"{text}\n".encode()])

    def reading(self, out: Path, content: ExportContent) -> tuple[str, ...]:
        """The lines that read it."""
        return (
            "import mlcroissant",
            f"data = mlcroissant.Dataset(jsonld={str(out / _DESCRIPTION)!r})",
            "for clip in data.records('clips'): ...",
        )


def _description(merge: Merge, sources: Sequence[str]) -> dict[str, Any]:
    """The content of `croissant.json`."""
    settings, totals = merge.settings, merge.totals
    splits = totals.splits()
    counts = ", ".join(f"{name} {sums['clips']} clips ({sums['hours']:.2f} h)" for name, sums in splits.items())
    agent = {"@type": "prov:SoftwareAgent", "name": "synth", "softwareVersion": __version__}
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": settings.dataset.name,
        "description": f"Speech with car noise, made by a recipe: {counts}.",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "version": "1.0.0",
        "keywords": ["speech", "noise", "automotive"],
        "isLiveDataset": False,
        "prov:wasGeneratedBy": {
            "@type": "prov:Activity",
            "name": "synth generate",
            "identifier": settings.dataset_sha256,
            "prov:wasAssociatedWith": agent,
        },
        "prov:wasDerivedFrom": [{"@type": "prov:Entity", "name": source} for source in sources],
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": _CLIPS,
                "name": _CLIPS,
                "description": "One line per clip.",
                "contentUrl": _CLIPS,
                "contentSize": f"{merge.files[_CLIPS]['bytes']} B",
                "encodingFormat": "application/jsonlines",
                "sha256": merge.files[_CLIPS]["sha256"],
            },
            *(_audio_files(settings, extension) for extension in sorted(totals.extensions)),
        ],
        "recordSet": [_splits(splits), _clips(settings)],
    }


def _audio_files(settings: ExportSettings, extension: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": f"audio-{extension}",
        "name": f"audio-{extension}",
        "description": "The audio of the clips.",
        "encodingFormat": _MEDIA.get(extension, "application/octet-stream"),
        "includes": settings.path(f"audio/*.{extension}"),
    }


def _splits(splits: Iterable[str]) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": "splits",
        "name": "splits",
        "dataType": "cr:Split",
        "key": {"@id": "splits/name"},
        "field": [{"@type": "cr:Field", "@id": "splits/name", "name": "name", "dataType": "sc:Text"}],
        "data": [{"splits/name": name} for name in splits],
    }


def _clips(settings: ExportSettings) -> dict[str, Any]:
    fields = [_field(column) for column in table_columns(settings.label_kinds)]
    audio = {
        "@type": "cr:Field",
        "@id": "clips/audio",
        "name": "audio",
        "description": "Path of the audio file, from the folder of this description or absolute.",
        "dataType": "sc:AudioObject",
        "source": {
            "fileObject": {"@id": _CLIPS},
            "extract": {"column": "audio_filepath"},
            "samplingRate": settings.sample_rate,
        },
    }
    return {
        "@type": "cr:RecordSet",
        "@id": "clips",
        "name": "clips",
        "description": "The clips, in the order of the data set, split by split.",
        "key": {"@id": "clips/id"},
        "field": [audio, *fields],
    }


def _field(column: Column) -> dict[str, Any]:
    name = quote(column.name, safe="")  # names of labels may have any characters, identifiers may not
    return {
        "@type": "cr:Field",
        "@id": f"clips/{name}",
        "name": name,
        "description": f"{column.name} (see docs/data_set.md)",
        "dataType": _TYPES[column.kind],
        "source": {"fileObject": {"@id": _CLIPS}, "extract": {"column": column.name}},
    }
