"""Small answers by key, kept in the user's cache folder in one SQLite file: what was measured once about a file.

The cache may vanish, be read-only or broken at any time: then everything is measured again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from synth import files
from synth.errors import StorageError
from synth.paths.folders import cache_folder

__all__ = ["Cache", "cache_folder", "key_of", "open_cache"]

_log = logging.getLogger(__name__)

_FILE: Final = "measured-2.sqlite"
_AT_ONCE: Final = 500  # keys in one query
_SEAL: Final = 16  # hex digits


def key_of(*parts: object) -> bytes:
    """16 bytes that stand for a question: what is measured, of which file in which state, with which settings."""
    text = json.dumps(parts, ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def _seal(key: bytes, text: str) -> str:
    """A checksum of an answer: SQLite does not notice a bit that has flipped on the disk."""
    return hashlib.blake2b(key + text.encode(), digest_size=_SEAL // 2).hexdigest()


class Cache:
    """Answers by key. Without a database (none was asked for, or none can be used) it knows nothing."""

    def __init__(self, database: Any = None) -> None:
        self._database = database
        self._num_keys = self._num_answers = 0

    def get(self, keys: Sequence[bytes]) -> dict[bytes, Any]:
        """The answers that are known, by key, as JSON has them."""
        answers: dict[bytes, Any] = {}
        with self._tolerant():
            for start in range(0, len(keys) if self._database else 0, _AT_ONCE):
                batch = keys[start : start + _AT_ONCE]
                marks = ",".join("?" * len(batch))
                query = f"SELECT key, answer FROM measured WHERE key IN ({marks})"
                for key, answer in self._database.execute(query, batch):
                    seal, text = answer[:_SEAL], answer[_SEAL:]
                    if seal == _seal(key, text):
                        answers[key] = json.loads(text)
        self._num_keys += len(keys)
        self._num_answers += len(answers)
        return answers

    def put(self, answers: Mapping[bytes, object]) -> None:
        """Keep answers (anything that JSON can hold)."""
        with self._tolerant():
            if self._database and answers:
                texts = ((key, json.dumps(answer)) for key, answer in answers.items())
                rows = [(key, _seal(key, text) + text) for key, text in texts]
                with self._database:
                    self._database.executemany("INSERT OR REPLACE INTO measured VALUES (?, ?)", rows)

    @contextlib.contextmanager
    def _tolerant(self) -> Iterator[None]:
        import sqlite3  # only here: `synth --help` does not need it

        try:
            yield
        except (sqlite3.Error, ValueError):
            self.close()

    def close(self) -> None:
        """Close the database; from now on the cache knows nothing."""
        if self._num_keys:
            _log.info("cache: %d of %d measurements known", self._num_answers, self._num_keys)
            self._num_keys = self._num_answers = 0
        if self._database:
            self._database.close()
        self._database = None


def open_cache(folder: Path | None) -> Cache:
    """The cache in `folder`; an empty one for None, or if the folder cannot be written to."""
    import sqlite3

    if folder is None:
        return Cache()
    try:
        files.make_folder(folder)
        return Cache(_connect(folder / _FILE))
    except (sqlite3.DatabaseError, StorageError, OSError):
        return Cache()


def _connect(path: Path) -> Any:
    import sqlite3

    database = sqlite3.connect(path, timeout=10)
    try:
        # without waiting for the disk: answers that a power cut takes are measured again
        database.execute("PRAGMA synchronous=OFF")
        database.execute("CREATE TABLE IF NOT EXISTS measured (key BLOB PRIMARY KEY, answer TEXT) WITHOUT ROWID")
    except sqlite3.OperationalError:
        database.close()
        raise
    except sqlite3.DatabaseError:  # not a database (any more), after a torn write
        database.close()
        files.remove_file(path)
        return _connect(path)
    return database
