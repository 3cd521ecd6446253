"""Formats that data sets are exported to, one class per file; `FORMATS` lists them. Imports nothing above `dataset`."""

from __future__ import annotations

from synth.export.format import Format
from synth.export.formats.huggingface import HuggingFace
from synth.export.formats.nemo import Nemo
from synth.export.formats.nemo_tarred import NemoTarred
from synth.export.formats.shar import Shar
from synth.export.formats.table_parquet import TableParquet
from synth.export.formats.webdataset import WebDataset

FORMATS: dict[str, type[Format]] = {
    "huggingface": HuggingFace,
    "nemo": Nemo,
    "nemo_tarred": NemoTarred,
    "shar": Shar,
    "table_parquet": TableParquet,
    "webdataset": WebDataset,
}
"""Every format by the name that `synth export --to` uses."""
