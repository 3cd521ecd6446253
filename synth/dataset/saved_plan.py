"""A plan on disk and back: catalogs, pools and columns, so that a worker maps what it needs instead of holding it."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from synth import files
from synth.catalog.catalog import Catalog
from synth.catalog.noise_store import NoiseStore
from synth.catalog.synthesized_noise import SynthesizedFile
from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.plan_header import PlanHeader, read_plan_header
from synth.dataset.quarantine import scan_refusal
from synth.dataset.reader import MAX_PLAN_DOCUMENT, DataFile
from synth.dsp.generators import GENERATORS
from synth.dsp.segments import Circle
from synth.errors import DamagedDataset, StorageError
from synth.lists.cases import Case, Cases
from synth.plan.plan import Plan, pools_digest
from synth.plan.pools import PoolRecording, Pools
from synth.plan.tables import CLIP_COLUMNS, SEGMENT_COLUMNS, Columns
from synth.recipe.load import load_recipe
from synth.recipe.model import SPLITS, Recipe
from synth.recipe.resolved import dump_resolved, resolved_dict
from synth.recipe.stages import stages_of

#: The catalogs of a plan, which are attributes of `Plan` of the same name.
CATALOGS: Final = ("speech", "noise", "rooms")

#: What code raises that works with numbers and texts of a damaged plan.
_ERRORS_OF_DAMAGE: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    OSError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """What a worker works from."""

    header: PlanHeader
    plan: Plan
    noise: NoiseStore


# Saving


def header_of(plan: Plan, noise: NoiseStore, *, ledger: Mapping[str, Any]) -> PlanHeader:
    """The header of a plan.

    Args:
        plan: the plan.
        noise: its noise store, which refused what could not be decoded.
        ledger: the use of noise by the plan, as JSON values.
    """
    catalogs: list[Catalog] = [getattr(plan, name) for name in CATALOGS]
    scan_refusals = [refusal for catalog in catalogs for refusal in catalog.refused]
    return PlanHeader(
        plan_digest=plan.digest,
        recipe=resolved_dict(plan.recipe),
        recipe_text=dump_resolved(plan.recipe),
        input_digests=plan.part_digests,
        clips=len(plan),
        shard_size=plan.shard_size,
        sample_rate=plan.recipe.sample_rate,
        splits=tuple(split for split, share in plan.recipe.splits.shares.items() if share > 0),
        num_inputs=sum(len(catalog) for catalog in catalogs) + len(scan_refusals),
        max_bad=plan.recipe.limits.max_bad,
        stages=stages_of(plan.recipe),
        refused=tuple(scan_refusal(refusal) for refusal in (*scan_refusals, *noise.refused)),
        roots={name: root for catalog in catalogs for name, root in catalog.roots.items()},
        recipe_folder=str(plan.recipe.folder),
        ledger=ledger,
    )


def save_plan(dataset: DatasetDir, plan: Plan, noise: NoiseStore) -> None:
    """Write the data of a plan. The same plan gives the same files, so parts that do it twice do no harm.

    The caller holds the lock for planning: what a killed run left half-written is cleared.

    Raises:
        StorageError: it could not be written.
    """
    folder = dataset.plan_folder
    files.remove_temporary_files(folder)
    files.write_file(folder / "recipe.yaml", dump_resolved(plan.recipe).encode())
    for name in CATALOGS:
        getattr(plan, name).save(folder / f"{name}.catalog")
    noise.save(folder / "noise.store")
    pools = [
        {"layer": layer, "pool": pool, "recordings": [_pool_recording_to_json(each) for each in members]}
        for (layer, pool), members in plan.pools.items()
    ]
    cases = {name: {"digest": c.digest, "rows": [asdict(row) for row in c.rows]} for name, c in plan.cases.items()}
    files.write_file(folder / "lists.json", json.dumps(hash_lists(plan.recipe), sort_keys=True).encode())
    files.write_file(folder / "pools.json", json.dumps(pools).encode())
    files.write_file(folder / "cases.json", json.dumps(cases, sort_keys=True).encode())
    for table, columns in (("clips", plan.clips), ("segments", plan.segments)):
        for name, column in columns.items():
            with files.writing(folder / f"{table}.{name}.npy") as out:
                np.lib.format.write_array(out, np.ascontiguousarray(column), allow_pickle=False)


_LARGEST_LIST: Final = 1 << 30  # bytes


def hash_lists(recipe: Recipe) -> dict[str, str]:
    """SHA-256 of each list of a recipe (of sources, of cases), by its path as the recipe has it.

    A simulation of `synth fit` has cases that are in no file; their digest is in the plan.
    """
    layers = recipe.noise.pooled_layers if recipe.noise else ()
    rooms = recipe.speech.room.sources if recipe.speech.room else ()
    sources = (*recipe.speech.sources, *(source for layer in layers for source in layer.sources), *rooms)
    lists = [source.manifest for source in sources] + [condition.cases for condition in recipe.conditions]
    hashes = {}
    for path in sorted({path for path in lists if path is not None and (recipe.folder / path).exists()}):
        with files.reading(path):
            hashes[path] = _hash_list(recipe.folder / path)
    return hashes


def _hash_list(path: Path) -> str:
    """SHA-256 of a list; of a folder of another tool, that of its small files, which are its lists."""
    if not path.is_dir():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    digest = hashlib.sha256()
    for each in sorted(path.iterdir()):
        if each.is_file() and each.stat().st_size <= _LARGEST_LIST and each.suffix not in (".tar", ".parquet"):
            digest.update(f"{each.name}\0{_hash_list(each)}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _pool_recording_to_json(recording: PoolRecording) -> dict[str, Any]:
    return {
        "index": recording.index,
        "id": recording.id,
        "stretches": recording.circle.stretches,
        "crossfade": recording.circle.crossfade,
        "group": recording.group,
        "synthesized_file": None if recording.grown_file is None else asdict(recording.grown_file),
    }


# Reading


def open_plan(dataset: DatasetDir) -> SavedPlan:
    """The plan of a data set's directory, mapped into memory.

    Raises:
        UsageError: nothing was planned here.
        DamagedDataset: a file of the plan is damaged.
    """
    header = read_plan_header(dataset)
    with opening(dataset, "recipe.yaml") as path:
        if DataFile(path, dataset.path).read() != header.recipe_text.encode():
            raise ValueError("not the recipe that .synth/plan.json was written with")
        recipe = load_recipe(path, folder=header.recipe_folder)
    speech, noise, rooms = (load_catalog(dataset, name) for name in CATALOGS)
    clips = _load_columns(dataset, "clips", CLIP_COLUMNS)
    segments = _load_columns(dataset, "segments", SEGMENT_COLUMNS)
    _check_columns(dataset, clips, segments, header=header, num_speech=len(speech))
    plan = Plan(recipe, speech, noise, rooms, load_pools(dataset, header), clips, segments, _load_cases(dataset))
    with opening(dataset, "noise.store") as path:
        return SavedPlan(header, plan, NoiseStore.load(path))


@contextlib.contextmanager
def reading_plan(dataset: DatasetDir) -> Iterator[SavedPlan]:
    """`open_plan` for one look at a plan that may be damaged in ways that only its use shows.

    Raises:
        UsageError: nothing was planned here.
        DamagedDataset: a file of the plan is damaged; also for errors of the block, because numbers and texts that were
            changed make the code that works with them raise anything.
    """
    saved = open_plan(dataset)
    folder = DataFile(dataset.plan_folder, dataset.path)
    if saved.plan.digest != saved.header.plan_digest:
        raise folder.error("damaged: it is not the plan that .synth/plan.json was written with")
    try:
        yield saved
    except _ERRORS_OF_DAMAGE as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # EINVAL: a place in a file that cannot be
            raise
        what = f"damaged, its files do not fit together ({type(error).__name__}: {_first_line(error)})"
        raise folder.error(what) from error


def load_pools(dataset: DatasetDir, header: PlanHeader) -> Pools:
    """The noise pools of the saved plan of this header. Raises DamagedDataset."""
    with opening(dataset, "pools.json"):
        tables = read_document(dataset, "pools.json")
        pools = {(t["layer"], t["pool"]): tuple(map(_pool_recording_of, t["recordings"])) for t in tables}
        if pools_digest(pools) != header.input_digests["noise_pools"]:
            raise ValueError("not the pools that .synth/plan.json was written with")
        return pools


def load_catalog(dataset: DatasetDir, name: str) -> Catalog:
    """A catalog of the saved plan. Raises DamagedDataset."""
    with opening(dataset, f"{name}.catalog") as path:
        return Catalog.load(path)


def read_document(dataset: DatasetDir, name: str) -> Any:
    """The value of a JSON file of the saved plan. Raises DamagedDataset."""
    return DataFile(dataset.plan_folder / name, dataset.path).json(MAX_PLAN_DOCUMENT)


@contextlib.contextmanager
def opening(dataset: DatasetDir, name: str) -> Iterator[Path]:
    """The path of a file of the saved plan, which is a regular one; whatever goes wrong in the block is its damage."""
    file = DataFile(dataset.plan_folder / name, dataset.path)
    os.close(file.open())
    try:
        with files.reading(file.path):
            yield file.path
    except (DamagedDataset, StorageError):
        raise
    except Exception as error:  # a cut or edited file makes its parser raise anything
        raise file.error(f"damaged: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    """The text of an error, or of the one that caused it."""
    reason = error.__cause__ or error
    return next(iter(str(reason).splitlines()), "") or type(reason).__name__


def _pool_recording_of(fields: Mapping[str, Any]) -> PoolRecording:
    circle = Circle.of([(start, length) for start, length in fields["stretches"]], crossfade=fields["crossfade"])
    file = fields["synthesized_file"]
    synthesized_file = None if file is None else SynthesizedFile(**file)
    return PoolRecording(fields["index"], fields["id"], circle, fields["group"], synthesized_file)


def _load_cases(dataset: DatasetDir) -> dict[str, Cases]:
    with opening(dataset, "cases.json"):
        tables = read_document(dataset, "cases.json")
        return {name: Cases(tuple(map(_case_of, table["rows"])), table["digest"]) for name, table in tables.items()}


def _case_of(fields: Mapping[str, Any]) -> Case:
    spectra = {name: fields[name] and tuple(fields[name]) for name in ("bands_db", "rumble_db")}
    return Case(**{**fields, **spectra})


def _load_columns(dataset: DatasetDir, table: str, dtypes: Mapping[str, str]) -> Columns:
    columns: dict[str, npt.NDArray[np.integer[Any]]] = {}
    for name, dtype in dtypes.items():
        with opening(dataset, f"{table}.{name}.npy") as path:
            # As plain ndarray: indexing the memmap class costs a Python call each time.
            column = np.load(path, mmap_mode="r", allow_pickle=False).view(np.ndarray)
            if column.shape != (len(column),) or column.dtype != np.dtype(dtype):
                raise ValueError(f"{column.dtype} of shape {column.shape}, expected {np.dtype(dtype)} in one row")
            columns[name] = column
    return columns


def _check_columns(
    dataset: DatasetDir, clips: Columns, segments: Columns, *, header: PlanHeader, num_speech: int
) -> None:
    """Raise DamagedDataset if the columns do not fit together, so that nobody reads beyond their ends."""
    first_segments = clips["first_segment"]
    count = len(first_segments) - 1

    def check(name: str, is_right: bool, fault: str) -> None:
        if not is_right:
            raise DataFile(dataset.plan_folder / f"{name}.npy", dataset.path).error(f"damaged: {fault}")

    def is_below(column: npt.NDArray[np.integer[Any]], limit: int) -> bool:
        return not len(column) or (int(column.min()) >= 0 and int(column.max()) < limit)

    check("clips.first_segment", count == header.clips, f"{count} clips, the plan has {header.clips}")
    for name, column in clips.items():
        if name != "first_segment":
            check(f"clips.{name}", len(column) == count, f"{len(column)} values for {count} clips")
    for name, column in segments.items():
        fault = f"{len(column)} values for {first_segments[-1]} segments of noise"
        check(f"segments.{name}", len(column) == first_segments[-1], fault)
    in_order = first_segments[0] == 0 and not (np.diff(first_segments) < 0).any()
    check("clips.first_segment", in_order, "not in order")
    fault = f"recordings beyond the {num_speech} of the catalog"
    check("clips.recording", is_below(clips["recording"], num_speech), fault)
    check("clips.split", is_below(clips["split"], len(SPLITS)), "unknown splits")
    check("segments.kind", is_below(segments["kind"], len(GENERATORS) + 1), "unknown kinds of noise")
