"""The formats that clips are written in, and what each of them can hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

Format: TypeAlias = Literal["flac", "wav", "opus", "mp3"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)
DEFAULT_BIT_RATE_KBPS: Final = 64.0
LOSSY_KINDS: Final = frozenset(("ogg", "mp3"))
"""The lossy ones among the containers that `synth.audio.containers.sniff` names."""

_MPEG_1_HZ: Final = 32_000  # from this rate on, MP3 has other bit rates


@dataclass(frozen=True, slots=True)
class LossyFormat:
    """A format whose samples are not those that were encoded."""

    container: str  #: as libsndfile names it
    subtype: str  #: as libsndfile names it
    sample_rates: tuple[int, ...]  #: Hz; others would have to be resampled
    bit_rates: tuple[float, float]  #: lowest and highest, kbit/s for one channel
    bit_rates_from_32_khz: tuple[float, float]  #: likewise, for sample rates of 32 kHz and more

    def bit_rate_range(self, sample_rate: int) -> tuple[float, float]:
        """The lowest and highest bit rate (kbit/s) at a sample rate (Hz)."""
        return self.bit_rates_from_32_khz if sample_rate >= _MPEG_1_HZ else self.bit_rates


#: By the name of the format. Bit rates at which the length of a clip survives: measured, see docs/data_set.md.
LOSSY_FORMATS: Final[Mapping[str, LossyFormat]] = {
    "opus": LossyFormat("OGG", "OPUS", (8000, 12_000, 16_000, 24_000, 48_000), (6, 256), (6, 256)),
    "mp3": LossyFormat(
        "MP3",
        "MPEG_LAYER_III",
        (8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000),
        (16, 160),
        (40, 320),
    ),
}
