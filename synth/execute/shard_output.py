"""Where the files of a shard go: each into a file of its own, or all into tar files, one for each split.

Both write into a staging folder; nothing has its final name before all of the shard is complete.
"""

from __future__ import annotations

import os
from typing import Protocol

from synth import files
from synth.archives.tar_writer import BLOCK, TarWriter
from synth.dataset.dataset_dir import STEMS, DatasetDir, tar_path
from synth.execute.clip_maker import EncodedClip
from synth.recipe.model import SPLITS


class ShardOutput(Protocol):
    """Takes the clips of a shard in their order, and publishes them together."""

    def next_offset(self, tar: str) -> int:
        """Where the content of the next clip will begin in a tar file of the data set, bytes."""
        ...

    def add(self, clip: EncodedClip) -> None:
        """Write the files of a clip. Raises StorageError."""
        ...

    def publish(self) -> None:
        """Give all files their final names. Raises StorageError."""
        ...


class LooseFiles:
    """The layout `files`."""

    def __init__(self, dataset: DatasetDir, staging: files.Staging) -> None:
        self._dataset = dataset
        self._staging = staging

    def next_offset(self, tar: str) -> int:
        """No clip is in a tar file."""
        return 0

    def add(self, clip: EncodedClip) -> None:
        """Write each file of the clip."""
        for path, content in clip.files:
            self._staging.put(self._dataset.absolute(path), content)

    def publish(self) -> None:
        """Give all files their final names."""
        self._staging.publish()


class ShardTars:
    """The layout `tar`: a tar file begins with its first clip, so no split has an empty one."""

    def __init__(self, dataset: DatasetDir, shard: int, staging: files.Staging) -> None:
        self._dataset = dataset
        self._shard = shard
        self._staging = staging
        self._tars: dict[str, TarWriter] = {}

    def next_offset(self, tar: str) -> int:
        """Where the content of the next clip will begin in the tar file with this path."""
        return BLOCK + (self._tars[tar].position if tar in self._tars else 0)

    def add(self, clip: EncodedClip) -> None:
        """Append the clip and its row to the tar file of its split, and the stems to theirs."""
        (path, content), *stems = clip.files
        tar, _, name = path.rpartition("/")
        self._tar(tar).add(name, content)
        self._tar(tar).add(f"{clip.row['id']}.json", f"{clip.line}\n".encode())
        for path, content in stems:
            tar, _, name = path.rpartition("/")
            self._tar(tar).add(name, content)

    def _tar(self, path: str) -> TarWriter:
        if path not in self._tars:
            self._tars[path] = TarWriter(self._staging.begin(self._dataset.absolute(path)))
        return self._tars[path]

    def publish(self) -> None:
        """Give all tar files their final names.

        Those of a run that was killed are replaced; one is removed if all its clips are refused this time.
        """
        for tar in self._tars.values():
            tar.close()
        self._staging.publish()
        for path in (tar_path(split, self._shard, kind) for split in SPLITS for kind in ("audio", *STEMS)):
            if path not in self._tars and os.path.lexists(self._dataset.absolute(path)):
                files.remove_file(self._dataset.absolute(path))
