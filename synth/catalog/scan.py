"""Make a catalog of the sources of a recipe: find the files, read their headers once, trust lists that say enough.

Headers are read in parallel by processes that may die of it (processes/pool.py), and remembered in the user's cache
by path, size and time of change, so that a second scan reads none. A list row with `sampling_rate` and `duration` (or
`num_samples`) is trusted: its file is first opened when it is rendered, and refused then if the row was wrong.
"""

# Paths are strings here, thousands of them: to make a Path of each costs more than the call itself.
# ruff: noqa: PTH116, PTH118, PTH120

from __future__ import annotations

import contextlib
import os
import posixpath
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import soundfile as sf

from synth import files
from synth.archives.member_path import open_window, split_member_path
from synth.audio.cache import Cache, key_of, open_cache
from synth.audio.containers import ContainerError, check_form
from synth.audio.file_identity import FileIdentity, window_identity
from synth.audio.measured import ToMeasure, measure_once
from synth.audio.read import LEADS_OUT, ROUNDING_SECONDS, inside, path_complaint
from synth.catalog.catalog import Catalog, CatalogBuilder, CatalogSource, Entry
from synth.catalog.data_set_clips import refuse_clips, refuse_data_set
from synth.catalog.folder import passed_over_note, walk_folder
from synth.catalog.probe import MAX_ROOM_SECONDS, AudioSegment, check_response, measure_trim, probe
from synth.catalog.recording import Refusal
from synth.catalog.row_labels import SlowPattern, add_path_labels
from synth.catalog.source_files import SourceFiles, locate, source_error
from synth.catalog.synthesized_noise import add_synthesis_labels
from synth.errors import BadInput, SynthError, UsageError
from synth.lists.audio_list import AudioRow, read_audio_list
from synth.lists.formats.listing import Listing
from synth.lists.formats.registry import read_format
from synth.processes.pool import Pool, shared_pool
from synth.recipe.model import Limits, Source
from synth.text import printable
from synth.units import seconds_to_samples

__all__ = ["Progress", "scan"]

Kind: TypeAlias = Literal["speech", "noise", "room"]
Progress: TypeAlias = Callable[[str, int, int | None], None]
"""Called now and then with (what is being done, how many are done, of how many if that is known)."""

_CHUNK: Final = 8192  # rows handled together: enough to fill a pool, few enough to hold
_READER: Final = f"2 {sf.__libsndfile_version__}"
_PROBE, _TRIM, _RESPONSE = (
    f"{function.__module__}:{function.__name__}" for function in (probe, measure_trim, check_response)
)
_LIMIT_KEY: Final[dict[Kind, str]] = {
    "speech": "limits.max_speech_s",
    "noise": "limits.max_noise_s",
    "room": "for impulse responses",
}
_USUAL_RATES: Final = frozenset((8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000, 96000))  # Hz; surely allowed
_MOST_STATES: Final = 20_000  # files of one source whose state is remembered; to look again costs 20 microseconds
_MOST_HEADERS: Final = 100_000  # files of one source whose headers are remembered


class _FileState(NamedTuple):
    """A file as it is now. Whatever was measured of it holds as long as all of this is the same."""

    identity: FileIdentity
    ctime_ns: int  # no program can set it back


@dataclass(slots=True)
class _ScanState:
    """What a scan works with, and how far it is."""

    builder: CatalogBuilder
    pool: Pool
    cache: Cache
    limits: Limits
    max_seconds: float  # of one recording
    kind: Kind
    trim_top_db: float | None
    progress: Progress
    num_rows: int = 0  # rows handled so far
    file_states: dict[str, _FileState | BadInput] = field(default_factory=dict)  # by path, of the current source
    headers: dict[str, Sequence[int] | BadInput] = field(default_factory=dict)  # what `probe` returned, likewise

    def refuse(self, error: BadInput, path: str) -> None:
        self.builder.refuse(Refusal(printable(path), error.code, "scan", error.message))


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
    pool: Pool | None = None,
) -> Catalog:
    """Find all recordings of some sources. Inputs that cannot be used are in `catalog.refused`.

    Args:
        sources: their paths are relative to `folder`.
        folder: the recipe's.
        limits: of length and patience.
        cache: folder that is kept from run to run; None: remember nothing.
        jobs: worker processes.
        kind: decides which limit of length applies.
        trim_top_db: measure where the sound of each recording begins and ends: dB below its loudest frame. Each file is
            decoded for it.
        progress: called now and then.
        pool: worker processes that somebody else starts and ends; None: start `jobs` of them if they are needed.

    Raises:
        UsageError, RecipeError: a folder, file or list is missing, has no audio or no path column, or is a data set of
            `synth` (unless it has `allow_synthesized`). RecipeError if the source has a place in a recipe.
    """
    max_seconds = {
        "speech": limits.max_speech_s,
        "noise": limits.max_noise_s,
        "room": min(limits.max_speech_s, MAX_ROOM_SECONDS),
    }[kind]
    builder = CatalogBuilder(folder=cache)
    with contextlib.closing(open_cache(cache)) as answers, shared_pool(pool, jobs) as workers:
        state = _ScanState(
            builder,
            workers,
            answers,
            limits,
            max_seconds,
            kind,
            trim_top_db,
            progress or (lambda what, count, total: None),
        )
        for source in sources:
            source_files = locate(source, folder)
            refuse_data_set(source, source_files)
            _scan_source(state, source, source_files)
    return builder.build()


def _scan_source(state: _ScanState, source: Source, source_files: SourceFiles) -> None:
    root, num_refused, num_items = source_files.root, len(state.builder.refused), 0
    state.file_states.clear()
    state.headers.clear()
    passed_over: Counter[str] = Counter()
    items = _rows_of(source, source_files, passed_over, state.pool)
    while chunk := list(islice(items, _CHUNK)):
        num_items += len(chunk)
        rows: Sequence[AudioRow] = [row for item in chunk if (row := _admitted(state, item, root)) is not None]
        try:
            rows = add_path_labels(rows, source.path_labels, state.pool)
        except SlowPattern as error:
            raise source_error(source, error.label, str(error)) from None
        _scan_chunk(state, source, root, rows)
        state.progress(f"reading {source.name}", state.num_rows, None)
    note = passed_over_note(passed_over)
    if not num_items and len(state.builder.refused) == num_refused:
        raise _no_audio(source, root, note)
    if note:
        state.builder.notes.append(f"source {source.name!r}: {note}")
    state.builder.end_source(CatalogSource(source.name, root, source.channels, source.recording_column, source.pool))


def _rows_of(
    source: Source, source_files: SourceFiles, passed_over: Counter[str], pool: Pool
) -> Iterator[AudioRow | BadInput]:
    """The rows of the source's list, or one for each file of its folder."""
    if source_files.file is not None:
        return add_synthesis_labels([AudioRow(source_files.file)], source_files.root)
    if source_files.listed is None:
        root, data_sets = Path(source_files.root), source.allow_synthesized
        paths = walk_folder(root, glob=source.glob, passed_over=passed_over, data_sets=data_sets)
        return add_synthesis_labels(paths, source_files.root)
    if source_files.format is None:
        rows = read_audio_list(source_files.listed, columns=source.columns)
    else:
        glob, columns, channels = source.glob, source.columns, source.channels
        listing = Listing(source_files.listed, source_files.root, glob, columns, channels, pool=pool)
        rows = _format_rows(source, source_files, listing)
    return rows if source.allow_synthesized else refuse_clips(rows, source)


def _format_rows(source: Source, source_files: SourceFiles, listing: Listing) -> Iterator[AudioRow | BadInput]:
    """The rows of a data set of another tool. Raises RecipeError or UsageError with the place of the source."""
    try:
        first = True
        for row in read_format(source_files.format or "", listing):
            if first and isinstance(row, AudioRow):
                first = False
                _refuse_other_root(source, source_files, row)
            yield row
    except UsageError as error:
        raise source_error(source, "manifest" if source.manifest else "path", str(error)) from None


def _refuse_other_root(source: Source, source_files: SourceFiles, row: AudioRow) -> None:
    """Refuse a list of absolute paths that are not below the root, once, rather than each row."""
    path = relative_path(row.path, source_files.root)
    if path.startswith("/"):
        listed = source.manifest or source.path
        text = (
            f"its audio is not below {source_files.root}: the first path is {printable(path)}. Give the list as "
            f"`manifest: {listed}`, and the folder that all its audio is in as `path`"
        )
        raise source_error(source, "path", text)


def _no_audio(source: Source, root: str, note: str | None) -> SynthError:
    if source.manifest:
        return source_error(source, "manifest", f"the list {source.manifest} has no rows")
    if source.glob:
        return source_error(source, "glob", f"no file that matches {source.glob!r} in {root}")
    return source_error(source, "path", f"no audio file in {root}{f'; {note}' if note else ''}")


def _admitted(state: _ScanState, item: AudioRow | BadInput, root: str) -> AudioRow | None:
    """The row with its path relative to the root; None if it was refused."""
    if isinstance(item, BadInput):
        state.refuse(item, item.path)
        return None
    path = relative_path(item.path, root)
    if complaint := path_complaint(path):
        state.refuse(BadInput("forbidden_path", printable(path), complaint), path)
        return None
    return item if path == item.path else replace(item, path=path)


def relative_path(path: str, root: str) -> str:
    """A path of a list, relative to the root if it is below it, without `.` and doubled slashes."""
    if path.startswith("/"):
        for base in (root, os.path.realpath(root)):
            prefix = base.rstrip("/") + "/"
            if path.startswith(prefix):
                path = path[len(prefix) :].lstrip("/")
                break
    if "./" in path or "//" in path:
        # What leads out of the root stays as it is, so that it is refused by the name that the list has.
        return path if ".." in path.split("/") or path.startswith("/") or "://" in path else posixpath.normpath(path)
    return path


def _scan_chunk(state: _ScanState, source: Source, root: str, rows: Sequence[AudioRow]) -> None:
    if len(state.file_states) > _MOST_STATES:
        state.file_states.clear()
    if len(state.headers) > _MOST_HEADERS:
        state.headers.clear()
    _look_at_files(state, root, [row.path for row in rows])
    _read_headers(state, root, [row.path for row in rows if not row.trusted])
    entries: list[Entry] = []
    for row in rows:
        try:
            entries.append(_entry(row, state))
        except BadInput as error:
            state.refuse(error, row.path)
    if state.trim_top_db is not None:
        entries = _with_trims(state, source, root, entries, state.trim_top_db)
    if state.kind == "room":
        entries = _usable_responses(state, source, root, entries)
    for entry in entries:
        state.builder.add(entry)
    state.num_rows += len(rows)


def _entry(row: AudioRow, state: _ScanState) -> Entry:
    """The catalog's entry of a row. Raises BadInput if list, file and limits do not agree."""
    file_state = state.file_states[row.path]
    identity = None if isinstance(file_state, BadInput) else file_state.identity
    if row.trusted:
        rate, channels, length = row.sample_rate or 0, row.channels or 0, None
        try:
            if rate not in _USUAL_RATES:
                check_form(rate, 1)
        except ContainerError as error:
            raise BadInput(error.code, row.path, error.message, "scan") from None
    else:
        header = state.headers[row.path]
        if isinstance(header, BadInput):
            raise header
        rate, channels, length = header
        if row.sample_rate not in (None, rate):
            raise BadInput("bad_row", row.path, f"the list says {row.sample_rate} Hz, the file has {rate} Hz", "scan")
    start, count = _segment(row, rate, length)
    if count > state.max_seconds * rate:
        text = f"{count / rate:.1f} s; the limit is {state.max_seconds:g} s ({_LIMIT_KEY[state.kind]})"
        raise BadInput("too_long", row.path, text, "scan")
    return Entry(row.path, start, count, rate, channels, identity, row.detail)


def _segment(row: AudioRow, rate: int, length: int | None) -> tuple[int, int]:
    """(start, number of samples). If the file's length is known, the segment must be inside it, but for rounding."""
    start = seconds_to_samples(row.offset, rate) if row.offset else 0
    count = row.num_samples
    if count is None:
        count = (length or 0) - start if row.duration is None else seconds_to_samples(row.duration, rate)
    if length is not None:
        over = start + count - length
        slack = ROUNDING_SECONDS * rate
        if over > slack or start >= length:
            text = f"the segment from {row.offset:g} s to {(start + count) / rate:g} s does not lie in the file"
            raise BadInput("bad_row", row.path, f"{text} of {length / rate:g} s", "scan")
        # Durations in lists are rounded: a segment that ends within 20 ms of the file's end means the end.
        if over > 0 or (start == 0 and -over <= slack and row.num_samples is None):
            count = length - start
    if count <= 0:
        raise BadInput("empty", row.path, "it holds no samples", "scan")
    return start, count


def _look_at_files(state: _ScanState, root: str, paths: Iterable[str]) -> None:
    """Note the state of each file, or why it must not or cannot be opened."""
    for path in paths:
        if path not in state.file_states:
            try:
                state.file_states[path] = _file_state(root, path)
            except BadInput as error:
                error.__traceback__ = error.__context__ = None  # a kilobyte each, of perhaps a million
                state.file_states[path] = error


def _file_state(root: str, path: str) -> _FileState:
    full = f"{root}{path}" if root.endswith("/") else f"{root}/{path}"
    status, file = None, full  # the file itself, or the archive that it is a member of
    try:
        try:
            status = os.lstat(full)  # first, because of a million files of a list perhaps none is on this machine
        except NotADirectoryError:
            parts = split_member_path(full)
            if parts is None:
                raise
            file = parts[0]
            status = os.lstat(file)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise BadInput("missing", path, f"it cannot be found: {error.strerror}", "scan") from None
    except OSError:
        pass  # it happens again below, where it is told whether the file or the disk is to blame
    try:
        with files.reading(full):
            status = status or os.lstat(file)
            if stat.S_ISLNK(status.st_mode) or not inside(os.path.dirname(file), root):
                if not inside(file, root, keep=False):
                    raise BadInput("forbidden_path", path, LEADS_OUT, "scan")
                status = os.stat(file)
            if not stat.S_ISREG(status.st_mode):
                raise BadInput("forbidden_path", path, "not a regular file", "scan")
            window = open_window(full, decode=False)
            try:
                return _FileState(window_identity(window), os.fstat(window.descriptor).st_ctime_ns)
            finally:
                os.close(window.descriptor)
    except OSError as error:
        raise BadInput("missing", path, f"it cannot be found: {error.strerror}", "scan") from None
    except BadInput as error:
        raise BadInput(error.code, path, error.message, "scan") from None


def _read_headers(state: _ScanState, root: str, paths: Sequence[str]) -> None:
    """Fill `state.headers` for these paths."""
    items: dict[str, ToMeasure] = {}
    for path in dict.fromkeys(paths):
        file_state = state.file_states[path]
        if isinstance(file_state, BadInput):
            state.headers[path] = file_state
        elif path not in state.headers:
            full = os.path.join(root, path)
            key = key_of("probe", _READER, full, *file_state)
            items[path] = _to_measure(state, path, key, (full, root), file_state)
    state.headers.update(_measure(state, _PROBE, items))


def _to_measure(
    state: _ScanState, path: str, key: bytes, arguments: tuple[Any, ...], file_state: _FileState
) -> ToMeasure:
    return ToMeasure(path, key, arguments, state.limits.timeout_s, file_state.identity.mtime_ns)


def _measure(state: _ScanState, function: str, items: dict[Any, ToMeasure]) -> dict[Any, Any]:
    def report(count: int) -> None:
        state.progress("reading headers", state.num_rows + count, None)

    return measure_once(items, function, pool=state.pool, cache=state.cache, progress=report)


def _with_trims(state: _ScanState, source: Source, root: str, entries: Sequence[Entry], top_db: float) -> list[Entry]:
    """The entries with the bounds of their sound; silent ones are refused."""
    bounds, trimmed = _decode_each(state, source, root, entries, _TRIM, top_db), []
    for i, entry in enumerate(entries):
        bound = bounds[i]
        if isinstance(bound, BadInput):
            state.refuse(bound, entry.path)
        elif bound[0] >= bound[1]:
            state.refuse(BadInput("silent", entry.path, "nothing is left after trimming", "scan"), entry.path)
        else:
            trimmed.append(replace(entry, detail={**entry.detail, "trim": list(bound)}))
    return trimmed


def _usable_responses(state: _ScanState, source: Source, root: str, entries: Sequence[Entry]) -> list[Entry]:
    """The impulse responses that can be used: a bad one is refused once here, not in each clip that would have it."""
    answers, usable = _decode_each(state, source, root, entries, _RESPONSE), []
    for i, entry in enumerate(entries):
        if isinstance(error := answers[i], BadInput):
            state.refuse(error, entry.path)
        else:
            usable.append(entry)
    return usable


def _decode_each(
    state: _ScanState, source: Source, root: str, entries: Sequence[Entry], function: str, *settings: float
) -> dict[int, Any]:
    """The answer of a function of `probe` for each entry by its index, or the BadInput that refuses it."""
    items: dict[int, ToMeasure] = {}
    answers: dict[int, Any] = {}
    for i, entry in enumerate(entries):
        file_state = state.file_states[entry.path]
        if isinstance(file_state, BadInput):
            answers[i] = file_state
            continue
        segment = AudioSegment(root, entry.offset, entry.num_samples, source.channels)
        arguments = (os.path.join(root, entry.path), segment, state.max_seconds, *settings)
        key = key_of(function, _READER, *arguments, *file_state)
        items[i] = _to_measure(state, entry.path, key, arguments, file_state)
    answers.update(_measure(state, function, items))
    return answers
