"""A plan on disk and back: catalogs, pools and columns, so that a worker maps what it needs instead of holding it."""

from __future__ import annotations

import contextlib
import errno
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synth import files
from synth.catalog.catalog import Catalog
from synth.catalog.noise_store import NoiseStore
from synth.catalog.synthesized_noise import SynthesizedFile
from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.input_changes import CATALOGS, list_hashes
from synth.dataset.plan_data import first_line, load_catalog, loading, plan_document
from synth.dataset.plan_file import PlanHeader, read_plan_header
from synth.dataset.quarantine import scan_refusal
from synth.dataset.reader import DataFile
from synth.dsp.generators import GENERATORS
from synth.dsp.segments import Circle
from synth.lists.cases import Case, Cases
from synth.plan.plan import Plan, pools_digest
from synth.plan.pools import PoolRecording, Pools
from synth.plan.tables import CLIP_COLUMNS, SEGMENT_COLUMNS, Columns
from synth.recipe.load import load_recipe
from synth.recipe.model import SPLITS
from synth.recipe.resolved import dump_resolved, resolved_dict
from synth.recipe.stages import stages_of


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """What a worker works from."""

    header: PlanHeader
    plan: Plan
    noise: NoiseStore


def header_of(plan: Plan, noise: NoiseStore, *, planned: Mapping[str, Any]) -> PlanHeader:
    """The header of a plan. `noise` refused what could not be decoded; `planned` is the ledger, as JSON values."""
    catalogs = {name: _catalog(plan, name) for name in CATALOGS}
    scanned = [refusal for catalog in catalogs.values() for refusal in catalog.refused]
    refused = tuple(scan_refusal(refusal) for refusal in (*scanned, *noise.refused))
    return PlanHeader(
        fingerprint=plan.digest,
        recipe=resolved_dict(plan.recipe),
        recipe_text=dump_resolved(plan.recipe),
        digests=plan.part_digests,
        clips=len(plan),
        shard_size=plan.shard_size,
        sample_rate=plan.recipe.sample_rate,
        splits=tuple(split for split, share in plan.recipe.splits.shares.items() if share > 0),
        inputs=sum(len(catalog) for catalog in catalogs.values()) + len(scanned),
        max_bad=plan.recipe.limits.max_bad,
        stages=stages_of(plan.recipe),
        refused=refused,
        roots={name: root for catalog in catalogs.values() for name, root in catalog.roots.items()},
        recipe_folder=str(plan.recipe.folder),
        planned=planned,
    )


def _catalog(plan: Plan, name: str) -> Catalog:
    catalog: Catalog = getattr(plan, name)
    return catalog


def save_plan(dataset: DatasetDir, plan: Plan, noise: NoiseStore) -> None:
    """Write the data of a plan. The same plan gives the same files, so parts that do it twice do no harm.

    The caller holds the lock for planning: what a killed run left half-written is cleared. Raises StorageError.
    """
    folder = dataset.plan_data
    files.remove_temporary_files(folder)
    files.write_file(folder / "recipe.yaml", dump_resolved(plan.recipe).encode())
    for name in CATALOGS:
        _catalog(plan, name).save(folder / f"{name}.catalog")
    noise.save(folder / "noise.store")
    files.write_file(folder / "lists.json", json.dumps(list_hashes(plan.recipe), sort_keys=True).encode())
    files.write_file(folder / "pools.json", _pools_text(plan.pools).encode())
    cases = {name: {"digest": c.digest, "rows": [asdict(row) for row in c.rows]} for name, c in plan.cases.items()}
    files.write_file(folder / "cases.json", json.dumps(cases, sort_keys=True).encode())
    _save_columns(folder, "clips", plan.clips)
    _save_columns(folder, "segments", plan.segments)


def _save_columns(folder: Path, table: str, columns: Columns) -> None:
    for name, column in columns.items():
        with files.writing(folder / f"{table}.{name}.npy") as out:
            np.lib.format.write_array(out, np.ascontiguousarray(column), allow_pickle=False)


def _load_columns(dataset: DatasetDir, table: str, names: Mapping[str, str]) -> Columns:
    # plain ndarray: indexing the memmap class costs a Python call each time
    columns: dict[str, npt.NDArray[np.integer[Any]]] = {}
    for name, code in names.items():
        with loading(dataset, f"{table}.{name}.npy") as path:
            column = np.load(path, mmap_mode="r", allow_pickle=False).view(np.ndarray)
            if column.shape != (len(column),) or column.dtype != np.dtype(code):
                raise ValueError(f"{column.dtype} of shape {column.shape}, expected {np.dtype(code)} in one row")
            columns[name] = column
    return columns


def _check_columns(dataset: DatasetDir, clips: Columns, segments: Columns, *, header: PlanHeader, speech: int) -> None:
    """Raise DamagedDataset where the columns do not fit together, so that nobody reads beyond their ends."""
    firsts, recordings = clips["first_segment"], clips["recording"]
    count = len(firsts) - 1
    complaints = (
        ("clips.first_segment.npy", count != header.clips, f"{count} clips, the plan has {header.clips}"),
        *(
            (f"clips.{name}.npy", len(column) != count, f"{len(column)} values for {count} clips")
            for name, column in clips.items()
            if name != "first_segment"
        ),
        *(
            (
                f"segments.{name}.npy",
                len(column) != firsts[-1],
                f"{len(column)} values for {firsts[-1]} segments of noise",
            )
            for name, column in segments.items()
            if count >= 0
        ),
        ("clips.first_segment.npy", count >= 0 and (firsts[0] != 0 or (np.diff(firsts) < 0).any()), "not in order"),
        ("clips.recording.npy", not _all_within(recordings, speech), f"recordings beyond the {speech} of the catalog"),
        ("clips.split.npy", not _all_within(clips["split"], len(SPLITS)), "splits that there are not"),
        (
            "segments.kind.npy",
            not _all_within(segments["kind"], len(GENERATORS) + 1),
            "kinds of noise that there are not",
        ),
    )
    for name, is_wrong, what in complaints:
        if is_wrong:
            raise DataFile(dataset.plan_data / name, dataset.path).error(f"damaged: {what}")


def _all_within(column: npt.NDArray[np.integer[Any]], count: int) -> bool:
    return not len(column) or (int(column.min()) >= 0 and int(column.max()) < count)


def _pools_text(pools: Pools) -> str:
    return json.dumps(
        [
            {
                "layer": layer,
                "pool": pool,
                "recordings": [
                    {
                        "index": r.index,
                        "id": r.id,
                        "stretches": r.circle.stretches,
                        "crossfade": r.circle.crossfade,
                        "group": r.group,
                        "grown": None if r.grown_file is None else asdict(r.grown_file),
                    }
                    for r in members
                ],
            }
            for (layer, pool), members in pools.items()
        ]
    )


def _pool_recording(fields: Mapping[str, Any]) -> PoolRecording:
    stretches = [(start, length) for start, length in fields["stretches"]]
    circle = Circle.of(stretches, crossfade=fields["crossfade"])
    grown = None if fields["grown"] is None else SynthesizedFile(**fields["grown"])
    return PoolRecording(fields["index"], fields["id"], circle, fields["group"], grown)


def load_pools(dataset: DatasetDir, header: PlanHeader) -> Pools:
    """The noise pools of the saved plan of this header. Raises DamagedDataset."""
    with loading(dataset, "pools.json"):
        tables = plan_document(dataset, "pools.json")
        pools = {(t["layer"], t["pool"]): tuple(_pool_recording(r) for r in t["recordings"]) for t in tables}
        if pools_digest(pools) != header.digests["noise_pools"]:
            raise ValueError("not the pools that .synth/plan.json was written with")
        return pools


def _load_cases(dataset: DatasetDir) -> dict[str, Cases]:
    with loading(dataset, "cases.json"):
        tables = plan_document(dataset, "cases.json")
        return {name: Cases(tuple(map(_case, table["rows"])), table["digest"]) for name, table in tables.items()}


def _case(fields: Mapping[str, Any]) -> Case:
    colours = {name: fields[name] and tuple(fields[name]) for name in ("bands_db", "rumble_db")}
    return Case(**{**fields, **colours})


def open_plan(dataset: DatasetDir) -> SavedPlan:
    """The plan of a data set's directory, mapped into memory.

    Raises:
        UsageError: nothing was planned here.
        DamagedDataset: a file of the plan is damaged.
    """
    header = read_plan_header(dataset)
    with loading(dataset, "recipe.yaml") as path:
        if DataFile(path, dataset.path).read() != header.recipe_text.encode():
            raise ValueError("not the recipe that .synth/plan.json was written with")
        recipe = load_recipe(path, folder=header.recipe_folder)
    speech, noise, rooms = (load_catalog(dataset, name) for name in CATALOGS)
    clips, segments = (
        _load_columns(dataset, *table) for table in (("clips", CLIP_COLUMNS), ("segments", SEGMENT_COLUMNS))
    )
    _check_columns(dataset, clips, segments, header=header, speech=len(speech))
    plan = Plan(recipe, speech, noise, rooms, load_pools(dataset, header), clips, segments, _load_cases(dataset))
    with loading(dataset, "noise.store") as path:
        return SavedPlan(header, plan, NoiseStore.load(path))


@contextlib.contextmanager
def reading_plan(dataset: DatasetDir) -> Iterator[SavedPlan]:
    """`open_plan` for one look at a plan that may be damaged in ways that only its use shows.

    Raises DamagedDataset, also for errors of the block: numbers and texts that were changed make the code that works
    with them raise anything.
    """
    saved = open_plan(dataset)
    folder = DataFile(dataset.plan_data, dataset.path)
    if saved.plan.digest != saved.header.fingerprint:
        raise folder.error("damaged: it is not the plan that .synth/plan.json was written with")
    try:
        yield saved
    except (
        ArithmeticError,
        AssertionError,
        AttributeError,
        LookupError,
        MemoryError,
        OSError,
        TypeError,
        ValueError,
    ) as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # EINVAL: a place in a file that cannot be
            raise
        what = f"damaged, its files do not fit together ({type(error).__name__}: {first_line(error)})"
        raise folder.error(what) from error
