"""One clip for training: a row of the manifest as typed values, and its sound."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from synth.audio.formats import LOSSY_KINDS
from synth.dataset.labels import label_arrays
from synth.dataset.manifest import ManifestRow
from synth.dataset.reader import DataFile
from synth.errors import BadInput, DamagedDataset, SynthError

if TYPE_CHECKING:
    from synth.audio.read import AudioFile

Pcm = npt.NDArray[np.int16]
Audio = npt.NDArray[np.float32]

_HEADER_BYTES: Final = 1 << 12
_MOST_AHEAD: Final = 1 << 18  # bytes of a clip in a tar file that are read in one access, with its header
_BLOCK: Final = 1 << 22  # samples decoded at a time


class Sound(Protocol):
    """Where the samples of a clip come from."""

    def pcm(self) -> Pcm:
        """The samples, int16, shape (n,)."""
        ...

    def audio(self) -> Audio:
        """The samples, float32, shape (n,), full scale 1.0."""
        ...


@dataclass(frozen=True, slots=True)
class Row:
    """One clip. What its manifest does not say is None, unless the field names another default."""

    id: str  # default: the name of the file
    path: Path  # of its file; for a clip rendered on the fly, where `synth generate` would put it in the data set
    duration: float  # seconds
    num_samples: int | None
    sample_rate: int | None  # Hz
    text: str | None  # as the source has it
    speaker: str | None  # as the source has it
    labels: Mapping[str, Any]  # True, False, None if unknown, or as the source's list has it; default: empty
    split: str | None
    stage: str | None  # of training
    weight: float  # of the clip in training, 0 or more; default: 1.0
    condition: str | None
    snr_db: float | None  # measured on the finished clip, with the measure and weighting of the recipe
    level_dbfs: float | None  # RMS of the finished clip; a full-scale sine has -3.01
    source_id: str | None  # the utterance, which copies share
    alignment: tuple[tuple[str, float, float], ...] | None  # (word, start, duration), seconds of the clip
    manifest: ManifestRow = field(repr=False)  # the whole row (README, "The manifest")
    _sound: Sound = field(repr=False, compare=False)

    def audio(self) -> Audio:
        """Read the samples, float32, shape (n,), full scale 1.0: exactly those of the file. Each call reads them again.

        Raises:
            SynthError: the file is missing or cannot be decoded; the message names the clip.
        """
        return self._sound.audio()

    def pcm(self) -> Pcm:
        """Read the samples, int16, shape (n,), as the file holds them. Raises as `audio`."""
        return self._sound.pcm()

    def label_values(self, names: Sequence[str]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """The labels with these names, as `synth.dataset.labels.label_arrays` has them.

        Returns:
            `values`, float32, shape (len(names),): 1.0 if a label is true, else 0.0; and `mask`, bool, of the same
            shape: False if it is unknown (null, or not in the row). A loss must leave out what the mask leaves out.

        Raises:
            UsageError: a label is neither true, false nor unknown, such as an accent.
        """
        values, mask = label_arrays([self.manifest], names)
        return values[0], mask[0]


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
        alignment=None
        if words is None
        else tuple((str(word), float(start), float(length)) for word, start, length in words),
        manifest=fields,
        _sound=sound,
    )


def weight_of(fields: Mapping[str, Any]) -> float:
    """The weight of a manifest row; 1.0 where it has none."""
    weight = fields.get("weight")
    return 1.0 if weight is None else float(weight)


def _measured(value: Any) -> float | None:
    """The number in `{"measured": 7.5, ...}`, as our rows have it, or a bare number, as other manifests may."""
    number = value.get("measured") if isinstance(value, Mapping) else value
    return None if number is None else float(number)


@dataclass(frozen=True, slots=True)
class RenderedSound:
    """Samples that were rendered just now."""

    samples: Pcm  # shape (n,)
    decoded: Audio | None = None  # the same as a lossy format gives them back, before rounding; shape (n,)

    def pcm(self) -> Pcm:
        """A copy of the samples, int16, shape (n,)."""
        return self.samples.copy()

    def audio(self) -> Audio:
        """The samples, float32, shape (n,), full scale 1.0."""
        if self.decoded is not None:
            return self.decoded.copy()
        return self.samples.astype(np.float32) / np.float32(32768.0)  # exact: 16 bits of 24


@dataclass(frozen=True, slots=True)
class FileSound:
    """The audio file of a clip, opened when its samples are asked for."""

    clip: str  # id
    file: DataFile
    start: float | None  # seconds, in a manifest that names parts of files; None: the whole file
    seconds: float  # length
    num_samples: int | None  # that a file of a data set must have
    in_tar: int | None = None  # where its bytes begin in the tar file that it is a member of, if its row says that

    def pcm(self) -> Pcm:
        """The samples, int16, shape (n,)."""
        return self._read("int16").astype(np.int16, copy=False)

    def audio(self) -> Audio:
        """The samples, float32, shape (n,), full scale 1.0."""
        return self._read("float32").astype(np.float32, copy=False)

    def _read(self, dtype: str) -> npt.NDArray[Any]:
        from synth.audio.read import opened_window

        path = self.file.path
        ahead = min(_MOST_AHEAD, _HEADER_BYTES + (self.num_samples or 0) * 3 // 2)  # FLAC of noise: a byte and a half
        try:
            with opened_window(self.file.open_window(self.in_tar, ahead), str(path)) as audio:
                samples = self._samples(audio, dtype)
        except BadInput as error:
            raise self._error(
                f"{path} cannot be decoded ({error.message}); `synth verify` lists all damaged files"
            ) from None
        except SynthError as error:
            if not self.file.is_there():
                raise self._error(f"its audio file {path} is missing; `synth verify` lists all missing files") from None
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
        if self.file.root is None:
            return SynthError(text)
        return DamagedDataset(text, path=self.file.relative, what="cannot be read")


def _decoded(audio: AudioFile, count: int, dtype: str) -> npt.NDArray[Any]:
    """At most `count` samples of each channel from where the file stands, shape (n,) or (n, channels)."""
    if dtype == "int16" and audio.header.format in LOSSY_KINDS:
        from synth.audio.lossy_codec import decoded_pcm

        return decoded_pcm(_decoded(audio, count, "float32"))
    blocks = [audio.sound.read(min(count, _BLOCK), dtype=dtype)]
    while len(blocks[-1]) == _BLOCK and (rest := count - _BLOCK * len(blocks)) > 0:
        blocks.append(audio.sound.read(min(rest, _BLOCK), dtype=dtype))
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
