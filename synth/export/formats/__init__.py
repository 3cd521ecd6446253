"""Formats that data sets are exported to, one class per file; `FORMATS` lists them. Imports nothing above `dataset`."""

from __future__ import annotations

from synth.export.format import Format
from synth.export.formats.nemo import Nemo

FORMATS: dict[str, type[Format]] = {
    "nemo": Nemo,
}
"""Every format by the name that `synth export --to` uses."""
