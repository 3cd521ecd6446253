"""`export.json`: what an export is, its text, and how it is read."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any, Final

from synth.dataset.json_checks import count, fault, length, list_of, mapping, mapping_of, object_of, or_null, text
from synth.dataset.reader import DataFile
from synth.errors import DamagedDataset, UsageError
from synth.export.export_dir import ExportDir
from synth.export.format import Format
from synth.export.settings import ABSOLUTE, RELATIVE, ExportSettings
from synth.version import __version__

SCHEMA: Final = 1
_IDENTITY: Final = {
    "export_schema": count,
    "format": text,
    "format_version": count,
    "versions": mapping_of(text),
    "dataset": object_of({"sha256": text, "path": or_null(text)}),
    "options": mapping,
}
_HEADER: Final = object_of(_IDENTITY)
_CONTENT: Final = object_of(
    {
        **_IDENTITY,
        "clips": count,
        "hours": length,
        "splits": mapping_of(object_of({"clips": count, "hours": length, "chunks": count})),
        "lost": list_of(object_of({"what": text, "clips": count, "text": text})),
        "left_out": list_of(text),
        "files": mapping_of(object_of({"bytes": count, "sha256": text})),
        "sha256": text,
    }
)


def identity(settings: ExportSettings, kind: Format) -> dict[str, Any]:
    """What decides the bytes of an export. Two exports with the same identity are the same."""
    refers = not kind.holds_audio and settings.paths in (RELATIVE, ABSOLUTE)
    return {
        "export_schema": SCHEMA,
        "format": kind.name,
        "format_version": kind.version,
        "versions": {"synth": __version__, **kind.versions()},
        "dataset": {"sha256": settings.dataset_sha256, "path": settings.root if refers else None},
        "options": settings.options(),
    }


def to_text(content: Mapping[str, Any]) -> str:
    """The text of `export.json`."""
    return json.dumps(content, sort_keys=True, ensure_ascii=False, indent=2) + "\n"


def content_digest(content: Mapping[str, Any]) -> str:
    """The hash that `export.json` holds of itself: of its text without the key `sha256`."""
    return hashlib.sha256(to_text({k: v for k, v in content.items() if k != "sha256"}).encode()).hexdigest()


def read_export_json(folder: ExportDir) -> dict[str, Any]:
    """The content of `export.json`, with every type checked. Raises UsageError, DamagedDataset."""
    file = DataFile(folder.export_json, folder.path)
    content = file.json()
    problem = fault(_CONTENT, content)
    if problem is None and content["export_schema"] != SCHEMA:
        raise UsageError(f"{folder.export_json}: written by another version of synth; export again into a new folder")
    if problem is None and content["sha256"] != content_digest(content):
        problem = "is not as it was written"
    if problem is not None:
        raise damaged(folder, folder.export_json.name, problem)
    assert isinstance(content, dict)
    return content


def read_header(folder: ExportDir) -> dict[str, Any] | None:
    """What an unfinished run has been exporting; None if there is no such run. Raises DamagedDataset."""
    if not os.path.lexists(folder.header):
        return None
    header = DataFile(folder.header, folder.path).json()
    problem = fault(_HEADER, header)
    if problem is not None:
        raise damaged(folder, folder.header.relative_to(folder.path).as_posix(), problem)
    assert isinstance(header, dict)
    return header


def damaged(folder: ExportDir, relative: str, what: str) -> DamagedDataset:
    """The error of a damaged file of an export."""
    return DamagedDataset(
        f"{folder.path / relative}: {what}; remove the export {folder.path} and export again", path=relative, what=what
    )


def differences(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs between two identities, one text each, such as `split was ["train"], is []`."""
    texts = []
    for key in sorted(_IDENTITY):
        before, after = earlier.get(key), now.get(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
            texts += [
                f"{_name(key, name)} was {_shown(before.get(name))}, is {_shown(after.get(name))}" for name in names
            ]
        elif before != after:
            texts.append(f"{key} was {_shown(before)}, is {_shown(after)}")
    return texts


def _name(key: str, name: str) -> str:
    if key == "options":
        return f"--{name.replace('_', '-')}"
    return f"the data set ({name})" if key == "dataset" else f"version of {name}"


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
