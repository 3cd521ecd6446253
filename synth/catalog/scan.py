"""Make a catalog of the sources of a recipe: find the files, read their headers once, believe lists that say enough.

Headers are read in parallel by processes that may die of it (`isolate`), and kept in the user's cache by path, size and
time of change, so that a second scan reads none. A list row with `sampling_rate` and `duration` (or `num_samples`) is
believed: its file is first opened when it is rendered, and refused then if the row was wrong.
"""

# Paths are strings here, thousands of them: to make a Path of each costs more than the call itself.
# ruff: noqa: PTH116, PTH118, PTH120

from __future__ import annotations

import contextlib
import os
import posixpath
import stat
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

import soundfile as sf

from synth import files
from synth.audio.cache import Cache, key_of, open_cache
from synth.audio.containers import ContainerError, check_form
from synth.audio.identity import FileIdentity, file_identity
from synth.audio.read import LEADS_OUT, ROUNDING_SECONDS, inside, path_complaint
from synth.catalog.catalog import Catalog, CatalogBuilder, CatalogSource, Entry
from synth.catalog.folder import passed_over_note, walk_folder
from synth.catalog.grown_files import with_grown_labels
from synth.catalog.path_labels import SlowPattern, with_labels
from synth.catalog.probe import MAX_ROOM_SECONDS, Place, Probed, check_response, measure_trim, probe
from synth.catalog.recording import Refusal
from synth.catalog.source_files import SourceFiles, locate, source_error
from synth.catalog.synthesized import refuse_clips, refuse_data_set
from synth.errors import BadInput, SynthError
from synth.lists.audio_list import AudioRow, read_audio_list
from synth.processes.isolate import Pool
from synth.recipe.model import Limits, Source
from synth.text import printable
from synth.units import seconds_to_samples

__all__ = ["Progress", "scan"]

Kind: TypeAlias = Literal["speech", "noise", "room"]
Progress: TypeAlias = Callable[[str, int, int | None], None]
"""Called now and then with (what is being done, how many are done, of how many where that is known)."""

_CHUNK = 8192  # rows handled together
_FRESH_NS = 2_000_000_000  # a file changed so lately may change again within the same tick of its clock
_READER = f"2 {sf.__libsndfile_version__}"
_PROBE, _TRIM, _RESPONSE = (
    f"{function.__module__}:{function.__name__}" for function in (probe, measure_trim, check_response)
)
_LIMIT_OF: dict[Kind, str] = {
    "speech": "limits.max_speech_s",
    "noise": "limits.max_noise_s",
    "room": "for impulse responses",
}
_STATES_REMEMBERED = 20_000  # files of one list; to look again costs 20 microseconds
_REMEMBERED = 100_000  # files of one list whose headers are kept at hand
_TRANSIENT = frozenset(("timeout", "decode_crash", "missing", "changed_during_run"))


class _State(NamedTuple):
    """A file as it is now. Whatever was measured of it holds as long as all of this is the same."""

    identity: FileIdentity
    ctime_ns: int  # no program can set it back


@dataclass(slots=True)
class _Desk:
    """What a scan works with."""

    builder: CatalogBuilder
    pool: Pool
    cache: Cache
    limits: Limits
    max_seconds: float
    kind: Kind
    trim_top_db: float | None
    progress: Progress
    done: int = 0
    states: dict[str, _State | BadInput] = field(default_factory=dict)  # by path, of the source that is being read
    probed: dict[str, Probed | BadInput] = field(default_factory=dict)


def scan(
    sources: Sequence[Source],
    *,
    folder: Path,
    limits: Limits,
    cache: Path | None = None,
    jobs: int = 1,
    kind: Kind = "speech",
    trim_top_db: float | None = None,
    progress: Progress | None = None,
) -> Catalog:
    """All recordings of `sources`, whose paths are relative to `folder`; what cannot be used is in `catalog.refused`.

    `kind` decides which limit of length holds. With `trim_top_db` (dB below the loudest frame) the bounds of the
    sound of each recording are measured, for which each is decoded once. `cache` is a folder kept from run to run.

    Raises UsageError, or RecipeError with the place in the recipe, if a folder, file or list is missing, has no audio,
    or is a data set of `synth` (unless it has `allow_synthesized`); UsageError if a list has no path column.
    """
    max_seconds = {
        "speech": limits.max_speech_s,
        "noise": limits.max_noise_s,
        "room": min(limits.max_speech_s, MAX_ROOM_SECONDS),
    }[kind]
    builder = CatalogBuilder(folder=cache)
    with contextlib.closing(open_cache(cache)) as known, Pool(jobs) as pool:
        desk = _Desk(builder, pool, known, limits, max_seconds, kind, trim_top_db, progress or _quiet)
        for source in sources:
            place = locate(source, folder)
            refuse_data_set(source, place)
            _scan_source(desk, source, place)
    return builder.build()


def _quiet(what: str, done: int, total: int | None) -> None:
    pass


def _scan_source(desk: _Desk, source: Source, place: SourceFiles) -> None:
    before, root = len(desk.builder.refused), place.root
    found = 0
    _forget(desk)
    passed_over: Counter[str] = Counter()
    for chunk in _chunks(_items(source, place, passed_over), _CHUNK):
        found += len(chunk)
        rows = [row for item in chunk if (row := _admitted(desk, item, root)) is not None]
        _scan_chunk(desk, source, root, _labeled(desk, source, rows))
        desk.progress(f"reading {source.name}", desk.done, None)
    note = passed_over_note(passed_over)
    if not found and len(desk.builder.refused) == before:
        raise _nothing_found(source, root, note)
    if note:
        desk.builder.notes.append(f"source {source.name!r}: {note}")
    desk.builder.end_source(CatalogSource(source.name, root, source.channels, source.recording_column, source.pool))


def _labeled(desk: _Desk, source: Source, rows: Sequence[AudioRow]) -> Sequence[AudioRow]:
    """The rows with the labels that the source takes from their paths."""
    try:
        return with_labels(rows, source.path_labels, desk.pool)
    except SlowPattern as error:
        raise source_error(source, error.label, str(error)) from None


def _nothing_found(source: Source, root: str, note: str | None) -> SynthError:
    if source.manifest:
        return source_error(source, "manifest", f"the list {source.manifest} has no rows")
    if source.glob:
        return source_error(source, "glob", f"no file that matches {source.glob!r} in {root}")
    return source_error(source, "path", f"no audio file in {root}{f'; {note}' if note else ''}")


def _chunks(items: Iterable[AudioRow | BadInput], size: int) -> Iterator[list[AudioRow | BadInput]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _items(source: Source, place: SourceFiles, passed_over: Counter[str]) -> Iterator[AudioRow | BadInput]:
    if place.file is not None:
        return with_grown_labels([AudioRow(place.file)], place.root)
    if place.listed is None:
        allowed = source.allow_synthesized
        files = walk_folder(Path(place.root), glob=source.glob, passed_over=passed_over, data_sets=allowed)
        return with_grown_labels(files, place.root)
    rows = read_audio_list(place.listed, columns=source.columns)
    return rows if source.allow_synthesized else refuse_clips(rows, source)


def _admitted(desk: _Desk, item: AudioRow | BadInput, root: str) -> AudioRow | None:
    """The row with its path relative to the root; None where it was refused."""
    if isinstance(item, BadInput):
        _refuse(desk, item, item.path)
        return None
    path = relative_path(item.path, root)
    if complaint := path_complaint(path):
        _refuse(desk, BadInput("forbidden_path", printable(path), complaint), path)
        return None
    return item if path == item.path else replace(item, path=path)


def relative_path(path: str, root: str) -> str:
    """The path as it stands in a list, relative to the root where it can be, in its plain form."""
    if path.startswith("/"):
        for base in (root, os.path.realpath(root)):
            prefix = base.rstrip("/") + "/"
            if path.startswith(prefix):
                path = path[len(prefix) :].lstrip("/")
                break
    if "./" in path or "//" in path:
        return path if ".." in path.split("/") or path.startswith("/") or "://" in path else posixpath.normpath(path)
    return path


def _refuse(desk: _Desk, error: BadInput, path: str) -> None:
    desk.builder.refuse(Refusal(printable(path), error.code, "scan", error.message))


def _scan_chunk(desk: _Desk, source: Source, root: str, rows: Sequence[AudioRow]) -> None:
    if len(desk.states) > _STATES_REMEMBERED:
        desk.states.clear()
    if len(desk.probed) > _REMEMBERED:
        desk.probed.clear()
    _look_at_files(desk, root, [row.path for row in rows])
    probed = _probe_files(desk, root, [row.path for row in rows if not row.trusted])
    entries: list[Entry] = []
    for row in rows:
        try:
            state = desk.states[row.path]
            identity = None if isinstance(state, BadInput) else state.identity
            entries.append(_entry(row, None if row.trusted else probed[row.path], identity, desk))
        except BadInput as error:
            _refuse(desk, error, row.path)
    if desk.trim_top_db is not None:
        entries = _trimmed(desk, source, root, entries, desk.trim_top_db)
    if desk.kind == "room":
        entries = _checked_rooms(desk, source, root, entries)
    for entry in entries:
        desk.builder.add(entry)
    desk.done += len(rows)


def _forget(desk: _Desk) -> None:
    desk.states.clear()
    desk.probed.clear()


def _entry(row: AudioRow, probed: Probed | BadInput | None, identity: FileIdentity | None, desk: _Desk) -> Entry:
    if isinstance(probed, BadInput):
        raise probed
    if probed is None:
        rate, channels, length = row.sample_rate or 0, row.channels or 0, None
        _check_rate(rate, row.path)
    else:
        rate, channels, length = probed
        if row.sample_rate not in (None, rate):
            raise BadInput("bad_row", row.path, f"the list says {row.sample_rate} Hz, the file has {rate} Hz", "scan")
    offset, count = _segment(row, rate, length)
    if count > desk.max_seconds * rate:
        text = f"{count / rate:.1f} s; the limit is {desk.max_seconds:g} s ({_LIMIT_OF[desk.kind]})"
        raise BadInput("too_long", row.path, text, "scan")
    return Entry(row.path, offset, count, rate, channels, identity, row.detail)


def _check_rate(rate: int, path: str) -> None:
    try:
        check_form(rate, 1)
    except ContainerError as error:
        raise BadInput(error.code, path, error.message, "scan") from None


def _segment(row: AudioRow, rate: int, length: int | None) -> tuple[int, int]:
    """(offset, number of samples). Where the file's length is known, the segment must lie in it, but for rounding."""
    offset = seconds_to_samples(row.offset, rate)
    count = row.num_samples
    if count is None:
        count = (length or 0) - offset if row.duration is None else seconds_to_samples(row.duration, rate)
    if length is not None:
        over = offset + count - length
        slack = ROUNDING_SECONDS * rate
        if over > slack or offset >= length:
            text = f"the segment from {row.offset:g} s to {(offset + count) / rate:g} s does not lie in the file"
            raise BadInput("bad_row", row.path, f"{text} of {length / rate:g} s", "scan")
        if over > 0 or (offset == 0 and -over <= slack and row.num_samples is None):
            count = length - offset
    if count <= 0:
        raise BadInput("empty", row.path, "it holds no samples", "scan")
    return offset, count


# headers, from the cache or from the files


def _look_at_files(desk: _Desk, root: str, paths: Iterable[str]) -> None:
    """Note the state of each file, or why it must not or cannot be opened."""
    for path in paths:
        if path not in desk.states:
            try:
                desk.states[path] = _state(root, path)
            except BadInput as error:
                error.__traceback__ = error.__context__ = None  # a kilobyte each, of perhaps a million
                desk.states[path] = error


def _probe_files(desk: _Desk, root: str, paths: Sequence[str]) -> dict[str, Probed | BadInput]:
    states: dict[str, _State] = {}
    for path in dict.fromkeys(paths):
        state = desk.states[path]
        if isinstance(state, BadInput):
            desk.probed[path] = state
        elif path not in desk.probed:
            states[path] = state
    keys = {path: key_of("probe", _READER, os.path.join(root, path), *state) for path, state in states.items()}
    desk.probed.update(_measured(desk, _PROBE, keys, states, lambda path: (os.path.join(root, path), root)))
    return desk.probed


def _state(root: str, path: str) -> _State:
    full = os.path.join(root, path)
    try:
        with files.reading(full):
            status = os.lstat(full)
            if stat.S_ISLNK(status.st_mode) or not inside(os.path.dirname(full), root):
                if not inside(full, root, keep=False):
                    raise BadInput("forbidden_path", path, LEADS_OUT, "scan")
                status = os.stat(full)
            if not stat.S_ISREG(status.st_mode):
                raise BadInput("forbidden_path", path, "not a regular file", "scan")
            return _state_of(full)
    except OSError as error:
        raise BadInput("missing", path, f"it cannot be found: {error.strerror}", "scan") from None


def _state_of(path: str) -> _State:
    # O_NONBLOCK: if a pipe has taken the file's place, opening it must not wait
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        return _State(file_identity(descriptor), os.fstat(descriptor).st_ctime_ns)
    finally:
        os.close(descriptor)


def _measured(
    desk: _Desk,
    function: str,
    keys: dict[Any, bytes],
    states: Mapping[Any, _State],
    task: Callable[[Any], tuple[Any, ...]],
) -> dict[Any, Any]:
    """Item -> answer of `function`, or BadInput: from the cache, else measured and kept."""
    found = desk.cache.get(list(keys.values()))
    answers = {item: _recalled(found[key], item) for item, key in keys.items() if key in found}
    missing = [item for item in keys if item not in answers]
    fresh_from = time.time_ns() - _FRESH_NS
    kept: dict[bytes, object] = {}
    for index, answer in desk.pool.map(function, [task(item) for item in missing], timeout_s=desk.limits.timeout_s):
        item = missing[index]
        answers[item] = answer
        if states[item].identity.mtime_ns < fresh_from and not (
            isinstance(answer, BadInput) and answer.code in _TRANSIENT
        ):
            kept[keys[item]] = _memory(answer)
        desk.progress("reading headers", desk.done + len(answers), None)
    desk.cache.put(kept)
    return answers


def _memory(answer: Any) -> object:
    return {"refused": [answer.code, answer.message]} if isinstance(answer, BadInput) else list(answer)


def _recalled(memory: Any, item: Any) -> Any:
    if isinstance(memory, dict):
        code, message = memory["refused"]
        return BadInput(code, str(item), message, "scan")
    return tuple(memory)


# what is asked of the sound of each recording


def _trimmed(desk: _Desk, source: Source, root: str, entries: Sequence[Entry], top_db: float) -> list[Entry]:
    bounds = _decoded(desk, source, root, entries, _TRIM, top_db)
    return [entry for i, e in enumerate(entries) if (entry := _with_trim(desk, e, bounds[i])) is not None]


def _checked_rooms(desk: _Desk, source: Source, root: str, entries: Sequence[Entry]) -> list[Entry]:
    """The impulse responses that can be used: a bad one is found once here, not in each clip that would be in it."""
    answers = _decoded(desk, source, root, entries, _RESPONSE)
    for i, entry in enumerate(entries):
        if isinstance(error := answers[i], BadInput):
            _refuse(desk, error, entry.path)
    return [entry for i, entry in enumerate(entries) if not isinstance(answers[i], BadInput)]


def _decoded(
    desk: _Desk, source: Source, root: str, entries: Sequence[Entry], function: str, *settings: float
) -> dict[int, Any]:
    """The answer of a function of `probe` to each entry by its index, or the BadInput that refuses it."""
    states = ((i, desk.states[entry.path]) for i, entry in enumerate(entries))
    known = {i: state for i, state in states if isinstance(state, _State)}

    def task(i: int) -> tuple[Any, ...]:
        e = entries[i]
        place = Place(root, e.offset, e.num_samples, source.channels)
        return os.path.join(root, e.path), place, desk.max_seconds, *settings

    keys = {i: key_of(function, _READER, *task(i), *state) for i, state in known.items()}
    answers = _measured(desk, function, keys, known, task)
    answers.update((i, desk.states[e.path]) for i, e in enumerate(entries) if i not in known)
    return answers


def _with_trim(desk: _Desk, entry: Entry, bounds: tuple[int, int] | BadInput) -> Entry | None:
    if isinstance(bounds, BadInput):
        _refuse(desk, bounds, entry.path)
        return None
    if bounds[0] >= bounds[1]:
        _refuse(desk, BadInput("silent", entry.path, "nothing is left after trimming", "scan"), entry.path)
        return None
    return replace(entry, detail={**entry.detail, "trim": list(bounds)})
