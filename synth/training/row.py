"""One clip for training: a row of the manifest as typed values, and its sound."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from synth.dataset.labels import label_arrays
from synth.dataset.manifest import ManifestRow
from synth.dataset.reader import DataFile
from synth.errors import BadInput, DamagedDataset, SynthError

if TYPE_CHECKING:
    from synth.audio.read import AudioFile

Pcm = npt.NDArray[np.int16]
Audio = npt.NDArray[np.float32]

_BLOCK: Final = 1 << 22  # samples decoded at a time


class Sound(Protocol):
    """Where the samples of a clip come from."""

    def pcm(self) -> Pcm: ...

    def audio(self) -> Audio: ...


@dataclass(frozen=True, slots=True)
class Row:
    """One clip. What a manifest does not say is None (`weight` 1.0, `labels` empty, `id` the name of the file).

    id: of the clip. path: of its audio file (of a clip rendered on the fly: where `synth generate` would put it,
    relative to the data set). duration: seconds. num_samples, sample_rate (Hz): of the clip.
    text, speaker: as the source has them. labels: True, False, or None where unknown, by name, or as the source's list
    has them (`label_values` reads "true" and "no" too). split, stage, condition: names.
    weight: of the clip in training, 0 or more.
    snr_db: as measured on the finished clip with the recipe's measure and weighting; None without noise.
    level_dbfs: RMS of the finished clip, full-scale sine -3.01. source_id: the utterance, which copies share.
    alignment: (word, start, duration), seconds from the start of the clip.
    manifest: the whole row as the manifest has it (README, "The manifest").
    """

    id: str
    path: Path
    duration: float
    num_samples: int | None
    sample_rate: int | None
    text: str | None
    speaker: str | None
    labels: Mapping[str, Any]
    split: str | None
    stage: str | None
    weight: float
    condition: str | None
    snr_db: float | None
    level_dbfs: float | None
    source_id: str | None
    alignment: tuple[tuple[str, float, float], ...] | None
    manifest: ManifestRow = field(repr=False)
    _sound: Sound = field(repr=False, compare=False)

    def audio(self) -> Audio:
        """The samples, float32, shape (n,), full scale 1.0: those of the file exactly. Read anew at each call.

        Raises SynthError, naming the clip, where the file is missing or cannot be decoded.
        """
        return self._sound.audio()

    def pcm(self) -> Pcm:
        """The samples, int16, shape (n,), as the file holds them. Raises as `audio`."""
        return self._sound.pcm()

    def label_values(self, names: Sequence[str]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """(values, known), each of shape (len(names),): 1.0 where a label is true, else 0.0; False where it is unknown
        (null, or not in the row). A loss is to be taken over what is known alone.

        Raises UsageError for a label that says neither yes nor no, such as an accent.
        """
        values, known = label_arrays([self.manifest], names)
        return values[0], known[0]


def row_of(fields: ManifestRow, path: Path, sound: Sound) -> Row:
    """The typed row of a manifest row. Keys that a list of NeMo's does not have may be missing, or null."""
    get = fields.get
    words = get("alignment")
    return Row(
        id=str(get("id") or path.stem),
        path=path,
        duration=float(fields["duration"]),
        num_samples=get("num_samples"),
        sample_rate=get("sampling_rate"),
        text=get("text"),
        speaker=get("speaker"),
        labels=get("labels") or {},
        split=get("split"),
        stage=get("stage"),
        weight=weight_of(fields),
        condition=get("condition"),
        snr_db=_measured(get("snr_db")),
        level_dbfs=_measured(get("level_dbfs")),
        source_id=get("source_id"),
        alignment=None if words is None else tuple((str(w), float(at), float(long)) for w, at, long in words),
        manifest=fields,
        _sound=sound,
    )


def weight_of(fields: Mapping[str, Any]) -> float:
    """The weight of a manifest row; 1.0 where it has none."""
    weight = fields.get("weight")
    return 1.0 if weight is None else float(weight)


def _measured(value: Any) -> float | None:
    """`{"measured": 7.5, ...}` as ours have it, or a bare number as a list of somebody else's may."""
    found = value.get("measured") if isinstance(value, Mapping) else value
    return None if found is None else float(found)


@dataclass(frozen=True, slots=True)
class MadeSound:
    """Samples that were rendered just now."""

    samples: Pcm

    def pcm(self) -> Pcm:
        return self.samples.copy()

    def audio(self) -> Audio:
        return self.samples.astype(np.float32) / np.float32(32768.0)  # exact: 16 bits of 24


@dataclass(frozen=True, slots=True)
class FileSound:
    """The audio file of a clip, opened when it is asked for.

    Only the part from `start` on, `seconds` long, where `start` is not None (a list that names parts of files);
    else the whole file, which has the `num_samples` of its row where that is one of a data set.
    """

    clip: str
    file: DataFile
    start: float | None
    seconds: float
    num_samples: int | None

    def pcm(self) -> Pcm:
        return self._read("int16").astype(np.int16, copy=False)

    def audio(self) -> Audio:
        return self._read("float32").astype(np.float32, copy=False)

    def _read(self, dtype: str) -> npt.NDArray[Any]:
        from synth.audio.read import opened_descriptor

        path = self.file.path
        if not os.path.lexists(path):
            raise self._error(f"its audio file {path} is missing; `synth verify` names all that are")
        try:
            with opened_descriptor(self.file.open(), str(path)) as audio:
                samples = self._samples(audio, dtype)
        except BadInput as error:
            raise self._error(
                f"{path} cannot be decoded ({error.message}); `synth verify` names all that are damaged"
            ) from None
        except SynthError as error:
            raise self._error(str(error)) from None
        return samples if samples.ndim == 1 else samples.mean(axis=1)  # several channels: their mean, as in a recipe

    def _samples(self, audio: AudioFile, dtype: str) -> npt.NDArray[Any]:
        """What the row promises, decoded in blocks: a file that claims or holds more costs no more memory."""
        rate = audio.header.sample_rate
        if self.start is not None:
            audio.skip(round(self.start * rate))
            return _decoded(audio, round(self.seconds * rate), dtype)
        exact = self.num_samples if self.file.root is not None else None
        most = math.ceil(max(2 * self.seconds, self.seconds + 60) * rate) if exact is None else exact
        samples = _decoded(audio, most + 1, dtype)
        if len(samples) > most:
            raise BadInput("corrupt", audio.path, f"it is longer than the {most} samples that its row says")
        return samples

    def _error(self, what: str) -> SynthError:
        text = f"clip {self.clip}: {what}"
        return (
            SynthError(text)
            if self.file.root is None
            else DamagedDataset(text, path=self.file.relative, what="cannot be read")
        )


def _decoded(audio: AudioFile, count: int, dtype: str) -> npt.NDArray[Any]:
    """At most `count` samples of each channel from where the file stands, shape (n,) or (n, channels)."""
    blocks = [audio.sound.read(min(count, _BLOCK), dtype=dtype)]
    while len(blocks[-1]) == _BLOCK and (rest := count - _BLOCK * len(blocks)) > 0:
        blocks.append(audio.sound.read(min(rest, _BLOCK), dtype=dtype))
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
