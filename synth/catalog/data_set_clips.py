"""Clips that `synth` made, recognized by their manifests: they are neither clean speech nor recordings of noise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from synth.catalog.source_files import SourceFiles, source_error
from synth.errors import BadInput
from synth.lists.audio_list import AudioRow
from synth.paths.folders import data_set_around, is_data_set
from synth.recipe.model import Source


def refuse_data_set(source: Source, source_files: SourceFiles) -> None:
    """Refuse a source whose folder or list is in a data set that `synth` made, or in an export of one.

    Raises:
        RecipeError, UsageError: it is, and the source does not have `allow_synthesized`.
    """
    if source.allow_synthesized:
        return
    for key, path in (("path", Path(source_files.root)), ("manifest", source_files.listed)):
        if path is not None and (folder := data_set_around(path, exports=True)) is not None:
            what = "a data set that synth made" if is_data_set(folder) else "an export of a data set that synth made"
            raise source_error(source, key, _refusal(f"{folder} is {what}"))


def refuse_clips(rows: Iterable[AudioRow | BadInput], source: Source) -> Iterator[AudioRow | BadInput]:
    """Pass on the rows of a list. Raises RecipeError or UsageError at a row of a manifest that `synth` wrote."""
    for row in rows:
        labels = row.detail.get("labels") if isinstance(row, AudioRow) else None
        if isinstance(row, AudioRow) and (row.made_by_synth or is_synth_clip(labels)):
            line = "" if row.line is None else f":{row.line}"
            kind = "is a clip that synth made" if row.made_by_synth else "is a row of a manifest that synth wrote"
            what = f"{source.manifest or source.path}{line} {kind}"
            raise source_error(source, "manifest" if source.manifest else "path", _refusal(what))
        yield row


def is_synth_clip(labels: object) -> bool:
    """Whether the columns of a row are those of a clip in a manifest of `synth generate`, `select` or `correct`."""
    return isinstance(labels, Mapping) and all(labels.get(name) is not None for name in ("source_id", "pcm_sha256"))


def _refusal(why: str) -> str:
    return (
        f"{why}: its clips are mixtures of speech and noise, so no SNR made from them would be true. Name the "
        "folder of the original recordings (to use the clips anyway, give the source `allow_synthesized: true` "
        "in a recipe)"
    )
