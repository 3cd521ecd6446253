"""A rendered clip through a lossy format: the file, and the samples that it really holds.

Hash, level and peak of such a clip are those of the decoded samples. Its SNR is that of its stems, before the format,
as it is that before a channel.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from synth.audio.formats import DEFAULT_BIT_RATE_KBPS
from synth.audio.lossy_codec import decode_lossy, decoded_pcm, encode_lossy
from synth.audio.pcm_level import PcmLevel
from synth.dataset.written_levels import measure_as_written
from synth.errors import BadInput
from synth.plan.clip_spec import ClipSpec
from synth.recipe.model import Recipe
from synth.render.clip import RenderedAudio
from synth.units import gain_to_db, power_to_db

_LEAST_ERROR_DB: Final = -150.0  # below what 16 bits can show


@dataclass(frozen=True, slots=True)
class CodedClip:
    """A clip that was encoded and decoded again."""

    content: bytes  # of its file
    decoded: npt.NDArray[np.float32]  # its samples as decoded, shape (num_samples,), full scale 1.0
    rendered: RenderedAudio  # the clip with its 16-bit samples and levels as decoded
    encoding: dict[str, Any]  # for its row: format, bit rate, and what both did to it


def code_clip(spec: ClipSpec, rendered: RenderedAudio, recipe: Recipe) -> CodedClip:
    """Encode a clip in the lossy format of its recipe, decode it, and measure what came back.

    Raises:
        BadInput: `silent` if nothing is left of the clip; `clipped` if it passes full scale where the recipe refuses
            that; `render_failed` if the format changed its length.
    """
    output, before = recipe.output, rendered.pcm
    measure_as_written(spec, rendered)  # refuses silence
    bit_rate = DEFAULT_BIT_RATE_KBPS if output.bit_rate_kbps is None else output.bit_rate_kbps
    content = encode_lossy(before, spec.sample_rate, output.format, bit_rate_kbps=bit_rate, name=spec.clip_id)
    decoded = decode_lossy(content)
    if len(decoded) != spec.num_samples:
        text = f"{output.format} gives {len(decoded)} samples back, {spec.num_samples} went in"
        raise BadInput("render_failed", spec.source_id, text)
    peak = float(np.abs(decoded).max())
    if peak > 1.0 and recipe.on_clipping == "refuse":
        raise BadInput("clipped", spec.source_id, f"the clip would peak at {gain_to_db(peak):+.1f} dBFS as decoded")
    pcm, level = decoded_pcm(decoded), PcmLevel()
    level.add(pcm)
    measured = measure_as_written(spec, dataclasses.replace(rendered, pcm=pcm, pcm_level=level))
    encoding = {
        "format": output.format,
        "bit_rate_kbps": bit_rate,
        "level_change_db": round(level.level_dbfs - rendered.pcm_level.level_dbfs, 3) + 0.0,
        "error_db": round(coding_error_db(before, pcm), 3) + 0.0,
    }
    return CodedClip(content, decoded, measured, encoding)


def coding_error_db(before: npt.NDArray[np.integer[Any]], after: npt.NDArray[np.integer[Any]]) -> float:
    """Power of what a format changed, relative to the clip, in dB.

    Args:
        before: the samples that were encoded, integers of shape (n,), full scale 32768, not all 0.
        after: those that were decoded, likewise.
    """
    original = before.astype(np.int64)
    difference = after - original
    energy = int((difference * difference).sum())  # in integers, so that it is the same on every processor
    return max(power_to_db(energy / int((original * original).sum())), _LEAST_ERROR_DB)
