"""The Croissant description: conformance, provenance, hashes, and a field for every column of the clips."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from tests.export.exported_set import json_lines
from tests.export.formats.conftest import Exporter, Row


def description(out: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((out / "croissant.json").read_text(encoding="utf-8"))
    return value


def test_the_description_has_hashes_and_provenance(exporter: Exporter, out: Path) -> None:
    exporter("croissant")
    content = description(out)
    assert content["conformsTo"] == "http://mlcommons.org/croissant/1.1"
    assert content["prov:wasGeneratedBy"]["prov:wasAssociatedWith"]["name"] == "synth"
    assert content["prov:wasDerivedFrom"] == [{"@type": "prov:Entity", "name": "speech"}]
    clips, audio = content["distribution"]
    assert clips["sha256"] == hashlib.sha256((out / "clips.jsonl").read_bytes()).hexdigest()
    assert audio["encodingFormat"] == "audio/flac"


def test_every_column_is_a_field(exporter: Exporter, out: Path, rows: list[Row]) -> None:
    exporter("croissant")
    lines = json_lines(out / "clips.jsonl")
    (clips,) = [each for each in description(out)["recordSet"] if each["@id"] == "clips"]
    columns = [field["source"]["extract"]["column"] for field in clips["field"]]
    assert [set(line) for line in lines] == [set(columns)] * len(rows)
    identifiers = [field["@id"] for field in clips["field"]]
    assert len(set(identifiers)) == len(columns)
    assert [(line["id"], line["text"]) for line in lines] == [(row["id"], row["text"]) for row in rows]
    audio = clips["field"][0]
    assert (audio["dataType"], audio["source"]["samplingRate"]) == ("sc:AudioObject", 8000)
    assert all((out / line["audio_filepath"]).is_file() for line in lines)
