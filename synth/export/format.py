"""What a format is: the base class of all classes in `formats/`, and what they write with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeAlias

from synth.export.export_file import CountingWriter
from synth.export.settings import ABSOLUTE, Chunk, ExportSettings
from synth.export.totals import Totals

Row: TypeAlias = dict[str, Any]
#: The content of `export.json`.
ExportContent: TypeAlias = Mapping[str, Any]


class ChunkWriter(Protocol):
    """Writes the clips of one chunk (`synth.export.worker.ChunkRun`)."""

    settings: ExportSettings
    chunk: Chunk

    def rows(self) -> Iterator[Row]:
        """Yield the manifest rows of the chunk, in clip order."""
        ...

    def add_line(self, name: str, line: str) -> None:
        """Add a line, without line end, to a list of the export."""
        ...

    def add_text(self, name: str, text: str) -> None:
        """Add text with line ends to a list that is merged in chunk order, such as CSV with line breaks in cells."""
        ...

    def file(self, relative: str) -> AbstractContextManager[CountingWriter]:
        """Write a file of the export; it appears when the block ends."""
        ...

    def lose(self, key: str, clips: int = 1) -> None:
        """Count clips of which something is lost; `key` is one of `Format.losses`."""
        ...

    def audio(self, row: Row) -> str:
        """The path of a clip as lists write it."""
        ...

    def path(self, relative: str) -> str:
        """The path of any file of the data set as lists write it."""
        ...

    def read_audio(self, row: Row) -> bytes:
        """The bytes of the file of a clip. Raises DamagedDataset if they are not those of the manifest."""
        ...

    def read_file(self, relative: str, sha256: str | None) -> bytes:
        """The bytes of any file of the data set, such as a stem. Raises DamagedDataset as `read_audio`."""
        ...


class Merge(Protocol):
    """Merges what the chunks added to lists (`synth.export.merge.PartMerge`)."""

    settings: ExportSettings
    totals: Totals
    files: dict[str, dict[str, Any]]  #: size and SHA-256 of each file that is written so far, by its path

    def names(self) -> list[str]:
        """The lists that chunks added lines to, sorted."""
        ...

    def lines(self, name: str, *, ordered: bool = False) -> Iterator[bytes]:
        """Yield the lines of a list with their line ends: in chunk order, or sorted by bytes (as `LC_ALL=C sort`)."""
        ...

    def write(self, relative: str, blocks: Iterable[bytes]) -> None:
        """Write a file of the export."""
        ...

    def lose(self, key: str, clips: int) -> None:
        """Count clips of which something is lost; `key` is one of `Format.losses`."""
        ...


class Format(ABC):
    """A format that data sets are exported to."""

    name: ClassVar[str]  #: the word after `--to`
    summary: ClassVar[str]  #: one sentence, for pages
    version: ClassVar[int] = 1  #: changes when equal rows give other bytes
    holds_audio: ClassVar[bool] = False  #: whether the export holds the audio; otherwise lists refer to it
    names_members: ClassVar[bool] = False  #: whether its lists can name a clip in a tar file of the data set
    default_paths: ClassVar[str] = ABSOLUTE  #: of `--paths`; relative where the reader starts from the list's folder
    cuts_margins: ClassVar[bool] = False  #: whether it can refer to a part of a file (`--cut-margins`)
    needs: ClassVar[tuple[str, ...]] = ()  #: modules of the extra `export` that it imports
    losses: ClassVar[Mapping[str, str]] = {}  #: by key: what is lost of some clips, after "3 of 12 clips ..."
    left_out: ClassVar[tuple[str, ...]] = ()  #: what it never holds, as nouns; those that no clip has are not reported

    @abstractmethod
    def write_chunk(self, out: ChunkWriter) -> None:
        """Write the files of one chunk and its lines of lists. Runs in a worker process."""

    def finish(self, merge: Merge) -> None:
        """Write the lists, when all chunks are done: by default each as it is, in chunk order."""
        for name in merge.names():
            merge.write(name, merge.lines(name))

    def check(self, settings: ExportSettings, totals: Totals) -> None:  # noqa: B027 - most formats refuse nothing
        """Refuse options that this format cannot follow, before anything is written. Raises UsageError."""

    def versions(self) -> dict[str, str]:
        """Versions of libraries that decide bytes of the export."""
        return {}

    @abstractmethod
    def reading(self, out: Path, content: ExportContent) -> tuple[str, ...]:
        """The lines of code that read the export, for people."""
