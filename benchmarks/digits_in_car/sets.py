"""Sets of clips as the models see them: rendered from a recipe by `synth.open_plan`, or read from a data set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

import synth

from .features import picture

Pictures = npt.NDArray[np.float32]
Names = npt.NDArray[np.str_]


@dataclass(frozen=True)
class Clips:
    """Pictures (n, d) with the digit and the speaker of each, and its name."""

    pictures: Pictures
    digits: npt.NDArray[np.int64]
    speakers: Names
    names: Names

    def __len__(self) -> int:
        return len(self.digits)

    def only(self, keep: npt.NDArray[np.bool_]) -> Clips:
        return Clips(self.pictures[keep], self.digits[keep], self.speakers[keep], self.names[keep])

    @property
    def words(self) -> Names:
        """The cluster of each clip: one digit of one speaker."""
        return np.array([f"{who}-{digit}" for who, digit in zip(self.speakers, self.digits, strict=True)])


def rendered(recipe: Path, overrides: Sequence[str] = ()) -> Clips:
    """All clips of a recipe. Raises as `synth plan` does."""
    return _clips(synth.open_plan(recipe, overrides=overrides))


def stored(data: Path) -> Clips:
    """All clips of a data set."""
    return _clips(synth.open_dataset(data))


def _clips(rows: Iterable[synth.Row]) -> Clips:
    pictures, digits, speakers, names = [], [], [], []
    for row in rows:
        pictures.append(picture(row.audio().astype(np.float64)))
        digits.append(int(row.text or ""))
        speakers.append(row.speaker or "")
        names.append(row.id)
    return Clips(np.stack(pictures), np.array(digits), np.array(speakers), np.array(names))
