"""What a reader prints of each clip, as JSON. Runs in the environment of a toolkit, so it imports nothing of synth."""

from __future__ import annotations

import hashlib
import json
import sys
import types
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import soundfile


def clip(clip_id: str, samples: Any, sample_rate: int, **values: Any) -> dict[str, Any]:
    """One clip: its id, what its samples are, and what else the format says of it.

    Samples are hashed as 16 bits. `exact` says whether 16 bits hold them, as they do unless the codec is lossy.
    """
    array = np.asarray(samples).squeeze()
    assert array.ndim == 1, array.shape
    exact = True
    if array.dtype.kind == "f":
        scaled = array.astype(np.float64) * 32768
        array = np.clip(np.rint(scaled), -32768, 32767)
        exact = bool(np.array_equal(scaled, array))
    digest = hashlib.sha256(array.astype("<i2").tobytes()).hexdigest()
    shape = {"num_samples": array.shape[0], "sampling_rate": sample_rate}
    return {"id": clip_id, "pcm_sha256": digest, "exact": exact, **shape, **values}


def decoded(source: Any) -> tuple[Any, int]:
    """The samples of a file, float32 from start to end, and their rate."""
    with soundfile.SoundFile(source) as file:
        return file.read(dtype="float32"), file.samplerate


def report(clips: list[dict[str, Any]], *packages: str, **more: Any) -> None:
    """Print the clips and the versions of the packages that read them."""
    versions = {name: metadata.version(name) for name in packages}
    json.dump({"clips": clips, "versions": versions, **more}, sys.stdout)
    print()


def hollow(*names: str) -> None:
    """Let modules of packages be imported without running the packages' own `__init__`, which would import much more."""
    for name in names:
        top, *rest = name.split(".")
        spec = find_spec(top) if top not in sys.modules else None
        if top not in sys.modules or not hasattr(sys.modules[top], "__path__"):
            assert spec and spec.submodule_search_locations
            roots[top] = Path(spec.submodule_search_locations[0])
        module = types.ModuleType(name)
        module.__path__ = [str(roots[top].joinpath(*rest))]
        sys.modules[name] = module


roots: dict[str, Path] = {}
