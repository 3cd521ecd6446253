"""Where a command may write: one rule for every `--out`, `--html` and folder that a command names.

A command calls `check_file`, `check_folder` or `check_data_set` before any slow work. A path may be written to if

- nothing is there (or an empty folder), or
- what is there was written by `synth` as the same kind of output, and nobody has changed it since.

Everything else is refused. So are URLs, paths inside a data set, and paths inside a folder that the command reads:
inputs are never changed, and clips must never become clean speech.

The sha256 of each output is noted in the user's cache folder: the name of an empty file, so that concurrent runs do not
disturb each other. If the cache cannot be written to, nothing is noted, and the output counts as foreign later.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from synth import files
from synth.errors import StorageError, UsageError
from synth.paths.folders import PLAN, PRIVATE, cache_folder, data_set_around, is_export
from synth.text import listed

_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+(.*)", re.DOTALL)  # Path has made one slash of two
_READ: Final = 1 << 20
_SHOWN: Final = 3  # names of what is in a folder


def check_file(
    path: Path,
    kind: str,
    *,
    option: str = "--out",
    inputs: Iterable[Path | None] = (),
    beside: Path | None = None,
) -> None:
    """Refuse a file that must not be written.

    Args:
        path: the output.
        kind: what is to be written, such as `profile`; only an unchanged output of the same kind is replaced.
        option: what the message calls the path.
        inputs: files and folders that the command reads.
        beside: another output of the same command.

    Raises:
        UsageError: with the reason, and what to do.
    """
    _check_place(path, option, inputs)
    if beside is not None and _same(path, beside):
        raise UsageError(f"{option} {path}: this is the other output of this command as well; name two files")
    if path.is_dir():
        raise UsageError(f"{option} {path}: this is a folder, but the {kind} is a file; add a file name to it")
    parent = path.parent
    if not parent.is_dir():
        if os.path.lexists(parent):
            raise UsageError(f"{option} {path}: {parent} is not a folder; name a file in a folder")
        raise UsageError(f"{option} {path}: there is no folder {parent}; create it, or name another file")
    _check_writable(parent, path, option)
    check_replaceable(path, kind, option=option)


def check_folder(
    path: Path, kind: str, *, option: str = "--out", inputs: Iterable[Path | None] = (), shared: bool = False
) -> None:
    """Refuse a folder that must not be written to.

    Args:
        path: the output.
        kind: what is to be written; every file in the folder must be an unchanged output of this kind.
        option: what the message calls the path.
        inputs: files and folders that the command reads.
        shared: the folder may hold other files; the caller checks those that it replaces (`write_folder`).

    Raises:
        UsageError: with the reason, and what to do.
    """
    inputs = tuple(inputs)
    _check_place(path, option, inputs)
    _check_is_folder(path, option)
    if shared:
        return
    _check_holds_no_input(path, option, inputs)
    for file in _files_in(path):
        if not is_unchanged(file, kind):
            raise UsageError(
                f"{option} {path}: {file.relative_to(path)} in this folder is not an unchanged {kind} that synth "
                "wrote, and might hold work of yours; name a new folder"
            )


def check_data_set(path: Path, *, option: str = "--out", inputs: Iterable[Path | None] = ()) -> None:
    """Refuse a folder in which a data set must not be made, or continued.

    Raises:
        UsageError: with the reason, and what to do.
    """
    _check_own_folder(path, "data set", option, tuple(inputs), is_ours=(path / PRIVATE / PLAN).is_file())


def check_export(path: Path, *, option: str = "--out", inputs: Iterable[Path | None] = ()) -> None:
    """Refuse a folder in which an export must not be made, or continued.

    Raises:
        UsageError: with the reason, and what to do.
    """
    _check_own_folder(path, "export", option, tuple(inputs), is_ours=is_export(path))


def _check_own_folder(path: Path, kind: str, option: str, inputs: tuple[Path | None, ...], *, is_ours: bool) -> None:
    _check_place(path, option, inputs)
    if is_ours:
        return
    _check_is_folder(path, option)
    _check_holds_no_input(path, option, inputs)
    if foreign := [entry.name for entry in _entries(path) if entry.name != PRIVATE]:
        raise UsageError(
            f"{option} {path}: this folder holds files ({listed(foreign, _SHOWN)}) but no {kind} that synth has "
            "begun; name a new folder, or an empty one"
        )


def _check_place(path: Path, option: str, inputs: Iterable[Path | None]) -> None:
    if url := _URL.fullmatch(str(path)):
        raise UsageError(
            f"{option} {url[1]}://{url[2]}: synth writes to local folders only, not to URLs; write to a local path, "
            "and copy the result there afterwards"
        )
    if (data_set := data_set_around(path, itself=False)) is not None:
        raise UsageError(
            f"{option} {path}: this lies in the data set {data_set}, which no command adds files to; name a path "
            f"outside of {data_set}"
        )
    for source in inputs:
        if source is None:
            continue
        if source.is_dir() and _is_within(path, source):
            where = "is" if _same(path, source) else f"lies in {source}, which is"
            raise UsageError(
                f"{option} {path}: this {where} an input of this command: inputs are never changed, and what is "
                "written there would be read as an input later; name a path outside of it"
            )
        if not source.is_dir() and _same(path, source):
            raise UsageError(f"{option} {path}: this is an input of this command, which is never changed; name another")


def _check_holds_no_input(path: Path, option: str, inputs: Iterable[Path | None]) -> None:
    for each in inputs:
        if each is not None and each.exists() and _is_within(each, path):
            raise UsageError(
                f"{option} {path}: {each}, an input of this command, lies in this folder; name a folder of its own"
            )


def _is_within(path: Path, folder: Path) -> bool:
    real_path, real_folder = Path(os.path.realpath(path)), Path(os.path.realpath(folder))
    return real_path == real_folder or real_folder in real_path.parents


def _same(first: Path, second: Path) -> bool:
    with contextlib.suppress(OSError):
        return first.samefile(second)
    return os.path.realpath(first) == os.path.realpath(second)


def _check_is_folder(path: Path, option: str) -> None:
    """The folder, or the nearest one above that exists, must be a folder that can be written to."""
    nearest = next(each for each in (path, *Path(os.path.realpath(path)).parents) if os.path.lexists(each))
    if not nearest.is_dir():
        what = "this is" if nearest == path else f"{nearest} is"
        raise UsageError(f"{option} {path}: {what} a file, but a folder is needed; name a new folder")
    _check_writable(nearest, path, option)


def _check_writable(folder: Path, path: Path, option: str) -> None:
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(
            f"{option} {path}: the folder {folder} cannot be written to (no permission, or a read-only disk); name "
            "another, or change its permissions"
        )


def check_replaceable(path: Path, kind: str, *, option: str = "--out") -> None:
    """Refuse a path at which something lies that is not an unchanged output of this kind. Raises UsageError."""
    if os.path.lexists(path) and not is_unchanged(path, kind):
        raise UsageError(
            f"{option} {path}: this exists, and it is not an unchanged {kind} that synth wrote; it is left as it is. "
            "Name another file, or move this one away"
        )


def _entries(folder: Path) -> list[Path]:
    """The entries of a folder, except what a killed run of ours has left."""
    if not folder.is_dir():
        return []
    return sorted(each for each in folder.iterdir() if not files.is_temporary(each.name))


def _files_in(folder: Path) -> Iterator[Path]:
    """All files below a folder; links are not followed."""
    for entry in _entries(folder):
        if entry.is_dir() and not entry.is_symlink():
            yield from _files_in(entry)
        else:
            yield entry


def is_unchanged(path: Path, kind: str) -> bool:
    """Whether a file is an output of this kind that `synth` wrote (by this user) and nobody changed since."""
    if not path.is_file():
        return False
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while data := file.read(_READ):
                digest.update(data)
    except OSError:
        return False
    return _mark_of(kind, digest.hexdigest()).is_file()


def _mark_of(kind: str, digest: str) -> Path:
    """The empty file in the cache whose name says that `synth` wrote these bytes."""
    return cache_folder() / "written" / kind.replace(" ", "-") / digest


@contextlib.contextmanager
def writing(path: Path, kind: str, *, option: str = "--out") -> Iterator[files.HashingWriter]:
    """Write an output in parts, and note its digest; it appears under `path` when the block ends without an exception.

    `path` is checked again: a person may have put a file there since the command began.

    Raises:
        UsageError: a file is there that must not be replaced.
        StorageError: disk full, I/O error, no permission.
    """
    check_replaceable(path, kind, option=option)
    try:
        with files.writing(path, create_only=not path.exists()) as out:
            hashing = files.HashingWriter(out)
            yield hashing
            with contextlib.suppress(StorageError, OSError):  # before the file appears, so that a kill between
                files.make_mark(_mark_of(kind, hashing.sha256))  # the two does not make it foreign
    except FileExistsError:
        raise UsageError(
            f"{option} {path}: another file appeared here while synth was working, and is left as it is; run again "
            "with another name"
        ) from None


def write(path: Path, data: files.Data, kind: str, *, option: str = "--out") -> None:
    """Write an output at once. A file that has these bytes already is left as it is. Raises as `writing`."""
    if _holds(path, data):
        return
    with writing(path, kind, option=option) as out:
        out.write(data)


def write_folder(
    folder: Path, content: Mapping[str, bytes], kind: str, *, stale: Iterable[str] = (), replaces: Iterable[str] = ()
) -> None:
    """Write the files of a folder in the order given.

    Args:
        folder: made if it is not there.
        content: the bytes of each file by its name; a file that has them already is left as it is.
        kind: as `check_folder`.
        stale: names of files that an earlier output may have left; those not in `content` are removed.
        replaces: names of files that are replaced whatever is in them, because the output is made from them.

    Raises:
        UsageError: a file that would be replaced or removed was changed; then nothing is written.
        StorageError: disk full, I/O error, no permission.
    """
    stale_paths = [folder / name for name in sorted(set(stale) - set(content)) if os.path.lexists(folder / name)]
    new = {name: data for name, data in content.items() if not _holds(folder / name, data)}
    for path in (*stale_paths, *(folder / name for name in new)):
        if path.name not in replaces:
            check_replaceable(path, kind)
    files.make_folder(folder)
    for path in stale_paths:
        files.remove_file(path)
    for name, data in new.items():
        if name in replaces:
            files.remove_file(folder / name)
        write(folder / name, data, kind)


def _holds(path: Path, data: files.Data) -> bool:
    return path.is_file() and not path.is_symlink() and path.read_bytes() == data
