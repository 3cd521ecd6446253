"""Formats that data sets are exported to, one class per file; `FORMATS` lists them. Imports nothing above `dataset`."""

from __future__ import annotations

from synth.export.format import Format
from synth.export.formats.croissant import Croissant
from synth.export.formats.espnet import Espnet
from synth.export.formats.funasr import FunAsr
from synth.export.formats.huggingface import HuggingFace
from synth.export.formats.kaldi import Kaldi
from synth.export.formats.lhotse import Lhotse
from synth.export.formats.nemo import Nemo
from synth.export.formats.nemo_tarred import NemoTarred
from synth.export.formats.shar import Shar
from synth.export.formats.speechbrain import SpeechBrain
from synth.export.formats.table import CsvTable
from synth.export.formats.table_parquet import TableParquet
from synth.export.formats.webdataset import WebDataset
from synth.export.formats.wenet import Wenet

FORMATS: dict[str, type[Format]] = {
    "croissant": Croissant,
    "espnet": Espnet,
    "funasr": FunAsr,
    "huggingface": HuggingFace,
    "kaldi": Kaldi,
    "lhotse": Lhotse,
    "nemo": Nemo,
    "nemo_tarred": NemoTarred,
    "shar": Shar,
    "speechbrain": SpeechBrain,
    "table": CsvTable,
    "table_parquet": TableParquet,
    "webdataset": WebDataset,
    "wenet": Wenet,
}
"""Every format by the name that `synth export --to` uses."""
